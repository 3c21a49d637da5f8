"""A life event as it is judged."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from catalog.expressions.compiling import Expression
from catalog.matters.values import NO_FACTS, Fact

NO_PARTIES: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class EventMatter:
    """One matter of an event.

    Attributes:
        parties: by a role of the matter, the party of the event that has it; a role not named here goes to the party of
            the same name, if there is one.
        when: opened only where this holds.
        after: matters of the event that are decided before it.
    """

    code: str
    parties: Mapping[str, str] = field(default_factory=lambda: NO_PARTIES, hash=False)
    when: Expression | None = None
    after: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LifeEvent:
    """Several matters, one family of cases. `parties[0]` is whom it is for; `signers` sign the one form."""

    code_system: str
    code: str
    title_zh: str
    title_en: str
    department_code: str
    parties: tuple[str, ...]
    matters: tuple[EventMatter, ...]
    signers: tuple[str, ...]
    facts: Mapping[str, Fact] = field(default_factory=lambda: NO_FACTS, hash=False)

    def title(self, language: str) -> str:
        """In `zh-CN` or `en`."""
        return self.title_en if language == "en" else self.title_zh
