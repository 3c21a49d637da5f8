"""Who of a family has which role in each of its cases, and which cases its answers open. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from typing import Any

from catalog.expressions.reading import read_value
from catalog.expressions.values import Value
from catalog.life_events.joining import applies, party_of
from catalog.life_events.values import EventMatter, LifeEvent
from catalog.matters.roles import PLAIN, keys_of, number_of, party_key, role_of
from catalog.matters.values import Matter
from hub.intake.errors import FactError, PartyError
from hub.intake.parties import PartyInput, numbered


@dataclass(frozen=True, slots=True)
class FamilyOpening:
    """What an intake system says of a new family. A party's role is a party of the event. `agents`: who acts for which
    party, by its key in the family, as the hub itself knows.
    """

    event: str
    parties: Sequence[PartyInput]
    subjects: Sequence[dict[str, str]]
    operator: dict[str, str]
    channel: str
    external_no: str
    corroboration: Sequence[dict[str, str]]
    facts: Mapping[str, Any] = field(default_factory=dict)
    filed_on: date | None = None
    agents: Sequence[PartyInput] = ()

    def as_json(self) -> dict[str, Any]:
        """As it is stored."""
        return asdict(self) | {"filed_on": self.filed_on.isoformat() if self.filed_on else None}

    @classmethod
    def of_json(cls, stored: Mapping[str, Any]) -> "FamilyOpening":
        """Read what `as_json` wrote."""
        day = stored["filed_on"]
        parties = [PartyInput(**item) for item in stored["parties"]]
        agents = [PartyInput(**item) for item in stored.get("agents", ())]
        changed = {"parties": parties, "filed_on": date.fromisoformat(day) if day else None, "agents": agents}
        return cls(**(dict(stored) | changed))


@dataclass(frozen=True, slots=True)
class Cast:
    """The parties of one case. `names`: by their keys in the case, their keys in the family; `places`: where the family
    was given each.
    """

    parties: tuple[PartyInput, ...]
    names: Mapping[str, str]
    places: tuple[int, ...]


def check_parties(event: LifeEvent, parties: Sequence[PartyInput]) -> None:
    """Raises: PartyError: somebody the event does not have."""
    for index, party in enumerate(parties):
        if party.role not in event.parties:
            raise PartyError(f"/parties/{index}/role", "unknown_role")


def cast_of(item: EventMatter, event: LifeEvent, matter: Matter, parties: Sequence[PartyInput]) -> Cast:
    """The parties of the family that this matter has to do with; an agent comes with whom he acts for."""
    keys = numbered([party.role for party in parties])
    found = [
        (index, key, replace(party, role=role))
        for role in matter.roles
        for index, (key, party) in enumerate(zip(keys, parties, strict=True))
        if party_of(item, event, role) == party.role
    ]
    there = {key for _, key, _ in found}
    found = [entry for entry in found if entry[2].acts_for is None or entry[2].acts_for in there]
    # Who acts for another in one matter of the event may be a party like any other in the next.
    found = [(index, key, _in_role(party, matter)) for index, key, party in found]
    names = dict(zip(numbered([party.role for _, _, party in found]), (key for _, key, _ in found), strict=True))
    first = {key: name for name, key in reversed(names.items())}
    acting = tuple(
        party if party.acts_for is None else replace(party, acts_for=first[party.acts_for]) for _, _, party in found
    )
    return Cast(acting, names, tuple(index for index, _, _ in found))


def _in_role(party: PartyInput, matter: Matter) -> PartyInput:
    agent = matter.rules.get(party.role, PLAIN).agent
    return party if agent or party.acts_for is None else replace(party, acts_for=None, mandate=None)


def agents_in(cast: Cast, agents: Sequence[PartyInput]) -> list[PartyInput]:
    """Those of the family's agents who act for a party of this case, by its key there."""
    first = {key: name for name, key in reversed(list(cast.names.items()))}
    return [replace(agent, acts_for=first[agent.acts_for]) for agent in agents if agent.acts_for in first]


def called(item: EventMatter, event: LifeEvent, cast: Cast, key: str) -> str:
    """How the family calls a party of a case; also one that came later, by an answer or an amendment."""
    if key in cast.names:
        return cast.names[key]
    party = party_of(item, event, role_of(key))
    return key if party is None else party_key(party, number_of(key))


def checked_facts(event: LifeEvent, matters: Mapping[str, Matter], given: Mapping[str, Any]) -> dict[str, Any]:
    """Answers to questions of the event or of one of its matters, as JSON. Raises: FactError."""
    known = {code: fact for matter in matters.values() for code, fact in matter.facts.items()} | dict(event.facts)
    for code, value in given.items():
        fact = known.get(code)
        if fact is None:
            raise FactError("/facts", "unknown_fact")  # whose name is the sender's text
        read = None if value is None else read_value(fact.kind, value)
        if value is not None and read is None:
            raise FactError(f"/facts/{code}", f"kind:{fact.kind.value}")
        if read is not None and not fact.allows(read):
            raise FactError(f"/facts/{code}", "not_in_list")
    return {code: value for code, value in given.items() if value is not None}


def facts_for(matter: Matter, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Those that a matter asks."""
    return {code: value for code, value in facts.items() if code in matter.facts}


def chosen(event: LifeEvent, opening: FamilyOpening, on: date) -> dict[str, bool | None]:
    """By matter, whether it is opened; None: that depends on an answer."""
    return {item.code: applies(item, _values(event, opening, on)).value for item in event.matters}


def open_questions(event: LifeEvent, opening: FamilyOpening, on: date) -> list[str]:
    """The event's own questions on which it depends which cases are opened."""
    found = (applies(item, _values(event, opening, on)).missing for item in event.matters)
    missing = {name.removeprefix("facts.") for names in found for name in names}
    return [code for code in event.facts if code in missing]


def _values(event: LifeEvent, opening: FamilyOpening, on: date) -> dict[str, Value]:
    keys = numbered([party.role for party in opening.parties])
    values: dict[str, Value] = {"case.kind": "application", "case.channel": opening.channel, "case.filed_on": on}
    for role in event.parties:
        held = keys_of(role, keys)
        values |= {f"parties.{role}.present": bool(held), f"parties.{role}.count": len(held)}
        kinds = {party.id_type for party in opening.parties if party.role == role and party.id_type}
        if len(kinds) == 1:
            values[f"parties.{role}.id_type"] = kinds.pop()
    for code, value in opening.facts.items():
        fact = event.facts.get(code)
        read = read_value(fact.kind, value) if fact else None
        if read is not None:
            values[f"facts.{code}"] = read
    return values
