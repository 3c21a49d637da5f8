"""Reading the members of a definition that somebody wrote, and what they refer to."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from catalog import store
from catalog.errors import DefinitionError


def department(tx: Connection, code: str) -> store.Department:
    """The department of this USCC, open. Raises: DefinitionError."""
    found = store.find_department(tx, code)
    if found is None:
        raise DefinitionError(f"unknown department {code}")
    if found.closed:
        raise DefinitionError(f"department {code} is closed: name its successor")
    return found


def text(definition: dict[str, Any], name: str) -> str:
    """A member that says something. Raises: DefinitionError."""
    value = definition.get(name)
    if not isinstance(value, str) or not value.strip():
        raise DefinitionError(f"{name} is missing")
    return value


def instant(definition: dict[str, Any], name: str, default: datetime | None) -> datetime:
    """A member that is an RFC 3339 instant, or the default. Raises: DefinitionError."""
    value = definition.get(name)
    if value is None and default is not None:
        return default
    try:
        parsed = datetime.fromisoformat(str(value))
    except ValueError as error:
        raise DefinitionError(f"{name}: an RFC 3339 instant is needed") from error
    if parsed.tzinfo is None:
        raise DefinitionError(f"{name}: the instant needs a time zone")
    return parsed
