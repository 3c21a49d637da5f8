"""Acts on versions, as stored. Append-only: nothing here changes or removes one."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, and_, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from catalog.tables import table
from certificates.copies.tables import CopiesRow
from certificates.tables import ArrivalRow, CertificateVersionRow, TransitionRow

_TRANSITIONS: Final = table(TransitionRow)
_VERSIONS: Final = table(CertificateVersionRow)
_ARRIVALS: Final = table(ArrivalRow)
_COPIES: Final = table(CopiesRow)
MADE: Final = 1
"""The number of the act that made a version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAct:
    """A row. Without `mac` it is of a release before 0004, which kept neither number nor entry."""

    id: str
    version_id: str
    operation: str
    from_status: str
    to_status: str
    reason: str
    legal_basis: str
    effective_at: datetime
    detail: dict[str, Any]
    object_version: int | None
    recorded_at: datetime | None
    reason_code: str | None
    related_id: str | None
    ledger_entry_id: str | None
    mac: bytes | None

    def meaning(self) -> dict[str, Any]:
        """Everything that the MAC covers."""
        return {
            "id": self.id,
            "version": self.version_id,
            "number": self.object_version,
            "operation": self.operation,
            "from": self.from_status,
            "to": self.to_status,
            "reason_code": self.reason_code,
            "reason": self.reason,
            "legal_basis": self.legal_basis,
            "effective_at": round(self.effective_at.timestamp() * 1_000_000),
            "recorded_at": round(self.recorded_at.timestamp() * 1_000_000) if self.recorded_at else None,
            "related": self.related_id,
            "entry": self.ledger_entry_id,
            "detail": self.detail,
        }


def add_act(tx: Connection, act: StoredAct) -> None:
    """Write an act, once."""
    tx.execute(insert(_TRANSITIONS).values(**{column.name: getattr(act, column.name) for column in _TRANSITIONS.c}))


def acts_on(tx: Connection, version_ids: Collection[str]) -> dict[str, list[StoredAct]]:
    """The acts on these versions, oldest first."""
    query = select(_TRANSITIONS).where(_TRANSITIONS.c.version_id.in_(list(version_ids))).order_by(_TRANSITIONS.c.id)
    found: dict[str, list[StoredAct]] = {item: [] for item in version_ids}
    for row in tx.execute(query):
        found[row.version_id].append(_act(row))
    return found


def has_detail(tx: Connection, name: str, value: str) -> bool:
    """Whether any act says this in its detail. Without an index, in one pass at most."""
    said = _TRANSITIONS.c.detail[name].as_string() == value
    return tx.execute(select(_TRANSITIONS.c.id).where(said).limit(1)).first() is not None


def births(tx: Connection, version_ids: Collection[str]) -> dict[str, StoredAct]:
    """The acts that made these versions, where acts made them: what collection makes has none."""
    where = and_(_TRANSITIONS.c.version_id.in_(list(version_ids)), _TRANSITIONS.c.object_version == MADE)
    return {row.version_id: _act(row) for row in tx.execute(select(_TRANSITIONS).where(where))}


def arrive(tx: Connection, type_code: str, identifier: str, version_id: str) -> str:
    """Note that this version was made of a licence of another hub, unless another is noted; answers the one noted,
    locked until the transaction ends. Whoever does the same meanwhile is waited for.
    """
    of_it = and_(_ARRIVALS.c.type_code == type_code, _ARRIVALS.c.identifier == identifier)
    row = {"type_code": type_code, "identifier": identifier, "version_id": version_id}
    dialect_insert = postgresql.insert if tx.dialect.name == "postgresql" else sqlite.insert
    tx.execute(
        dialect_insert(_ARRIVALS).values(**row).on_conflict_do_nothing(index_elements=["type_code", "identifier"])
    )
    return str(tx.execute(select(_ARRIVALS.c.version_id).where(of_it).with_for_update()).scalar_one())


def arrive_again(tx: Connection, type_code: str, identifier: str, version_id: str) -> None:
    """Note this version instead: what was made of it before stands no more."""
    of_it = and_(_ARRIVALS.c.type_code == type_code, _ARRIVALS.c.identifier == identifier)
    tx.execute(update(_ARRIVALS).where(of_it).values(version_id=version_id))


def following(tx: Connection, version_id: str) -> list[StoredAct]:
    """The acts that made something in the place of this version."""
    where = and_(_TRANSITIONS.c.related_id == version_id, _TRANSITIONS.c.object_version == MADE)
    return [_act(row) for row in tx.execute(select(_TRANSITIONS).where(where))]


def recorded_after(tx: Connection, number: int, moment: datetime, *, most: int) -> list[tuple[int, StoredAct]]:
    """Changes of versions on a list that were recorded after a moment, oldest first, with the versions' indexes."""
    since = func.coalesce(_TRANSITIONS.c.recorded_at, _TRANSITIONS.c.effective_at)
    query = (
        select(_VERSIONS.c.status_index, *_TRANSITIONS.c)
        .join(_VERSIONS, _VERSIONS.c.id == _TRANSITIONS.c.version_id)
        .where(_VERSIONS.c.status_list == number, since > moment, _TRANSITIONS.c.from_status != "")
        .order_by(_TRANSITIONS.c.id)
        .limit(most)
    )
    return [(row.status_index, _act(row)) for row in tx.execute(query)]


def recorded_after_of_copies(
    tx: Connection, number: int, moment: datetime, *, most: int
) -> list[tuple[int, StoredAct]]:
    """Likewise of copies on a list that had not ended by that moment: changes of their versions, with their indexes."""
    since = func.coalesce(_TRANSITIONS.c.recorded_at, _TRANSITIONS.c.effective_at)
    stood = _COPIES.c.ended_at.is_(None) | (_COPIES.c.ended_at > moment)
    query = (
        select(_COPIES.c.status_index, *_TRANSITIONS.c)
        .join(_COPIES, _COPIES.c.version_id == _TRANSITIONS.c.version_id)
        .where(_COPIES.c.status_list == number, stood, since > moment, _TRANSITIONS.c.from_status != "")
        .order_by(_TRANSITIONS.c.id)
        .limit(most)
    )
    return [(row.status_index, _act(row)) for row in tx.execute(query)]


def _act(row: Any) -> StoredAct:
    return StoredAct(**{column.name: row._mapping[column] for column in _TRANSITIONS.c})  # noqa: SLF001  # public name
