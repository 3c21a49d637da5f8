"""Memory while a million rows are collected on all cores: all processes of the hub, the second half beside the first.

A collection that kept its rows would hold a gigabyte more at the end than in the middle. PostgreSQL's own memory is not
counted. `python -m benchmarks memory` takes some seven minutes on two cores; `--quick` collects a tenth.
"""

import asyncio
import os
import tempfile
import threading
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from benchmarks.collection import _AllCores
from benchmarks.pull import DIALECTS
from benchmarks.rounds import Effort, Line, Spread
from benchmarks.town import place_for
from tests.support import make_template

ROWS: Final = 1_000_000
_EVERY_SECONDS: Final = 0.5
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_DIALECT: Final = list(DIALECTS)[-1]


def run(effort: Effort) -> list[Line]:
    """The line of the table."""
    with tempfile.TemporaryDirectory() as folder, place_for(_DIALECT, Path(folder) / "founded") as founded:
        asyncio.run(make_template(founded))
        collection = _Million(_DIALECT, founded, Path(folder), effort)
        with Watched() as watched:
            speed = collection.collect()
    middle = len(watched.megabytes) // 2
    begun = len(watched.megabytes) // 10  # while processes start, memory grows as it must
    first, second = Spread.of(watched.megabytes[begun:middle]), Spread.of(watched.megabytes[middle:])
    ratio = second.high / first.high
    return [
        Line(
            f"memory, {collection.count:,} rows collected, {DIALECTS[_DIALECT]}", "MB", second,
            f"first half {first.middle:,.0f} MB, at most {first.high:,.0f}", Spread(ratio, ratio, ratio),
            aim=1.1, at_most=True, note=f"all processes of the hub; {speed:,.0f} rows/s",
        )
    ]  # fmt: skip


class _Million(_AllCores):
    rows = ROWS

    @property
    def count(self) -> int:
        """Rows of its register."""
        return self._rows


class Watched:
    """Resident memory of this process and its children, twice a second, while it is open."""

    def __init__(self) -> None:
        self.megabytes: list[float] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(_EVERY_SECONDS):
            self.megabytes.append(sum(_resident(process) for process in (os.getpid(), *_children())) / 1e6)


def _children() -> list[int]:
    tasks = Path(f"/proc/{os.getpid()}/task")
    return [int(pid) for task in tasks.iterdir() for pid in _read(task / "children").split()]


def _resident(process: int) -> int:
    pages = _read(Path(f"/proc/{process}/statm")).split()
    return int(pages[1]) * _PAGE if pages else 0


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:  # it has ended meanwhile
        return ""
