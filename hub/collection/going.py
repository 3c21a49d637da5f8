"""A collection on its way: batches of rows, each committed with the progress that it makes.

Large registers go through a workshop: several batches are mapped, drafted and signed at once, but their intents are
committed in the order of their rows, so that progress is one number and a killed run goes on there.
"""

import asyncio
import functools
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Final, Protocol

from sqlalchemy import Connection

from catalog.store import Department
from hub.clock import BEIJING, Clock
from hub.collection import runs
from hub.collection.mapping import Mapped
from hub.collection.reading.rows import RawRow
from hub.collection.reading.rows_read import Row
from hub.collection.reasons import Rejection
from hub.collection.report import Report, Totals
from hub.collection.statistics import Statistics
from hub.collection.turns import Turn, TurnOverError
from hub.collection.weighing import weighed
from hub.collection.workshop import Workshop
from hub.collection.workshop_bench import BenchOrder, Fitting
from hub.issuing.drafts import Drafts, Intended
from hub.issuing.plan import Decision, Effect, Ending, Hashed, Keyed, Weighed
from hub.issuing.service import IssuingService
from hub.issuing.types.registry import TypeInForce
from hub.storage.crash import crash_at
from hub.storage.database import Database
from hub.storage.vault import Vault

BATCH: Final = 100
"""Rows a transaction. SQLite has one writer: a larger batch would keep a serving hub waiting longer."""
BULK: Final = {"sqlite": 250, "postgresql": 500}
"""The same, where rows come to the transaction ready to be written."""
BREATH_SECONDS: Final = 0.002
"""Between two batches, so that whoever waits for the writer's place gets it."""


@dataclass(frozen=True, slots=True)
class _Good:
    """A row that fits its type, and which claims had to be repaired."""

    row: Row
    item: Weighed
    normalised: tuple[str, ...]


_Outcome = _Good | Rejection


class Observer(Protocol):
    """Somebody whose own records must say the same as the run, whenever it is killed."""

    turn: Turn
    """When to give way."""

    def advanced(self, tx: Connection, totals: Totals, done_bytes: int) -> None:
        """Rows were committed, in this transaction; may run again."""
        ...

    async def reported(self, report: Path) -> None:
        """The report in this folder is whole; the run is not over yet. May run again."""
        ...

    def ended(self, tx: Connection, totals: Totals) -> None:
        """The run is over, in this transaction; may run again."""
        ...


class Going:
    """One run. `totals` is what is committed."""

    def __init__(
        self,
        database: Database,
        *,
        issuing: IssuingService,
        vault: Vault,
        clock: Clock,
        issued: TypeInForce,
        issuer: Department,
        conflicts: frozenset[bytes],
        run: runs.Run,
        report: Report,
        observer: Observer | None,
        origin: str,
    ) -> None:
        self._database = database
        self._issuing = issuing
        self._vault = vault
        self._clock = clock
        self.issued = issued
        self.issuer = issuer
        self._conflicts = conflicts
        self._run = run
        self._report = report
        self._observer = observer
        self._origin = origin
        self._statistics = Statistics(database)
        self.totals = run.totals

    async def one_by_one(self, rows: Iterator[Row]) -> None:
        """One batch after the other, in this process. Raises: TurnOverError."""
        while batch := await asyncio.to_thread(lambda: list(islice(rows, BATCH))):
            await self.batch(batch)

    async def batch(self, batch: list[Row]) -> None:
        """These rows, in this process; they go on where the last ones ended. Raises: TurnOverError, before them."""
        self._give_way()
        outcomes = await asyncio.to_thread(self._mapped, batch)
        await self._complete(await self._intended(batch, outcomes))

    async def at_once(self, rows: Iterator[Row], bench: BenchOrder, processes: int, size: int = 0) -> None:
        """Several batches of so many rows at once, one more than there are processes. Raises: TurnOverError."""
        size = size or BULK[self._database.dialect]
        under_way: deque[asyncio.Task[None]] = deque()
        before = asyncio.Event()
        before.set()
        async with Workshop(bench, processes=processes) as workshop:
            try:
                while (batch := await asyncio.to_thread(lambda: list(islice(rows, size)))) and not self._over:
                    mine = asyncio.Event()
                    under_way.append(asyncio.create_task(self._through(batch, workshop, before, mine)))
                    before = mine
                    if len(under_way) > processes:
                        await under_way.popleft()
                while under_way:
                    await under_way.popleft()
                if batch:
                    self._give_way()
            finally:
                for task in under_way:
                    task.cancel()
                for task in under_way:
                    with suppress(asyncio.CancelledError, Exception):  # the first error is told; these follow from it
                        await task

    async def _through(self, batch: list[Row], workshop: Workshop, before: asyncio.Event, mine: asyncio.Event) -> None:
        bench, today = workshop.batch(), self._today()
        found = await bench.map([(row.raw, row.as_of) for row in batch], today)
        outcomes = [
            item if isinstance(item, Rejection) else self._good(row, item, today)
            for row, item in zip(batch, found, strict=True)
        ]
        fitting = [item.item for item in outcomes if isinstance(item, _Good)]
        kept = [place for place, item in enumerate(fitting) if item.record_hash not in self._conflicts]
        ahead = await self._issuing.look_ahead(
            [fitting[place] for place in kept], issued=self.issued, issuer=self.issuer, origin=self._origin
        )
        await bench.draft(ahead, kept)
        await before.wait()
        intended = await self._intended(batch, outcomes, drafts=bench)
        mine.set()
        if intended.ready is None:
            await bench.drop()
        await self._complete(intended)

    def _good(self, row: Row, found: Fitting, today: date) -> _Good:
        """A row that another process mapped. What it says is read again where it is not drafted there."""
        if isinstance(found.item, Ending):
            return _Good(row, found.item, found.normalised)
        again = functools.partial(self._again, row, today)
        reissue = self.issued.type.register_driven.reissue
        item = Hashed(*found.item, row.as_of, reissue, again)
        return _Good(row, item, found.normalised)

    def _again(self, row: Row, today: date) -> Keyed:
        mapped = row.mapper.apply(row.raw)
        assert isinstance(mapped, Mapped)  # noqa: S101  # the same row under the same mapping
        item = self._weighed(mapped, row, today)
        assert isinstance(item, Keyed)  # noqa: S101  # it stood a moment ago
        return item

    @property
    def _over(self) -> bool:
        return self._observer is not None and self._observer.turn.over

    def _give_way(self) -> None:
        if self._over:
            raise TurnOverError

    async def _complete(self, intended: Intended) -> None:
        await self._issuing.complete(intended)
        crash_at("collect.batch_committed")
        await self._statistics.written(sum(item.effect is Effect.ISSUED for item in intended.decisions))
        await asyncio.sleep(BREATH_SECONDS)

    def _mapped(self, batch: Sequence[Row]) -> list[_Outcome]:
        today = self._today()
        outcomes: list[_Outcome] = []
        for row in batch:
            mapped = row.mapper.apply(row.raw)
            if isinstance(mapped, Mapped):
                outcomes.append(_Good(row, self._weighed(mapped, row, today), mapped.normalised))
            else:
                outcomes.append(mapped)
        return outcomes

    def _weighed(self, mapped: Mapped, row: Row, today: date) -> Keyed | Ending:
        return weighed(mapped, self.issued.type, self.issuer.code, self._vault, as_of=row.as_of, today=today)

    async def _intended(
        self, batch: Sequence[Row], outcomes: Sequence[_Outcome], *, drafts: Drafts | None = None
    ) -> Intended:
        good = self._sorted_out(batch, outcomes)
        rejected = len(batch) - len(good)
        before = after = self.totals

        def progress(tx: Connection, decisions: Sequence[Decision]) -> None:
            nonlocal after
            after = before + Totals(rejected=rejected) + self._told(good, decisions)
            self._report.sync()  # a committed row must not be missing from the report
            first, last = batch[0].number, batch[-1].number
            runs.advance(tx, self._run.id, first_row=first, next_row=last + 1, totals=after, now=self._clock())
            if self._observer is not None:
                self._observer.advanced(tx, after, batch[-1].position)
                self._observer.turn.look(tx, self._clock())

        intended = await self._issuing.intend(
            [item.item for item in good],
            issued=self.issued,
            issuer=self.issuer,
            alongside=progress,
            origin=self._origin,
            drafts=drafts,
        )
        self.totals = after
        return intended

    def _sorted_out(self, batch: Sequence[Row], outcomes: Sequence[_Outcome]) -> list[_Good]:
        """Those that go on; the others are in the report."""
        good: list[_Good] = []
        for row, outcome in zip(batch, outcomes, strict=True):
            if isinstance(outcome, _Good) and outcome.item.record_hash not in self._conflicts:
                good.append(outcome)
                continue
            why = Rejection.of_row("conflicting_rows") if isinstance(outcome, _Good) else outcome
            self._report.reject(row.raw, why, file=row.file)
        return good

    def _told(self, good: Sequence[_Good], decisions: Sequence[Decision]) -> Totals:
        counts: Counter[str] = Counter()
        for item, decision in zip(good, decisions, strict=True):
            row = item.row
            counts[_COUNTED[decision.effect]] += 1
            if decision.effect is Effect.REFUSED:
                self._report.reject(row.raw, Rejection.of_row(decision.reason or "row_failed"), file=row.file)
            elif item.normalised:
                counts["normalised"] += 1
                if isinstance(row.raw, RawRow):
                    self._report.normalise(row.raw, item.normalised, file=row.file)
        return Totals(**counts)

    def _today(self) -> date:
        return self._clock().astimezone(BEIJING).date()


_COUNTED: Final = {
    Effect.ISSUED: "issued",
    Effect.UPDATED: "updated",
    Effect.ENDED: "ended",
    Effect.UNCHANGED: "unchanged",
    Effect.REFUSED: "rejected",
}
