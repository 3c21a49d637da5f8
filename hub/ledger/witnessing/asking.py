"""One call of a witness: `add-checkpoint`, with the proof from what it co-signed last to what is laid before it.

The witness is believed for nothing but its signature. What it says of its own memory (another checkpoint of this size,
a larger one, a proof that does not hold) is not signed: it is no evidence, and reason enough to call it by telephone.
Source: c2sp.org/tlog-witness.
"""

import asyncio
import re
from base64 import b64encode
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import cache
from ssl import SSLContext
from typing import Final

from adapters.errors import SourceError, UnreachableError
from adapters.http import Http, Reply, Request
from adapters.port import Budget
from adapters.tls import client_context
from adapters.urls import Url
from hub.exchange.pool import OpenedSecrets
from hub.ledger.witnessing.address import AddressError, witness_address
from hub.ledger.witnessing.register import Witness
from hub.reach import Reach
from signing.errors import SigningError
from signing.log.checkpoint import add_signature, note_body

CONFLICT: Final = "conflict"
AHEAD: Final = "ahead"
INCONSISTENT: Final = "inconsistent"
CONTRADICTIONS: Final = frozenset({CONFLICT, AHEAD, INCONSISTENT})
"""It says that it co-signed another checkpoint of this size; one larger than the log; one that this log does not go on
from.
"""
NEWER: Final = "newer"
"""It has co-signed a newer one than is laid before witnesses: nothing is wrong, and the next round is for it."""
_BUDGET: Final = Budget(connect_seconds=3.0, read_seconds=10.0, total_seconds=15.0, max_bytes=16_384)
_SIZE: Final = re.compile(rb"(0|[1-9][0-9]{0,18})\n")
_SIZE_TYPE: Final = "text/x.tlog.size"
_PATH: Final = "/add-checkpoint"


class CallError(Exception):
    """It did not co-sign: `egress`, `timeout` and the codes of `adapters.errors`, `status_…`, `cosignature` (what it
    answered does not hold), `moving` (it signed something else meanwhile), `newer`, and the contradictions above.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Brought:
    """What is brought: a checkpoint as the log signed it, its size, and how it is proven to go on from another.

    Attributes:
        path: from this size, the hashes of the proof of consistency.
        head: how long the log is by now.
    """

    note: str
    size: int
    path: Callable[[int], Awaitable[Sequence[bytes]]]
    head: Callable[[], Awaitable[int]]


async def ask(witness: Witness, brought: Brought, *, old_size: int, reach: Reach) -> str:
    """Have a witness co-sign; answers the checkpoint with its line.

    Args: old_size: what it is thought to have co-signed last; where it says otherwise it is asked again, from there.
    Raises: CallError.
    """
    try:
        url = witness_address(witness.url or "", reach)
    except AddressError as error:
        raise CallError(error.reason) from None
    tls = _of_machine() if url.origin.scheme == "https" else None
    http = Http(reach.egress(url), tls=tls, connections=1)
    try:
        async with asyncio.timeout(_BUDGET.total_seconds):
            reply = await _sent(http, url, brought, old_size)
            told = _told_size(reply)
            if told is not None and told != old_size:
                await _check_told(told, brought)
                reply = await _sent(http, url, brought, told)
    except UnreachableError as error:
        raise CallError(f"tls_{error.failed}" if error.failed else error.reason) from None
    except SourceError as error:
        raise CallError(error.code) from None
    except TimeoutError:
        raise CallError("timeout") from None
    finally:
        await http.close()
    return _cosigned(witness, brought.note, reply)


async def _sent(http: Http, url: Url, brought: Brought, old_size: int) -> Reply:
    path = await brought.path(old_size) if 0 < old_size < brought.size else ()
    lines = "".join(f"{b64encode(node).decode()}\n" for node in path)
    body = f"old {old_size}\n{lines}\n{brought.note}".encode()
    headers = (("Content-Type", "text/plain; charset=utf-8"),)
    request = Request("POST", url.origin, url.path.rstrip("/") + _PATH, headers=headers, body=body)
    return await http.send(request, budget=_BUDGET)


def _told_size(reply: Reply) -> int | None:
    """What a conflict says that the witness co-signed last; None: it is no such answer."""
    media_type = reply.headers.get("content-type", "").partition(";")[0].strip().lower()
    match = _SIZE.fullmatch(reply.body)
    return int(match[1]) if reply.status == 409 and media_type == _SIZE_TYPE and match else None


async def _check_told(told: int, brought: Brought) -> None:
    if told > brought.size:
        raise CallError(AHEAD if told > await brought.head() else NEWER)


def _cosigned(witness: Witness, note: str, reply: Reply) -> str:
    """The checkpoint with the line of this witness, which holds; lines of others are passed over."""
    if reply.status == 409:
        raise CallError(CONFLICT if _told_size(reply) is None else "moving")
    if reply.status == 422:
        raise CallError(INCONSISTENT)
    if reply.status != 200:
        raise CallError(f"status_{reply.status}")
    for line in reply.body.decode(errors="replace").splitlines():
        try:
            return add_signature(note, witness.verifier.read(note_body(note), line).line)
        except SigningError:
            continue
    raise CallError("cosignature")


@cache
def _of_machine() -> SSLContext:
    return client_context({}, OpenedSecrets({}))
