"""What one version of a matter changes in another, place by place, as it was declared."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

_BY_CODE: Final = ("requirements", "situations")


@dataclass(frozen=True, slots=True)
class Change:
    """One place at which two declarations say different things; None is nothing. Lists go by the codes in them."""

    pointer: str
    before: Any
    after: Any

    def as_json(self) -> dict[str, Any]:
        """Additive only."""
        return {"pointer": self.pointer, "before": self.before, "after": self.after}


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[Change, ...]:
    """Where two declarations that were read differ, in the order of the newer one; the order of requirements is told
    by itself.
    """
    found = list(_changes("", _by_code(old), _by_code(new)))
    orders = [[item["code"] for item in each.get("requirements", ())] for each in (old, new)]
    if sorted(orders[0]) == sorted(orders[1]) and orders[0] != orders[1]:
        found.append(Change("/requirements", *(", ".join(order) for order in orders)))
    return tuple(found)


def _by_code(declared: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: {item["code"]: item for item in value} if name in _BY_CODE else value for name, value in declared.items()
    }


def _changes(pointer: str, old: Any, new: Any) -> Iterator[Change]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in (*new, *(name for name in old if name not in new)):
            yield from _changes(f"{pointer}/{name}", old.get(name), new.get(name))
    elif old != new:
        yield Change(pointer, old, new)
