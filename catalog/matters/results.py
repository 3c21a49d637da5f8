"""What a matter gives: the certificates that its approval is written into."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from catalog.declared import text
from catalog.errors import DefinitionError

_RESULT: Final = frozenset({"type", "party", "fill"})
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Result:
    """A certificate type, and the role that holds what is issued; by default the first.

    `fill`: by claim of the type, the field of the matter's form that says it; whoever grants the case confirms it.
    """

    type_code: str
    party: str
    fill: Mapping[str, str] = field(default_factory=lambda: _NOTHING, hash=False)


def read_results(declared: object, roles: Sequence[str], fields: Collection[str] = ()) -> tuple[Result, ...]:
    """`fields`: codes of the matter's form. Raises: DefinitionError."""
    if declared is None:
        return ()
    if not isinstance(declared, list):
        raise DefinitionError("matter: results is a list")
    return tuple(_result(item, roles, fields) for item in declared)


def _result(item: Mapping[str, Any], roles: Sequence[str], fields: Collection[str]) -> Result:
    if unknown := sorted(str(name) for name in set(item) - _RESULT):
        raise DefinitionError(f"results: unknown {', '.join(unknown)}")
    fill = item.get("fill", {})
    if not isinstance(fill, Mapping) or not all(isinstance(code, str) for pair in fill.items() for code in pair):
        raise DefinitionError("results: fill names a field of the form for each claim")
    if strangers := sorted(set(fill.values()) - set(fields)):
        raise DefinitionError(f"results: fill: no field {', '.join(strangers)} in the form")
    kind, party = text(item["type"], "results: type"), text(item.get("party", roles[0]), "results: party")
    if party not in roles:
        raise DefinitionError(f"results: unknown role {party}")
    return Result(kind, party, MappingProxyType(dict(fill)))
