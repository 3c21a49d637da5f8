"""The network-ID service over REST: one signed question, one signed answer, nothing kept on the way.

`POST {url}/verify` with `application/jose`: a JWS of the hub's client key over `iss` (its client id), `aud` (the
service's address), `iat`, `exp`, `jti`, `hub` (for whom the answer is), `nonce`, `voucher`, `wants`, and `compare`
where something is to be compared. The answer is `application/json`: `{"answer": JWS}` or `{"error": CODE}`.
"""

import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from hub.access.errors import ProviderError, SignInRefusedError
from hub.citizens.identities.vouching import (
    MOST_BYTES,
    QUESTION_TYPE,
    Question,
    Vouched,
    Voucher,
    digest_of,
    read_answer,
)
from hub.citizens.values import Identity
from hub.clock import Clock, new_id
from hub.outbound import Outbound, OutboundError
from signing.canonical import strict_loads
from signing.errors import SigningError
from signing.jose import sign_jws
from signing.keys import Signer, VerifyingKey

_QUESTION_LASTS: Final = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkIdSettings:
    """What the operator configured. `key` is the service's, pinned: it is never fetched."""

    url: str
    client_id: str
    signer: Signer = field(repr=False)
    key: VerifyingKey
    audience: str
    identity: bool
    """Whether number and name are asked for, which takes a law that lets the hub have them."""
    production: bool
    """Whether the word of stand-ins counts for nothing."""


class NetworkIdService:
    """Asks. A voucher is used up at the service by the first question, whatever becomes of the answer."""

    def __init__(self, settings: NetworkIdSettings, *, outbound: Outbound, clock: Clock) -> None:
        self.settings = settings
        self._outbound = outbound
        self._clock = clock

    async def vouch(self, voucher: Voucher, *, compare: Identity | None = None) -> Vouched:
        """What the service says of a voucher, and whether it is this person's whose number and name we hold.

        Raises: SignInRefusedError: it does not vouch, or its answer does not hold. ProviderError: it does not answer.
        """
        settings, now, nonce = self.settings, self._clock(), secrets.token_urlsafe(24)
        question = Question(nonce, voucher, digest_of(nonce, compare) if compare else None)
        asked: dict[str, Any] = {
            "aud": settings.url,
            "exp": int((now + _QUESTION_LASTS).timestamp()),
            "hub": settings.audience,
            "iat": int(now.timestamp()),
            "iss": settings.client_id,
            "jti": new_id(),
            "nonce": nonce,
            "voucher": voucher.text,
            "wants": ["pseudonym", *(["identity"] if settings.identity else [])],
        }
        if question.compare is not None:
            asked["compare"] = question.compare
        token = await self._answer(sign_jws(asked, signer=settings.signer, typ=QUESTION_TYPE))
        found = read_answer(
            token, question, key=settings.key, issuer=settings.url, audience=settings.audience,
            wants_identity=settings.identity, now=self._clock(),
        )  # fmt: skip
        if found.trial and settings.production:
            raise SignInRefusedError("network_id:trial")
        return found

    async def _answer(self, question: str) -> str:
        url = f"{self.settings.url.rstrip('/')}/verify"
        try:
            raw = await self._outbound.exchange(
                url, question.encode(), media_type="application/jose", accept="application/json"
            )
            said = strict_loads(raw, max_bytes=2 * MOST_BYTES, max_depth=3)
        except OutboundError as error:
            raise ProviderError(error.reason) from error
        except SigningError as error:
            raise ProviderError("not_json") from error
        if not isinstance(said, dict):
            raise ProviderError("not_json")
        answer = said.get("answer")
        if not isinstance(answer, str):
            raise SignInRefusedError("network_id:not_vouched")  # what it says of why may be about somebody
        return answer
