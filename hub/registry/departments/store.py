"""Queries over departments, with what became of them and what they do."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, delete, insert, select, update

from catalog.errors import DefinitionError
from catalog.tables import DepartmentRow, table
from hub.registry.tables import DepartmentProfileRow, SuccessionRow
from hub.storage.errors import MissingError

_DEPARTMENTS: Final = table(DepartmentRow)
_PROFILES: Final = table(DepartmentProfileRow)
_SUCCESSIONS: Final = table(SuccessionRow)


@dataclass(frozen=True, slots=True)
class DepartmentView:
    """A department as the catalogue shows it. `duties` are words of its own; a closed one has a successor."""

    id: str
    code: str
    name_zh: str
    name_en: str
    level: str
    region: str
    issues: tuple[str, ...]
    successor_id: str | None
    duties: tuple[str, ...]
    contact: str

    @property
    def closed(self) -> bool:
        """Whether another department has taken its place."""
        return self.successor_id is not None


@dataclass(frozen=True, slots=True)
class Departments:
    """All departments, by id, and the way from a closed one to whoever answers for it today."""

    by_id: dict[str, DepartmentView]

    def current(self, department_id: str) -> DepartmentView:
        """The department itself, or the last of its successors. A ring, which no merge makes, ends where it began."""
        found = self.by_id[department_id]
        for _ in range(len(self.by_id)):
            if found.successor_id is None:
                return found
            found = self.by_id[found.successor_id]
        return found

    def by_code(self, code: str) -> DepartmentView | None:
        """The department of this USCC, open or closed."""
        return next((item for item in self.by_id.values() if item.code == code), None)

    def former(self, department_id: str) -> list[DepartmentView]:
        """Closed departments for which this one answers, by code."""
        return [
            item
            for item in sorted(self.by_id.values(), key=lambda item: item.code)
            if item.closed and self.current(item.id).id == department_id
        ]


def read_departments(tx: Connection) -> Departments:
    """All departments."""
    columns = (_PROFILES.c.duties, _PROFILES.c.contact)
    rows = tx.execute(
        select(_DEPARTMENTS, *columns)
        .outerjoin(_PROFILES, _PROFILES.c.department_id == _DEPARTMENTS.c.id)
        .order_by(_DEPARTMENTS.c.code)
    )
    return Departments(
        {
            row.id: DepartmentView(
                row.id, row.code, row.name_zh, row.name_en, row.level, row.region, tuple(row.issues), row.successor_id,
                tuple(row.duties or ()), row.contact or "",
            )
            for row in rows
        }
    )  # fmt: skip


def open_department(departments: Departments, code: str) -> DepartmentView:
    """The department of this USCC. Raises: MissingError; DefinitionError: another has taken its place."""
    view = departments.by_code(code)
    if view is None:
        raise MissingError("department")
    if view.closed:
        raise DefinitionError(f"department {code} is closed; {departments.current(view.id).code} answers for it")
    return view


def put_profile(tx: Connection, department_id: str, *, duties: list[str], contact: str, now: datetime) -> None:
    """Write or replace what a department says of itself."""
    tx.execute(delete(_PROFILES).where(_PROFILES.c.department_id == department_id))
    values = {"department_id": department_id, "duties": duties, "contact": contact, "changed_at": now}
    tx.execute(insert(_PROFILES).values(**values))


def change_department(tx: Connection, department_id: str, **values: Any) -> None:
    """Change a department's row."""
    tx.execute(update(_DEPARTMENTS).where(_DEPARTMENTS.c.id == department_id).values(**values))


def lock_departments(tx: Connection, ids: list[str]) -> None:
    """Lock these rows in id order, so that two successions of the same departments wait for each other."""
    tx.execute(
        select(_DEPARTMENTS.c.id).where(_DEPARTMENTS.c.id.in_(ids)).order_by(_DEPARTMENTS.c.id).with_for_update()
    )


def answering_today(tx: Connection, department_id: str) -> DepartmentView:
    """Who answers today for what is put before this department now: a succession on its way is waited for, and the next
    one finds it.
    """
    here = select(_DEPARTMENTS.c.id).where(_DEPARTMENTS.c.id == department_id)
    tx.execute(here.with_for_update(read=True, key_share=True))
    return read_departments(tx).current(department_id)


def add_succession(tx: Connection, **values: Any) -> None:
    """Write down that something was handed over."""
    tx.execute(insert(_SUCCESSIONS).values(**values))


def successions_of(tx: Connection, department_id: str) -> list[dict[str, Any]]:
    """What a department handed over or took over, oldest first."""
    where = (_SUCCESSIONS.c.from_department_id == department_id) | (_SUCCESSIONS.c.into_department_id == department_id)
    return [dict(row._mapping) for row in tx.execute(select(_SUCCESSIONS).where(where).order_by(_SUCCESSIONS.c.id))]  # noqa: SLF001
