"""Queries over material codes. They take the caller's connection and never commit."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, and_, delete, insert, select

from catalog.tables import MatterRow, SystemRow, table
from hub.clock import new_id
from hub.intake.materials.tables import SystemMaterialsRow
from hub.intake.tables import CaseRow

_MATERIALS: Final = table(SystemMaterialsRow)
_MATTERS: Final = table(MatterRow)
_CASES: Final = table(CaseRow)
_SYSTEMS: Final = table(SystemRow)


def codes_of(tx: Connection, system_id: str) -> dict[str, dict[str, str]]:
    """A system's own codes, by matter and requirement."""
    query = select(_MATERIALS.c.matter_code, _MATERIALS.c.codes).where(_MATERIALS.c.system_id == system_id)
    return {row.matter_code: dict(row.codes) for row in tx.execute(query.order_by(_MATERIALS.c.matter_code))}


def lock_system(tx: Connection, system_id: str) -> None:
    """Of two that name codes of a system at once the second waits."""
    tx.execute(select(_SYSTEMS.c.id).where(_SYSTEMS.c.id == system_id).with_for_update(key_share=True))


def replace_codes(tx: Connection, system_id: str, matter_code: str, codes: Mapping[str, str], *, now: datetime) -> None:
    """The codes of one matter, in place of those before; none: the matter's own count again."""
    mine = and_(_MATERIALS.c.system_id == system_id, _MATERIALS.c.matter_code == matter_code)
    tx.execute(delete(_MATERIALS).where(mine))
    if codes:
        row = {"system_id": system_id, "matter_code": matter_code, "codes": dict(codes), "changed_at": now}
        tx.execute(insert(_MATERIALS).values(id=new_id(), **row))


def requirements_of(tx: Connection, matter_code: str) -> frozenset[str] | None:
    """The requirements that any version of a matter lists or listed; None where there is no such matter.

    Of any: cases go on under the version of their day.
    """
    rows = tx.execute(select(_MATTERS.c.definition).where(_MATTERS.c.code == matter_code)).scalars().all()
    return frozenset(str(item["code"]) for row in rows for item in row["requirements"]) if rows else None


def material_of(tx: Connection, case_id: str, code: str) -> str | None:
    """Under which code the case's own system knows this requirement: its own, else the matter's."""
    own = and_(_MATERIALS.c.system_id == _CASES.c.system_id, _MATERIALS.c.matter_code == _CASES.c.matter_code)
    query = (
        select(_MATERIALS.c.codes, _MATTERS.c.definition)
        .select_from(_CASES.join(_MATTERS, _MATTERS.c.id == _CASES.c.matter_id).outerjoin(_MATERIALS, own))
        .where(_CASES.c.id == case_id)
    )
    row: Any = tx.execute(query).one()
    named = (item.get("material") for item in row.definition["requirements"] if item["code"] == code)
    return (row.codes or {}).get(code) or next(named, None)
