"""What a list must say of copies with an entry of their own, read as `reading` reads versions: by guarded rows alone.

An entry is the worse of two words: the copies' own end, and the status of their version.
"""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import ColumnElement, Connection, Select, select, text

from catalog.tables import table
from certificates.copies.store import listed_as, plainly_not_valid, read_copies
from certificates.copies.tables import CopiesRow
from certificates.stores import certificates as store
from hub.ledger.guards import check_guards
from hub.ledger.tables import LedgerEntryRow
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import Vault

_COPIES: Final = table(CopiesRow)
_ENTRIES: Final = table(LedgerEntryRow)
_ABOUT: Final = (_COPIES.c.version_id, _COPIES.c.id)
"""Of which objects a change counts: their version, and they themselves."""
_A_CHANGE: Final = text("ledger_entries.object_version > 1")
"""In these words, so that the partial index is used."""
_ON_LIST: Final = text("+certificate_copies.status_list = :number")
"""The plus keeps its index out of it, as in `reading`: few changes are looked up among many copies."""


def ever_changed(tx: Connection, number: int) -> set[str]:
    """Copies on a list that the ledger says were changed, or their version; and whatever the rows themselves say."""
    if tx.dialect.name == "sqlite":  # as in `reading`: it has no statistics, and would read all copies
        found = set(changed_since(tx, number, -1, most=None))
    else:
        here = _COPIES.c.status_list == number
        found = {item for about in _ABOUT for item in tx.execute(_changed(about).where(here)).scalars()}
    return {*found, *plainly_not_valid(tx, number)}


def changed_since(tx: Connection, number: int, position: int, *, most: int | None) -> list[str]:
    """Copies on a list with a change, or one of their version, numbered behind `position` or not numbered yet."""
    found: set[str] = set()
    for about in _ABOUT:
        for numbered in (_ENTRIES.c.position > position, _ENTRIES.c.position.is_(None)):
            here = _changed(about).where(numbered, _ON_LIST.bindparams(number=number)).limit(most)
            found.update(tx.execute(here).scalars())
    return sorted(found)


def bits_of_copies(tx: Connection, vault: Vault, ids: Sequence[str]) -> dict[int, int]:
    """Index → bits of these copies. Raises: IntegrityBrokenError."""
    copies = read_copies(tx, ids)
    versions = {item.id: item for item in store.read_versions(tx, {item.version_id for item in copies})}
    check_guards(tx, vault, versions=versions.values(), copies=copies)
    for item in copies:
        if item.licence_status != versions[item.version_id].status:
            raise IntegrityBrokenError("certificate_copies")
    return {item.status_index: listed_as(item, versions[item.version_id].status) for item in copies}


def _changed(about: ColumnElement[str]) -> Select[tuple[str]]:
    return select(_COPIES.c.id).select_from(_ENTRIES).join(_COPIES, about == _ENTRIES.c.object_id).where(_A_CHANGE)
