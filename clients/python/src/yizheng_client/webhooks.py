"""Webhooks at the receiving end: whether a message is the hub's, for this receiver, and of now.

    message = read_message(request.headers, request.body, secret=secret)
    if message.challenge:
        return json({"challenge": message.challenge})

Signature as in Standard Webhooks: HMAC-SHA256 under the receiver's secret over `id.timestamp.body`. A message may come
more than once, under one `id`: whoever keeps the ids he has dealt with does nothing twice.
"""

import base64
import hashlib
import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from yizheng_client.errors import VerificationError
from yizheng_client.jose import read_json

VERIFY: Final = "subscription.verify"
TOLERANCE_SECONDS: Final = 300
"""How old, or how much ahead, a message may be: two clocks are compared, and a caught message is of no use later."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message that was verified. `challenge` is what a handshake wants to hear again; None in any other message."""

    id: str
    event: str
    challenge: str | None
    members: Mapping[str, Any]


def read_message(headers: Mapping[str, str], body: bytes, *, secret: str, now: float | None = None) -> Message:
    """A message that whoever knows `secret` signed, within five minutes of `now` (default: the clock).

    Raises: VerificationError: `no_signature`, `signature`, `too_old`, `json`, `not_a_message`.
    """
    given = {name.lower(): value for name, value in headers.items()}
    message_id, stamp = given.get("webhook-id", ""), given.get("webhook-timestamp", "")
    marks = given.get("webhook-signature", "").split()
    if not message_id or not stamp.isascii() or not stamp.isdigit() or not marks:
        raise VerificationError("no_signature")
    expected = signature(secret, message_id, stamp, body)
    if not any(hmac.compare_digest(expected.encode(), mark.encode()) for mark in marks):
        raise VerificationError("signature")
    if abs((time.time() if now is None else now) - int(stamp)) > TOLERANCE_SECONDS:
        raise VerificationError("too_old")
    members = read_json(body)
    if not isinstance(members, dict) or not isinstance(members.get("event"), str):
        raise VerificationError("not_a_message")
    challenge = str(members.get("challenge", "")) if members["event"] == VERIFY else None
    return Message(message_id, members["event"], challenge, members)


def signature(secret: str, message_id: str, stamp: str, body: bytes) -> str:
    """`v1,` and the base64 of the message's HMAC."""
    digest = hmac.digest(secret.encode(), f"{message_id}.{stamp}.".encode() + body, hashlib.sha256)
    return f"v1,{base64.b64encode(digest).decode()}"
