"""What two operators do about accounts, each in the transaction in which the second one confirms it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from hub.access import staff_reading as reading
from hub.access.actors import Actor, Role
from hub.access.staff_accounts import Accounts
from hub.access.staff_notices import notify
from hub.access.staff_store import Staff


class StaffByTwo:
    """Whoever confirms then draws the link: he who proposed is shown none."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    def add(self, tx: Connection, definition: Mapping[str, Any], by: Actor, now: datetime) -> Staff:
        """Make an account. Raises: DefinitionError, ConflictError (the user name is taken)."""
        staff = self._accounts.add(tx, by, definition, now, by_two=True)
        self._accounts.lend(tx, staff, by, now)
        return staff

    def raise_roles(self, tx: Connection, staff_id: str, more: frozenset[Role], by: Actor, now: datetime) -> Staff:
        """Give somebody further roles. A password that an operator's link set ends: he may know it.

        Raises: DefinitionError, MissingError.
        """
        staff = self._accounts.active(tx, staff_id)
        roles = reading.listed(reading.roles_within(staff.roles | more, staff.department_id))
        detail = {"staff": staff.id, "from": reading.listed(staff.roles), "to": roles}
        kept = staff.password_hash if staff.opened_by is None else None
        changed = self._accounts.change(tx, by, "staff.roles", staff, detail, now, roles=roles, password_hash=kept)
        if kept is None:
            self._accounts.lend(tx, changed, by, now)
        return changed

    def invite(self, tx: Connection, staff_id: str, by: Actor, now: datetime) -> Staff:
        """Let the second operator draw a link. Raises: DefinitionError, MissingError."""
        staff = self._accounts.active(tx, staff_id)
        self._accounts.lend(tx, staff, by, now)
        return staff

    def tell_of_invitation(self, tx: Connection, staff_id: str, now: datetime) -> None:
        """Its owner learns that a link was proposed, while he can object. Raises: DefinitionError, MissingError."""
        staff = self._accounts.active(tx, staff_id)
        zh = "有人提出为本账号重设密码；如非本人要求，请联系另一名运行人员否决。"
        en = "A new password for this account was proposed; if you did not ask, have another operator reject it."
        notify(tx, "staff.invite", zh=zh, en=en, now=now, path="/console/account", staff_id=staff.id)
