"""Whoever is shown a licence, in a browser, at a desk and on a telephone: what opens, and each answer where none does.

A guesser learns nothing by which answer he gets; a person reads what to do next.
"""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Browser, Page, expect

from hub.access.sessions import csrf_of
from hub.citizens.codes import new_code
from tests.citizens.conftest import session
from tests.hub.city import identity_claims
from tests.pages.browser import PASSWORD, Site, faults, launched, overflow, people_of, visiting
from tests.serving import serving
from tests.support import AMR, POLICE, Place, issue

pytestmark = pytest.mark.browser
SIZES = {"desk": {"width": 1280, "height": 800}, "phone": {"width": 360, "height": 740}}
COUNTER, PUBLIC = "/console/counter/receive", "/receive"
REFUSED = "此码打不开"


@dataclass
class Town:
    """A served hub, and a person who shows."""

    site: Site
    person: httpx2.Client
    identifier: str

    def shows(self, department: str | None = None) -> str:
        """A live code, good for a minute."""
        body = {"items": [{"identifier": self.identifier, "claims": ["sex"]}], "department": department}
        answer = self.person.post("/api/v1/me/showings", json=body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["code"])


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    place = Place(tmp_path_factory.mktemp("receiving") / "home", None)
    sessions = people_of(place)

    async def furnish() -> tuple[str, str]:
        async with place.open() as hub:
            await issue(hub, identity_claims(), slug="identity_card", issuer=POLICE)
            secret = await session(hub)
            holder = await hub.citizens.sessions.find(secret)
            ((card, *_), _) = await hub.citizens.licences.listed(holder)
            return secret, card.identifier

    with asyncio.Runner() as runner:
        secret, identifier = runner.run(furnish())
    with serving(place) as served:
        url = f"http://127.0.0.1:{served.port}"
        with httpx2.Client(base_url=url, cookies={"yz_holder": secret}, headers={"Origin": url}) as person:
            person.headers["X-CSRF-Token"] = person.get("/api/v1/me").json()["csrf_token"]
            yield Town(Site(url, place, sessions), person, identifier)


@pytest.fixture(scope="module")
def browser(town: Town) -> Iterator[Browser]:
    del town  # made first: the driver keeps an event loop running
    with launched() as browser:
        yield browser


def tried(page: Page, path: str, code: str) -> str:
    """What the page says to this code, which is typed and sent by the keyboard; it stands in no address."""
    page.goto(path)
    page.locator("#code").fill(code)
    page.locator("#code").press("Enter")
    page.wait_for_load_state()
    assert not code or code not in page.url
    return page.locator("main").inner_text()


def test_nothing_opens_with_one_answer_and_what_is_no_such_code_says_where_it_belongs(town: Town) -> None:
    used = town.shows()
    assert "真实且有效" in httpx2.post(town.site.url + PUBLIC, data={"code": used}).text
    elsewhere = town.shows(POLICE)
    misread = used[:-1] + str((int(used[-1]) + 1) % 10)
    for who, path in ((None, PUBLIC), ("clerk", COUNTER)):
        cookies = {"yz_session": town.site.sessions[who]} if who else {}
        with httpx2.Client(base_url=town.site.url, cookies=cookies, headers={"Origin": town.site.url}) as client:
            token = {"csrf": csrf_of(town.site.sessions[who])} if who else {}

            def says(code: str, client: httpx2.Client = client, path: str = path, token: Any = token) -> str:
                answer = client.post(path, data={"code": code, **token})
                assert answer.status_code in {200, 422}
                return answer.text.partition("<main")[2]

            wrong = [says(code) for code in (elsewhere, used, new_code("9902"), misread, "123", "9" * 32)]
            assert len(set(wrong)) == 1, "nobody learns why"
            assert REFUSED in wrong[0]
            assert "请对方重新生成" in wrong[0]
            others = {"": "请先扫亮证码", new_code("9901"): "到窗口办事用的出示码", new_code("9903"): "这是请求码"}
            assert all(words in says(code) for code, words in others.items())


@pytest.mark.parametrize("size", SIZES)
def test_at_a_desk_and_on_a_telephone_what_opens_does_so_once(browser: Browser, town: Town, size: str) -> None:
    who, path, department = ("clerk", COUNTER, AMR) if size == "desk" else (None, PUBLIC, None)
    viewport: Any = SIZES[size]
    with visiting(browser, town.site, who, viewport=viewport) as page:
        code = town.shows(department)
        opened = tried(page, path, code)
        assert ("性别" in opened, "真实且有效" in opened) == (True, True)
        assert (faults(page), overflow(page)) == ([], 0)
        assert REFUSED in tried(page, path, code), "a photograph of it opens nothing"
        assert page.locator("#code").input_value() == "", "ready for the next scan"
        assert (faults(page), overflow(page)) == ([], 0)


def test_the_code_of_a_slip_is_taken_from_a_browser_too(browser: Browser, town: Town) -> None:
    with visiting(browser, town.site) as page:
        assert "这个评价码不对" in tried(page, "/rate", "1234")
        page.locator("#code").press("Enter")  # and from the page that refused it
        page.wait_for_load_state()
        assert "这个评价码不对" in page.locator("main").inner_text()


def test_of_two_who_scan_at_once_one_sees_it(town: Town) -> None:
    code = town.shows()

    def scans(_: int) -> str:
        with httpx2.Client(base_url=town.site.url) as anybody:
            return anybody.post(PUBLIC, data={"code": code}).text

    with ThreadPoolExecutor(4) as pool:
        pages = list(pool.map(scans, range(4)))
    assert sorted("真实且有效" in page for page in pages) == [False, False, False, True]
    assert sum(REFUSED in page for page in pages) == 3


def sign_in(page: Page, user_name: str) -> None:
    page.goto("/console/sign-in")
    page.locator("#user_name").fill(user_name)
    page.locator("#password").fill(PASSWORD)
    page.locator("#password").press("Enter")
    page.wait_for_url("**/console")


def test_a_page_that_was_left_open_says_what_to_do_and_uses_nothing_up(browser: Browser, town: Town) -> None:
    """Signed out, and signed in anew, in another tab."""
    with visiting(browser, town.site, None, viewport=SIZES["phone"]) as page:
        sign_in(page, "clerk")
        other, code = page.context.new_page(), town.shows(AMR)
        for signed_in_anew in (False, True):
            page.goto(COUNTER)
            other.goto("/console/account")
            other.get_by_role("button", name="退出").click()
            other.wait_for_url("**/console/sign-in*")
            if signed_in_anew:
                sign_in(other, "clerk")
            page.locator("#code").fill(code)
            page.locator("#code").press("Enter")
            expect(page.locator("main")).to_contain_text("没有保存")
            assert (overflow(page), code in page.url) == (0, False)
            if signed_in_anew:
                page.get_by_role("link", name="重新打开那一页").click()
            else:
                page.locator("#user_name").fill("clerk")
                page.locator("#password").fill(PASSWORD)
                page.locator("#password").press("Enter")
            page.wait_for_url(f"**{COUNTER}")
        page.locator("#code").fill(code)
        page.locator("#code").press("Enter")
        expect(page.locator("main")).to_contain_text("真实且有效")
