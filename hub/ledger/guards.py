"""Guarded rows: a grant or a status is believed only with a right MAC and the object's latest ledger entry.

Whoever can write the database can copy an old row back with its old MAC; he cannot make its ledger entry the latest
without removing later entries, which the tree remembers (threat S9).
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Final, TypeVar

from sqlalchemy import ColumnElement, Connection, ScalarSelect, Select, func, select

from catalog.grants import Grant
from catalog.tables import among, numbered, table
from certificates.copies.store import Copies
from certificates.stores.further_holders import FurtherHolder
from certificates.stores.version import HeldVersion, VersionRecord
from hub.ledger.tables import LedgerEntryRow
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import Vault
from signing.canonical import canonical

_ROUND: Final = 16
"""Ids are asked for in sixteens, stops of types among them, so that a person with licences takes the same statement as
one without (threat S14).
"""
_ENTRIES: Final = table(LedgerEntryRow)
_STATEMENTS: Final = 64
_LOOKS: Final = 3
T = TypeVar("T")


@lru_cache(_STATEMENTS)
def _latest_entries(count: int) -> Select[tuple[str, str, int]]:
    latest = (
        select(_ENTRIES.c.object_id, func.max(_ENTRIES.c.object_version).label("version"))
        .where(among(_ENTRIES.c.object_id, "id", count))
        .group_by(_ENTRIES.c.object_id)
        .subquery()
    )
    return select(_ENTRIES.c.object_id, _ENTRIES.c.id, _ENTRIES.c.object_version).join(
        latest, (latest.c.object_id == _ENTRIES.c.object_id) & (latest.c.version == _ENTRIES.c.object_version)
    )


def latest_number(object_id: ColumnElement[str] | str) -> ScalarSelect[int | None]:
    """The number of the ledger's latest entry of this row's object, as a part of the statement that reads the row."""
    numbers = _ENTRIES.alias("numbers")
    return select(func.max(numbers.c.object_version)).where(numbers.c.object_id == object_id).scalar_subquery()


def recorded_at(tx: Connection, object_id: str, object_version: int) -> datetime | None:
    """When the ledger recorded this change of an object: the time that its leaf has, which no row can move."""
    here = (_ENTRIES.c.object_id == object_id) & (_ENTRIES.c.object_version == object_version)
    return tx.execute(select(_ENTRIES.c.recorded_at).where(here)).scalar_one_or_none()


def made_at(tx: Connection, ids: Collection[str]) -> dict[str, datetime]:
    """When the ledger recorded the making of each of these objects; it may know nothing of some."""
    here = (_ENTRIES.c.object_version == 1) & _ENTRIES.c.object_id.in_(list(ids))
    rows = tx.execute(select(_ENTRIES.c.object_id, _ENTRIES.c.recorded_at).where(here))
    return {row.object_id: row.recorded_at for row in rows}


def latest_changes(tx: Connection, ids: list[str]) -> dict[str, tuple[str, int]]:
    """Entry and version with which the ledger last spoke of each of these objects; it may know nothing of some."""
    if not ids:
        return {}
    rounded = ids + ids[:1] * (-len(ids) % _ROUND)
    rows = tx.execute(_latest_entries(len(rounded)), numbered("id", rounded))
    return {row.object_id: (row.id, row.object_version) for row in rows}


def settled(look: Callable[[], T]) -> T:
    """What `look` sees, which compares rows with the ledger; looked at again where they disagree.

    They are two statements, and on PostgreSQL a transaction that writes sees in the second what others committed since
    the first. What is damaged is so at every look. Raises: IntegrityBrokenError.
    """
    for _ in range(_LOOKS - 1):
        with suppress(IntegrityBrokenError):
            return look()
    return look()


def grant_mac(grant: Grant, vault: Vault) -> bytes:
    """The MAC to store with a grant."""
    return vault.row_mac(b"grant\x1f" + canonical(grant.meaning()))


def version_mac(version: VersionRecord, vault: Vault) -> bytes:
    """The MAC to store with a certificate version."""
    return vault.row_mac(b"version\x1f" + version.meaning())


def seen_mac(version_id: str, as_of: datetime, vault: Vault) -> bytes:
    """The MAC to store beside when the register last said that a version stands: a proof's age counts from there."""
    return vault.row_mac(_of_look(version_id, as_of))


def _of_look(version_id: str, as_of: datetime) -> bytes:
    return f"seen\x1f{version_id}\x1f{as_of.astimezone(UTC).isoformat()}".encode()


def guarded_holder(holder: FurtherHolder, vault: Vault) -> FurtherHolder:
    """A further holder with the MAC to store: a row that anybody could add would make him a holder of any licence."""
    return replace(holder, mac=vault.row_mac(_of_holder(holder)))


def guarded_copies(copies: Copies, vault: Vault) -> Copies:
    """Copies with the MAC to store."""
    return replace(copies, mac=vault.row_mac(b"copies\x1f" + copies.meaning()))


def _of_holder(holder: FurtherHolder) -> bytes:
    return b"holder\x1f" + holder.meaning()


def check_guards(
    tx: Connection,
    vault: Vault,
    *,
    grants: Iterable[Grant] = (),
    versions: Iterable[VersionRecord] = (),
    held: Collection[HeldVersion] = (),
    copies: Iterable[Copies] = (),
    counted: Mapping[str, tuple[int, str]] = MappingProxyType({}),
) -> None:
    """Check every guarded row before it is believed, with one query for all of them: of what is held, that it is.

    Args:
        counted: objects that stand for many rows, by how many changes these rows show and in which table; the ledger
            must know as many.
    Raises: IntegrityBrokenError naming the table, when a row was written by anyone but the hub, or put back.
    """
    expected: dict[str, tuple[str, int, str]] = {}
    for grant in grants:
        vault.check_row_mac(b"grant\x1f" + canonical(grant.meaning()), grant.mac, where="grants")
        expected[grant.id] = (grant.ledger_entry_id, grant.row_version, "grants")
    for holder in (item.further for item in held if item.further is not None):
        vault.check_row_mac(_of_holder(holder), holder.mac, where="certificate_holders")
    for version in (*versions, *(item.record for item in held)):
        vault.check_row_mac(b"version\x1f" + version.meaning(), version.mac, where="certificate_versions")
        if version.seen_mac is not None:
            look = _of_look(version.id, version.as_of)
            vault.check_row_mac(look, version.seen_mac, where="certificate_versions")
        expected[version.id] = (version.ledger_entry_id, version.row_version, "certificate_versions")
    for item in copies:
        vault.check_row_mac(b"copies\x1f" + item.meaning(), item.mac, where="certificate_copies")
        expected[item.id] = (item.ledger_entry_id, item.row_version, "certificate_copies")
    if not expected and not counted:
        return
    latest = latest_changes(tx, [*expected, *counted])
    for object_id, (entry_id, row_version, where) in expected.items():
        if latest.get(object_id) != (entry_id, row_version):
            raise IntegrityBrokenError(where)
    for object_id, (changes, where) in counted.items():
        if latest.get(object_id, ("", 0))[1] != changes:
            raise IntegrityBrokenError(where)
