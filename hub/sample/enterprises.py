"""The enterprises of the sample city, each with a legal representative among the residents."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from random import Random
from typing import Final

from catalog.identifiers import USCC
from hub.sample import names
from hub.sample.numbers import DISTRICTS, enterprise_code
from hub.sample.people import Identity, Person

ENTERPRISES: Final = 300
_FIRST_SERIAL: Final = 90_000
_TYPES: Final = (
    "有限责任公司（自然人独资）",
    "有限责任公司（自然人投资或控股）",
    "股份有限公司（非上市）",
    "N/A",
)
_CAPITALS: Final = (10, 30, 50, 100, 100, 200, 500, 1000, 2000)


@dataclass(frozen=True, slots=True)
class Enterprise:
    """An invented enterprise. `registered` is false for one that no register knows."""

    uscc: str
    name: str
    enterprise_type: str
    established_on: date
    representative: Person
    capital: str
    scope: str
    address: str
    division: str
    titles: int
    registered: bool = True

    @property
    def identity(self) -> Identity:
        """The enterprise as a case names it."""
        return Identity(USCC, self.uscc, self.name)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is decided about an enterprise before it is numbered; the rest is drawn."""

    name: str
    scope: str
    representative: Person
    titles: int = 0
    registered: bool = True


def incorporate(
    rng: Random, plans: Iterable[Plan], residents: Sequence[Person], *, total: int = ENTERPRISES
) -> list[Enterprise]:
    """Number the planned enterprises, in order, and fill up with drawn ones until there are `total`."""
    adults = [person for person in residents if person.adult and "identity_card" in person.records]
    chosen = list(plans)
    used = {plan.name for plan in chosen}
    while len(chosen) < total:
        name, scope = names.enterprise_name(rng)
        if name in used:
            continue
        used.add(name)
        chosen.append(Plan(name, scope, rng.choice(adults), titles=rng.choice((0, 0, 0, 1))))
    return [_numbered(rng, index, plan) for index, plan in enumerate(chosen)]


def _numbered(rng: Random, index: int, plan: Plan) -> Enterprise:
    division = rng.choice(tuple(DISTRICTS))
    return Enterprise(
        uscc=enterprise_code(division, _FIRST_SERIAL + index * 7),
        name=plan.name,
        enterprise_type=rng.choice(_TYPES),
        established_on=date(rng.randint(2008, 2024), rng.randint(1, 12), rng.randint(1, 28)),
        representative=plan.representative,
        capital=f"{rng.choice(_CAPITALS):,}(万元人民币)",
        scope=plan.scope,
        address=names.premises(rng, division),
        division=division,
        titles=plan.titles,
        registered=plan.registered,
    )
