"""Copies with a status entry of their own, as stored. Each query takes the caller's connection and never commits."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, func, insert, select, text, update

from catalog.tables import table
from certificates.copies.tables import NOT_PLAINLY_VALID, CopiesRow
from certificates.lifecycle.states import STATUS_BITS, Status
from signing import status_list as bits

_COPIES: Final = table(CopiesRow)
_LISTED: Final = text(NOT_PLAINLY_VALID)
_SOME: Final = 500


@dataclass(frozen=True, slots=True)
class Copies:
    """Copies of one version under one entry. Believed only with a right MAC over `meaning` and the ledger's word."""

    id: str
    version_id: str
    subject_id: str
    status_list: int
    status_index: int
    licence_status: str
    made_at: datetime
    ended_at: datetime | None
    row_version: int
    ledger_entry_id: str
    mac: bytes = field(default=b"", repr=False)

    def meaning(self) -> bytes:
        """Everything that the MAC covers: of which version, under which entry, and whether they have ended."""
        ended = "" if self.ended_at is None else str(round(self.ended_at.timestamp() * 1_000_000))
        parts = (self.id, self.version_id, self.subject_id, str(self.status_list), str(self.status_index), ended)
        return "\x1f".join((*parts, str(self.row_version), self.ledger_entry_id)).encode()

    def ended(self, at: datetime, entry_id: str) -> "Copies":
        """The same, refused from this moment on; without its MAC."""
        return replace(self, ended_at=at, row_version=self.row_version + 1, ledger_entry_id=entry_id, mac=b"")


def listed_as(copies: Copies, status: str) -> int:
    """What a list says of them, whose version has this status."""
    return bits.INVALID if copies.ended_at is not None else STATUS_BITS[Status(status)]


def add_copies(tx: Connection, copies: Copies) -> None:
    """Write them, once."""
    tx.execute(insert(_COPIES).values(**asdict(copies)))


def end_copies(tx: Connection, ended: Copies) -> None:
    """Write that they ended. The caller holds the row's lock."""
    values = {name: getattr(ended, name) for name in ("ended_at", "row_version", "ledger_entry_id", "mac")}
    tx.execute(update(_COPIES).where(_COPIES.c.id == ended.id).values(**values))


def read_copies(tx: Connection, ids: Collection[str], *, lock: bool = False) -> list[Copies]:
    """These, in no order."""
    return _read(tx, _COPIES.c.id.in_(list(ids)), lock=lock)


def copies_at(tx: Connection, version_id: str, status_list: int, status_index: int) -> Copies | None:
    """The copies of a version under this very entry."""
    here = (_COPIES.c.status_list == status_list) & (_COPIES.c.status_index == status_index)
    return next(iter(_read(tx, here & (_COPIES.c.version_id == version_id))), None)


def standing_of(tx: Connection, subject_id: str) -> list[Copies]:
    """Copies of this person's licences that have not ended by themselves, locked."""
    return _read(tx, (_COPIES.c.subject_id == subject_id) & _COPIES.c.ended_at.is_(None), lock=True)


def follow(tx: Connection, changed: Mapping[str, str]) -> set[int]:
    """Carry the new status of versions over to their copies; answers the lists that speak of them."""
    lists: set[int] = set()
    versions = list(changed)
    for first in range(0, len(versions), _SOME):
        here = _COPIES.c.version_id.in_(versions[first : first + _SOME])
        for version_id, number in tx.execute(
            select(_COPIES.c.version_id, _COPIES.c.status_list).where(here).distinct()
        ).all():
            of_it = (_COPIES.c.version_id == version_id) & (_COPIES.c.status_list == number)
            tx.execute(update(_COPIES).where(of_it).values(licence_status=changed[version_id]))
            lists.add(number)
    return lists


def ended_after(tx: Connection, number: int, moment: datetime, *, most: int) -> dict[int, int]:
    """Copies on a list that ended by themselves after a moment: what their version alone has a list say of them."""
    since = (_COPIES.c.status_list == number) & (_COPIES.c.ended_at > moment)
    query = select(_COPIES.c.status_index, _COPIES.c.licence_status).where(since).limit(most)
    return {index: STATUS_BITS[Status(status)] for index, status in tx.execute(query)}


def plainly_not_valid(tx: Connection, number: int) -> Sequence[str]:
    """The ids of copies on a list that have ended, or whose licence is said to be anything but valid."""
    return tx.execute(select(_COPIES.c.id).where(_COPIES.c.status_list == number, _LISTED)).scalars().all()


def sums_of_copies(tx: Connection, number: int) -> dict[int, tuple[int, int]]:
    """Of the copies on a list, by what it says of them and without the valid: how many, and their indexes' sum."""
    ended = _COPIES.c.ended_at.is_not(None)
    query = (
        select(ended, _COPIES.c.licence_status, func.count(), func.sum(_COPIES.c.status_index))
        .where(_COPIES.c.status_list == number, _LISTED)
        .group_by(ended, _COPIES.c.licence_status)
    )
    sums: dict[int, tuple[int, int]] = {}
    for over, status, count, total in tx.execute(query):
        said = bits.INVALID if over else STATUS_BITS[Status(status)]
        before = sums.get(said, (0, 0))
        sums[said] = (before[0] + count, before[1] + int(total))
    sums.pop(bits.VALID, None)
    return sums


def _read(tx: Connection, where: ColumnElement[bool], *, lock: bool = False) -> list[Copies]:
    query = select(_COPIES).where(where).order_by(_COPIES.c.id)
    return [_copies(row) for row in tx.execute(query.with_for_update() if lock else query)]


def _copies(row: Row[Any]) -> Copies:
    return Copies(**row._mapping)  # noqa: SLF001  # public name
