"""An event with its matters: who has which role, what waits for what, the one form. Clashes are told here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from catalog.errors import DefinitionError
from catalog.expressions.evaluating import evaluate
from catalog.expressions.values import Kind, Value, Verdict
from catalog.forms.merging import OneField, Part, merge
from catalog.life_events.values import EventMatter, LifeEvent
from catalog.matters.values import Matter


@dataclass(frozen=True, slots=True)
class Feed:
    """What a matter gives to a requirement of another: a certificate of this type about this party of the event."""

    matter: str
    type_code: str
    party: str
    to: str
    requirement: str


def party_of(item: EventMatter, event: LifeEvent, role: str) -> str | None:
    """Which party of the event has this role of a matter."""
    found = item.parties.get(role, role)
    return found if found in event.parties else None


def check_event(event: LifeEvent, matters: Mapping[str, Matter]) -> None:
    """Refuse an event that its matters do not fit. Raises: DefinitionError."""
    for item in event.matters:
        matter = matters.get(item.code)
        if matter is None:
            raise DefinitionError(f"event: no matter {item.code} is in force")
        if strangers := sorted(set(item.parties) - set(matter.roles)):
            raise DefinitionError(f"event: {item.code} has no role {', '.join(strangers)}")
        if party_of(item, event, matter.roles[0]) is None:
            raise DefinitionError(f"event: nobody is {matter.roles[0]} of {item.code}")
    _check_facts(event, matters)
    merge([part_of(item, event, matters[item.code], event.parties) for item in event.matters])
    waves(event, matters)


def part_of(item: EventMatter, event: LifeEvent, matter: Matter, present: Sequence[str]) -> Part:
    """The matter's form in the one form. `present`: keys of the parties that take part, `seller#2` for a second one."""
    held: dict[str, tuple[str, ...]] = {}
    for role in matter.roles:
        party = party_of(item, event, role)
        held[role] = tuple(key for key in present if key.partition("#")[0] == party)
    return Part(matter.code, matter.form, held)


def one_form(event: LifeEvent, matters: Mapping[str, Matter], present: Sequence[str]) -> tuple[OneField, ...]:
    """The form of those matters that are given."""
    return merge([part_of(item, event, matters[item.code], present) for item in event.matters if item.code in matters])


def feeds(event: LifeEvent, matters: Mapping[str, Matter]) -> tuple[Feed, ...]:
    """Every result of a matter that a requirement of another one takes, about the same party."""
    found = []
    items = [item for item in event.matters if item.code in matters]
    for giver in items:
        for result in matters[giver.code].results:
            party = party_of(giver, event, result.party)
            for taker in items:
                if taker is giver or party is None:
                    continue
                for requirement in matters[taker.code].requirements:
                    same = party_of(taker, event, requirement.party) == party
                    if same and result.type_code in requirement.type_codes():
                        found.append(Feed(giver.code, result.type_code, party, taker.code, requirement.code))
    return tuple(found)


def waits_for(event: LifeEvent, matters: Mapping[str, Matter]) -> dict[str, tuple[str, ...]]:
    """By matter, those whose decision comes first: by order, by a result it takes, or as its prerequisite."""
    codes = {item.code for item in event.matters if item.code in matters}
    found: dict[str, dict[str, None]] = {
        item.code: dict.fromkeys((*item.after, *matters[item.code].prerequisites))
        for item in event.matters
        if item.code in codes
    }
    for feed in feeds(event, matters):
        found[feed.to][feed.matter] = None
    return {code: tuple(name for name in first if name in codes) for code, first in found.items()}


def waves(event: LifeEvent, matters: Mapping[str, Matter]) -> tuple[tuple[str, ...], ...]:
    """The matters in the order in which they can be decided, those together that wait for nothing more.

    Raises: DefinitionError: `circular: a → b → a`.
    """
    sorter = TopologicalSorter({code: set(first) for code, first in waits_for(event, matters).items()})
    try:
        sorter.prepare()
    except CycleError as error:
        # graphlib names a ring backwards, each behind the one that waits for it.
        raise DefinitionError(f"circular: {' → '.join(reversed(error.args[1]))}") from None
    found = []
    while sorter.is_active():
        ready = sorter.get_ready()
        found.append(tuple(sorted(ready)))
        sorter.done(*ready)
    return tuple(found)


def applies(item: EventMatter, values: Mapping[str, Value]) -> Verdict:
    """Whether a matter of the event is opened; None: that depends on an answer."""
    return Verdict(value=True) if item.when is None else evaluate(item.when, values)


def _check_facts(event: LifeEvent, matters: Mapping[str, Matter]) -> None:
    kinds: dict[str, tuple[Kind, str]] = {code: (fact.kind, event.code) for code, fact in event.facts.items()}
    for item in event.matters:
        for code, fact in matters[item.code].facts.items():
            kind, where = kinds.setdefault(code, (fact.kind, item.code))
            if kind is not fact.kind:
                raise DefinitionError(f"fact {code}: {kind.value} in {where}, {fact.kind.value} in {item.code}")
