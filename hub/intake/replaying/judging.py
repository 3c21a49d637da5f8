"""One decision judged again, by the resolver itself. Pure: the ground of the decision, beside the data of its day."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from catalog.grants import Grant
from catalog.matters.standing_in import Assurance
from catalog.matters.values import Matter, Need, Requirement
from hub.intake.compose import Item
from hub.intake.deciding import rechecked
from hub.intake.ladder import Rung
from hub.intake.lower.values import serves
from hub.intake.outcomes import Outcome, Why
from hub.intake.replaying.kept import Ground, Said
from hub.intake.replaying.verdicts import Because, Found, Judged
from hub.intake.resolver import Open, Question, Resolution, resolve, unasked
from hub.intake.resolving.naming import not_named
from hub.intake.rulings import Ruling

_COPYING: Final = frozenset({"integrity", "source_faulty", "source_misconfigured"})
"""A licence or record that met the requirement and of which no copy could be made: nobody can try that again."""
_SIGNING: Final = "issue_not_finished"
"""A licence that was being signed at that very moment: when that ended is not kept."""
INTERRUPTED: Final = "interrupted"
"""A stream's process ended before anything was judged, and the hub owes it."""
WITHHELD: Final = frozenset(
    {
        "holder_refused",
        "holder_word_over",
        "interface_withdrawn",
        "source_quarantined",
        "waits_for",
        "issue_not_finished",
        "grant_not_in_force",
    }
)
"""What was withheld at the last moment, by something whose turns are not kept by the moment."""


@dataclass(frozen=True, slots=True)
class Locked:
    """How grants, licences and stops stood when the decision was committed, a little after it was judged."""

    grants: Mapping[str, Grant]
    licences: Mapping[str, str]
    """By identifier, the status."""
    stopped: set[str]
    at: datetime


@dataclass(frozen=True, slots=True)
class Then:
    """A decision with all that it was judged by.

    Attributes:
        differs: answers named different people in the party's role.
    """

    ruling: Ruling
    ground: Ground
    matter: Matter
    requirement: Requirement
    question: Question
    differs: bool


def judge(then: Then, locked: Callable[[], Locked]) -> Found:
    """Judge again: first as it was judged, then as it was checked again, and what stood in by its rule."""
    ruling = then.ruling
    final = (ruling.said("outcome"), ruling.said("why"))
    first = then.ground.first or final
    if first[1] == INTERRUPTED:
        return Found(Judged.NOT_REPLAYABLE, Because.MOMENTARY)
    found = again(then)
    if not isinstance(found, Resolution):
        return Found(Judged.DIFFERENT, Because.RULE)
    if (found.outcome.value, found.why.code) != first:
        if first[1] == _SIGNING or (first[1] in _COPYING and found.outcome is Outcome.SATISFIED):
            return Found(Judged.NOT_REPLAYABLE, Because.MOMENTARY, found)
        return Found(Judged.DIFFERENT, Because.RULE, found)
    if then.ground.first is not None:
        return _afterwards(then, found, final, locked)
    if found.outcome is Outcome.SATISFIED and not _discloses(ruling, found):
        return Found(Judged.DIFFERENT, Because.RULE, found)
    return Found(Judged.SAME, Because.NONE, found)


def again(then: Then) -> Resolution | Open:
    """What the resolver says, as a pull asks it."""
    requirement, question = then.requirement, then.question
    if requirement.code in then.matter.after:
        early = unasked(requirement, question)
        if early is not None:
            return early
        if then.differs:
            return Resolution(requirement, Outcome.AMBIGUOUS, Why("party_differs", {"party": requirement.party}))
        if requirement.party not in question.parties:
            return not_named(requirement, then.matter, question)
    answers = then.ground.answers(requirement)
    return _fetched(resolve(requirement, question, answers), answers)


def _fetched(found: Resolution | Open, answers: Mapping[Need, Said]) -> Resolution | Open:
    """Of licences whose claims lie at their source: as that answered."""
    if not isinstance(found, Resolution):
        return found
    for source in found.sources:
        said = answers.get(source.need)
        if said is not None and said.outcome is not Outcome.SATISFIED:
            return Resolution(found.requirement, said.outcome, said.why, grants=found.grants)
    return found


def _afterwards(then: Then, found: Resolution, final: tuple[str, str], locked: Callable[[], Locked]) -> Found:
    """What became of the answer between judging and commit."""
    withheld = withheld_by(found, locked())
    if (withheld.outcome.value, withheld.why.code) == final:
        return Found(Judged.SAME, Because.NONE, withheld)
    if final[1] in WITHHELD and withheld is found:
        return Found(Judged.NOT_REPLAYABLE, Because.MOMENTARY, found)
    if stands(then, withheld.outcome, final[0]):
        return Found(Judged.SAME, Because.NONE, withheld)
    return Found(Judged.DIFFERENT, Because.RULE, withheld)


def withheld_by(found: Resolution, held: Locked) -> Resolution:
    """The answer as it might be given at the moment of commit."""
    grants = {grant.id: _stood(grant, held) for grant in found.grants}
    versions = {
        source.held.record.id: (
            source.held.record.row_version if unchanged else -1,
            held.licences.get(source.held.record.identifier, "superseded"),
        )
        for source in found.sources
        for unchanged in [held.licences.get(source.held.record.identifier) == source.held.record.status]
    }
    return rechecked(Item(found, ()), grants, versions, held.stopped, held.at).resolution


def stands(then: Then, outcome: Outcome, final: str) -> bool:
    """Whether the matter lets a lower rung answer as it did, after what records said."""
    requirement, rung = then.requirement, then.ruling.said("rung")
    if not serves(requirement, outcome) or requirement.assurance is Assurance.HIGH:
        return False
    rules = requirement.stand_ins
    if final == Outcome.PENDING.value:
        return rules.verification is not None
    if final == Outcome.SATISFIED.value:
        allowed: dict[str, Any] = {
            Rung.VERIFICATION.value: rules.verification,
            Rung.SEALED_COPY.value: rules.sealed_copy,
            Rung.COMMITMENT.value: rules.commitment,
        }
        return bool(allowed.get(rung)) and then.ground.plain.get("stood_in", {}).get("rung") == rung
    return final == outcome.value  # a reason that says how a check or a promise stands


def _stood(grant: Grant, held: Locked) -> tuple[int, str, datetime]:
    last = held.grants.get(grant.id)
    if last is None:
        return 0, "withdrawn", held.at
    same = last.state is grant.state
    return grant.row_version if same else -1, last.state.value, grant.valid_until


def _discloses(ruling: Ruling, found: Resolution) -> bool:
    detail = ruling.detail or {}
    certificates = [item.held.record.identifier for item in found.sources]
    fields = {name for need in found.disclosed() for name in need.fields}
    asked = sorted({f"{ask.need.code}@{ask.stored.version}" for ask in found.asked})
    said = (list(detail.get("certificates", ())), set(detail.get("fields", ())), list(detail.get("interfaces", ())))
    return said == (certificates, fields, asked)
