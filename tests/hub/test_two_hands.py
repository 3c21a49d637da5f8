"""Acts that wait for a second person of the department: sealed meanwhile, done once, exchanged by nobody."""

import pytest
from sqlalchemy import text

from hub.access.actors import Role
from hub.access.errors import ForbiddenError
from hub.issuing.files import identifiers_of
from hub.issuing.transitions.acts import Act
from hub.registry.requests.errors import ProposalOverError, SamePersonError
from hub.storage.errors import IntegrityBrokenError
from tests.hub.acting import OTHER_FIRM, WHY, Desk, amr, officer, strict_type
from tests.support import POLICE, issue


async def test_where_the_type_wants_it_an_act_waits_for_a_second_person(desk: Desk) -> None:
    await strict_type(desk.hub)
    mine = await amr(desk.hub)
    maker = officer("maker", Role.OWNER_ENGINEER, department=mine)
    boss, other = officer("boss", department=mine), officer("other", department=await amr(desk.hub, POLICE))
    service = desk.hub.transitions
    asked = await service.act(
        maker, desk.identifier, Act.read({"operation": "cancel", "reason_code": "holder_request", **WHY})
    )
    assert asked.identifier is None
    assert asked.waiting is not None
    assert (await desk.look())["status"] == "valid"
    assert [item.id for item in await service.waiting.waiting(boss)] == [asked.waiting]
    seen = await service.waiting.view(boss, asked.waiting)
    assert seen.act is not None
    assert seen.act.reason == WHY["reason"]
    with pytest.raises(ForbiddenError):
        await service.waiting.confirm(maker, asked.waiting)
    with pytest.raises(Exception, match="object"):
        await service.waiting.confirm(other, asked.waiting)
    done = await service.waiting.confirm(boss, asked.waiting)
    assert (done.identifier, done.status) == (desk.identifier, "cancelled")
    with pytest.raises(ProposalOverError):
        await service.waiting.confirm(boss, asked.waiting)
    history = (await desk.look())["history"]
    assert (history[0]["by"]["id"], history[0]["second"]["id"]) == ("maker", "boss")


async def test_a_licence_that_waits_is_sealed_and_issued_once_by_the_second_person(desk: Desk) -> None:
    await strict_type(desk.hub)
    mine = await amr(desk.hub)
    boss, second = officer("boss", department=mine), officer("second", department=mine)
    body = {"type": "business_licence", "claims": OTHER_FIRM, **WHY, "reason_code": "first_grant"}
    answer = await desk.client.post(
        "/api/v1/certificates", json=body, headers=desk.headers | {"Idempotency-Key": "first"}
    )
    assert answer.status_code == 202, answer.text
    again = await desk.client.post(
        "/api/v1/certificates", json=body, headers=desk.headers | {"Idempotency-Key": "first"}
    )
    assert again.json()["act"] == answer.json()["act"]
    rows = await desk.hub.database.read(lambda tx: str(tx.execute(text("SELECT * FROM certificate_acts")).all()))
    assert OTHER_FIRM["name"] not in rows
    assert OTHER_FIRM["uscc"] not in rows
    made = await desk.hub.transitions.waiting.confirm(boss, answer.json()["act"])
    assert await desk.verdict(made.identifier) == "ok"
    own = await desk.hub.transitions.act(
        boss, made.identifier, Act.read({"operation": "suspend", "reason_code": "penalty", **WHY})
    )
    assert own.waiting is not None
    with pytest.raises(SamePersonError):
        await desk.hub.transitions.waiting.confirm(boss, own.waiting)
    assert (await desk.hub.transitions.waiting.reject(boss, own.waiting, "不必")).state == "rejected"
    with pytest.raises(ProposalOverError):
        await desk.hub.transitions.waiting.confirm(second, own.waiting)


async def test_what_waits_cannot_be_exchanged_by_sql(desk: Desk) -> None:
    await strict_type(desk.hub)
    boss = officer("boss", department=await amr(desk.hub))
    await issue(desk.hub, OTHER_FIRM)
    asked = await desk.act("suspend", reason_code="penalty")
    other = (await identifiers_of(desk.hub, "001", OTHER_FIRM["uscc"]))[0]["identifier"]
    swap = text("UPDATE certificate_acts SET identifier = :other")
    await desk.hub.database.write(lambda tx: tx.execute(swap, {"other": other}))
    with pytest.raises(IntegrityBrokenError):
        await desk.hub.transitions.waiting.confirm(boss, asked.json()["act"])
