"""Accounts of staff: made, invited, changed and disabled by an operator; every change is a ledger entry.

Nobody registers himself and no account is born with a password: its owner sets one through a one-time link.
"""

import re
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from catalog.errors import DefinitionError
from catalog.store import find_department
from hub.access import staff_store as store
from hub.access.actors import COMMAND, Actor, Role
from hub.access.errors import SecondOperatorError
from hub.access.sessions import hashed
from hub.access.staff_store import Staff
from hub.clock import Clock, new_id
from hub.ledger.entries import Draft, append, seal
from hub.storage.database import Database
from hub.storage.errors import ConflictError, MissingError
from hub.storage.vault import DataKey

LINK_LIFE: Final = timedelta(minutes=30)
_USER_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{2,63}")
_HUB_WIDE: Final = frozenset({Role.OPERATOR, Role.AUDITOR})


class StaffService:
    """Use cases over accounts."""

    def __init__(self, database: Database, *, log_key: DataKey, clock: Clock, public_url: str) -> None:
        self._database = database
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

        Raises: MissingError, ForbiddenError.
        """
        actor.require(Role.OPERATOR)
        secret, now = secrets.token_urlsafe(32), self._clock()

        def unit(tx: Connection) -> None:
            staff = _active(tx, staff_id)
            store.add_link(tx, secret_hash=hashed(secret), staff_id=staff.id, expires_at=now + LINK_LIFE, now=now)
            self.record(tx, "staff.invite", actor, {"staff": staff.id}, now)

        await self._database.write(unit)
        return f"{self._public_url}/console/link?t={secret}"

    async def first_link(self) -> str | None:
        """While nobody has an account: the link by which the first operator makes his. Else None."""
        secret, now = secrets.token_urlsafe(32), self._clock()

        def unit(tx: Connection) -> bool:
            if store.has_staff(tx):
                return False
            store.add_link(tx, secret_hash=hashed(secret), staff_id=None, expires_at=now + LINK_LIFE, now=now)
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
            staff = _known(tx, staff_id)
            wanted = _roles(roles, staff.department_id)
            if Role.OPERATOR in wanted - staff.roles:
                _by_two(actor)
            if Role.OPERATOR in staff.roles - wanted:
                _keep_an_operator(tx, staff)
            detail = {"staff": staff.id, "from": _listed(staff.roles), "to": _listed(wanted)}
            return self._change(tx, actor, "staff.roles", staff, detail, now, roles=_listed(wanted))

        return await self._database.write(unit)

    def promote(self, tx: Connection, staff_id: str, by: Actor, now: datetime) -> Staff:
        """Make somebody an operator too, in the transaction in which a second operator confirms it."""
        staff = _active(tx, staff_id)
        roles = _listed(staff.roles | {Role.OPERATOR})
        detail = {"staff": staff.id, "from": _listed(staff.roles), "to": roles}
        return self._change(tx, by, "staff.roles", staff, detail, now, roles=roles)

    async def disable(self, actor: Actor, staff_id: str) -> Staff:
        """End his sessions and let him in no more. Raises: DefinitionError (the last operator), MissingError."""
        return await self._switch(actor, staff_id, active=False)

    async def enable(self, actor: Actor, staff_id: str) -> Staff:
        """Let him in again, by the password he had. Raises: MissingError, ForbiddenError."""
        return await self._switch(actor, staff_id, active=True)

    async def seen_by(self, actor: Actor) -> list[Staff]:
        """Accounts he sees: all for operator and auditor, else those of his department."""
        everything = bool(actor.roles & _HUB_WIDE)
        if not everything and actor.department_id is None:
            return []
        return await self._database.read(lambda tx: store.list_staff(tx, None if everything else actor.department_id))

    async def get(self, actor: Actor, staff_id: str) -> Staff:
        """One account. Raises MissingError for another department's."""
        staff = await self._database.read(lambda tx: _known(tx, staff_id))
        if staff.id != actor.id and not actor.sees(staff.department_id or ""):
            raise MissingError("staff")
        return staff

    async def named(self, actor: Actor, user_name: str) -> Staff:
        """The account of a user name. Raises MissingError."""
        staff = await self._database.read(lambda tx: store.find_user(tx, user_name.strip().lower()))
        if staff is None or not actor.sees(staff.department_id or ""):
            raise MissingError("staff")
        return staff

    def record(self, tx: Connection, kind: str, actor: Actor, detail: Mapping[str, Any], now: datetime) -> None:
        """A ledger entry in the caller's transaction; ids and codes only."""
        draft = Draft(kind=kind, detail={"by": actor.as_json(), **detail}, key=self._log_key)
        append(tx, [seal(draft, now=now)])

    def _add(self, tx: Connection, actor: Actor, definition: Mapping[str, Any], now: datetime) -> Staff:
        user_name = _user_name(definition.get("user_name"))
        department_id = _department_id(tx, definition.get("department"))
        roles = _roles(definition.get("roles"), department_id)
        if store.find_user(tx, user_name) is not None:
            raise ConflictError("staff.user_name")
        staff_id = new_id()
        if Role.OPERATOR in roles:
            _by_two(actor)
        store.add_staff(
            tx,
            id=staff_id,
            owner_department_id=department_id,
            user_name=user_name,
            display_name=_display_name(definition.get("display_name")),
            roles=_listed(roles),
            password_hash=None,
            external_id=_external(definition.get("external_id")),
            break_glass=definition.get("break_glass") is True,
            active=True,
            version=1,
            created_at=now,
            notices_seen_at=now,
        )
        self.record(tx, "staff.add", actor, {"staff": staff_id, "roles": _listed(roles)}, now)
        return _known(tx, staff_id)

    async def _switch(self, actor: Actor, staff_id: str, *, active: bool) -> Staff:
        actor.require(Role.OPERATOR)
        now = self._clock()

        def unit(tx: Connection) -> Staff:
            staff = _known(tx, staff_id)
            if not active and Role.OPERATOR in staff.roles:
                _keep_an_operator(tx, staff)
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
        if not store.change_staff(tx, staff, **values):
            raise ConflictError("staff.version")
        self.record(tx, kind, actor, detail, now)
        return _known(tx, staff.id)


def _by_two(actor: Actor) -> None:
    """Operators are made by two: `staff.operator` is proposed and confirmed, or the command line does it."""
    if actor.kind == "staff":
        raise SecondOperatorError


def _known(tx: Connection, staff_id: str) -> Staff:
    staff = store.find_staff(tx, staff_id)
    if staff is None:
        raise MissingError("staff")
    return staff


def _active(tx: Connection, staff_id: str) -> Staff:
    staff = _known(tx, staff_id)
    if not staff.active:
        raise DefinitionError("staff: the account is disabled")
    return staff


def _keep_an_operator(tx: Connection, staff: Staff) -> None:
    """A hub whose last operator is gone can only be helped at the command line."""
    others = [item for item in store.list_staff(tx) if item.id != staff.id and item.active]
    if staff.active and not any(Role.OPERATOR in item.roles for item in others):
        raise DefinitionError("staff: the last operator stays")


def _listed(roles: frozenset[Role]) -> list[str]:
    return sorted(role.value for role in roles)


def _user_name(value: Any) -> str:
    text = value.strip().lower() if isinstance(value, str) else ""
    if not _USER_NAME.fullmatch(text):
        raise DefinitionError("user_name: 3 to 64 of a-z 0-9 . _ - are needed")
    return text


def _display_name(value: Any) -> str:
    text = value.strip() if isinstance(value, str) else ""
    if not 1 <= len(text) <= 100 or not text.isprintable():
        raise DefinitionError("display_name: 1 to 100 characters are needed")
    return text


def _external(value: Any) -> str | None:
    if value is None or value == "":
        return None
    if not isinstance(value, str) or len(value) > 255:
        raise DefinitionError("external_id: at most 255 characters")
    return value


def _department_id(tx: Connection, code: Any) -> str | None:
    if code is None or code == "":
        return None
    department = find_department(tx, str(code))
    if department is None:
        raise DefinitionError("department: unknown")
    return department.id


def _roles(values: Any, department_id: str | None) -> frozenset[Role]:
    try:
        roles = frozenset(Role(value) for value in values or ())
    except (ValueError, TypeError) as error:
        raise DefinitionError(f"roles: one of {', '.join(Role)}") from error
    if not roles:
        raise DefinitionError("roles: at least one is needed")
    if department_id is None and roles - _HUB_WIDE:
        raise DefinitionError("roles: without a department only operator and auditor")
    return roles
