"""Sessions of staff: an opaque random cookie, or a bearer token `yzs_…`; the database holds only their hashes.

A browser's session ends after 30 idle minutes, after 10 hours whatever happens, at sign-out, and in the transaction in
which its account changes. Nothing is cached, so an end acts on the next request in every process.

Whoever writes the database makes nobody a session, and none a longer or a busier one: each row is under a MAC with the
version of its account. One that was ended by its owner is so on the ledger, and opens nothing when it is put back.
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from catalog.tables import table
from hub.access.actors import Actor
from hub.access.errors import SignInNeededError
from hub.access.staff_notices import notify
from hub.access.staff_store import Staff, find_staff
from hub.access.tables import StaffRow, StaffSessionRow
from hub.clock import Clock, new_id, rfc3339
from hub.ledger.entries import Draft, append, seal
from hub.ledger.spent import END, spent
from hub.storage.database import Database
from hub.storage.vault import DataKey, Vault
from signing.canonical import b64u, canonical

IDLE: Final = timedelta(minutes=30)
ABSOLUTE: Final = timedelta(hours=10)
MAX_TOKEN_LIFE: Final = timedelta(days=90)
TOKEN_PREFIX: Final = "yzs_"  # noqa: S105  # so that a leaked one is recognised, here and by scanners
_TOUCH: Final = timedelta(seconds=60)
"""How exactly idleness is measured: a write per request would be a write per click."""
_SESSIONS: Final = table(StaffSessionRow)
_STAFF: Final = table(StaffRow)
_NAMED: Final = ("secret_hash", "id", "staff_id", "kind", "label", "peer")
_MOMENTS: Final = ("created_at", "seen_at", "expires_at")

Kind = Literal["browser", "token"]


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session found good now. `csrf` must come back with every form."""

    id: str
    staff: Staff
    csrf: str = field(repr=False)

    @property
    def actor(self) -> Actor:
        """Who acts."""
        return self.staff.actor()


@dataclass(frozen=True, slots=True)
class Begun:
    """A session just made; `secret` is the cookie. With `two_places` somebody else may be using the account."""

    secret: str = field(repr=False)
    staff_id: str
    two_places: bool


@dataclass(frozen=True, slots=True)
class Held:
    """A session or token as its owner sees it."""

    id: str
    kind: str
    label: str
    created_at: datetime
    seen_at: datetime
    expires_at: datetime


class Sessions:
    """Begins, finds and ends sessions."""

    def __init__(self, database: Database, *, vault: Vault, log_key: DataKey, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._log_key = log_key
        self._clock = clock

    async def find(self, secret: str, kind: Kind) -> SignedIn:
        """The session behind a cookie or token. Raises SignInNeededError when it is not good here and now."""
        if not 20 <= len(secret) <= 100:
            raise SignInNeededError
        now, digest = self._clock(), hashed(secret)
        row, staff = await self._database.read(lambda tx: self._find(tx, digest, kind, now))
        if now - row["seen_at"] > _TOUCH:
            touched = {"seen_at": now, "mac": self._mac(row | {"seen_at": now}, staff.version)}
            query = update(_SESSIONS).where(_SESSIONS.c.secret_hash == digest).values(**touched)
            await self._database.write(lambda tx: tx.execute(query))
        return SignedIn(row["id"], staff, csrf_of(secret))

    def begin(self, tx: Connection, staff: Staff, *, peer: str, label: str, now: datetime) -> Begun:
        """Write a new browser session in the caller's transaction.

        A second one from another place leaves notices: shared accounts show themselves (threat S12).
        """
        place = self._vault.lookup_hash("staff-peer", peer).hex()
        others = tx.execute(
            select(_SESSIONS.c.peer).where(
                _SESSIONS.c.staff_id == staff.id,
                _SESSIONS.c.kind == "browser",
                _SESSIONS.c.expires_at > now,
                _SESSIONS.c.seen_at > now - IDLE,
            )
        ).scalars()
        two_places = any(other != place for other in others)
        if two_places:
            _two_places(tx, staff, now)
        secret = secrets.token_urlsafe(32)
        self._add(tx, staff, secret=secret, kind="browser", label=label, peer=place, expires_at=now + ABSOLUTE, now=now)
        return Begun(secret, staff.id, two_places)

    async def make_token(self, actor: Actor, *, label: str, life: timedelta) -> str:
        """A bearer token for programs of his own; shown once. Raises ValueError for a life over 90 days."""
        if not timedelta(0) < life <= MAX_TOKEN_LIFE:
            raise ValueError("life of a token")
        secret = TOKEN_PREFIX + secrets.token_urlsafe(32)
        now = self._clock()

        def unit(tx: Connection) -> None:
            staff = find_staff(tx, self._vault, actor.id)
            if staff is None or not staff.active:
                raise SignInNeededError
            self._add(tx, staff, secret=secret, kind="token", label=label, peer="", expires_at=now + life, now=now)

        await self._database.write(unit)
        return secret

    async def held_by(self, staff_id: str) -> list[Held]:
        """His sessions and tokens that have not ended."""
        now = self._clock()
        return await self._database.read(lambda tx: self._held(tx, staff_id, now))

    async def end(self, secret: str) -> None:
        """Sign out. Ending what has ended is nothing."""
        await self._database.write(lambda tx: self._end(tx, _SESSIONS.c.secret_hash == hashed(secret)))

    async def end_one(self, actor: Actor, session_id: str) -> None:
        """End one of his own sessions or tokens."""
        where = (_SESSIONS.c.id == session_id) & (_SESSIONS.c.staff_id == actor.id)
        await self._database.write(lambda tx: self._end(tx, where))

    async def end_others(self, actor: Actor, session_id: str) -> None:
        """End all of his but this one, his tokens too: for a machine that was lent, or lost."""
        where = (_SESSIONS.c.staff_id == actor.id) & (_SESSIONS.c.id != session_id)
        await self._database.write(lambda tx: self._end(tx, where))

    def _find(self, tx: Connection, digest: str, kind: Kind, now: datetime) -> tuple[dict[str, Any], Staff]:
        query = select(_SESSIONS, spent(_SESSIONS.c.id).label("ended"))
        where = (_SESSIONS.c.secret_hash == digest) & (_SESSIONS.c.kind == kind) & (_SESSIONS.c.expires_at > now)
        row = tx.execute(query.where(where)).one_or_none()
        if row is None or row.ended or (kind == "browser" and now - row.seen_at > IDLE):
            raise SignInNeededError
        staff = find_staff(tx, self._vault, row.staff_id)
        if staff is None or not staff.active or not self._good(row._asdict(), staff.version):
            raise SignInNeededError
        return row._asdict(), staff

    def _held(self, tx: Connection, staff_id: str, now: datetime) -> list[Held]:
        mine = (_SESSIONS.c.staff_id == staff_id) & (_SESSIONS.c.expires_at > now) & ~spent(_SESSIONS.c.id)
        query = select(_SESSIONS, _STAFF.c.version).join(_STAFF, _STAFF.c.id == _SESSIONS.c.staff_id)
        return [
            Held(row.id, row.kind, row.label, row.created_at, row.seen_at, row.expires_at)
            for row in tx.execute(query.where(mine).order_by(_SESSIONS.c.created_at.desc()))
            if (row.kind == "token" or now - row.seen_at <= IDLE) and self._good(row._asdict(), row.version)
        ]

    def _add(
        self,
        tx: Connection,
        staff: Staff,
        *,
        secret: str,
        kind: Kind,
        label: str,
        peer: str,
        expires_at: datetime,
        now: datetime,
    ) -> None:
        row: dict[str, Any] = {
            "secret_hash": hashed(secret), "id": new_id(), "staff_id": staff.id, "kind": kind, "label": label[:100],
            "peer": peer, "created_at": now, "seen_at": now, "expires_at": expires_at,
        }  # fmt: skip
        tx.execute(delete(_SESSIONS).where(_SESSIONS.c.expires_at < now))
        tx.execute(insert(_SESSIONS).values(**row, mac=self._mac(row, staff.version)))

    def _end(self, tx: Connection, where: ColumnElement[bool]) -> None:
        """Delete them; one that lives is ended on the ledger, where a row that is put back finds it."""
        now = self._clock()
        query = select(_SESSIONS.c.id, _SESSIONS.c.staff_id).where(where, ~spent(_SESSIONS.c.id))
        living = tx.execute(query.order_by(_SESSIONS.c.id).with_for_update()).all()
        tx.execute(delete(_SESSIONS).where(where))
        entries = []
        for row in living:
            detail = {"session": row.id, "staff": row.staff_id}
            draft = Draft(kind="staff.sign_out", detail=detail, key=self._log_key, object_id=row.id, object_version=END)
            entries.append(seal(draft, now=now))
        append(tx, entries)

    def _good(self, row: Mapping[str, Any], version: int) -> bool:
        return row["mac"] is not None and hmac.compare_digest(self._mac(row, version), row["mac"])

    def _mac(self, row: Mapping[str, Any], version: int) -> bytes:
        """Over all that it says, and the account as it was when it began: put back after a change, it is none."""
        said = {name: row[name] for name in _NAMED} | {name: rfc3339(row[name]) for name in _MOMENTS}
        return self._vault.row_mac(b"staff-session\x1f" + canonical(said | {"version": version}))


def hashed(secret: str) -> str:
    """What is stored of a secret with 256 random bits: nothing to guess, so one plain hash is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()


def csrf_of(secret: str) -> str:
    """The form token of a session: derived, so that there is nothing more to store or to leak."""
    return b64u(hmac.digest(secret.encode(), b"yizheng csrf", "sha256"))


def _two_places(tx: Connection, staff: Staff, now: datetime) -> None:
    zh = "账号同时在两个地方登录。如非本人，请立即修改密码；账号不得借用。"
    en = "The account is signed in at two places. If that was not you, change the password; accounts are not lent."
    notify(tx, "staff.two_places", zh=zh, en=en, now=now, path="/console/account", staff_id=staff.id)
    zh, en = (
        f"账号 {staff.user_name} 同时在两个地方登录。",
        f"The account {staff.user_name} is signed in at two places.",
    )
    notify(tx, "staff.two_places", zh=zh, en=en, now=now, path=f"/console/staff/{staff.id}")
