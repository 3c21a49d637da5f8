"""Sessions of holders: an opaque random cookie of its own name, of which the database holds only a hash.

It ends after 15 idle minutes, after two hours whatever happens, at sign-out, and as soon as no current record confirms
the person: he is looked up again at every request, so that a session outlives neither its holder nor his erasure. What
is sealed in it opens in the row that it was written to alone: nobody who writes the database gives himself somebody
else's session, a surer one, or a longer one.
"""

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, delete, func, insert, select, update

from catalog.tables import table
from certificates.stores.holders import Subject
from certificates.tables import SubjectRow
from hub.access.sessions import csrf_of, hashed
from hub.citizens.confirming import Confirming
from hub.citizens.errors import HolderSignInNeededError
from hub.citizens.tables import HolderSessionRow
from hub.citizens.values import Holder, Identity, Level
from hub.clock import Clock, new_id
from hub.ledger.entries import Draft, append, seal
from hub.storage.database import Database
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import Vault
from signing.canonical import canonical, strict_loads

IDLE: Final = timedelta(minutes=15)
ABSOLUTE: Final = timedelta(hours=2)
_TOUCH: Final = timedelta(seconds=60)
_SESSIONS: Final = table(HolderSessionRow)
_SUBJECTS: Final = table(SubjectRow)


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
        holder, seen_at = await self._database.read(lambda tx: self._find(tx, secret, digest, now))
        if now - seen_at > _TOUCH:
            touched = update(_SESSIONS).where(_SESSIONS.c.secret_hash == digest).values(seen_at=now)
            await self._database.write(lambda tx: tx.execute(touched))
        return holder

    def begin(self, tx: Connection, subject: Subject, given: Identity, *, level: Level, how: str) -> str:
        """Write a new session and its ledger entry in the caller's transaction, which has confirmed him; answers the
        cookie.
        """
        now, secret, session_id = self._clock(), secrets.token_urlsafe(32), new_id()
        key = self._vault.data_key(subject.data_key, subject.kek_kid)
        content = {"id_number": given.id_number, "id_type": given.id_type, "name": given.name}
        row: dict[str, Any] = {
            "secret_hash": hashed(secret), "id": session_id, "subject_id": subject.id, "level": int(level), "how": how,
            "created_at": now, "seen_at": now, "expires_at": now + ABSOLUTE,
        }  # fmt: skip
        tx.execute(delete(_SESSIONS).where(_SESSIONS.c.expires_at < now))
        tx.execute(insert(_SESSIONS).values(**row, content=key.encrypt(_place(row), canonical(content))))
        detail = {"how": how, "level": level.name.lower(), "session": session_id}
        append(tx, [seal(Draft(kind="holder.sign_in", detail=detail, key=key, subject_id=subject.id), now=now)])
        return secret

    async def others(self, holder: Holder) -> int:
        """In how many other places he is signed in: one that he does not know is a stolen one."""
        now = self._clock()
        live = (_SESSIONS.c.expires_at > now) & (_SESSIONS.c.seen_at >= now - IDLE)
        other = (_SESSIONS.c.subject_id == holder.id) & (_SESSIONS.c.id != holder.session_id)
        query = select(func.count()).select_from(_SESSIONS).where(other, live)
        return int(await self._database.read(lambda tx: tx.execute(query).scalar_one()))

    async def end(self, secret: str) -> None:
        """Sign out. Ending what has ended is nothing."""
        where = _SESSIONS.c.secret_hash == hashed(secret)
        await self._database.write(lambda tx: tx.execute(delete(_SESSIONS).where(where)))

    async def end_all(self, holder: Holder) -> None:
        """Sign out everywhere: for a phone that is lost."""
        where = _SESSIONS.c.subject_id == holder.id
        await self._database.write(lambda tx: tx.execute(delete(_SESSIONS).where(where)))

    def _find(self, tx: Connection, secret: str, digest: str, now: datetime) -> tuple[Holder, datetime]:
        row = tx.execute(
            select(_SESSIONS, _SUBJECTS.c.data_key, _SUBJECTS.c.kek_kid)
            .join(_SUBJECTS, _SUBJECTS.c.id == _SESSIONS.c.subject_id)
            .where(_SESSIONS.c.secret_hash == digest, _SESSIONS.c.expires_at > now)
        ).one_or_none()
        if row is None or now - row.seen_at > IDLE:
            raise HolderSignInNeededError
        try:
            plain = self._vault.data_key(row.data_key, row.kek_kid).decrypt(_place(row._mapping), row.content)  # noqa: SLF001  # its public name
        except IntegrityBrokenError:  # erased since: his key is another one; or a row that is not ours
            raise HolderSignInNeededError from None
        given = Identity(**strict_loads(plain, max_bytes=len(plain)))
        subject = self._confirming.find(tx, given, now)
        if subject is None or subject.id != row.subject_id:
            raise HolderSignInNeededError
        return Holder(subject.id, row.id, given, Level(row.level), row.how, csrf_of(secret)), row.seen_at


def _place(row: Mapping[Any, Any]) -> str:
    """Where it is sealed for: this cookie, this level, this end."""
    until = int(row["expires_at"].timestamp())
    return f"holder_sessions:{row['id']}:content:{row['secret_hash']}:{row['level']}:{row['how']}:{until}"
