"""The second person of a department 复核: who may be one, and whether there is one; for acts and for lists."""

from collections.abc import Callable, Mapping
from typing import Final

from sqlalchemy import Connection

from hub.access.actors import Actor, Role
from hub.access.staff_store import list_staff
from hub.registry.requests.errors import NoSecondPersonError, SameHandError, SamePersonError
from hub.storage.vault import Vault

SameHand = Callable[[Connection, str, str], bool]
"""Whether one person may be behind both accounts."""
DECIDE: Final = (Role.OWNER_APPROVER,)


class SecondPerson:
    """Judges by the accounts there are, as far as they are believed."""

    def __init__(self, vault: Vault, same_hand: SameHand) -> None:
        self._vault = vault
        self._same_hand = same_hand

    def require_one(self, tx: Connection, asker: Actor, department_id: str) -> None:
        """Somebody else of the department could decide: asked before anything waits for him.

        Raises: NoSecondPersonError.
        """
        staff = list_staff(tx, self._vault, department_id)
        others = [item.id for item in staff if item.active and item.roles.intersection(DECIDE)]
        if not any(self._may_follow(tx, asker.as_json(), "staff", other) for other in others):
            raise NoSecondPersonError

    def check(self, tx: Connection, asked_by: Mapping[str, str], actor: Actor) -> None:
        """He is not whoever asked, nor an account that may be his. Raises: SamePersonError, SameHandError."""
        if dict(asked_by) == actor.as_json():
            raise SamePersonError
        if not self._may_follow(tx, asked_by, actor.kind, actor.id):
            raise SameHandError

    def _may_follow(self, tx: Connection, asked_by: Mapping[str, str], kind: str, actor_id: str) -> bool:
        if (asked_by["kind"], kind) != ("staff", "staff"):
            return True
        return asked_by["id"] != actor_id and not self._same_hand(tx, asked_by["id"], actor_id)
