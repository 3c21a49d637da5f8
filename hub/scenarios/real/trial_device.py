"""What every stand-in of an identity has: a key whose name says that it is for trying out, and answers that do."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from hub.access.trial_issuers import TRIAL_KEY, TRIAL_MARK
from hub.scenarios.real.standing import JSON, Call, WebServer
from signing.jose import sign_jws
from signing.keys import SoftwareSigner

Told = Callable[[Mapping[str, Any]], Mapping[str, Any]]
_MOST: Final = 100_000


@dataclass(slots=True)
class TrialDevice:
    """A key, and a web server whose every answer says `"trial": true`."""

    web: WebServer
    signer: SoftwareSigner = field(repr=False)

    @property
    def jwk(self) -> Mapping[str, Any]:
        """The public key, as a hub registers it."""
        return self.signer.public.jwk

    def sign(self, said: Mapping[str, Any], *, typ: str) -> str:
        """A token with the mark in it."""
        return sign_jws({TRIAL_MARK: True, **said}, signer=self.signer, typ=typ)

    def serve(self, place: str, told: Told) -> None:
        """Answer a posted JSON object at this path; what cannot be read is `{"error": …}`."""
        self.web.calls[place] = _call(told)


def trial_signer(pem: bytes = b"") -> SoftwareSigner:
    """A key of a stand-in: this one, or a new one."""
    plain = SoftwareSigner.from_pem(pem) if pem else SoftwareSigner.generate()
    return SoftwareSigner.from_pem(plain.to_pem(), f"{TRIAL_KEY}{plain.public.thumbprint}")


def _call(told: Told) -> Call:
    def call(body: str) -> tuple[str, bytes]:
        try:
            given = json.loads(body[:_MOST])
            answer = told(given if isinstance(given, dict) else {})
        except (ValueError, RecursionError, KeyError, TypeError):
            answer = {"error": "malformed"}
        return JSON, json.dumps({TRIAL_MARK: True, **answer}, ensure_ascii=False).encode()

    return call
