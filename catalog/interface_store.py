"""Queries over interfaces, version by version. Each takes the caller's connection and never commits."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, and_, bindparam, func, insert, or_, select, update

from catalog.interfaces import Interface, InterfaceState, read_interface
from catalog.source_store import definition_text
from catalog.tables import InterfaceRow, SourceRow, among, numbered, table

_SOURCES: Final = table(SourceRow)
_INTERFACES: Final = table(InterfaceRow)
ANSWERING: Final = (InterfaceState.LIVE.value, InterfaceState.DEPRECATED.value)
_ALIVE: Final = (
    or_(*(_INTERFACES.c.state == state for state in ANSWERING)),
    or_(_INTERFACES.c.ends_at.is_(None), _INTERFACES.c.ends_at > bindparam("now")),
)
_ANSWERS: Final = and_(_INTERFACES.c.code == bindparam("code"), *_ALIVE)
_BEST: Final = (_INTERFACES.c.state.desc(), _INTERFACES.c.version.desc())  # "live" sorts after "deprecated"
_ANSWERING_INTERFACE: Final = select(_INTERFACES).where(_ANSWERS).order_by(*_BEST).limit(1)
_COLUMNS: Final = select(
    *(column for column in _INTERFACES.c if column.name != "definition"),
    *(column.label(f"source_{column.name}") for column in _SOURCES.c if column.name not in {"id", "definition"}),
).join(_SOURCES, _SOURCES.c.id == _INTERFACES.c.source_id)
_STANDING: Final = _COLUMNS.where(_ANSWERS).order_by(*_BEST).limit(1)
_INTERFACE_STATE: Final = (
    select(_INTERFACES.c.state, _INTERFACES.c.ends_at, _SOURCES.c.state.label("source_state"))
    .join(_SOURCES, _SOURCES.c.id == _INTERFACES.c.source_id)
    .where(_INTERFACES.c.id == bindparam("interface_id"))
    .with_for_update(read=True, of=[_INTERFACES, _SOURCES])
)


@dataclass(frozen=True, slots=True)
class StoredInterface:
    """A version of an interface as stored."""

    id: str
    version: int
    owner_department_id: str
    source_id: str
    state: InterfaceState
    row_version: int
    interface: Interface
    declared: dict[str, Any]
    published_at: datetime | None
    ends_at: datetime | None
    changed_at: datetime
    mac: bytes

    def meaning(self) -> dict[str, Any]:
        """Everything the MAC covers: what is asked of whom, which fields may leave, and whether it answers."""
        return {
            "id": self.id,
            "version": self.version,
            "owner_department_id": self.owner_department_id,
            "source_id": self.source_id,
            "state": self.state.value,
            "row_version": self.row_version,
            "ends_at": round(self.ends_at.timestamp()) if self.ends_at else None,
            "definition": self.declared,
        }


def add_interface(tx: Connection, **values: Any) -> None:
    """Write a version of an interface; it is not believed until it has its MAC (`set_interface_mac`)."""
    tx.execute(insert(_INTERFACES).values(mac=b"", **values))


def change_interface(tx: Connection, interface_id: str, *, row_version: int, **values: Any) -> bool:
    """Change a version that is still at `row_version`; False when somebody was faster."""
    where = and_(_INTERFACES.c.id == interface_id, _INTERFACES.c.row_version == row_version)
    return tx.execute(update(_INTERFACES).where(where).values(row_version=row_version + 1, **values)).rowcount == 1


def set_interface_mac(tx: Connection, interface_id: str, mac: bytes) -> None:
    """Guard a version as it stands."""
    tx.execute(update(_INTERFACES).where(_INTERFACES.c.id == interface_id).values(mac=mac))


def interface_by_id(tx: Connection, interface_id: str) -> StoredInterface | None:
    """The version of a stored row."""
    return _interface(tx.execute(select(_INTERFACES).where(_INTERFACES.c.id == interface_id)).one_or_none())


def next_version(tx: Connection, code: str) -> int:
    """The number after the highest version of this code."""
    return int(tx.execute(select(func.max(_INTERFACES.c.version)).where(_INTERFACES.c.code == code)).scalar() or 0) + 1


def find_version(tx: Connection, code: str, version: int) -> StoredInterface | None:
    """One version."""
    where = and_(_INTERFACES.c.code == code, _INTERFACES.c.version == version)
    return _interface(tx.execute(select(_INTERFACES).where(where)).one_or_none())


def answering_interface(tx: Connection, code: str, *, now: datetime) -> StoredInterface | None:
    """The version that answers under grants: the newest live one, else the newest deprecated one not yet ended."""
    return _interface(tx.execute(_ANSWERING_INTERFACE, {"code": code, "now": now}).first())


def standing_of(tx: Connection, code: str, *, now: datetime) -> Row[Any] | None:
    """All columns of `answering_interface` and of its source but their definitions, which are long: whoever has read
    and checked rows with these values knows the definitions as well. It has `id` and `source_id`.
    """
    return tx.execute(_STANDING, {"code": code, "now": now}).first()


def standings_of(tx: Connection, codes: Sequence[str], *, now: datetime) -> dict[str, Row[Any]]:
    """`standing_of` of several codes, in one statement."""
    rows = tx.execute(_standings(len(codes)), {"now": now} | numbered("code", codes))
    found: dict[str, Row[Any]] = {}
    for row in rows:
        found.setdefault(row.code, row)
    return found


@lru_cache(64)
def _standings(count: int) -> Select[Any]:
    return _COLUMNS.where(among(_INTERFACES.c.code, "code", count), *_ALIVE).order_by(*_BEST)


def lock_interfaces(tx: Connection, ids: Sequence[str]) -> dict[str, tuple[InterfaceState, datetime | None, bool]]:
    """`lock_interface` of several versions, locked in the order of their ids."""
    rows = tx.execute(_locked(len(ids)), numbered("id", ids))
    return {row.id: (InterfaceState(row.state), row.ends_at, row.source_state == "active") for row in rows}


@lru_cache(64)
def _locked(count: int) -> Select[Any]:
    return (
        select(_INTERFACES.c.id, _INTERFACES.c.state, _INTERFACES.c.ends_at, _SOURCES.c.state.label("source_state"))
        .join(_SOURCES, _SOURCES.c.id == _INTERFACES.c.source_id)
        .where(among(_INTERFACES.c.id, "id", count))
        .order_by(_INTERFACES.c.id)
        .with_for_update(read=True, of=[_INTERFACES, _SOURCES])
    )


def lock_interface(tx: Connection, interface_id: str) -> tuple[InterfaceState, datetime | None, bool]:
    """State and end of a version, and whether its source is in use; both share-locked until the transaction ends
    (seam D6).
    """
    row = tx.execute(_INTERFACE_STATE, {"interface_id": interface_id}).one()
    return InterfaceState(row.state), row.ends_at, row.source_state == "active"


def interface_versions(tx: Connection, code: str) -> list[StoredInterface]:
    """Every version of a code, newest first."""
    rows = tx.execute(select(_INTERFACES).where(_INTERFACES.c.code == code).order_by(_INTERFACES.c.version.desc()))
    return [found for row in rows if (found := _interface(row)) is not None]


def list_interfaces(
    tx: Connection, *, owner_department_id: str | None = None, states: tuple[str, ...] | None = None
) -> list[StoredInterface]:
    """Versions by code and version, of a department and in these states."""
    query = select(_INTERFACES).order_by(_INTERFACES.c.code, _INTERFACES.c.version.desc())
    if owner_department_id is not None:
        query = query.where(_INTERFACES.c.owner_department_id == owner_department_id)
    if states is not None:
        query = query.where(_INTERFACES.c.state.in_(states))
    return [found for row in tx.execute(query) if (found := _interface(row)) is not None]


def answering_named(tx: Connection, codes: Collection[str]) -> list[StoredInterface]:
    """The versions of these codes that answer, the best of each code first."""
    if not codes:
        return []
    query = select(_INTERFACES).where(_INTERFACES.c.code.in_(sorted(codes)), _INTERFACES.c.state.in_(ANSWERING))
    return [found for row in tx.execute(query.order_by(*_BEST)) if (found := _interface(row)) is not None]


def _interface(row: Row[Any] | None) -> StoredInterface | None:
    if row is None:
        return None
    return StoredInterface(
        id=row.id,
        version=row.version,
        owner_department_id=row.owner_department_id,
        source_id=row.source_id,
        state=InterfaceState(row.state),
        row_version=row.row_version,
        interface=_parsed(definition_text(row.definition)),
        declared=row.definition,
        published_at=row.published_at,
        ends_at=row.ends_at,
        changed_at=row.changed_at,
        mac=row.mac,
    )


@lru_cache(4096)
def _parsed(definition: str) -> Interface:
    return read_interface(json.loads(definition))
