"""The whole city out of one seed: the cast first, so that its numbers never depend on who else lives there."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from random import Random
from types import MappingProxyType
from typing import Any, Final

import yaml

from hub.sample.enterprises import ENTERPRISES, Enterprise, Plan, incorporate
from hub.sample.people import EVERYWHERE, PEOPLE, Card, Person, Registry, Sketch, settle

SEED: Final = 990100
_TRADE: Final = "食品销售；餐饮服务；日用百货销售"


@dataclass(frozen=True, slots=True)
class City:
    """Everybody who is invented. `today` is the civil day on which the registers are written.

    `persons` and `firms` hold the cast by key; they are among `people` and `enterprises` too.
    """

    today: date
    people: tuple[Person, ...]
    enterprises: tuple[Enterprise, ...]
    persons: Mapping[str, Person]
    firms: Mapping[str, Enterprise]


def invent(today: date, *, seed: int = SEED) -> City:
    """Make the city: 300 residents and 300 enterprises, the same for the same seed."""
    rng = Random(seed)  # noqa: S311  # invents data, keeps no secret
    registry = Registry(rng)
    persons = {}
    for role in cast()["persons"]:
        spouse = _sketch(role["spouse"], titles=0) if "spouse" in role else None
        persons[role["key"]] = registry.add(_sketch(role["person"], titles=1), spouse)[0]
    plans = [
        Plan(
            name=role["name"],
            scope=_TRADE,
            representative=persons[role["representative"]],
            titles=role.get("titles", 1),
            registered=role.get("registered", True),
        )
        for role in cast()["enterprises"]
    ]
    settle(registry, total=PEOPLE)
    enterprises = incorporate(rng, plans, registry.people, total=ENTERPRISES)
    keys = [role["key"] for role in cast()["enterprises"]]
    return City(
        today=today,
        people=tuple(registry.people),
        enterprises=tuple(enterprises),
        persons=MappingProxyType(persons),
        firms=MappingProxyType(dict(zip(keys, enterprises, strict=False))),
    )


@cache
def cast() -> Mapping[str, Any]:
    """The declared holders. Read once; do not change."""
    text = resources.files("hub.sample").joinpath("cast.yaml").read_text(encoding="utf-8")
    declared: dict[str, Any] = yaml.safe_load(text)
    return MappingProxyType(declared)


def _sketch(declared: Mapping[str, Any], *, titles: int) -> Sketch:
    return Sketch(
        name=declared["name"],
        sex=declared["sex"],
        born=declared["born"],
        ethnicity=declared.get("ethnicity", "汉"),
        records=frozenset(declared.get("records", EVERYWHERE)),
        titles=declared.get("titles", titles),
        card=Card(declared.get("card", Card.VALID)),
    )
