"""What a pack says, as values: its cast, its cases, what must be refused, and what runs as one family."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from catalog.waterfall import Before
from certificates.definitions.loading import catalogue_text


@dataclass(frozen=True, slots=True)
class Holder:
    """Somebody of the cast, with the number that was made for them. A newborn has none, but the one that it is `given`
    when it is registered.
    """

    key: str
    id_type: str | None
    id_number: str | None
    name: str
    story_zh: str
    story_en: str
    sex: str = ""
    born: str = ""
    spouse: str = ""
    given: str = ""


@dataclass(frozen=True, slots=True)
class Playing:
    """Who plays a party, under which name at the counter (None: their own); an agent: for whom, shown by what."""

    holder: str
    presents: str | None = None
    acts_for: str | None = None
    mandate: str | None = None


@dataclass(frozen=True, slots=True)
class ResultSpec:
    """What a matter of a family gives: a record of a type, about whom, as their register has it but for `row`."""

    type: str
    of: str
    row: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class FamilySpec:
    """What a case ends with when all its matters are one family; `expect` names what ends otherwise than alone.

    Attributes:
        results: what is issued once everything was asked for.
        names: parties that get the number that they are given, after that.
        answers: what the person writes into the one form.
        form: fields that the matters ask each for itself, fields of the one form, and those that the person answers.
    """

    asked: int
    expect: Mapping[str, str]
    results: tuple[ResultSpec, ...]
    names: tuple[str, ...]
    answers: Mapping[str, Any]
    form: tuple[int, int, int] | None


@dataclass(frozen=True, slots=True)
class CaseSpec:
    """One case as it is played, and what it must end with; `expect` names only what is not satisfied.

    Attributes:
        weight: how many of a thousand cases are like this one, as the pack supposes.
        parties: by role, or `role#2` of a further one.
        without_table: the source whose table is away while this case is asked for.
        asked: papers that are asked of the person.
        awkward: in which of the five ways somebody in it is not who the matter means.
        commits: requirements for which the person chooses to promise.
        confirms: by requirement, what the officer who is asked answers.
        hands_in: requirements whose paper is scanned at the counter and sealed, where it is still needed.
        asks: what the clerk asks for all the same: requirement, reason, and party where the role has several.
        family: where it is played as a family too.
    """

    key: str
    story_zh: str
    story_en: str
    weight: int
    parties: Mapping[str, Playing]
    facts: Mapping[str, Any]
    subjects: tuple[Mapping[str, str], ...]
    corroboration: tuple[str, ...]
    without_table: str
    expect: Mapping[str, str]
    asked: int
    awkward: str = ""
    asks: tuple[Mapping[str, str], ...] = ()
    commits: tuple[str, ...] = ()
    confirms: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    hands_in: tuple[str, ...] = ()
    family: FamilySpec | None = None


@dataclass(frozen=True, slots=True)
class RefusedSpec:
    """An opening that must be refused: with which problem, and at which place by which rule where that has them."""

    key: str
    story_zh: str
    story_en: str
    matter: str
    parties: Mapping[str, Playing]
    facts: Mapping[str, Any]
    corroboration: tuple[str, ...]
    filed_on: str
    problem: str
    rule: str


@dataclass(frozen=True, slots=True)
class Pack:
    """A pack that was read: its parts as the services take them, people numbered."""

    name: str
    title: Mapping[str, str]
    declared: Mapping[str, Any]
    holders: Mapping[str, Holder]
    cases: tuple[CaseSpec, ...]
    refused: tuple[RefusedSpec, ...]
    before: Before
    report: Mapping[str, str]

    @property
    def types(self) -> tuple[str, ...]:
        """Slugs of the certificate types that its departments issue."""
        return tuple(slug for item in self.declared["departments"].values() for slug in item.get("issues", ()))

    def type_text(self, slug: str) -> str:
        """The description of a type: the pack's own, or one that ships."""
        own = self.declared.get("types", {}).get(slug)
        return catalogue_text(slug) if own is None else yaml.safe_dump({"slug": slug, **own}, allow_unicode=True)
