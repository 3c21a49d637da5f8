"""The signer's book: what it was asked, who decided, what it signed. One SQLite file; no line in it is ever deleted.

What a licence says stands there until somebody has decided, and no longer: the book is kept for ever.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from hub.clock import rfc3339
from hub.signer.judging import Judged

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS requests (
  id TEXT NOT NULL, digest TEXT NOT NULL, client TEXT NOT NULL, kind TEXT NOT NULL, type TEXT NOT NULL,
  identifier TEXT NOT NULL, number INTEGER NOT NULL, state TEXT NOT NULL, signature BLOB,
  asked_at TEXT NOT NULL, decided_at TEXT, decided_by TEXT, reason TEXT, claims TEXT,
  PRIMARY KEY (id, digest))
"""
_ASKED: Final = (
    "INSERT INTO requests (id, digest, client, kind, type, identifier, number, claims, state, asked_at)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
)
_APPROVED: Final = (
    "UPDATE requests SET state = 'approved', claims = NULL WHERE id = ? AND digest = ? AND state = 'waiting'"
)
_FOUND: Final = "SELECT state, signature FROM requests WHERE id = ? AND digest = ?"
_SIGNED: Final = (
    "UPDATE requests SET state = 'signed', signature = ?, decided_at = coalesce(decided_at, ?),"
    " decided_by = coalesce(decided_by, 'policy') WHERE id = ? AND digest = ? AND state = 'approved'"
)
_DECIDED: Final = (
    "UPDATE requests SET state = ?, decided_at = ?, decided_by = ?, reason = ?, claims = NULL"
    " WHERE state = 'waiting' AND id = ? AND digest = ?"
)
_WAITING: Final = "SELECT id, digest FROM requests WHERE state = 'waiting' AND ? IN (id, digest)"
_SHOWN: Final = "id, digest, kind, type, identifier, number, state, asked_at, decided_at, decided_by, reason, claims"


class State(StrEnum):
    """Approved ones are signed when the hub asks again."""

    WAITING = "waiting"
    APPROVED = "approved"
    REFUSED = "refused"
    SIGNED = "signed"


@dataclass(frozen=True, slots=True)
class Request:
    """A line of the book."""

    id: str
    digest: str
    kind: str
    type_code: str
    identifier: str
    number: int
    state: str
    """One of `State`."""
    asked_at: str
    decided_at: str | None
    decided_by: str | None
    reason: str | None
    written: str | None = field(default=None, repr=False)

    @property
    def claims(self) -> dict[str, Any] | None:
        """What the licence says, while it waits; None: it is no licence, was decided, or came before this was kept."""
        return json.loads(self.written) if self.written else None

    def as_json(self) -> dict[str, Any]:
        """Additive only."""
        return {name: getattr(self, name) for name in self.__slots__ if name != "written"} | {"claims": self.claims}


def seen(lines: Sequence[Request]) -> str:
    """A name for exactly these lines: how many, and which. Whoever approves all of a list says which list he read."""
    which = hashlib.sha256(json.dumps(sorted((line.id, line.digest) for line in lines)).encode()).hexdigest()
    return f"{len(lines)}-{which[:12]}"


class Book:
    """Used by the program that serves and by the command that approves, at the same time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.touch(mode=0o600, exist_ok=True)
        with self._open() as db:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("BEGIN IMMEDIATE")
            db.execute(_SCHEMA)
            if "claims" not in {row[1] for row in db.execute("PRAGMA table_info(requests)")}:  # an earlier release's
                db.execute("ALTER TABLE requests ADD COLUMN claims TEXT")

    def asked(
        self, items: Sequence[Judged], *, client: str, approved: bool, now: datetime
    ) -> dict[tuple[str, str], tuple[State, bytes]]:
        """Where each stands, by id and digest; new ones are written down. The same object of the same id is one."""
        first = State.APPROVED if approved else State.WAITING
        found: dict[tuple[str, str], tuple[State, bytes]] = {}
        with self._open() as db:
            for item in items:
                values = (item.id, item.digest, client, item.kind, item.type_code, item.identifier, item.number)
                claims = None if approved else item.claims or None
                db.execute(_ASKED, (*values, claims, first.value, rfc3339(now)))
                if approved:  # from now on everything is, also what waited
                    db.execute(_APPROVED, item.key)
                row = db.execute(_FOUND, item.key).fetchone()
                found[item.key] = State(row[0]), row[1] or b""
        return found

    def signed(
        self, signatures: Mapping[tuple[str, str], bytes], *, now: datetime
    ) -> dict[tuple[str, str], tuple[State, bytes]]:
        """Write signatures down, before anybody gets them; answers where each stands. One that was written meanwhile is
        the only one that is ever given out.
        """
        with self._open() as db:
            db.executemany(_SIGNED, [(signature, rfc3339(now), *key) for key, signature in signatures.items()])
            rows = {key: db.execute(_FOUND, key).fetchone() for key in signatures}
        return {key: (State(row[0]), row[1] or b"") for key, row in rows.items()}

    def decide(self, wanted: Sequence[str | Request], *, approve: bool, by: str, reason: str, now: datetime) -> int:
        """Approve or refuse those of these that wait; answers how many. Nothing else, whatever came meanwhile.

        Args:
            wanted: lines that were read; ids or digests. An id under which two objects wait approves neither: whoever
                approves looked at one.
        """
        state = State.APPROVED if approve else State.REFUSED
        values = (state.value, rfc3339(now), by, reason)
        with self._open() as db:
            keys = [key for item in wanted for key in _keys(db, item, approve=approve)]
            return sum(db.execute(_DECIDED, (*values, *key)).rowcount for key in keys)

    def lines(self, *, only_waiting: bool, limit: int = 1000) -> list[Request]:
        """The newest lines, or those that wait, oldest first."""
        where = "WHERE state = 'waiting' ORDER BY asked_at" if only_waiting else "ORDER BY asked_at DESC"
        with self._open() as db:
            rows = db.execute(f"SELECT {_SHOWN} FROM requests {where} LIMIT ?", (limit,)).fetchall()  # noqa: S608
        return [Request(*row) for row in rows]

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path, timeout=10)) as db:
            db.execute("PRAGMA synchronous = FULL")
            db.execute("PRAGMA secure_delete = ON")  # claims that were cleared
            with db:
                yield db


def _keys(db: sqlite3.Connection, item: str | Request, *, approve: bool) -> list[tuple[str, str]]:
    if isinstance(item, Request):
        return [(item.id, item.digest)]
    found = db.execute(_WAITING, (item,)).fetchall()
    return found if len(found) == 1 or not approve else []
