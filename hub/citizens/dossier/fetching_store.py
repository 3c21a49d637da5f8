"""Collections that subjects have asked for, as rows. Queries take the caller's connection and never commit."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from catalog.tables import DepartmentRow, table
from hub.citizens.dossier.tables import OwnCollectionFeedRow, OwnCollectionRow
from hub.collection.feeds.store import list_feeds
from hub.registry.meanings import Words

ASKED: Final = "asked"
ENDED: Final = "ended"
_COLLECTIONS: Final = table(OwnCollectionRow)
_FEEDS: Final = table(OwnCollectionFeedRow)
_DEPARTMENTS: Final = table(DepartmentRow)


@dataclass(frozen=True, slots=True)
class AskedFeed:
    """One source of a collection; `outcome` as `hub.collection.by_holder.Outcome`, empty while it is asked."""

    feed: str
    type_code: str
    issuer_code: str
    issuer: Words
    outcome: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A collection as far as it has come."""

    id: str
    subject_id: str
    rounds: int
    asked_at: datetime
    again_at: datetime | None
    ended_at: datetime | None
    feeds: Sequence[AskedFeed]
    content: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Askable:
    """A declared feed that may be asked about one person. `type`: a code or a short name."""

    feed: str
    type: str
    issuer: str


def askable(tx: Connection) -> list[Askable]:
    """By code."""
    return [
        Askable(item.code, str(item.definition["type"]), str(item.definition["issuer"]))
        for item in list_feeds(tx)
        if item.active and item.definition.get("by_holder")
    ]


def begin(
    tx: Connection,
    collection_id: str,
    subject_id: str,
    feeds: Sequence[tuple[str, str, str]],
    content: bytes,
    now: datetime,
) -> None:
    """Write a collection of these feeds (code, type, issuer), none of which has answered."""
    tx.execute(
        insert(_COLLECTIONS).values(
            id=collection_id, subject_id=subject_id, state=ASKED, rounds=0, content=content, asked_at=now
        )
    )
    if feeds:
        names = ("feed", "type_code", "issuer_code")
        rows = [dict(zip(names, item, strict=True)) | {"collection_id": collection_id, "outcome": ""} for item in feeds]
        tx.execute(insert(_FEEDS), rows)


def last_of(tx: Connection, subject_id: str) -> Asked | None:
    """The collection of a subject that is kept."""
    return _read(tx, _COLLECTIONS.c.subject_id == subject_id)


def find(tx: Connection, collection_id: str) -> Asked | None:
    """One of them."""
    return _read(tx, _COLLECTIONS.c.id == collection_id)


def answered(tx: Connection, collection_id: str, feed: str, outcome: str) -> None:
    """What came of one source."""
    here = (_FEEDS.c.collection_id == collection_id) & (_FEEDS.c.feed == feed)
    tx.execute(update(_FEEDS).where(here).values(outcome=outcome))


def again(tx: Connection, asked: Asked, at: datetime) -> bool:
    """Sources that were away are asked once more; False: somebody else has said so."""
    here = (_COLLECTIONS.c.id == asked.id) & (_COLLECTIONS.c.rounds == asked.rounds)
    return tx.execute(update(_COLLECTIONS).where(here).values(rounds=asked.rounds + 1, again_at=at)).rowcount == 1


def end(tx: Connection, collection_id: str, now: datetime) -> None:
    """It is over: nobody needs to know any more whom it was about."""
    over = {"state": ENDED, "content": None, "again_at": None, "ended_at": now}
    tx.execute(update(_COLLECTIONS).where(_COLLECTIONS.c.id == collection_id).values(**over))


def forget(tx: Connection, subject_id: str) -> None:
    """The one before; also of whoever is erased, for it says which departments know him."""
    mine = select(_COLLECTIONS.c.id).where(_COLLECTIONS.c.subject_id == subject_id)
    tx.execute(delete(_FEEDS).where(_FEEDS.c.collection_id.in_(mine)))
    tx.execute(delete(_COLLECTIONS).where(_COLLECTIONS.c.subject_id == subject_id))


def _read(tx: Connection, where: ColumnElement[bool]) -> Asked | None:
    row = tx.execute(select(_COLLECTIONS).where(where)).one_or_none()
    if row is None:
        return None
    named = select(_FEEDS, _DEPARTMENTS.c.name_zh, _DEPARTMENTS.c.name_en).outerjoin(
        _DEPARTMENTS, _DEPARTMENTS.c.code == _FEEDS.c.issuer_code
    )
    found: Sequence[Any] = tx.execute(named.where(_FEEDS.c.collection_id == row.id).order_by(_FEEDS.c.feed)).all()
    feeds = [
        AskedFeed(item.feed, item.type_code, item.issuer_code, (item.name_zh or "", item.name_en or ""), item.outcome)
        for item in found
    ]
    return Asked(row.id, row.subject_id, row.rounds, row.asked_at, row.again_at, row.ended_at, feeds, row.content)
