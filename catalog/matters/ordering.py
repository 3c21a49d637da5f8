"""Which requirements wait for the answers to others, and in which waves they can be asked at the earliest."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from catalog.errors import DefinitionError
from catalog.matters.feeding import CLAIMS, NO_ORDER, OUTCOMES, PARTIES
from catalog.matters.values import Matter, Requirement


def order_of(requirements: Sequence[Requirement]) -> Mapping[str, frozenset[str]]:
    """The requirements that each of these waits for, by code; those that wait for none are left out.

    One waits for those whose answers its condition reads, and for those that name its party, or a party that its
    condition asks for.

    Raises: DefinitionError: some wait for each other, and nobody could ever begin.
    """
    givers: dict[str, set[str]] = {}
    for item in requirements:
        for given in item.gives:
            givers.setdefault(given.role, set()).add(item.code)
    after = {item.code: _awaited(item, givers) for item in requirements}
    if not any(after.values()):
        return NO_ORDER
    waves_of(after, [item.code for item in requirements])
    return MappingProxyType({code: frozenset(codes) for code, codes in after.items() if codes})


def waves(matter: Matter) -> tuple[tuple[str, ...], ...]:
    """The requirements by the wave in which they can be asked at the earliest, in the matter's order."""
    return waves_of(matter.after, [item.code for item in matter.requirements])


def waves_of(after: Mapping[str, set[str] | frozenset[str]], codes: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """The codes in waves. Raises: DefinitionError naming a ring."""
    left, done, found = list(codes), set[str](), []
    while left:
        ready = tuple(code for code in left if done.issuperset(after.get(code, ())))
        if not ready:
            raise DefinitionError(f"circular: {' → '.join(_ring(after, left))}")
        found.append(ready)
        done.update(ready)
        left = [code for code in left if code not in done]
    return tuple(found)


def with_awaited(matter: Matter, codes: Sequence[str]) -> tuple[str, ...]:
    """These codes and all that they wait for, in the matter's order: nobody can judge them without."""
    wanted, left = set(codes), list(codes)
    while left:
        more = matter.after.get(left.pop(), frozenset()) - wanted
        wanted |= more
        left += more
    return tuple(item.code for item in matter.requirements if item.code in wanted)


def _awaited(item: Requirement, givers: Mapping[str, set[str]]) -> set[str]:
    found = set(givers.get(item.party, ()))
    for name in item.when.names if item.when is not None else ():
        if name.startswith(CLAIMS):
            found.add(name.removeprefix(CLAIMS).partition(".")[0])
        elif name.startswith(OUTCOMES):
            found.add(name.removeprefix(OUTCOMES))
        elif name.startswith(PARTIES):
            found |= givers.get(name.removeprefix(PARTIES).partition(".")[0], set())
    return found


def _ring(after: Mapping[str, set[str] | frozenset[str]], left: Sequence[str]) -> tuple[str, ...]:
    """A ring among codes each of which waits for another of them."""
    way = [left[0]]
    while True:
        following = min(code for code in after[way[-1]] if code in left)
        if following in way:
            return (*way[way.index(following) :], following)
        way.append(following)
