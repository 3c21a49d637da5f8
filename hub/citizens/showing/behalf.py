"""Showing for somebody else 代为亮证: who shows for whom, by which acting of his.

It stands in the showing, sealed under the principal's key. What is shown is the principal's, and so are the entries of
the ledger, which name who acts; he has one beside them. A receiver is told both, masked, and on what ground.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from hub.citizens.acting.recording import told
from hub.citizens.acting.values import Ground, Principal
from hub.citizens.values import BODIES, Holder, Identity
from hub.intake.counter.lines import masked_name
from hub.issuing.shelf import masked_number


@dataclass(frozen=True, slots=True)
class Behalf:
    """For whom somebody shows. `key`: of his acting. `ground` and `sources` are of the moment in which it was made."""

    agent_id: str
    agent: Identity = field(repr=False)
    key: str
    principal: Identity = field(repr=False)
    ground: Ground
    sources: tuple[str, ...]

    @classmethod
    def of(cls, holder: Holder, principal: Principal) -> Self:
        """He shows for the principal, which was judged in this transaction."""
        named = (principal.key, principal.identity, principal.ground, principal.sources)
        return cls(holder.id, holder.identity, *named)

    @classmethod
    def of_json(cls, said: Mapping[str, Any]) -> Self:
        """Read what `as_json` wrote."""
        agent, principal = Identity(**said["agent"]), Identity(**said["principal"])
        return cls(said["agent_id"], agent, said["key"], principal, Ground(said["ground"]), tuple(said["sources"]))

    def as_json(self) -> dict[str, Any]:
        """As it is sealed."""
        people = {"agent": self.agent, "principal": self.principal}
        return {name: _json(who) for name, who in people.items()} | {
            "agent_id": self.agent_id,
            "ground": self.ground.value,
            "key": self.key,
            "sources": list(self.sources),
        }

    def ended(self) -> Self:
        """As a showing keeps it that is over: no person's number."""
        return replace(self, agent=_numberless(self.agent), principal=_numberless(self.principal))

    def shown(self) -> dict[str, Any]:
        """As a receiver is told: masked, but for a company, whose name and number are public."""
        principal, agent = _masked(self.principal), _masked(self.agent)
        return {"ground": self.ground.value, "principal": _json(principal), "agent": _json(agent)}

    def signed(self) -> list[str]:
        """As an offline code says it."""
        principal, agent = _masked(self.principal), _masked(self.agent)
        return [self.ground.value, f"{principal.name} {principal.id_number}", f"{agent.name} {agent.id_number}"]

    def detail(self) -> dict[str, Any]:
        """As an entry of the ledger says that did not judge the ground: of a showing that ended, or was refused."""
        return {
            "agent": told(self.agent_id, self.agent),
            "ground": self.ground.value,
            "sources": list(self.sources),
        }


def _numberless(who: Identity) -> Identity:
    return replace(who, id_number=masked_number(who.id_type, who.id_number))


def _masked(who: Identity) -> Identity:
    return replace(_numberless(who), name=who.name if who.id_type in BODIES else masked_name(who.name))


def _json(who: Identity) -> dict[str, str]:
    return {"id_type": who.id_type, "id_number": who.id_number, "name": who.name}
