"""The sums of ratings that are published: carried on from rating to rating, and kept in one row under a MAC.

Summed anew for each reader, a province's year is millions of rows, and whoever writes the database moves the stars. So
each rating is taken once, in the order of its ledger entry, by whoever keeps house, and believed by its MAC; one of a
release that knew none, by what its entry says. One that is not believed counts for nothing, and is an alarm.

A tally that somebody wrote or deleted is an alarm and is counted from the beginning; one that was put back to what it
was before goes on from there, to the same sums. A rating that is deleted before it is taken, or before such a count, is
not noticed here: its entry stands on the ledger.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from sqlalchemy import Connection, Row, select, update
from sqlalchemy.dialects import postgresql, sqlite

from catalog.tables import table
from certificates.stores.holders import subject_by_id
from hub.citizens.access_rows import opened_entry
from hub.citizens.present import is_erased
from hub.citizens.ratings.store import BAD, KINDS, Sums, meaning_of
from hub.citizens.ratings.tables import RatingRow, RatingTallyRow
from hub.clock import Clock
from hub.ledger.tables import LedgerEntryRow
from hub.storage.database import Database
from hub.storage.vault import Vault
from signing.canonical import canonical

LATE: Final = timedelta(minutes=5)
"""Ids of entries rise with time, and a transaction may commit after a later one: none takes so long."""
_STEP: Final = 1000
_ONE: Final = 1
_START: Final = "00000000-0000-7000-8000-000000000000"
_RATINGS: Final = table(RatingRow)
_TALLY: Final = table(RatingTallyRow)
_ENTRIES: Final = table(LedgerEntryRow)
_NUMBERS: Final = ("stars", "brought", "counted")
_log = structlog.get_logger(__name__)


class RatingTally:
    """Carries it on, and reads it."""

    def __init__(self, database: Database, *, vault: Vault, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._clock = clock

    async def sweep(self) -> None:
        """Take what has been rated since. Raises: StorageError."""
        while await self._database.write(self._carry) == _STEP:
            pass

    def read(self, tx: Connection) -> Mapping[str, Sums]:
        """By matter. Nothing where the tally is not the hub's: until it is counted anew, nothing is published."""
        row = tx.execute(select(_TALLY).where(_TALLY.c.id == _ONE)).one_or_none()
        opened = None if row is None else self._opened(row)
        return {} if opened is None else opened[1]

    def _carry(self, tx: Connection) -> int:
        insert = postgresql.insert if tx.dialect.name == "postgresql" else sqlite.insert
        tx.execute(insert(_TALLY).values(id=_ONE, **self._values(_START, {})).on_conflict_do_nothing())
        row = tx.execute(select(_TALLY).where(_TALLY.c.id == _ONE).with_for_update()).one()
        opened = self._opened(row)
        if opened is None:
            tx.execute(update(_TALLY).where(_TALLY.c.id == _ONE).values(**self._values(_START, {})))
        upto, sums = opened or (_START, {})
        here = (_RATINGS.c.ledger_entry_id > upto) & (_RATINGS.c.ledger_entry_id < _id_at(self._clock() - LATE))
        found = tx.execute(select(_RATINGS).where(here).order_by(_RATINGS.c.ledger_entry_id).limit(_STEP)).all()
        for one in self._believed(tx, found):
            sums[one.matter_code] = [a + b for a, b in zip(sums.get(one.matter_code, _NONE), _of(one), strict=True)]
        if found:
            values = self._values(found[-1].ledger_entry_id, sums)
            tx.execute(update(_TALLY).where(_TALLY.c.id == _ONE).values(**values))
        return len(found)

    def _believed(self, tx: Connection, found: Sequence[Row[Any]]) -> list[Row[Any]]:
        early = [one.ledger_entry_id for one in found if one.mac is None]
        rows = tx.execute(select(_ENTRIES).where(_ENTRIES.c.id.in_(early))) if early else ()
        entries = {row.id: row for row in rows}
        believed = []
        for one in found:
            if one.mac is None:
                so = self._as_entered(tx, one, entries.get(one.ledger_entry_id))
            else:
                so = self._vault.row_mac(meaning_of(dict(one._mapping))) == one.mac  # noqa: SLF001
            if so:
                believed.append(one)
            elif one.mac is not None or not is_erased(tx, one.subject_id):
                _log.error("guarded_row_broken", alarm=True, where="case_ratings", rating=one.id)
        return believed

    def _as_entered(self, tx: Connection, one: Row[Any], entry: Row[Any] | None) -> bool:
        """Whether its entry says the same; of somebody who was erased none does any more."""
        if entry is None or entry.kind not in KINDS:
            return False
        subject = subject_by_id(tx, one.subject_id)
        said = opened_entry(entry, self._vault.data_key(subject.data_key, subject.kek_kid)) or {}
        return (
            (entry.subject_id, entry.case_id) == (one.subject_id, one.case_id)
            and said.get("matter") == one.matter_code
            and all(name in said and said[name] == getattr(one, name) for name in _NUMBERS)
        )

    def _values(self, upto: str, sums: Mapping[str, Sums]) -> dict[str, Any]:
        return {"upto": upto, "sums": dict(sums), "mac": self._vault.row_mac(_meaning(upto, sums))}

    def _opened(self, row: Row[Any]) -> tuple[str, dict[str, Sums]] | None:
        try:
            if self._vault.row_mac(_meaning(row.upto, row.sums)) == row.mac:
                return row.upto, dict(row.sums)
        except (TypeError, ValueError):
            pass  # what lies there has no sums: it is nobody's, as one with a wrong MAC is
        _log.error("guarded_row_broken", alarm=True, where="rating_tally")
        return None


_NONE: Final[Sums] = [0, 0, 0, 0, 0, 0]


def _of(one: Row[Any]) -> Sums:
    """What one rating adds, in the order of `Sums`."""
    compared = one.counted is not None
    gap = one.brought - one.counted if compared else 0
    return [1, one.stars, one.brought, gap, int(compared), int(one.stars <= BAD)]


def _id_at(moment: datetime) -> str:
    """The least id that is drawn at a moment (RFC 9562, version 7)."""
    digits = f"{int(moment.timestamp() * 1000):012x}"
    return f"{digits[:8]}-{digits[8:]}{_START[13:]}"


def _meaning(upto: str, sums: Mapping[str, Sums]) -> bytes:
    return b"rating-tally\x1f" + canonical({"upto": upto, "sums": dict(sums)})
