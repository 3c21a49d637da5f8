"""The public guides: what one need not bring, before and after one has said more; and problems as people read them."""

import pytest

from hub.runtime import Hub
from tests.hub.desk import text_of
from tests.support import AMR, MATTER, Place

pytestmark = pytest.mark.embedded
CODE = "canteen"
BROWSER = {"Accept": "text/html,application/xhtml+xml"}


async def a_matter_with_a_question(hub: Hub) -> None:
    """Which wants a further paper of who says that he rents, which nobody here issues."""
    found = hub.types.find("business_licence")
    assert found is not None
    await hub.registry.add_matter(
        {
            "code_system": "示例市政务服务事项目录",
            "code": CODE,
            "name": {"zh": "食堂许可", "en": "Canteen permit"},
            "department": AMR,
            "roles": ["enterprise"],
            "facts": {
                "rented": {"kind": "boolean", "title": {"zh": "场所是租的吗？", "en": "Are the premises rented?"}},
            },
            "requirements": [
                {
                    "code": "licence",
                    "title": {"zh": "营业执照", "en": "Business licence"},
                    "party": "enterprise",
                    "legal_basis": "《示例市食堂许可办法》第五条",
                    "alternatives": [[{"type": found.type.code, "fields": ["name"]}]],
                },
                {
                    "code": "lease",
                    "title": {"zh": "租赁合同", "en": "Lease"},
                    "party": "enterprise",
                    "legal_basis": "《示例市食堂许可办法》第六条",
                    "when": "facts.rented",
                    "own_paper": {"zh": "租赁合同", "en": "Lease"},
                    "alternatives": [],
                },
            ],
        }
    )


async def test_a_guide_says_what_is_spared_and_more_once_a_question_is_answered(place: Place) -> None:
    async with place.open() as hub, place.client(hub) as client:
        await a_matter_with_a_question(hub)
        listed = await client.get("/guides?lang=en")
        assert f'href="/guides/{CODE}?lang=en"' in listed.text
        assert f'href="/guides/{MATTER}?lang=en"' in listed.text
        assert f'href="/guides/{CODE}?lang=zh-CN"' in (await client.get("/")).text

        before = text_of(await client.get(f"/guides/{CODE}?lang=en"))
        assert "1 paper you need not bring 0 papers to bring (1 more depends on your answers)" in before
        assert "Are the premises rented?" in before
        rented = text_of(await client.post(f"/guides/{CODE}?lang=en", data={"fact-rented": "true"}))
        assert "1 paper you need not bring 1 paper to bring" in rented
        owned = text_of(await client.post(f"/guides/{CODE}?lang=en", data={"fact-rented": "false"}))
        assert "2 papers you need not bring 0 papers to bring" in owned
        nonsense = text_of(await client.post(f"/guides/{CODE}?lang=en", data={"fact-rented": "x", "other": "y"}))
        assert "(1 more depends on your answers)" in nonsense


async def test_a_problem_is_a_page_for_people_and_a_document_for_programs(place: Place) -> None:
    async with place.open(site_telephone="0999 12345") as hub, place.client(hub) as client:
        for path in ("/nothing", "/guides/nothing", "/guides/events/nothing", "/problems/nothing"):
            page = await client.get(path, headers=BROWSER)
            assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8"), path
            assert page.headers["x-request-id"] in page.text
            assert 'href="tel:099912345"' in page.text
            other = await client.get(path)
            assert other.headers["content-type"] == "application/problem+json", path
        posted = await client.post("/nothing", headers=BROWSER)
        assert "没有保存" in posted.text
        for path in ("/api/v1/nothing", "/oauth/nothing", "/static/nothing"):
            answer = await client.get(path, headers=BROWSER)
            assert answer.headers["content-type"] == "application/problem+json", path


async def test_nobody_floods_a_guide_with_answers(place: Place) -> None:
    async with place.open(verify_requests_per_minute=2) as hub, place.client(hub) as client:
        answers = [await client.post(f"/guides/{MATTER}", data={}, headers=BROWSER) for _ in range(3)]
        assert answers[-1].status_code == 429
        assert int(answers[-1].headers["retry-after"]) > 0
        assert "秒后可以再试" in answers[-1].text
