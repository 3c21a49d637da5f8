"""A holder's first page says what needs him; and where the sample city is, a newcomer signs in as somebody of it."""

import json

import pytest

from hub.citizens.authorising.asked import Asked
from hub.citizens.licences import Licence
from hub.runtime import Hub
from hub.web.citizen.samples import sample_people
from hub.web.citizen.waiting import waiting
from tests.citizens.test_sign_in import browser, first_step, second_step, text_of
from tests.hub.city import PERSON, identity_claims
from tests.support import POLICE, Place, issue

pytestmark = pytest.mark.embedded
WHOLE = {"expect": {"loan": "satisfied"}, "story": {"zh": "各项记录齐全", "en": "on record everywhere"}}


def licence(status: str = "valid", *, left: int | None = None, soon: bool = False) -> Licence:
    names = ("residence_permit", "居住证", "Residence permit", "1", "公安局", "Police")
    states = {"status": status, "issued_on": "2026-01-02", "valid_until": None, "ends_soon": soon, "principal": True}
    return Licence("1", "1.2.156.3005.2.A.B.C.001.X", *names, **states, days_left=left)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, []),
        ({"licences": [licence(), licence("revoked")]}, []),
        ({"licences": [licence(left=12, soon=True)]}, ["居住证：还有 12 天"]),
        ({"licences": [licence("expired"), licence("suspended")], "unread": 2}, ["居住证", "居住证", "2 条通知"]),
        ({"licences": [licence("expired")] * 5}, ["居住证"] * 3 + ["另有 2 份证照"]),
        ({"answers": 1, "unread": 1}, ["1 条异议答复", "1 条通知"]),
    ],
)
def test_what_needs_somebody(given: dict[str, object], said: list[str]) -> None:
    asked: list[Asked] = []
    found = waiting(**({"asked": asked, "answers": 0, "unread": 0, "licences": []} | given))  # type: ignore[arg-type]
    assert [item.words[0] for item in found] == said
    assert all(item.path.startswith("/me/") for item in found)


async def test_a_newcomer_signs_in_as_a_sample_person_with_one_press(place: Place) -> None:
    async with place.open() as hub:
        await issue(hub, identity_claims(), slug="identity_card", issuer=POLICE)
        async with browser(place, hub) as client:
            assert "没有号码" not in (await client.get("/me/sign-in")).text, "no sample city, nobody of it"
            _sample_city(hub)
            page = await client.get("/me/sign-in")
            assert text_of(page).count("各项记录齐全") == 1
            assert "示例小面馆的法定代表人" in text_of(page)
            (person,) = sample_people(hub.settings.home)
            await first_step(client, person.id_number, person.name)
            code = (await client.get("/me/sign-in/code")).text.partition('class="digits">')[2][:6]
            await second_step(client, code)
            home = text_of(await client.get("/me"))
    assert "需要您处理" in home
    assert "1 份有效" in home
    assert "最近没有人查看" in home


def _sample_city(hub: Hub) -> None:
    folder = hub.settings.home / "sample"
    folder.mkdir()
    card = {"id_type": PERSON["id_type"], "id_number": PERSON["id_number"], "name": PERSON["name"]}
    company = {"id_type": "001", "id_number": "91990103MA9030L70G", "name": "示例小面馆"}
    given = {
        "holders": [{**card, **WHOLE}, {**company, **WHOLE}],
        "acting": [{"ground": "legal_representative", "person": card, "principal": company}],
    }
    (folder / "sample.json").write_text(json.dumps(given), encoding="utf-8")
