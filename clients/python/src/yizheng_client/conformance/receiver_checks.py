"""What is looked at in a receiver of webhooks: it says the challenge again, and believes nothing that is not signed."""

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import httpx2

from yizheng_client.conformance.report import Check, NotSoError, want
from yizheng_client.jose import write_json
from yizheng_client.webhooks import TOLERANCE_SECONDS, VERIFY, signature

GUIDE: Final = "intake-developer.md §6"
STANDARD: Final = "Standard Webhooks"
SECONDS: Final = 5.0
"""How soon a receiver answers: the hub waits no longer."""


@dataclass(slots=True)
class ReceiverUnder:
    """A receiver under examination."""

    http: httpx2.Client
    url: str = field(repr=False)
    secret: str = field(repr=False)
    message_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def message(self, **changes: Any) -> dict[str, Any]:
        """A message as a hub sends it, of a case that is nobody's."""
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        numbers = {"case_no": "YZCONFORMANCE0000000000", "external_no": "conformance", "number": 1}
        rest = {"receipt_entry": str(uuid.UUID(int=0)), "code": None, "party": None, "material": None, "evidence": None}
        return {"id": self.message_id, "time": now, "event": "case.closed", **numbers, **rest} | changes

    def send(
        self,
        message: Mapping[str, Any],
        *,
        message_id: str | None = None,
        secret: str | None = None,
        ago: int = 0,
        sent: bytes | None = None,
        signed: bool = True,
    ) -> httpx2.Response:
        """One message; `sent` instead of the bytes that were signed, `ago` seconds old."""
        body, stamp = write_json(message), str(int(time.time()) - ago)
        used = message_id or self.message_id
        headers = {"Content-Type": "application/json"}
        if signed:
            mark = signature(secret or self.secret, used, stamp, body)
            headers |= {"Webhook-Id": used, "Webhook-Timestamp": stamp, "Webhook-Signature": mark}
        return self.http.post(self.url, content=body if sent is None else sent, headers=headers)


def _challenge(receiver: ReceiverUnder) -> None:
    challenge = str(uuid.uuid4())
    answer = receiver.send({"event": VERIFY, "challenge": challenge}, message_id=challenge)
    want(200 <= answer.status_code < 300, f"status {answer.status_code}")
    told = answer.json()
    want(isinstance(told, dict) and told.get("challenge") == challenge, "the challenge is not repeated")


def _taken(receiver: ReceiverUnder) -> None:
    began = time.monotonic()
    answer = receiver.send(receiver.message())
    want(200 <= answer.status_code < 300, f"status {answer.status_code}")
    want(time.monotonic() - began <= SECONDS, "slower than the hub waits")


def _repeated(receiver: ReceiverUnder) -> None:
    for _ in range(2):
        answer = receiver.send(receiver.message())
        want(200 <= answer.status_code < 300, f"status {answer.status_code}: the hub would send it again and again")


def _unknown(receiver: ReceiverUnder) -> None:
    answer = receiver.send(receiver.message(event="case.something_new", new=1), message_id=str(uuid.uuid4()))
    want(200 <= answer.status_code < 300, f"status {answer.status_code}: the contract grows")


def _forged(receiver: ReceiverUnder) -> None:
    _refused(receiver.send(receiver.message(), secret=str(uuid.uuid4()) * 2))


def _unsigned(receiver: ReceiverUnder) -> None:
    _refused(receiver.send(receiver.message(), signed=False))


def _altered(receiver: ReceiverUnder) -> None:
    altered = write_json(receiver.message(case_no="YZCONFORMANCE0000000001"))
    _refused(receiver.send(receiver.message(), sent=altered))


def _old(receiver: ReceiverUnder) -> None:
    _refused(receiver.send(receiver.message(), ago=2 * TOLERANCE_SECONDS))


def _forged_challenge(receiver: ReceiverUnder) -> None:
    challenge = str(uuid.uuid4())
    told = receiver.send({"event": VERIFY, "challenge": challenge}, message_id=challenge, secret="x" * 40)
    if challenge in told.text:
        raise NotSoError("it repeats a challenge that somebody else signed: anybody could subscribe it")
    _refused(told)


def _refused(answer: httpx2.Response) -> None:
    want(400 <= answer.status_code < 500, f"status {answer.status_code}: it was believed, or broke down")


RECEIVER_CHECKS: Final = (
    Check("V1", GUIDE, "the challenge of a signed handshake is repeated", _challenge),
    Check("V2", GUIDE, "a handshake under another secret is not", _forged_challenge),
    Check("V3", GUIDE, "a signed message is taken, within five seconds", _taken),
    Check("V4", GUIDE, "the same message again is taken, too", _repeated),
    Check("V5", GUIDE, "an event and members that it does not know are no error", _unknown),
    Check("V6", STANDARD, "a message under another secret is refused", _forged),
    Check("V7", STANDARD, "a message without a signature is refused", _unsigned),
    Check("V8", STANDARD, "a message that was altered is refused", _altered),
    Check("V9", STANDARD, "a message of ten minutes ago is refused", _old),
)
