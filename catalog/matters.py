"""Matters 政务服务事项: AND over requirements, OR over alternatives, AND inside an alternative."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from catalog.declared import text, texts
from catalog.errors import DefinitionError


@dataclass(frozen=True, slots=True)
class Need:
    """Fields of one certificate type."""

    type_code: str
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Requirement:
    """One thing a matter asks to see proven, about one party.

    `alternatives` are tried in order, least intrusive first; each is a set of needs that must all be met.
    """

    code: str
    title_zh: str
    title_en: str
    party: str
    alternatives: tuple[tuple[Need, ...], ...]
    legal_basis: str

    def title(self, language: str) -> str:
        """The title in `zh-CN` or `en`."""
        return self.title_en if language == "en" else self.title_zh

    def type_codes(self) -> tuple[str, ...]:
        """Every type that some alternative names, in order."""
        return tuple(dict.fromkeys(need.type_code for needs in self.alternatives for need in needs))


@dataclass(frozen=True, slots=True)
class Matter:
    """A service. `roles` are the parties a case of it may have; the first is required."""

    code_system: str
    code: str
    name_zh: str
    name_en: str
    department_code: str
    roles: tuple[str, ...]
    requirements: tuple[Requirement, ...]

    def requirement(self, code: str) -> Requirement | None:
        """The listed requirement of this code."""
        return next((item for item in self.requirements if item.code == code), None)


def read_matter(definition: Mapping[str, Any]) -> Matter:
    """Read a matter's declaration.

    Raises: DefinitionError naming the field that is missing or wrong.
    """
    try:
        matter = Matter(
            code_system=text(definition["code_system"], "matter: code_system"),
            code=text(definition["code"], "matter: code"),
            name_zh=text(definition["name"]["zh"], "matter: name/zh"),
            name_en=text(definition["name"]["en"], "matter: name/en"),
            department_code=text(definition["department"], "matter: department"),
            roles=texts(definition["roles"], "matter: roles"),
            requirements=tuple(_requirement(item) for item in definition["requirements"]),
        )
    except (KeyError, TypeError) as error:
        raise DefinitionError(f"matter: {error}") from error
    codes = [item.code for item in matter.requirements]
    if len(set(codes)) != len(codes):
        raise DefinitionError("matter: two requirements have the same code")
    if not matter.roles or not matter.requirements:
        raise DefinitionError("matter: it needs at least one role and one requirement")
    strangers = {item.party for item in matter.requirements} - set(matter.roles)
    if strangers:
        raise DefinitionError(f"matter: requirements concern unknown roles {sorted(strangers)}")
    return matter


def _requirement(item: Mapping[str, Any]) -> Requirement:
    alternatives = tuple(
        tuple(Need(text(need["type"], "need: type"), texts(need["fields"], "need: fields")) for need in needs)
        for needs in item["alternatives"]
    )
    if not alternatives or not all(alternatives):
        raise DefinitionError(f"requirement {item['code']}: it needs an alternative, and each a need")
    return Requirement(
        code=text(item["code"], "requirement: code"),
        title_zh=text(item["title"]["zh"], "requirement: title/zh"),
        title_en=text(item["title"]["en"], "requirement: title/en"),
        party=text(item["party"], "requirement: party"),
        alternatives=alternatives,
        legal_basis=text(item["legal_basis"], "requirement: legal_basis"),
    )
