"""How a case ends, and what its decision may name as what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import Connection

from catalog.matters.roles import role_of
from catalog.matters.values import Matter
from certificates.stores import certificates as library
from certificates.stores.further_holders import further_of
from certificates.stores.holders import subject_by_id
from certificates.stores.version import VersionRecord
from hub.intake.handling.errors import AskError
from hub.intake.store import Case, parties_of
from hub.ledger.guards import made_at

GRANTED: Final = "granted"
REFUSED: Final = "refused"
NOT_ACCEPTED: Final = "not_accepted"
MOST_RESULTS: Final = 30
"""Each is looked up while the case is locked."""
_ALONE: Final[Mapping[str, Any]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Decision:
    """How a case ends. `results` are identifiers of licences that were issued by it; `change_no` is that of the case as
    whoever decides has read it, None: whatever it is now; `second` names who confirmed a licence that wants two.
    `names`: by licence that is made with the decision, to whom it is made out; a party that has no number yet is
    called so from then on.
    """

    outcome: str
    reason: str | None = None
    results: tuple[str, ...] = ()
    change_no: int | None = None
    second: Mapping[str, Any] = field(default_factory=lambda: _ALONE, hash=False)
    names: Mapping[str, str] = field(default_factory=lambda: _ALONE, hash=False, repr=False)


def check_results(tx: Connection, department_id: str, case: Case, decision: Decision, matter: Matter) -> None:
    """What the decision names was issued by its department; where the matter says what comes of it, it is that, younger
    than the case, and its party's: by it the other cases of a life event learn who a party is.

    Raises: AskError.
    """
    if len(decision.results) > MOST_RESULTS:
        raise AskError([("/results", f"at_most:{MOST_RESULTS}")])
    faults = []
    roles = {item.type_code: item.party for item in matter.results}
    for place, identifier in enumerate(decision.results):
        found = library.find_version(tx, identifier)
        if found is None or found.owner_department_id != department_id:
            faults.append((f"/results/{place}", "not_issued_here"))
        elif roles and not (
            (role := roles.get(found.type_code)) and _since(tx, case, found.id) and _theirs(tx, case, role, found)
        ):
            faults.append((f"/results/{place}", "not_of_this_case"))
    if decision.results and decision.outcome != GRANTED:
        faults.append(("/results", "nothing_was_granted"))
    if faults:
        raise AskError(faults)


def _theirs(tx: Connection, case: Case, role: str, version: VersionRecord) -> bool:
    """Whether a party of the role holds it; one without a number gets it by the licence."""
    held = {version.subject_id, *(holder.subject_id for holder in further_of(tx, version.id))}
    numbers = {subject_by_id(tx, subject_id).lookup_hash for subject_id in held}
    known = [party.lookup_hash for key, party in parties_of(tx, case.id).items() if role_of(key) == role]
    return any(number is None or number in numbers for number in known)


def _since(tx: Connection, case: Case, version_id: str) -> bool:
    """Whether the ledger knows a version as made while the case was there."""
    made = made_at(tx, [version_id]).get(version_id)
    return made is not None and made >= case.opened_at
