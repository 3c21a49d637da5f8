"""What wallets answer: the presentation out of the encrypted answer, and what the verdict on it lets be seen. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec

from certificates.errors import NumberingError
from certificates.numbering import parse
from certificates.verifying.verdict import Result, TokenKind, Verdict
from hub.wallets.errors import WalletError
from hub.wallets.jwe import decrypt, encryption_jwk
from signing.canonical import strict_loads
from signing.errors import SigningError
from signing.port import read_private

QUERY: Final = "licence"
"""The id of the one credential in the query."""
WAITING: Final = "waiting"
ANSWERED: Final = "answered"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a question. `claims`: those asked for, and only of what passed."""

    state: str
    result: str | None = None
    reason: str | None = None
    identifier: str | None = None
    claims: Mapping[str, Any] = field(default_factory=dict, repr=False)
    scan: str = field(default="", repr=False)
    """While it waits: what the QR says."""
    type_code: str = ""


def presented(response: str, content: Mapping[str, Any]) -> str | None:
    """The one presentation in an answer that was encrypted to this question's key, and returns its `state`; None: it
    says that there is none.

    Raises: WalletError ("invalid_request").
    """
    key = private_key(content)
    try:
        plain = decrypt(response, key=key, kid=encryption_jwk(key)["kid"])
        said = strict_loads(plain, max_bytes=len(plain), max_depth=8)
    except SigningError as error:
        raise WalletError("invalid_request", error.reason) from None
    token: str | None
    match said:
        case {"error": str(), "state": state} if "vp_token" not in said:
            token = None
        case {"vp_token": {"licence": [str() as token]} as given, "state": state} if len(given) == 1:  # as `QUERY`
            pass
        case _:
            raise WalletError("invalid_request", "one presentation for the one credential of the query")
    if state != content["state"]:
        raise WalletError("invalid_request", "state")
    return token


def outcome_of(verdict: Verdict, *, type_code: str, wanted: Sequence[str]) -> Outcome:
    """Only what passed, by the holder of its key, and is of the type and claims that were asked for, says anything."""
    identifier = str(verdict.certificate["identifier"]) if verdict.certificate else None
    if verdict.result is not Result.PASSED or not verdict.possession_shown:
        return Outcome(ANSWERED, verdict.result.value, verdict.reason, identifier)
    try:
        of_type = identifier is not None and parse(identifier).type_code == type_code
    except NumberingError:
        of_type = False
    if verdict.kind is not TokenKind.LICENCE or not of_type:
        return Outcome(ANSWERED, Result.FAILED.value, "not_what_was_asked", identifier)
    if not set(wanted) <= verdict.claims.keys():
        return Outcome(ANSWERED, Result.FAILED.value, "claims_missing", identifier)
    claims = {name: verdict.claims[name] for name in wanted}
    return Outcome(ANSWERED, verdict.result.value, verdict.reason, identifier, claims)


def private_key(content: Mapping[str, Any]) -> ec.EllipticCurvePrivateKey:
    """The key that reads the answer."""
    key = read_private(content["key"].encode())
    assert isinstance(key, ec.EllipticCurvePrivateKey)  # noqa: S101  # made here
    return key
