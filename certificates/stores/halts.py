"""Stopped types. Queries take the caller's connection and never commit."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, insert, select, update

from catalog.tables import table
from certificates.tables import TypeHaltRow

_HALTS: Final = table(TypeHaltRow)
_ALL: Final = select(_HALTS).order_by(_HALTS.c.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Halt:
    """A stop of one type, lifted or not."""

    id: str
    type_code: str
    reason: str
    legal_basis: str
    halted_by: dict[str, Any]
    halted_at: datetime
    lifted_by: dict[str, Any]
    lifted_at: datetime | None
    ledger_entry_id: str
    row_version: int
    mac: bytes

    def meaning(self) -> dict[str, Any]:
        """Everything that the MAC covers."""
        return {
            "id": self.id,
            "type": self.type_code,
            "reason": self.reason,
            "legal_basis": self.legal_basis,
            "halted_by": self.halted_by,
            "halted_at": round(self.halted_at.timestamp() * 1_000_000),
            "lifted_by": self.lifted_by,
            "lifted_at": round(self.lifted_at.timestamp() * 1_000_000) if self.lifted_at else None,
            "entry": self.ledger_entry_id,
            "row_version": self.row_version,
        }


def all_halts(tx: Connection, *, for_update: bool = False) -> list[Halt]:
    """Every stop of every type, oldest first: a handful in a hub's life."""
    rows = tx.execute(_ALL.with_for_update() if for_update else _ALL)
    return [Halt(**{column.name: row._mapping[column] for column in _HALTS.c}) for row in rows]  # noqa: SLF001


def put_halt(tx: Connection, halt: Halt) -> None:
    """Write a new stop, or a lifted one."""
    values = {column.name: getattr(halt, column.name) for column in _HALTS.c}
    if halt.row_version == 1:
        tx.execute(insert(_HALTS).values(**values))
    else:
        tx.execute(update(_HALTS).where(_HALTS.c.id == halt.id).values(**values))
