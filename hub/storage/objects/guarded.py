"""The object store as the hub uses it: with threads of its own, and left alone while it is known to be away (F13).

A store that hangs holds whoever asks it for as long as its time-outs allow. Here that costs threads which do nothing
else, so other work on the process's common threads goes on; and after a few failures in a row nobody asks any more:
callers hear at once that the store is away, and one of them tries again for all, after a pause that doubles.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from time import monotonic
from typing import Final, ParamSpec, TypeVar

import structlog

from adapters.breaker import Breaker, BreakerState
from adapters.errors import UnreachableError
from hub.storage.errors import IntegrityBrokenError, UnavailableError
from hub.storage.objects.folder import ObjectStore

P = ParamSpec("P")
T = TypeVar("T")
THREADS: Final = 16
"""As many as the store has connections. Who comes later waits in a queue, which holds no thread."""
FAILURES: Final = 3
LONGEST_PAUSE_SECONDS: Final = 15.0
_beside: Final = ThreadPoolExecutor(THREADS, thread_name_prefix="objects")
_log = structlog.get_logger(__name__)


async def beside(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a blocking call of the object store on the store's own threads, never on those that all work shares."""
    return await asyncio.get_running_loop().run_in_executor(_beside, partial(call, *args, **kwargs))


class GuardedObjects:
    """A store with a breaker. Safe to use from several threads; bytes that are not what was put are an alarm."""

    def __init__(self, store: ObjectStore, *, now: Callable[[], float] = monotonic) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._breaker = Breaker(now, threshold=FAILURES, longest_pause_seconds=LONGEST_PAUSE_SECONDS)

    @property
    def away(self) -> bool:
        """Whether the store failed so often that it is left alone."""
        return self._breaker.state is not BreakerState.CLOSED

    def put(self, name: str, data: bytes) -> None:
        self._asked(lambda: self._store.put(name, data))

    def get(self, name: str) -> bytes:
        try:
            return self._asked(lambda: self._store.get(name))
        except IntegrityBrokenError:
            _log.error("object_broken", alarm=True, object=name)
            raise

    def delete(self, name: str) -> None:
        self._asked(lambda: self._store.delete(name))

    def names(self, prefix: str) -> list[str]:
        return self._asked(lambda: self._store.names(prefix))

    def _asked(self, question: Callable[[], T]) -> T:
        with self._lock:
            try:
                permit = self._breaker.enter()
            except UnreachableError:
                raise UnavailableError("object store") from None
        settle = self._breaker.succeeded
        try:
            return question()
        except UnavailableError as error:
            settle = self._breaker.failed
            _log.debug("object_store_failed", error=str(error))
            raise
        finally:
            with self._lock:
                before = self._breaker.state
                settle(permit)
                after = self._breaker.state
            if after is not before:
                self._tell(after)

    def _tell(self, state: BreakerState) -> None:
        if state is BreakerState.CLOSED:
            _log.info("objects_are_back")
        else:
            _log.warning("objects_are_away", alarm=True)
