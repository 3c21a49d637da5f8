"""What about accounts takes two operators: nobody may be two persons, nor open alone an account that decides."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from hub.access import staff_store as store
from hub.access.actors import Actor, Role
from hub.access.errors import SecondOperatorError
from hub.access.staff_store import Staff
from hub.storage.vault import Vault

_ANYBODY: Final = ""
"""In a line of which a part cannot be told."""
LENT_FOR: Final = timedelta(days=3)
"""How long whoever confirmed a proposal may draw links of the account that it was about."""
BY_TWO: Final = frozenset({Role.OPERATOR, Role.AUDITOR, Role.OWNER_APPROVER, Role.DECIDER})
"""Roles that decide or check. One operator alone neither gives them nor opens an account that has one."""


def refuse_one(actor: Actor) -> None:
    """Who decides is made by two: a proposal that another operator confirms, or the command line.

    Raises: SecondOperatorError.
    """
    if actor.kind == "staff":
        raise SecondOperatorError


def invites_alone(actor: Actor, staff: Staff, now: datetime) -> bool:
    """Whether this operator may be shown a link of this account now, without proposing it first."""
    if actor.kind != "staff":
        return True
    if staff.link_by == actor.id and staff.link_until is not None and now < staff.link_until:
        return True
    return not staff.opened and not staff.roles & BY_TWO


def same_hand(vault: Vault, tx: Connection, first: str, second: str) -> bool:
    """Whether one person may be behind both accounts: whose links opened them, and theirs, are among each other. Who
    cannot be told, since an account on the way is not believed or is gone, may be.
    """

    def line(staff_id: str) -> set[str]:
        found: set[str] = set()
        at: str | None = staff_id
        while at is not None and at not in found:
            found.add(at)
            staff = store.find_staff(tx, vault, at)
            # Who opened an account was somebody, whatever the ledger knows of him: an earlier release did not number.
            if staff is None and (at != staff_id or store.is_known(tx, at)):
                return found | {_ANYBODY}
            at = staff.opened_by if staff else None
        return found

    one, other = line(first), line(second)
    return bool(one & other) or _ANYBODY in one | other
