"""Statements compiled once a process: every test opens a hub of its own, and with it an engine that knows none yet.

A sixth of the run went into compiling the same few hundred statements again. What an engine sends is unchanged.
"""

from sqlalchemy import Connection, Dialect, Engine, event
from sqlalchemy.util import LRUCache

_FIRST: dict[type[Dialect], Dialect] = {}
_CACHE: LRUCache[object, object] = LRUCache(5000)


def share_compiled_statements() -> None:
    """Let every engine of a dialect use what the first one compiled. Compiled statements are kept by dialect, so the
    first engine's, which has met its server by then, becomes that of all.
    """
    event.listen(Engine, "engine_connect", _share)


def _share(connection: Connection) -> None:
    engine = connection.engine
    engine.dialect = connection.dialect = _FIRST.setdefault(type(engine.dialect), engine.dialect)
    engine._compiled_cache = _CACHE  # type: ignore[assignment]
