"""What a list must say, read from rows that are believed only with their guards.

Whole: every row that is not valid, and every row that the ledger says was ever changed. By change: only what the ledger
has numbered since the last list, or not numbered yet. Both refuse a row that anybody but the hub wrote.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, func, select, text

from catalog.tables import table
from certificates.copies.store import sums_of_copies
from certificates.lifecycle.states import STATUS_BITS, Status
from certificates.stores import certificates as store
from certificates.stores import status as status_store
from certificates.tables import CertificateVersionRow
from hub.issuing.status.copies import bits_of_copies, changed_since, ever_changed
from hub.issuing.status.published import Published, Sums, added
from hub.ledger.guards import check_guards
from hub.ledger.tables import LedgerEntryRow
from hub.storage.errors import MissingError
from hub.storage.vault import Vault

CHUNK: Final = 500
MOST_CHANGES: Final = 2_000
"""More than that since the last list: it is read whole, in pieces, which lets others through between them."""
_ENTRIES: Final = table(LedgerEntryRow)
_VERSIONS: Final = table(CertificateVersionRow)
_CHANGED: Final = (
    select(_ENTRIES.c.object_id)
    .join(_VERSIONS, _VERSIONS.c.id == _ENTRIES.c.object_id)
    .where(text("ledger_entries.object_version > 1"))  # in these words, so that the partial index is used
)
_ON_LIST: Final = text("+certificate_versions.status_list = :number")
"""The plus keeps its index out of it: a few changes are looked up among the versions, not a million versions among the
changes, which SQLite would think the better way.
"""


@dataclass(frozen=True, slots=True)
class Whole:
    """Which versions and copies a whole reading must look at, and up to which entry it then goes."""

    position: int
    ids: Sequence[str]
    copies: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Since:
    """What a list must say anew; `sums` are of all its rows, and must be what the list then adds up to."""

    position: int
    changes: dict[int, int]
    sums: Sums


def whole(tx: Connection, number: int) -> Whole:
    """What a whole reading must look at. Raises: MissingError for a list that does not exist."""
    if not status_store.list_exists(tx, number):
        raise MissingError(f"status list {number}")
    if tx.dialect.name == "sqlite":  # it has no statistics, and would read the whole ledger, or the whole list
        changed = _changed_since(tx, number, -1, most=None)
    else:
        changed = list(tx.execute(_CHANGED.where(_VERSIONS.c.status_list == number)).scalars())
    ids = {*changed, *status_store.not_plainly_valid(tx, number)}
    return Whole(_position(tx), sorted(ids), sorted(ever_changed(tx, number)))


def bits_of(tx: Connection, vault: Vault, ids: Sequence[str]) -> dict[int, int]:
    """Index → bits of these versions. Raises: IntegrityBrokenError."""
    versions = store.read_versions(tx, ids)
    check_guards(tx, vault, versions=versions)
    return {item.status_index: STATUS_BITS[Status(item.status)] for item in versions}


def since(tx: Connection, vault: Vault, last: Published) -> Since | None:
    """What changed since a list was made; None: too much for one look. Raises: IntegrityBrokenError."""
    ids = _changed_since(tx, last.number, last.position, most=MOST_CHANGES + 1)
    copies = changed_since(tx, last.number, last.position, most=MOST_CHANGES + 1)
    if len(ids) + len(copies) > MOST_CHANGES:
        return None
    changes: dict[int, int] = {}
    for first in range(0, len(ids), CHUNK):
        changes |= bits_of(tx, vault, ids[first : first + CHUNK])
    for first in range(0, len(copies), CHUNK):
        changes |= bits_of_copies(tx, vault, copies[first : first + CHUNK])
    sums = added(status_store.listed_sums(tx, last.number), sums_of_copies(tx, last.number))
    return Since(_position(tx), changes, sums)


def _changed_since(tx: Connection, number: int, position: int, *, most: int | None) -> list[str]:
    """Versions on a list with a change numbered behind `position`, or not numbered yet."""
    joined = _CHANGED.where(_ON_LIST.bindparams(number=number)).limit(most)
    numbered = tx.execute(joined.where(_ENTRIES.c.position > position)).scalars()
    return sorted({*numbered, *tx.execute(joined.where(_ENTRIES.c.position.is_(None))).scalars()})


def _position(tx: Connection) -> int:
    """The last entry that has a number, as seen by this transaction; -1 before the first."""
    found = tx.execute(select(func.max(_ENTRIES.c.position))).scalar()
    return -1 if found is None else int(found)
