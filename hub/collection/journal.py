"""A file of JSON lines about rows that survives a crash: what was half written goes, what was written stays once."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from hub.collection.errors import ReportError

_MODE: Final = 0o600  # the lines hold personal data


@contextmanager
def refusals_of(path: Path) -> Iterator[None]:
    """Turn what the operating system refuses (disk full, no right) into a ReportError that names the place."""
    try:
        yield
    except OSError as error:
        raise ReportError(f"{path}: {error.strerror}") from error


class Journal:
    """Appends one entry per (file, row), however often it is offered; entries come and stay in any order.

    Memory: one bit per row number. One writer at a time.
    """

    def __init__(self, path: Path) -> None:
        """Open or create. Raises: ReportError: `damaged` before its last line, or the operating system refuses."""
        self._path = path
        self._seen: dict[str, bytearray] = {}
        with refusals_of(path):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, _MODE)
            os.fchmod(descriptor, _MODE)
            self._file = os.fdopen(descriptor, "r+b")
            _sync_folder(path.parent)
        try:
            self._recover()
        except BaseException:
            self._file.close()
            raise

    def append(self, entry: dict[str, Any]) -> bool:
        """Add an entry with its `file` and `row`; False where that row already has one. Durable after `sync`."""
        if not self._mark(entry["file"], entry["row"]):
            return False
        with refusals_of(self._path):
            self._file.write(json.dumps(entry, ensure_ascii=False).encode() + b"\n")
        return True

    def sync(self) -> None:
        """Make everything appended so far survive a power cut."""
        with refusals_of(self._path):
            self._file.flush()
            os.fsync(self._file.fileno())

    def entries(self) -> Iterator[dict[str, Any]]:
        """Read everything appended so far, in the order of writing."""
        self._file.flush()
        with self._path.open("rb") as file:
            for line in file:
                yield json.loads(line)

    def close(self) -> None:
        """Sync and close."""
        try:
            self.sync()
        finally:
            with refusals_of(self._path):
                self._file.close()

    def _mark(self, file: str, row: int) -> bool:
        seen = self._seen.setdefault(file, bytearray())
        place, bit = row >> 3, 1 << (row & 7)
        if place >= len(seen):
            seen.extend(bytes(place + 1 - len(seen) + len(seen) // 8))
        if seen[place] & bit:
            return False
        seen[place] |= bit
        return True

    def _recover(self) -> None:
        whole_bytes = 0
        for line in self._file:
            if not line.endswith(b"\n"):
                break
            try:
                entry = json.loads(line)
                self._mark(entry["file"], entry["row"])
            except (ValueError, KeyError, TypeError) as error:
                raise ReportError(f"{self._path}: damaged at byte {whole_bytes}") from error
            whole_bytes += len(line)
        self._file.truncate(whole_bytes)
        self._file.seek(0, os.SEEK_END)


def _sync_folder(folder: Path) -> None:
    """A file synced in a folder that is not can be gone after a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
