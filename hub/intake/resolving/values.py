"""What the resolver looks at, and what it answers. Values only."""

import hmac
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, Final

from catalog.expressions.values import Values
from catalog.grants import Grant
from catalog.matters.feeding import NO_ORDER
from catalog.matters.roles import NO_RULES, RoleRule
from catalog.matters.values import Need, Requirement
from certificates.stores.version import HeldVersion
from hub.clock import BEIJING
from hub.exchange.uses import of_certificate
from hub.intake.ladder import Rung
from hub.intake.outcomes import ASKED, Failed, Fetched, Outcome, Why
from hub.intake.resolving.asking import Answering, Ask, Shared
from hub.intake.resolving.choosing import Looked
from hub.intake.resolving.depending import Standing
from hub.intake.store import Case, Party
from hub.issuing.drafting import INDEXED
from hub.issuing.types.registry import TypeInForce

Covered = tuple[tuple[Need, Grant], ...]
"""One alternative: each need with the grant that covers its type and fields. A grant that serves one alternative need
not serve another of the same type, which may want more fields."""


@dataclass(frozen=True, slots=True)
class Source:
    """A certificate that meets a need, and the grant under which it is used."""

    held: HeldVersion
    need: Need
    grant: Grant


@dataclass(frozen=True, slots=True)
class Resolution:
    """The answer to one requirement. `sources` or `shared` is non-empty exactly when it is satisfied.

    `grants` are those under which library and sources were asked: an answer without a record tells something too.
    `failed` is there when the outcome is `source_unavailable`. `asked` are the interfaces that said so.
    """

    requirement: Requirement
    outcome: Outcome
    why: Why
    sources: tuple[Source, ...] = ()
    grants: tuple[Grant, ...] = ()
    failed: Failed | None = None
    shared: tuple[Shared, ...] = ()
    asked: tuple[Ask, ...] = ()
    choices: tuple[Mapping[str, Any], ...] = ()
    """Of an ambiguous answer, between what somebody has to choose."""
    choice_of: str = ""
    """Of such an answer, under what the choice is remembered."""
    stands_in: Rung | None = None
    """The lower rung on which it is satisfied, by nobody's records."""

    @property
    def elsewhere(self) -> bool:
        """Whether it rests on licences of which the hub keeps an index alone."""
        return any(source.held.record.state == INDEXED for source in self.sources)

    def marks(self) -> tuple[str, ...]:
        """The records by which it is satisfied: whoever is told of them hears what becomes of them."""
        if self.outcome is not Outcome.SATISFIED:
            return ()
        held = (of_certificate(source.held.record.id) for source in self.sources)
        return (*held, *(mark for shared in self.shared for mark in shared.found.marks))

    def disclosed(self) -> tuple[Need, ...]:
        """The needs whose fields it discloses."""
        return (*(source.need for source in self.sources), *(shared.ask.need for shared in self.shared))

    @property
    def rung(self) -> Rung | None:
        """On which rung the answer stands; None while it is none."""
        if self.stands_in is not None:
            return self.stands_in
        if self.outcome in {Outcome.SATISFIED, Outcome.DECLARED_NONE}:
            told = self.shared if self.outcome is Outcome.SATISFIED else self.asked
            return Rung.SHARED_DATA if told else Rung.CERTIFICATE
        return Rung.PAPER if self.outcome in ASKED else None


@dataclass(frozen=True, slots=True)
class Open:
    """A requirement whose answer lies with sources that have to be asked first, all at once."""

    requirement: Requirement
    asks: tuple[Ask, ...]
    grants: tuple[Grant, ...] = ()


Answers = Mapping[Need, Fetched]
"""What sources said so far."""
NO_ANSWERS: Final[Answers] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Question:
    """Everything the resolver looks at for one request."""

    case: Case
    parties: Mapping[str, Party]
    purpose: str
    grants: Sequence[Grant]
    types: Mapping[str, TypeInForce]
    held: Sequence[HeldVersion]
    exhausted: Collection[str]
    now: datetime
    officer: str | None = None
    """Of an ex officio case, its operator."""
    values: Values = field(default_factory=dict)
    """What conditions see of the case."""
    filed_on: date | None = None
    """By whose law it is judged; None: today."""
    rules: Mapping[str, RoleRule] = field(default_factory=lambda: NO_RULES)
    """Of the matter's roles."""
    answering: Answering = field(default_factory=dict)
    """The interfaces that answer."""
    after: Mapping[str, frozenset[str]] = field(default_factory=lambda: NO_ORDER)
    """By code, the requirements whose answers one waits for."""
    chosen: Mapping[tuple[str, str, str], str] = field(default_factory=dict)
    """What somebody chose, by requirement, party, and type or interface: `Need.choice_of`."""
    told: Mapping[str, Mapping[str, Any] | None] = field(default_factory=dict, repr=False)
    """Of versions of licences, what they say as far as a need is narrowed by it, or its age counted; None of one that
    does not verify."""
    choice_key: bytes = field(default=b"", repr=False)
    """By which records of sources are told apart; of this case alone."""
    looked: Looked | None = None
    """How records stood, where a decision is judged again."""
    standing: Standing = field(default_factory=dict)
    """How those that are answered ended."""
    decisions: Mapping[tuple[bytes | None, str], str] = field(default_factory=dict, repr=False)
    """What parties decided of grants that rest on their agreement, by the hash of the number and the grant."""

    def key_of(self, party: Party) -> bytes:
        """By which records of this person are told apart: who takes his place in the case has chosen nothing."""
        return hmac.digest(self.choice_key, party.lookup_hash or b"", "sha256")

    def today(self) -> date:
        """The civil day on which validity is judged."""
        return self.now.astimezone(BEIJING).date()


@dataclass(frozen=True, slots=True)
class Seen:
    """What the resolver looked at when it gave an answer: all that takes to give it again.

    `said` is what sources and the keepers of claims answered, by the need for which they were asked.
    """

    question: Question
    said: Answers = field(default_factory=lambda: NO_ANSWERS)
