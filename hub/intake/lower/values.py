"""What stands in for evidence, as values: imports nothing of the intake but its words."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from catalog.matters.values import Requirement
from hub.intake.ladder import Rung
from hub.intake.resolver import Outcome
from hub.intake.store import Party
from signing.canonical import canonical, sha256


@dataclass(frozen=True, slots=True)
class StandIn:
    """Something held that satisfies a requirement on a rung of its own.

    Attributes:
        reference: the id of the task, copy or promise.
        digest: of what was signed or confirmed, in hex.
        department: code of who answers for it.
        why: the reason's code in the answer.
        shown: what the receiver may see of it.
    """

    rung: Rung
    reference: str
    digest: str
    department: str
    why: str
    shown: Mapping[str, Any]
    obtained_at: datetime


def serves(requirement: Requirement, outcome: Outcome) -> bool:
    """Whether anything may stand in after this outcome: where nobody has it, and where "none" is not what is wanted.

    Never for what a department owes, what somebody refused, or what nobody may see.
    """
    none = outcome is Outcome.DECLARED_NONE and not requirement.none_clears
    return bool(requirement.stand_ins) and (outcome is Outcome.NO_SOURCE or none)


def kind_of(matter: str, requirement: Requirement) -> str:
    """What paper it is, whatever matter wants it: the types that would meet it, else the requirement itself."""
    types = "+".join(sorted(requirement.type_codes()))
    return types if types and len(types) <= _LONGEST else f"{matter}/{requirement.code}"


def question_key(matter: str, requirement: Requirement) -> str:
    """The question to an officer, whoever it is about, in hex."""
    rule = requirement.stand_ins.verification
    assert rule is not None  # noqa: S101  # asked only where there is one
    form = [[item.code, item.kind.value] for item in rule.form]
    asked = {"department": rule.department, "kind": kind_of(matter, requirement), "form": form}
    return sha256(canonical(asked)).hex()


def bound_to(party: Party) -> dict[str, str]:
    """Whom something is about, by keyed hashes: sealed with what is said, so that no row can be moved to another."""
    found = {"lookup": party.lookup_hash, "name": party.name_hash}
    return {name: value.hex() for name, value in found.items() if value is not None}


def standing_of(case_id: str, code: str, party: str) -> str:
    """The name of the one thing of its kind that a requirement about a party may have in a case."""
    return f"{case_id}:{code}:{party}"


_LONGEST: Final = 200
