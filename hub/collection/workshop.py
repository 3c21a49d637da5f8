"""The workshop: processes that map, draft and sign beside the one that has the database, so that all cores collect.

A batch stays with one process. Where a step of it fails or a process dies, the run fails, and goes on from its last
commit when it is started again, as after any crash.
"""

import asyncio
import itertools
import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from hub.collection import workshop_bench as bench
from hub.collection.reading.rows import BadRow, RawRow
from hub.collection.reasons import Rejection
from hub.collection.workshop_bench import BenchOrder, Fitting, OpenKeys, Terms
from hub.issuing.drafts import Ahead, Drafted, SignedVersions
from hub.issuing.keys.desk import Certified

T = TypeVar("T")
FROM_BYTES: Final = 4 * 1024 * 1024
"""A smaller register is collected before the processes stand."""


@dataclass(frozen=True, slots=True)
class WorkshopPlan:
    """How many processes, how they open the keys, from which size of a register on they are worth it, and how many rows
    they take at a time; 0: as many as suit the database.
    """

    processes: int
    open_keys: OpenKeys
    from_bytes: int = FROM_BYTES
    batch: int = 0

    def worth(self, size_bytes: int) -> bool:
        """Whether a register of this size gets a workshop."""
        return self.processes > 1 and size_bytes >= self.from_bytes


class Workshop:
    """So many processes. Use it with `async with`; they end with it."""

    def __init__(self, order: BenchOrder, *, processes: int) -> None:
        context = multiprocessing.get_context("spawn")  # a fork would take along locks that other threads hold
        self._pools = [
            ProcessPoolExecutor(1, mp_context=context, initializer=bench.begin, initargs=(order,))
            for _ in range(processes)
        ]
        self._numbers = itertools.count()
        self.processes = processes

    async def __aenter__(self) -> Self:
        try:
            await asyncio.gather(*(_run(pool, bench.ready) for pool in self._pools))
        except BaseException:
            self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self._close)

    def batch(self) -> "WorkshopBatch":
        """The next batch, at the next process."""
        number = next(self._numbers)
        return WorkshopBatch(self._pools[number % self.processes], number)

    def _close(self) -> None:
        for pool in self._pools:
            pool.shutdown(cancel_futures=True)


class WorkshopBatch:
    """One batch on its way. Steps in this order: `mapped`, `drafted`, and as `Drafts` of the issuing service `sign`."""

    def __init__(self, pool: ProcessPoolExecutor, number: int) -> None:
        self._pool = pool
        self._number = number
        self.drafted: Drafted | None = None
        self.kid = ""

    async def map(self, rows: Sequence[tuple[RawRow | BadRow, datetime]], today: date) -> list[Fitting | Rejection]:
        """The hashes of each row, or what is wrong with it."""
        return await _run(self._pool, bench.map_rows, self._number, rows, today)

    async def draft(self, ahead: Ahead, kept: Sequence[int]) -> None:
        """Draft what is new; `kept` are the rows that go on, by their place among those that could be mapped."""
        if not ahead.places:
            await _run(self._pool, bench.forget, self._number)
            return
        desk = ahead.desk
        terms = Terms(desk.issuer_uri, desk.status_base, desk.signing_kid, desk.now, desk.origin)
        self.drafted = await _run(self._pool, bench.draft_rows, self._number, terms, kept, ahead.places, ahead.subjects)
        self.kid = desk.signing_kid

    async def sign(self, places: Sequence[int], certified: Certified) -> SignedVersions:
        """Sign drafts whose intents are committed."""
        header = dict(certified.header)
        return await _run(
            self._pool, bench.sign_rows, self._number, places, certified.name, certified.signer.kid, header
        )

    async def drop(self) -> None:
        """Forget what nobody signs."""
        with suppress(Exception):  # a process that is gone has forgotten
            await _run(self._pool, bench.forget, self._number)


async def _run(pool: ProcessPoolExecutor, step: Callable[..., T], *arguments: Any) -> T:
    return await asyncio.get_running_loop().run_in_executor(pool, step, *arguments)
