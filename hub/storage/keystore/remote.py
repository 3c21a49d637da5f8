"""Signing keys that a department keeps: its own signer is asked over HTTPS with certificates on both sides.

The exact object goes along, with a summary that people read; the department's signer checks the one against the other,
approves at once or later, or refuses. Every signature that comes back is verified before it is used. A question may be
repeated: the same object of the same id has one answer.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Self

from hub.storage.errors import (
    IntegrityBrokenError,
    SignatureRefusedError,
    SignatureWaitingError,
    SignerUnavailableError,
)
from hub.storage.keystore.link import RemotePlace, SignerLink
from signing.canonical import b64u, sha256, unb64u
from signing.errors import SigningError
from signing.port import Named, Signer, VerifyingKey
from signing.suites import key_from_jwk

AT_ONCE: Final = 100
"""Objects in one question."""
MAX_MESSAGE_BYTES: Final = 128 * 1024
MAX_DISCLOSURES: Final = 64 * 1024
"""Characters. Together with the longest message in base64 it is within what every release of the signer reads."""


class Answered(StrEnum):
    """What became of an object."""

    SIGNED = "signed"
    WAITING = "waiting"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class SigningObject:
    """Something to be signed: the whole message, and what it is. `summary` has `kind`, and for licences `type`,
    `identifier` and `number`, the count of objects asked for together.

    Attributes:
        disclosures: of a licence: the claims that its message commits to by digests only, for whoever approves to read.
    """

    id: str
    message: bytes = field(repr=False)
    summary: Mapping[str, str | int]
    disclosures: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class RemoteAnswer:
    """`signature` if it was signed, and then it is right."""

    state: Answered
    signature: bytes = b""


class RemoteSigner(Named[VerifyingKey]):
    """A `Signer` over a department's key. Blocks for seconds: use it beside the event loop."""

    def __init__(self, place: RemotePlace, public: VerifyingKey) -> None:
        super().__init__(public)
        self._place = place
        self._link = SignerLink(place)

    @classmethod
    def from_reference(cls, reference: bytes) -> Self:
        """What `reference` wrote. Raises: IntegrityBrokenError."""
        try:
            said = json.loads(reference)
            place = RemotePlace(said["url"], said["ca"], said["certificate"], said["private_key"])
            return cls(place, key_from_jwk(said["jwk"]))
        except (ValueError, KeyError, TypeError, SigningError) as error:
            raise IntegrityBrokenError("key file entry of a department's signer") from error

    @classmethod
    def discover(cls, place: RemotePlace) -> Self:
        """Ask a signer for its public key. Whoever uses it compares the thumbprint first.

        Raises: SignerUnavailableError.
        """
        said = SignerLink(place).call("GET", "/v1/key", None)
        try:
            # Its own name for the key is not taken over: by a name keys are found here.
            return cls(place, key_from_jwk({name: value for name, value in said["key"].items() if name != "kid"}))
        except (KeyError, TypeError, AttributeError, SigningError) as error:
            raise SignerUnavailableError("signer_key") from error

    def reference(self) -> bytes:
        """Everything, for the key store."""
        place = self._place
        return json.dumps(
            {
                "url": place.url,
                "ca": place.ca,
                "certificate": place.certificate,
                "private_key": place.private_key,
                "jwk": self._public.jwk,
            }
        ).encode()

    def sign(self, message: bytes) -> bytes:
        """Sign something that nobody described; see `about`."""
        return self.about({"kind": "other"}).sign(message)

    def about(self, summary: Mapping[str, str | int]) -> Signer:
        """A signer for one object, which tells the department what it is.

        Its `sign` raises SignatureWaitingError until the department approved, SignatureRefusedError when it does not,
        SignerUnavailableError.
        """
        return _Described(self, dict(summary))

    def sign_all(self, objects: Sequence[SigningObject]) -> dict[str, RemoteAnswer]:
        """Ask for all of them, a hundred at a time; an answer for each, by id.

        Raises: SignerUnavailableError: the department's signer cannot be reached, or answers nonsense.
        """
        found: dict[str, RemoteAnswer] = {}
        for first in range(0, len(objects), AT_ONCE):
            some = objects[first : first + AT_ONCE]
            said = self._link.call("POST", "/v1/signatures", {"objects": [self._asked(item) for item in some]})
            found |= self._checked(some, said)
        return found

    def _asked(self, item: SigningObject) -> dict[str, Any]:
        if len(item.message) > MAX_MESSAGE_BYTES:
            raise SignerUnavailableError("object_too_large")
        return {
            "id": item.id,
            "kid": self.kid,
            "alg": self.alg,
            "message": b64u(item.message),
            "digest": b64u(sha256(item.message)),
            "summary": dict(item.summary),
        } | ({"disclosures": list(item.disclosures)} if item.disclosures else {})

    def _checked(self, asked: Sequence[SigningObject], said: Mapping[str, Any]) -> dict[str, RemoteAnswer]:
        try:
            answers = {str(item["id"]): item for item in said["signatures"]}
            found = {}
            for item in asked:
                answer = answers[item.id]
                state = Answered(answer["state"])
                signature = unb64u(answer["signature"]) if state is Answered.SIGNED else b""
                if state is Answered.SIGNED:
                    self._public.verify(item.message, signature)
                found[item.id] = RemoteAnswer(state, signature)
        except (KeyError, TypeError, ValueError, SigningError) as error:
            raise SignerUnavailableError("signer_answer") from error
        return found


class _Described(Named[VerifyingKey]):
    """One object's signer."""

    def __init__(self, remote: RemoteSigner, summary: Mapping[str, str | int]) -> None:
        super().__init__(remote.public)
        self._remote = remote
        self._summary = summary

    def sign(self, message: bytes) -> bytes:
        """Sign it, or say why not yet."""
        wanted = b64u(sha256(message))
        answer = self._remote.sign_all([SigningObject(wanted, message, self._summary)])[wanted]
        if answer.state is Answered.WAITING:
            raise SignatureWaitingError
        if answer.state is Answered.REFUSED:
            raise SignatureRefusedError
        return answer.signature
