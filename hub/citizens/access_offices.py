"""Which department an entry is of: it stands there by its code, by its id, by one of its systems, or, where only the
department that issued a licence does such a thing to it, in the identifier of the licence.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection

from certificates.errors import NumberingError
from certificates.lifecycle.states import Operation
from certificates.numbering import parse
from hub.citizens.access_names import offices_of, text
from hub.citizens.access_rows import Found
from hub.registry.departments.store import read_departments

_BY_ISSUER: Final = frozenset(
    {"certificate.export", *(f"certificate.{step.value}" for step in Operation if step is not Operation.EXPIRE)}
)
"""Not `expire`, which nobody does; nor the making of a page and its stamps: the entry does not say for whom."""


def office_in(kind: str, said: Mapping[str, Any], systems: Mapping[str, str]) -> str:
    """Code or id of the department, empty where the entry knows none. `systems`: as `offices_of`."""
    named = text(said, "department") or text(said, "department_id") or systems.get(text(said, "client_id"), "")
    if named or kind == "copy.sealed":
        return named or text(said, "office")
    if kind in _BY_ISSUER and "copy" not in said:  # a copy's file is fetched by whom the copy was made for
        try:
            return parse(text(said, "identifier")).issuer_code
        except NumberingError:
            return ""
    return ""


def names_of_office(tx: Connection, code: str) -> frozenset[str]:
    """Its id and code; of one that nobody knows, what was asked. Empty: nobody asked for one."""
    found = read_departments(tx).by_code(code) if code else None
    return frozenset({code} if code else ()) | ({found.id} if found else frozenset())


def of_office(tx: Connection, found: Sequence[Found], office: frozenset[str]) -> list[Found]:
    """Those of it. What does not match its commitment may be anybody's, and is one of everybody's."""
    systems = offices_of(tx, [item.detail for item in found if item.detail])
    return [item for item in found if item.detail is None or office_in(item.kind, item.detail, systems) in office]
