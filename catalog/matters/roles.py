"""The roles of a matter: how many may have one, with which documents; and the keys by which a case tells parties apart.

The first party of a role has the role's own name for a key, each further one its number behind it: `seller`,
`seller#2`. So a case of one party a role is what it was before a matter could have several.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from catalog.declared import text, texts
from catalog.errors import DefinitionError

MOST_PARTIES: Final = 20
"""Of one case."""
ACTING: Final = "acting_agent"
"""The role of an agent whom the hub itself names, in a matter that has no role for him. No matter has it of its own: a
system could name somebody in it, and he would look as if the hub had.
"""
_LONGEST: Final = 32
_SEPARATOR: Final = "#"
_MEMBERS: Final = frozenset({"role", "many", "kinds", "without_id", "deceased", "agent"})


@dataclass(frozen=True, slots=True)
class RoleRule:
    """Who may have a role.

    Attributes:
        many: whether several may.
        kinds: types of identifier that it takes, by code; empty: any. So a company is no person.
        without_id: whether somebody without an ID may have it, as a newborn.
        deceased: whether it is that of a dead person; in any other role a death certificate ends who somebody is.
        agent: whether it acts for others; nothing is asked about who has it but by a requirement of this role.
    """

    many: bool = False
    kinds: tuple[str, ...] = ()
    without_id: bool = False
    deceased: bool = False
    agent: bool = False


PLAIN: Final = RoleRule(without_id=True)
"""Of a role that a matter only names: one party, of any kind."""
NO_RULES: Final[Mapping[str, RoleRule]] = MappingProxyType({})


def read_roles(declared: object) -> tuple[tuple[str, ...], Mapping[str, RoleRule]]:
    """The roles of a matter in order, and the rules of those that have some. Raises: DefinitionError."""
    if isinstance(declared, str | bytes) or not isinstance(declared, Sequence):
        raise DefinitionError("matter: roles must be a list of texts")
    names = texts([item["role"] if isinstance(item, Mapping) else item for item in declared], "matter: roles")
    for name in names:
        if _SEPARATOR in name or len(name) > _LONGEST:
            raise DefinitionError("matter: a role has at most 32 characters, and no # among them")
    if len(set(names)) != len(names):
        raise DefinitionError("matter: two roles have the same name")
    rules = {name: _rule(name, item) for name, item in zip(names, declared, strict=True) if isinstance(item, Mapping)}
    return names, MappingProxyType(rules)


def check_role_members(declared: Sequence[object]) -> None:
    """Refuse members that nobody knows, and the role that the hub keeps. Raises: DefinitionError naming them."""
    for item in declared:
        if (item["role"] if isinstance(item, Mapping) else item) == ACTING:
            raise DefinitionError(f"role {ACTING}: the hub alone names who has it")
        if isinstance(item, Mapping) and (unknown := sorted(str(name) for name in set(item) - _MEMBERS)):
            raise DefinitionError(f"role {item['role']}: unknown {', '.join(unknown)}")


def role_of(key: str) -> str:
    """The role of a party's key."""
    return key.partition(_SEPARATOR)[0]


def number_of(key: str) -> int:
    """Which one of its role a party is; the first is 1."""
    number = key.partition(_SEPARATOR)[2]
    return int(number) if number else 1


def party_key(role: str, number: int) -> str:
    """The key of the party of this number."""
    return role if number == 1 else f"{role}{_SEPARATOR}{number}"


def told_apart(key: str) -> dict[str, str | int]:
    """Role and number of a further party of a role; nothing for the first, whose key is the role."""
    return {"role": role_of(key), "number": number_of(key)} if _SEPARATOR in key else {}


def keys_of(role: str, parties: Collection[str]) -> list[str]:
    """The keys of all who have a role, by number."""
    return sorted((key for key in parties if role_of(key) == role), key=number_of)


def next_key(role: str, parties: Collection[str]) -> str:
    """The key of one more."""
    found = keys_of(role, parties)
    return party_key(role, number_of(found[-1]) + 1 if found else 1)


def described_roles(rules: Mapping[str, RoleRule]) -> dict[str, Any]:
    """The rules as the API tells them; what is not said is false."""
    return {
        role: {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in (
                ("many", rule.many),
                ("kinds", rule.kinds),
                ("without_id", rule.without_id),
                ("deceased", rule.deceased),
                ("agent", rule.agent),
            )
            if value
        }
        for role, rule in rules.items()
    }


def _rule(name: str, item: Mapping[str, Any]) -> RoleRule:
    where = f"role {name}"
    for member in ("many", "without_id", "deceased", "agent"):
        if not isinstance(item.get(member, False), bool):
            raise DefinitionError(f"{where}: {member} is true or false")
    rule = RoleRule(
        many=item.get("many", False),
        kinds=tuple(text(kind, f"{where}: kinds") for kind in texts(item.get("kinds", ()), f"{where}: kinds")),
        without_id=item.get("without_id", False),
        deceased=item.get("deceased", False),
        agent=item.get("agent", False),
    )
    if rule.many and len(party_key(name, MOST_PARTIES)) > _LONGEST:
        raise DefinitionError(f"{where}: the name of a role of several has at most 29 characters")
    if rule.agent and rule.deceased:
        raise DefinitionError(f"{where}: nobody dead acts for others")
    return rule
