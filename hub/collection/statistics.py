"""What PostgreSQL knows of its own tables while a collection fills them.

Plans are made from statistics, and the server takes its own a minute late: between 31,000 rows and its first look, each
look-up of a record read whole tables and a collection crawled at 270 rows a second (docs/performance.md).
"""

from typing import Final

import structlog
from sqlalchemy import Connection, text

from hub.storage.database import Database
from hub.storage.errors import STORE_FAILED

_log = structlog.get_logger(__name__)
_TABLES: Final = ("subjects", "certificates", "certificate_versions", "ledger_entries")
_FEWEST: Final = 2_000
_KNOWN: Final = text("SELECT coalesce(min(reltuples), 0) FROM pg_class WHERE oid = to_regclass('certificates')")
_ANALYZE: Final = text(f"ANALYZE {', '.join(_TABLES)}")


class Statistics:
    """Has them taken anew each time that a run has written as many licences as were known before: a few times in all,
    and never in a library that is large already.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._written = 0
        self._known: float | None = None

    async def written(self, licences: int) -> None:
        """So many licences are new and committed. Never fails: without it a run is slower, not wrong."""
        if self._database.dialect != "postgresql":
            return
        self._written += licences
        if self._written < _FEWEST:
            return
        try:
            if self._known is None:
                self._known = await self._database.read(_known)
            if self._written >= self._known:
                await self._database.write(_analyze)
                self._written, self._known = 0, None
        except STORE_FAILED as error:
            _log.warning("statistics_not_taken", error=type(error).__name__)


def _known(tx: Connection) -> float:
    return float(tx.execute(_KNOWN).scalar_one())


def _analyze(tx: Connection) -> None:
    tx.execute(_ANALYZE)
