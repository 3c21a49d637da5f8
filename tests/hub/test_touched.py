"""What a key, a type's version, a batch touched, exactly; and what the calendar and a register do by themselves."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, insert, text

from catalog.store import find_department
from catalog.tables import table
from certificates.errors import ActError
from certificates.stores import certificates as store
from hub.access.actors import COMMAND, Role
from hub.access.errors import ForbiddenError
from hub.collection.tables import CollectionRunRow
from hub.issuing.files import identifiers_of, read_document
from hub.issuing.plan import Record
from hub.issuing.touched import Touch
from hub.issuing.transitions.register import record_gone
from hub.issuing.transitions.writing import Changed, told
from hub.runtime import Hub
from hub.storage.errors import MissingError
from tests.hub.acting import WHY, amr, officer, strict_type
from tests.hub.city import grow, permit_claims
from tests.hub.command import yizheng
from tests.support import AMR, ENTERPRISE, TYPES, Place, enterprise_claims, issue, valid_uscc


async def listed(hub: Hub, touch: Touch) -> set[str]:
    return {item["identifier"] async for item in await hub.touched.stream(COMMAND, touch)}


async def brought(hub: Hub, origin: str, *codes: str) -> set[str]:
    department = await hub.database.read(lambda tx: find_department(tx, AMR))
    issued = hub.types.find("business_licence")
    assert department is not None
    assert issued is not None
    now = datetime.now(UTC)
    records = [Record(enterprise_claims(uscc=code), now, now.date()) for code in codes]
    await hub.issuing.issue(records, issued=issued, issuer=department, origin=origin)
    return {(await identifiers_of(hub, "001", code))[0]["identifier"] for code in codes}


def run_of(run: str) -> Callable[[Connection], object]:
    """As a collection writes that it began."""
    at, values = datetime.now(UTC), {"id": run, "run_key": run, "state": "done", "next_row": 1, "totals": {}}
    return lambda tx: tx.execute(insert(table(CollectionRunRow)).values(**values, started_at=at, updated_at=at))


async def test_what_a_key_a_version_of_a_type_a_batch_and_a_source_touched(hub: Hub) -> None:
    old = await listed(hub, Touch(type="business_licence"))
    assert len(old) == 1
    await strict_type(hub)  # version 2 of the type
    some = await brought(hub, "batch:b1", valid_uscc("91990100MA0000011"), valid_uscc("91990100MA0000012"))
    more = await brought(hub, "source:amr", valid_uscc("91990100MA0000013"))
    assert await listed(hub, Touch(batch="b1")) == some
    assert await listed(hub, Touch(source="amr")) == more
    assert await listed(hub, Touch(type="business_licence", type_version=1)) == old
    assert await listed(hub, Touch(type="business_licence", type_version=2)) == some | more
    query = text("SELECT DISTINCT signing_kid FROM certificate_versions")
    (kid,) = await hub.database.read(lambda tx: tx.execute(query).scalars().all())
    assert await listed(hub, Touch(key=kid)) == old | some | more
    assert await listed(hub, Touch(key=kid, batch="b1")) == some
    unknown = [Touch(key="nobody"), Touch(source="amrr"), Touch(batch="b2"), Touch(run="r1"), Touch(type="licence")]
    for touch in (*unknown, Touch(type="business_licence", template=1)):
        with pytest.raises(MissingError):
            await listed(hub, touch)
    for wrong in (Touch(), Touch(template=1, key=kid)):
        with pytest.raises(ActError):
            await listed(hub, wrong)
    with pytest.raises(ForbiddenError):
        await hub.touched.stream(officer("boss", department=await amr(hub)), Touch(batch="b1"))


@pytest.mark.embedded
@pytest.mark.parametrize("column", ["origin = NULL", "origin = 'run:r2'", "type_version = 7"])
async def test_who_edits_the_row_does_not_take_it_off_the_list(hub: Hub, column: str) -> None:
    some = await brought(hub, "run:r1", valid_uscc("91990100MA0000011"))
    await hub.database.write(run_of("r1"))
    alter = text(f"UPDATE certificate_versions SET {column} WHERE origin = 'run:r1'")
    await hub.database.write(lambda tx: tx.execute(alter))
    found = [item async for item in await hub.touched.stream(COMMAND, Touch(run="r1"))]
    assert [(item["identifier"], item["guard"]) for item in found] == [(*some, "broken")]


@pytest.mark.embedded
async def test_a_long_list_is_whole_over_its_pages(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    from hub.issuing import touched

    codes = [valid_uscc(f"91990100MA00003{number:02}") for number in range(25)]
    wanted = await brought(hub, "run:r1", *codes)
    monkeypatch.setattr(touched, "PAGE", 10)
    assert await listed(hub, Touch(run="r1")) == wanted


async def test_what_has_ended_is_marked_once_and_says_expired_as_before(place: Place, hub: Hub, client: Any) -> None:
    await grow(place, hub, client)
    ended = permit_claims(valid_until="2026-01-31")
    await issue(hub, ended, slug="residence_permit", issuer=permits())
    found = await identifiers_of(hub, "111", ended["citizen_id"])
    identifier = next(item["identifier"] for item in found if item["type"] == f"{permits()}001")
    token = await read_document(hub, identifier)
    assert (await hub.verification.verify(token, audience=None)).reason == "expired"
    assert await hub.expiring.sweep() == 1
    assert await hub.expiring.sweep() == 0
    history = await hub.transitions.history(COMMAND, identifier)
    assert history.asked.status == "expired"
    assert [event.operation for event in history.lifetime.events] == ["expire"]
    verdict = await hub.verification.verify(token, audience=None)
    assert (verdict.result, verdict.reason) == ("failed", "expired")
    jobs = text("SELECT count(*) FROM outbox WHERE kind = 'status_list.publish'")
    assert await hub.database.read(lambda tx: tx.execute(jobs).scalar()) == 0  # its own date says so to everybody
    await issue(hub, permit_claims(valid_until="2036-01-31"), slug="residence_permit", issuer=permits())
    renewed = await identifiers_of(hub, "111", ended["citizen_id"])
    assert [item["status"] for item in renewed if item["type"] == f"{permits()}001"] == ["valid"]


def permits() -> str:
    from tests.hub.city import PERMITS

    return PERMITS


async def test_a_record_that_is_gone_or_revoked_at_its_register_acts_by_the_rule_of_its_type(hub: Hub) -> None:
    found = await identifiers_of(hub, ENTERPRISE["id_type"], ENTERPRISE["id_number"])
    identifier = found[0]["identifier"]
    keep = hub.types.find("business_licence")
    assert keep is not None
    declared = (TYPES / "business_licence.yaml").read_text(encoding="utf-8")
    await hub.registry.add_type(declared + "\nregister_driven: {on_missing: revoke}\n")
    revoke = hub.types.find("business_licence")
    assert revoke is not None

    def gone(tx: Connection, which: Any) -> Changed | None:
        version = store.find_version(tx, identifier, for_update=True)
        assert version is not None
        now = hub.clock()
        changed = record_gone(tx, hub.vault, version, which.type, now=now, origin="run:r1")
        told(tx, [changed] if changed else [], now=now)
        return changed

    assert await hub.database.write(lambda tx: gone(tx, keep)) is None
    changed = await hub.database.write(lambda tx: gone(tx, revoke))
    assert changed is not None
    assert changed.after.status == "revoked"
    assert await hub.database.write(lambda tx: gone(tx, revoke)) is None  # and not twice
    lines = [item async for item in await hub.touched.stream(COMMAND, Touch(run="r1"))]
    assert [(item["identifier"], item["acts"], item["guard"]) for item in lines] == [(identifier, ["revoke"], "ok")]
    await hub.database.write(run_of("r1"))
    await hub.database.write(lambda tx: tx.execute(text("UPDATE certificate_transitions SET detail = '{}'")))
    lines = [item async for item in await hub.touched.stream(COMMAND, Touch(run="r1"))]
    assert [(item["identifier"], item["guard"]) for item in lines] == [(identifier, "broken")]
    heard = text("SELECT count(*) FROM outbox WHERE kind = 'use.changed'")
    assert await hub.database.read(lambda tx: tx.execute(heard).scalar()) == 1


@pytest.mark.embedded
async def test_the_commands(place: Place, hub: Hub, tmp_path: Path) -> None:
    import yaml

    claims = tmp_path / "claims.yaml"
    code = valid_uscc("91990100MA0000021")
    claims.write_text(yaml.safe_dump(enterprise_claims(uscc=code), allow_unicode=True), encoding="utf-8")
    why = ("--reason", WHY["reason"], "--legal-basis", WHY["legal_basis"])
    made = await yizheng(
        place,
        "certificate",
        "issue",
        "--type",
        "business_licence",
        "--issuer",
        AMR,
        "--claims",
        str(claims),
        *why,
        "--json",
    )
    assert made.code == 0, made.err
    identifier = made.json()["identifier"]
    rows = tmp_path / "list.csv"
    rows.write_text(f"序号,证照标识\n1,{identifier}\n2,nobody\n", encoding="utf-8")
    report = tmp_path / "report.jsonl"
    done = await yizheng(
        place, "certificate", "act-list", "suspend", str(rows), "--reason-code", "penalty", *why,
        "--report", str(report), "--json",
    )  # fmt: skip
    assert done.json()["progress"] == {"total": 2, "per_cent": 100, "waiting": 0, "done": 1, "refused": 1}
    assert '"why": "unknown"' in report.read_text(encoding="utf-8")
    day = (datetime.now(UTC) - timedelta(days=30)).date().isoformat()
    seen = await yizheng(place, "certificate", "show", identifier, "--as-of", day, "--json")
    assert (seen.json()["status"], seen.json()["then"]["status"]) == ("suspended", None)
    acted = await yizheng(place, "certificate", "act", "resume", identifier, "--reason-code", "cause_removed", *why)
    assert "resume → valid" in acted.out
    wrong = await yizheng(place, "certificate", "act", "explode", identifier, *why)
    assert wrong.code == 65
    touched = await yizheng(place, "certificate", "touched", "--type", "business_licence")
    assert touched.out.count("\n") == 2
    typo = await yizheng(place, "certificate", "touched", "--source", "TYPO")
    assert (typo.code, typo.out) == (65, "")
    halted = await yizheng(place, "type", "halt", "business_licence", *why, "--json")
    assert halted.json()["halted"] is True
    proposed = await yizheng(place, "type", "resume", "business_licence", "--reason", "已更正")
    assert "待复核" in proposed.out
    assert Role.OPERATOR in COMMAND.roles
