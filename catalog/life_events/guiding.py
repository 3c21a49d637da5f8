"""The guide of a life event: what one needs for all its matters, each paper once. Nobody's data is looked at."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from catalog.expressions.values import Value, Verdict
from catalog.life_events.joining import applies, feeds, one_form, party_of, waves
from catalog.life_events.values import EventMatter, LifeEvent
from catalog.matters.asking import Known
from catalog.matters.lines import Fate, Line, Question, Setting, lines_of, open_questions
from catalog.matters.saying import choices_of, role_words
from catalog.matters.values import Matter, Requirement


@dataclass(frozen=True, slots=True)
class Paper:
    """One paper, whoever of the event's matters wants it."""

    title: str
    party: str
    why: str
    papers: int
    matters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EventGuide:
    """What a person reads before coming.

    Attributes:
        matters: code, name, department, and whether it is part of this: None where that depends on an answer.
        given: what one matter gives and another takes: it is brought by nobody.
        fields: how many things are still to be written, at most, on the one form.
    """

    event: str
    title: str
    on: str
    matters: tuple[tuple[str, str, str, bool | None], ...]
    order: tuple[tuple[str, ...], ...]
    bring: tuple[Paper, ...]
    spared: tuple[Paper, ...]
    given: tuple[Paper, ...]
    open: tuple[Paper, ...]
    questions: tuple[Question, ...]
    papers: int
    papers_spared: int
    fields: int
    signatures: int

    def as_json(self) -> dict[str, Any]:
        """As the API answers."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _Told:
    matter: Matter
    requirement: Requirement
    line: Line
    party: str


def event_guide(
    event: LifeEvent, matters: Mapping[str, Matter], setting: Setting, known: Known, language: str
) -> EventGuide:
    """The guide in a situation. `setting` is in terms of the event: its parties, facts of all its matters."""
    values = _values(event, setting)
    chosen = {item.code: applies(item, values) for item in event.matters if item.code in matters}
    inside = {code: matter for code, matter in matters.items() if code in chosen and chosen[code].value is not False}
    told = [
        one
        for item in event.matters
        if item.code in inside
        for one in _told(item, event, inside[item.code], setting, known, language, chosen[item.code])
    ]
    sure = {code: matter for code, matter in inside.items() if chosen[code].value}
    fed = {(feed.to, feed.requirement): feed.matter for feed in feeds(event, sure)}
    given = [one for one in told if (one.matter.code, one.requirement.code) in fed and not _is(one, Fate.NOT_NEEDED)]
    rest = [one for one in told if one not in given]
    bring = _papers([one for one in rest if _is(one, Fate.BRING)], language)
    spared = _papers([one for one in rest if _is(one, Fate.FETCHED, Fate.NOT_NEEDED)], language)
    present = tuple(role for role in event.parties if setting.parties is None or role in setting.parties)
    return EventGuide(
        event=event.code,
        title=event.title(language),
        on=setting.on.isoformat(),
        matters=tuple(
            (code, matters[code].name(language), matters[code].department_code, verdict.value)
            for code, verdict in chosen.items()
        ),
        order=waves(event, inside),
        bring=bring,
        spared=spared,
        given=_papers(given, language),
        open=_papers([one for one in rest if _is(one, Fate.OPEN)], language),
        questions=_questions(event, inside, setting, chosen, language),
        papers=sum(item.papers for item in bring),
        papers_spared=sum(one.line.papers for one in told) - sum(item.papers for item in bring),
        fields=sum(1 for field in one_form(event, sure, present) if field.required),
        signatures=len(event.signers),
    )


def _told(
    item: EventMatter,
    event: LifeEvent,
    matter: Matter,
    setting: Setting,
    known: Known,
    language: str,
    chosen: Verdict,
) -> list[_Told]:
    own = {code: value for code, value in setting.facts.items() if code in matter.facts}
    parties = setting.parties
    if parties is not None:
        parties = frozenset(role for role in matter.roles if party_of(item, event, role) in parties)
    found = lines_of(matter, replace(setting, facts=own, parties=parties), known, language)
    told = []
    for line in found:
        requirement = matter.requirement(line.code)
        party = party_of(item, event, requirement.party) if requirement else None
        if requirement is None or party is None:
            continue  # the event has nobody in that role
        if chosen.value is None and line.fate == Fate.BRING.value:
            said = "only if this matter is part of it" if language == "en" else "仅在需要办理该事项时"
            line = replace(line, fate=Fate.OPEN.value, why=said)  # noqa: PLW2901  # the same line, seen from the event
        told.append(_Told(matter, requirement, line, party))
    return told


def _is(one: _Told, *fates: Fate) -> bool:
    return one.line.fate in {fate.value for fate in fates}


def _papers(told: list[_Told], language: str) -> tuple[Paper, ...]:
    """What the same certificates would show, of the same party, is one paper."""
    found: dict[tuple[Any, ...], list[_Told]] = {}
    for one in told:
        ways = frozenset(frozenset(need.type_code for need in needs) for needs in one.requirement.alternatives)
        found.setdefault((one.party, ways or one.requirement.title_zh), []).append(one)
    return tuple(
        Paper(
            title=same[0].line.title,
            party=role_words(same[0].party, language),
            why=same[0].line.why,
            papers=max(one.line.papers for one in same),
            matters=tuple(dict.fromkeys(one.matter.name(language) for one in same)),
        )
        for same in found.values()
    )


def _questions(
    event: LifeEvent,
    inside: Mapping[str, Matter],
    setting: Setting,
    chosen: Mapping[str, Verdict],
    language: str,
) -> tuple[Question, ...]:
    """Each question once: the event's own first, then those of its matters."""
    found: dict[str, Question] = {}
    for code, fact in event.facts.items():
        settles = tuple(
            inside[name].name(language) for name, verdict in chosen.items() if f"facts.{code}" in verdict.missing
        )
        if settles:
            found[code] = Question(code, fact.kind.value, fact.title(language), choices_of(fact, language), settles)
    for matter in inside.values():
        own = {code: value for code, value in setting.facts.items() if code in matter.facts}
        for question in open_questions(matter, replace(setting, facts=own, parties=None), language):
            same = found.get(question.fact)
            settles = (*same.settles, *question.settles) if same else question.settles
            found[question.fact] = replace(question, settles=tuple(dict.fromkeys(settles)))
    return tuple(found.values())


def _values(event: LifeEvent, setting: Setting) -> dict[str, Value]:
    values: dict[str, Value] = {f"facts.{code}": item for code, item in setting.facts.items() if code in event.facts}
    values |= {"case.kind": setting.kind, "case.filed_on": setting.on}
    if setting.parties is not None:
        values |= {f"parties.{role}.present": role in setting.parties for role in event.parties}
    return values
