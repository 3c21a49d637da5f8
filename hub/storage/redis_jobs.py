"""The jobs port over several processes: a Redis stream carries ids to whichever worker is free.

The outbox table stays the truth. An id that Redis lost is found by the next sweep; one that came twice, late or from
nowhere finds no row to take. So nothing here needs Redis to keep anything, and a flush costs seconds, no job.
"""

import asyncio
import socket
from typing import Any, Final

import structlog
from redis.exceptions import ResponseError

from hub.clock import new_id
from hub.storage.errors import UnavailableError
from hub.storage.jobs import LEASE, PAGE, SWEEP_SECONDS, MemoryJobs
from hub.storage.redis_link import PAUSE_SECONDS, RedisLink

WAIT_SECONDS: Final = 2.0
"""How long a read waits inside Redis; its link must be opened with more patience than this."""
LISTENING_SECONDS: Final = WAIT_SECONDS + 2
_GROUP: Final = "workers"
_MAX_ENTRIES: Final = 10_000
"""A bound on what a stream without workers takes; the sweep finds what was cut off."""
_FORGET_CONSUMER_MS: Final = 3_600_000
_LEASE_MS: Final = int(LEASE.total_seconds() * 1000)
_log = structlog.get_logger(__name__)


class RedisJobs:
    """A worker of this process that also hears of jobs enqueued in others."""

    def __init__(self, link: RedisLink, *, listening: RedisLink, worker: MemoryJobs) -> None:
        """`listening` is a link of its own: its reads wait, and would hold up what is asked meanwhile."""
        self._link = link
        self._listening = listening
        self._worker = worker
        self._stream = link.key("jobs", "stream")
        self._name = f"{socket.gethostname()}:{new_id()}"
        self._ears: asyncio.Task[None] | None = None

    async def nudge(self, *job_ids: str) -> None:
        try:
            # More than a page is found as soon by the sweep that an empty id asks for.
            await self._link.ask(lambda: self._add(job_ids if 0 < len(job_ids) <= PAGE else ("",)))
        except UnavailableError:
            await self._worker.nudge()  # at least this process looks at once

    async def sweep(self) -> int:
        return await self._worker.sweep()

    async def serve(self, *, every_seconds: float = SWEEP_SECONDS) -> None:
        self._ears = asyncio.create_task(self._listen())
        try:
            await self._worker.serve(every_seconds=every_seconds)
        finally:
            while not self._ears.done():  # the driver may swallow one cancellation and wait on
                self._ears.cancel()
                await asyncio.wait({self._ears}, timeout=0.1)

    def stop(self) -> None:
        if self._ears is not None:
            self._ears.cancel()
        self._worker.stop()

    async def close(self) -> None:
        await self._listening.close()

    async def _listen(self) -> None:
        tidied = -_LEASE_MS / 1000
        while True:
            now = asyncio.get_running_loop().time()
            try:
                if now - tidied >= LEASE.total_seconds():
                    tidied = now
                    await self._take(await self._listening.ask(self._left_by_the_dead))
                await self._take(await self._listening.ask(self._new))
            except UnavailableError:  # the link has said so
                await asyncio.sleep(PAUSE_SECONDS)
            except Exception as error:  # noqa: BLE001  # whatever a stranger wrote there: sweeps go on, and so does this
                _log.warning("jobs_stream_failed", error=type(error).__name__)
                await asyncio.sleep(PAUSE_SECONDS)

    async def _take(self, entries: list[tuple[bytes, dict[bytes, bytes]]]) -> None:
        for entry, fields in entries:
            job_id = fields.get(b"id", b"").decode(errors="replace")
            if job_id:
                await self._worker.start(lambda entry=entry, job_id=job_id: self._run(entry, job_id))  # type: ignore[misc]
            else:
                await self._worker.nudge()
                await self._listening.ask(lambda entry=entry: self._done(entry))  # type: ignore[misc]

    async def _run(self, entry: bytes, job_id: str) -> None:
        await self._worker.run_unless_stopped(job_id)
        await self._link.ask(lambda: self._done(entry))

    async def _add(self, job_ids: tuple[str, ...]) -> None:
        async with self._link.client.pipeline(transaction=False) as pipe:
            for job_id in job_ids:
                pipe.xadd(self._stream, {"id": job_id}, maxlen=_MAX_ENTRIES, approximate=True)
            await pipe.execute()

    async def _done(self, entry: bytes) -> None:
        # Deleted as well: an acknowledged entry stays in the stream.
        async with self._link.client.pipeline(transaction=False) as pipe:
            pipe.xack(self._stream, _GROUP, entry)
            pipe.xdel(self._stream, entry)
            await pipe.execute()

    async def _new(self) -> list[tuple[bytes, dict[bytes, bytes]]]:
        """Entries that nobody has; one at a time, so that a worker takes no more than it can begin."""
        try:
            found = await self._listening.client.xreadgroup(
                _GROUP, self._name, {self._stream: ">"}, count=1, block=int(WAIT_SECONDS * 1000)
            )
        except ResponseError as error:
            if not str(error).startswith(("NOGROUP", "UNBLOCKED")):
                raise
            await self._make_group()
            return []
        return [entry for _, entries in _streams(found) for entry in entries if entry[1]]

    async def _left_by_the_dead(self) -> list[tuple[bytes, dict[bytes, bytes]]]:
        """Entries in the hands of workers that have not been heard of for a lease; forget workers that never come."""
        client = self._listening.client
        await self._make_group()
        claimed = await client.xautoclaim(self._stream, _GROUP, self._name, min_idle_time=_LEASE_MS, count=100)
        for consumer in await client.xinfo_consumers(self._stream, _GROUP):
            if consumer["pending"] == 0 and consumer["idle"] > _FORGET_CONSUMER_MS:
                await client.xgroup_delconsumer(self._stream, _GROUP, consumer["name"])
        return [entry for entry in claimed[1] if entry[1]]

    async def _make_group(self) -> None:
        """From the first entry, so that one added before is not passed over."""
        try:
            await self._listening.client.xgroup_create(self._stream, _GROUP, id="0", mkstream=True)
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise
            return
        await self._worker.nudge()  # the stream is new: what an older one held may be lost


def _streams(found: Any) -> list[tuple[bytes, list[tuple[bytes, dict[bytes, bytes]]]]]:
    """The answer of a read, in either of the protocol's forms."""
    return list(found.items()) if isinstance(found, dict) else list(found or [])
