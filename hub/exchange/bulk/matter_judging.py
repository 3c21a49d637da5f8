"""A holder of a campaign, judged: by the library as it stands, and by what sources have said of him. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from catalog.grants import Grant
from catalog.matters.values import Need, Requirement
from certificates.stores.holders import Subject as Person
from hub.exchange.bulk.matter_ground import MatterStanding
from hub.exchange.bulk.subject_store import Subject
from hub.intake.calls import Claimed
from hub.intake.compose import Item
from hub.intake.materials.service import material
from hub.intake.outcomes import CLEARED, OWED, Failed, Fetched, Outcome, Why
from hub.intake.resolver import Open, Question, Resolution, Source, grants_for, resolve, unasked
from hub.intake.resolving.values import Seen
from hub.issuing.drafting import INDEXED

RETRIES: Final = (
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
    timedelta(hours=12),
    timedelta(hours=24),
    timedelta(hours=24),
)
"""When a holder whose source failed is asked about again; after the last it stands that the source failed."""


NOT_ASKED: Final = "not_asked"
_LOST: Final = frozenset(Outcome) - CLEARED - OWED - {Outcome.PENDING}
"""Whoever fails one requirement so fails the whole, whatever sources say of the others."""


@dataclass(slots=True)
class Said:
    """What sources said of one holder: by requirement and need, and by licence of which the hub has an index alone."""

    needs: dict[str, dict[Need, Fetched]] = field(default_factory=dict)
    claims: dict[tuple[str, str], Fetched] = field(default_factory=dict)


NOTHING_SAID: Final = Said()


@dataclass(frozen=True, slots=True)
class Held:
    """A holder as the hub knows him now. `claimed` is the question that sources are asked, as of a pull."""

    subject: Subject
    person: Person | None
    claimed: Claimed

    @property
    def question(self) -> Question:
        """What the resolver looks at."""
        return self.claimed.question


@dataclass(frozen=True, slots=True)
class Judged:
    """A holder and how the requirements ended, before it is written."""

    subject: Subject
    person: Person | None
    items: tuple[Item, ...]
    before: tuple[Item, ...] = ()
    """As it was judged, before all of it was checked again under locks."""

    def whole(self) -> tuple[Outcome, str]:
        """Of all of it: satisfied where every requirement is cleared, else as the first that is not."""
        found = [item.resolution for item in self.items]
        left = [item for item in found if item.outcome not in CLEARED]
        first = next((item for item in left if item.why.code != NOT_ASKED), None)
        if first is not None:
            return first.outcome, first.why.code
        told = any(item.outcome is not Outcome.NOT_APPLICABLE for item in found)
        return (Outcome.SATISFIED, "satisfied") if told else (Outcome.NOT_APPLICABLE, found[0].why.code)

    def failed(self) -> bool:
        """Whether a department or the hub failed, so that nobody can say yet."""
        return any(item.resolution.outcome in OWED for item in self.items)


def judge(holder: Held, requirements: Sequence[Requirement], said: Said = NOTHING_SAID) -> Judged | None:
    """The holder judged; None while a source has to be asked first: of nobody more is read than the outcome needs."""
    items = judged_items(requirements, holder.question, said)
    return Judged(holder.subject, holder.person, items) if items is not None else None


def judged_items(requirements: Sequence[Requirement], question: Question, said: Said) -> tuple[Item, ...] | None:
    """What is told of a holder, by requirement; None while a source has to be asked first."""
    found = no_more_than_needed([judge_one(item, question, said) for item in requirements], requirements)
    items = tuple(
        Item(one, (), seen=Seen(question, _said_of(one.requirement, question, said)))
        for one in found
        if isinstance(one, Resolution)
    )
    return items if len(items) == len(found) else None


def no_more_than_needed(
    found: Sequence[Resolution | Open | None], requirements: Sequence[Requirement]
) -> Sequence[Resolution | Open | None]:
    """Where one requirement is lost, the others are not asked about: the whole is lost."""
    if any(isinstance(one, Resolution) and one.outcome in _LOST for one in found):
        return [
            one if isinstance(one, Resolution) else Resolution(requirement, Outcome.PENDING, Why(NOT_ASKED))
            for requirement, one in zip(requirements, found, strict=True)
        ]
    return found


def _said_of(requirement: Requirement, question: Question, said: Said) -> dict[Need, Fetched]:
    """What sources said, for one requirement: of records, and of licences whose claims lie at their source."""
    found = dict(said.needs.get(requirement.code, {}))
    if any(code == requirement.code for code, _ in said.claims):
        resolved = resolve(requirement, question, found)
        sources = indexed_in(resolved) if isinstance(resolved, Resolution) else []
        claims = {source.need: said.claims.get((requirement.code, source.held.record.id)) for source in sources}
        found |= {need: told for need, told in claims.items() if told is not None}
    return found


def judge_one(requirement: Requirement, question: Question, said: Said) -> Resolution | Open | None:
    """The answer to one requirement, or the questions it takes; None: claims of an indexed licence are to be asked.

    What waits for other answers, a case asks.
    """
    if requirement.code in question.after and unasked(requirement, question) is None:
        return Resolution(requirement, Outcome.PENDING, Why("asked_in_a_case"))
    found = resolve(requirement, question, said.needs.get(requirement.code, MappingProxyType({})))
    if isinstance(found, Open):
        return found
    for source in indexed_in(found):
        told = said.claims.get((requirement.code, source.held.record.id))
        if told is None:
            return None
        if told.outcome is not Outcome.SATISFIED:
            failed = Failed(source.held.record.issuer_code, source.held.record.type_code)
            why = Why(told.why.code, told.why.params)
            return Resolution(requirement, told.outcome, why, grants=found.grants, failed=failed, asked=found.asked)
    return found


def indexed_in(found: Resolution) -> list[Source]:
    """The licences it rests on whose claims lie at their source."""
    return [source for source in found.sources if source.held.record.state == INDEXED]


def quota_uses(standing: MatterStanding, question: Question) -> list[Grant]:
    """The limited grants that one holder uses, once per requirement."""
    uses: list[Grant] = []
    for requirement in standing.requirements:
        covered, _ = grants_for(requirement, question)
        mine = {grant.id: grant for needs in covered for _, grant in needs}
        uses += [grant for grant in mine.values() if grant.terms.quota_per_day is not None]
    return uses


def content_of(judged: Judged, standing: MatterStanding) -> dict[str, Any]:
    """The unsigned payload that the entry commits to: the line without whom it is about, entry and time."""
    outcome, why = judged.whole()
    lines = []
    for item in judged.items:
        found = item.resolution
        code = material(standing.case.materials, found.requirement)
        line = {"code": found.requirement.code, "outcome": found.outcome.value, "why": found.why.code}
        lines.append(line | ({"material": code} if code else {}))
    return {"number": judged.subject.number, "outcome": outcome.value, "why": why, "requirements": lines}


def detail_of(judged: Judged) -> Mapping[str, Any]:
    """What its entry says of how it was judged; of values nothing."""
    found = [item.resolution for item in judged.items]
    outcome, why = judged.whole()
    asked = sorted({f"{ask.need.code}@{ask.stored.version}" for item in found for ask in item.asked})
    return {
        "number": judged.subject.number,
        "outcome": outcome.value,
        "why": why,
        "outcomes": {item.requirement.code: item.outcome.value for item in found},
        "grants": sorted({grant.id for item in found for grant in item.grants}),
        "certificates": sorted({source.held.record.identifier for item in found for source in item.sources}),
        **({"interfaces": asked} if asked else {}),
        "fields": [],
    }


def due_after(tries: int, now: datetime) -> datetime | None:
    """When a holder is asked about again who was asked about so often in vain; None: no more."""
    return now + RETRIES[tries - 1] if tries <= len(RETRIES) else None
