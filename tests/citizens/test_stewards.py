"""Whoever stands for a company or a child is told what it is told, by the licences of that moment; nobody besides."""

from datetime import date

import httpx2
import pytest
from structlog.testing import capture_logs

from certificates.stores.holders import subject_by_id
from hub.access.actors import Role
from hub.citizens.acting.stewards import MOST
from hub.citizens.notices.kinds import FOR, NoticeKind
from hub.citizens.objections.values import Answer, Kind, Said
from hub.citizens.values import Holder
from hub.clock import new_id
from hub.runtime import Hub
from hub.sample.numbers import citizen_id
from tests.citizens.conftest import signed_in
from tests.citizens.others import (
    BIRTH,
    CHILD,
    NEIGHBOUR,
    REGISTRATION,
    asked,
    begun,
    birth_claims,
    furnish,
    in_office,
    registration_claims,
    resident,
    tie,
    written,
)
from tests.citizens.test_authorising import resting
from tests.citizens.test_objections import officer, signed
from tests.hub.city import HOME, PERSON, grow, statements
from tests.support import AMR, Place, enterprise_claims, issue, open_case, pull, valid_uscc

pytestmark = pytest.mark.embedded
REGISTRATION_CODE, BIRTH_CODE = "11990000MB0000002Q006", "11990000MB0000003U003"
REFUSED = Answer("refused", "无误", "向市局申诉")


async def heard(hub: Hub, holder: Holder) -> list[NoticeKind]:
    """What he was told because he stands for somebody, the oldest first."""
    found, _ = await hub.citizens.notices.listed(holder, None)
    assert {one.page for one in found if one.kind in FOR.values()} <= {"/me/acting"}
    return [one.kind for one in reversed(found) if one.kind in FOR.values()]


async def objected(
    client: httpx2.AsyncClient, token: dict[str, str], at: str = "/api/v1/me", missing: str = REGISTRATION_CODE
) -> str:
    body = {"kind": "missing", "type": missing, "department": AMR, "text": "缺一份"}
    made = await client.post(f"{at}/objections", json=body, headers=token)
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


async def test_a_parent_hears_what_a_child_hears_no_delegate_does_and_nobody_of_a_grown_up(
    place: Place, hub: Hub
) -> None:
    await furnish(hub, BIRTH, REGISTRATION)
    parent, child, other = await signed_in(hub), await resident(hub, CHILD), await resident(hub, NEIGHBOUR)
    await tie(hub, BIRTH, birth_claims())
    await tie(hub, BIRTH, birth_claims(child=NEIGHBOUR, birth_certificate_no="P990000009", household_no="9"))
    await hub.citizens.others.delegating.give(child, asked(hub))
    boss = await officer(hub, AMR, Role.OWNER_APPROVER)
    async with place.client(hub) as client:
        about = await objected(client, await signed(client, hub, CHILD))
        for _ in range(2):
            await hub.citizens.desk.remind({"objection": about, "stage": "over"})
        await hub.citizens.desk.answer(boss, about, REFUSED)
        grown = await objected(client, await signed(client, hub, NEIGHBOUR))
        await hub.citizens.desk.answer(boss, grown, REFUSED)
    assert await heard(hub, parent) == [NoticeKind.OBJECTION_OVERDUE_FOR, NoticeKind.OBJECTION_ANSWERED_FOR]
    assert await heard(hub, other) == await heard(hub, child) == []
    own = [one.kind for one in (await hub.citizens.notices.listed(child, None))[0]]
    assert own.count(NoticeKind.OBJECTION_ANSWERED) == own.count(NoticeKind.OBJECTION_OVERDUE) == 1


async def test_a_parent_hears_of_a_childs_question_and_that_it_is_over(place: Place, hub: Hub) -> None:
    async with place.client(hub) as client:
        city = await grow(place, hub, client)
        await resting(city)
        await furnish(hub, BIRTH)
        parent, child = await signed_in(hub), await resident(hub, CHILD)
        await tie(hub, BIRTH, birth_claims())
        case_no = await open_case(client, city.headers, matter=HOME, parties=[{"role": "applicant", **CHILD}])
        for _ in range(2):
            await pull(client, city.headers, case_no, requirements=["title"])
        assert await heard(hub, parent) == [NoticeKind.DECISION_NEEDED_FOR]
        [question] = await hub.citizens.asked_of.listed(child)
        await hub.citizens.asked_of.end({"question": question.id})
        assert await heard(hub, parent) == [NoticeKind.DECISION_NEEDED_FOR, NoticeKind.DECISION_OVER_FOR]


async def test_who_is_in_office_hears_of_a_companys_answers_and_a_broken_row_stops_none(place: Place, hub: Hub) -> None:
    await furnish(hub, REGISTRATION, BIRTH)
    await in_office(hub)
    before, after = await signed_in(hub), await resident(hub, NEIGHBOUR)
    key = (await begun(hub, before, "legal_representative")).key
    boss, at = await officer(hub, AMR, Role.OWNER_APPROVER), f"/api/v1/me/acting/{key}"
    async with place.client(hub) as client:
        token = await signed(client, hub)
        await client.post(at, headers=token)
        first = await objected(client, token, at)
        await hub.citizens.desk.answer(boss, first, REFUSED)
        assert await heard(hub, before) == [NoticeKind.OBJECTION_ANSWERED_FOR]
        second, third = await objected(client, token, at), await objected(client, token, at, missing=BIRTH_CODE)
        await hub.citizens.desk.remind({"objection": second, "stage": "over"})
        assert (await heard(hub, before))[1:] == [NoticeKind.OBJECTION_OVERDUE_FOR]

        await tie(hub, REGISTRATION, registration_claims(NEIGHBOUR))
        await hub.citizens.desk.remind({"objection": third, "stage": "over"})
        assert await heard(hub, after) == [], "the licence of the company still names another"
        await issue(hub, enterprise_claims(legal_representative=NEIGHBOUR["name"]))
        await hub.citizens.desk.remind({"objection": third, "stage": "over"})
        assert await heard(hub, after) == [], "what the company was told before is told nobody"
        await hub.citizens.desk.answer(boss, second, REFUSED)
        assert await heard(hub, after) == [NoticeKind.OBJECTION_ANSWERED_FOR]

        await written(hub, "UPDATE certificate_versions SET status = 'valid' WHERE status = 'superseded'")
        await written(hub, "UPDATE certificates SET current_version = 1")
        with capture_logs() as logs:
            await hub.citizens.desk.answer(boss, third, REFUSED)
        assert [log["event"] for log in logs if log.get("alarm")].count("steward_not_told") == 1
        states = await written(hub, "SELECT DISTINCT state FROM objections")
        assert [row.state for row in states] == ["refused"]
    assert (len(await heard(hub, before)), len(await heard(hub, after))) == (2, 1)


async def test_however_many_licences_name_somebody_the_statements_are_bounded(hub: Hub) -> None:
    await furnish(hub, BIRTH)
    child, stewards = await resident(hub, CHILD), hub.citizens.desk._stewards

    async def cost() -> int:
        async with statements(hub) as seen:
            await hub.database.read(lambda tx: stewards.of(tx, subject_by_id(tx, child.id), hub.clock()))
        return len(seen)

    costs = []
    for place in range(MOST + 2):
        code = valid_uscc(f"1199019{place}MB0000002")
        await hub.registry.add_department({"code": code, "name": {"zh": code, "en": code}, "issues": [BIRTH]})
        guardian = {"id_number": citizen_id("990104", date(1980, 4, 5), 50 + place), "name": f"监护人{place}"}
        await issue(hub, birth_claims(guardian), slug=BIRTH, issuer=code)
        costs.append(await cost())
    assert costs[0] < costs[MOST - 1] == costs[-1], costs


async def test_who_is_in_office_hears_that_a_record_of_the_company_was_corrected(place: Place, hub: Hub) -> None:
    await furnish(hub, REGISTRATION)
    await in_office(hub)
    boss, approver = await signed_in(hub), await officer(hub, AMR, Role.OWNER_APPROVER)
    key = (await begun(hub, boss, "legal_representative")).key
    async with place.client(hub) as client:
        headers = await place.headers(client)
        case_no = await open_case(client, headers)
        got = (await pull(client, headers, case_no)).json()["requirements"][0]
        assert got["outcome"] == "satisfied", got
        identifier = got["evidence"]["certificate"]["identifier"]
        said = Said(kind=Kind.LICENCE, text="住所不是现在的", identifier=identifier)
        about = await hub.citizens.objecting_for.raise_(boss, key, said)
        await issue(hub, enterprise_claims(address="示例路九号", legal_representative=PERSON["name"]))
        await hub.citizens.desk.answer(approver, about, Answer("corrected", "已换发"))
        await hub.jobs.sweep()
    assert await heard(hub, boss) == [NoticeKind.OBJECTION_ANSWERED_FOR, NoticeKind.RECORD_CORRECTED_FOR]


async def test_each_kind_that_is_passed_on_is_passed_on_once_and_no_other(hub: Hub) -> None:
    await furnish(hub, BIRTH)
    parent, child, stewards = await signed_in(hub), await resident(hub, CHILD), hub.citizens.desk._stewards
    await tie(hub, BIRTH, birth_claims())
    about = new_id()
    for kind in [*FOR] * 2:
        await hub.database.write(
            lambda tx, kind=kind: stewards.notify(tx, child.id, kind, about=about, now=hub.clock())  # type: ignore[misc]
        )
    assert await heard(hub, parent) == [*FOR.values()]
    assert {kind.value: told.value for kind, told in FOR.items()} == {
        "decision_needed": "decision_needed_for",
        "decision_over": "decision_over_for",
        "objection_answered": "objection_answered_for",
        "objection_overdue": "objection_overdue_for",
        "rating_answered": "rating_answered_for",
        "record_corrected": "record_corrected_for",
    }
