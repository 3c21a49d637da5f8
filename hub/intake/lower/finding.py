"""What a step on a lower rung is about: a requirement of a case's matter, and one of its parties."""

from dataclasses import dataclass, replace

from sqlalchemy import Connection

from catalog.matters.roles import role_of
from catalog.matters.standing_in import Assurance
from catalog.matters.values import Matter, Requirement
from certificates.verifying.trust import KeyCustody
from hub.access.service import Caller
from hub.intake import store
from hub.intake.errors import CaseClosedError, CaseNotFoundError, UnlistedRequirementError
from hub.intake.holding import lock_case
from hub.intake.lower.errors import StandInRefusedError
from hub.intake.store import Case, Party
from hub.issuing.keys.desk import Certified, SigningDesk
from hub.issuing.keys.errors import SigningKeyError
from hub.registry.matters.guard import MatterBook


@dataclass(frozen=True, slots=True)
class About:
    """A requirement about one party of a case."""

    case: Case
    matter: Matter
    requirement: Requirement
    party: Party


def own_case(tx: Connection, caller: Caller, case_no: str) -> Case:
    """The caller's own case. Raises: CaseNotFoundError."""
    case = store.find_case(tx, case_no)
    if case is None or case.system_id != caller.system_id:
        raise CaseNotFoundError
    return case


def held_open(tx: Connection, case: Case) -> None:
    """Nothing closes the case until this transaction ends. Raises: CaseClosedError."""
    state, _ = lock_case(tx, case.id, kid=None)
    if state != store.OPEN:
        raise CaseClosedError


def about(tx: Connection, matters: MatterBook, case: Case, code: str, party: str | None) -> About:
    """What the matter wants of this party; without one, of the first of the role.

    Raises: UnlistedRequirementError; StandInRefusedError: no such party, or nothing may stand in.
    """
    matter = matters.matter(tx, case.matter_id)
    requirement = matter.requirement(code)
    if requirement is None:
        raise UnlistedRequirementError((0,))
    key = party or requirement.party
    found = store.parties_of(tx, case.id).get(key)
    if found is None or role_of(key) != requirement.party:
        raise StandInRefusedError("unknown_party", "/party")
    if requirement.assurance is Assurance.HIGH:
        raise StandInRefusedError("assurance_high", "/requirement")
    return About(case, matter, replace(requirement, party=key), found)


def seal_key(tx: Connection, desk: SigningDesk, department: str) -> tuple[Certified, str]:
    """Who signs for a department: itself, where the hub holds its key, else the hub; and which of the two it is.

    A department that keeps its key signs licences with it, and nothing that it does not know.
    """
    try:
        certified = desk.issuer(tx, department)
    except SigningKeyError:
        return desk.hub("hub"), "hub"
    return (certified, "department") if certified.custody is KeyCustody.HUB else (desk.hub("hub"), "hub")
