"""Accounts of staff: made, invited, changed and disabled by an operator; every change is a ledger entry.

Nobody registers himself and no account is born with a password: its owner sets one through a one-time link. Whoever is
shown a link could use it himself, so an operator alone gets one only for an account that decides nothing and was never
opened; for any other two operators are needed, or the command line (docs/decisions/0023).
"""

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from catalog.errors import DefinitionError
from hub.access import staff_reading as reading
from hub.access import staff_store as store
from hub.access.actors import COMMAND, Actor, Role
from hub.access.errors import SecondOperatorError
from hub.access.sessions import hashed
from hub.access.staff_adopting import Adopted, adopt, draft_of_guard
from hub.access.staff_links import add_link
from hub.access.staff_notices import notify
from hub.access.staff_store import Staff
from hub.access.staff_two import BY_TWO, LENT_FOR, invites_alone
from hub.clock import Clock, new_id
from hub.ledger.entries import Draft, append, seal
from hub.storage.database import Database
from hub.storage.errors import ConflictError, MissingError
from hub.storage.vault import DataKey, Vault

LINK_LIFE: Final = timedelta(minutes=30)


class StaffService:
    """Use cases over accounts."""

    def __init__(self, database: Database, *, vault: Vault, log_key: DataKey, clock: Clock, public_url: str) -> None:
        self._database = database
        self._vault = vault
        self._log_key = log_key
        self._clock = clock
        self._public_url = public_url

    async def add(self, actor: Actor, definition: Mapping[str, Any]) -> Staff:
        """Make an account: `{user_name, display_name, department?, roles, external_id?, break_glass?}`.

        Raises: DefinitionError, ConflictError (the user name is taken), ForbiddenError.
        """
        actor.require(Role.OPERATOR)
        now = self._clock()
        return await self._database.write(lambda tx: self._add(tx, actor, definition, now))

    async def invite(self, actor: Actor, staff_id: str) -> str:
        """A link, good once and for 30 minutes, by which the owner sets a password; what he had stops working then.

        Raises: SecondOperatorError when `invites_alone` says no; MissingError, ForbiddenError.
        """
        actor.require(Role.OPERATOR)
        secret, now = secrets.token_urlsafe(32), self._clock()

        def unit(tx: Connection) -> None:
            staff = self._active(tx, staff_id)
            if not invites_alone(actor, staff, now):
                raise SecondOperatorError
            add_link(
                tx,
                self._vault,
                secret_hash=hashed(secret),
                staff=staff,
                expires_at=now + LINK_LIFE,
                now=now,
                made_by=_person(actor),
            )
            self.record(tx, "staff.invite", actor, {"staff": staff.id}, now)
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
            add_link(tx, self._vault, secret_hash=hashed(secret), staff=None, expires_at=until, now=now)
            return True

        made = await self._database.write(unit)
        return f"{self._public_url}/console/link?t={secret}" if made else None

    async def nobody_yet(self) -> bool:
        """Whether the first operator has yet to make his account."""
        return not await self._database.read(store.has_staff)

    def add_first(self, tx: Connection, definition: Mapping[str, Any]) -> Staff:
        """The first operator, who may sign in past a provider, in the transaction that uses the first link up.

        Raises: DefinitionError.
        """
        given = {name: definition.get(name) for name in ("user_name", "display_name")}
        return self._add(tx, COMMAND, {**given, "roles": [Role.OPERATOR], "break_glass": True}, self._clock())

    async def change_roles(self, actor: Actor, staff_id: str, roles: list[str]) -> Staff:
        """Give exactly these roles; his sessions end. Raises: DefinitionError, MissingError, ForbiddenError."""
        actor.require(Role.OPERATOR)
        now = self._clock()

        def unit(tx: Connection) -> Staff:
            staff = self._known(tx, staff_id)
            wanted = reading.roles_within(roles, staff.department_id)
            if Role.OPERATOR in staff.roles - wanted:
                self._keep_an_operator(tx, staff)
            if BY_TWO & (wanted - staff.roles):
                _by_two(actor)
            detail = {"staff": staff.id, "from": reading.listed(staff.roles), "to": reading.listed(wanted)}
            return self._change(tx, actor, "staff.roles", staff, detail, now, roles=reading.listed(wanted))

        return await self._database.write(unit)

    def add_by_two(self, tx: Connection, definition: Mapping[str, Any], by: Actor, now: datetime) -> Staff:
        """Make an account in the transaction in which a second operator confirms it; he then draws its link.

        Raises: as `add`.
        """
        staff = self._add(tx, by, definition, now, by_two=True)
        self._lend(tx, staff, by, now)
        return staff

    def raise_by_two(self, tx: Connection, staff_id: str, more: frozenset[Role], by: Actor, now: datetime) -> Staff:
        """Give somebody further roles, likewise. A password that an operator's link set ends: he may know it.

        Raises: DefinitionError, MissingError.
        """
        staff = self._active(tx, staff_id)
        roles = reading.listed(reading.roles_within(staff.roles | more, staff.department_id))
        detail = {"staff": staff.id, "from": reading.listed(staff.roles), "to": roles}
        kept = staff.password_hash if staff.opened_by is None else None
        changed = self._change(tx, by, "staff.roles", staff, detail, now, roles=roles, password_hash=kept)
        if kept is None:
            self._lend(tx, changed, by, now)
        return changed

    def invite_by_two(self, tx: Connection, staff_id: str, by: Actor, now: datetime) -> Staff:
        """Let the second operator draw a link, likewise. Raises: DefinitionError, MissingError."""
        staff = self._active(tx, staff_id)
        self._lend(tx, staff, by, now)
        return staff

    def tell_of_invitation(self, tx: Connection, staff_id: str, now: datetime) -> None:
        """Its owner learns that a link was proposed, while he can object. Raises: DefinitionError, MissingError."""
        staff = self._active(tx, staff_id)
        zh = "有人提出为本账号重设密码；如非本人要求，请联系另一名运行人员否决。"
        en = "A new password for this account was proposed; if you did not ask, have another operator reject it."
        notify(tx, "staff.invite", zh=zh, en=en, now=now, path="/console/account", staff_id=staff.id)

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
        return await self._database.read(lambda tx: store.list_staff(tx, self._vault, whose))

    async def get(self, actor: Actor, staff_id: str) -> Staff:
        """One account. Raises MissingError for another department's."""
        staff = await self._database.read(lambda tx: self._known(tx, staff_id))
        if staff.id != actor.id and not actor.sees(staff.department_id or ""):
            raise MissingError("staff")
        return staff

    async def named(self, actor: Actor, user_name: str) -> Staff:
        """The account of a user name. Raises MissingError."""
        name = user_name.strip().lower()
        staff = await self._database.read(lambda tx: store.find_user(tx, self._vault, name))
        if staff is None or not actor.sees(staff.department_id or ""):
            raise MissingError("staff")
        return staff

    async def doubted(self, actor: Actor) -> dict[str, str]:
        """User names and ids of accounts that are not believed: nobody signs in by them until the command line says of
        one, with `add`, who it is. Raises: ForbiddenError.
        """
        actor.require(Role.OPERATOR)
        return await self._database.read(lambda tx: store.list_doubted(tx, self._vault))

    async def adopt(self) -> Adopted | None:
        """When a hub is opened: accounts of a release that did not guard them are put under a MAC, once in its life, as
        far as the ledger says the same of them. None: there was nothing to do.
        """
        if not await self._database.read(lambda tx: store.has_staff(tx) and not store.is_guarded(tx)):
            return None
        now = self._clock()
        try:
            return await self._database.write(lambda tx: adopt(tx, self._vault, self._log_key, now))
        except ConflictError:  # another process did it at this moment
            return None

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
        draft = Draft(kind=kind, detail=said, key=self._log_key, object_id=object_id, object_version=version)
        append(tx, [seal(draft, now=now)])

    def _lend(self, tx: Connection, staff: Staff, by: Actor, now: datetime) -> None:
        if not store.lend_link(tx, self._vault, staff, link_by=_person(by), link_until=now + LENT_FOR):
            raise ConflictError("staff.version")

    def _add(
        self, tx: Connection, actor: Actor, definition: Mapping[str, Any], now: datetime, *, by_two: bool = False
    ) -> Staff:
        user_name = reading.user_name(definition.get("user_name"))
        department_id = reading.department_id(tx, definition.get("department"))
        roles = reading.roles_within(definition.get("roles"), department_id)
        if store.find_user(tx, self._vault, user_name) is not None:
            raise ConflictError("staff.user_name")
        if BY_TWO & roles and not by_two:
            _by_two(actor)
        # A row that is not believed, whoever wrote it: on the machine it is said anew who that is, all of it.
        doubted = store.row_id(tx, user_name) if actor.kind == "command" else None
        staff_id, write = doubted or new_id(), store.say_again if doubted else store.add_staff
        version = store.next_number(tx, staff_id)
        write(
            tx,
            self._vault,
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
            append(tx, [seal(draft_of_guard([], [], self._log_key), now=now)])
        return self._known(tx, staff_id)

    async def _switch(self, actor: Actor, staff_id: str, *, active: bool) -> Staff:
        actor.require(Role.OPERATOR)
        now = self._clock()

        def unit(tx: Connection) -> Staff:
            staff = self._known(tx, staff_id)
            if not active and Role.OPERATOR in staff.roles:
                self._keep_an_operator(tx, staff)
            kind = "staff.enable" if active else "staff.disable"
            return self._change(tx, actor, kind, staff, {"staff": staff.id}, now, active=active)

        return await self._database.write(unit)

    def _change(
        self,
        tx: Connection,
        actor: Actor,
        kind: str,
        staff: Staff,
        detail: Mapping[str, Any],
        now: datetime,
        **values: Any,
    ) -> Staff:
        if not store.change_staff(tx, self._vault, staff, **values):
            raise ConflictError("staff.version")
        self.record(tx, kind, actor, detail, now, (staff.id, staff.version + 1))
        return self._known(tx, staff.id)

    def _known(self, tx: Connection, staff_id: str) -> Staff:
        staff = store.find_staff(tx, self._vault, staff_id)
        if staff is None:
            raise MissingError("staff")
        return staff

    def _active(self, tx: Connection, staff_id: str) -> Staff:
        staff = self._known(tx, staff_id)
        if not staff.active:
            raise DefinitionError("staff: the account is disabled")
        return staff

    def _keep_an_operator(self, tx: Connection, staff: Staff) -> None:
        """A hub whose last operator is gone can only be helped at the command line."""
        others = [item for item in store.list_staff(tx, self._vault) if item.id != staff.id and item.active]
        if staff.active and not any(Role.OPERATOR in item.roles for item in others):
            raise DefinitionError("staff: the last operator stays")


def _by_two(actor: Actor) -> None:
    """Who decides is made by two: a proposal that another operator confirms, or the command line."""
    if actor.kind == "staff":
        raise SecondOperatorError


def _person(actor: Actor) -> str | None:
    return actor.id if actor.kind == "staff" else None
