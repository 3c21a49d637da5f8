"""Places in which a holder has signed in: a browser that he has not used before is told him in a notice.

A browser is known by a random cookie, of which the database holds one keyed hash a person: two persons on one machine
are not seen to be there.
"""

import secrets
from datetime import timedelta
from typing import Final

from sqlalchemy import Connection, delete, insert, select, update

from catalog.tables import table
from hub.access.sessions import hashed
from hub.citizens.errors import HolderSignInNeededError
from hub.citizens.notices.kinds import NoticeKind
from hub.citizens.notices.notify import notify
from hub.citizens.present import lock_holder
from hub.citizens.tables import HolderPlaceRow, HolderSessionRow
from hub.clock import Clock
from hub.storage.database import Database
from hub.storage.vault import Vault

REMEMBERED: Final = timedelta(days=365)
"""A browser that he has not used for as long is a new one."""
_ROWS: Final = table(HolderPlaceRow)
_SESSIONS: Final = table(HolderSessionRow)
_LENGTHS: Final = range(20, 100)


class Places:
    """Knows them."""

    def __init__(self, database: Database, *, vault: Vault, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._clock = clock

    async def arrived(self, session: str, place: str) -> str:
        """A session has begun in the browser with this cookie, or with none; answers the cookie that it keeps. To be
        called before the browser gets its session: nobody signs in somewhere new without a notice.

        Raises: HolderSignInNeededError: the session has ended.
        """
        known = place if len(place) in _LENGTHS and place.isascii() else secrets.token_urlsafe(32)
        await self._database.write(lambda tx: self._arrived(tx, hashed(session), known))
        return known

    def _arrived(self, tx: Connection, digest: str, place: str) -> None:
        query = select(_SESSIONS.c.id, _SESSIONS.c.subject_id).where(_SESSIONS.c.secret_hash == digest)
        row = tx.execute(query).one_or_none()
        if row is None:
            raise HolderSignInNeededError
        lock_holder(tx, row.subject_id)
        now = self._clock()
        tx.execute(delete(_ROWS).where(_ROWS.c.subject_id == row.subject_id, _ROWS.c.seen_at < now - REMEMBERED))
        here = self._vault.lookup_hash("holder-place", row.subject_id, place)
        places = select(_ROWS.c.place_hash).where(_ROWS.c.subject_id == row.subject_id)
        mine = set(tx.execute(places).scalars())
        if here in mine:
            where = (_ROWS.c.subject_id == row.subject_id) & (_ROWS.c.place_hash == here)
            tx.execute(update(_ROWS).where(where).values(seen_at=now))
            return
        tx.execute(insert(_ROWS).values(subject_id=row.subject_id, place_hash=here, seen_at=now))
        if mine:  # the first one is where he came to know the hub
            notify(tx, row.subject_id, NoticeKind.SIGNED_IN, about=row.id, now=now)


def forget_places(tx: Connection, subject_id: str) -> None:
    """Of whoever is erased."""
    tx.execute(delete(_ROWS).where(_ROWS.c.subject_id == subject_id))
