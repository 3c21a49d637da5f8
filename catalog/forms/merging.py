"""Merging the forms of several matters: same term, same party, one field."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from catalog.errors import DefinitionError
from catalog.expressions.values import Kind
from catalog.forms.terms import shared_terms
from catalog.forms.values import Field, FieldChoice, Form


@dataclass(frozen=True, slots=True)
class Part:
    """The form of one matter among others. `parties`: by a role of the matter, who has it: nobody, one, or several."""

    matter: str
    form: Form
    parties: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class OneField:
    """A field of the merged form.

    Attributes:
        key: unique in the form; by it the field is answered.
        matters: who asks for it.
        required: whether one of them needs it.
        facts, given: what fills it besides its term: matter and question; matter, requirement and claim.
    """

    key: str
    party: str
    kind: Kind
    title_zh: str
    title_en: str
    term: str
    required: bool
    choices: tuple[FieldChoice, ...]
    matters: tuple[str, ...]
    facts: tuple[tuple[str, str], ...] = ()
    given: tuple[tuple[str, str, str], ...] = ()

    def title(self, language: str) -> str:
        """In `zh-CN` or `en`."""
        return self.title_en if language == "en" else self.title_zh


def merge(parts: Sequence[Part]) -> tuple[OneField, ...]:
    """One form of all, party by party in the order in which they are first named; about nobody, nothing is asked.

    Raises: DefinitionError: two matters ask one thing with nothing in common that could be answered.
    """
    found: dict[str, OneField] = {}
    for part in parts:
        for field in part.form.fields:
            for party in part.parties.get(field.party, ()):
                one = _alone(part, field, party)
                known = found.get(one.key)
                found[one.key] = one if known is None else _joined(known, one)
    order = {party: place for place, party in enumerate(dict.fromkeys(item.party for item in found.values()))}
    return tuple(sorted(found.values(), key=lambda item: order[item.party]))


def _alone(part: Part, field: Field, party: str) -> OneField:
    term = shared_terms().get(field.term)
    return OneField(
        key=f"{party}.{field.term}" if field.term else f"{party}.{part.matter}.{field.code}",
        party=party,
        kind=field.kind,
        title_zh=term.title_zh if term else field.title_zh,
        title_en=term.title_en if term else field.title_en,
        term=field.term,
        required=field.required,
        choices=field.choices,
        matters=(part.matter,),
        facts=((part.matter, field.fact),) if field.fact else (),
        given=tuple((part.matter, requirement, claim) for requirement, claim in field.given),
    )


def _joined(known: OneField, more: OneField) -> OneField:
    where = f"form: {known.key} of {known.matters[-1]} and {more.matters[0]}"
    if known.kind is not more.kind:
        raise DefinitionError(f"{where}: one is {known.kind.value}, the other {more.kind.value}")
    choices = known.choices or more.choices
    if known.choices and more.choices:
        allowed = {item.value for item in more.choices}
        choices = tuple(item for item in known.choices if item.value in allowed)
        if not choices:
            raise DefinitionError(f"{where}: no choice that both take")
    return replace(
        known,
        required=known.required or more.required,
        choices=choices,
        matters=tuple(dict.fromkeys((*known.matters, *more.matters))),
        facts=(*known.facts, *more.facts),
        given=(*known.given, *more.given),
    )
