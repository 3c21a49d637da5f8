"""Rows rewritten past the hub: the stage of a case, whose its decision is, whose its matter is: refused and alarmed."""

from datetime import date
from typing import Any

import pytest
from sqlalchemy import select, text, update
from structlog.testing import capture_logs

from catalog.store import find_department
from catalog.tables import MatterRow, table
from hub.access.actors import COMMAND, Role
from hub.intake.handling.guard import believed
from hub.intake.handling.steps import by_staff
from hub.intake.handling.tables import DeadEndRow, MandateRow
from hub.intake.lower.tables import VerificationTaskRow
from hub.intake.store import find_case
from hub.intake.tables import CaseRow
from hub.registry.departments.succession_store import Part
from hub.registry.matters.guard import believed_versions
from hub.runtime import Hub
from hub.storage.errors import IntegrityBrokenError
from tests.hub.test_case_stages import BURIAL, Hall, hall, mandated
from tests.registry.asking import staff
from tests.serving import problem
from tests.support import AMR, POLICE, PURPOSE, open_case, valid_uscc

pytestmark = pytest.mark.embedded
CASES, MATTERS, MANDATES = table(CaseRow), table(MatterRow), table(MandateRow)
TASKS, DEAD_ENDS = table(VerificationTaskRow), table(DeadEndRow)
SUCCESSOR = valid_uscc("11990000MB0000077")
__all__ = ["hall"]


async def accepted(hall: Hall) -> str:
    await mandated(hall.hub)
    case_no = await open_case(hall.client, hall.own, matter=BURIAL)
    assert (await hall.do(case_no, "accept")).status_code == 200
    return case_no


async def rewrite(hub: Hub, case_no: str, **values: Any) -> None:
    await hub.database.write(lambda tx: tx.execute(update(CASES).where(CASES.c.case_no == case_no).values(**values)))


async def row(hub: Hub, case_no: str) -> dict[str, Any]:
    found = await hub.database.read(lambda tx: tx.execute(select(CASES).where(CASES.c.case_no == case_no)).one())
    return {name: found._mapping[name] for name in STAGE}


STAGE = (
    "stage", "accepting_department_id", "approving_department_id", "mandate_id", "accepted_at", "decided_at",
    "decision", "stage_version", "stage_mac",
)  # fmt: skip


async def test_a_stage_that_was_rewritten_is_refused_wherever_it_is_looked_at(hall: Hall) -> None:
    hub, case_no = hall.hub, await accepted(hall)
    other = await hub.database.read(lambda tx: find_department(tx, AMR))
    assert other is not None
    was = await row(hub, case_no)
    asked = {"purpose": PURPOSE}
    for changes in (
        {"approving_department_id": other.id},
        {"stage": "decided", "decision": "granted", "decided_at": was["accepted_at"]},
        dict.fromkeys(STAGE) | {"stage": "filed", "stage_version": 0},
        {"stage_version": 2},
    ):
        await rewrite(hub, case_no, **changes)
        with capture_logs() as logs:
            decided = await hall.do(case_no, "decide", deciding=True, outcome="granted")
            assert decided.status_code in {404, 502}, "refused, or by the rewritten row no longer theirs"
            pulled = await hall.client.post(f"/api/v1/cases/{case_no}/evidence", json=asked, headers=hall.own)
            problem(pulled, status=502, slug="integrity")
            problem(await hall.get(f"cases/{case_no}/progress"), status=502, slug="integrity")
            closed = await hall.client.post(f"/api/v1/cases/{case_no}/close", json={}, headers=hall.own)
            problem(closed, status=502, slug="integrity")
        assert any(item.get("alarm") and item.get("where") == "cases" for item in logs)
        decider = by_staff(await staff(hub, AMR, "decider", Role.DECIDER))
        assert await hub.handling.files.queue(decider) == [], "nobody is given a case past the hub"
        await rewrite(hub, case_no, **was)
    assert (await hall.do(case_no, "decide", deciding=True, outcome="refused", reason="不符")).status_code == 200
    await rewrite(hub, case_no, **was)  # the older row, whole, with its right MAC
    with pytest.raises(IntegrityBrokenError), capture_logs():
        await hub.handling.stages.decide(by_staff(await staff(hub, POLICE, "late", Role.DECIDER)), case_no, None)  # type: ignore[arg-type]
    found = await hub.database.read(lambda tx: find_case(tx, case_no))
    assert found is not None
    with capture_logs():
        assert await hub.database.read(lambda tx: believed(tx, hub.vault, [found])) == []


async def test_a_case_that_was_closed_is_not_opened_again_by_its_row(hall: Hall) -> None:
    case_no = await open_case(hall.client, hall.own)
    assert (await hall.client.post(f"/api/v1/cases/{case_no}/close", headers=hall.own)).status_code == 200
    await rewrite(hall.hub, case_no, state="open", closed_at=None)
    asked = {"purpose": PURPOSE}
    with capture_logs() as logs:
        pulled = await hall.client.post(f"/api/v1/cases/{case_no}/evidence", json=asked, headers=hall.own)
        problem(pulled, status=502, slug="integrity")
        problem(await hall.do(case_no, "accept"), status=502, slug="integrity")
    assert any(item.get("alarm") and item.get("where") == "cases" for item in logs)


async def test_whose_a_matter_is_cannot_be_rewritten(hall: Hall) -> None:
    hub = hall.hub
    other = await hub.database.read(lambda tx: find_department(tx, AMR))
    assert other is not None
    filed = await open_case(hall.client, hall.own, matter=BURIAL)
    mine = MATTERS.c.code == BURIAL
    was = await hub.database.read(
        lambda tx: tx.execute(select(MATTERS.c.owner_department_id, MATTERS.c.owner_mac).where(mine)).one()
    )
    theirs = update(MATTERS).where(mine).values(owner_department_id=other.id)
    await hub.database.write(lambda tx: tx.execute(theirs))
    problem(await hall.do(filed, "accept"), status=502, slug="integrity")
    with pytest.raises(IntegrityBrokenError):
        await hub.database.read(lambda tx: believed_versions(tx, hub.vault, BURIAL))
    back = update(MATTERS).where(mine).values(owner_department_id=was.owner_department_id)
    await hub.database.write(lambda tx: tx.execute(back))
    await mandated(hub)
    assert (await hall.do(filed, "accept")).status_code == 200
    await succeed(hub)
    old = (
        update(MATTERS)
        .where(mine)
        .values(owner_department_id=was.owner_department_id, owner_mac=was.owner_mac, owner_version=0)
    )
    await hub.database.write(lambda tx: tx.execute(old))
    with pytest.raises(IntegrityBrokenError):
        await hub.database.read(lambda tx: believed_versions(tx, hub.vault, BURIAL))


async def succeed(hub: Hub, part: Part | None = None) -> dict[str, Any]:
    """Another department takes the police's place, in everything or in a part."""
    await hub.registry.add_department({"code": SUCCESSOR, "name": {"zh": "新局", "en": "Successor"}, "issues": []})
    departments, told = hub.catalogue.departments, {"as_of": date(2026, 11, 1), "legal_basis": "机构改革方案"}
    if part is None:
        return await departments.merge(COMMAND, POLICE, SUCCESSOR, **told)  # type: ignore[arg-type]
    return await departments.hand_over(COMMAND, POLICE, SUCCESSOR, part, **told)  # type: ignore[arg-type]


async def test_a_part_takes_its_matters_out_of_a_mandate_and_the_rest_stays(hall: Hall) -> None:
    hub = hall.hub
    await mandated(hub, matters=[BURIAL, "OTHER"])
    case_no = await open_case(hall.client, hall.own, matter=BURIAL)
    assert (await hall.do(case_no, "accept")).status_code == 200
    moved = await succeed(hub, Part.of(matters=[BURIAL]))
    assert (moved["matters"], moved["cases"], moved["mandates"]) == ([BURIAL], 1, 1)
    found = await hub.database.read(lambda tx: tx.execute(select(MANDATES).order_by(MANDATES.c.id)).all())
    successor = await hub.database.read(lambda tx: find_department(tx, SUCCESSOR))
    assert successor is not None
    assert [(item.matters, item.from_department_id == successor.id) for item in found] == [
        (["OTHER"], False), ([BURIAL], True),
    ]  # fmt: skip
    again = await open_case(hall.client, hall.own, matter=BURIAL)
    assert (await hall.do(again, "accept")).status_code == 200, "believed by its new MAC and entry"
    decider = by_staff(await staff(hub, SUCCESSOR, "decider", Role.DECIDER))
    assert [item["case_no"] for item in await hub.handling.files.queue(decider)] == [case_no, again]


async def test_a_mandate_that_a_department_would_have_of_itself_ends(hall: Hall) -> None:
    hub = hall.hub
    await mandated(hub)
    told = {"as_of": date(2026, 11, 1), "legal_basis": "机构改革方案"}
    moved = await hub.catalogue.departments.merge(COMMAND, POLICE, AMR, **told)  # type: ignore[arg-type]
    assert moved["mandates"] == 1
    assert (await hub.database.read(lambda tx: tx.execute(text("SELECT state FROM mandates")).scalars().all())) == [
        "ended"
    ]
    case_no = await open_case(hall.client, hall.own, matter=BURIAL)
    assert (await hall.do(case_no, "accept")).status_code == 200, "it decides itself"
