"""Whose a matter is: its department decides its cases, and publishes its versions. Believed only with a MAC of its own
and the ledger's count, since a succession moves it without a new version.
"""

import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from catalog.matter_store import StoredMatter, write_owner
from hub.ledger.entries import Draft, append, seal
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import DataKey, Vault
from signing.canonical import canonical

_WHERE: Final = "matters"
_OBJECTS: Final = uuid.UUID("5d1f8f3e-58c3-5c0e-9a86-2a7de5c8f6b2")
"""Name space of the ids by which ledger entries name who has a version."""


def owned(vault: Vault, stored: StoredMatter) -> StoredMatter:
    """The version with the MAC over whose it is."""
    return replace(stored, owner_mac=vault.row_mac(_meaning(stored)))


def owner_object(stored: StoredMatter) -> str:
    """Whose a version is, in ledger entries."""
    return str(uuid.uuid5(_OBJECTS, stored.id))


def check_owner(vault: Vault, stored: StoredMatter, known: Mapping[str, tuple[str, int]]) -> None:
    """`known`: what the ledger says last of `owner_object`. Raises: IntegrityBrokenError."""
    vault.check_row_mac(_meaning(stored), stored.owner_mac or b"", where=_WHERE)
    if known.get(owner_object(stored), ("", 0))[1] != stored.owner_version:
        raise IntegrityBrokenError(_WHERE)


def hand_over(tx: Connection, vault: Vault, key: DataKey, stored: StoredMatter, taker: str, now: datetime) -> None:
    """Another department takes a version over that was believed in this transaction."""
    moved = owned(vault, replace(stored, owner_department_id=taker, owner_version=stored.owner_version + 1))
    write_owner(tx, moved)
    detail = {"code": moved.code, "version": moved.version, "from": stored.owner_department_id, "into": taker}
    draft = Draft(
        kind="catalog.matter_owner",
        detail=detail,
        key=key,
        object_id=owner_object(moved),
        object_version=moved.owner_version,
    )
    append(tx, [seal(draft, now=now)])


def _meaning(stored: StoredMatter) -> bytes:
    told = {"id": stored.id, "owner": stored.owner_department_id, "version": stored.owner_version}
    return b"matter_owner\x1f" + canonical(told)
