"""For whom a case exists: whoever is not concerned learns nothing of it; a system's attempt is on the ledger."""

from hub.intake import store
from hub.intake.cases import CaseService
from hub.intake.errors import CaseNotFoundError
from hub.intake.handling.steps import Hand
from hub.intake.store import Case
from hub.storage.database import Database


def concerns(hand: Hand, case: Case) -> bool:
    """Whether the case exists for whoever acts: his system's own; or one that another department accepted for his; or,
    for its people, any that theirs decides.
    """
    if hand.caller is not None and hand.caller.system_id == case.system_id:
        return True
    deciding = bool(hand.department_id) and case.approving_department_id == hand.department_id
    return deciding and (hand.actor is not None or case.mandate_id is not None)


async def case_for(database: Database, cases: CaseService, hand: Hand, case_no: str) -> Case:
    """The case, as it is now: a unit that changes something looks again under its lock.

    Raises: CaseNotFoundError, of a system after its refusal is on the ledger.
    """
    case = await database.read(lambda tx: store.find_case(tx, case_no))
    if case is not None and concerns(hand, case):
        return case
    if hand.caller is not None:
        await cases.refuse(hand.caller, "case_not_own" if case else "case_unknown", {"case_no": case_no})
    raise CaseNotFoundError
