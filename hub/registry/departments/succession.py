"""A succession as declared: who hands what over to whom, from which day, on which legal basis."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from catalog.declared import text, texts
from catalog.errors import DefinitionError
from hub.registry.departments.succession_store import Part

_ALWAYS: Final = ("from", "into", "as_of", "legal_basis")
_PARTS: Final = ("sources", "systems", "matters", "types")


@dataclass(frozen=True, slots=True)
class Succession:
    """Departments by USCC. Without a part everything changes hands, and the giver closes."""

    giver: str
    taker: str
    as_of: date
    legal_basis: str
    part: Part


def read_merger(payload: Mapping[str, Any]) -> Succession:
    """`from`, `into`, `as_of` (a day), `legal_basis`. Whether the departments exist is not checked.

    Raises: DefinitionError.
    """
    return _read(payload, _ALWAYS, Part())


def read_hand_over(payload: Mapping[str, Any]) -> Succession:
    """As `read_merger`, with lists of codes: `sources`, `systems`, `matters`, `types`. Raises: DefinitionError."""
    part = Part.of(**{name: texts(payload.get(name, ()), f"succession: {name}") for name in _PARTS})
    if part == Part.of():
        raise DefinitionError(f"succession: name what changes hands, in {', '.join(_PARTS)}")
    return _read(payload, (*_ALWAYS, *_PARTS), part)


def _read(payload: Mapping[str, Any], members: tuple[str, ...], part: Part) -> Succession:
    # A misspelt list would leave behind what it names, and a merger takes none.
    if unknown := payload.keys() - set(members):
        raise DefinitionError(f"succession: {min(unknown)} is unknown; it takes {', '.join(members)}")
    giver, taker, day, legal_basis = (text(payload.get(name), f"succession: {name}") for name in _ALWAYS)
    try:
        as_of = date.fromisoformat(day)
    except ValueError:
        raise DefinitionError("succession: as_of is a day, such as 2026-11-01") from None
    return Succession(giver, taker, as_of, legal_basis, part)
