"""What the agent remembers over a restart: tokens of the hub until they are refused as expired, deliveries written."""

import sqlite3
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from hub.agent.errors import ConfigError

_KEPT: Final = timedelta(days=1)
"""Longer than a token lives: a clock that went back must not reopen the window."""


class Seen:
    """One small SQLite file, mode 0600 in a folder of mode 0700. For one thread."""

    def __init__(self, folder: Path) -> None:
        """Raises: ConfigError when the folder cannot be written."""
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._store = sqlite3.connect(folder / "seen.sqlite3", isolation_level=None)
            (folder / "seen.sqlite3").chmod(0o600)
            self._store.execute("PRAGMA journal_mode=WAL")
            # A token that a power cut forgot has expired when the machine is up again.
            self._store.execute("PRAGMA synchronous=OFF")
            self._store.execute("CREATE TABLE IF NOT EXISTS seen (jti TEXT PRIMARY KEY, exp INTEGER NOT NULL)")
            self._store.execute("CREATE TABLE IF NOT EXISTS written (id TEXT PRIMARY KEY, at INTEGER NOT NULL)")
        except (OSError, sqlite3.Error):
            raise ConfigError(f"{folder} cannot be written") from None

    def first(self, jti: str, exp: int, *, now: datetime) -> bool:
        """Whether this is the first time."""
        self._store.execute("DELETE FROM seen WHERE exp < ?", (int((now - _KEPT).timestamp()),))
        added = self._store.execute("INSERT OR IGNORE INTO seen (jti, exp) VALUES (?, ?)", (jti, exp))
        return added.rowcount == 1

    def written(self, delivery_id: str) -> bool:
        """Whether this agent has written it."""
        return self._store.execute("SELECT 1 FROM written WHERE id = ?", (delivery_id,)).fetchone() is not None

    def note_written(self, delivery_id: str, *, now: datetime) -> None:
        """Remember that it was written. Durable: it is what keeps a file from being dropped twice."""
        self._store.execute("PRAGMA synchronous=FULL")
        self._store.execute("INSERT OR IGNORE INTO written (id, at) VALUES (?, ?)", (delivery_id, int(now.timestamp())))
        self._store.execute("PRAGMA synchronous=OFF")

    def close(self) -> None:
        """Close the file."""
        self._store.close()
