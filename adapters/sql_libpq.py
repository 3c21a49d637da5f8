"""Opening a libpq connection within a time. psycopg's own way keeps the socket of one that timed out."""

import select
import time
from typing import Any

import psycopg
from psycopg import pq
from psycopg.conninfo import make_conninfo


def connect(arguments: dict[str, Any], seconds: float) -> "psycopg.Connection[Any]":
    """Connect, in autocommit. Raises: psycopg.OperationalError, TimeoutError; nothing stays open then."""
    deadline = time.monotonic() + seconds
    wire = pq.PGconn.connect_start(make_conninfo("", **arguments).encode())
    try:
        _finish_handshake(wire, deadline)
    except BaseException:
        wire.finish()
        raise
    wire.nonblocking = 1
    link: psycopg.Connection[Any] = psycopg.Connection(wire)
    link.autocommit = True
    # Named statements would not survive a pooler between here and there.
    link.prepare_threshold = None
    return link


def _finish_handshake(wire: pq.abc.PGconn, deadline: float) -> None:
    if wire.status == pq.ConnStatus.BAD:
        raise _failed(wire)
    while (state := wire.connect_poll()) != pq.PollingStatus.OK:
        if state == pq.PollingStatus.FAILED:
            raise _failed(wire)
        waiting = select.poll()
        waiting.register(wire.socket, select.POLLIN if state == pq.PollingStatus.READING else select.POLLOUT)
        if not waiting.poll(max(0.0, deadline - time.monotonic()) * 1000):
            raise TimeoutError


def _failed(wire: pq.abc.PGconn) -> psycopg.OperationalError:
    text = wire.get_error_message()
    return psycopg.OperationalError(f"{'password refused: ' if wire.used_password else ''}connection failed: {text}")
