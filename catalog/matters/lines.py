"""A matter's requirements in a situation: what becomes of each, why, and which questions are open.

Nobody's data is looked at: a line says what the law wants in a situation, not what somebody has.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from catalog.expressions.values import Value, Values, Verdict
from catalog.matters.applying import Listed, listed, questions
from catalog.matters.asking import Known
from catalog.matters.saying import choices_of, condition_words, fact_answer, role_words
from catalog.matters.values import Matter, Need, Requirement

_FACTS: Final = "facts."


class Fate(StrEnum):
    """What becomes of a requirement in a situation."""

    FETCHED = "fetched"
    """The hub fetches it: nothing is to be brought."""
    BRING = "bring"
    """Nobody here issues what would show it: it is asked of the person."""
    NOT_NEEDED = "not_needed"
    """Its condition does not hold, or the case has no such party."""
    OPEN = "open"
    """That depends on an answer."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What is known of a case beforehand.

    Attributes:
        facts: answers by code, of the kinds that the matter declares.
        parties: who takes part; None: nobody has said, and only the first role is sure.
        kind: `application` or `ex_officio`.
    """

    facts: Values
    on: date
    parties: frozenset[str] | None = None
    kind: str = "application"


@dataclass(frozen=True, slots=True)
class Line:
    """A requirement in a situation, in one language. `ways` are its alternatives, each a list of certificates."""

    code: str
    title: str
    party: str
    fate: str
    why: str
    condition: str | None
    missing: tuple[str, ...]
    ways: tuple[tuple[str, ...], ...]
    legal_basis: str
    papers: int


@dataclass(frozen=True, slots=True)
class Question:
    """A question that is open, and the titles of the requirements that wait for it."""

    fact: str
    kind: str
    title: str
    choices: tuple[tuple[str, str], ...]
    settles: tuple[str, ...]


def lines_of(matter: Matter, setting: Setting, known: Known, language: str) -> tuple[Line, ...]:
    """Every requirement in force on the day, with what becomes of it."""
    return tuple(_line(item, matter, setting, known, language) for item in judged(matter, setting))


def values_of(matter: Matter, setting: Setting) -> Values:
    """What conditions see: facts, the kind and day of the case, and who takes part as far as that is known."""
    values: dict[str, Value] = {f"{_FACTS}{code}": value for code, value in setting.facts.items()}
    values |= {"case.kind": setting.kind, "case.filed_on": setting.on, f"parties.{matter.roles[0]}.present": True}
    if setting.parties is not None:
        told = {given.role for item in matter.requirements for given in item.gives}
        values |= {
            f"parties.{role}.present": role in setting.parties
            for role in matter.roles[1:]
            if role in setting.parties or role not in told
        }
    return values


def judged(matter: Matter, setting: Setting) -> tuple[Listed, ...]:
    """Every requirement in force on the day, and whether it applies."""
    found = listed(matter, values_of(matter, setting), on=setting.on)
    return tuple(_judged(item, _with_party(item, matter, setting.parties)) for item in found)


def _judged(item: Listed, verdict: Verdict) -> Listed:
    return Listed(item.requirement, verdict, item.narrowing if verdict.value is not False else ())


def _with_party(item: Listed, matter: Matter, parties: Collection[str] | None) -> Verdict:
    """Of a party that does not take part nothing is asked, but where a condition says that it is wanted: to leave the
    party out clears nothing, as in a pull.
    """
    role = item.requirement.party
    if item.requirement.when is not None or role == matter.roles[0] or (parties is not None and role in parties):
        return item.applies
    if parties is None or item.requirement.code in matter.after:  # an answer may still name one
        return Verdict(None, frozenset({f"parties.{role}.present"}))
    return Verdict(value=False)


def _line(item: Listed, matter: Matter, setting: Setting, known: Known, language: str) -> Line:
    requirement, verdict = item.requirement, item.applies
    fate = _fate(requirement, verdict, known)
    return Line(
        code=requirement.code,
        title=requirement.title(language),
        party=role_words(requirement.party, language),
        fate=fate.value,
        why=_why(fate, item, matter, setting, known, language),
        condition=condition_words(requirement.when, matter, language) if requirement.when else None,
        missing=tuple(sorted(name.removeprefix(_FACTS) for name in verdict.missing)),
        ways=tuple(tuple(_type_words(need, known, language) for need in needs) for needs in requirement.alternatives),
        legal_basis=requirement.legal_basis,
        papers=requirement.papers,
    )


def _fate(requirement: Requirement, verdict: Verdict, known: Known) -> Fate:
    if verdict.value is None:
        return Fate.OPEN
    if verdict.value is False:
        return Fate.NOT_NEEDED
    return Fate.FETCHED if known.fetchable(requirement) else Fate.BRING


def _why(fate: Fate, item: Listed, matter: Matter, setting: Setting, known: Known, language: str) -> str:
    english = language == "en"
    requirement = item.requirement
    match fate:
        case Fate.FETCHED:
            return _sources(requirement, known, language)
        case Fate.BRING:
            return _brought(requirement, english=english)
        case Fate.OPEN:
            role = role_words(requirement.party, language)
            if others := _told_by(item, matter, language):
                return f"depends on: {others}" if english else f"取决于：{others}"
            if not any(name.startswith(_FACTS) for name in item.applies.missing):
                return f"only where there is one: {role}" if english else f"有{role}的，才需要"
            return "depends on your answers" if english else "取决于您的回答"
    return _not_needed(requirement, matter, setting, language)


def _told_by(item: Listed, matter: Matter, language: str) -> str:
    """The requirements whose answers decide it, where no answer of the person's own does."""
    if any(name.startswith(_FACTS) for name in item.applies.missing):
        return ""
    after = matter.after.get(item.requirement.code, frozenset())
    found = [one.title(language) for one in matter.requirements if one.code in after]
    return ("; " if language == "en" else "；").join(found)


def _brought(requirement: Requirement, *, english: bool) -> str:
    """Why nobody gives it, and what may stand in."""
    stand_ins = requirement.stand_ins
    said = [
        ("an officer is asked", "由部门协查") if stand_ins.verification else None,
        ("a paper scanned and sealed once serves again", "可在窗口扫描一次、加盖材料共享章")
        if stand_ins.sealed_copy
        else None,
        ("or, if you choose, a promise", "或由您自愿选择告知承诺") if stand_ins.commitment else None,
    ]
    told = ["no department here issues it" if english else "目前没有部门可以提供"]
    told += [words[0 if english else 1] for words in said if words is not None]
    return ("; " if english else "；").join(told)


def _not_needed(requirement: Requirement, matter: Matter, setting: Setting, language: str) -> str:
    english = language == "en"
    if requirement.when is None:
        return "the case has no such party" if english else "本办件没有该当事人"
    condition = condition_words(requirement.when, matter, language)
    said = f"needed only if {condition}" if english else f"仅在以下情形需要：{condition}"
    answers = [
        fact_answer(fact, setting.facts[code], language)
        for code, fact in matter.facts.items()
        if code in setting.facts and f"{_FACTS}{code}" in requirement.when.names
    ]
    if not answers:
        return said
    return f"{said}; you said {'; '.join(answers)}" if english else f"{said}。您的情形：{'；'.join(answers)}"


def _sources(requirement: Requirement, known: Known, language: str) -> str:
    english = language == "en"
    ways = []
    for needs in requirement.alternatives:
        if not all(known.givers(need) for need in needs):
            continue
        parts = [
            f"{_type_words(need, known, language)} ({_departments(need, known, language)})"
            if english
            else f"{_type_words(need, known, language)}（{_departments(need, known, language)}）"
            for need in needs
        ]
        ways.append((" and " if english else "和").join(parts))
    said = ("; or " if english else "；或者").join(ways)
    return f"the hub fetches it: {said}" if english else f"由平台调取：{said}"


def _departments(need: Need, known: Known, language: str) -> str:
    found = [known.departments[code] for code in known.givers(need) if code in known.departments]
    names = [item.name_en if language == "en" else item.name_zh for item in found]
    return ("、" if language != "en" else ", ").join(names[:3]) or need.code


def _type_words(need: Need, known: Known, language: str) -> str:
    kind = known.provider(need)
    if kind is None:
        return need.code
    return kind.name_en if language == "en" else kind.name_zh


def open_questions(matter: Matter, setting: Setting, language: str) -> tuple[Question, ...]:
    """The questions that settle something, those first that settle most."""
    found = judged(matter, setting)
    told = []
    for code in questions(matter, found):
        fact = matter.facts[code]
        waiting = tuple(item.requirement.title(language) for item in found if item.asks(code))
        told.append(Question(code, fact.kind.value, fact.title(language), choices_of(fact, language), waiting))
    return tuple(told)
