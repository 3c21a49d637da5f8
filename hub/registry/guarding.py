"""Sources and interfaces are believed only with a right MAC: they decide to whom the hub shows its credentials, and
which fields leave. Whoever can write the database can neither point a source at a machine of his own nor add a field.

An old row put back with its old MAC is not noticed here; the ledger has every change (threat S9 is about grants).
"""

from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row

from catalog import interface_store as store
from catalog import source_store
from catalog.interface_store import StoredInterface
from catalog.source_store import StoredSource
from hub.storage.errors import MissingError
from hub.storage.vault import Vault
from signing.canonical import canonical

_KEPT: Final = 4096


def guard_source(tx: Connection, vault: Vault, source_id: str) -> None:
    """Put a source as it stands under a MAC. In the transaction of each change."""
    stored = source_store.source_by_id(tx, source_id)
    if stored is None:
        raise MissingError("source")
    source_store.set_source_mac(tx, source_id, vault.row_mac(_of_source(stored)))


def guard_interface(tx: Connection, vault: Vault, interface_id: str) -> None:
    """Put a version as it stands under a MAC. In the transaction of each change."""
    stored = store.interface_by_id(tx, interface_id)
    if stored is None:
        raise MissingError("interface")
    store.set_interface_mac(tx, interface_id, vault.row_mac(_of_interface(stored)))


def check_source(vault: Vault, stored: StoredSource) -> None:
    """Before each change: a row written past the hub must not get a right MAC by it. Raises IntegrityBrokenError."""
    vault.check_row_mac(_of_source(stored), stored.mac, where="sources")


def check_interface(vault: Vault, stored: StoredInterface) -> None:
    """As `check_source`, for a version."""
    vault.check_row_mac(_of_interface(stored), stored.mac, where="interfaces")


class DefinitionGuard:
    """Checks rows before they are used; what answers is kept by every other column of its two rows."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._answering: OrderedDict[tuple[Any, ...], tuple[StoredInterface, StoredSource]] = OrderedDict()

    def answering(self, tx: Connection, code: str, *, now: datetime) -> tuple[StoredInterface, StoredSource] | None:
        """The version of a code that answers under grants, and its source, both believed. Their definitions are read
        when any other column of the two rows has a value that was not seen before.

        Raises: IntegrityBrokenError.
        """
        standing = store.standing_of(tx, code, now=now)
        return None if standing is None else self._believed(tx, standing)

    def all_answering(
        self, tx: Connection, codes: Sequence[str], *, now: datetime
    ) -> dict[str, tuple[StoredInterface, StoredSource]]:
        """`answering` of several codes, in one statement while nothing has changed. Raises: IntegrityBrokenError."""
        if not codes:
            return {}
        standings = store.standings_of(tx, codes, now=now)
        found = {code: self._believed(tx, standing) for code, standing in standings.items()}
        return {code: item for code, item in found.items() if item is not None}

    def _believed(self, tx: Connection, standing: Row[Any]) -> tuple[StoredInterface, StoredSource] | None:
        key = tuple(standing)
        known = self._answering.get(key)
        if known is None:
            stored, source = store.interface_by_id(tx, standing.id), source_store.source_by_id(tx, standing.source_id)
            if stored is None or source is None:
                return None
            self.check(stored, source)
            known = self._answering[key] = stored, source
            if len(self._answering) > _KEPT:
                self._answering.popitem(last=False)
        return known

    def check(self, stored: StoredInterface, source: StoredSource) -> None:
        """Raises: IntegrityBrokenError naming the table, when a row was written by anyone but the hub."""
        self.check_source(source)
        check_interface(self._vault, stored)

    def check_source(self, source: StoredSource) -> None:
        """Raises: IntegrityBrokenError."""
        check_source(self._vault, source)


def _of_source(stored: StoredSource) -> bytes:
    return b"source\x1f" + canonical(stored.meaning())


def _of_interface(stored: StoredInterface) -> bytes:
    return b"interface\x1f" + canonical(stored.meaning())
