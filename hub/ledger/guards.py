"""Guarded rows: a grant or a status is believed only with a right MAC and the object's latest ledger entry.

Whoever can write the database can copy an old row back with its old MAC; he cannot make its ledger entry the latest
without removing later entries, which the tree remembers (threat S9).
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from sqlalchemy import Connection, Select, func, select

from catalog.grants import Grant
from catalog.tables import among, numbered, table
from certificates.store import VersionRecord
from hub.ledger.tables import LedgerEntryRow
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import Vault
from signing.canonical import canonical

_ROUND: Final = 8
"""Ids are asked for in eights, so that a person with a licence takes the same statement as one without (threat S14)."""
_ENTRIES: Final = table(LedgerEntryRow)
_STATEMENTS: Final = 64


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


def changed_since_made(tx: Connection, ids: Select[tuple[str]]) -> list[str]:
    """Of these objects, those that the ledger says were changed after they were made."""
    where = (_ENTRIES.c.object_version > 1) & _ENTRIES.c.object_id.in_(ids)
    return list(tx.execute(select(_ENTRIES.c.object_id).where(where).distinct()).scalars())


def grant_mac(grant: Grant, vault: Vault) -> bytes:
    """The MAC to store with a grant."""
    return vault.row_mac(b"grant\x1f" + canonical(grant.meaning()))


def version_mac(version: VersionRecord, vault: Vault) -> bytes:
    """The MAC to store with a certificate version."""
    return vault.row_mac(b"version\x1f" + version.meaning())


def check_guards(
    tx: Connection, vault: Vault, *, grants: Iterable[Grant] = (), versions: Iterable[VersionRecord] = ()
) -> None:
    """Check every guarded row before it is believed, with one query for all of them.

    Raises: IntegrityBrokenError naming the table, when a row was written by anyone but the hub, or put back.
    """
    expected: dict[str, tuple[str, int, str]] = {}
    for grant in grants:
        vault.check_row_mac(b"grant\x1f" + canonical(grant.meaning()), grant.mac, where="grants")
        expected[grant.id] = (grant.ledger_entry_id, grant.row_version, "grants")
    for version in versions:
        vault.check_row_mac(b"version\x1f" + version.meaning(), version.mac, where="certificate_versions")
        expected[version.id] = (version.ledger_entry_id, version.row_version, "certificate_versions")
    if not expected:
        return
    ids = list(expected)
    ids += ids[:1] * (-len(ids) % _ROUND)
    rows = tx.execute(_latest_entries(len(ids)), numbered("id", ids))
    latest = {row.object_id: (row.id, row.object_version) for row in rows}
    for object_id, (entry_id, row_version, where) in expected.items():
        if latest.get(object_id) != (entry_id, row_version):
            raise IntegrityBrokenError(where)
