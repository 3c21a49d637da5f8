"""Queries over archives, and over what a case's archive is made of. They take the caller's connection, never commit."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, and_, insert, select, update

from catalog.tables import MatterRow, table
from hub.archive.tables import CaseArchiveRow
from hub.clock import new_id
from hub.intake.tables import EvidenceRequestRow
from hub.ledger.tables import LedgerEntryRow

ORDERED: Final = "ordered"
INTENDED: Final = "intended"
SIGNED: Final = "signed"
FILED: Final = "filed"
_ARCHIVES: Final = table(CaseArchiveRow)
_REQUESTS: Final = table(EvidenceRequestRow)
_ENTRIES: Final = table(LedgerEntryRow)
_MATTERS: Final = table(MatterRow)


@dataclass(frozen=True, slots=True)
class Archive:
    """A case's archive as stored. `intent` and `results` are ciphertext."""

    id: str
    case_id: str
    state: str
    intent: bytes | None
    results: bytes | None
    ledger_entry_id: str | None
    digest: bytes | None
    size: int
    stamps: int
    stamped_at: datetime | None
    stamp_ends_at: datetime | None
    ordered_at: datetime
    filed_at: datetime | None


_COLUMNS: Final = tuple(_ARCHIVES.c[name] for name in Archive.__dataclass_fields__)


def find_archive(tx: Connection, case_id: str) -> Archive | None:
    """The archive of a case."""
    row = tx.execute(select(*_COLUMNS).where(_ARCHIVES.c.case_id == case_id)).one_or_none()
    return None if row is None else Archive(*row)


def order_archive(tx: Connection, case_id: str, *, now: datetime) -> bool:
    """Write that a case is to have an archive; False when it is written already. Raises: ConflictError, at commit."""
    if tx.execute(select(_ARCHIVES.c.id).where(_ARCHIVES.c.case_id == case_id)).first() is not None:
        return False
    tx.execute(insert(_ARCHIVES).values(id=new_id(), case_id=case_id, state=ORDERED, size=0, stamps=0, ordered_at=now))
    return True


def change_archive(tx: Connection, archive: Archive, **values: Any) -> bool:
    """Go on from the state that was read; False when somebody else went on from it."""
    same = and_(_ARCHIVES.c.id == archive.id, _ARCHIVES.c.state == archive.state, _ARCHIVES.c.stamps == archive.stamps)
    return tx.execute(update(_ARCHIVES).where(same).values(**values)).rowcount == 1


def stamps_end_before(tx: Connection, *, moment: datetime, most: int, after: str = "") -> list[Archive]:
    """Filed archives whose newest stamp ends before a moment, in order of id."""
    where = and_(_ARCHIVES.c.state == FILED, _ARCHIVES.c.stamp_ends_at < moment)
    if after:
        where = and_(where, _ARCHIVES.c.id > after)
    return [Archive(*row) for row in tx.execute(select(*_COLUMNS).where(where).order_by(_ARCHIVES.c.id).limit(most))]


def answers_of(tx: Connection, case_id: str) -> Sequence[Row[Any]]:
    """Id, state and sealed answer of every request of a case, oldest first; what was never decided has no answer."""
    columns = (_REQUESTS.c.id, _REQUESTS.c.state, _REQUESTS.c.answer)
    where = and_(_REQUESTS.c.case_id == case_id, _REQUESTS.c.answer.is_not(None))
    return tx.execute(select(*columns).where(where).order_by(_REQUESTS.c.id)).all()


def turning_points(tx: Connection, case_id: str) -> dict[str, str]:
    """The ledger entries of a case's opening and closing, by kind."""
    kinds = ("case.open", "case.close")
    where = and_(_ENTRIES.c.case_id == case_id, _ENTRIES.c.kind.in_(kinds))
    return {row.kind: row.id for row in tx.execute(select(_ENTRIES.c.kind, _ENTRIES.c.id).where(where))}


def rules_of(tx: Connection, matter_id: str) -> dict[str, Any]:
    """The matter version that a case was opened under, as it was declared."""
    row = tx.execute(select(_MATTERS.c.version, _MATTERS.c.definition).where(_MATTERS.c.id == matter_id)).one()
    return {"version": row.version, "definition": row.definition}
