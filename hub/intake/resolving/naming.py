"""A requirement about a party whom an answer should have named, and none has. Pure."""

from catalog.matters.values import Matter, Requirement
from hub.intake.outcomes import Outcome, Why
from hub.intake.resolver import absent
from hub.intake.resolving.depending import waits_for
from hub.intake.resolving.values import Question, Resolution


def not_named(requirement: Requirement, matter: Matter, question: Question) -> Resolution:
    """Nobody, where every answer that could name somebody says that there is nobody; else it waits, or asks who."""
    givers = [one for one in matter.requirements if requirement.party in {of.role for of in one.gives}]
    awaited = waits_for([one.code for one in givers], question.standing)
    if awaited is not None:
        return Resolution(requirement, awaited[0], awaited[1], failed=awaited[2])
    ended = [outcome for one in givers for outcome, _ in question.standing.get(one.code, ())]
    if all(outcome in {Outcome.DECLARED_NONE, Outcome.NOT_APPLICABLE} for outcome in ended):
        return absent(requirement)
    return Resolution(requirement, Outcome.AMBIGUOUS, Why("party_missing", {"party": requirement.party}))
