"""What a clerk sees of a case: outcomes with their reasons, and never a value."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from hub.citizens.codes import Code
from hub.citizens.identities.vouching import Voucher
from hub.intake.parties import PartyInput
from hub.intake.resolver import ASKED, CLEARED, OWED, Outcome
from hub.intake.store import Case

ATTESTED: Final = "clerk_attested"
"""The corroboration that a text in the ID field is: the clerk's word that the card was shown. Nothing tells a reader
from typing until the reader signs.
"""
FIRST_SETTLED: Final = frozenset({Outcome.AMBIGUOUS, Outcome.IDENTITY_UNCONFIRMED, Outcome.HOLDER_DECISION_NEEDED})
"""Outcomes in which no paper is wanted yet: something is to be said, checked or authorised first."""


@dataclass(frozen=True, slots=True)
class CounterOpening:
    """What a clerk enters of a new case or life event, `code` of the catalogue. `once` is the form's own number: a form
    that is sent twice opens one.
    """

    code: str
    parties: Sequence[PartyInput]
    once: str
    card_read: bool = False
    """Whether the first party's name and number came in one text, as readers write it."""
    codes: Mapping[int, Code | Voucher] = field(default_factory=dict)
    """By place, the codes or network IDs that parties show instead of a number: the hub itself names those."""
    reader: str = field(repr=False, default="")
    """What a card reader signed of the first party."""
    mandate: bool = False
    """Whether the paper of a mandate was seen, by which one acts for another."""
    face: str = field(repr=False, default="")
    """What a device signed that compared the first party's face with the photo of his card."""
    second_document: bool = False
    """Whether the clerk saw another document of the first party, where faces did not agree."""


@dataclass(frozen=True, slots=True)
class Owed:
    """A department's failing, by when it is to be made good."""

    department: str
    due_at: str


@dataclass(frozen=True, slots=True)
class Line:
    """One requirement of one party. `outcome` None: not asked yet, or being asked (`asking`)."""

    code: str
    party: str
    title: str
    whose: str
    legal_basis: str
    outcome: Outcome | None = None
    rung: str = ""
    why: str = ""
    next_step: str = ""
    asking: bool = False
    owed: Owed | None = None
    choices: tuple[tuple[str, str], ...] = ()
    """Of an answer that asks which one: each, and what it is called."""
    resume_token: str = field(repr=False, default="")
    chosen: bool = False
    """Whether the person said which one it is about, and may say another."""
    may_scan: bool = False
    """Whether a scan of the paper, sealed, would do."""
    may_promise: bool = False
    """Whether the person may promise it instead."""
    insisted: str = ""
    """Why the clerk asks the person all the same."""

    @property
    def place(self) -> str:
        """Its name in an address, which stays when other lines come or go, and says nothing of anybody."""
        return hashlib.sha256(f"{self.code}|{self.party}".encode()).hexdigest()[:16]

    @property
    def cleared(self) -> bool:
        """The person is not asked for it."""
        return self.outcome in CLEARED

    @property
    def spared(self) -> bool:
        """It was not wanted of a case like this; another answer of the person may change that."""
        return self.outcome is Outcome.NOT_APPLICABLE

    @property
    def is_owed(self) -> bool:
        """A department supplies it later; the person is not asked for it."""
        return self.outcome in OWED

    @property
    def first_settled(self) -> bool:
        """Something comes before any paper."""
        return self.outcome in FIRST_SETTLED

    @property
    def wanted(self) -> bool:
        """The person is still asked for it."""
        return self.outcome in ASKED and not self.first_settled


@dataclass(frozen=True, slots=True)
class Person:
    """A party as the clerk compares it with the card on the desk: masked."""

    whose: str
    name: str = field(repr=False)
    number: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class CounterCase:
    """A case on the counter's screen."""

    case: Case
    matter_name: str
    people: Sequence[Person]
    lines: Sequence[Line]
    questions: Sequence[Mapping[str, Any]]
    asking: bool
    situations: Sequence[Mapping[str, Any]] = ()
    has_form: bool = False
    """Whether the matter has a form of its own."""
    family_no: str | None = None
    """Of the life event that it is a case of."""
    passed_over: frozenset[str] = frozenset()
    """Requirements that its one notice left to another case, which does not meet them any more."""

    @property
    def open(self) -> bool:
        """Whether something can still be asked."""
        return self.case.state == "open"

    @property
    def begun(self) -> bool:
        """Whether anything was asked."""
        return self.asking or any(line.outcome is not None for line in self.lines)

    @property
    def wanted(self) -> Sequence[Line]:
        """What the person still brings."""
        return [line for line in self.lines if line.wanted]

    @property
    def first_settled(self) -> Sequence[Line]:
        """What is to be said or checked first."""
        return [line for line in self.lines if line.first_settled]

    @property
    def untold(self) -> Sequence[Line]:
        """What the person is still to be told of."""
        said = (*self.wanted, *self.first_settled) if self.case.stage == "filed" else ()
        return [line for line in said if not self.case.asked_at or line.code in self.passed_over]

    @property
    def spared(self) -> Sequence[Line]:
        """What nobody need ask of the person, and nobody has."""
        known = [line for line in self.lines if line.outcome is not None and not line.insisted]
        return [line for line in known if not line.wanted and not line.first_settled]

    @property
    def insisted(self) -> Sequence[Line]:
        """What the person was asked for all the same."""
        return [line for line in self.lines if line.insisted]

    @property
    def owed(self) -> Sequence[Line]:
        """What departments supply later."""
        return [line for line in self.lines if line.is_owed]

    @property
    def waiting(self) -> Sequence[Line]:
        """What an officer is checking."""
        return [line for line in self.lines if line.outcome is Outcome.PENDING]

    @property
    def saved(self) -> int:
        """Papers that were not brought because they are proven."""
        return sum(line.outcome is Outcome.SATISFIED for line in self.lines)

    @property
    def unknown(self) -> Sequence[Line]:
        """What has no answer yet and is not being asked."""
        return [line for line in self.lines if line.outcome is None and not line.asking]

    @property
    def whole(self) -> bool:
        """Nothing is missing, nothing is owed."""
        return bool(self.lines) and all(line.cleared for line in self.lines)


@dataclass(frozen=True, slots=True)
class Recent:
    """A case of this counter in the list of the last ones."""

    case_no: str
    matter_zh: str
    matter_en: str
    state: str
    opened_at: datetime
