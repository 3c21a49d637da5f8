"""The residents: families with households, marriages and what each department knows of them.

The same seed gives the same persons and numbers for ever; only dates of identity cards follow the day of the build, so
that a valid card stays valid.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from random import Random
from typing import Final

from catalog.identifiers import CITIZEN_ID
from hub.sample import names
from hub.sample.numbers import DISTRICTS, citizen_id

PEOPLE: Final = 300
EVERYWHERE: Final = frozenset({"identity_card", "household_register", "housing_fund_account"})
"""Registers a working adult stands in, by certificate type; marriage and titles are told apart from these."""

MALE: Final = "男"
FEMALE: Final = "女"
_ADULT_BEFORE: Final = date(2005, 1, 1)
_PARENTS_SINCE: Final = 1972


class Card(StrEnum):
    """State of an identity card on the day of the build."""

    VALID = "valid"
    LONG_TERM = "long_term"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom a case names: type, number, name."""

    id_type: str
    id_number: str
    name: str


@dataclass(frozen=True, slots=True)
class Marriage:
    """A marriage as one of the two spouses' certificates tells it."""

    number: str
    registered_on: date
    spouse: Identity


@dataclass(frozen=True, slots=True)
class Household:
    """A household and the address its members share."""

    number: str
    division: str
    address: str
    head: str


@dataclass(frozen=True, slots=True)
class Sketch:
    """A person before the registry has numbered them."""

    name: str
    sex: str
    born: date
    ethnicity: str = "汉"
    records: frozenset[str] = EVERYWHERE
    titles: int = 0
    card: Card = Card.VALID


@dataclass(frozen=True, slots=True)
class Person:
    """A numbered resident.

    Attributes:
        records: certificate types whose register knows this person, marriage and titles aside.
        titles: how many real-estate titles stand in this person's name.
    """

    citizen_id: str
    name: str
    sex: str
    born: date
    ethnicity: str
    household: Household
    relationship: str
    records: frozenset[str]
    titles: int
    card: Card
    marriage: Marriage | None = None

    @property
    def identity(self) -> Identity:
        """The person as a case names them."""
        return Identity(CITIZEN_ID, self.citizen_id, self.name)

    @property
    def adult(self) -> bool:
        """Old enough to work, marry and own."""
        return self.born < _ADULT_BEFORE


@dataclass(slots=True)
class Registry:
    """Numbers families. Holds the numbers given out, so that none is given twice."""

    rng: Random
    people: list[Person] = field(default_factory=list)
    _taken: set[str] = field(default_factory=set)
    _households: int = 0
    _marriages: int = 0

    def add(self, head: Sketch, spouse: Sketch | None = None, children: Sequence[Sketch] = ()) -> list[Person]:
        """Register a family in one household, the head first."""
        division = self.rng.choice(tuple(DISTRICTS))
        self._households += 1
        household = Household(
            f"{division}{self._households:06d}", division, names.dwelling(self.rng, division), head.name
        )
        family = [self._person(head, household, "户主")]
        if spouse is not None:
            family.append(self._person(spouse, household, "妻" if spouse.sex == FEMALE else "夫"))
            family = self._married(*family)
        family += [self._person(child, household, "女" if child.sex == FEMALE else "子") for child in children]
        self.people += family
        return family

    def _person(self, sketch: Sketch, household: Household, relationship: str) -> Person:
        while True:
            sequence = self.rng.randrange(0 if sketch.sex == FEMALE else 1, 1000, 2) or 2
            number = citizen_id(household.division, sketch.born, sequence)
            if number not in self._taken:
                break
        self._taken.add(number)
        return Person(
            citizen_id=number,
            name=sketch.name,
            sex=sketch.sex,
            born=sketch.born,
            ethnicity=sketch.ethnicity,
            household=household,
            relationship=relationship,
            records=sketch.records,
            titles=sketch.titles,
            card=sketch.card,
        )

    def _married(self, one: Person, other: Person) -> list[Person]:
        self._marriages += 1
        year = max(one.born.year, other.born.year) + self.rng.randint(23, 28)
        registered_on = date(min(year, 2024), self.rng.randint(1, 12), self.rng.randint(1, 28))
        number = f"J990100-{registered_on.year}-{self._marriages:06d}"
        return [
            replace(one, marriage=Marriage(number, registered_on, other.identity)),
            replace(other, marriage=Marriage(number, registered_on, one.identity)),
        ]


def settle(registry: Registry, *, total: int = PEOPLE) -> None:
    """Fill the city up with invented families until it has exactly `total` residents."""
    rng = registry.rng
    while (room := total - len(registry.people)) > 0:
        head, spouse = _couple(rng)
        married = room > 1 and rng.random() < 0.7
        parents = [head, spouse] if married else [head]
        wanted = rng.choice((0, 1, 1, 2)) if married and head.born.year >= _PARENTS_SINCE else 0
        children = [_child(rng, head) for _ in range(min(room - len(parents), wanted))]
        registry.add(head, spouse if married else None, children)


def _couple(rng: Random) -> tuple[Sketch, Sketch]:
    sex = rng.choice((MALE, FEMALE))
    born = _birthday(rng, rng.randint(1950, 1996))
    partner = FEMALE if sex == MALE else MALE
    partner_born = _birthday(rng, born.year + rng.randint(-4, 4))
    head = Sketch(
        name=names.person_name(rng, sex),
        sex=sex,
        born=born,
        ethnicity=names.ethnicity(rng),
        records=_known_to(rng, EVERYWHERE),
        titles=rng.choice((0, 1, 1, 1, 2)),
        card=_card(rng, born),
    )
    spouse = Sketch(
        name=names.person_name(rng, partner),
        sex=partner,
        born=partner_born,
        ethnicity=names.ethnicity(rng),
        records=_known_to(rng, EVERYWHERE),
        card=_card(rng, partner_born),
    )
    return head, spouse


def _child(rng: Random, parent: Sketch) -> Sketch:
    sex = rng.choice((MALE, FEMALE))
    name = names.surname_of(parent.name) + names.given_name(rng, sex)
    earliest = max(parent.born.year + 23, 2006)
    born = _birthday(rng, rng.randint(earliest, max(earliest, min(parent.born.year + 35, 2020))))
    return Sketch(name, sex, born, parent.ethnicity, EVERYWHERE - {"housing_fund_account"})


def _known_to(rng: Random, registers: Collection[str]) -> frozenset[str]:
    """Nobody lacks an identity card; one in ten is missing from each of the other registers."""
    return frozenset(slug for slug in sorted(registers) if slug == "identity_card" or rng.random() > 0.1)


def _card(rng: Random, born: date) -> Card:
    if born.year < 1975:
        return Card.LONG_TERM
    return Card.EXPIRED if rng.random() < 0.03 else Card.VALID


def _birthday(rng: Random, year: int) -> date:
    return date(year, rng.randint(1, 12), rng.randint(1, 28))
