"""Invented persons as whom a newcomer signs in with one press, where the sample city is; sample.json publishes them."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from catalog.identifiers import CITIZEN_ID
from hub.registry.meanings import Words

TELLING: Final = ("refused", "ambiguous", "no_source")
"""Outcomes by which a person is worth looking at, besides one of whom everything is on record."""
_GROUNDS: Final = {
    "legal_representative": ("{}的法定代表人", "legal representative of {}"),
    "parent": ("{}的监护人", "guardian of {}"),
}


@dataclass(frozen=True, slots=True)
class SamplePerson:
    """Somebody of the sample city, and what one sees as him."""

    name: str
    id_number: str = field(repr=False)
    story: Words = field(repr=False)


def sample_people(home: Path) -> list[SamplePerson]:
    """Some of them, each with another story; none where there is no sample city, or an older one without stories."""
    path = home / "sample" / "sample.json"
    try:
        return list(_read(path, path.stat().st_mtime_ns))
    except (OSError, ValueError, KeyError, TypeError):
        return []


@lru_cache(maxsize=4)
def _read(path: Path, _changed: int) -> tuple[SamplePerson, ...]:
    sample = json.loads(path.read_text(encoding="utf-8"))
    names: dict[str, str] = {}
    stories: dict[str, list[Words]] = {}
    for person in (*_holders(sample["holders"]), *_acting(sample.get("acting", ()))):
        names[person.id_number] = person.name
        stories.setdefault(person.id_number, []).append(person.story)
    told = {number: tuple(map(list, zip(*found, strict=True))) for number, found in stories.items()}
    return tuple(
        SamplePerson(names[number], number, ("；".join(zh), "; ".join(en))) for number, (zh, en) in told.items()
    )


def _holders(holders: Iterable[dict[str, Any]]) -> Iterator[SamplePerson]:
    wanted = [*TELLING, "satisfied"]
    for holder in holders:
        outcomes = set(holder["expect"].values())
        telling = next((outcome for outcome in [*TELLING, "satisfied"] if outcome in outcomes), None)
        if holder["id_type"] == CITIZEN_ID and "story" in holder and telling in wanted:
            wanted.remove(telling)
            story = holder["story"]
            yield SamplePerson(holder["name"], holder["id_number"], (story["zh"], story["en"]))


def _acting(pairs: Iterable[dict[str, Any]]) -> Iterator[SamplePerson]:
    left = dict(_GROUNDS)
    for pair in pairs:
        if (words := left.pop(pair["ground"], None)) and pair["person"]["id_type"] == CITIZEN_ID:
            zh, en = (text.format(pair["principal"]["name"]) for text in words)
            yield SamplePerson(pair["person"]["name"], pair["person"]["id_number"], (zh, en))
