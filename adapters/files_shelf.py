"""Which version of which file answers: the newest whole one, until a newer one is whole and indexed."""

import asyncio
import hashlib
import os
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime
from typing import Any, BinaryIO, Final, TypeVar

from adapters.errors import FaultyAnswerError, SourceError
from adapters.files_index import FileIndex, IndexFolder, Key, build_index
from adapters.files_places import Place, Sighting
from adapters.files_rows import Table
from adapters.port import Budget

_T = TypeVar("_T")
_OLDER_TRIED: Final = 3
_POLL_SECONDS: Final = 0.05
_REMEMBERED: Final = 64
_NEWEST: Final = ""


class Shelf:
    """The indexes of one source.

    A version is taken when it has not changed for `settle_seconds`, reads to its end and is the same afterwards. While
    it is not, and while it is being indexed, the one before goes on answering with its own `as_of`.
    """

    def __init__(
        self,
        place: Place,
        folder: IndexFolder,
        read: Callable[[BinaryIO], Table],
        *,
        clock: Callable[[], datetime],
        every: bool,
        settle_seconds: float,
        check_seconds: float,
    ) -> None:
        self._place = place
        self._folder = folder
        self._read = read
        self._clock = clock
        self._every = every
        self._settle_seconds = settle_seconds
        self._check_seconds = check_seconds
        self._keys: frozenset[Key] = frozenset()
        self._served: dict[str, tuple[Sighting, FileIndex]] = {}
        self._builds: dict[str, asyncio.Task[None]] = {}
        self._faults: dict[tuple[str, frozenset[Key]], SourceError] = {}
        self._first_seen: dict[str, tuple[str, float]] = {}
        self._looked = float("-inf")
        self._stopped = False
        self._builder = ThreadPoolExecutor(1, "files-index")
        self._reader = ThreadPoolExecutor(1, "files-read")

    def want(self, key: Key) -> None:
        """A key that will be asked for."""
        self._keys |= {key}

    async def ask(self, budget: Budget, question: Callable[[FileIndex], _T]) -> list[tuple[FileIndex, _T]]:
        """Ask each file's index. Raises: SourceError."""
        await self._refresh(budget)
        serving = self.serving

        def answer() -> list[tuple[FileIndex, _T]]:
            # In the thread that also closes indexes, which takes its turn after this one.
            return [(index, question(index)) for index in serving]

        return await asyncio.get_running_loop().run_in_executor(self._reader, answer)

    @property
    def serving(self) -> list[FileIndex]:
        """What answers now."""
        return [index for _, index in self._served.values()]

    async def close(self) -> None:
        """Stop indexing and remove private indexes."""
        self._stopped = True
        await self._place.close()
        await asyncio.gather(*self._builds.values(), return_exceptions=True)
        await asyncio.get_running_loop().run_in_executor(self._reader, self._close)
        self._builder.shutdown(wait=False)
        self._reader.shutdown(wait=False)

    def _close(self) -> None:
        for _, index in self._served.values():
            index.close()
        self._served.clear()
        self._folder.close()

    async def _refresh(self, budget: Budget) -> None:
        """See what is there, and wait only when nothing could answer meanwhile."""
        while True:
            if _now() - self._looked < self._check_seconds and self._served and self._covered():
                return
            sightings = await self._place.look(budget)
            self._looked = _now()
            wanted = self._wanted(sightings)
            await self._forget(wanted)
            if not wanted:
                raise FaultyAnswerError("absent")
            builds = [build for slot, seen in wanted.items() if (build := self._obtain(slot, seen)) is not None]
            if not builds:
                return
            await asyncio.wait(builds)
            for build in builds:
                build.result()

    def _covered(self) -> bool:
        return all(self._keys <= set(index.keys) for _, index in self._served.values())

    def _wanted(self, sightings: list[Sighting]) -> dict[str, list[Sighting]]:
        """Candidates by slot, best first."""
        ordered = sorted(sightings, key=lambda seen: (seen.modified, seen.name), reverse=True)
        if self._every:
            return {seen.name: [seen] for seen in ordered}
        return {_NEWEST: ordered[:_OLDER_TRIED]} if ordered else {}

    async def _forget(self, wanted: dict[str, list[Sighting]]) -> None:
        """A file that is gone answers no more."""
        for slot in self._served.keys() - wanted.keys():
            await self._discard(self._served.pop(slot)[1])

    def _obtain(self, slot: str, versions: list[Sighting]) -> "asyncio.Task[None] | None":
        """Set the best version to work; the task to wait for when nothing answers in this slot yet."""
        served = self._served.get(slot)
        usable = served is not None and self._keys <= set(served[1].keys)
        build = self._builds.get(slot)
        if build is None:
            build = self._begin(slot, versions, served[0] if served is not None and usable else None)
        return None if usable else build

    def _begin(self, slot: str, versions: list[Sighting], serving: Sighting | None) -> "asyncio.Task[None] | None":
        faults: list[SourceError] = []
        for seen in versions:
            if serving is not None and _not_after(seen, serving, versions):
                return None
            fault = self._faults.get((digest(seen), self._keys))
            if fault is not None:
                faults.append(fault)
            elif self._settled(seen):
                return self._start(slot, self._take(slot, seen, self._keys))
            elif serving is None and seen is versions[-1]:
                return self._start(slot, _pause())
        if serving is None and faults:
            raise faults[0]
        return None

    def _start(self, slot: str, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.create_task(work)
        self._builds[slot] = task

        def done(ended: "asyncio.Task[None]") -> None:
            del self._builds[slot]
            # Retrieved, for nobody may be waiting for this version.
            if not ended.cancelled():
                ended.exception()

        task.add_done_callback(done)
        return task

    def _settled(self, seen: Sighting) -> bool:
        version, first = self._first_seen.get(seen.name, ("", 0.0))
        if version != seen.version:
            if len(self._first_seen) > _REMEMBERED:
                self._first_seen.clear()
            self._first_seen[seen.name] = (seen.version, first := _now())
        # The other machine's clock may be wrong: then only what we see ourselves counts.
        age = (self._clock() - seen.modified).total_seconds()
        return age >= self._settle_seconds or _now() - first >= self._settle_seconds

    async def _take(self, slot: str, seen: Sighting, keys: frozenset[Key]) -> None:
        """Index a version and let it answer; what is wrong with it is remembered until it changes."""
        try:
            index = await self._indexed(seen, keys)
        except SourceError as error:
            if not isinstance(error, FaultyAnswerError):
                raise
            if len(self._faults) > _REMEMBERED:
                self._faults.clear()
            self._faults[digest(seen), keys] = error
            return
        if index is None:
            await _pause()
            return
        before = self._served.get(slot)
        self._served[slot] = (seen, index)
        if before is not None:
            await self._discard(before[1])
        served = {digest(version) for version, _ in self._served.values()}
        await asyncio.get_running_loop().run_in_executor(self._builder, self._folder.prune, served, self._clock())

    async def _indexed(self, seen: Sighting, keys: frozenset[Key]) -> FileIndex | None:
        """The index of a version; None when it changed while it was read."""
        loop = asyncio.get_running_loop()
        known = await loop.run_in_executor(self._builder, self._folder.find, digest(seen), keys)
        if known is not None:
            return known
        stream = await self._place.take(seen)
        path = self._folder.unfinished(digest(seen))

        def build() -> None:
            # A reader closes what it reads; the descriptor itself is still needed.
            with os.fdopen(os.dup(stream.fileno()), "rb") as copy:
                build_index(self._read(copy), path, keys=keys, as_of=seen.modified, stopped=lambda: self._stopped)

        with closing(stream):
            await loop.run_in_executor(self._builder, build)
            if not await self._place.unchanged(seen, stream):
                path.unlink()
                return None
        return await loop.run_in_executor(self._builder, self._folder.finish, path)

    async def _discard(self, index: FileIndex) -> None:
        await asyncio.get_running_loop().run_in_executor(self._reader, self._folder.discard, index)


def digest(seen: Sighting) -> str:
    """A version as part of a file name; names of files may be names of persons."""
    return hashlib.sha256(f"{seen.name}\0{seen.version}".encode("utf-8", "surrogatepass")).hexdigest()[:24]


def _not_after(seen: Sighting, serving: Sighting, versions: list[Sighting]) -> bool:
    """Whether a version has no claim to replace the one that is served.

    An older file takes over only when the served one was taken away, not when its next version is faulty.
    """
    if seen.name == serving.name:
        return seen.version == serving.version
    return seen.modified < serving.modified and serving.name in {version.name for version in versions}


async def _pause() -> None:
    await asyncio.sleep(_POLL_SECONDS)


def _now() -> float:
    return asyncio.get_running_loop().time()
