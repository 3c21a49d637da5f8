"""What the network-ID service signs of one voucher: verified, and held against the question that was asked. Pure.

An answer is worth something for five minutes, to the hub that it names, for the one question whose nonce it has. That
it is used once, a store says.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from catalog.errors import IdentifierError
from catalog.identifiers import CITIZEN_ID, check, normalise_id, normalise_name
from hub.access.errors import SignInRefusedError
from hub.access.trial_issuers import on_trial
from hub.citizens.values import Identity, Level
from signing.canonical import b64u, sha256
from signing.errors import SigningError
from signing.jose import verify_jwt
from signing.keys import VerifyingKey

ANSWER_TYPE: Final = "network-id+jwt"
QUESTION_TYPE: Final = "network-id-question+jwt"
LASTS: Final = timedelta(minutes=5)
MOST_BYTES: Final = 4000
PREFIX: Final = "NID."
_VOUCHER: Final = re.compile(r"NID\.[A-Za-z0-9._~-]{20,500}", re.ASCII)
_REQUIRED: Final = frozenset({"iss", "aud", "iat", "exp", "jti", "nonce", "pseudonym"})
_HEADER: Final = frozenset({"alg", "typ", "kid"})
_LEVELS: Final = {"substantial": Level.SUBSTANTIAL, "high": Level.HIGH}


@dataclass(frozen=True, slots=True)
class Voucher:
    """What a person's application shows: 网号 and 网证 as one text that means nothing here, good once, for this hub."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of one voucher. `compare`: the digest of number and name that the hub holds of somebody."""

    nonce: str
    voucher: Voucher
    compare: str | None = None


@dataclass(frozen=True, slots=True)
class Vouched:
    """What the service says. `pseudonym` is the person's at this hub; `matches` None: nothing was compared;
    `identity` only where the operator has the hub ask for it.
    """

    pseudonym: str = field(repr=False)
    level: Level
    transaction: str
    matches: bool | None
    identity: Identity | None
    trial: bool
    expires_at: datetime


def read_voucher(text: str) -> Voucher | None:
    """The voucher in a field; None where there is none. It begins with `NID.`, as no number, name or code does."""
    plain = "".join(text[:600].split())
    return Voucher(plain) if _VOUCHER.fullmatch(plain) else None


def digest_of(nonce: str, given: Identity) -> str:
    """SHA-256 over nonce, number and name: tells the service, which has both, whether ours are the same. Numbers are
    few, so it keeps them secret from nobody; it goes to that service alone, and is good for one question.
    """
    return b64u(sha256("\n".join((nonce, given.id_number, normalise_name(given.name))).encode()))


def read_answer(
    token: str,
    question: Question,
    *,
    key: VerifyingKey,
    issuer: str,
    audience: str,
    wants_identity: bool,
    now: datetime,
) -> Vouched:
    """What the token says.

    Raises: SignInRefusedError: not the pinned key's, another hub's, old, or of another question.
    """
    try:
        said = verify_jwt(
            token, key=key, typ=ANSWER_TYPE, issuer=issuer, audience=audience, now=now, max_lifetime=LASTS,
            required=_REQUIRED, max_bytes=MOST_BYTES, header_names=_HEADER,
        )  # fmt: skip
    except SigningError as error:
        raise SignInRefusedError(f"network_id:{error}") from error
    if said["nonce"] != question.nonce:
        raise SignInRefusedError("network_id:nonce")
    pseudonym, transaction = said["pseudonym"], said["jti"]
    if not isinstance(pseudonym, str) or not 16 <= len(pseudonym) <= 200 or not 8 <= len(transaction) <= 100:
        raise SignInRefusedError("network_id:pseudonym")
    return Vouched(
        pseudonym,
        _LEVELS.get(str(said.get("assurance")), Level.BASIC),
        transaction,
        _matches(said, question),
        _identity(said) if wants_identity else None,  # what was not asked for is not read
        trial=on_trial(key.kid, said),
        expires_at=now + LASTS,
    )


def _matches(said: Mapping[str, Any], question: Question) -> bool | None:
    found = said.get("matches")
    return found if question.compare is not None and isinstance(found, bool) else None


def _identity(said: Mapping[str, Any]) -> Identity | None:
    number, name = said.get("id_number"), said.get("name")
    if number is None and name is None:
        return None
    if not isinstance(number, str) or not isinstance(name, str) or not name.strip():
        raise SignInRefusedError("network_id:claims")
    try:
        value = normalise_id(CITIZEN_ID, number[:100]).value
        check(CITIZEN_ID, value)
    except IdentifierError as error:
        raise SignInRefusedError("network_id:number") from error
    return Identity(CITIZEN_ID, value, name[:100])
