"""Accounts of staff as they are written: each change with its ledger entry, in the caller's transaction."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from catalog.errors import DefinitionError
from hub.access import staff_reading as reading
from hub.access import staff_store as store
from hub.access.actors import COMMAND, Actor, Role
from hub.access.staff_adopting import draft_of_guard
from hub.access.staff_store import Staff
from hub.access.staff_two import BY_TWO, LENT_FOR, refuse_one
from hub.clock import new_id
from hub.ledger.entries import Draft, append, seal
from hub.storage.errors import ConflictError, MissingError
from hub.storage.vault import DataKey, Vault


class Accounts:
    """What the use cases of one operator, of two, and of signing in have in common."""

    def __init__(self, *, vault: Vault, log_key: DataKey) -> None:
        self.vault = vault
        self.log_key = log_key

    def known(self, tx: Connection, staff_id: str) -> Staff:
        """Raises: MissingError."""
        staff = store.find_staff(tx, self.vault, staff_id)
        if staff is None:
            raise MissingError("staff")
        return staff

    def active(self, tx: Connection, staff_id: str) -> Staff:
        """Raises: MissingError; DefinitionError for a disabled one."""
        staff = self.known(tx, staff_id)
        if not staff.active:
            raise DefinitionError("account: it is disabled")
        return staff

    def add(
        self, tx: Connection, actor: Actor, definition: Mapping[str, Any], now: datetime, *, by_two: bool = False
    ) -> Staff:
        """Make one. On the machine one that is not believed, whoever wrote its row, is said anew, all of it.

        Raises: DefinitionError; ConflictError: the user name is taken; SecondOperatorError unless `by_two`.
        """
        user_name = reading.user_name(definition.get("user_name"))
        department_id = reading.department_id(tx, definition.get("department"))
        roles = reading.roles_within(definition.get("roles"), department_id)
        if store.find_user(tx, self.vault, user_name) is not None:
            raise ConflictError("staff.user_name")
        if BY_TWO & roles and not by_two:
            refuse_one(actor)
        doubted = store.row_id(tx, user_name) if actor.kind == "command" else None
        staff_id, write = doubted or new_id(), store.say_again if doubted else store.add_staff
        version = store.next_number(tx, staff_id)
        write(
            tx,
            self.vault,
            id=staff_id,
            owner_department_id=department_id,
            user_name=user_name,
            display_name=reading.display_name(definition.get("display_name")),
            roles=reading.listed(roles),
            password_hash=None,
            external_id=reading.external(definition.get("external_id")),
            break_glass=definition.get("break_glass") is True,
            active=True,
            version=version,
            created_at=now,
            notices_seen_at=now,
        )
        detail = {"staff": staff_id, "roles": reading.listed(roles)}
        self.record(tx, "staff.add", actor, detail, now, (staff_id, version))
        if not store.is_guarded(tx):
            append(tx, [seal(draft_of_guard([], [], self.log_key), now=now)])
        return self.known(tx, staff_id)

    def add_first(self, tx: Connection, definition: Mapping[str, Any], now: datetime) -> Staff:
        """The first operator, who may sign in past a provider, in the transaction that uses the first link up.

        Raises: DefinitionError.
        """
        given = {name: definition.get(name) for name in ("user_name", "display_name")}
        return self.add(tx, COMMAND, {**given, "roles": [Role.OPERATOR], "break_glass": True}, now)

    def change(
        self,
        tx: Connection,
        actor: Actor,
        kind: str,
        staff: Staff,
        detail: Mapping[str, Any],
        now: datetime,
        **values: Any,
    ) -> Staff:
        """Change it as it was read; its sessions and links end. Raises: ConflictError: somebody changed it since."""
        if not store.change_staff(tx, self.vault, staff, **values):
            raise ConflictError("staff.version")
        self.record(tx, kind, actor, detail, now, (staff.id, staff.version + 1))
        return self.known(tx, staff.id)

    def lend(self, tx: Connection, staff: Staff, by: Actor, now: datetime) -> None:
        """Let this operator draw links of it for a while. Raises: ConflictError."""
        if not store.lend_link(tx, self.vault, staff, link_by=person(by), link_until=now + LENT_FOR):
            raise ConflictError("staff.version")

    def keep_an_operator(self, tx: Connection, staff: Staff) -> None:
        """Before this one is an operator no more: a hub whose last one is gone can only be helped at the command line.
        All accounts are held, or two who disable each other at one moment would each count on the other.

        Raises: DefinitionError.
        """
        store.hold_accounts(tx)
        others = [item for item in store.list_staff(tx, self.vault) if item.id != staff.id and item.active]
        if staff.active and not any(Role.OPERATOR in item.roles for item in others):
            raise DefinitionError("staff: the last operator stays")

    def record(
        self,
        tx: Connection,
        kind: str,
        actor: Actor,
        detail: Mapping[str, Any],
        now: datetime,
        number: tuple[str, int] | None = None,
    ) -> None:
        """A ledger entry in the caller's transaction; ids and codes only. `number`: of the account that it changes, and
        which version this makes of it.
        """
        object_id, version = number or (None, None)
        said = {"by": actor.as_json(), **detail}
        draft = Draft(kind=kind, detail=said, key=self.log_key, object_id=object_id, object_version=version)
        append(tx, [seal(draft, now=now)])


def person(actor: Actor) -> str | None:
    """The account of who acts; None for the command line."""
    return actor.id if actor.kind == "staff" else None
