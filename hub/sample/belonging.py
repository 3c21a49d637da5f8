"""Who belongs to whom in the sample city, by number: registers of legal representatives and of births, and the pairs
that a newcomer can sign in as.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Final

from hub.sample.city import City
from hub.sample.numbers import DISTRICTS
from hub.sample.people import MALE, Identity, Person

_CHILDREN: Final = frozenset({"子", "女"})


@dataclass(frozen=True, slots=True)
class Pair:
    """Somebody who may act for another. `ground`: as `hub.citizens.acting` calls it."""

    person: Identity
    principal: Identity
    ground: str


def registrations(city: City) -> Iterator[Mapping[str, str]]:
    """The legal representative of every enterprise that is registered, with his number."""
    for enterprise in city.enterprises:
        if not enterprise.registered:
            continue
        yield {
            "enterprise_name": enterprise.name,
            "uscc": enterprise.uscc,
            "name": enterprise.representative.name,
            "id_type": enterprise.representative.identity.id_type,
            "id_number": enterprise.representative.citizen_id,
            "position": "执行董事",
            "registered_on": enterprise.established_on.isoformat(),
            "registered_by": "示例市市场监督管理局",
        }


def births(city: City) -> Iterator[Mapping[str, str]]:
    """The birth of every child who lives with a parent; the head of the household registered it."""
    for child, parent in _families(city):
        rng = Random(f"newborn_registration {child.citizen_id}")  # noqa: S311  # invents data, keeps no secret
        yield {
            "name": child.name,
            "citizen_id": child.citizen_id,
            "sex": child.sex,
            "birth_date": child.born.isoformat(),
            "birth_certificate_no": f"P99{rng.randrange(10**7):07d}",
            "guardian_name": parent.name,
            "guardian_id": parent.citizen_id,
            "relationship": "父" if parent.sex == MALE else "母",
            "household_no": child.household.number,
            "address": child.household.address,
            "registered_on": (child.born + timedelta(days=rng.randint(5, 30))).isoformat(),
            "registered_by": f"示例市公安局{DISTRICTS[child.household.division]}分局",
        }


def pairs(city: City) -> list[Pair]:
    """A company of the cast with its legal representative, and the youngest child of the city with a parent: the same
    for years, whenever the city is built.
    """
    firm = next(iter(city.firms.values()))
    child, parent = max(_families(city), key=_youngest)
    return [
        Pair(firm.representative.identity, firm.identity, "legal_representative"),
        Pair(parent.identity, child.identity, "parent"),
    ]


def _families(city: City) -> Iterator[tuple[Person, Person]]:
    heads = {person.household.number: person for person in city.people if person.relationship == "户主"}
    return ((person, heads[person.household.number]) for person in city.people if person.relationship in _CHILDREN)


def _youngest(family: tuple[Person, Person]) -> tuple[date, str]:
    return family[0].born, family[0].citizen_id
