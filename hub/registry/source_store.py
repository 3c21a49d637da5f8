"""Queries about sources that only the registry asks: dates of secrets, last probes, who depends on them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, and_, insert, select

from catalog.tables import DepartmentRow, InterfaceRow, SourceSecretRow, table
from hub.clock import rfc3339
from hub.registry.tables import SourceProbeRow

_SECRETS: Final = table(SourceSecretRow)
_PROBES: Final = table(SourceProbeRow)
_INTERFACES: Final = table(InterfaceRow)
_DEPARTMENTS: Final = table(DepartmentRow)


@dataclass(frozen=True, slots=True)
class SecretDate:
    """That a secret is set, and since when. There is no way to its value."""

    name: str
    changed_at: datetime | None
    """None for one that the connection refers to and nobody has set."""

    def as_json(self) -> dict[str, Any]:
        """For answers."""
        return {"name": self.name, "changed_at": rfc3339(self.changed_at) if self.changed_at else None}


@dataclass(frozen=True, slots=True)
class ProbeView:
    """The outcome of a probe; `code` as in `adapters.errors`, empty when the source answered."""

    ok: bool
    code: str
    milliseconds: int
    at: datetime

    def as_json(self) -> dict[str, Any]:
        """For answers."""
        return {"ok": self.ok, "code": self.code, "milliseconds": self.milliseconds, "at": rfc3339(self.at)}


def secret_dates(tx: Connection, source_id: str, referred: frozenset[str]) -> tuple[SecretDate, ...]:
    """Secrets that are set or referred to, by name."""
    query = select(_SECRETS.c.name, _SECRETS.c.changed_at).where(_SECRETS.c.source_id == source_id)
    known = {row.name: row.changed_at for row in tx.execute(query)}
    return tuple(SecretDate(name, known.get(name)) for name in sorted({*known, *referred}))


def drop_secret(tx: Connection, source_id: str, name: str) -> bool:
    """Delete a secret; False when there is none."""
    where = and_(_SECRETS.c.source_id == source_id, _SECRETS.c.name == name)
    return tx.execute(_SECRETS.delete().where(where)).rowcount > 0


def put_probe(tx: Connection, source_id: str, view: ProbeView) -> None:
    """Remember the last probe."""
    tx.execute(_PROBES.delete().where(_PROBES.c.source_id == source_id))
    tx.execute(
        insert(_PROBES).values(
            source_id=source_id, ok=view.ok, code=view.code[:64], milliseconds=view.milliseconds, at=view.at
        )
    )


def last_probe(tx: Connection, source_id: str) -> ProbeView | None:
    """The last probe, None before the first."""
    row = tx.execute(select(_PROBES).where(_PROBES.c.source_id == source_id)).one_or_none()
    return None if row is None else ProbeView(row.ok, row.code, row.milliseconds, row.at)


def interfaces_of(tx: Connection, source_id: str) -> tuple[tuple[str, int, str], ...]:
    """(code, version, state) of every interface version that asks this source."""
    query = (
        select(_INTERFACES.c.code, _INTERFACES.c.version, _INTERFACES.c.state)
        .where(_INTERFACES.c.source_id == source_id)
        .order_by(_INTERFACES.c.code, _INTERFACES.c.version)
    )
    return tuple((row.code, row.version, row.state) for row in tx.execute(query))


def department_code(tx: Connection, department_id: str) -> str:
    """The USCC of a department."""
    return str(tx.execute(select(_DEPARTMENTS.c.code).where(_DEPARTMENTS.c.id == department_id)).scalar_one())
