"""How a party stands by a form: a confirmation that the counter took, or a signature that anybody can check."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from hub.intake.errors import FormSignatureError, PartyError
from signing.canonical import strict_loads
from signing.errors import SigningError
from signing.jose import verify_jws
from signing.keys import Es256Key

FORM_SIGNATURE_TYPE: Final = "form-signature+jwt"
JWS: Final = "jws"


@dataclass(frozen=True, slots=True)
class Signature:
    """A party's signature as it is sent.

    Attributes:
        kind: of corroboration, as of cases, or `jws`.
        digest: what was shown and is signed.
        at, reference: of a confirmation, when and by what it was taken. `terminal`: at which of the hub's own; else it
            is the word of the system that sends it. `agent`: who gave it there for a company.
        token, jwk: of a `jws`, the signature over form and digest, and the key that the system says is the party's.
    """

    party: str
    digest: str
    kind: str
    at: str = ""
    reference: str = ""
    token: str = ""
    jwk: Mapping[str, Any] | None = None
    terminal: str = ""
    agent: Mapping[str, Any] | None = None


def checked_signature(signature: Signature, number: str, signers: Sequence[str]) -> dict[str, Any]:
    """How it was given, as it is kept. That a key is the party's own is the system's word, and is kept as such.

    Raises: PartyError, FormSignatureError.
    """
    if signature.party not in signers:
        raise PartyError("/party", "not_a_signer")
    if signature.kind != JWS:
        where: dict[str, Any] = {"terminal": signature.terminal} if signature.terminal else {}
        where |= {"agent": dict(signature.agent)} if signature.agent else {}
        return {"kind": signature.kind, "at": signature.at, "reference": signature.reference} | where
    try:
        key = Es256Key.from_jwk(dict(signature.jwk or {}))
        payload = _signed(signature.token, key)
    except (SigningError, KeyError, TypeError, ValueError):
        raise FormSignatureError("not_verified") from None
    said = {"form": number, "digest": signature.digest}
    if payload == said:
        raise FormSignatureError("names_no_party")
    if payload != said | {"party": signature.party}:
        raise FormSignatureError("of_something_else")
    return {"kind": JWS, "kid": key.kid, "jwk": key.jwk, "token": signature.token, "key_named_by": "system"}


def signature_holds(how: Mapping[str, Any], number: str, digest: str, party: str) -> bool:
    """Whether a kept signature is still one of this form by this party. Those of before they named it name none."""
    if how.get("kind") != JWS:
        return True
    try:
        payload = _signed(str(how["token"]), Es256Key.from_jwk(dict(how["jwk"])))
    except (SigningError, KeyError, TypeError, ValueError):
        return False
    said = {"form": number, "digest": digest}
    return payload in (said, said | {"party": party})


def _signed(token: str, key: Es256Key) -> Any:
    signed = verify_jws(token, key=key, typ=FORM_SIGNATURE_TYPE)
    return strict_loads(signed.payload, max_bytes=len(signed.payload))
