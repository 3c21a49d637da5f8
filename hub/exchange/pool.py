"""Opened sources: one guarded adapter a source, opened at first use and again when its definition or a secret changed.

Each source has its own breaker, slots and connections: ten dead ones cost the eleventh nothing. A source that was
replaced is closed when its last question has ended.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import structlog
from sqlalchemy import Connection

from adapters.egress import Egress, Target, networks
from adapters.errors import DefinitionFaultError
from adapters.guarded import Guarded
from adapters.port import Answer, Budget, Context, Dispatch, Environment, Listing, Lookup, Prepared, Value
from adapters.registry import open_source
from catalog.interface_store import StoredInterface
from catalog.source_store import SealedSecret, StoredSource, secrets_of
from catalog.sources import SourceDefinition
from hub.clock import Clock
from hub.registry.guarding import DefinitionGuard
from hub.storage.database import Database
from hub.storage.vault import Vault

_PREPARED: Final = 4096
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class OpenedSecrets:
    """A source's credentials in clear, for its adapter alone."""

    values: Mapping[str, str] = field(repr=False)

    def secret(self, name: str) -> str:
        """The value. Raises DefinitionFaultError for one that the department has not set."""
        if name not in self.values:
            raise DefinitionFaultError(f"/secrets/{name}", "missing")
        return self.values[name]


@dataclass(slots=True)
class _Opened:
    row_version: int
    source: Guarded
    prepared: OrderedDict[tuple[str, int], Prepared] = field(default_factory=OrderedDict)


class SourcePool:
    """Opens sources and keeps them."""

    def __init__(
        self,
        database: Database,
        *,
        vault: Vault,
        clock: Clock,
        egress_networks: tuple[str, ...],
        folders: tuple[Path, ...] = (),
        lookup: Lookup | None = None,
        listing: Listing | None = None,
        dispatch: Dispatch | None = None,
    ) -> None:
        self._database = database
        self._vault = vault
        self._guard = DefinitionGuard(vault)
        self._clock = clock
        self._networks = networks(egress_networks)
        self._folders = folders
        self._lookup = lookup
        self._listing = listing
        self._dispatch = dispatch
        self._opened: dict[str, _Opened] = {}
        self._opening = asyncio.Lock()
        self._retired: set[Guarded] = set()
        self._closing: set[asyncio.Task[None]] = set()

    async def ask(
        self, stored: StoredSource, interface: StoredInterface, params: Mapping[str, Value], context: Context
    ) -> Answer:
        """Put one question. Raises: SourceError."""
        opened = await self._open(stored)
        key = (interface.id, interface.row_version)
        prepared = opened.prepared.get(key)
        if prepared is None:
            prepared = opened.prepared[key] = opened.source.prepare(interface.interface.operation)
            if len(opened.prepared) > _PREPARED:
                opened.prepared.popitem(last=False)
        return await opened.source.ask(prepared, params, budget=budget_of(stored.definition), context=context)

    async def source(self, stored: StoredSource) -> Guarded:
        """The opened adapter of a stored source. Raises: DefinitionFaultError."""
        return (await self._open(stored)).source

    def opened(self, source_id: str) -> Guarded | None:
        """The adapter if it has been used since the start: its health is known only then."""
        found = self._opened.get(source_id)
        return found.source if found else None

    async def close(self) -> None:
        """Close every source, those too that still end their questions."""
        for task in tuple(self._closing):
            task.cancel()
        await asyncio.gather(*self._closing, return_exceptions=True)
        sources = [*self._retired, *(item.source for item in self._opened.values())]
        self._retired, self._opened = set(), {}
        for source in sources:
            await _close(source)

    async def _open(self, stored: StoredSource) -> _Opened:
        known = self._opened.get(stored.id)
        if known is not None and known.row_version == stored.row_version:
            return known
        async with self._opening:
            known = self._opened.get(stored.id)
            if known is not None and known.row_version >= stored.row_version:
                return known
            self._guard.check_source(stored)
            sealed = await self._database.read(lambda tx: secrets_of(tx, stored.id))
            source = self.open(stored.definition, unsealed(sealed, stored.id, self._vault))
            self._opened[stored.id] = opened = _Opened(stored.row_version, source)
        if known is not None:
            self._retired.add(known.source)
            task = asyncio.create_task(self._retire(known.source))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)
        return opened

    async def _retire(self, source: Guarded) -> None:
        """Whoever asked before the change is answered under the former definition; nothing new comes."""
        await source.idle()
        self._retired.discard(source)
        await _close(source)

    def open(self, definition: SourceDefinition, secrets: Mapping[str, str]) -> Guarded:
        """Open an adapter that is not kept, to check a definition before it is stored. Raises: DefinitionFaultError."""
        targets = frozenset(Target(host, port) for host, port in definition.targets)
        environment = Environment(
            secrets=OpenedSecrets(secrets),
            egress=Egress(targets, self._networks),
            clock=self._clock,
            folders=self._folders,
            lookup=self._lookup,
            listing=self._listing,
            dispatch=self._dispatch,
        )
        connection: dict[str, Any] = dict(definition.connection)
        if definition.kind in {"push", "agent"}:
            connection["source"] = definition.code
        source = open_source(definition.kind, connection, environment)
        return Guarded(source, definition.limits, windows=definition.windows, clock=self._clock)


def budget_of(definition: SourceDefinition) -> Budget:
    """What one question to this source may take."""
    limits = definition.limits
    return Budget(
        connect_seconds=limits.connect_seconds,
        read_seconds=limits.read_seconds,
        total_seconds=limits.total_seconds,
        max_bytes=limits.max_bytes,
        max_rows=limits.max_rows,
        max_depth=limits.max_depth,
    )


def secret_place(source_id: str, name: str) -> str:
    """Where a credential is stored, for its encryption: it opens for its own source, under its own name."""
    return f"source_secrets:{source_id}:{name}"


def unsealed(secrets: list[SealedSecret], source_id: str, vault: Vault) -> dict[str, str]:
    """Credentials in clear. Raises: IntegrityBrokenError."""
    return {
        item.name: vault.data_key(item.data_key, item.kek_kid)
        .decrypt(secret_place(source_id, item.name), item.sealed)
        .decode()
        for item in secrets
    }


def seal_secret(secret_id: str, source_id: str, name: str, value: str, vault: Vault) -> dict[str, Any]:
    """The columns of a credential about to be stored under this row id."""
    key = vault.new_data_key()
    return {
        "id": secret_id,
        "sealed": key.encrypt(secret_place(source_id, name), value.encode()),
        "data_key": key.wrapped,
        "kek_kid": key.kek_kid,
    }


def read_secrets(tx: Connection, source_id: str, vault: Vault) -> dict[str, str]:
    """The credentials of a source, in clear. Raises: IntegrityBrokenError."""
    return unsealed(secrets_of(tx, source_id), source_id, vault)


async def _close(source: Guarded) -> None:
    try:
        await source.close()
    except Exception as error:  # noqa: BLE001  # a source that cannot even be closed must not stop the others
        _log.warning("source_not_closed", error=type(error).__name__)
