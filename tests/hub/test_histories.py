"""Histories: what was true on a day and what was known, and that nobody writes one by SQL."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, select, text

from catalog.tables import table
from certificates.stores import holders as holder_store
from hub.access.actors import COMMAND
from hub.ledger.entries import Draft, open_detail, seal
from hub.ledger.tables import LedgerEntryRow
from hub.runtime import Hub
from hub.storage.errors import IntegrityBrokenError
from tests.hub.acting import Desk
from tests.support import enterprise_claims

TAMPERING = {
    "altered reason": "UPDATE certificate_transitions SET reason = '依法'",
    "altered day": "UPDATE certificate_transitions SET effective_at = effective_at - 1000000",
    "removed": "DELETE FROM certificate_transitions WHERE operation = 'resume'",
    "all removed": "DELETE FROM certificate_transitions",
    "without its guard": "UPDATE certificate_transitions SET mac = NULL, reason = '依法', operation = 'revoke'",
    "renumbered": "UPDATE certificate_transitions SET object_version = object_version + 5",
    "inserted": "INSERT INTO certificate_transitions (id, version_id, operation, from_status, to_status, reason, "
    "legal_basis, effective_at, detail) SELECT ledger_entry_id, version_id, 'suspend', 'valid', 'suspended', '', '', "
    "effective_at, detail FROM certificate_transitions WHERE operation = 'resume'",
    "of another": "UPDATE certificate_transitions SET ledger_entry_id = id",
}


async def test_as_of_a_day_tells_what_was_true_and_what_was_known(desk: Desk) -> None:
    day = datetime(2026, 5, 3, 2, tzinfo=UTC)

    def earlier(tx: Connection) -> None:
        """The licence was made in spring."""
        from certificates.stores.certificates import find_version
        from certificates.tables import CertificateVersionRow
        from hub.ledger.guards import version_mac

        versions = table(CertificateVersionRow)
        found = find_version(tx, desk.identifier)
        assert found is not None
        made = replace(found, created_at=day - timedelta(days=60), valid_from="2026-03-04", issued_on="2026-03-04")
        values = {name: getattr(made, name) for name in ("created_at", "valid_from", "issued_on")}
        tx.execute(versions.update().values(mac=version_mac(made, desk.hub.vault), **values))
        entries = table(LedgerEntryRow)
        tx.execute(entries.update().where(entries.c.object_id == made.id).values(recorded_at=made.created_at))

    await desk.hub.database.write(earlier)
    assert (await desk.look(as_of="2026-05-03"))["then"]["valid"] is True
    made = (
        await desk.act("change", reason_code="particulars_changed", claims=enterprise_claims(address="新街2号"))
    ).json()
    then = (await desk.look(as_of="2026-05-03"))["then"]
    assert (then["valid"], then["standing"]["version"]) == (True, 1)  # though a newer version stands today
    assert [item["operation"] for item in then["changed_later"]] == ["change"]
    asked_by_new = (await desk.look(made["identifier"], as_of="2026-05-03"))["then"]
    assert (asked_by_new["status"], asked_by_new["standing"]["identifier"]) == (None, desk.identifier)
    revoked = await desk.act("revoke", reason_code="obtained_by_fraud", effective_at="2026-04-01")
    assert revoked.status_code == 201, revoked.text
    then = (await desk.look(as_of="2026-05-03"))["then"]
    assert (then["status"], then["valid"]) == ("revoked", False)
    assert then["known_then"] == {"status": "valid", "valid": True}
    assert (await desk.look(as_of="2026-03-31"))["then"]["valid"] is True
    assert (await desk.look(as_of="2026-03-01"))["then"]["status"] is None
    assert (await desk.look(as_of=f"{day:%Y-%m-%dT%H:%M:%S}+00:00"))["then"]["status"] == "revoked"
    for nonsense in ("spring", "2026-05-03T10:00:00"):
        answer = await desk.client.get(
            f"/api/v1/certificates/{desk.identifier}", params={"as_of": nonsense}, headers=desk.headers
        )
        assert answer.status_code == 400


@pytest.mark.parametrize("how", TAMPERING)
async def test_a_history_written_by_sql_is_noticed(desk: Desk, how: str) -> None:
    await desk.act("suspend", reason_code="penalty")
    await desk.act("resume", reason_code="cause_removed")
    await desk.hub.database.write(lambda tx: tx.execute(text(TAMPERING[how])))
    with pytest.raises(IntegrityBrokenError):
        await desk.hub.transitions.history(COMMAND, desk.identifier)
    answer = await desk.client.get(f"/api/v1/certificates/{desk.identifier}", headers=desk.headers)
    assert answer.status_code == 502


async def as_early_releases_wrote(hub: Hub) -> None:
    """The entries of all acts say what those of the release before 0004 did."""
    entries = table(LedgerEntryRow)

    def unit(tx: Connection) -> None:
        for entry in tx.execute(select(entries).where(entries.c.kind == "certificate.suspend")).all():
            subject = holder_store.subject_by_id(tx, entry.subject_id)
            key = hub.vault.data_key(subject.data_key, subject.kek_kid)
            detail = open_detail(entry.id, entry.detail, entry.commitment, key=key)["detail"]
            kept = {name: detail[name] for name in ("identifier", "from", "to", "reason", "legal_basis")}
            names = ("id", "kind", "subject_id", "object_id", "object_version")
            same = {name: getattr(entry, name) for name in names}
            sealed = seal(Draft(detail=kept, key=key, **same), now=entry.recorded_at)
            values = {name: sealed.row[name] for name in ("commitment", "detail")}
            tx.execute(entries.update().where(entries.c.id == entry.id).values(**values))

    await hub.database.write(unit)


async def test_a_history_of_an_earlier_release_is_read_by_its_ledger_entries(desk: Desk) -> None:
    await desk.act("suspend", reason_code="penalty")
    await as_early_releases_wrote(desk.hub)
    names = ("mac", "object_version", "recorded_at", "ledger_entry_id", "reason_code")
    forget = "UPDATE certificate_transitions SET " + ", ".join(f"{name} = NULL" for name in names)
    await desk.hub.database.write(lambda tx: tx.execute(text(forget)))
    await desk.act("resume", reason_code="cause_removed")
    found = await desk.look()
    assert [item["operation"] for item in found["history"]] == ["suspend", "resume"]
    altered = text("UPDATE certificate_transitions SET reason = '依法' WHERE operation = 'suspend'")
    await desk.hub.database.write(lambda tx: tx.execute(altered))
    path = f"/api/v1/certificates/{desk.identifier}"
    assert (await desk.client.get(path, headers=desk.headers)).status_code == 502
