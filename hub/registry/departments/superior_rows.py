"""Which department is over another 上级部门: its rows. They take the caller's connection and never commit.

A row is believed with its MAC and as the ledger's latest word on it. Where it is not, nobody is the superior, which
is an alarm: what would have gone to him goes where it goes without one.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import structlog
from sqlalchemy import Connection, insert, select, update

from catalog.tables import table
from hub.ledger.guards import latest_number
from hub.registry.departments.store import Departments, DepartmentView
from hub.registry.tables import SuperiorRow
from hub.storage.vault import Vault
from signing.canonical import canonical

_ROWS: Final = table(SuperiorRow)
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Named:
    """A row. `superior_id` None: it has none any more. On the ledger the department's id is that of the naming, too."""

    department_id: str
    superior_id: str | None
    legal_basis: str
    row_version: int
    ledger_entry_id: str
    changed_at: datetime
    mac: bytes

    def meaning(self) -> bytes:
        """All that the MAC covers."""
        names = ("department_id", "superior_id", "legal_basis", "row_version", "ledger_entry_id")
        return b"superior\x1f" + canonical({name: getattr(self, name) for name in names})


def superior_of(tx: Connection, vault: Vault, departments: Departments, department_id: str) -> DepartmentView | None:
    """Who is over whoever answers for this department today; None: nobody that is named, or it has itself succeeded."""
    current = departments.current(department_id)
    found = _believed(tx, vault, department_id=current.id)
    if not found or found[0].superior_id is None:
        return None
    superior = departments.current(found[0].superior_id)
    return None if superior.id == current.id else superior


def superiors(tx: Connection, vault: Vault, departments: Departments) -> dict[str, DepartmentView]:
    """By id of the department; of those that have one."""
    named = {row.department_id: row.superior_id for row in _believed(tx, vault) if row.superior_id}
    found = {one: departments.current(over) for one, over in named.items() if not departments.by_id[one].closed}
    return {one: over for one, over in found.items() if over.id != one}


def put(tx: Connection, vault: Vault, **values: Any) -> None:
    """Write it, or write it anew."""
    named = Named(mac=b"", **values)
    row = {**values, "mac": vault.row_mac(named.meaning())}
    if not tx.execute(update(_ROWS).where(_ROWS.c.department_id == named.department_id).values(**row)).rowcount:
        tx.execute(insert(_ROWS).values(**row))


def _believed(tx: Connection, vault: Vault, **where: str) -> list[Named]:
    said = latest_number(_ROWS.c.department_id).label("said")  # in one statement: a naming on its way is no alarm
    rows = [dict(row._mapping) for row in tx.execute(select(_ROWS, said).filter_by(**where))]  # noqa: SLF001
    latest = [row.pop("said") for row in rows]
    named = [Named(**row) for row in rows]
    whole = [
        row
        for row, number in zip(named, latest, strict=True)
        if vault.row_mac(row.meaning()) == row.mac and number == row.row_version
    ]
    if len(whole) < len(named):
        _log.error("guarded_row_broken", alarm=True, where="department_superiors")
    return whole
