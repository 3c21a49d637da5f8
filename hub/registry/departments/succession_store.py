"""What hangs on a department, and moving it to another: one statement for each kind of thing. Never commits."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Table, and_, select, true, update

from catalog.interface_store import interface_by_id
from catalog.source_store import source_by_id
from catalog.tables import GrantRow, InterfaceRow, MatterRow, SourceRow, SystemRow, table
from hub.intake.tables import CaseRow
from hub.registry.guarding import check_interface, check_source, guard_interface, guard_source
from hub.registry.requests.values import OPEN
from hub.registry.tables import AlarmRow, DemandRow, GrantDisputeRow, GrantRequestRow
from hub.storage.vault import Vault

_SOURCES: Final = table(SourceRow)
_INTERFACES: Final = table(InterfaceRow)
_SYSTEMS: Final = table(SystemRow)
_MATTERS: Final = table(MatterRow)
_GRANTS: Final = table(GrantRow)
_REQUESTS: Final = table(GrantRequestRow)
_DISPUTES: Final = table(GrantDisputeRow)
_DEMANDS: Final = table(DemandRow)
_ALARMS: Final = table(AlarmRow)
_CASES: Final = table(CaseRow)


@dataclass(frozen=True, slots=True)
class Part:
    """What of a department changes hands. None means everything of the kind; interfaces follow their sources."""

    sources: frozenset[str] | None = None
    systems: frozenset[str] | None = None
    matters: frozenset[str] | None = None
    types: frozenset[str] | None = None

    @classmethod
    def of(
        cls,
        *,
        sources: Collection[str] = (),
        systems: Collection[str] = (),
        matters: Collection[str] = (),
        types: Collection[str] = (),
    ) -> "Part":
        """Exactly these codes, and nothing of a kind that is not named."""
        return cls(frozenset(sources), frozenset(systems), frozenset(matters), frozenset(types))

    @property
    def everything(self) -> bool:
        """Whether nothing stays."""
        return self == Part()


def move_owned(tx: Connection, vault: Vault, giver: str, taker: str, part: Part, now: datetime) -> dict[str, list[str]]:
    """Move sources with their interfaces, and systems; answers their codes by kind.

    Raises: IntegrityBrokenError for a guarded row that somebody wrote past the hub.
    """
    versioned = {"owner_department_id": taker, "changed_at": now}
    where_sources = _mine(_SOURCES, giver, _SOURCES.c.code, part.sources)
    source_ids = [row.id for row in tx.execute(select(_SOURCES.c.id).where(where_sources))]
    interfaces = and_(_INTERFACES.c.owner_department_id == giver, _INTERFACES.c.source_id.in_(source_ids))
    interface_ids = [row.id for row in tx.execute(select(_INTERFACES.c.id).where(interfaces))]
    _check_guarded(tx, vault, source_ids, interface_ids)
    moved = {
        "interfaces": sorted({row.code for row in tx.execute(select(_INTERFACES.c.code).where(interfaces))}),
        "sources": _move(tx, _SOURCES, _SOURCES.c.code, where_sources, versioned),
    }
    row_version = _INTERFACES.c.row_version + 1
    tx.execute(update(_INTERFACES).where(interfaces).values(row_version=row_version, **versioned))
    for source_id in source_ids:
        guard_source(tx, vault, source_id)
    for interface_id in interface_ids:
        guard_interface(tx, vault, interface_id)
    owner = {"owner_department_id": taker}
    where_systems = _mine(_SYSTEMS, giver, _SYSTEMS.c.client_id, part.systems)
    moved["systems"] = _move(tx, _SYSTEMS, _SYSTEMS.c.client_id, where_systems, owner)
    return moved


def matters_owned(tx: Connection, giver: str, part: Part) -> list[str]:
    """Codes of the matters of today that are a department's, of this part."""
    where = and_(_mine(_MATTERS, giver, _MATTERS.c.code, part.matters), _MATTERS.c.current.is_(True))
    return sorted(tx.execute(select(_MATTERS.c.code).where(where)).scalars())


def cases_decided_by(tx: Connection, giver: str, matters: Collection[str]) -> list[str]:
    """Ids of the cases under way whose decision is a department's, by their matters, in id order."""
    mine = and_(_CASES.c.approving_department_id == giver, _CASES.c.state != "closed")
    theirs = and_(mine, _CASES.c.matter_code.in_(list(matters)))
    return list(tx.execute(select(_CASES.c.id).where(theirs).order_by(_CASES.c.id)).scalars())


def _check_guarded(tx: Connection, vault: Vault, source_ids: list[str], interface_ids: list[str]) -> None:
    for source_id in source_ids:
        if (source := source_by_id(tx, source_id)) is not None:
            check_source(vault, source)
    for interface_id in interface_ids:
        if (stored := interface_by_id(tx, interface_id)) is not None:
            check_interface(vault, stored)


def grants_owned(tx: Connection, giver: str, resources: Collection[str] | None) -> list[str]:
    """Ids of the grants that a department gave, of these resources or of all, in id order."""
    rows = tx.execute(
        select(_GRANTS.c.id).where(_mine(_GRANTS, giver, _GRANTS.c.type_code, resources)).order_by(_GRANTS.c.id)
    )
    return [str(row.id) for row in rows]


def move_clocks(tx: Connection, giver: str, taker: str, resources: Collection[str] | None, now: datetime) -> int:
    """Move what waits for the department's answer, with its due dates as they run; answers how many.

    With everything (`resources` None) also what the department itself asked for, and its alarms.
    """
    states = [state.value for state in OPEN]
    changed = {"changed_at": now}
    open_requests = and_(_mine(_REQUESTS, giver, _REQUESTS.c.resource, resources), _REQUESTS.c.state.in_(states))
    count = _touch(tx, _REQUESTS, open_requests, {"owner_department_id": taker, **changed})
    if resources is not None:
        return count
    count += _touch(tx, _DISPUTES, _DISPUTES.c.owner_department_id == giver, {"owner_department_id": taker, **changed})
    count += _touch(tx, _DEMANDS, _DEMANDS.c.owner_department_id == giver, {"owner_department_id": taker, **changed})
    asked = {"asking_department_id": taker, **changed}
    for asking in (_REQUESTS, _DISPUTES, _DEMANDS):
        _touch(tx, asking, asking.c.asking_department_id == giver, asked)
    where_alarms = and_(_ALARMS.c.owner_department_id == giver, _ALARMS.c.lifted_at.is_(None))
    tx.execute(update(_ALARMS).where(where_alarms).values(owner_department_id=taker))
    return count


def _mine(rows: Table, giver: str, column: Any, wanted: Collection[str] | None) -> ColumnElement[bool]:
    return and_(rows.c.owner_department_id == giver, true() if wanted is None else column.in_(list(wanted)))


def _move(tx: Connection, rows: Table, code: Any, where: ColumnElement[bool], values: Mapping[str, Any]) -> list[str]:
    codes = sorted({str(found) for found in tx.execute(select(code).where(where)).scalars()})
    if "row_version" in rows.c:
        values = {**values, "row_version": rows.c.row_version + 1}
    tx.execute(update(rows).where(where).values(**values))
    return codes


def _touch(tx: Connection, rows: Table, where: ColumnElement[bool], values: Mapping[str, Any]) -> int:
    return tx.execute(update(rows).where(where).values(row_version=rows.c.row_version + 1, **values)).rowcount
