"""Sessions of one source: a bounded number, each used by one thread at a time, stopped when nobody waits any more."""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeVar

from adapters.egress import Egress
from adapters.errors import SourceError, TimedOutError, UnreachableError
from adapters.lifetime import Lifetime
from adapters.port import Budget
from adapters.sql_session import Dialect, Progress, Session

_T = TypeVar("_T")
Work = Callable[[Session, Progress], _T]
IDLE_SECONDS: Final = 30.0
_CANCEL_SECONDS: Final = 2.0
_GRACE_SECONDS: Final = 1.0
_CLOSE_SECONDS: Final = 10.0


@dataclass(slots=True, eq=False)
class _Held:
    session: Session
    born: float
    used: float


@dataclass(slots=True, eq=False)
class _Lease:
    """One of the pool's slots. An abandoned one is given back when its thread has ended, not before."""

    abandoned: bool = False


class SessionPool:
    """Runs work on sessions. A session that failed, or is older than `max_age_seconds`, is not used again.

    One that was idle is asked for nothing first; one that dies under a question all the same is replaced once, for a
    question here only reads.
    """

    def __init__(self, dialect: Dialect, egress: Egress, *, size: int, max_age_seconds: float) -> None:
        self._dialect = dialect
        self._egress = egress
        self._max_age_seconds = max_age_seconds
        self._idle: deque[_Held] = deque()
        self._slots = asyncio.Semaphore(size)
        # Stopping a question must not wait for a thread that is itself waiting.
        self._threads = ThreadPoolExecutor(size, "sql")
        self._stoppers = ThreadPoolExecutor(size, "sql-stop")
        self._lifetime = Lifetime()
        self._size = size
        self._clearing: set[asyncio.Task[None]] = set()

    async def run(self, work: Work[_T], budget: Budget) -> _T:
        """Run `work` in a thread with a session of its own. Raises: SourceError."""
        async with self._lifetime.question(budget.total_seconds):
            return await self._run(work, budget)

    async def close(self) -> None:
        """Stop every question at its server and give every session back."""
        if self._lifetime.closed:
            return
        self._lifetime.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                # Whoever holds a slot holds a thread.
                for _ in range(self._size):
                    await self._slots.acquire()
        await asyncio.gather(*(self._drop(held.session) for held in self._idle))
        self._idle.clear()
        self._threads.shutdown(wait=False)
        self._stoppers.shutdown(wait=False)
        self._dialect.close()

    async def _run(self, work: Work[_T], budget: Budget) -> _T:
        deadline = _now() + budget.total_seconds
        try:
            # With less than half of its time left a question is not worth beginning.
            async with asyncio.timeout(budget.total_seconds / 2):
                await self._slots.acquire()
        except TimeoutError:
            raise UnreachableError("busy") from None
        lease = _Lease()
        try:
            return await self._attempts(work, budget, deadline, lease)
        finally:
            if not lease.abandoned:
                self._slots.release()

    async def _attempts(self, work: Work[_T], budget: Budget, deadline: float, lease: _Lease) -> _T:
        held = await self._reused(lease)
        if held is not None:
            try:
                return await self._work(held, work, budget, deadline, lease)
            except UnreachableError as error:
                if error.reason != "closed":
                    raise
        return await self._work(await self._connected(budget, deadline, lease), work, budget, deadline, lease)

    async def _reused(self, lease: _Lease) -> _Held | None:
        """A session that is still good, the one used last first."""
        while self._idle:
            held = self._idle.pop()
            if _now() - held.born > self._max_age_seconds:
                await self._drop(held.session)
            elif _now() - held.used < IDLE_SECONDS or await self._answers(held.session, lease):
                return held
        return None

    async def _answers(self, session: Session, lease: _Lease) -> bool:
        ping = self._submit(partial(session.ping, _GRACE_SECONDS))
        try:
            await asyncio.wait({ping}, timeout=_GRACE_SECONDS)
        except asyncio.CancelledError:
            self._abandon(session, ping, lease)
            raise
        if ping.done() and ping.exception() is None:
            return True
        session.abort()
        await asyncio.wait({ping})
        await self._drop(session)
        return False

    async def _connected(self, budget: Budget, deadline: float, lease: _Lease) -> _Held:
        seconds = min(budget.connect_seconds, deadline - _now())
        until = _now() + seconds
        opening = self._dialect.opening()
        try:
            async with asyncio.timeout_at(until):
                host = self._dialect.host
                addresses = await self._egress.resolve(*host) if host else [""]
        except TimeoutError:
            raise TimedOutError("connect") from None
        fault: SourceError = UnreachableError("refused")
        for address in addresses:
            future = self._submit(partial(self._dialect.connect, opening, address, seconds))
            try:
                await asyncio.wait({future}, timeout=until - _now())
            except asyncio.CancelledError:
                self._abandon(None, future, lease)
                raise
            if not future.done():
                self._abandon(None, future, lease)
                raise TimedOutError("connect")
            if (error := future.exception()) is None:
                return _Held(future.result(), _now(), _now())
            fault = self._fault(error)
        raise fault

    async def _work(self, held: _Held, work: Work[_T], budget: Budget, deadline: float, lease: _Lease) -> _T:
        seconds = max(deadline - _now(), 0.001)
        progress = Progress(seconds, budget.max_bytes)
        future = self._submit(lambda: work(held.session, progress))
        try:
            await asyncio.wait({future}, timeout=min(budget.read_seconds, seconds))
            if not future.done() and progress.answering:
                await asyncio.wait({future}, timeout=deadline - _now())
        except asyncio.CancelledError:
            self._abandon(held.session, future, lease)
            raise
        if not future.done():
            self._abandon(held.session, future, lease)
            raise TimedOutError("total" if progress.answering else "read")
        if (error := future.exception()) is not None:
            await self._drop(held.session)
            raise self._fault(error)
        held.used = _now()
        self._idle.append(held)
        return future.result()

    def _submit(self, call: Callable[[], _T]) -> asyncio.Future[_T]:
        return asyncio.get_running_loop().run_in_executor(self._threads, call)

    def _fault(self, error: BaseException) -> SourceError:
        # A new exception, not a chained one: the driver's holds passwords and values.
        if isinstance(error, SourceError):
            return error
        return self._dialect.fault(error) if isinstance(error, Exception) else UnreachableError("closed")

    def _abandon(self, session: Session | None, future: asyncio.Future[Any], lease: _Lease) -> None:
        lease.abandoned = True
        task = asyncio.create_task(self._clear(session, future))
        self._clearing.add(task)
        task.add_done_callback(self._clearing.discard)

    async def _clear(self, session: Session | None, future: asyncio.Future[Any]) -> None:
        """Stop at the server, then cut; the slot is free when the thread is."""
        if session is not None:
            stop = asyncio.get_running_loop().run_in_executor(self._stoppers, session.cancel)
            await asyncio.wait({stop}, timeout=_CANCEL_SECONDS)
            await asyncio.wait({future}, timeout=_GRACE_SECONDS)
            session.abort()
        await asyncio.wait({future})
        # Whoever abandons without a session was connecting one.
        if session is None and future.exception() is None:
            session = future.result()
        else:
            future.exception()
        if session is not None:
            await self._drop(session)
        self._slots.release()

    async def _drop(self, session: Session) -> None:
        await self._submit(session.close)


def _now() -> float:
    return asyncio.get_running_loop().time()
