"""How records stood to what the rules look into: what a decision keeps, so that it can be judged again without them."""

from collections.abc import Mapping
from typing import Any

from catalog.matters.values import Need
from hub.intake.outcomes import Fetched, Objection, Outcome
from hub.intake.resolving.asking import Reading, meant
from hub.intake.resolving.choosing import Looked, Undecided, records_of
from hub.intake.resolving.holdings import Holdings
from hub.intake.resolving.values import Question, Resolution


def looked_of(resolution: Resolution, question: Question, said: Mapping[Need, Fetched]) -> Looked:
    """Of one answer; nothing where its requirement looks into nothing."""
    requirement = resolution.requirement
    needs = [need for needs in requirement.alternatives for need in needs]
    party, licences = question.parties.get(requirement.party), [need for need in needs if need.interface is None]
    fitting: dict[str, set[str]] = {}
    recent: set[str] = set()
    if party is not None:
        holdings = Holdings(requirement, party, question)
        for need in licences:
            held = holdings.of_type(need)
            if need.where:
                fitting[need.choice_of] = {item.record.identifier for item in held if holdings.fits(need, item)}
            if requirement.max_age_days is not None:
                recent |= {item.record.identifier for item in held if holdings.recent(item)}
    return Looked(fitting, recent, _picked(resolution, question, said))


def meant_of(
    resolution: Resolution, question: Question, said: Mapping[Need, Fetched]
) -> dict[Need, list[Mapping[str, Any]] | Objection | Undecided]:
    """Of each source that answered, the records that counted, or why none did."""
    requirement = resolution.requirement
    party = question.parties.get(requirement.party)
    if party is None:
        return {}
    reading = Reading(requirement, question.values, question.chosen, question.key_of(party), question.today())
    told = [(ask, said[ask.need]) for ask in resolution.asked if ask.need in said]
    return {ask.need: meant(ask, answer, reading) for ask, answer in told if answer.outcome is Outcome.SATISFIED}


def _picked(resolution: Resolution, question: Question, said: Mapping[Need, Fetched]) -> dict[str, str]:
    found = {}
    for need, result in meant_of(resolution, question, said).items():
        if not isinstance(result, list):
            why = result.objection[1] if isinstance(result, Undecided) else result[1]
            found[records_of(need)] = why.code
    return found
