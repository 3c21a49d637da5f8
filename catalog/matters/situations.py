"""Situations 情形: one choice in people's words that answers several questions of a matter at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Protocol

from catalog.declared import text
from catalog.errors import DefinitionError
from catalog.expressions.reading import read_value
from catalog.expressions.values import Kind, Value

SITUATION_MEMBERS: Final = frozenset({"code", "title", "sets"})


@dataclass(frozen=True, slots=True)
class Situation:
    """Choosing it sets facts, and nothing else. `sets` by code of fact, as JSON, as a case takes them."""

    code: str
    title_zh: str
    title_en: str
    sets: Mapping[str, Any] = field(hash=False)

    def title(self, language: str) -> str:
        """What is chosen, in `zh-CN` or `en`."""
        return self.title_en if language == "en" else self.title_zh

    def said(self, language: str) -> dict[str, Any]:
        """As guide and plan offer it."""
        return {"code": self.code, "title": self.title(language), "sets": dict(self.sets)}


class Question(Protocol):
    """A fact of a matter, as far as an answer is held to it."""

    @property
    def kind(self) -> Kind:
        """What an answer is."""

    def allows(self, value: Value) -> bool:
        """Whether a value of this kind is among its choices; without choices any is."""


def read_situations(declared: Sequence[Mapping[str, Any]], facts: Mapping[str, Question]) -> tuple[Situation, ...]:
    """The member `situations` of a matter with these facts.

    Raises: DefinitionError: a fact that the matter lacks, or a value that is no answer to it.
    """
    found = tuple(_situation(item, facts) for item in declared)
    if len({item.code for item in found}) != len(found):
        raise DefinitionError("matter: two situations have the same code")
    return found


def _situation(item: Mapping[str, Any], facts: Mapping[str, Question]) -> Situation:
    code = text(item["code"], "situation: code")
    where = f"situation {code}"
    sets = dict(item["sets"])
    if not sets:
        raise DefinitionError(f"{where}: it sets no fact")
    for name, value in sets.items():
        if name not in facts:
            raise DefinitionError(f"{where}: there is no fact {name}")
        read = read_value(facts[name].kind, value)
        if read is None or not facts[name].allows(read):
            raise DefinitionError(f"{where}: {name} cannot be answered so")
    title = item["title"]
    return Situation(
        code, text(title["zh"], f"{where}: title/zh"), text(title["en"], f"{where}: title/en"), MappingProxyType(sets)
    )
