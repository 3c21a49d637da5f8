"""The sample persons and enterprises of the sandbox, one pair for each outcome. Pure; read once from the package."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any

import yaml

from catalog.grants import GrantState
from catalog.identifiers import CITIZEN_ID, USCC
from hub.intake.resolver import Outcome, Why


@dataclass(frozen=True, slots=True)
class SamplePerson:
    """Somebody nobody is, and what every interface answers about him.

    `grant` is how the sandbox's grant stands for him: None when there is none. `delay_seconds` is how long his source
    takes.
    """

    key: str
    id_type: str
    id_number: str
    name: str
    outcome: Outcome
    why: Why
    grant: str | None
    delay_seconds: float
    title: Mapping[str, str]

    @property
    def refused(self) -> bool:
        """Whether the question is refused as a whole, with a problem document."""
        return self.grant != GrantState.LIVE.value


@cache
def sample_people() -> tuple[SamplePerson, ...]:
    """Everybody, persons and enterprises in turn, in the order of the documented table."""
    text = resources.files("hub.sample").joinpath("sandbox.yaml").read_text(encoding="utf-8")
    return tuple(_read(item, kind) for item in yaml.safe_load(text) for kind in ("person", "enterprise"))


@cache
def by_number() -> Mapping[str, SamplePerson]:
    """Everybody by number: no other number is taken in the sandbox."""
    return MappingProxyType({person.id_number: person for person in sample_people()})


def _read(item: Mapping[str, Any], kind: str) -> SamplePerson:
    grant = item.get("grant", GrantState.LIVE.value)
    return SamplePerson(
        key=item["key"],
        id_type=CITIZEN_ID if kind == "person" else USCC,
        id_number=item[kind]["id_number"],
        name=item[kind]["name"],
        outcome=Outcome(item["outcome"]),
        why=Why(item["why"], item.get("params", {})),
        grant=None if grant == "none" else grant,
        delay_seconds=item.get("delay_seconds", 0),
        title=MappingProxyType(item["title"]),
    )
