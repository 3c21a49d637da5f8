"""What all public pages have in common: the operator's foot, large print, the language that was chosen."""

import re

import pytest

from tests.support import Place

pytestmark = pytest.mark.embedded
PAGES = ("/", "/verify", "/problems/internal")


async def test_the_foot_is_the_operators_and_only_a_demonstration_says_that_it_is_one(place: Place) -> None:
    foot = ("示例市数据局主办", "网站标识码 9900000000 <b>")
    async with place.open(site_footer=foot) as hub, place.client(hub) as client:
        for path in PAGES:
            page = (await client.get(path)).text
            assert "<p>示例市数据局主办</p><p>网站标识码 9900000000 &lt;b&gt;</p>" in page
            assert "演示数据" not in page
        (place.home / "sample").mkdir()
        assert "演示数据均为虚构" in (await client.get("/verify")).text


async def test_large_print_and_language_are_remembered_and_lead_back_to_the_same_page(place: Place) -> None:
    async with place.open() as hub, place.client(hub) as client:
        for path in PAGES:
            client.cookies.clear()
            page = (await client.get(path, headers={"Accept-Language": "en"})).text
            [switch] = re.findall(r'<a href="(/view\?[^"]+)">Larger text</a>', page)
            answer = await client.get(switch.replace("&amp;", "&"))
            assert (answer.status_code, answer.headers["location"]) == (303, f"{path}?lang=en")
            larger = (await client.get(answer.headers["location"])).text
            assert '<html lang="en" class="elder">' in larger
            assert "Standard view" in larger
        assert 'class="elder"' in (await client.get("/console/sign-in")).text
        await client.get("/console/view?lang=en")
        assert '<html lang="en"' in (await client.get("/verify")).text
        client.cookies.clear()
        [switch] = re.findall(r'<a class="language" href="([^"]+)"', (await client.get("/help")).text)
        answer = await client.get(switch.replace("&amp;", "&"))
        assert (answer.status_code, answer.headers["location"]) == (303, "/help?lang=en")
        for path in ("/me/sign-in", "/console/sign-in", "/ratings"):  # where a link says no language
            assert '<html lang="en"' in (await client.get(path)).text, path
        lost = (await client.get("/nowhere/" + "x" * 90, headers={"Accept": "text/html"})).text
        [switch] = re.findall(r'<a class="language" href="([^"]+)"', lost)
        assert (await client.get(switch.replace("&amp;", "&"))).headers["location"] == "/?lang=zh-CN"
        for back in (
            "//elsewhere.example/?lang=en",
            "https://elsewhere.example/?lang=en",
            "/verify\\..",
            "/oauth/token",
        ):
            assert (await client.get("/view", params={"elder": "0", "back": back})).headers["location"] == "/"
