"""Receipts held against the log, from outside: each promised an entry, and each entry must stand under a checkpoint.

For systems and auditors, who keep receipts, with the log's key and no access to the hub's folder. The hub's answers
count for what their proofs show; that it gives none is the finding.
"""

import re
from base64 import b64decode
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from hub.ledger.receipts import RECEIPT_TYPE, read_receipt
from hub.outbound import OutboundError
from signing.canonical import strict_loads
from signing.errors import ClaimError, MalformedError, ProofError, SigningError
from signing.jose import read_header
from signing.log.checkpoint import Checkpoint, NoteVerifier
from signing.log.merkle import leaf_hash, verify_inclusion
from signing.suites import key_from_jwk

Ask = Callable[[str], Awaitable[Mapping[str, Any]]]
"""The answer of `GET /api/v1/ledger/entries/{entry}/proof`. Raises: OutboundError."""
_TOKEN: Final = re.compile(r"eyJ[A-Za-z0-9_-]{8,4000}\.[A-Za-z0-9_-]{8,8000}\.[A-Za-z0-9_-]{8,1000}")
_MAX_LEAF: Final = 1024


class Kept(StrEnum):
    """What became of a receipt's promise."""

    KEPT = "kept"
    WAITS = "waits"
    """Not in the tree yet, and the promised time is not over."""
    MISSING = "missing"
    """The time is over, and the hub has no proof of it."""
    CHANGED = "changed"
    """What stands there is another entry, or the proof does not hold."""
    OTHER_LOG = "other_log"
    """It names another log than the one whose key was given: one that was succeeded, or never was."""
    UNKNOWN = "unknown"
    """The hub could not be asked, and the promised time is not over."""
    UNANSWERED = "unanswered"
    """The time is over, and the hub gave no answer, however often it was asked: it keeps silent where it promised."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a receipt promised. Two of one entry that promise different things are two, and one of them is not kept."""

    entry: str
    time: datetime
    leaf: Mapping[str, Any] = field(hash=False)
    log: str


def receipts_in(text: str) -> Sequence[str]:
    """Every receipt in a text, whatever stands around it: a line each, or stored answers of the hub. Once each."""
    return tuple(dict.fromkeys(token for token in _TOKEN.findall(text) if _is_receipt(token)))


def opened(token: str, keys: Sequence[Mapping[str, Any]]) -> Receipt:
    """A receipt that the hub signed, by its published keys. Raises: SigningError."""
    kid = read_header(token).get("kid")
    found = [key for key in keys if key.get("kid") == kid]
    if len(found) != 1:
        raise ClaimError("kid")
    claims = read_receipt(token, key=key_from_jwk(found[0]))
    try:
        leaf = {"commitment": claims["commitment"], "id": claims["entry"], "time": claims["time"]}
        # A time without a zone is an error here, and not later when it is compared.
        return Receipt(str(claims["entry"]), _instant(claims["time"]), leaf, str(claims["log"]))
    except (KeyError, TypeError, ValueError) as error:
        raise MalformedError("receipt") from error


async def kept(receipt: Receipt, ask: Ask, *, log: NoteVerifier, now: datetime, within: timedelta) -> Kept:
    """Whether the entry stands under a checkpoint that the log signed, as it was promised."""
    if receipt.log != log.name:
        return Kept.OTHER_LOG
    try:
        answer = await ask(receipt.entry)
    except OutboundError as error:
        over = abs(now - receipt.time) > within  # a time to come is no promise: it would never be over
        if error.reason not in {"status 404", "status 503"}:
            return Kept.UNANSWERED if over else Kept.UNKNOWN
        return Kept.MISSING if over else Kept.WAITS
    try:
        _check(receipt, answer, log)
    except (SigningError, KeyError, TypeError, ValueError, AttributeError):
        return Kept.CHANGED
    return Kept.KEPT


def _check(receipt: Receipt, answer: Mapping[str, Any], log: NoteVerifier) -> None:
    leaf, tree = str(answer["leaf"]), Checkpoint.parse(answer["checkpoint"], verifier=log)
    if strict_loads(leaf, max_bytes=_MAX_LEAF) != receipt.leaf:
        raise ProofError("another_leaf")
    path = [b64decode(node, validate=True) for node in answer["path"]]
    verify_inclusion(leaf_hash(leaf.encode()), index=answer["index"], size=tree.size, proof=path, root=tree.root)


def _instant(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError("naive")
    return found


def _is_receipt(token: str) -> bool:
    try:
        return read_header(token).get("typ") == RECEIPT_TYPE
    except SigningError:
        return False
