"""Where files lie. A place sees versions of files and hands out their bytes; it knows nothing of rows."""

import asyncio
import fnmatch
import os
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final, Protocol, TypeVar

from adapters.errors import DefinitionFaultError, DeniedError, UnreachableError
from adapters.port import Budget

_T = TypeVar("_T")
MAX_FILE_BYTES: Final = 8 * 2**30
MAX_NAMES: Final = 100_000


@dataclass(frozen=True, slots=True)
class Sighting:
    """One version of a file. `version` changes whenever its bytes may have."""

    name: str
    version: str
    size: int
    modified: datetime


class Place(Protocol):
    """A folder somewhere. Of one event loop."""

    async def look(self, budget: Budget) -> list[Sighting]:
        """The files that match, as they are now. Raises: SourceError."""
        ...

    async def take(self, sighting: Sighting) -> BinaryIO:
        """The bytes of this version, closed by the caller. Raises: SourceError; UnreachableError when it is gone."""
        ...

    async def unchanged(self, sighting: Sighting, stream: BinaryIO) -> bool:
        """Whether all that was read from `stream` is this one version. Asked after the last byte."""
        ...

    async def close(self) -> None:
        """Give connections back."""
        ...


def check_glob(glob: str) -> None:
    """A pattern of names in one folder. Raises: DefinitionFaultError(`/glob`, "one_folder")."""
    if "/" in glob or "\\" in glob or "\0" in glob or glob in {".", ".."}:
        raise DefinitionFaultError("/glob", "one_folder")


def matches(name: str, glob: str) -> bool:
    """Whether a file's name matches; hidden files never do: editors and transfers write there."""
    return not name.startswith(".") and fnmatch.fnmatchcase(name, glob)


class LocalFolder:
    """A folder of this machine, without links. Links that lead out of it are not there, nor is what is no file."""

    def __init__(self, folder: Path, glob: str) -> None:
        self._folder = folder
        self._glob = glob
        # A mount that hangs takes this source's threads, nobody else's.
        self._threads = ThreadPoolExecutor(2, "files")

    async def look(self, budget: Budget) -> list[Sighting]:
        """The files that match."""
        del budget
        return await self._call(self._look)

    async def take(self, sighting: Sighting) -> BinaryIO:
        """The open file."""
        return await self._call(lambda: self._take(sighting))

    async def unchanged(self, sighting: Sighting, stream: BinaryIO) -> bool:
        """Whether the file that was read was not written to meanwhile; one that was renamed over is still whole."""
        return await self._call(lambda: _content(os.fstat(stream.fileno())) == sighting.version.rpartition("-")[0])

    async def close(self) -> None:
        """Nothing waits for a hanging mount."""
        self._threads.shutdown(wait=False)

    async def _call(self, call: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    def _look(self) -> list[Sighting]:
        try:
            if self._folder.resolve(strict=True) != self._folder:
                raise UnreachableError("refused")
            names = [entry.name for entry in os.scandir(self._folder) if matches(entry.name, self._glob)]
        except PermissionError:
            raise DeniedError from None
        except OSError:
            raise UnreachableError("refused") from None
        found = (self._sighting(name) for name in sorted(names)[:MAX_NAMES])
        return [sighting for sighting in found if sighting is not None]

    def _sighting(self, name: str) -> Sighting | None:
        try:
            path = self._inside(name)
            seen = path.stat()
        except OSError:
            return None
        if not stat.S_ISREG(seen.st_mode) or seen.st_size > MAX_FILE_BYTES:
            return None
        modified = datetime.fromtimestamp(seen.st_mtime, UTC)
        return Sighting(name, f"{_content(seen)}-{seen.st_ctime_ns}", seen.st_size, modified)

    def _inside(self, name: str) -> Path:
        path = (self._folder / name).resolve(strict=True)
        if not path.is_relative_to(self._folder):
            raise FileNotFoundError
        return path

    def _take(self, sighting: Sighting) -> BinaryIO:
        try:
            # Not blocking: what was a file a moment ago may be a pipe now.
            descriptor = os.open(
                self._inside(sighting.name), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            )
        except PermissionError:
            raise DeniedError from None
        except OSError:
            raise UnreachableError("refused") from None
        stream = os.fdopen(descriptor, "rb")
        # Between the look at the path and its opening a folder may have become a link.
        if _content(os.fstat(descriptor)) != sighting.version.rpartition("-")[0]:
            stream.close()
            raise UnreachableError("busy")
        return stream


def _content(seen: os.stat_result) -> str:
    return f"{seen.st_size}-{seen.st_mtime_ns}-{seen.st_ino}-{seen.st_dev}"
