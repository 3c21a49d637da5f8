"""Whether something was corrected, as the library has it; and the cases that were answered with what was wrong."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, select

from catalog.tables import table
from certificates.stores import certificates as library
from certificates.stores.holders import subject_by_id
from certificates.stores.version import WHOLE, VersionRecord
from hub.citizens.acting.stewards import Stewards
from hub.citizens.late.holding import held_cases
from hub.citizens.notices.kinds import NoticeKind
from hub.citizens.objections import store
from hub.citizens.objections.shared import cases_given
from hub.citizens.objections.values import Kind, Objection, State
from hub.clock import Clock
from hub.exchange.uses import of_certificate, uses_of
from hub.intake.tables import CasePartyRow, CaseRow
from hub.intake.told.telling import CaseEvent, tell
from hub.ledger.guards import made_at, recorded_at
from hub.storage.database import Database
from hub.storage.vault import Vault

TELL: Final = "objection.tell"
"""The kind of job that tells the cases."""
_VALID: Final = "valid"
_CASES: Final = table(CaseRow)
_PARTIES: Final = table(CasePartyRow)


def has_changed(tx: Connection, found: Objection, about: str, since: datetime) -> bool:
    """Whether the library holds since then what it did not before: a newer version, or one that has ceased to be valid;
    for what was missing, a licence of the type that the key `about` names. That a licence loads again cannot be seen
    from its row, nor that a source now gives another value: the hub keeps none, and its next answer tells. When a
    version was made the ledger says.
    """
    if found.kind in {Kind.NOT_LOADING, Kind.FIELD}:
        return True
    if found.kind is Kind.MISSING:
        held = library.held_of(tx, found.subject_id, about.partition(":")[0])
        made = made_at(tx, [version.id for version in held if version.state in WHOLE])
        return any(at >= since for at in made.values())
    versions = library.versions_of(tx, found.certificate_id or "")
    newest = [version for version in versions if version.state in WHOLE][-1:]
    made = made_at(tx, [version.id for version in newest])
    return any(at >= since for at in made.values()) or any(_ended(tx, version, since) for version in newest)


def _ended(tx: Connection, version: VersionRecord, since: datetime) -> bool:
    """What was suspended or expired before somebody objected is no answer to him."""
    changed = recorded_at(tx, version.id, version.row_version)
    return version.status != _VALID and changed is not None and changed >= since


class Telling:
    """Tells the systems of cases that were answered with a licence which was corrected, and who objected that there are
    such cases of his, and not of whoever else it names; of one that he is to hear of late (`hub.citizens.late`) he is
    not told by this either.
    """

    def __init__(self, database: Database, *, vault: Vault, stewards: Stewards, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._stewards = stewards
        self._clock = clock

    async def run(self, payload: Mapping[str, Any]) -> None:
        """The handler of `TELL`, of what was given before `since`. Each case is told once, whenever it closed; nobody
        is told what was wrong.
        """
        found = await self._database.read(lambda tx: store.find(tx, payload["objection"]))
        if found is None or found.state is not State.CORRECTED:
            return
        if "since" in payload:
            found = replace(found, raised_at=datetime.fromisoformat(str(payload["since"])))
        certificate_id, now = found.certificate_id, self._clock()

        def used(tx: Connection) -> list[str]:
            if certificate_id is None:
                return cases_given(tx, self._vault, subject_by_id(tx, found.subject_id), found)
            versions = library.versions_of(tx, certificate_id)
            made = made_at(tx, [version.id for version in versions])
            marks = [of_certificate(version_id) for version_id, at in made.items() if at < found.raised_at]
            numbers = {str(use["case_no"]) for use in uses_of(tx, marks)}
            query = select(_CASES.c.id).where(_CASES.c.case_no.in_(numbers)).order_by(_CASES.c.id)
            return list(tx.execute(query).scalars())

        cases = await self._database.read(used)
        await self._database.write(lambda tx: self._tell_holder(tx, found, cases, now))
        for case_id in cases:
            await self._database.write(
                lambda tx, case_id=case_id: tell(  # type: ignore[misc]  # bound at once
                    tx, case_id, CaseEvent.EVIDENCE_CORRECTED, entry_id=payload["entry"], now=now, about=found.id
                )
            )

    def _tell_holder(self, tx: Connection, found: Objection, cases: Sequence[str], now: datetime) -> None:
        subject = subject_by_id(tx, found.subject_id)
        party = select(_PARTIES.c.case_id).where(_PARTIES.c.lookup_hash == subject.lookup_hash)
        his = list(tx.execute(party.where(_PARTIES.c.case_id.in_(cases))).scalars())
        if set(his) - held_cases(tx, self._vault, subject, his, now=now):
            self._stewards.notify(tx, found.subject_id, NoticeKind.RECORD_CORRECTED, about=found.id, now=now)
