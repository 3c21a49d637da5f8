"""Queries over asks. They take the caller's connection and never commit."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, and_, func, insert, select

from catalog.tables import DepartmentRow, SystemRow, table
from hub.intake.asks.tables import AskRow
from hub.intake.tables import CasePartyRow, CaseRow

_ASKS: Final = table(AskRow)
_CASES: Final = table(CaseRow)
_PARTIES: Final = table(CasePartyRow)
_DEPARTMENTS: Final = table(DepartmentRow)
_SYSTEMS: Final = table(SystemRow)
_SHOWN: Final = ("code", "party", "reason", "rule", "outcome", "asked_at", "matter_code", "clerk")


def find_ask(tx: Connection, case_id: str, code: str, party: str, reason: str) -> Mapping[str, Any] | None:
    """The same ask, where it was made before."""
    same = and_(_ASKS.c.case_id == case_id, _ASKS.c.code == code, _ASKS.c.party == party, _ASKS.c.reason == reason)
    row = tx.execute(select(_ASKS).where(same)).mappings().one_or_none()
    return None if row is None else dict(row)


def add_ask(tx: Connection, row: Mapping[str, Any]) -> None:
    """Write one. Raises: ConflictError: the same was made at the same moment."""
    tx.execute(insert(_ASKS).values(**row))


def asks_of(tx: Connection, case_id: str) -> list[dict[str, Any]]:
    """All that was asked in a case, oldest first."""
    query = select(*(_ASKS.c[name] for name in _SHOWN)).where(_ASKS.c.case_id == case_id).order_by(_ASKS.c.id)
    return [dict(row) for row in tx.execute(query).mappings()]


def list_asks(tx: Connection, *, department_id: str | None, since: datetime, limit: int) -> list[dict[str, Any]]:
    """What was asked since, newest first, with case and department; of one department or of all."""
    query = (
        select(
            *(_ASKS.c[name] for name in _SHOWN),
            _CASES.c.case_no,
            _DEPARTMENTS.c.code.label("department"),
            _SYSTEMS.c.client_id.label("system"),
        )
        .join(_CASES, _CASES.c.id == _ASKS.c.case_id)
        .join(_SYSTEMS, _SYSTEMS.c.id == _ASKS.c.system_id)
        .join(_DEPARTMENTS, _DEPARTMENTS.c.id == _ASKS.c.owner_department_id)
        .where(_ASKS.c.asked_at >= since)
        .order_by(_ASKS.c.asked_at.desc(), _ASKS.c.id)
        .limit(limit)
    )
    if department_id is not None:
        query = query.where(_ASKS.c.owner_department_id == department_id)
    return [dict(row) for row in tx.execute(query).mappings()]


def count_asks(tx: Connection, *, department_id: str | None, since: datetime) -> list[dict[str, Any]]:
    """How often each paper was asked for since, by department, matter, rule and reason; most often first."""
    by = (_ASKS.c.matter_code, _ASKS.c.code, _ASKS.c.rule, _ASKS.c.reason)
    count = func.count().label("count")
    query = (
        select(_DEPARTMENTS.c.code.label("department"), *by, count)
        .select_from(_ASKS.join(_DEPARTMENTS, _DEPARTMENTS.c.id == _ASKS.c.owner_department_id))
        .where(_ASKS.c.asked_at >= since)
        .group_by(_DEPARTMENTS.c.code, *by)
        .order_by(count.desc(), _DEPARTMENTS.c.code, *by)
    )
    if department_id is not None:
        query = query.where(_ASKS.c.owner_department_id == department_id)
    return [dict(row) for row in tx.execute(query).mappings()]


def count_clerks(tx: Connection, *, department_id: str | None, since: datetime) -> list[dict[str, Any]]:
    """How often each clerk, or system for its own officers, asked since, and how often against a rule; most first."""
    by = (_SYSTEMS.c.client_id.label("system"), _ASKS.c.clerk)
    count, against = func.count().label("asks"), func.count(_ASKS.c.rule).label("against_rules")
    query = (
        select(_DEPARTMENTS.c.code.label("department"), *by, count, against)
        .join(_DEPARTMENTS, _DEPARTMENTS.c.id == _ASKS.c.owner_department_id)
        .join(_SYSTEMS, _SYSTEMS.c.id == _ASKS.c.system_id)
        .where(_ASKS.c.asked_at >= since)
        .group_by(_DEPARTMENTS.c.code, *by)
        .order_by(against.desc(), count.desc(), _SYSTEMS.c.client_id, _ASKS.c.clerk)
    )
    if department_id is not None:
        query = query.where(_ASKS.c.owner_department_id == department_id)
    return [dict(row) for row in tx.execute(query).mappings()]


def asked_in(tx: Connection, case_ids: Sequence[str]) -> set[tuple[str, str, str]]:
    """Case, requirement and party of what was asked all the same in these cases."""
    query = select(_ASKS.c.case_id, _ASKS.c.code, _ASKS.c.party).where(_ASKS.c.case_id.in_(case_ids))
    return {(row.case_id, row.code, row.party) for row in tx.execute(query)}


def cases_of_holder(
    tx: Connection, *, system_id: str, lookup_hash: bytes, since: datetime, other_than: str, limit: int
) -> list[tuple[str, str]]:
    """Ids of a system's cases since then in which somebody was a party, and in which role; newest first."""
    query = (
        select(_CASES.c.id, _PARTIES.c.role)
        .join(_PARTIES, _PARTIES.c.case_id == _CASES.c.id)
        .where(
            _CASES.c.system_id == system_id,
            _PARTIES.c.lookup_hash == lookup_hash,
            _CASES.c.opened_at >= since,
            _CASES.c.id != other_than,
        )
        .order_by(_CASES.c.opened_at.desc())
        .limit(limit)
    )
    return [(row.id, row.role) for row in tx.execute(query)]
