"""Queries over the catalogue. Each takes the caller's connection and never commits; rows become values here."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, and_, bindparam, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from catalog.errors import DefinitionError
from catalog.grants import CaseKind, Grant, GrantState, ResourceKind, Terms, read_terms
from catalog.matter_store import current_matters, in_force, matter_versions
from catalog.matters.reading import read_matter
from catalog.matters.values import Matter
from catalog.tables import (
    DepartmentRow,
    GrantQuotaRow,
    GrantRow,
    MatterRow,
    SystemKeyRow,
    SystemRow,
    among,
    numbered,
    table,
)

_DEPARTMENTS: Final = table(DepartmentRow)
_SYSTEMS: Final = table(SystemRow)
_KEYS: Final = table(SystemKeyRow)
_MATTERS: Final = table(MatterRow)
_GRANTS: Final = table(GrantRow)
_QUOTAS: Final = table(GrantQuotaRow)

_SYSTEM_KEY: Final = (
    select(
        _SYSTEMS.c.id, _SYSTEMS.c.client_id, _SYSTEMS.c.owner_department_id, _SYSTEMS.c.active, _KEYS.c.kid, _KEYS.c.jwk
    )
    .join(_KEYS, _KEYS.c.system_id == _SYSTEMS.c.id)
    .where(
        and_(_SYSTEMS.c.client_id == bindparam("client_id"), _KEYS.c.kid == bindparam("kid"), _KEYS.c.active.is_(True))
    )
)
_ALL_GRANTS_OF: Final = select(_GRANTS).where(
    and_(_GRANTS.c.system_id == bindparam("system_id"), _GRANTS.c.kind == bindparam("kind"))
)
_GRANTS_OF: Final = _ALL_GRANTS_OF.where(_GRANTS.c.resource_kind == bindparam("resource_kind"))
_GRANTS_FOR: Final = _GRANTS_OF.where(_GRANTS.c.type_code == bindparam("resource"))


@lru_cache(64)
def _grants_shared(count: int) -> Select[tuple[str, int, str, datetime]]:
    return (
        select(_GRANTS.c.id, _GRANTS.c.row_version, _GRANTS.c.state, _GRANTS.c.valid_until)
        .where(among(_GRANTS.c.id, "id", count))
        .order_by(_GRANTS.c.id)
        .with_for_update(read=True)
    )


@dataclass(frozen=True, slots=True)
class Department:
    """A department, as other rows refer to it."""

    id: str
    code: str
    name_zh: str
    name_en: str
    issues: tuple[str, ...]
    """Codes of the certificate types it is entitled to issue."""
    key_custody: str
    """Who holds its issuing key: `hub_held` or `department_held`."""
    closed: bool = False
    """Another department has taken its place: it begins nothing new; what it issued stays valid."""


@dataclass(frozen=True, slots=True)
class SystemKey:
    """A system and the one key that a kid names."""

    system_id: str
    client_id: str
    department_id: str
    active: bool
    kid: str
    jwk: dict[str, str]


def add_department(tx: Connection, **values: Any) -> None:
    """Write a department row."""
    tx.execute(insert(_DEPARTMENTS).values(**values))


def find_department(tx: Connection, code: str) -> Department | None:
    """The department of this USCC."""
    row = tx.execute(select(_DEPARTMENTS).where(_DEPARTMENTS.c.code == code)).one_or_none()
    return None if row is None else _department(row)


def list_departments(tx: Connection) -> list[Department]:
    """All departments, by code."""
    rows = tx.execute(select(_DEPARTMENTS).order_by(_DEPARTMENTS.c.code))
    return [_department(row) for row in rows]


def add_system(tx: Connection, **values: Any) -> None:
    """Write a system row."""
    tx.execute(insert(_SYSTEMS).values(**values))


def systems_of(tx: Connection, department_id: str) -> list[dict[str, Any]]:
    """The systems of a department as shown, by client id."""
    query = select(_SYSTEMS).where(_SYSTEMS.c.owner_department_id == department_id).order_by(_SYSTEMS.c.client_id)
    return [
        {"client_id": row.client_id, "name": {"zh": row.name_zh, "en": row.name_en}, "active": row.active}
        for row in tx.execute(query)
    ]


def add_system_key(tx: Connection, **values: Any) -> None:
    """Write a public key of a system."""
    tx.execute(insert(_KEYS).values(**values))


def find_system_id(tx: Connection, client_id: str) -> str | None:
    """The id of a client."""
    return tx.execute(select(_SYSTEMS.c.id).where(_SYSTEMS.c.client_id == client_id)).scalar()


def find_system_key(tx: Connection, client_id: str, kid: str) -> SystemKey | None:
    """The active key of a client by its exact kid; None when either is unknown."""
    row = tx.execute(_SYSTEM_KEY, {"client_id": client_id, "kid": kid}).one_or_none()
    if row is None:
        return None
    return SystemKey(row.id, row.client_id, row.owner_department_id, row.active, row.kid, row.jwk)


def find_matter(tx: Connection, code: str, *, on: date | None = None) -> tuple[str, Matter, str] | None:
    """Row id, matter and owning department of the version of a case that is filed on this day, or today.

    Not checked: that the hub wrote it (`hub.registry.matters.guard`).
    """
    found = [item for item in matter_versions(tx, code) if on is not None or item.current]
    chosen = in_force(found, on) if on is not None else next(iter(found), None)
    return None if chosen is None else (chosen.id, chosen.matter(), chosen.owner_department_id)


def read_matter_row(tx: Connection, matter_id: str) -> Matter:
    """The matter version that a case was opened under. Rows are never changed, so callers may keep the value."""
    return read_matter(tx.execute(select(_MATTERS.c.definition).where(_MATTERS.c.id == matter_id)).scalar_one())


def list_matters(tx: Connection) -> list[Matter]:
    """All matters in force today, by code. One that cannot be read is left out: it must not hide the others."""
    found = []
    for item in current_matters(tx):
        with suppress(DefinitionError, ValueError):  # an alarm every day: hub.registry.matters.guard
            found.append(item.matter())
    return found


def add_grant(tx: Connection, grant: Grant) -> None:
    """Write a grant with its guard."""
    tx.execute(insert(_GRANTS).values(**_grant_values(grant)))


def replace_grant(tx: Connection, grant: Grant) -> bool:
    """Write a changed grant over its previous version; False when that was not the stored one any more."""
    where = and_(_GRANTS.c.id == grant.id, _GRANTS.c.row_version == grant.row_version - 1)
    return tx.execute(update(_GRANTS).where(where).values(**_grant_values(grant))).rowcount == 1


def grants_of(
    tx: Connection, system_id: str, kind: CaseKind, resource_kind: ResourceKind | None = ResourceKind.CERTIFICATE_TYPE
) -> list[Grant]:
    """Every grant of a system for cases of this kind, over resources of one kind or, with None, of all.

    The guard is not checked here: see `hub.ledger.guards`.
    """
    values = {"system_id": system_id, "kind": kind.value}
    if resource_kind is None:
        return [_grant(row) for row in tx.execute(_ALL_GRANTS_OF, values)]
    return [_grant(row) for row in tx.execute(_GRANTS_OF, values | {"resource_kind": resource_kind.value})]


def grants_for(
    tx: Connection, system_id: str, kind: CaseKind, resource_kind: ResourceKind, resource: str
) -> list[Grant]:
    """The grants of a system over one resource. The guard is not checked here: see `hub.ledger.guards`."""
    values = {
        "system_id": system_id,
        "kind": kind.value,
        "resource_kind": resource_kind.value,
        "resource": resource,
    }
    return [_grant(row) for row in tx.execute(_GRANTS_FOR, values)]


def find_grant(tx: Connection, grant_id: str) -> Grant | None:
    """One grant, locked against a change by another transaction."""
    row = tx.execute(select(_GRANTS).where(_GRANTS.c.id == grant_id).with_for_update()).one_or_none()
    return None if row is None else _grant(row)


def list_grants(
    tx: Connection,
    *,
    department_id: str | None = None,
    system_id: str | None = None,
    grant_id: str | None = None,
    limit: int = 500,
) -> list[Grant]:
    """Grants that a department gave or holds, or of one system, or all; newest first. The guard is not checked here."""
    query = select(_GRANTS).join(_SYSTEMS, _SYSTEMS.c.id == _GRANTS.c.system_id)
    if grant_id is not None:
        query = query.where(_GRANTS.c.id == grant_id)
    if department_id is not None:
        given, held = _GRANTS.c.owner_department_id, _SYSTEMS.c.owner_department_id
        query = query.where((given == department_id) | (held == department_id))
    if system_id is not None:
        query = query.where(_GRANTS.c.system_id == system_id)
    return [_grant(row) for row in tx.execute(query.order_by(_GRANTS.c.id.desc()).limit(limit))]


def read_grants(tx: Connection, ids: list[str]) -> list[Grant]:
    """These grants, as they stand. The guard is not checked here: see `hub.ledger.guards`."""
    return [_grant(row) for row in tx.execute(select(_GRANTS).where(_GRANTS.c.id.in_(ids)).order_by(_GRANTS.c.id))]


def lock_grants(tx: Connection, ids: list[str]) -> dict[str, tuple[int, str, datetime]]:
    """Row version, state and end of these grants, share-locked in id order until the transaction ends (seam D6)."""
    rows = tx.execute(_grants_shared(len(ids)), numbered("id", ids))
    return {row.id: (row.row_version, row.state, row.valid_until) for row in rows}


def lease_quota(tx: Connection, *, grant_id: str, day: str, block: int, limit: int) -> int:
    """Take up to `block` uses out of a day's quota; answers how many were left to take."""
    where = and_(_QUOTAS.c.grant_id == grant_id, _QUOTAS.c.day == day)
    found = select(_QUOTAS.c.leased).where(where).with_for_update()
    leased = tx.execute(found).scalar()
    if leased is None:
        # The first users of a day meet here: one of them makes the row, the others wait for it and count on.
        dialect_insert = postgresql.insert if tx.dialect.name == "postgresql" else sqlite.insert
        new = dialect_insert(_QUOTAS).values(grant_id=grant_id, day=day, leased=0)
        tx.execute(new.on_conflict_do_nothing(index_elements=["grant_id", "day"]))
        leased = int(tx.execute(found).scalar_one())
    taken = max(0, min(block, limit - leased))
    if taken:
        tx.execute(update(_QUOTAS).where(where).values(leased=leased + taken))
    return taken


def quota_leased(tx: Connection, ids: list[str], day: str) -> dict[str, int]:
    """How much of each grant's quota was leased on a civil day: at least what was used."""
    query = select(_QUOTAS.c.grant_id, _QUOTAS.c.leased).where(_QUOTAS.c.grant_id.in_(ids), _QUOTAS.c.day == day)
    return dict(tx.execute(query).tuples().all())


def _department(row: Row[Any]) -> Department:
    return Department(
        row.id,
        row.code,
        row.name_zh,
        row.name_en,
        tuple(row.issues),
        row.key_custody,
        closed=row.successor_id is not None,
    )


def _grant(row: Row[Any]) -> Grant:
    terms: Terms = read_terms(row.terms)
    return Grant(
        id=row.id,
        owner_department_id=row.owner_department_id,
        system_id=row.system_id,
        resource=row.type_code,
        kind=CaseKind(row.kind),
        terms=terms,
        purpose=row.purpose,
        state=GrantState(row.state),
        valid_from=row.valid_from,
        valid_until=row.valid_until,
        row_version=row.row_version,
        ledger_entry_id=row.ledger_entry_id,
        mac=row.mac,
        resource_kind=ResourceKind(row.resource_kind),
    )


def _grant_values(grant: Grant) -> dict[str, Any]:
    return {
        "id": grant.id,
        "owner_department_id": grant.owner_department_id,
        "system_id": grant.system_id,
        "resource_kind": grant.resource_kind.value,
        "type_code": grant.resource,
        "kind": grant.kind.value,
        "terms": grant.terms.as_json(),
        "purpose": grant.purpose,
        "state": grant.state.value,
        "valid_from": grant.valid_from,
        "valid_until": grant.valid_until,
        "row_version": grant.row_version,
        "ledger_entry_id": grant.ledger_entry_id,
        "mac": grant.mac,
    }
