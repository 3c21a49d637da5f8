"""Departments merge: what waits for the one that closes waits for its successor, with its clock as it runs; what was
answered, that office said.

Nobody comes to review his own refusal by a merger: a review by a superior that is, from now on, the department which
refused goes to the operator, as where no superior is named.
"""

from datetime import datetime

from sqlalchemy import Connection

from hub.citizens.objections import store
from hub.citizens.objections.filing import tell_staff
from hub.citizens.objections.sealing import opened
from hub.citizens.objections.values import REVIEW, Objection
from hub.registry.departments.store import Departments, read_departments
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import Vault


def hand_on(tx: Connection, vault: Vault, giver: str, taker: str, now: datetime) -> int:
    """In the transaction of the succession; answers how many changed hands.

    Raises: IntegrityBrokenError: somebody wrote a row past the hub.
    """
    moved, departments = 0, read_departments(tx)
    for found in store.waiting_for(tx, (giver, taker)):
        own = _refused_by(tx, vault, departments, found) in {giver, taker}
        if own or found.department_id == giver:
            if not store.is_whole(vault, found):
                raise IntegrityBrokenError("objections")
            moved += store.hand(tx, vault, found, None if own else taker)
            if own:  # the operator did not expect it
                tell_staff(tx, found.id, found.kind, None, "raised", now)
    return moved


def _refused_by(tx: Connection, vault: Vault, departments: Departments, found: Objection) -> str | None:
    """Who refused what this one reviews, or has succeeded to who did; None: it reviews nothing."""
    key = vault.data_key(found.data_key, found.kek_kid)
    about = str(opened(key, found.id, "content", found.content)["key"])
    refused = store.find(tx, about.removeprefix(REVIEW)) if about.startswith(REVIEW) else None
    if refused is None:
        return None
    if not store.is_whole(vault, refused):  # by another's name in it he would come to review himself
        raise IntegrityBrokenError("objections")
    return departments.current(refused.department_id).id if refused.department_id else None
