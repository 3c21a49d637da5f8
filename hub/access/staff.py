"""Accounts of staff: made, invited, changed and disabled by an operator; every change is a ledger entry.

Nobody registers himself and no account is born with a password: its owner sets one through a one-time link. Whoever is
shown a link could use it himself, so an operator alone gets one only for an account that decides nothing and was never
opened; for any other two operators are needed, or the command line (docs/decisions/0023).
"""

import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Connection

from hub.access import staff_reading as reading
from hub.access import staff_store as store
from hub.access.actors import Actor, Role
from hub.access.errors import SecondOperatorError
from hub.access.sessions import hashed
from hub.access.staff_accounts import Accounts, person
from hub.access.staff_adopting import Adopted, adopt
from hub.access.staff_links import add_link
from hub.access.staff_notices import notify
from hub.access.staff_store import Staff
from hub.access.staff_two import BY_TWO, invites_alone, refuse_one
from hub.clock import Clock
from hub.storage.database import Database
from hub.storage.errors import ConflictError, MissingError
from hub.storage.vault import DataKey, Vault

LINK_LIFE: Final = timedelta(minutes=30)


class StaffService:
    """Use cases over accounts."""

    def __init__(self, database: Database, *, vault: Vault, log_key: DataKey, clock: Clock, public_url: str) -> None:
        self._database = database
        self.accounts = Accounts(vault=vault, log_key=log_key)
        self._clock = clock
        self._public_url = public_url

    async def add(self, actor: Actor, definition: Mapping[str, Any]) -> Staff:
        """Make an account: `{user_name, display_name, department?, roles, external_id?, break_glass?}`.

        Raises: DefinitionError, ConflictError (the user name is taken), ForbiddenError.
        """
        actor.require(Role.OPERATOR)
        now = self._clock()
        return await self._database.write(lambda tx: self.accounts.add(tx, actor, definition, now))

    async def invite(self, actor: Actor, staff_id: str) -> str:
        """A link, good once and for 30 minutes, by which the owner sets a password; what he had stops working then.

        Raises: SecondOperatorError when `invites_alone` says no; MissingError, ForbiddenError.
        """
        actor.require(Role.OPERATOR)
        secret, now = secrets.token_urlsafe(32), self._clock()

        def unit(tx: Connection) -> None:
            staff = self.accounts.active(tx, staff_id)
            if not invites_alone(actor, staff, now):
                raise SecondOperatorError
            add_link(
                tx,
                self.accounts.vault,
                secret_hash=hashed(secret),
                staff=staff,
                expires_at=now + LINK_LIFE,
                now=now,
                made_by=person(actor),
            )
            self.accounts.record(tx, "staff.invite", actor, {"staff": staff.id}, now)
            if staff.opened:
                zh, en = "已为本账号生成重设密码的链接。", "A link that sets a new password of this account was made."
                notify(tx, "staff.invite", zh=zh, en=en, now=now, path="/console/account", staff_id=staff.id)

        await self._database.write(unit)
        return f"{self._public_url}/console/link?t={secret}"

    async def first_link(self) -> str | None:
        """While nobody has an account: the link by which the first operator makes his. Else None."""
        secret, now = secrets.token_urlsafe(32), self._clock()

        def unit(tx: Connection) -> bool:
            if store.has_staff(tx):
                return False
            until = now + LINK_LIFE
            add_link(tx, self.accounts.vault, secret_hash=hashed(secret), staff=None, expires_at=until, now=now)
            return True

        made = await self._database.write(unit)
        return f"{self._public_url}/console/link?t={secret}" if made else None

    async def nobody_yet(self) -> bool:
        """Whether the first operator has yet to make his account."""
        return not await self._database.read(store.has_staff)

    async def change_roles(self, actor: Actor, staff_id: str, roles: list[str]) -> Staff:
        """Give exactly these roles; his sessions end. Raises: DefinitionError, MissingError, ForbiddenError."""
        actor.require(Role.OPERATOR)
        now = self._clock()

        def unit(tx: Connection) -> Staff:
            staff = self.accounts.known(tx, staff_id)
            wanted = reading.roles_within(roles, staff.department_id)
            if Role.OPERATOR in staff.roles - wanted:
                self.accounts.keep_an_operator(tx, staff)
            if BY_TWO & (wanted - staff.roles):
                refuse_one(actor)
            detail = {"staff": staff.id, "from": reading.listed(staff.roles), "to": reading.listed(wanted)}
            return self.accounts.change(tx, actor, "staff.roles", staff, detail, now, roles=reading.listed(wanted))

        return await self._database.write(unit)

    async def disable(self, actor: Actor, staff_id: str) -> Staff:
        """End his sessions and let him in no more. Raises: DefinitionError (the last operator), MissingError."""
        return await self._switch(actor, staff_id, active=False)

    async def enable(self, actor: Actor, staff_id: str) -> Staff:
        """Let him in again, by the password he had. Raises: MissingError, ForbiddenError."""
        return await self._switch(actor, staff_id, active=True)

    async def seen_by(self, actor: Actor) -> list[Staff]:
        """Accounts he sees: all for operator and auditor, else those of his department."""
        everything = bool(actor.roles & reading.HUB_WIDE)
        if not everything and actor.department_id is None:
            return []
        whose = None if everything else actor.department_id
        return await self._database.read(lambda tx: store.list_staff(tx, self.accounts.vault, whose))

    async def get(self, actor: Actor, staff_id: str) -> Staff:
        """One account. Raises MissingError for another department's."""
        staff = await self._database.read(lambda tx: self.accounts.known(tx, staff_id))
        if staff.id != actor.id and not actor.sees(staff.department_id or ""):
            raise MissingError("staff")
        return staff

    async def named(self, actor: Actor, user_name: str) -> Staff:
        """The account of a user name. Raises MissingError."""
        name = user_name.strip().lower()
        staff = await self._database.read(lambda tx: store.find_user(tx, self.accounts.vault, name))
        if staff is None or not actor.sees(staff.department_id or ""):
            raise MissingError("staff")
        return staff

    async def doubted(self, actor: Actor) -> dict[str, str]:
        """User names and ids of accounts that are not believed: nobody signs in by them until the command line says of
        one, with `add`, who it is. Raises: ForbiddenError.
        """
        actor.require(Role.OPERATOR)
        return await self._database.read(lambda tx: store.list_doubted(tx, self.accounts.vault))

    async def adopt(self) -> Adopted | None:
        """When a hub is opened: accounts of a release that did not guard them are put under a MAC, once in its life, as
        far as the ledger says the same of them. None: there was nothing to do.
        """
        if not await self._database.read(lambda tx: store.has_staff(tx) and not store.is_guarded(tx)):
            return None
        now = self._clock()
        try:
            return await self._database.write(lambda tx: adopt(tx, self.accounts.vault, self.accounts.log_key, now))
        except ConflictError:  # another process did it at this moment
            return None

    async def _switch(self, actor: Actor, staff_id: str, *, active: bool) -> Staff:
        actor.require(Role.OPERATOR)
        now = self._clock()

        def unit(tx: Connection) -> Staff:
            staff = self.accounts.known(tx, staff_id)
            if not active and Role.OPERATOR in staff.roles:
                self.accounts.keep_an_operator(tx, staff)
            kind = "staff.enable" if active else "staff.disable"
            return self.accounts.change(tx, actor, kind, staff, {"staff": staff.id}, now, active=active)

        return await self._database.write(unit)
