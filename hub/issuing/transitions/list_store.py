"""Rows of lists of acts: what a list is, how far it is, what became of each certificate. Never commits."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, func, insert, select, update

from catalog.tables import table
from certificates.tables import ActListItemRow, ActListRow, CertificateRow, CertificateVersionRow
from hub.clock import rfc3339
from hub.storage.errors import MissingError
from signing.canonical import canonical, sha256

PAGE: Final = 1000
_LISTS: Final = table(ActListRow)
_ITEMS: Final = table(ActListItemRow)
_VERSIONS: Final = table(CertificateVersionRow)
_CERTIFICATES: Final = table(CertificateRow)


@dataclass(frozen=True, slots=True)
class ActList:
    """How far a list is. `counts`: rows by `waiting`, `done`, `refused`; `reasons`: why refused, by code."""

    id: str
    operation: str
    asked_by: Mapping[str, str]
    state: str
    total: int
    counts: Mapping[str, int]
    reasons: Mapping[str, int]
    created_at: datetime
    ended_at: datetime | None

    def as_json(self) -> dict[str, Any]:
        """Additive only."""
        done = self.total - self.counts.get("waiting", 0)
        return {
            "list": self.id,
            "operation": self.operation,
            "asked_by": dict(self.asked_by),
            "state": self.state,
            "progress": {"total": self.total, "per_cent": done * 100 // max(self.total, 1), **self.counts},
            "reasons": dict(self.reasons),
            "created_at": rfc3339(self.created_at),
            "ended_at": rfc3339(self.ended_at) if self.ended_at else None,
        }


def add_list(tx: Connection, rows: Sequence[str], values: Mapping[str, Any]) -> None:
    """Write a list and its rows."""
    tx.execute(insert(_LISTS).values(**values))
    for first in range(0, len(rows), PAGE):
        tx.execute(
            insert(_ITEMS),
            [
                {"list_id": values["id"], "number": first + place, "identifier": item, "state": "waiting", "why": ""}
                for place, item in enumerate(rows[first : first + PAGE], start=1)
            ],
        )


def list_row(tx: Connection, list_id: str, *, lock: bool = False) -> Any:
    """The row of a list. Raises: MissingError."""
    query = select(_LISTS).where(_LISTS.c.id == list_id)
    row = tx.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise MissingError("list")
    return row


def change_list(tx: Connection, list_id: str, **values: Any) -> None:
    """Write what is new of it."""
    tx.execute(update(_LISTS).where(_LISTS.c.id == list_id).values(**values))


def newest_lists(tx: Connection, department_id: str | None, *, most: int) -> list[ActList]:
    """The newest of a department, or of all."""
    query = select(_LISTS.c.id).order_by(_LISTS.c.id.desc()).limit(most)
    if department_id is not None:
        query = query.where(_LISTS.c.owner_department_id == department_id)
    return [view_of(tx, row.id) for row in tx.execute(query).all()]


def view_of(tx: Connection, list_id: str) -> ActList:
    """How far it is. Raises: MissingError."""
    row = list_row(tx, list_id)
    refused = (_ITEMS.c.list_id == list_id, _ITEMS.c.state == "refused")
    reasons = tx.execute(select(_ITEMS.c.why, func.count()).where(*refused).group_by(_ITEMS.c.why)).all()
    return ActList(
        id=row.id,
        operation=row.act["operation"],
        asked_by=row.asked_by,
        state=row.state,
        total=row.total,
        counts=counts_of(tx, list_id),
        reasons={found.why: found[1] for found in sorted(reasons)},
        created_at=row.created_at,
        ended_at=row.ended_at,
    )


def counts_of(tx: Connection, list_id: str) -> dict[str, int]:
    """Rows by state."""
    query = select(_ITEMS.c.state, func.count()).where(_ITEMS.c.list_id == list_id).group_by(_ITEMS.c.state)
    found = {row.state: row[1] for row in tx.execute(query)}
    return {state: found.get(state, 0) for state in ("waiting", "done", "refused")}


def items_after(tx: Connection, list_id: str, after: int) -> list[dict[str, Any]]:
    """A page of rows behind a number, in order."""
    where = (_ITEMS.c.list_id == list_id, _ITEMS.c.number > after)
    rows = tx.execute(select(_ITEMS).where(*where).order_by(_ITEMS.c.number).limit(PAGE))
    return [{name: getattr(row, name) for name in ("number", "identifier", "state", "why")} for row in rows]


def waiting_items(tx: Connection, list_id: str, most: int) -> Sequence[Any]:
    """The next rows of which nothing became yet."""
    where = (_ITEMS.c.list_id == list_id, _ITEMS.c.state == "waiting")
    return tx.execute(select(_ITEMS).where(*where).order_by(_ITEMS.c.number).limit(most)).all()


def end_item(tx: Connection, list_id: str, number: int, why: str) -> None:
    """What became of a row: done, or refused with its reason."""
    same = (_ITEMS.c.list_id == list_id, _ITEMS.c.number == number)
    tx.execute(update(_ITEMS).where(*same).values(state="refused" if why else "done", why=why))


def types_and_owners(tx: Connection, identifiers: Sequence[str]) -> set[tuple[str, str]]:
    """Type and department of these certificates."""
    found: set[tuple[str, str]] = set()
    columns = (_CERTIFICATES.c.type_code, _CERTIFICATES.c.owner_department_id)
    joined = select(*columns).join(_VERSIONS, _VERSIONS.c.certificate_id == _CERTIFICATES.c.id)
    for first in range(0, len(identifiers), PAGE):
        some = list(identifiers[first : first + PAGE])
        rows = tx.execute(joined.where(_VERSIONS.c.identifier.in_(some)).distinct())
        found.update((row.type_code, row.owner_department_id) for row in rows)
    return found


def digest_of(tx: Connection, list_id: str) -> bytes:
    """Over the rows as they stand."""
    query = select(_ITEMS.c.identifier).where(_ITEMS.c.list_id == list_id).order_by(_ITEMS.c.number)
    return digest_over(tx.execute(query).scalars())


def digest_over(identifiers: Iterable[str]) -> bytes:
    """SHA-256 of identifiers in their order."""
    return sha256("\n".join(identifiers).encode())


def meaning_of(row: Mapping[str, Any], digest: bytes) -> bytes:
    """Everything the MAC of a list covers: what is done, to what, asked by whom and confirmed by whom."""
    names = ("id", "owner_department_id", "act", "asked_by", "total")
    return b"act-list\x1f" + canonical({name: row[name] for name in names} | {"rows": digest.hex()})
