"""Parties as an intake system names them, checked against their matter; a number is compared as it is normalised.

A case tells its parties apart by keys: the hub numbers those of one role in the order in which they are named.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final

from catalog.errors import IdentifierError
from catalog.identifiers import check, normalise_id
from catalog.matters.roles import ACTING, MOST_PARTIES, PLAIN, RoleRule, keys_of, next_key, role_of
from catalog.matters.values import Matter, Requirement
from hub.intake.errors import PartyError


@dataclass(frozen=True, slots=True)
class PartyInput:
    """A party as the intake system names it. A person without an ID (a newborn) has neither type nor number.

    An agent `acts_for` another party, whose key it names; `mandate` is the kind of corroboration that shows so.
    """

    role: str
    name: str
    id_type: str | None = None
    id_number: str | None = None
    acts_for: str | None = None
    mandate: str | None = None


E_MANDATE: Final = "e_mandate"
MANDATES: Final = frozenset({"mandate_paper", E_MANDATE})
"""Kinds of corroboration that show that somebody may act for another."""


def check_roles(matter: Matter, parties: Sequence[PartyInput]) -> None:
    """Refuse roles that the matter does not have, one twice that is nobody's but one's, and a case without its first;
    who may not have the role, by document; and the same person twice in it. Raises: PartyError.
    """
    if len(parties) > MOST_PARTIES:
        raise PartyError("/parties", f"at_most:{MOST_PARTIES}")
    seen: Counter[str] = Counter()
    numbers: set[tuple[str, str, str]] = set()
    for index, party in enumerate(parties):
        where = f"/parties/{index}"
        if party.role not in matter.roles:
            raise PartyError(f"{where}/role", "unknown_role")
        rule = matter.rules.get(party.role, PLAIN)
        if seen[party.role] and not rule.many:
            raise PartyError(f"{where}/role", "repeated_role")
        seen[party.role] += 1
        check_rule(rule, party, where)
        number = checked_number(party, index)
        if number is not None and party.id_type is not None:
            said = (party.role, party.id_type, number)
            if said in numbers:
                raise PartyError(f"{where}/id_number", "repeated_party")
            numbers.add(said)
    if matter.roles[0] not in seen:
        raise PartyError("/parties", f"missing_role:{matter.roles[0]}")


def check_rule(rule: RoleRule, party: PartyInput, where: str) -> None:
    """Refuse whom a role does not take. Raises: PartyError."""
    if party.id_type is None:
        if not rule.without_id:
            raise PartyError(f"{where}/id_number", "missing")
    elif rule.kinds and party.id_type not in rule.kinds:
        raise PartyError(f"{where}/id_type", "wrong_kind")


def numbered(roles: Sequence[str], taken: Collection[str] = ()) -> list[str]:
    """The keys of further parties of these roles, in order."""
    keys = list(taken)
    for role in roles:
        keys.append(next_key(role, keys))
    return keys[len(taken) :]


def check_agents(
    matter: Matter, keys: Sequence[str], parties: Sequence[PartyInput], corroboration: Sequence[dict[str, str]]
) -> None:
    """Refuse an agent who acts for nobody of the case, for himself or for another agent, or whose mandate nothing
    shows. Raises: PartyError.
    """
    shown = {item.get("kind") for item in corroboration}
    agents = {
        key
        for key, party in zip(keys, parties, strict=True)
        if party.acts_for is not None or matter.rules.get(role_of(key), PLAIN).agent
    }
    for index, (key, party) in enumerate(zip(keys, parties, strict=True)):
        if key not in agents:
            continue
        where = f"/parties/{index}"
        if not matter.rules.get(role_of(key), PLAIN).agent:
            raise PartyError(f"{where}/acts_for", "not_an_agent")
        if party.acts_for is None:
            raise PartyError(f"{where}/acts_for", "missing")
        if party.acts_for not in keys:
            raise PartyError(f"{where}/acts_for", "no_such_party")
        if party.acts_for in agents:
            raise PartyError(f"{where}/acts_for", "an_agent_too")
        if party.mandate not in MANDATES:
            raise PartyError(f"{where}/mandate", "missing")
        if party.mandate not in shown:
            raise PartyError(f"{where}/mandate", "not_corroborated")


def seated(matter: Matter, keys: Sequence[str], agents: Sequence[PartyInput]) -> tuple[list[str], list[PartyInput]]:
    """Keys and parties of agents whom the hub names: in the matter's own role for agents while there is room in one,
    else in `ACTING`. Raises: PartyError: one acts for who acts for another.
    """
    taken, names, parties = list(keys), [], []
    for agent in agents:
        if matter.rules.get(role_of(agent.acts_for or ""), PLAIN).agent:
            raise PartyError(f"/parties/{taken.index(agent.acts_for or '')}", "an_agent_too")
        role = next((role for role in matter.roles if _has_room(matter, role, taken, agent)), ACTING)
        key = next_key(role, taken)
        taken.append(key)
        names.append(key)
        parties.append(replace(agent, role=role))
    return names, parties


def _has_room(matter: Matter, role: str, taken: Sequence[str], agent: PartyInput) -> bool:
    rule = matter.rules.get(role, PLAIN)
    fits = rule.agent and (not rule.kinds or agent.id_type in rule.kinds)
    return fits and (rule.many or not keys_of(role, taken)) and role_of(agent.acts_for or "") != role


def each_party(
    matter: Matter, requirements: Sequence[Requirement], parties: Collection[str], *, only: str | None = None
) -> tuple[Requirement, ...]:
    """The requirements as they are asked of a case: one of a role of several, once of each. `only`: of one party."""
    if matter.rules:
        requirements = [one for requirement in requirements for one in _each(matter, requirement, parties)]
    return tuple(item for item in requirements if only is None or item.party == only)


def _each(matter: Matter, requirement: Requirement, parties: Collection[str]) -> list[Requirement]:
    keys = keys_of(requirement.party, parties) if matter.rules.get(requirement.party, PLAIN).many else []
    return [replace(requirement, party=key) for key in keys] or [requirement]


def checked_number(party: PartyInput, index: int) -> str | None:
    """The party's number as it is compared; None without one. Raises: PartyError."""
    if (party.id_type is None) != (party.id_number is None):
        raise PartyError(f"/parties/{index}", "id_type_and_id_number_together")
    if party.id_type is None or party.id_number is None:
        return None
    try:
        normalised = normalise_id(party.id_type, party.id_number)
        check(party.id_type, normalised.value)
    except IdentifierError as error:
        raise PartyError(f"/parties/{index}/id_number", error.reason) from error
    return normalised.value
