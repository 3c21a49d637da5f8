"""The field in which a clerk has the person's own card read, where no case is opened by it."""

from dataclasses import dataclass, field
from typing import Final

from hub.access.service import Caller
from hub.citizens.by_card import Shown
from hub.citizens.values import Identity
from hub.intake.counter.card_reads import CARD_READ, looks_signed, read_token
from hub.intake.counter.presented import PresentedError, read_presented
from hub.intake.counter.values import ATTESTED
from hub.intake.errors import PartyError
from hub.intake.parties import PartyInput
from hub.runtime import Hub
from hub.storage.idempotency import write_once
from hub.web.console.counter import words
from hub.web.console.forms import FieldError, Form

NOT_SEEN: Final = FieldError(
    "attested", "请当面核对证件、念给本人听后勾选", "See the card, read it out to the person, and tick this"
)
_NAMELESS: Final = FieldError("name", "请按证件输入姓名", "Enter the name as it stands on the card")
_NAME_MOST: Final = 100


@dataclass(frozen=True, slots=True)
class Card:
    """Whose card it is. `token`: what a reader signed of it, still to be verified."""

    identity: Identity = field(repr=False)
    token: str = field(repr=False, default="")


def card_in(given: Form) -> tuple[Card | None, list[FieldError]]:
    """The card of the fields `id` and `name`, and what is wrong; that the clerk ticked that he has seen it, too."""
    errors = [] if given.checked("attested") else [NOT_SEEN]
    text = given.raw("id").strip()
    try:
        if looks_signed(text):
            read = read_token(text)
            return Card(Identity(read.id_type, read.id_number, read.name), text), errors
        found = read_presented(text)
    except PartyError as error:
        return None, [refused(error), *errors]
    except PresentedError as error:
        return None, [FieldError("id", *words.REASONS.get(error.reason, words.WRONG_ID)), *errors]
    name = found.name or given.text("name")[:_NAME_MOST]
    if not name:
        return None, [_NAMELESS, *errors]
    return Card(Identity(found.id_type, found.id_number, name)), errors


def typed(given: Form) -> str:
    """The card's field as a page shows it again: not what a reader signed, behind which the next read is typed."""
    text = given.text("id")
    return "" if looks_signed(text) else text


async def seen(hub: Hub, caller: Caller, card: Card, what: str) -> str:
    """As `shown`, without the device."""
    return (await shown(hub, caller, card, what)).how


async def shown(hub: Hub, caller: Caller, card: Card, what: str) -> Shown:
    """How the card was seen; what a reader signed is used up by this. `what`: for the record of that.

    Raises: PartyError: no reader of the department signed it just now, or it was used.
    """
    if not card.token:
        return Shown(ATTESTED)
    who = card.identity
    party = PartyInput("applicant", who.name, who.id_type, who.id_number)
    signed, use_up = await hub.counter.readers.read(caller, card.token, party)
    await write_once(hub.database, lambda tx: use_up(tx, None, what))  # a form sent twice at once finds it used
    return Shown(CARD_READ, signed["reference"])


def refused(error: PartyError) -> FieldError:
    """Why a card is not taken, beside its field."""
    return FieldError("id", *words.PARTY_RULES.get(error.rule, words.WRONG_ID))
