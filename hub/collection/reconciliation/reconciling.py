"""Reconciliation 对账: a register read whole beside the library: counts, gaps, orphans, what differs.

What is missing from the register is acted on only when asked for, by the rule of the type, and only after a register
that was wholly readable: a file cut off in the middle must not revoke half a city's licences.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from catalog.store import Department
from certificates.stores import certificates as library
from certificates.stores.version import VersionRecord
from hub.clock import Clock, new_id
from hub.collection import runs
from hub.collection.reconciliation.comparing import Comparison, Counts, private
from hub.collection.reconciliation.scratch import Scratch, SeenPage
from hub.collection.turns import TurnOverError
from hub.issuing.transitions.register import record_gone
from hub.issuing.transitions.writing import told
from hub.issuing.types.registry import TypeInForce
from hub.ledger.entries import Draft, append, seal
from hub.ledger.guards import check_guards
from hub.storage.database import Database
from hub.storage.vault import DataKey, Vault

_PAGE: Final = 500
_SOME: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconciliationOrder:
    """What a register is put beside: the licences of a type that a department issued.

    Attributes:
        report: private; one JSON line a finding.
        origin: `source:CODE` or `run:ID`; kept with each licence that is revoked, to be found again by it.
        act: what is missing is revoked, or kept, by the rule of the type.
    """

    issued: TypeInForce
    issuer: Department
    report: Path
    origin: str
    act: bool


class NotActedError(Exception):
    """What is missing was not acted on; the library is as it was, and the report is written."""

    code: str

    def __init__(self, counts: Counts) -> None:
        super().__init__(f"{counts.orphans} of {counts.library} licences have no record in this register")
        self.counts = counts


class TooManyMissingError(NotActedError):
    """So many licences have no record any more that the register is rather believed to be cut off."""

    code = "too_many_missing"


class NotWhollyReadError(NotActedError):
    """Rows whose key cannot be read: which licence they are of nobody knows, so none is missing for sure."""

    code = "not_wholly_read"


class Reading:
    """A register while it is read whole. This process can leave it between two pages, and go on there.

    `as_of`: what is younger it need not know. A row may come behind the place that is being read.
    """

    def __init__(self, pages: AsyncIterator[SeenPage], *, began: datetime) -> None:
        self._pages = pages
        self.scratch = Scratch()
        self.as_of = began
        self.unknown = 0
        self._read = self._unreadable = 0

    async def go_on(self, over: Callable[[], Awaitable[bool]] | None = None) -> None:
        """Read to the end, or until it is somebody else's turn. Raises: TurnOverError; whatever the pages raise."""
        async for page in self._pages:
            self._read += len(page.rows)
            self._unreadable += sum(seen.item is None for seen in page.rows)
            self.unknown += sum(seen.item is None and seen.key is None for seen in page.rows)
            self.as_of = min(self.as_of, page.as_of)
            await asyncio.to_thread(self.scratch.note, page.rows)
            if over is not None and await over():
                raise TurnOverError

    def counts(self, found: Mapping[str, int]) -> Counts:
        """What was read, with what was found in the library."""
        repeated = self._read - self.unknown - self.scratch.size()
        return Counts(register=self._read, unreadable=self._unreadable, repeated=repeated, **found)

    def close(self) -> None:
        """Forget what was read."""
        self.scratch.close()


class Reconciler:
    """Compares. `most_missing`: the share of licences that may be missing before nothing is acted on."""

    def __init__(
        self, database: Database, *, vault: Vault, log_key: DataKey, clock: Clock, most_missing: float = 0.05
    ) -> None:
        self._database = database
        self._vault = vault
        self._log_key = log_key
        self._clock = clock
        self._most_missing = most_missing

    async def run(self) -> str:
        """A run of its own, for a register that comes from files: what it ends is found again by it."""

        def unit(tx: Connection) -> str:
            run = runs.start_or_resume(tx, new_id(), now=self._clock())
            runs.finish(tx, run.id, now=self._clock())
            return run.id

        return await self._database.write(unit)

    async def reconcile(self, pages: AsyncIterator[SeenPage], order: ReconciliationOrder) -> Counts:
        """Read a register whole, and compare. Raises: as `compare`, and whatever the pages raise."""
        with closing(Reading(pages, began=self._clock())) as reading:
            await reading.go_on()
            return await self.compare(reading, order)

    async def compare(self, reading: Reading, order: ReconciliationOrder) -> Counts:
        """Compare what was read, and write a private report of one JSON line a finding: gaps by file and row, licences
        by identifier.

        Raises: TooManyMissingError, NotWhollyReadError: `act` was asked for; the report is written. StorageError.
        """
        with private(order.report) as file:
            comparison = Comparison(reading.scratch, file, as_of=reading.as_of, now=self._clock())
            async for page in self._library(order):
                await asyncio.to_thread(comparison.take, page)
            await asyncio.to_thread(comparison.end)
        counts = reading.counts(comparison.found)
        if order.act:
            self._may_act(counts, reading.unknown)
            counts = replace(counts, acted=await self._act(order, comparison))
        await self._database.write(lambda tx: self._record(tx, order, counts))
        return counts

    async def _library(self, order: ReconciliationOrder) -> AsyncIterator[list[VersionRecord]]:
        after = ""
        floor = "00000000-0000-0000-0000-000000000000"
        while True:
            page = await self._database.read(
                lambda tx, after=after: library.standing_records(  # type: ignore[misc]
                    tx, order.issued.type.code, order.issuer.id, after=after or floor, limit=_PAGE
                )
            )
            if not page:
                return
            after = page[-1].certificate_id
            yield page

    def _may_act(self, counts: Counts, unknown: int) -> None:
        if unknown or not counts.register:
            raise NotWhollyReadError(counts)
        if counts.orphans > max(1, self._most_missing * counts.library):
            raise TooManyMissingError(counts)

    async def _act(self, order: ReconciliationOrder, comparison: Comparison) -> int:
        acted = 0
        for start in range(0, len(comparison.orphans), _SOME):
            some = comparison.orphans[start : start + _SOME]
            acted += await self._database.write(lambda tx, some=some: self._gone(tx, some, order, comparison))  # type: ignore[misc]
        return acted

    def _gone(self, tx: Connection, identifiers: list[str], order: ReconciliationOrder, comparison: Comparison) -> int:
        now = self._clock()
        changes = []
        for identifier in sorted(identifiers):
            version = library.find_version(tx, identifier, for_update=True)
            if version is None or not version.is_current() or not comparison.misses(version, now):
                continue  # somebody was quicker
            check_guards(tx, self._vault, versions=[version])
            changed = record_gone(tx, self._vault, version, order.issued.type, now=now, origin=order.origin)
            if changed is not None:
                changes.append(changed)
        told(tx, changes, now=now)
        return len(changes)

    def _record(self, tx: Connection, order: ReconciliationOrder, counts: Counts) -> None:
        detail = {
            "type": order.issued.type.code,
            "issuer": order.issuer.code,
            "origin": order.origin,
            "counts": asdict(counts),
        }
        append(tx, [seal(Draft(kind="collection.reconciled", detail=detail, key=self._log_key), now=self._clock())])
