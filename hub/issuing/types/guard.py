"""Types are believed only with a right MAC and the latest entry: they decide what a licence says and how much leaves.

A MAC alone would hold for yesterday's row as well: a retired type put back in force. So every change of a type is
numbered in the ledger, under an object of the type's own, and its newest row must be of the latest number; which one
is in force goes by that row alone, never by what an older one says of itself.

Every change of any type is an entry of one more object, whose number is the count of changes. So a process sees with
one look whether there is something to load, and a hub that has guarded one type takes no row without a MAC.
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby
from typing import Any, Final

from sqlalchemy import Connection

from certificates.stores.types import StoredType, stored_types
from hub.access.actors import Actor
from hub.ledger.entries import Draft, append, seal
from hub.ledger.guards import latest_changes, settled
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import DataKey, Vault
from signing.canonical import canonical

TYPES_OBJECT: Final = "00000000-0000-7000-8000-000000000021"
_OBJECTS: Final = uuid.UUID("5f2f7c4e-8a36-5c0a-9d53-2a4f2ad0c2b7")
"""Name space of the ids by which ledger entries name types."""
_WHERE: Final = "certificate_types"
_CHUNK: Final = 500


def type_object(code: str) -> str:
    """A type, all its versions, in ledger entries."""
    return str(uuid.uuid5(_OBJECTS, code))


def count_of_changes(tx: Connection) -> int:
    """How often types were changed since they are guarded; 0 on a store of an earlier release."""
    return _latest(tx, [TYPES_OBJECT]).get(TYPES_OBJECT, 0)


def guarded(vault: Vault, stored: StoredType) -> StoredType:
    """The version with the MAC to store."""
    return replace(stored, mac=vault.row_mac(_of_type(stored)))


def check_type(vault: Vault, stored: StoredType) -> None:
    """Before a version is read; whether it is the one in force is another question. Raises: IntegrityBrokenError."""
    vault.check_row_mac(_of_type(stored), stored.mac or b"", where=_WHERE)


def believed_versions(
    tx: Connection, vault: Vault, code: str, *, for_update: bool = False
) -> tuple[list[StoredType], int]:
    """All versions of a type, oldest first, and the number that its next change has.

    Raises: IntegrityBrokenError: a row that the hub did not write, or one put back, or the newest one is gone.
    """

    def look() -> tuple[list[StoredType], int]:
        known = stored_types(tx, code, for_update=for_update)
        for stored in known:
            check_type(vault, stored)
        latest = _latest(tx, [type_object(code)]).get(type_object(code), 0)
        if ((known[-1].row_version or 0) if known else 0) != latest:
            raise IntegrityBrokenError(_WHERE)
        return known, latest + 1

    return settled(look)


def newest_standing(tx: Connection, stored: Sequence[StoredType]) -> set[str]:
    """Of all types: the ids of the newest versions that are as the ledger last knew their type; MACs are not asked."""
    newest = [list(some)[-1] for _, some in groupby(stored, key=lambda item: item.code)]
    latest: dict[str, int] = {}
    for first in range(0, len(newest), _CHUNK):
        latest |= _latest(tx, [type_object(item.code) for item in newest[first : first + _CHUNK]])
    return {item.id for item in newest if latest.get(type_object(item.code), 0) == (item.row_version or 0)}


def record_change(
    tx: Connection,
    key: DataKey,
    actor: Actor,
    kind: str,
    detail: dict[str, Any],
    *,
    now: datetime,
    of: tuple[str, int] | None = None,
) -> None:
    """Append the entries of a change. Two changes of one moment: ConflictError for the second, which is made again.

    Args:
        of: the code of the type that is changed, and the number of the change; None: it is about all of them.
    """
    said = detail | {"actor": actor.as_json()}
    drafts = [_draft(kind, said, key, TYPES_OBJECT, count_of_changes(tx) + 1)]
    if of is not None:
        drafts = [
            _draft(kind, said, key, type_object(of[0]), of[1]),
            _draft(
                "catalog.types_changed", {"code": of[0], "number": of[1]}, key, TYPES_OBJECT, count_of_changes(tx) + 1
            ),
        ]
    append(tx, [seal(draft, now=now) for draft in drafts])


def _draft(kind: str, detail: dict[str, Any], key: DataKey, object_id: str, number: int) -> Draft:
    return Draft(kind=kind, detail=detail, key=key, object_id=object_id, object_version=number)


def _latest(tx: Connection, objects: Iterable[str]) -> dict[str, int]:
    return {name: number for name, (_, number) in latest_changes(tx, list(objects)).items()}


def _of_type(stored: StoredType) -> bytes:
    return b"certificate-type\x1f" + canonical(stored.meaning())
