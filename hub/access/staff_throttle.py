"""Guessing is slowed per user name and per address; an unknown name is slowed exactly as a known one.

An attempt is counted as failed before the password is looked at and taken back when it was right: guesses sent at the
same moment are counted one by one.
"""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from catalog.tables import table
from hub.access.errors import LockedOutError
from hub.access.tables import SignInAttemptsRow
from hub.storage.vault import Vault

FREE_PER_NAME: Final = 5
FREE_PER_PEER: Final = 20
"""More, because a whole office may stand behind one address."""
FIRST_DELAY: Final = timedelta(seconds=30)
LONGEST_DELAY: Final = timedelta(minutes=15)
"""Bounded, or anybody could keep a colleague out for good."""
_FORGOTTEN: Final = timedelta(days=1)
_ATTEMPTS: Final = table(SignInAttemptsRow)


class Throttle:
    """Counts attempts by keyed hash: the table names nobody."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def claim(self, tx: Connection, *, user_name: str, peer: str, now: datetime) -> None:
        """Count one attempt before it is made. Raises LockedOutError, counting nothing, while either is blocked."""
        tx.execute(delete(_ATTEMPTS).where(_ATTEMPTS.c.last_at < now - _FORGOTTEN))
        keys = {self._name(user_name): FREE_PER_NAME, self._peer(peer): FREE_PER_PEER}
        # The first two of an address meet here: one of them makes its row, the other waits for it and counts on.
        insert = postgresql.insert if tx.dialect.name == "postgresql" else sqlite.insert
        new = [{"key": key, "failures": 0, "last_at": now, "blocked_until": now} for key in sorted(keys)]
        tx.execute(insert(_ATTEMPTS).on_conflict_do_nothing(index_elements=["key"]), new)
        query = select(_ATTEMPTS).where(_ATTEMPTS.c.key.in_(keys)).order_by(_ATTEMPTS.c.key).with_for_update()
        known = {row.key: row for row in tx.execute(query)}
        wait = max(row.blocked_until - now for row in known.values())
        if wait > timedelta(0):
            raise LockedOutError(max(1, round(wait.total_seconds())))
        for key, free in sorted(keys.items()):
            failures = known[key].failures + 1
            values = {"failures": failures, "last_at": now, "blocked_until": now + delay(failures, free)}
            tx.execute(update(_ATTEMPTS).where(_ATTEMPTS.c.key == key).values(**values))

    def succeeded(self, tx: Connection, *, user_name: str, peer: str, now: datetime) -> None:
        """The attempt was right: the name starts anew. The address only gets its one attempt back, or an attacker
        with an account of his own could clear it between guesses.
        """
        tx.execute(delete(_ATTEMPTS).where(_ATTEMPTS.c.key == self._name(user_name)))
        tx.execute(
            update(_ATTEMPTS)
            .where(_ATTEMPTS.c.key == self._peer(peer))
            .values(failures=_ATTEMPTS.c.failures - 1, blocked_until=now)
        )

    def _name(self, user_name: str) -> str:
        return self._vault.lookup_hash("sign-in-name", user_name).hex()

    def _peer(self, peer: str) -> str:
        return self._vault.lookup_hash("sign-in-peer", peer).hex()


def delay(failures: int, free: int) -> timedelta:
    """How long nothing is tried after so many failures: none for the free ones, then 30 s doubling up to 15 min."""
    if failures < free:
        return timedelta(0)
    return min(LONGEST_DELAY, FIRST_DELAY * (1 << min(failures - free, 10)))
