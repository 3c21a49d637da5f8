"""What a card reader signs: read from its token, verified against the device's key, compared with the party. Pure.

A result is worth something for five minutes, and for the very party that it names. That it is used once, the ledger
says.
"""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from catalog.errors import IdentifierError
from catalog.identifiers import normalise_id, normalise_name
from hub.access.trial_issuers import on_trial
from hub.intake.errors import PartyError
from hub.intake.parties import PartyInput
from signing.canonical import strict_loads
from signing.errors import SigningError
from signing.jose import Unverified, take_apart, verify_jws
from signing.keys import VerifyingKey

CARD_READ: Final = "card_read"
READ_TYPE: Final = "card-read+jwt"
LASTS: Final = timedelta(minutes=5)
MOST_BYTES: Final = 2000
_AHEAD: Final = timedelta(seconds=10)
_MEMBERS: Final = {"jti": 64, "id_type": 3, "id_number": 40, "name": 200}
_WHERE: Final = "/parties/0/id_number"


@dataclass(frozen=True, slots=True)
class CardRead:
    """What a device says of one card. `device` is the key that it names; `token` is still to be verified; `trial`: it
    says itself that it is a stand-in.
    """

    device: str
    jti: str
    at: datetime
    id_type: str
    id_number: str = field(repr=False)
    name: str = field(repr=False)
    token: Unverified = field(repr=False)
    trial: bool = False

    @property
    def digest(self) -> str:
        """By its own number, which the reader signed: a text can be changed and still be the same read."""
        return hashlib.sha256(f"{self.device}\n{self.jti}".encode()).hexdigest()


def looks_signed(text: str) -> bool:
    """Whether a text in the ID field is a reader's token rather than a number or a card's words."""
    return text.startswith("eyJ") and text.count(".") == 2 and not any(character.isspace() for character in text)


def read_token(text: str) -> CardRead:
    """What a token says, verified by nobody. Raises: PartyError (`reader_refused`)."""
    try:
        parts = take_apart(text, max_bytes=MOST_BYTES)
        said: dict[str, Any] = strict_loads(parts.payload, max_bytes=MOST_BYTES, max_depth=2)
        texts = {name: said[name] for name in _MEMBERS}
        if not all(isinstance(text, str) and 0 < len(text) <= _MEMBERS[name] for name, text in texts.items()):
            raise _refused()
        at = datetime.fromisoformat(said["at"])
        if at.tzinfo is None:
            raise _refused()
        number = normalise_id(texts["id_type"], texts["id_number"]).value
        device = str(parts.header.get("kid", ""))
        trial = on_trial(device, said)
        return CardRead(device, texts["jti"], at, texts["id_type"], number, texts["name"], parts, trial)
    except (SigningError, IdentifierError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise _refused() from error


def check_read(read: CardRead, key: VerifyingKey, party: PartyInput, now: datetime) -> None:
    """The device signed it just now, and it is about this party. Raises: PartyError (`reader_refused`)."""
    try:
        verify_jws(read.token, key=key, typ=READ_TYPE, max_bytes=MOST_BYTES)
    except SigningError as error:
        raise _refused() from error
    same = (read.id_type, read.id_number, normalise_name(read.name)) == (
        party.id_type, party.id_number, normalise_name(party.name),
    )  # fmt: skip
    if not same or not now - LASTS <= read.at <= now + _AHEAD:
        raise _refused()


def _refused() -> PartyError:
    return PartyError(_WHERE, "reader_refused")
