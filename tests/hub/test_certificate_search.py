"""`POST /api/v1/certificates/search`: a department finds its own, and every look is on the ledger."""

from datetime import timedelta
from typing import Any

import pytest

from certificates.lifecycle.states import Operation
from hub.access.actors import Role
from hub.clock import rfc3339
from hub.issuing.files import identifiers_of
from hub.runtime import Hub
from tests.access.people import add, add_operator
from tests.hub.acting import Desk
from tests.hub.city import PERSON, identity_claims, ledger
from tests.hub.test_erasure import erase
from tests.support import ENTERPRISE, POLICE, enterprise_claims, issue, valid_uscc

PATH = "/api/v1/certificates/search"
HOLDER = {"id_type": "001", "id_number": ENTERPRISE["id_number"]}
WHY = {"reason": "受理号 2026-1"}
OTHERS = [valid_uscc(f"91990100MA00000{number}") for number in (21, 22, 23)]


async def searched(desk: Desk, **body: Any) -> list[tuple[str, str]]:
    answer = await desk.client.post(PATH, json=body, headers=desk.headers)
    assert answer.status_code == 200, answer.text
    return [(item["identifier"], item["status"]) for item in answer.json()["certificates"]]


async def test_a_department_finds_its_own_by_what_it_knows_and_no_other_by_anything(desk: Desk) -> None:
    hub, mine = desk.hub, (desk.identifier, "valid")
    await issue(hub, identity_claims(), slug="identity_card", issuer=POLICE)
    (theirs,) = [item["identifier"] for item in await identifiers_of(hub, "111", PERSON["id_number"])]
    before = await ledger(hub)
    for body in (
        HOLDER | WHY,
        {"id_type": "001", "id_number": str(ENTERPRISE["id_number"]).lower()} | WHY,
        {"identifier": desk.identifier},
        {"number": ENTERPRISE["id_number"]} | WHY,
        {"type": "business_licence", "status": "valid"},
        {},
        HOLDER | WHY | {"number": ENTERPRISE["id_number"], "type": "business_licence", "identifier": desk.identifier},
    ):
        assert await searched(desk, **body) == [mine], body
    looks = await ledger(hub, since=before)
    assert {entry.kind for entry in looks} == {"certificate.search"}
    assert [entry.subject_id is None for entry in looks] == [False, False, False, False, True, True, False]
    assert looks[0].detail["reason"] == WHY["reason"]
    assert looks[0].detail["department_id"], "its person is told which department looked"
    assert str(ENTERPRISE["id_number"]) not in str([entry.detail for entry in looks])
    nobody = {"id_type": "001", "id_number": valid_uscc("91990100MA0000099")}
    for body in (
        {"id_type": "111", "id_number": PERSON["id_number"]} | WHY,
        {"identifier": theirs},
        {"number": PERSON["id_number"]} | WHY,
        {"type": "identity_card"},
        nobody | WHY,
        {"status": "suspended"},
        HOLDER | WHY | {"type": "identity_card"},
    ):
        assert await searched(desk, **body) == [], body


async def test_as_of_a_day_it_tells_what_stood_then(desk: Desk) -> None:
    hub, wanted = desk.hub, desk.identifier
    moments = [rfc3339(hub.clock())]
    await hub.status.change(wanted, Operation.SUSPEND, reason="test", legal_basis="test")
    moments.append(rfc3339(hub.clock()))
    await hub.status.change(wanted, Operation.RESUME, reason="test", legal_basis="test")
    made = await desk.act("change", reason_code="particulars_changed", claims=enterprise_claims(address="新街2号"))
    newer = made.json()["identifier"]
    for by in (HOLDER | WHY, {"number": ENTERPRISE["id_number"]} | WHY, {"identifier": wanted}):
        assert await searched(desk, as_of=moments[1], **by) == [(wanted, "suspended")], by
        assert await searched(desk, as_of=moments[0], **by) == [(wanted, "valid")], by
        assert await searched(desk, as_of=moments[1], status="valid", **by) == []
        assert await searched(desk, as_of="2020-01-01", **by) == []
    assert await searched(desk, **HOLDER, **WHY) == [(newer, "valid")]
    assert await searched(desk, identifier=wanted) == [(wanted, "superseded")]
    assert await searched(desk, identifier=newer, as_of=moments[1]) == []


async def test_pages_follow_each_other_with_nothing_twice_and_a_cursor_is_of_its_own_question(desk: Desk) -> None:
    await issue(desk.hub, *[enterprise_claims(uscc=each, name="示例市另一公司") for each in OTHERS])
    seen: list[str] = []
    body: dict[str, Any] = {"limit": 3}
    while True:
        answer = (await desk.client.post(PATH, json=body, headers=desk.headers)).json()
        seen += [item["identifier"] for item in answer["certificates"]]
        if answer["next"] is None:
            break
        body["cursor"] = answer["next"]
    assert len(seen) == len(set(seen)) == 4
    other = await desk.client.post(PATH, json=body | {"status": "valid"}, headers=desk.headers)
    assert other.status_code == 422


@pytest.mark.embedded
async def test_staff_of_the_department_search_with_a_token_of_theirs_and_nobody_else(hub: Hub, desk: Desk) -> None:
    await issue(hub, identity_claims(), slug="identity_card", issuer=POLICE)
    people = [await add(hub, "wang.wu", Role.OWNER_ENGINEER), await add(hub, "li.si", Role.CONSUMER_ENGINEER)]
    for staff, status in ((people[0], 200), (people[1], 403), (await add_operator(hub), 403)):
        token = await hub.sessions.make_token(staff.actor(), label="test", life=timedelta(hours=1))
        answer = await desk.client.post(PATH, json={}, headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == status, answer.text
        if status == 200:
            assert [item["identifier"] for item in answer.json()["certificates"]] == [desk.identifier]


@pytest.mark.embedded
async def test_what_cannot_be_searched_is_said_at_its_member(hub: Hub, desk: Desk) -> None:
    for body, pointer in (
        (HOLDER, "/reason"),
        ({"number": "1"}, "/reason"),
        ({"id_type": "001"} | WHY, "/id_number"),
        ({"as_of": "2026-05-03"}, "/as_of"),
        ({"as_of": "spring"} | HOLDER | WHY, "/as_of"),
        ({"status": "lost"}, "/status"),
        ({"limit": 101}, "/limit"),
    ):
        answer = await desk.client.post(PATH, json=body, headers=desk.headers)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer), body
    wrong = await desk.client.post(PATH, json={"id_type": "001", "id_number": "1"} | WHY, headers=desk.headers)
    assert (wrong.status_code, wrong.json()["type"].rpartition("/")[2]) == (422, "invalid-identifier")
    assert (await desk.client.post(PATH, json={})).status_code == 401
    described = (await desk.client.get("/openapi.json")).json()
    assert PATH in described["paths"]
    assert "SearchBody" in described["components"]["schemas"]
    await erase(hub)
    assert await searched(desk, **HOLDER, **WHY) == []
    (left,) = (await desk.client.post(PATH, json={"identifier": desk.identifier}, headers=desk.headers)).json()[
        "certificates"
    ]
    assert left["holder"] == {"id_type": "", "id_number": ""}
