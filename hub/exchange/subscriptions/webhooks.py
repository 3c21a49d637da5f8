"""Webhooks: a signed message to the address of a subscriber. Bounded, over a checked address, following nothing.

A subscriber may name any address, so the hub could be used to look around in its own networks: subscribers have private
networks of their own, apart from those of sources, and of a handshake that fails nothing is told but that.

Signature as in Standard Webhooks: HMAC-SHA256 under the subscriber's secret over `id.timestamp.body`. The message names
an event, a case of the receiver's own and a ledger entry; no person and no value.
"""

import asyncio
import base64
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from ssl import SSLContext
from typing import Any, Final

import structlog

from adapters.errors import DefinitionFaultError, SourceError, UnreachableError
from adapters.http import Http, Reply, Request
from adapters.port import Budget
from adapters.tls import client_context
from adapters.urls import Url, read_url
from hub.exchange.errors import WebhookError
from hub.exchange.pool import OpenedSecrets
from hub.reach import Reach
from signing.canonical import canonical, strict_loads
from signing.errors import MalformedError

VERIFY: Final = "subscription.verify"
HANDSHAKE: Final = "handshake"
"""The one reason of every handshake that failed; which it was is in the log."""
_BUDGET: Final = Budget(connect_seconds=3.0, read_seconds=5.0, total_seconds=8.0, max_bytes=16_384)
_OK: Final = range(200, 300)
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Receiver:
    """Where a subscriber listens. `secret` signs what is sent; `ca` (PEM) is the only authority that his certificate
    may come from, instead of those that the machine trusts.
    """

    url: str = field(repr=False)
    secret: str = field(repr=False)
    ca: str | None = None


class Webhooks:
    """Sends messages. `private_networks`: those that subscribers may live in."""

    def __init__(self, *, private_networks: Sequence[str]) -> None:
        self._reach = Reach(private_networks)

    def read(self, receiver: Receiver) -> Url:
        """A subscriber's address, judged by what it says of itself.

        Raises: WebhookError: `url`, `user_info`, `egress`; of `/ca`: `pem`, `only_with_https`.
        """
        try:
            url = read_url(receiver.url, "/url")
        except DefinitionFaultError as error:
            raise WebhookError(error.rule) from None
        if receiver.ca is not None and url.origin.scheme != "https":
            raise WebhookError("only_with_https", pointer="/ca")
        _tls(receiver.ca)
        if not self._reach.allows(url):
            raise WebhookError("egress")
        return url

    async def verify(self, receiver: Receiver, *, message_id: str, now: datetime) -> None:
        """The handshake: whoever listens there must know the request's challenge and say it again.

        Raises: WebhookError: as `read`, and `handshake`.
        """
        url = self.read(receiver)
        try:
            await self._challenge(receiver, message_id, now)
        except WebhookError as failure:
            _log.warning("webhook_handshake_failed", reason=failure.reason, host=url.origin.authority)
            raise WebhookError(HANDSHAKE) from None

    async def _challenge(self, receiver: Receiver, message_id: str, now: datetime) -> None:
        reply = await self.send(receiver, {"event": VERIFY, "challenge": message_id}, message_id=message_id, now=now)
        try:
            told = strict_loads(reply.body, max_bytes=_BUDGET.max_bytes, max_depth=4)
        except MalformedError:
            told = None
        if not isinstance(told, dict) or told.get("challenge") != message_id:
            raise WebhookError("challenge")

    async def send(self, receiver: Receiver, message: Mapping[str, Any], *, message_id: str, now: datetime) -> Reply:
        """Send one message; answers a reply of 2xx.

        Raises: WebhookError: `egress`, `dns`, `refused`, `tls`, `tls_…` with what is wrong with the certificate,
            `timeout`, `status_…` and the other codes of `adapters.errors`. The answer's text is never told: it may be
            another service's secret.
        """
        url = self.read(receiver)
        body = canonical(dict(message))
        tls = _tls(receiver.ca) if url.origin.scheme == "https" else None
        http = Http(self._reach.egress(url), tls=tls, connections=1)
        headers = signed_headers(receiver.secret, message_id, body, now)
        request = Request("POST", url.origin, url.path_and_query, headers=headers, body=body)
        try:
            async with asyncio.timeout(_BUDGET.total_seconds):
                reply = await http.send(request, budget=_BUDGET)
        except UnreachableError as error:
            raise WebhookError(f"tls_{error.failed}" if error.failed else error.reason) from None
        except DefinitionFaultError:
            raise WebhookError("url") from None
        except SourceError as error:
            raise WebhookError(error.code) from None
        except TimeoutError:
            raise WebhookError("timeout") from None
        finally:
            await http.close()
        if reply.status not in _OK:
            raise WebhookError(f"status_{reply.status}")
        return reply


def signed_headers(secret: str, message_id: str, body: bytes, now: datetime) -> tuple[tuple[str, str], ...]:
    """`Webhook-Id`, `Webhook-Timestamp` (seconds), `Webhook-Signature` (`v1,` and base64)."""
    stamp = str(int(now.timestamp()))
    digest = hmac.digest(secret.encode(), f"{message_id}.{stamp}.".encode() + body, "sha256")
    return (
        ("Content-Type", "application/json"),
        ("Webhook-Id", message_id),
        ("Webhook-Timestamp", stamp),
        ("Webhook-Signature", f"v1,{base64.b64encode(digest).decode()}"),
    )


def _tls(ca: str | None) -> SSLContext:
    """Trusts this authority alone, or those of the machine's store; no client certificate."""
    if ca is None:
        return _of_machine()
    try:
        return client_context({"ca": ca}, OpenedSecrets({}))
    except DefinitionFaultError:
        raise WebhookError("pem", pointer="/ca") from None


@cache
def _of_machine() -> SSLContext:
    return client_context({}, OpenedSecrets({}))
