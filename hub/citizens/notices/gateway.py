"""The city's message gateway: where it listens, and how it learns whom to reach without anybody else learning it.

It is told a reference, the same for one person at this gateway and worth nothing elsewhere, and his number encrypted to
the gateway's own key. What happened, it is not told: its message says that there is something to read.
"""

import base64
import json
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Self

from hub.clock import rfc3339
from hub.exchange.subscriptions.webhooks import Receiver
from hub.settings import Settings
from hub.storage.vault import Vault
from hub.wallets.jwe import encrypt
from signing.canonical import canonical
from signing.keys import Es256Key

TEXT: Final = {
    "zh": "您有一条新的通知，请登录一证查看。",
    "en": "You have a new notice: please sign in to Yizheng to read it.",
}
"""All that is ever sent in words: a message is read on a locked screen, and kept by carriers."""
_MEMBERS: Final = ("kty", "crv", "x", "y")


@dataclass(frozen=True, slots=True)
class MessageGateway:
    """An operator's gateway. `key` is the public JWK (P-256) that numbers are encrypted to."""

    receiver: Receiver
    key: dict[str, str] = field(repr=False)

    @classmethod
    def of(cls, settings: Settings) -> Self | None:
        """As it is configured, or None. Raises: ValueError: its key cannot be read."""
        if not settings.message_gateway_url or settings.message_gateway_key is None:  # they go together
            return None
        ca = settings.message_gateway_ca
        secret = settings.message_gateway_secret.get_secret_value()
        receiver = Receiver(settings.message_gateway_url, secret, ca.read_text(encoding="ascii") if ca else None)
        return cls(receiver, _read_key(settings.message_gateway_key))

    def body(
        self,
        vault: Vault,
        *,
        notice_id: str,
        legal: bool,
        made_at: datetime,
        subject_id: str,
        number: tuple[str, str],
        public_url: str,
    ) -> dict[str, Any]:
        """What is sent: whom to reach, for the gateway alone; of what happened nothing but whether it is `legal`."""
        whom = canonical({"id_type": number[0], "id_number": number[1]})
        return {
            "id": notice_id,
            "event": "holder.notice",
            "time": rfc3339(made_at),
            "legal": legal,
            "to": {"reference": self.reference(vault, subject_id), "number": encrypt(whom, self.key)},
            "text": TEXT,
            "link": f"{public_url}/me/notices",
        }

    def reference(self, vault: Vault, subject_id: str) -> str:
        """One person's name at this gateway; another gateway is told another."""
        digest = vault.lookup_hash("message-gateway", self.receiver.url, subject_id)
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _read_key(path: Path) -> dict[str, str]:
    given = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(given, dict) or "d" in given:
        raise ValueError("message_gateway_key must be a public JWK")
    public = Es256Key.from_jwk({name: given.get(name) for name in _MEMBERS})
    kid = given.get("kid") or public.thumbprint
    return {**{name: str(public.jwk[name]) for name in _MEMBERS}, "kid": str(kid)}
