"""Filling a form from what was verified. Where two sources differ, both stand there: nothing is chosen silently."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from catalog.forms.merging import OneField
from catalog.forms.terms import shared_terms
from catalog.forms.values import compared, fitting, written


class State(StrEnum):
    """What a field of a filled form is."""

    FILLED = "filled"
    """The records say so, and nobody says otherwise."""
    CONFLICT = "conflict"
    """The records differ, and the person has not said which it is."""
    CHOSEN = "chosen"
    """The records differ; the person says it is this one of theirs."""
    CHANGED = "changed"
    """The person says what no record says."""
    ANSWERED = "answered"
    """There is no record of it: the person's word."""
    ASKED = "asked"
    """Nobody has said it yet."""


@dataclass(frozen=True, slots=True)
class Said:
    """What one piece of evidence, or the case itself, says of a party.

    Attributes:
        slug: of its certificate type; "" for anything else.
        requirement: which it answers; "" for none.
        facts: whether `claims` are answers to the matter's questions.
        origin: where it is from, as the form shows it.
    """

    matter: str
    party: str
    claims: Mapping[str, Any]
    origin: Mapping[str, Any]
    slug: str = ""
    requirement: str = ""
    facts: bool = False


@dataclass(frozen=True, slots=True)
class Sourced:
    """A value and everybody who says it."""

    value: Any
    origins: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Filled:
    """A field with its value, and what the records say of it."""

    field: OneField
    state: State
    value: Any | None
    records: tuple[Sourced, ...]

    @property
    def open(self) -> bool:
        """Whether the form cannot be signed for it."""
        return self.state is State.CONFLICT or (self.state is State.ASKED and self.field.required)


def fill(fields: Sequence[OneField], said: Iterable[Said], answers: Mapping[str, Any]) -> tuple[Filled, ...]:
    """Each field with what is known of it. `answers` are the person's own, by key, as `written`."""
    known = list(said)
    return tuple(_filled(field, _records(field, known), answers.get(field.key)) for field in fields)


def checked_answers(fields: Sequence[OneField], given: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, str]]:
    """Answers as they are stored, or what is wrong: the key that is (empty where the form has none such), and the rule.

    None takes an answer back.
    """
    by_key = {field.key: field for field in fields}
    found: dict[str, Any] = {}
    for key, value in given.items():
        field = by_key.get(key)
        if field is None:
            return {}, ("", "unknown_field")
        if value is None:
            continue
        as_written = written(field.kind, value)
        if as_written is None:
            return {}, (key, f"kind:{field.kind.value}")
        if not fitting(field.choices, as_written):
            return {}, (key, "not_in_list")
        found[key] = as_written
    return found, ("", "")


def _filled(field: OneField, records: tuple[Sourced, ...], answer: Any | None) -> Filled:
    if answer is None:
        match len(records):
            case 0:
                return Filled(field, State.ASKED, None, ())
            case 1:
                return Filled(field, State.FILLED, records[0].value, records)
            case _:
                return Filled(field, State.CONFLICT, None, records)
    if not records:
        return Filled(field, State.ANSWERED, answer, ())
    if compared(field.kind, answer) not in {compared(field.kind, item.value) for item in records}:
        return Filled(field, State.CHANGED, answer, records)
    return Filled(field, State.CHOSEN if len(records) > 1 else State.FILLED, answer, records)


def _records(field: OneField, said: Sequence[Said]) -> tuple[Sourced, ...]:
    found: dict[Any, Sourced] = {}
    for item in said:
        for claim in _claims(field, item):
            value = written(field.kind, item.claims.get(claim))
            if value is None or not fitting(field.choices, value):
                continue
            key = compared(field.kind, value)
            known = found.get(key, Sourced(value, ()))
            if item.origin not in known.origins:
                known = Sourced(known.value, (*known.origins, item.origin))
            found[key] = known
    return tuple(found.values())


def _claims(field: OneField, said: Said) -> Iterable[str]:
    """Which of its claims say what the field asks. What was said of somebody else never does."""
    if said.facts:
        return [code for matter, code in field.facts if matter == said.matter]
    if said.party != field.party:
        return ()
    term = shared_terms().get(field.term)
    by_term = term.given.get(said.slug, ()) if term else ()
    if said.slug == "" and said.requirement == "" and term:
        by_term = (term.code,)  # the case itself, which speaks in terms
    given = [claim for matter, code, claim in field.given if (matter, code) == (said.matter, said.requirement)]
    return dict.fromkeys((*by_term, *given))
