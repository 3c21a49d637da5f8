"""Sessions of holders: an opaque random cookie of its own name, of which the database holds only a hash.

It ends after 15 idle minutes, after two hours whatever happens, at sign-out, and as soon as no current record confirms
the person: he is looked up again at every request, so that a session outlives neither its holder nor his erasure. What
is sealed in it opens in the row that it was written to alone: nobody who writes the database gives himself somebody
else's session, a surer one, a longer one, or one that was idle. One that its holder ended is so on the ledger, and
opens nothing when its row is put back.
"""

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, delete, func, insert, select, update

from catalog.tables import table
from certificates.stores.holders import Subject
from certificates.tables import SubjectRow
from hub.access.sessions import csrf_of, hashed
from hub.citizens.confirming import Confirming
from hub.citizens.errors import HolderSignInNeededError
from hub.citizens.tables import HolderSessionRow
from hub.citizens.values import Holder, Identity, Level
from hub.clock import Clock, new_id, rfc3339
from hub.ledger.entries import Draft, append, seal
from hub.ledger.spent import END, spent
from hub.storage.database import Database
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import Vault
from signing.canonical import canonical, strict_loads

IDLE: Final = timedelta(minutes=15)
ABSOLUTE: Final = timedelta(hours=2)
_TOUCH: Final = timedelta(seconds=60)
_SESSIONS: Final = table(HolderSessionRow)
_SUBJECTS: Final = table(SubjectRow)
_KEYED: Final = select(_SESSIONS, _SUBJECTS.c.data_key, _SUBJECTS.c.kek_kid, spent(_SESSIONS.c.id).label("ended")).join(
    _SUBJECTS, _SUBJECTS.c.id == _SESSIONS.c.subject_id
)


class HolderSessions:
    """Begins, finds and ends sessions."""

    def __init__(self, database: Database, *, vault: Vault, confirming: Confirming, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._confirming = confirming
        self._clock = clock

    async def find(self, secret: str) -> Holder:
        """Who is behind a cookie. Raises: HolderSignInNeededError when it is not good here and now."""
        if not 20 <= len(secret) <= 100:
            raise HolderSignInNeededError
        now, digest = self._clock(), hashed(secret)
        holder, row = await self._database.read(lambda tx: self._find(tx, secret, digest, now))
        if now - row["seen_at"] > _TOUCH:
            touched = _sealed(self._vault, row | {"seen_at": now}, holder.identity)
            query = update(_SESSIONS).where(_SESSIONS.c.secret_hash == digest).values(seen_at=now, content=touched)
            await self._database.write(lambda tx: tx.execute(query))
        return holder

    def begin(
        self, tx: Connection, subject: Subject, given: Identity, *, level: Level, how: str, once: str | None = None
    ) -> str:
        """Write a new session and its ledger entry in the caller's transaction, which has confirmed him; answers the
        cookie. `once`: the id of what opens one session and no other, which the entry holds it to.
        """
        now, secret, session_id = self._clock(), secrets.token_urlsafe(32), new_id()
        key = self._vault.data_key(subject.data_key, subject.kek_kid)
        row: dict[str, Any] = {
            "secret_hash": hashed(secret), "id": session_id, "subject_id": subject.id, "level": int(level), "how": how,
            "created_at": now, "seen_at": now, "expires_at": now + ABSOLUTE,
        }  # fmt: skip
        tx.execute(delete(_SESSIONS).where(_SESSIONS.c.expires_at < now))
        keyed = row | {"data_key": subject.data_key, "kek_kid": subject.kek_kid}
        tx.execute(insert(_SESSIONS).values(**row, content=_sealed(self._vault, keyed, given)))
        detail = {"how": how, "level": level.name.lower(), "session": session_id}
        draft = Draft(
            kind="holder.sign_in", detail=detail, key=key, subject_id=subject.id, object_id=once,
            object_version=END if once else None,
        )  # fmt: skip
        append(tx, [seal(draft, now=now)])
        return secret

    async def others(self, holder: Holder) -> int:
        """In how many other places he is signed in: one that he does not know is a stolen one."""
        now = self._clock()
        live = (_SESSIONS.c.expires_at > now) & (_SESSIONS.c.seen_at >= now - IDLE)
        other = (_SESSIONS.c.subject_id == holder.id) & (_SESSIONS.c.id != holder.session_id) & ~spent(_SESSIONS.c.id)
        query = select(func.count()).select_from(_SESSIONS).where(other, live)
        return int(await self._database.read(lambda tx: tx.execute(query).scalar_one()))

    async def end(self, secret: str) -> None:
        """Sign out. Ending what has ended is nothing."""
        now, where = self._clock(), _SESSIONS.c.secret_hash == hashed(secret)
        await self._database.write(lambda tx: end_sessions(tx, self._vault, where, now))

    async def end_all(self, holder: Holder) -> None:
        """Sign out everywhere: for a phone that is lost."""
        now, where = self._clock(), _SESSIONS.c.subject_id == holder.id
        await self._database.write(lambda tx: end_sessions(tx, self._vault, where, now))

    def _find(self, tx: Connection, secret: str, digest: str, now: datetime) -> tuple[Holder, dict[str, Any]]:
        row = tx.execute(_KEYED.where(_SESSIONS.c.secret_hash == digest, _SESSIONS.c.expires_at > now)).one_or_none()
        if row is None or row.ended or now - row.seen_at > IDLE:
            raise HolderSignInNeededError
        given = _opened(self._vault, row)
        subject = None if given is None else self._confirming.find(tx, given, now)
        if given is None or subject is None or subject.id != row.subject_id:
            raise HolderSignInNeededError
        return Holder(subject.id, row.id, given, Level(row.level), row.how, csrf_of(secret)), row._asdict()


def end_sessions(tx: Connection, vault: Vault, where: ColumnElement[bool], now: datetime) -> None:
    """Delete them; each that lives is ended on the ledger, where a row that is put back finds it."""
    living = tx.execute(_KEYED.where(where).order_by(_SESSIONS.c.id).with_for_update(of=_SESSIONS)).all()
    tx.execute(delete(_SESSIONS).where(where))
    entries = []
    for row in living:
        if (
            row.ended or _opened(vault, row) is None
        ):  # erased since, and nothing is said of him under a key that is gone
            continue
        key, detail = vault.data_key(row.data_key, row.kek_kid), {"session": row.id}
        draft = Draft(
            kind="holder.sign_out", detail=detail, key=key, subject_id=row.subject_id, object_id=row.id,
            object_version=END,
        )  # fmt: skip
        entries.append(seal(draft, now=now))
    append(tx, entries)


def _sealed(vault: Vault, row: Mapping[str, Any], given: Identity) -> bytes:
    """Who it is, for this row of `_KEYED` alone."""
    content = {"id_number": given.id_number, "id_type": given.id_type, "name": given.name}
    return vault.data_key(row["data_key"], row["kek_kid"]).encrypt(_place(row), canonical(content))


def _opened(vault: Vault, row: Row[Any]) -> Identity | None:
    """None: he was erased since, for his key is another one; or a row that is not ours."""
    try:
        plain = vault.data_key(row.data_key, row.kek_kid).decrypt(_place(row._asdict()), row.content)
    except IntegrityBrokenError:
        return None
    return Identity(**strict_loads(plain, max_bytes=len(plain)))


def _place(row: Mapping[str, Any]) -> str:
    """Where it is sealed for: this cookie, this level, used last then, this end."""
    seen, until = rfc3339(row["seen_at"]), int(row["expires_at"].timestamp())
    return f"holder_sessions:{row['id']}:content:{row['secret_hash']}:{row['level']}:{row['how']}:{seen}:{until}"
