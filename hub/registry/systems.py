"""Systems 应用系统 of a department and their credentials: registered, keys rotated with overlap, taken out of use.

A system without grants can do nothing, so its own department registers it; what it may have is the owners' to say. The
hub keeps public keys only: whoever makes a pair for somebody shows the private half once and forgets it.
"""

import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, and_, select, update

from catalog.errors import DefinitionError
from catalog.store import add_system_key, find_system_id
from catalog.tables import DepartmentRow, SystemKeyRow, SystemRow, table
from hub.access.actors import Actor, Role
from hub.access.errors import ForbiddenError
from hub.access.service import SANDBOX_PREFIX, Caller
from hub.clock import Clock, new_id
from hub.registry.desks import COUNTER, department_of, set_desk
from hub.registry.recording import record
from hub.registry.service import RegistryService
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.vault import DataKey
from signing.errors import SigningError
from signing.keys import Es256Key, SoftwareSigner

LIVE_PREFIX: Final = "yz_live_"
MAX_KEYS: Final = 5
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{1,40}")
_SYSTEMS: Final = table(SystemRow)
_KEYS: Final = table(SystemKeyRow)
_DEPARTMENTS: Final = table(DepartmentRow)
_GATEWAY: Final = "gateway:"
_WHO: Final = (Role.CONSUMER_ENGINEER,)
_SEE: Final = (Role.CONSUMER_ENGINEER, Role.OPERATOR, Role.AUDITOR)


@dataclass(frozen=True, slots=True)
class KeyView:
    """A public key. `kind` is `key`, or `gateway` for an appKey of the provincial gateway's dialect."""

    kid: str
    kind: str
    active: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class SystemView:
    """A system as its department sees it."""

    id: str
    client_id: str
    department_id: str
    department_code: str
    name_zh: str
    name_en: str
    active: bool
    created_at: datetime
    keys: tuple[KeyView, ...] = ()
    counter: bool = False
    """Whether its department's clerks take cases under it."""

    @property
    def sandbox(self) -> bool:
        """Whether its credentials reach sample data only."""
        return self.client_id.startswith(SANDBOX_PREFIX)

    @property
    def gateway(self) -> bool:
        """Whether it speaks the provincial gateway's dialect."""
        return any(key.kind == "gateway" and key.active for key in self.keys)


class SystemService:
    """Use cases of a consumer's engineer."""

    def __init__(self, database: Database, *, registry: RegistryService, log_key: DataKey, clock: Clock) -> None:
        self._database = database
        self._registry = registry
        self._log_key = log_key
        self._clock = clock

    async def list(self, actor: Actor) -> list[SystemView]:
        """Of his department, newest first; of the whole city for operator and auditor. Raises: ForbiddenError."""
        actor.require(*_SEE)
        everything = bool(actor.roles & {Role.OPERATOR, Role.AUDITOR})
        return await self._database.read(lambda tx: _views(tx, None if everything else actor.department_id or ""))

    async def get(self, actor: Actor, client_id: str) -> SystemView:
        """One system of his. Raises: MissingError, ForbiddenError."""
        return await self._database.read(lambda tx: _seen(tx, actor, client_id, *_SEE))

    async def register(self, actor: Actor, given: dict[str, str], jwk: dict[str, Any], *, sandbox: bool) -> SystemView:
        """Register a system of his own department with its first public key.

        `given`: `name_zh`, `name_en` and, for a live one, `code`, of which the client_id is made; a sandbox credential
        gets a random one.

        Raises: DefinitionError, ForbiddenError, ConflictError for a client_id that is taken.
        """
        actor.require(*_WHO)
        tail = secrets.token_hex(8) if sandbox else given.get("code", "")
        if not _NAME.fullmatch(tail):
            raise DefinitionError("system: code takes 2 to 41 of a-z 0-9 _ -")
        client_id = (SANDBOX_PREFIX if sandbox else LIVE_PREFIX) + tail
        key = _public(jwk)
        now = self._clock()

        def unit(tx: Connection) -> SystemView:
            query = select(_DEPARTMENTS.c.code).where(_DEPARTMENTS.c.id == actor.department_id)
            department = tx.execute(query).scalar()
            if department is None:
                raise DefinitionError("system: only a department has systems")
            definition = {
                "department": department,
                "client_id": client_id,
                "name": {"zh": given.get("name_zh", ""), "en": given.get("name_en", "") or given.get("name_zh", "")},
                "keys": [key.jwk],
            }
            self._registry.put_system(tx, definition, now, sandbox=sandbox)
            record(tx, self._log_key, actor, "system.registered", {"client_id": client_id, "kid": key.kid}, now=now)
            return _seen(tx, actor, client_id, *_WHO)

        return await self._database.write(unit)

    async def make_counter(self, actor: Actor, name_zh: str, name_en: str, *, department: str | None = None) -> str:
        """Make the counter of his own department, of any at the command line; answers its client_id. It has no grants
        yet, and no private key: nobody calls in its name but clerks, through the hub's own pages.

        Raises: DefinitionError (also where there is one), ForbiddenError, ConflictError.
        """
        actor.require(*_WHO)
        key, now = SoftwareSigner.generate().public, self._clock()

        def unit(tx: Connection) -> str:
            code = department_of(tx, actor, department)
            client_id = f"{LIVE_PREFIX}counter-{secrets.token_hex(4)}"
            name = {"zh": name_zh, "en": name_en or name_zh}
            declared = {"department": code, "client_id": client_id, "name": name, "keys": [key.jwk], "desk": COUNTER}
            self._registry.put_system(tx, declared, now)
            detail = {"client_id": client_id, "kid": key.kid, "counter": True}
            record(tx, self._log_key, actor, "system.registered", detail, now=now)
            return client_id

        return await self._database.write(unit)

    async def set_counter(self, actor: Actor, client_id: str, *, counter: bool) -> None:
        """Make a system its department's counter, or end that, at the command line; people propose `system.desk`.

        Raises: DefinitionError, MissingError, ForbiddenError.
        """
        if actor.kind != "command":
            raise ForbiddenError((Role.OPERATOR,))
        payload, now = {"client_id": client_id, "counter": counter}, self._clock()
        await self._database.write(lambda tx: set_desk(tx, self._log_key, payload, actor, now))

    async def add_key(self, actor: Actor, client_id: str, jwk: dict[str, Any]) -> str:
        """Add a public key beside those there are, and answer its kid: both work until the old one is ended.

        Raises: DefinitionError, MissingError, ForbiddenError, ConflictError for a key that it has.
        """
        key = _public(jwk)
        now = self._clock()

        def unit(tx: Connection) -> None:
            system = _seen(tx, actor, client_id, *_WHO)
            if sum(item.active and item.kind == "key" for item in system.keys) >= MAX_KEYS:
                raise DefinitionError(f"system: at most {MAX_KEYS} keys in use; end one first")
            add_system_key(tx, id=new_id(), system_id=system.id, kid=key.kid, jwk=key.jwk, active=True, created_at=now)
            record(tx, self._log_key, actor, "system.key_added", {"client_id": client_id, "kid": key.kid}, now=now)

        await self._database.write(unit)
        return key.kid

    async def end_key(self, actor: Actor, client_id: str, kid: str) -> None:
        """Take a key out of use for good: tokens it got stop at once. Raises: MissingError, ForbiddenError."""
        now = self._clock()

        def unit(tx: Connection) -> None:
            system = _seen(tx, actor, client_id, *_WHO)
            where = and_(_KEYS.c.system_id == system.id, _KEYS.c.kid == kid, _KEYS.c.active.is_(True))
            if tx.execute(update(_KEYS).where(where).values(active=False)).rowcount != 1:
                raise MissingError("key")
            record(tx, self._log_key, actor, "system.key_ended", {"client_id": client_id, "kid": kid}, now=now)

        await self._database.write(unit)

    async def set_active(self, actor: Actor, client_id: str, *, active: bool) -> None:
        """Take a system out of use, or back into it; at once. Raises: MissingError, ForbiddenError."""
        now = self._clock()
        kind = "system.enabled" if active else "system.disabled"

        def unit(tx: Connection) -> None:
            system = _seen(tx, actor, client_id, *_WHO, Role.OPERATOR)
            tx.execute(update(_SYSTEMS).where(_SYSTEMS.c.id == system.id).values(active=active))
            record(tx, self._log_key, actor, kind, {"client_id": client_id}, now=now)

        await self._database.write(unit)

    async def sandbox_caller(self, actor: Actor, client_id: str) -> Caller:
        """His sandbox credential as a caller, for the try page: no live system is ever called for.

        Raises: MissingError, ForbiddenError.
        """
        system = await self._database.read(lambda tx: _seen(tx, actor, client_id, *_WHO))
        key = next((key for key in system.keys if key.active and key.kind == "key"), None)
        if not system.sandbox or not system.active or key is None:
            raise MissingError("sandbox credential")
        return Caller(system.id, system.client_id, system.department_id, key.kid, {}, float("inf"))


def _public(jwk: dict[str, Any]) -> Es256Key:
    if "d" in jwk:
        raise DefinitionError("system: a public key, please; this is a private one, and must now be replaced")
    try:
        return Es256Key.from_jwk(jwk)
    except (SigningError, KeyError, TypeError, ValueError) as error:
        raise DefinitionError("system: the key is not a public P-256 key (JWK)") from error


def _seen(tx: Connection, actor: Actor, client_id: str, *roles: Role) -> SystemView:
    system_id = find_system_id(tx, client_id)
    found = _views(tx, None, system_id) if system_id else []
    if not found:
        raise MissingError("system")
    actor.require(*roles, owner=found[0].department_id)
    return found[0]


def _views(tx: Connection, department_id: str | None, system_id: str | None = None) -> list[SystemView]:
    query = select(_SYSTEMS, _DEPARTMENTS.c.code.label("department_code")).join(
        _DEPARTMENTS, _DEPARTMENTS.c.id == _SYSTEMS.c.owner_department_id
    )
    if department_id is not None:
        query = query.where(_SYSTEMS.c.owner_department_id == department_id)
    if system_id is not None:
        query = query.where(_SYSTEMS.c.id == system_id)
    rows = tx.execute(query.order_by(_SYSTEMS.c.created_at.desc(), _SYSTEMS.c.client_id).limit(500)).all()
    keys: dict[str, list[KeyView]] = {}
    ids = [row.id for row in rows]
    for row in tx.execute(select(_KEYS).where(_KEYS.c.system_id.in_(ids)).order_by(_KEYS.c.created_at.desc())):
        kind = "gateway" if row.kid.startswith(_GATEWAY) else "key"
        keys.setdefault(row.system_id, []).append(KeyView(row.kid, kind, row.active, row.created_at))
    return [
        SystemView(
            row.id, row.client_id, row.owner_department_id, row.department_code, row.name_zh, row.name_en, row.active,
            row.created_at, tuple(keys.get(row.id, ())), row.desk == COUNTER,
        )
        for row in rows
    ]  # fmt: skip
