"""The signing room: intents become signed licences, with keys that are here and keys that departments keep.

What a department has not approved stays an intent; whoever comes by again asks again, and the same object has the same
answer. Blocks while it signs: use it beside the event loop.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from hub.issuing.drafting import document_place
from hub.issuing.keys.desk import Certified
from hub.storage.keystore.remote import Answered, RemoteSigner, SigningObject
from hub.storage.vault import DataKey
from signing import sd_jwt
from signing.keys import VerifyingKey

KIND: Final = "licence"
_PLACEHOLDER: Final = bytes(64)


@dataclass(frozen=True, slots=True)
class Unsigned:
    """A committed intent on its way to its signature."""

    version_id: str
    certificate_id: str
    version: int
    identifier: str
    issuer_code: str
    type_code: str
    prepared: sd_jwt.Prepared
    key: DataKey


@dataclass(frozen=True, slots=True)
class Signed:
    """Rows of results; the items they are of; and how many wait for an approval, or were refused one."""

    results: list[dict[str, Any]]
    items: list[Unsigned]
    waiting: int
    refused: int


def sign_all(items: Sequence[Unsigned], signers: Mapping[tuple[str, str], Certified]) -> Signed:
    """Sign each with the key of its issuer and type.

    Raises: KeyScopeError; SignerUnavailableError: a token or a department's signer is away, and nothing is lost.
    """
    results: list[dict[str, Any]] = []
    done: list[Unsigned] = []
    states: list[Answered] = []

    def kind(item: Unsigned) -> tuple[str, str]:
        return item.issuer_code, item.type_code

    for of, group in groupby(sorted(items, key=kind), key=kind):
        certified, some = signers[of], list(group)
        certified.check_type(of[1])
        answers = _asked(some, certified) if isinstance(certified.signer, RemoteSigner) else {}
        for item in some:
            signer = certified.signer
            if answers:
                state, signature = answers[item.version_id]
                states.append(state)
                if state is not Answered.SIGNED:
                    continue
                signer = _Known(certified, signature)
            token = sd_jwt.sign(item.prepared, signer=signer, header=certified.header)
            sealed = item.key.encrypt(document_place(item.version_id), token.encode())
            results.append({"row": item.version_id, "token": sealed, "kid": certified.signer.kid})
            done.append(item)
    return Signed(results, done, states.count(Answered.WAITING), states.count(Answered.REFUSED))


def _asked(items: Sequence[Unsigned], certified: Certified) -> dict[str, tuple[Answered, bytes]]:
    """Ask the department for all of them at once."""
    remote = certified.signer
    assert isinstance(remote, RemoteSigner)  # noqa: S101  # the caller looked
    objects = []
    for item in items:
        message = _Overheard(certified)
        sd_jwt.sign(item.prepared, signer=message, header=certified.header)
        summary: dict[str, str | int] = {
            "kind": KIND,
            "type": item.type_code,
            "identifier": item.identifier,
            "number": len(items),
        }
        objects.append(SigningObject(item.version_id, message.heard, summary, item.prepared.disclosures))
    answers = remote.sign_all(objects)
    return {name: (answer.state, answer.signature) for name, answer in answers.items()}


class _Known:
    """A signer that gives the signature which came from the department."""

    def __init__(self, certified: Certified, signature: bytes) -> None:
        self._signer = certified.signer
        self._signature = signature

    @property
    def kid(self) -> str:
        return self._signer.kid

    @property
    def alg(self) -> str:
        return self._signer.alg

    @property
    def public(self) -> VerifyingKey:
        return self._signer.public

    def sign(self, message: bytes) -> bytes:
        del message  # the same that was asked for: preparing is done, and signing is deterministic up to here
        return self._signature


class _Overheard(_Known):
    """A signer that signs nothing and remembers what it was given."""

    def __init__(self, certified: Certified) -> None:
        super().__init__(certified, _PLACEHOLDER)
        self.heard = b""

    def sign(self, message: bytes) -> bytes:
        self.heard = message
        return super().sign(message)
