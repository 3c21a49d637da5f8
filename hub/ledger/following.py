"""Following a log from outside: what it was at the last look is the beginning of what it is now.

For auditors, with the log's key and the checkpoint they keep, and no access to the hub's folder. The hub's answer is
believed for nothing but what its signature and the proof show.
"""

from base64 import b64decode
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hub.ledger.errors import RewrittenError
from signing.errors import ProofError
from signing.log.checkpoint import Checkpoint, NoteVerifier
from signing.log.merkle import verify_consistency

Ask = Callable[[int], Awaitable[Mapping[str, Any]]]
"""The answer of `GET /api/v1/ledger/consistency?size=`."""


@dataclass(frozen=True, slots=True)
class Followed:
    """The log's newest checkpoint and its size, and the size at the last look; None: there was none."""

    note: str
    size: int
    before: int | None


async def follow(ask: Ask, *, verifier: NoteVerifier, remembered: str | None) -> Followed:
    """Look at the log again.

    Args:
        verifier: the log's key, compared another way.
        remembered: the checkpoint of the last look.
    Raises: RewrittenError. SigningError: the answer, or what was remembered, is no checkpoint of this log. ValueError:
        the answer is none.
    """
    old = None if remembered is None else Checkpoint.parse(remembered, verifier=verifier)
    note, latest, _ = _read(await ask(0), verifier)
    if old is None:
        return Followed(note, latest.size, None)
    if latest.size < old.size:
        raise RewrittenError("shrank", note)
    note, latest, path = _read(await ask(old.size), verifier)
    try:
        verify_consistency(old_size=old.size, old_root=old.root, new_size=latest.size, new_root=latest.root, proof=path)
    except ProofError as error:
        raise RewrittenError("forked", note) from error
    return Followed(note, latest.size, old.size)


def _read(answer: Mapping[str, Any], verifier: NoteVerifier) -> tuple[str, Checkpoint, list[bytes]]:
    match answer:
        case {"checkpoint": str() as note, "path": list() as path}:
            if all(isinstance(item, str) for item in path):
                proof = [b64decode(item, validate=True) for item in path]
                return note, Checkpoint.parse(note, verifier=verifier), proof
    raise ValueError("no proof of consistency")
