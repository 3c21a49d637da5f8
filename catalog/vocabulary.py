"""Words that mean the same, spellings, and what departments do: data that a city extends, read once.

The shipped file is `catalog/vocabulary.yaml`; a city's own has the same shape and adds to it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any, Final

import yaml

from catalog.declared import text, texts
from catalog.errors import DefinitionError
from catalog.text import fold, runs, stem, syllables

MAX_BYTES: Final = 1_048_576
_MEMBERS: Final = frozenset({"groups", "spellings", "ignored", "weak", "duties"})
_LEAST_INITIALS: Final = 3
"""Shorter initials name too many words to stand for one."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Everything folded. `synonyms` leads from a term to every term of its groups, the term itself first."""

    synonyms: Mapping[str, tuple[str, ...]]
    spoken: Mapping[str, tuple[str, ...]]
    """Terms by their sound, in full or by initials."""
    spellings: Mapping[str, str]
    ignored: frozenset[str]
    weak: frozenset[str]
    duties: Mapping[str, tuple[str, ...]]
    longest: int
    """Characters of the longest Chinese term."""
    longest_words: int

    def duties_of(self, department_name: str) -> tuple[str, ...]:
        """What a department of this name most likely does."""
        return tuple(duty for part, duties in self.duties.items() if part in department_name for duty in duties)

    def phrase(self, words: Iterable[str]) -> str:
        """How a term of English words is looked up."""
        return " ".join(stem(word, self.spellings) for word in words)


def load_vocabulary(*more: str) -> Vocabulary:
    """The shipped vocabulary and a city's additions, as YAML. Raises: DefinitionError."""
    if not more:
        return _shipped()
    return _compiled([_read(_shipped_text()), *(_read(item) for item in more)])


@cache
def _shipped() -> Vocabulary:
    return _compiled([_read(_shipped_text())])


def _shipped_text() -> str:
    return resources.files("catalog").joinpath("vocabulary.yaml").read_text(encoding="utf-8")


def _read(source: str) -> Mapping[str, Any]:
    if len(source.encode()) > MAX_BYTES:
        raise DefinitionError("vocabulary: too large")
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(source, Loader=yaml.SafeLoader)):
            raise DefinitionError("vocabulary: aliases are not read")
        found = yaml.safe_load(source)
    except (yaml.YAMLError, RecursionError) as error:
        raise DefinitionError("vocabulary: not YAML") from error
    if not isinstance(found, dict) or not _MEMBERS.issuperset(found):
        raise DefinitionError(f"vocabulary: its members are {', '.join(sorted(_MEMBERS))}")
    return found


def _compiled(parts: list[Mapping[str, Any]]) -> Vocabulary:
    spellings = {
        fold(str(word)): fold(text(preferred, "vocabulary: spellings"))
        for part in parts
        for word, preferred in part.get("spellings", {}).items()
    }
    groups = [
        [_term(word, spellings) for word in texts(group, "vocabulary: groups")]
        for part in parts
        for group in part.get("groups", ())
    ]
    synonyms: dict[str, dict[str, None]] = {}
    for group in groups:
        for term in group:
            synonyms.setdefault(term, {term: None}).update(dict.fromkeys(group))
    duties: dict[str, tuple[str, ...]] = {}
    for part in parts:
        for name, words in part.get("duties", {}).items():
            duties[str(name)] = (*duties.get(str(name), ()), *texts(words, "vocabulary: duties"))
    return Vocabulary(
        synonyms=MappingProxyType({term: tuple(group) for term, group in synonyms.items()}),
        spoken=MappingProxyType(_spoken(synonyms)),
        spellings=MappingProxyType(spellings),
        ignored=_words(parts, "ignored"),
        weak=_words(parts, "weak"),
        duties=MappingProxyType(duties),
        longest=max((len(term) for term in synonyms if not term.isascii()), default=1),
        longest_words=max((term.count(" ") + 1 for term in synonyms), default=1),
    )


def _words(parts: list[Mapping[str, Any]], member: str) -> frozenset[str]:
    lists = [texts(item, f"vocabulary: {member}") for part in parts for item in part.get(member, ())]
    return frozenset(fold(word) for words in lists for word in words)


def _term(word: str, spellings: Mapping[str, str]) -> str:
    found = list(runs(fold(word)))
    if len(found) == 1 and found[0].han:
        return found[0].text
    return " ".join(run.text if run.han else stem(run.text, spellings) for run in found)


def _spoken(terms: Iterable[str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, dict[str, None]] = {}
    for term in terms:
        pieces = list(runs(term))
        if len(pieces) != 1 or not pieces[0].han:
            continue
        sound = syllables(term)
        found.setdefault("".join(sound), {})[term] = None
        if len(sound) >= _LEAST_INITIALS:
            found.setdefault("".join(part[0] for part in sound), {})[term] = None
    return {sound: tuple(words) for sound, words in found.items()}
