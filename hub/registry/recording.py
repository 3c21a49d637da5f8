"""Ledger entries of the catalogue: who did what to which object, in the transaction of the change."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection

from catalog.errors import DefinitionError
from hub.access.actors import Actor
from hub.ledger.entries import Draft, append, seal
from hub.storage.vault import DataKey
from signing.canonical import canonical, sha256
from signing.errors import MalformedError


def record(tx: Connection, key: DataKey, actor: Actor, kind: str, detail: dict[str, Any], *, now: datetime) -> None:
    """Append an entry naming the actor. `detail` holds codes and digests: no secret, no value of a record."""
    append(tx, [seal(Draft(kind=kind, detail=detail | {"actor": actor.as_json()}, key=key), now=now)])


def digest_of(definition: dict[str, Any]) -> str:
    """SHA-256 of a declaration in canonical JSON, hexadecimal."""
    return sha256(canonical(definition)).hex()


def plain_json(definition: Mapping[str, Any]) -> dict[str, Any]:
    """A declaration as YAML gave it, as the JSON that is stored: numbers as keys and days become text.

    Raises: DefinitionError: a key that YAML read as yes or no, a value that JSON does not have.
    """
    if not isinstance(definition, Mapping):
        raise DefinitionError("a definition is an object")
    try:
        plain: dict[str, Any] = _plain(definition)
        canonical(plain)
    except (MalformedError, RecursionError):
        raise DefinitionError("the definition holds something that JSON cannot say") from None
    return plain


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        if any(isinstance(key, bool) or not isinstance(key, str | int) for key in value):
            raise DefinitionError("write the keys of tables in quotes: YAML reads y and no as truth values")
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, date) else value
