"""A family as the counter lists it: each line with the proof it belongs to, questions once, parties masked. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from catalog.life_events.joining import part_of
from hub.clock import BEIJING
from hub.intake.counter import lines
from hub.intake.counter.family_values import Part
from hub.intake.counter.values import CounterCase, Person
from hub.intake.facts import fact_words
from hub.intake.families.casting import open_questions
from hub.intake.families.progress import Line, givers, paper_key
from hub.intake.families.reading import Member, Whole
from hub.issuing.shelf import masked_number

_BODIES: Final = frozenset({"001", "099"})


def parts_of(whole: Whole, item: Member, found: CounterCase, language: str) -> list[tuple[tuple[Any, ...], str, Part]]:
    """The lines of a case with the key of their proof, and whose it is by the family."""
    names = {member.matter.code: member.matter.name(language) for member in whole.members}
    parts = []
    for line in found.lines:
        requirement = item.matter.requirement(line.code)
        if requirement is None:
            continue
        party = item.called(line.party)
        waits: tuple[str, ...] = ()
        if line.outcome is not None:
            judged = Line(item.matter.code, "", requirement, line.party, party, line.outcome, {}, None, "")
            waits = tuple(dict.fromkeys(names[feed.matter] for feed in givers(judged, whole.feeds, whole.coming)))
        part = Part(item.case.case_no, names[item.matter.code], line, waits)
        parts.append((paper_key(party, requirement), party, part))
    return parts


def people_of(whole: Whole, language: str) -> list[Person]:
    """Who takes part, as the clerk compares it with the card on the desk: masked."""
    found = []
    for party in (*whole.opening.parties, *whole.opening.agents):
        body = party.id_type in _BODIES
        number = masked_number(party.id_type or "", party.id_number) if party.id_number else ""
        name = party.name if body else lines.masked_name(party.name)
        found.append(Person(lines.whose(party.role, language), name, number))
    return found


def questions_of(whole: Whole, found: Sequence[CounterCase], language: str) -> list[Mapping[str, Any]]:
    """Each once: what decides which cases are opened first, then what each case asks."""
    day = whole.opening.filed_on or whole.family.opened_at.astimezone(BEIJING).date()
    asked = {
        code: fact_words(whole.event.facts[code], language) for code in open_questions(whole.event, whole.opening, day)
    }
    for case in found:
        if case.open:
            asked |= {item["fact"]: item for item in case.questions if item["fact"] not in asked}
    return list(asked.values())


def has_form(whole: Whole) -> bool:
    """Whether one of the matters asks for something to be written down."""
    items = {item.code: item for item in whole.event.matters}
    present = [party.role for party in whole.opening.parties]
    return any(
        part_of(items[member.matter.code], whole.event, member.matter, present).form.fields for member in whole.members
    )
