"""Registering sources 数据源: a department describes a system once, sets its secrets apart, and sees it answer."""

import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Protocol

from sqlalchemy import Connection

from adapters.egress import Egress, Target, networks
from adapters.errors import DefinitionFaultError, SourceError
from adapters.port import Answer, Budget, Context, Probe, Source, Value
from catalog import source_store as store
from catalog.errors import DefinitionError
from catalog.interface_store import StoredInterface
from catalog.source_store import StoredSource
from catalog.sources import SourceDefinition, read_source
from hub.access.actors import Actor, Role
from hub.clock import Clock, new_id
from hub.exchange.pool import budget_of, read_secrets, seal_secret
from hub.registry.connections import check_connection, check_paths
from hub.registry.errors import StateError
from hub.registry.guarding import check_source, guard_source
from hub.registry.reading import department
from hub.registry.recording import digest_of, plain_json, record
from hub.registry.source_store import (
    ProbeView,
    drop_secret,
    put_probe,
)
from hub.registry.source_views import SourceView, owned, owner_code, view_of
from hub.storage.database import Database
from hub.storage.errors import ConflictError, MissingError
from hub.storage.vault import DataKey, Vault

ACTIVE: Final = "active"
DISABLED: Final = "disabled"
MAX_SECRET_BYTES: Final = 16_384
_SECRET_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")


class OpenSources(Protocol):
    """What the registry needs of the exchange's pool: adapters, opened and guarded."""

    def open(self, definition: SourceDefinition, secrets: Mapping[str, str]) -> Source:
        """An adapter that is not kept. Raises DefinitionFaultError."""
        ...

    async def source(self, stored: StoredSource) -> Source:
        """The kept adapter of a stored source. Raises DefinitionFaultError."""
        ...

    async def ask(
        self, stored: StoredSource, interface: StoredInterface, params: Mapping[str, Value], context: Context
    ) -> Answer:
        """Put one question. Raises SourceError."""
        ...


class SourceService:
    """Sources of departments. Every method takes the actor first; another department's source does not exist."""

    def __init__(
        self,
        database: Database,
        *,
        vault: Vault,
        pool: OpenSources,
        log_key: DataKey,
        clock: Clock,
        egress_networks: tuple[str, ...] = (),
        folders: tuple[Path, ...] = (),
    ) -> None:
        self._database = database
        self._vault = vault
        self._pool = pool
        self._log_key = log_key
        self._clock = clock
        self._networks = networks(egress_networks)
        self._folders = folders

    async def add(self, actor: Actor, definition: Mapping[str, Any]) -> str:
        """Register a source; answers its code. Nothing is reached yet: `probe` does that.

        Raises: DefinitionError naming the place, ForbiddenError, MissingError, ConflictError (the code is taken).
        """
        declared = plain_json(definition)
        parsed = await self._checked(actor, declared)
        now = self._clock()

        def unit(tx: Connection) -> str:
            owner = department(tx, parsed.department)
            actor.require(Role.OWNER_ENGINEER, owner=owner.id)
            source_id = new_id()
            store.add_source(
                tx,
                id=source_id,
                code=parsed.code,
                owner_department_id=owner.id,
                kind=parsed.kind,
                definition=declared,
                state=ACTIVE,
                row_version=1,
                created_at=now,
                changed_at=now,
            )
            guard_source(tx, self._vault, source_id)
            self._record(tx, actor, "source.add", {"code": parsed.code, "digest": digest_of(declared)}, now)
            return parsed.code

        return await self._database.write(unit)

    async def change(self, actor: Actor, definition: Mapping[str, Any], *, row_version: int | None = None) -> int:
        """Replace a definition; department and kind stay. Answers the new row version.

        Raises: as `add`; ConflictError("row_version") when somebody changed it after `row_version` was read.
        """
        declared = plain_json(definition)
        parsed = await self._checked(actor, declared)
        now = self._clock()

        def unit(tx: Connection) -> int:
            stored = self._owned(tx, actor, parsed.code, Role.OWNER_ENGINEER)
            if (parsed.kind, parsed.department) != (stored.definition.kind, owner_code(tx, stored)):
                raise DefinitionError("source: kind and department stay; register another source instead")
            changed = store.change_source(
                tx,
                stored.id,
                row_version=stored.row_version if row_version is None else row_version,
                definition=declared,
                changed_at=now,
            )
            if not changed:
                raise ConflictError("row_version")
            guard_source(tx, self._vault, stored.id)
            detail = {"code": parsed.code, "digest": digest_of(declared)}
            self._record(tx, actor, "source.change", detail, now)
            return stored.row_version + 1

        return await self._database.write(unit)

    async def disable(self, actor: Actor, code: str, *, reason: str) -> None:
        """Stop asking a source at once; its interfaces answer `source_unavailable`. Raises: StateError."""
        if not reason.strip():
            raise DefinitionError("reason is missing")
        await self._switch(actor, code, ACTIVE, DISABLED, {"reason": reason})

    async def enable(self, actor: Actor, code: str) -> None:
        """Ask it again. Raises: StateError."""
        await self._switch(actor, code, DISABLED, ACTIVE, {})

    async def list(self, actor: Actor) -> list[SourceView]:
        """Sources of the actor's department; of all for operator, auditor and the command line."""
        actor.require(Role.OWNER_ENGINEER, Role.OWNER_APPROVER, Role.OPERATOR, Role.AUDITOR)
        everything = actor.department_id is None

        def unit(tx: Connection) -> list[SourceView]:
            found = store.list_sources(tx, None if everything else actor.department_id)
            return [view_of(tx, item) for item in found]

        return await self._database.read(unit)

    async def show(self, actor: Actor, code: str) -> SourceView:
        """One source. Raises: MissingError."""
        readers = (Role.OWNER_ENGINEER, Role.OWNER_APPROVER, Role.OPERATOR, Role.AUDITOR)
        return await self._database.read(lambda tx: view_of(tx, owned(tx, actor, code, *readers)))

    async def put_secret(self, actor: Actor, code: str, name: str, value: str) -> None:
        """Set or replace a credential. It is encrypted at once and given back to nobody.

        Raises: DefinitionError for a name or value that cannot be one.
        """
        if _SECRET_NAME.fullmatch(name) is None:
            raise DefinitionError("secret: its name takes letters, digits, _ . - and begins with a letter")
        if not value or len(value.encode()) > MAX_SECRET_BYTES:
            raise DefinitionError(f"secret: its value is empty or longer than {MAX_SECRET_BYTES} bytes")
        now = self._clock()

        def unit(tx: Connection) -> None:
            stored = self._owned(tx, actor, code, Role.OWNER_ENGINEER)
            sealed = seal_secret(new_id(), stored.id, name, value, self._vault)
            store.put_secret(tx, stored.id, name, **sealed, changed_at=now)
            self._touched(tx, stored, now)
            self._record(tx, actor, "source.secret", {"code": code, "name": name}, now)

        await self._database.write(unit)

    async def remove_secret(self, actor: Actor, code: str, name: str) -> None:
        """Delete a credential. Raises: MissingError."""
        now = self._clock()

        def unit(tx: Connection) -> None:
            stored = self._owned(tx, actor, code, Role.OWNER_ENGINEER)
            if not drop_secret(tx, stored.id, name):
                raise MissingError("secret")
            self._touched(tx, stored, now)
            self._record(tx, actor, "source.secret_removed", {"code": code, "name": name}, now)

        await self._database.write(unit)

    async def probe(self, actor: Actor, code: str) -> ProbeView:
        """Reach the source now and remember the outcome. A source that fails is an answer, not an error."""
        stored = await self._database.read(
            lambda tx: owned(tx, actor, code, Role.OWNER_ENGINEER, Role.OWNER_APPROVER, Role.OPERATOR)
        )
        found = await self._probed(stored)
        view = ProbeView(found.ok, found.code, round(found.seconds * 1000), self._clock())
        await self._database.write(lambda tx: put_probe(tx, stored.id, view))
        return view

    async def test(self, actor: Actor, definition: Mapping[str, Any], secrets: Mapping[str, str]) -> ProbeView:
        """Reach a source that is not registered yet, or not as it is now described. Nothing is stored.

        Raises: as `add`, but for ConflictError.
        """
        parsed = await self._checked(actor, plain_json(definition))
        owner = await self._database.read(lambda tx: department(tx, parsed.department))
        actor.require(Role.OWNER_ENGINEER, owner=owner.id)
        stored = await self._database.read(lambda tx: store.find_source(tx, parsed.code))
        known: dict[str, str] = {}
        if stored is not None and stored.owner_department_id == owner.id:
            known = await self._database.read(lambda tx: read_secrets(tx, stored.id, self._vault))
        source = self._pool.open(parsed, known | dict(secrets))
        try:
            found = await source.probe(budget_of(parsed))
        except SourceError as error:
            found = Probe(ok=False, seconds=0.0, code=error.code)
        finally:
            await source.close()
        return ProbeView(found.ok, found.code, round(found.seconds * 1000), self._clock())

    async def check(self, actor: Actor, definition: Mapping[str, Any]) -> None:
        """Everything that can be said of a description without reaching the source. Raises: DefinitionError."""
        await self._checked(actor, plain_json(definition))

    async def _probed(self, stored: StoredSource) -> Probe:
        if stored.state == DISABLED:
            return Probe(ok=False, seconds=0.0, code="disabled")
        try:
            source = await self._pool.source(stored)
            budget: Budget = budget_of(stored.definition)
            return await source.probe(budget)
        except SourceError as error:
            return Probe(ok=False, seconds=0.0, code=error.code)

    async def _checked(self, actor: Actor, definition: Mapping[str, Any]) -> SourceDefinition:
        """Everything that can be said of a source without reaching it."""
        parsed = read_source(definition)
        if actor.kind != "command":  # whoever runs commands here reads these files anyway
            check_paths(parsed, self._folders)
        egress = Egress(frozenset(Target(host, port) for host, port in parsed.targets), self._networks)
        check_connection(parsed, egress)
        try:
            opened = self._pool.open(parsed, {})
        except DefinitionFaultError as error:
            raise DefinitionError(f"source: connection{error.pointer}: {error.rule}") from None
        except ImportError as error:
            raise DefinitionError(f"source: kind {parsed.kind} needs {error.name}, which is not installed") from None
        await opened.close()
        return parsed

    async def _switch(self, actor: Actor, code: str, before: str, after: str, detail: dict[str, Any]) -> None:
        now = self._clock()

        def unit(tx: Connection) -> None:
            stored = self._owned(tx, actor, code, Role.OWNER_ENGINEER, Role.OWNER_APPROVER)
            if stored.state != before:
                raise StateError(stored.state, after)
            if not store.change_source(tx, stored.id, row_version=stored.row_version, state=after, changed_at=now):
                raise ConflictError("row_version")
            guard_source(tx, self._vault, stored.id)
            self._record(tx, actor, f"source.{after}", {"code": code} | detail, now)

        await self._database.write(unit)

    def _touched(self, tx: Connection, stored: StoredSource, now: datetime) -> None:
        """Adapters opened with the former secret are closed."""
        if not store.change_source(tx, stored.id, row_version=stored.row_version, changed_at=now):
            raise ConflictError("row_version")
        guard_source(tx, self._vault, stored.id)

    def _owned(self, tx: Connection, actor: Actor, code: str, *roles: Role) -> StoredSource:
        stored = owned(tx, actor, code, *roles)
        check_source(self._vault, stored)
        return stored

    def _record(self, tx: Connection, actor: Actor, kind: str, detail: dict[str, Any], now: datetime) -> None:
        record(tx, self._log_key, actor, kind, detail, now=now)
