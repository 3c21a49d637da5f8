"""A stand-in of the network-ID service: whoever asks is given a voucher for whomever he names, so it proves nothing.

`POST /vouchers` {id_number, name, hub, assurance?} is the person's application: a voucher, once, for five minutes, for
the hub at this public URL. `POST /verify` is what hubs ask: a signed question, a signed answer.
"""

import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, timedelta
from typing import Any, Final

from hub.access.trial_issuers import TRIAL_MARK
from hub.citizens.identities.vouching import ANSWER_TYPE, LASTS, MOST_BYTES, PREFIX, QUESTION_TYPE, digest_of
from hub.citizens.values import Identity
from hub.clock import Clock, utc_now
from hub.scenarios.real.standing import JSON
from hub.scenarios.real.trial_device import TrialDevice
from signing.errors import SigningError
from signing.jose import verify_jwt
from signing.keys import VerifyingKey

_CITIZEN: Final = "111"


@dataclass(slots=True)
class NetworkIdStandIn:
    """The service. `clients`: the keys of the hubs that may ask, by client id. `changes` go into every answer, for
    those who try out what a hub does with a wrong one.
    """

    device: TrialDevice
    clients: Mapping[str, VerifyingKey]
    clock: Clock = utc_now
    changes: dict[str, Any] = field(default_factory=dict)
    secret: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    """Of its pseudonyms."""
    _vouchers: dict[str, dict[str, Any]] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        """Listen."""
        self.device.serve("vouchers", self.voucher)
        self.device.web.calls["verify"] = self._verify

    @property
    def url(self) -> str:
        """Its address, as a hub has it in its settings."""
        return f"http://{self.device.web.target}"

    def voucher(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        """What an application would show."""
        text = PREFIX + secrets.token_urlsafe(24)
        until = self.clock() + LASTS
        names = ("id_number", "name", "hub")
        self._vouchers[text] = {name: str(asked[name]) for name in names} | {
            "assurance": str(asked.get("assurance", "substantial")), "until": until,
        }  # fmt: skip
        return {"voucher": text, "until": until.isoformat()}

    def _verify(self, body: str) -> tuple[str, bytes]:
        try:
            said = self._asked(body)
            answer = {"answer": self._answer(said)}
        except (SigningError, KeyError):
            answer = {"error": "refused"}
        return JSON, json.dumps({TRIAL_MARK: True, **answer}).encode()

    def _asked(self, body: str) -> dict[str, Any]:
        """The question, of whichever client its key is."""
        for client_id, key in self.clients.items():
            try:
                return verify_jwt(
                    body, key=key, typ=QUESTION_TYPE, issuer=client_id, audience=self.url, now=self.clock(),
                    max_lifetime=timedelta(minutes=2), max_bytes=MOST_BYTES,
                )  # fmt: skip
            except SigningError:
                continue
        raise KeyError("client")

    def _answer(self, asked: Mapping[str, Any]) -> str:
        held = self._vouchers.pop(asked["voucher"])  # once, whoever asks
        now = self.clock()
        if held["until"] <= now or held["hub"] != asked["hub"]:
            raise KeyError("voucher")
        person = Identity(_CITIZEN, held["id_number"], held["name"])
        pseudonym = hmac.digest(self.secret, f"{held['hub']}\n{person.id_number}".encode(), "sha256").hex()
        seconds = int(now.astimezone(UTC).timestamp())
        said: dict[str, Any] = {
            "assurance": held["assurance"], "aud": asked["hub"], "exp": seconds + int(LASTS.total_seconds()),
            "iat": seconds, "iss": self.url, "jti": secrets.token_urlsafe(16), "nonce": asked["nonce"],
            "pseudonym": pseudonym,
        }  # fmt: skip
        if "compare" in asked:
            said["matches"] = hmac.compare_digest(asked["compare"], digest_of(asked["nonce"], person))
        if "identity" in asked["wants"]:
            said |= {"id_number": person.id_number, "name": person.name}
        return self.device.sign(said | self.changes, typ=ANSWER_TYPE)
