"""Which entries are of one department: it stands in them by its code, by its id, or by one of its systems."""

from collections.abc import Sequence

from sqlalchemy import Connection

from hub.citizens.access_names import offices_of, text
from hub.citizens.access_rows import Found
from hub.registry.departments.store import read_departments


def names_of_office(tx: Connection, code: str) -> frozenset[str]:
    """Its id and code; of one that nobody knows, what was asked. Empty: nobody asked for one."""
    found = read_departments(tx).by_code(code) if code else None
    return frozenset({code} if code else ()) | ({found.id} if found else frozenset())


def of_office(tx: Connection, found: Sequence[Found], office: frozenset[str]) -> list[Found]:
    """Those of it. What does not match its commitment may be anybody's, and is one of everybody's."""
    systems = offices_of(tx, [item.detail for item in found if item.detail])
    return [item for item in found if item.detail is None or _office(item, systems) in office]


def _office(item: Found, systems: dict[str, str]) -> str:
    said = item.detail or {}
    return text(said, "department") or text(said, "department_id") or systems.get(text(said, "client_id"), "")
