"""What the answer to one requirement tells the others: values for their conditions, and parties nobody had named.

Only what a matter declares is passed on, and only inside the hub: a value that a condition reads, or the number of a
spouse that a register told, stands in no copy, no log and no entry by being read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from catalog.declared import text
from catalog.errors import DefinitionError
from catalog.expressions.values import Kind, Scope

CLAIMS: Final = "claims."
OUTCOMES: Final = "outcomes."
PARTIES: Final = "parties."
_GIVES: Final = frozenset({"role", "id_type", "id_number", "name"})


@dataclass(frozen=True, slots=True)
class Gives:
    """A party that the answer names: `id_number` and `name` are claims in it, `id_type` is the kind of the number."""

    role: str
    id_type: str
    id_number: str
    name: str


NO_YIELDS: Final[Mapping[str, Kind]] = MappingProxyType({})
NO_ORDER: Final[Mapping[str, frozenset[str]]] = MappingProxyType({})


def read_yields(item: Mapping[str, Any], where: str) -> Mapping[str, Kind]:
    """The claims that conditions of other requirements may read, each with its kind. Raises: DefinitionError."""
    declared = item.get("yields", {})
    if not isinstance(declared, Mapping):
        raise DefinitionError(f"{where}: yields names claims, each with its kind")
    try:
        found = {text(name, f"{where}: yields"): Kind(kind) for name, kind in declared.items()}
    except ValueError:
        raise DefinitionError(f"{where}: yields: a kind is one of {', '.join(Kind)}") from None
    return MappingProxyType(found) if found else NO_YIELDS


def read_gives(item: Mapping[str, Any], where: str) -> tuple[Gives, ...]:
    """The parties that the answer names. Raises: DefinitionError."""
    found = []
    for each in item.get("gives", ()):
        if unknown := sorted(set(each) - _GIVES):
            raise DefinitionError(f"{where}: gives: unknown {', '.join(unknown)}")
        found.append(Gives(**{name: text(each[name], f"{where}: gives/{name}") for name in sorted(_GIVES)}))
    if len({each.role for each in found}) != len(found):
        raise DefinitionError(f"{where}: gives: one role twice")
    return tuple(found)


def fed_scope(requirements: Sequence[Mapping[str, Any]]) -> Scope:
    """The names under which conditions read the answers to other requirements. Raises: DefinitionError."""
    scope: dict[str, Kind] = {}
    for item in requirements:
        code = text(item["code"], "requirement: code")
        scope[f"{OUTCOMES}{code}"] = Kind.TEXT
        for name, kind in read_yields(item, f"requirement {code}").items():
            scope[f"{CLAIMS}{code}.{name}"] = kind
    return scope
