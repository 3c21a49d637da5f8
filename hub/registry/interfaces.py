"""Publishing interfaces 数据接口: draft, try, go live, give notice, end. A live definition never changes."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import yaml
from sqlalchemy import Connection

from adapters.errors import DefinitionFaultError
from catalog import interface_store as store
from catalog import source_store
from catalog.errors import DefinitionError
from catalog.interface_store import StoredInterface
from catalog.interfaces import NEXT_STATES, Interface, InterfaceState, read_interface
from catalog.source_store import StoredSource
from hub.access.actors import Actor, Role
from hub.clock import Clock
from hub.registry.errors import Lack, NoticeError, NotReadyError, StateError, TwoPersonsError
from hub.registry.guarding import check_interface, guard_interface
from hub.registry.interface_drafting import Version, newest_of, write_draft
from hub.registry.interface_history import Holder, add_event, holders_of, tell_holders, trials_of, wrote
from hub.registry.interface_views import InterfaceView, declared_today, view
from hub.registry.readiness import lacks_of, shows_a_row
from hub.registry.recording import digest_of, plain_json, record
from hub.registry.sources import ACTIVE, OpenSources
from hub.storage.database import Database
from hub.storage.errors import ConflictError, MissingError
from hub.storage.vault import DataKey, Vault

READERS = (Role.OWNER_ENGINEER, Role.OWNER_APPROVER, Role.OPERATOR, Role.AUDITOR)


class InterfaceService:
    """Interfaces of departments. Every method takes the actor first; another department's drafts do not exist."""

    def __init__(
        self,
        database: Database,
        *,
        pool: OpenSources,
        vault: Vault,
        log_key: DataKey,
        clock: Clock,
        notice_days: int = 30,
    ) -> None:
        self._database = database
        self._vault = vault
        self._pool = pool
        self._log_key = log_key
        self._clock = clock
        self._notice = timedelta(days=notice_days)

    async def draft(self, actor: Actor, definition: Mapping[str, Any]) -> Version:
        """Write a draft: the next version, or in place of the newest one while that is a draft or in test.

        What the draft still lacks is `check`'s to say. Raises: DefinitionError for what cannot be read at all.
        """
        declared = plain_json(definition)
        parsed = read_interface(declared)
        now = self._clock()
        return await self._database.write(
            lambda tx: write_draft(tx, self._vault, self._log_key, actor, parsed, declared, now)
        )

    async def copy(self, actor: Actor, code: str) -> Version:
        """A draft of the next version that says what the newest one says, under the department that owns it today.

        Raises: StateError when the newest one is a draft.
        """
        now = self._clock()

        def unit(tx: Connection) -> Version:
            newest = newest_of(tx, actor, code)
            if newest.state in {InterfaceState.DRAFT, InterfaceState.TEST}:
                raise StateError(newest.state.value, "draft")
            declared = declared_today(tx, newest)
            return write_draft(tx, self._vault, self._log_key, actor, read_interface(declared), declared, now)

        return await self._database.write(unit)

    async def check(self, actor: Actor, code: str, version: int | None = None) -> tuple[Lack, ...]:
        """Everything that a version lacks, each with its place; empty when it can go on. Asks the source nothing."""
        stored, source = await self.find(actor, code, version, Role.OWNER_ENGINEER, Role.OWNER_APPROVER)
        return await self._lacks(stored.interface, source)

    async def to_test(self, actor: Actor, code: str, version: int | None = None) -> Version:
        """Offer a draft for approval, and to the own department's test. Raises: NotReadyError, StateError."""
        stored, source = await self.find(actor, code, version, Role.OWNER_ENGINEER)
        _check_step(stored.state, InterfaceState.TEST)
        if lacks := await self._lacks(stored.interface, source):
            raise NotReadyError(lacks)
        return await self._step(actor, stored, InterfaceState.TEST, "test")

    async def take_live(
        self, actor: Actor, code: str, version: int | None = None, *, confirmed: str | None = None
    ) -> Version:
        """Publish a tested version; the older live one is deprecated with the usual notice.

        Somebody other than its authors approves. A live test, a dry run or a sample with a row must have passed for
        this very definition and source. Where the last dry run found rows that fail required fields, `confirmed` gives
        the reason for publishing all the same.

        Raises: NotReadyError naming all that is missing; TwoPersonsError; StateError; ConflictError.
        """
        stored, source = await self.find(actor, code, version, Role.OWNER_APPROVER)
        if stored.state is not InterfaceState.TEST:
            raise StateError(stored.state.value, InterfaceState.LIVE.value)
        lacks = [*await self._lacks(stored.interface, source)]
        now = self._clock()
        reason = (confirmed or "").strip()

        def unit(tx: Connection) -> Version:
            if actor.kind != "command" and wrote(tx, stored.id, actor):
                raise TwoPersonsError
            if missing := [*lacks, *_untried(tx, stored, source, confirmed=bool(reason))]:
                raise NotReadyError(missing)
            self._supersede(tx, actor, stored, now)
            self._move(tx, actor, stored, InterfaceState.LIVE, "live", now, reason, published_at=now, ends_at=None)
            return Version(stored.interface.code, stored.version)

        return await self._database.write(unit)

    async def deprecate(
        self, actor: Actor, code: str, version: int | None = None, *, ends_at: datetime, reason: str
    ) -> tuple[Holder, ...]:
        """Announce the end of a live version. It answers until `ends_at`; answered are those who have grants of it.

        Raises: NoticeError when that is too soon, StateError.
        """
        earliest = self._clock() + self._notice
        if ends_at < earliest:
            raise NoticeError(earliest)
        stored, _ = await self.find(actor, code, version, Role.OWNER_APPROVER, state=InterfaceState.LIVE)
        await self._step(actor, stored, InterfaceState.DEPRECATED, "deprecated", _said(reason), ends_at=ends_at)
        return await self._database.read(lambda tx: holders_of(tx, code))

    async def reinstate(self, actor: Actor, code: str, version: int | None = None) -> Version:
        """Take back the announced end. A newer live version goes on answering before it."""
        stored, _ = await self.find(actor, code, version, Role.OWNER_APPROVER, state=InterfaceState.DEPRECATED)
        return await self._step(actor, stored, InterfaceState.LIVE, "reinstated", ends_at=None)

    async def withdraw(self, actor: Actor, code: str, version: int | None = None, *, reason: str) -> tuple[Holder, ...]:
        """End a version at once and for good; drafts by their engineer, what was published by an approver."""
        stored, _ = await self.find(actor, code, version, *READERS)
        unpublished = stored.state in {InterfaceState.DRAFT, InterfaceState.TEST}
        roles = (Role.OWNER_ENGINEER, Role.OWNER_APPROVER) if unpublished else (Role.OWNER_APPROVER,)
        actor.require(*roles, owner=stored.owner_department_id)
        await self._step(actor, stored, InterfaceState.WITHDRAWN, "withdrawn", _said(reason))
        return await self._database.read(lambda tx: holders_of(tx, code))

    async def export(self, actor: Actor, code: str, version: int | None = None) -> str:
        """A version as a YAML document under its owner of today: what is imported gives the same version again."""
        stored, _ = await self.find(actor, code, version, *READERS)
        declared = await self._database.read(lambda tx: declared_today(tx, stored))
        return yaml.safe_dump(declared, allow_unicode=True, sort_keys=False, width=120)

    async def show(self, actor: Actor, code: str, version: int | None = None) -> InterfaceView:
        """A version with history, trials and holders. Raises: MissingError."""
        stored, _ = await self.find(actor, code, version, *READERS)
        return await self._database.read(lambda tx: view(tx, stored))

    async def list(self, actor: Actor) -> list[InterfaceView]:
        """Every version of the actor's department; of all for operator, auditor and the command line."""
        actor.require(*READERS)
        owner = actor.department_id

        def unit(tx: Connection) -> list[InterfaceView]:
            return [view(tx, item) for item in store.list_interfaces(tx, owner_department_id=owner)]

        return await self._database.read(unit)

    async def find(
        self, actor: Actor, code: str, version: int | None, *roles: Role, state: InterfaceState | None = None
    ) -> tuple[StoredInterface, StoredSource]:
        """A version of the actor's own, the newest (in this state) by default, with its source.

        Raises: MissingError, ForbiddenError.
        """

        def unit(tx: Connection) -> tuple[StoredInterface, StoredSource]:
            versions = [
                item
                for item in store.interface_versions(tx, code)
                if version in {None, item.version} and (version is not None or state in {None, item.state})
            ]
            if not versions:
                raise MissingError("interface")
            actor.require(*roles, owner=versions[0].owner_department_id)
            source = source_store.source_by_id(tx, versions[0].source_id)
            if source is None:
                raise MissingError("source")
            return versions[0], source

        return await self._database.read(unit)

    async def _lacks(self, interface: Interface, source: StoredSource) -> tuple[Lack, ...]:
        found = [] if source.state == ACTIVE else [Lack("/source", source.state)]
        if source.definition.kind == "push" and "rows" in interface.operation:
            # Who was told is remembered by the key that was asked for, so that he hears of changes.
            found.append(Lack("/operation/rows", "collection_only"))
        try:
            opened = await self._pool.source(source)
        except DefinitionFaultError as error:
            return (*found, Lack(f"/source{error.pointer}", error.rule))
        return (*found, *lacks_of(interface, opened))

    async def _step(
        self,
        actor: Actor,
        stored: StoredInterface,
        state: InterfaceState,
        kind: str,
        reason: str = "",
        **values: Any,
    ) -> Version:
        now = self._clock()
        await self._database.write(lambda tx: self._move(tx, actor, stored, state, kind, now, reason, **values))
        return Version(stored.interface.code, stored.version)

    def _move(
        self,
        tx: Connection,
        actor: Actor,
        stored: StoredInterface,
        state: InterfaceState,
        kind: str,
        now: datetime,
        reason: str = "",
        **values: Any,
    ) -> None:
        """One step by the one table, with its event and its ledger entry."""
        _check_step(stored.state, state)
        check_interface(self._vault, stored)
        row_version = stored.row_version
        if not store.change_interface(
            tx, stored.id, row_version=row_version, state=state.value, changed_at=now, **values
        ):
            raise ConflictError("row_version")
        guard_interface(tx, self._vault, stored.id)
        add_event(tx, stored.id, kind, actor, now=now, reason=reason)
        if kind in {"deprecated", "withdrawn"} and stored.published_at is not None:
            tell_holders(tx, stored.interface.code, kind, now=now)
        detail = {"code": stored.interface.code, "version": stored.version, "digest": digest_of(stored.declared)}
        record(tx, self._log_key, actor, f"interface.{kind}", detail | ({"reason": reason} if reason else {}), now=now)

    def _supersede(self, tx: Connection, actor: Actor, stored: StoredInterface, now: datetime) -> None:
        ends_at = now + self._notice
        for older in store.interface_versions(tx, stored.interface.code):
            if older.state is InterfaceState.LIVE and older.version < stored.version:
                said = f"version {stored.version}"
                self._move(tx, actor, older, InterfaceState.DEPRECATED, "deprecated", now, said, ends_at=ends_at)


def _untried(tx: Connection, stored: StoredInterface, source: StoredSource, *, confirmed: bool) -> list[Lack]:
    """What trials have not shown of this very definition against this very source."""
    digest = digest_of(stored.declared)
    trials = trials_of(tx, stored.id, digest=digest, source_row_version=source.row_version)
    lacks = []
    if not any(trial.passed for trial in trials) and not shows_a_row(stored.interface):
        lacks.append(Lack("trial", "missing"))
    dry_runs = [trial for trial in trials_of(tx, stored.id, digest=digest) if trial.kind == "quality"]
    if dry_runs and not dry_runs[0].passed and not confirmed:
        lacks.append(Lack("quality", dry_runs[0].code))
    return lacks


def _check_step(before: InterfaceState, after: InterfaceState) -> None:
    if after not in NEXT_STATES[before]:
        raise StateError(before.value, after.value)


def _said(reason: str) -> str:
    if not reason.strip():
        raise DefinitionError("reason is missing")
    return reason.strip()
