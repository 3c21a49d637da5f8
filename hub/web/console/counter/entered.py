"""What a clerk entered in the fields of who takes part: by card, scanner, keyboard or a code that is shown. Nothing is
believed here; what is wrong stands beside its field.
"""

import re
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from catalog.identifiers import ID_TYPES
from hub.citizens.codes import Code, looks_like_code, read_code
from hub.citizens.identities.vouching import Voucher, read_voucher
from hub.intake.counter.card_reads import looks_signed, read_token
from hub.intake.counter.lines import whose
from hub.intake.counter.presented import PresentedError, read_presented
from hub.intake.errors import PartyError
from hub.intake.parties import PartyInput, numbered
from hub.web.console.counter import words
from hub.web.console.forms import FieldError, Form

_ONCE: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)
_NAME_MOST: Final = 100
_SEVERAL: Final = 4
_MANDATE: Final = "mandate_paper"
_NOT_SEEN: Final = (
    "请核对授权委托书后勾选；没有的不能代办",
    "See the paper of the mandate first: nobody acts for another without one",
)


@dataclass(frozen=True, slots=True)
class Slot:
    """The fields of one party. `agent`: of a role that acts for another party."""

    role: str
    key: str
    label: str
    agent: bool = False


@dataclass(frozen=True, slots=True)
class Entered:
    """What stands in the fields of one role."""

    role: str
    key: str
    """Of its fields: the role, and the number behind it from the second on."""
    label: str
    text: str = field(repr=False, default="")
    name: str = field(repr=False, default="")
    id_type: str = ""
    agent: bool = False
    acts_for: str = ""
    """Of an agent, the key of the fields of the one he acts for."""
    mandate: bool = False
    """Whether the clerk has seen the paper of his mandate."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Who takes part, as it was sent.

    Attributes:
        once: the form's own number: sent twice, it opens one.
        parties: with the places of their fields.
        card: whether the first came whole, as a card is read.
        codes: by place, the code that was shown instead of a number.
        nameless: the key of the first who has a number and no name yet.
    """

    once: str
    entered: list[Entered] = field(repr=False)
    parties: list[tuple[int, PartyInput]] = field(repr=False)
    errors: list[FieldError]
    card: bool
    codes: dict[int, Code | Voucher] = field(repr=False)
    nameless: str = ""
    face: str = field(repr=False, default="")
    """What a device signed that compared faces."""
    second_document: bool = False

    @property
    def faulty(self) -> bool:
        """Whether the page is shown again."""
        return bool(self.errors or self.nameless)

    @property
    def people(self) -> list[PartyInput]:
        """Those that were entered."""
        return [party for _, party in self.parties]

    @property
    def reader(self) -> str:
        """What a card reader signed of the first."""
        text = self.entered[0].text.strip() if self.entered else ""
        return text if looks_signed(text) else ""

    @property
    def shown(self) -> dict[int, Code | Voucher]:
        """By the place among `people`, the code or network ID that was shown."""
        return {index: self.codes[place] for index, (place, _) in enumerate(self.parties) if place in self.codes}

    @property
    def mandate(self) -> bool:
        """Whether somebody acts for another by a paper that the clerk has seen."""
        return any(party.mandate is not None for party in self.people)

    @property
    def kept(self) -> list[Entered]:
        """The fields as they are shown again."""
        return _kept(self.entered, self.parties)


def empty(slots: Sequence[Slot]) -> Entry:
    """A new form."""
    return Entry(secrets.token_hex(16), [_blank(slot) for slot in slots], [], [], card=False, codes={})


def entry_in(given: Form, slots: Sequence[Slot]) -> Entry:
    """What was sent."""
    once = given.text("once")
    if not _ONCE.fullmatch(once):
        once = secrets.token_hex(16)
    entered = [_entered(given, slot) for slot in slots]
    parties, errors, card = _read(entered)
    parties, unseen = _acting(entered, parties)
    read = {place: _code(entered[place]) for place, party in parties if not party.name}
    codes = {place: found for place, found in read.items() if found is not None}
    nameless = [entered[place].key for place, party in parties if not party.name and place not in codes]
    return Entry(
        once, entered, parties, errors + unseen, card, codes, nameless[0] if nameless else "",
        face=given.text("face"), second_document=given.checked("second_document"),
    )  # fmt: skip


def slots(roles: Sequence[str], several: Collection[str], agents: Collection[str], language: str) -> list[Slot]:
    """The fields of each party that can be entered here; more of one role go in through the API."""
    found = []
    for role in roles:
        many = role in several
        for number in range(1, _SEVERAL + 1 if many else 2):
            label = whose(f"{role}#{number}" if many else role, language)
            found.append(Slot(role, role if number == 1 else f"{role}.{number}", label, role in agents))
    return found


def _blank(slot: Slot) -> Entered:
    return Entered(slot.role, slot.key, slot.label, agent=slot.agent)


def _entered(given: Form, slot: Slot) -> Entered:
    key, id_type = slot.key, given.text(f"type.{slot.key}")
    return replace(
        _blank(slot),
        text=given.raw(f"id.{key}"),
        name=given.text(f"name.{key}")[:_NAME_MOST],
        id_type=id_type if id_type in ID_TYPES else "",
        acts_for=given.text(f"acts_for.{key}"),
        mandate=given.checked(f"mandate.{key}"),
    )


def _acting(
    entered: list[Entered], parties: list[tuple[int, PartyInput]]
) -> tuple[list[tuple[int, PartyInput]], list[FieldError]]:
    """Agents with whom they act for: whoever was chosen, else the first who was entered; and mandates not seen."""
    keys = numbered([party.role for _, party in parties])
    by_field = {entered[place].key: key for (place, _), key in zip(parties, keys, strict=True)}
    others = {field: key for field, key in by_field.items() if not any(e.key == field and e.agent for e in entered)}
    found, errors = [], []
    for place, party in parties:
        item = entered[place]
        if item.agent:
            principal = others.get(item.acts_for) or next(iter(others.values()), None)
            party = replace(party, acts_for=principal, mandate=_MANDATE if item.mandate else None)  # noqa: PLW2901
            errors += [] if item.mandate else [FieldError(f"mandate.{item.key}", *_NOT_SEEN)]
        found.append((place, party))
    return found, errors


def _read(entered: list[Entered]) -> tuple[list[tuple[int, PartyInput]], list[FieldError], bool]:
    """The parties with their places, what is wrong, and whether the first came whole, as a card is read."""
    parties: list[tuple[int, PartyInput]] = []
    errors, card = [], False
    for place, item in enumerate(entered):
        if not item.text.strip() and (place or item.name):
            if item.name:  # a person without an ID: whether the matter allows that is for the case to say
                parties.append((place, PartyInput(item.role, item.name)))
            continue
        if _code(item) is not None:  # who shows it, the hub says
            parties.append((place, PartyInput(item.role, "")))
            continue
        try:
            if place == 0 and looks_signed(item.text.strip()):
                read = read_token(item.text.strip())
                parties.append((place, PartyInput(item.role, read.name, read.id_type, read.id_number)))
                continue
            found = read_presented(item.text, id_type=item.id_type)
        except PartyError as error:
            errors.append(FieldError(f"id.{item.key}", *words.PARTY_RULES.get(error.rule, words.WRONG_ID)))
            continue
        except PresentedError as error:
            known = words.REASONS.get(error.reason, words.WRONG_ID)
            why = words.CODES["misread"] if looks_like_code(item.text) else known
            errors.append(FieldError(f"id.{item.key}", *why))
            continue
        card = card or (place == 0 and found.whole)
        parties.append((place, PartyInput(item.role, found.name or item.name, found.id_type, found.id_number)))
    return parties, errors, card


def _code(item: Entered) -> Code | Voucher | None:
    """The code in an ID field; where another kind of document is chosen, eight digits are its number."""
    return None if item.id_type else read_voucher(item.text) or read_code(item.text)


def _kept(entered: list[Entered], parties: list[tuple[int, PartyInput]]) -> list[Entered]:
    """The fields as they are shown again: what a card said of the name stands in its own field."""
    read = {place: party.name for place, party in parties if party.name}
    return [replace(item, name=read[place]) if place in read else item for place, item in enumerate(entered)]
