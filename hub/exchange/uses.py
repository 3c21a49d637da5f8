"""Who used what: written with each disclosure, so that whoever used something can be told when it changes.

A mark names a licence's version or a pushed row by its keyed hash; no person, no value.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, insert, select

from catalog.tables import SystemRow, table
from hub.clock import new_id
from hub.exchange.tables import UseRow
from hub.storage.jobs import enqueue

CHANGED: Final = "use.changed"
_USES: Final = table(UseRow)
_SYSTEMS: Final = table(SystemRow)
_INSERT: Final = insert(_USES)
_MARKS_A_JOB: Final = 200


class Event(StrEnum):
    """What a system can hear of."""

    SUPERSEDED = "certificate.superseded"
    REVOKED = "certificate.revoked"
    SUSPENDED = "certificate.suspended"
    RESUMED = "certificate.resumed"
    RECORD_CHANGED = "record.changed"


def of_certificate(version_id: str) -> str:
    """The mark of a licence's version."""
    return f"certificate:{version_id}"


def of_row(way: bytes) -> str:
    """The mark of a pushed row, by a keyed hash under which it is found."""
    return f"row:{way.hex()}"


def record_uses(
    tx: Connection, uses: Iterable[tuple[str, str]], *, system_id: str, case_no: str, now: datetime
) -> None:
    """Write what disclosures rested on, in their transaction: of each a mark, and the id of its ledger entry."""
    rows = [
        {
            "id": new_id(),
            "mark": mark,
            "system_id": system_id,
            "case_no": case_no,
            "ledger_entry_id": entry_id,
            "used_at": now,
        }
        for mark, entry_id in dict.fromkeys(uses)
    ]
    if rows:
        tx.execute(_INSERT, rows)


def uses_of(tx: Connection, marks: Iterable[str]) -> list[Mapping[str, Any]]:
    """Uses of these by systems that are still active: system, case, ledger entry."""
    query = (
        select(_USES.c.system_id, _USES.c.case_no, _USES.c.ledger_entry_id)
        .join(_SYSTEMS, _SYSTEMS.c.id == _USES.c.system_id)
        .where(_USES.c.mark.in_(list(marks)), _SYSTEMS.c.active.is_(True))
    )
    return [dict(row._mapping) for row in tx.execute(query)]  # noqa: SLF001  # SQLAlchemy's public name for it


def announce(tx: Connection, event: Event, marks: Iterable[str], *, now: datetime) -> None:
    """Say in the transaction of a change that these changed; who used them is looked up by a job of its own."""
    wanted = list(dict.fromkeys(marks))
    for first in range(0, len(wanted), _MARKS_A_JOB):
        job = {"event": event.value, "marks": wanted[first : first + _MARKS_A_JOB], "change": new_id()}
        enqueue(tx, CHANGED, job, now=now)
