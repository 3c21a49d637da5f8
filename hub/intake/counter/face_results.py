"""What a device says that compared a card's photo with a face: verified, held against the party. Pure.

A result, never a picture: the message has seven members of known form and nothing else. It is worth something for five
minutes and for the one card whose number it was made with. That it is used once, the ledger says.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from hub.access.trial_issuers import TRIAL_MARK, on_trial
from hub.intake.errors import PartyError
from signing.canonical import b64u, sha256, strict_loads
from signing.errors import SigningError
from signing.jose import Unverified, take_apart, verify_jws
from signing.keys import VerifyingKey

COMPARED_TYPE: Final = "face-compared+jwt"
LASTS: Final = timedelta(minutes=5)
MOST_BYTES: Final = 1500
"""A picture in which a face is known takes more."""
FIELD: Final = "/parties/0/face"
REFUSED: Final = "face_refused"
PICTURE: Final = "face_picture"
_AHEAD: Final = timedelta(seconds=10)
_HEADER: Final = frozenset({"alg", "typ", "kid"})
_TEXTS: Final = {
    "jti": re.compile(r"[0-9A-Za-z_-]{8,64}"),
    "at": re.compile(r"[0-9T:.+Z-]{16,40}"),
    "result": re.compile(r"same|different"),
    "band": re.compile(r"low|medium|high"),
    "transaction": re.compile(r"[0-9A-Za-z_.-]{1,64}"),
    "card": re.compile(r"[0-9A-Za-z_-]{43}"),
}


@dataclass(frozen=True, slots=True)
class FaceResult:
    """What a device says of one comparison. `same`: and not by its lowest band, which is as good as a doubt."""

    device: str
    jti: str
    at: datetime
    same: bool
    band: str
    transaction: str
    card: str = field(repr=False)
    token: Unverified = field(repr=False)
    trial: bool


def card_digest(jti: str, id_type: str, id_number: str) -> str:
    """What ties a result to a card without its number: SHA-256 over the result's own id and the number."""
    return b64u(sha256(f"{jti}\n{id_type}\n{id_number}".encode()))


def read_result(text: str) -> FaceResult:
    """What a token says, verified by nobody. Raises: PartyError: `face_picture` for whatever may be one, and
    `face_refused`.
    """
    if len(text) > MOST_BYTES:
        raise PartyError(FIELD, PICTURE)
    try:
        parts = take_apart(text, max_bytes=MOST_BYTES)
        said: dict[str, Any] = strict_loads(parts.payload, max_bytes=MOST_BYTES, max_depth=2)
        known = said.keys() <= {*_TEXTS, TRIAL_MARK} and parts.header.keys() <= _HEADER
        if not known or not isinstance(said.get(TRIAL_MARK, False), bool):  # room for no features of a face either
            raise PartyError(FIELD, PICTURE)
        if not all(rule.fullmatch(said[name]) for name, rule in _TEXTS.items()):
            raise PartyError(FIELD, REFUSED)
        at = datetime.fromisoformat(said["at"])
        if at.tzinfo is None:
            raise PartyError(FIELD, REFUSED)
        device = str(parts.header.get("kid", ""))
    except (SigningError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise PartyError(FIELD, REFUSED) from error
    same = said["result"] == "same" and said["band"] != "low"
    return FaceResult(
        device, said["jti"], at, same, said["band"], said["transaction"], said["card"], parts, on_trial(device, said)
    )


def check_result(result: FaceResult, key: VerifyingKey, id_type: str, id_number: str, now: datetime) -> None:
    """The device signed it just now, and it is about the card of this number. Raises: PartyError (`face_refused`)."""
    try:
        verify_jws(result.token, key=key, typ=COMPARED_TYPE, max_bytes=MOST_BYTES, header_names=_HEADER)
    except SigningError as error:
        raise PartyError(FIELD, REFUSED) from error
    if card_digest(result.jti, id_type, id_number) != result.card or not now - LASTS <= result.at <= now + _AHEAD:
        raise PartyError(FIELD, REFUSED)
