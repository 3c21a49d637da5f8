"""What the entries of the ledger speak of, by name: departments, systems, matters, and the articles of grants."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, select

from catalog.tables import DepartmentRow, GrantRow, MatterRow, SystemRow, table
from hub.intake.families.tables import LifeEventRow
from hub.registry.meanings import Words

_DEPARTMENTS: Final = table(DepartmentRow)
_MATTERS: Final = table(MatterRow)
_GRANTS: Final = table(GrantRow)
_SYSTEMS: Final = table(SystemRow)
_EVENTS: Final = table(LifeEventRow)


@dataclass(frozen=True, slots=True)
class Names:
    """By what stands in entries: code or id of a department, client id, code of a matter or event, id of a grant."""

    departments: Mapping[str, Words]
    offices: Mapping[str, str]
    """Of systems, by their client id."""
    matters: Mapping[str, Words]
    grounds: Mapping[str, str]


def names_of(tx: Connection, details: Iterable[Mapping[str, Any]]) -> Names:
    """The names of what the entries of one page speak of."""
    found = list(details)
    matters = {str(item["matter"]) for item in found if item.get("matter")}
    grants = {one for item in found for one in texts(item, "grants")}
    departments = tx.execute(
        select(_DEPARTMENTS.c.id, _DEPARTMENTS.c.code, _DEPARTMENTS.c.name_zh, _DEPARTMENTS.c.name_en)
    )
    named = {key: (row.name_zh, row.name_en) for row in departments for key in (row.id, row.code)}
    called = select(_MATTERS.c.code, _MATTERS.c.definition).where(_MATTERS.c.code.in_(matters))
    events = select(_EVENTS.c.code, _EVENTS.c.definition).where(_EVENTS.c.code.in_(matters))
    lawful = select(_GRANTS.c.id, _GRANTS.c.terms).where(_GRANTS.c.id.in_(grants))
    return Names(
        named,
        offices_of(tx, found),
        {
            **{row.code: _named(row.definition) for row in tx.execute(events.order_by(_EVENTS.c.version))},
            **{row.code: _named(row.definition) for row in tx.execute(called.order_by(_MATTERS.c.version))},
        },
        {row.id: str(row.terms.get("legal_basis") or "") for row in tx.execute(lawful)},
    )


def offices_of(tx: Connection, details: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Ids of the departments whose systems these entries name, by client id."""
    clients = {one for item in details if (one := text(item, "client_id"))}
    systems = select(_SYSTEMS.c.client_id, _SYSTEMS.c.owner_department_id).where(_SYSTEMS.c.client_id.in_(clients))
    return {row.client_id: row.owner_department_id for row in tx.execute(systems)} if clients else {}


def _named(definition: Mapping[str, Any]) -> Words:
    """Of a matter, or of the life event for which a code was taken."""
    name = definition.get("name") or definition["title"]
    return str(name["zh"]), str(name["en"])


def texts(detail: Mapping[str, Any], name: str) -> list[str]:
    """A list of words that an entry has; empty where it has none."""
    value = detail.get(name)
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def text(detail: Mapping[str, Any], name: str) -> str:
    """A word that an entry has; empty where it has none."""
    value = detail.get(name)
    return value if isinstance(value, str) else ""


def interfaces_of(detail: Mapping[str, Any]) -> list[str]:
    """The interfaces that an entry says were asked, as `code@version`: of a pull, or of a query."""
    several = detail.get("interfaces")
    if isinstance(several, list):
        return [one for one in several if isinstance(one, str)]
    code, version = detail.get("interface"), detail.get("version")
    return [f"{code}@{version}"] if isinstance(code, str) and isinstance(version, int) else []
