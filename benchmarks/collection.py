"""Collecting a register end to end, on one core and on all, beside raw ES256 signing and beside bare writes of them.

An invented register is written on the fly, and every round collects it into a fresh copy of a founded hub: reading,
mapping, keyed hashes, drafting, ledger rows, signing, encryption, storing, report. The bare writes are the inserts and
updates of one such run, recorded and sent to another fresh copy by the raw driver in the same batches and commits: on
PostgreSQL the same bytes by the same COPY.
"""

import asyncio
import csv
import itertools
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final
from unittest.mock import patch

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from benchmarks.drivers import Call, database_of, open_driver
from benchmarks.pull import DIALECTS
from benchmarks.recording import Recording, recorded
from benchmarks.rounds import Effort, Line, Spread, interleave, rate, ratios
from benchmarks.town import copy_of, enterprise, place_for
from hub.collection.service import BATCH, CollectionOrder
from hub.runtime import Hub
from tests.support import AMR, Place, make_template

ROWS: Final = 10_000
LARGE: Final = 100_000
_SCOPE: Final = (
    "食品销售；餐饮服务；日用百货销售；货物进出口；技术服务、技术开发、技术咨询；"
    "依法须经批准的项目，经批准后方可开展经营活动"
)
_Unit = list[Call]
_COPIES: Final = itertools.count()
"""Folders of copies, each its own name."""


def run(effort: Effort) -> list[Line]:
    """The lines of the table."""
    lines = []
    for dialect in DIALECTS:
        with tempfile.TemporaryDirectory() as folder, place_for(dialect, Path(folder) / "founded") as founded:
            asyncio.run(make_template(founded))
            lines += _Comparison(dialect, founded, Path(folder), effort).lines()
            lines += _AllCores(dialect, founded, Path(folder), effort).lines()
    return lines


def write_register(path: Path, rows: int) -> None:
    """A register with the business-licence type's columns, and some it ignores."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(
            (
                "企业名称",
                "统一社会信用代码",
                "注册日期",
                "企业类型",
                "法人代表",
                "注册资金",
                "经营范围",
                "注册地址",
                "电话",
            )
        )
        for number in range(rows):
            party = enterprise(1000 + number)
            date = f"20{number % 25:02d}-{1 + number % 12:02d}-{1 + number % 28:02d}"
            identity = (party["name"], party["id_number"], date, "有限责任公司", "王晨光", f"{number % 900 + 100}万元")
            writer.writerow((*identity, _SCOPE, f"示例市中心区人民路{number}号", "N/A"))


class _Comparison:
    """One database's rounds."""

    rows = ROWS

    def __init__(self, dialect: str, founded: Place, folder: Path, effort: Effort) -> None:
        self._dialect = dialect
        self._name = DIALECTS[dialect]
        self._founded = founded
        self._folder = folder
        self._effort = effort
        self._rows = max(500, int(self.rows * effort.scale))
        self._register = folder / f"register-{self._rows}.csv"
        self._busy: list[float] = []
        write_register(self._register, self._rows)

    def lines(self) -> list[Line]:
        """Collection beside each limit."""
        recording = self.record()
        lengths = recording.signed
        key, algorithm = ec.generate_private_key(ec.SECP256R1()), ec.ECDSA(SHA256())
        message = bytes(sum(lengths) // len(lengths))
        writes = bare_writes(recording)
        values = interleave(
            self._effort.rounds,
            {
                "ours": self.collect,
                "writes": partial(self.write, writes),
                "raw": partial(rate, lambda: key.sign(message, algorithm), self._effort.seconds / 2),
            },
        )
        figure = f"collect a register, {self._name}"
        ours, raw, bare = (Spread.of(values[name]) for name in ("ours", "raw", "writes"))
        row, signature, write = (1e6 / spread.middle for spread in (ours, raw, bare))
        binding = f"{self._name}'s writes" if write > max(signature, row - signature - write) else "the hub's own code"
        return [
            Line(
                figure, "rows/s", ours, f"raw ES256 {raw.middle:,.0f}/s", ratios(values, "ours", "raw"),
                note=f"{row:.0f} µs a row, of which a signature {signature:.0f}, bare writes {write:.0f}; "
                f"{100 * Spread.of(self._busy).middle:.0f} % of one core; bound by {binding}",
            ),
            Line(
                figure, "rows/s", ours, f"bare writes {bare.middle:,.0f} rows/s", ratios(values, "ours", "writes"),
                note=f"batches of {BATCH}, two commits each",
            ),
        ]  # fmt: skip

    def collect(self) -> float:
        """Rows a second into a fresh hub."""
        with self._copy() as place, self._environment():
            elapsed, busy = asyncio.run(self._collect(place))
        self._busy.append(busy / elapsed)
        return self._rows / elapsed

    def record(self) -> Recording:
        """What a collection does to its database."""
        with self._copy() as place, self._environment():
            return asyncio.run(self._record(place))

    def write(self, units: Sequence[_Unit]) -> float:
        """Rows a second with the raw driver."""
        with self._copy() as place:
            return self._rows / asyncio.run(_write(place, units))

    def _copy(self) -> AbstractContextManager[Place]:
        return copy_of(self._founded, self._folder / str(next(_COPIES)))

    def _environment(self) -> AbstractContextManager[object]:
        return patch.dict(os.environ, {"YIZHENG_COLLECTION_PROCESSES": "1"})

    async def _collect(self, place: Place) -> tuple[float, float]:
        async with place.open() as hub:
            started, cpu = time.perf_counter(), time.process_time()
            await self._order(hub, place)
            return time.perf_counter() - started, time.process_time() - cpu

    async def _record(self, place: Place) -> Recording:
        async with place.open() as hub:
            with recorded(hub.database) as recording:
                await self._order(hub, place)
        return recording

    async def _order(self, hub: Hub, place: Place) -> None:
        order = CollectionOrder(
            type="business_licence",
            issuer=AMR,
            files=[self._register],
            report_dir=place.home / "reports",
            as_of=datetime(2026, 11, 1, tzinfo=UTC),
        )
        result = await hub.collection.files.collect(order, on_progress=_Progress(self._rows))
        assert result.totals.issued == self._rows, result.totals


class _OneBatch(_Comparison):
    """What several processes have written, in one batch: a recording takes one after the other only."""

    def _environment(self) -> AbstractContextManager[object]:
        return patch.dict(os.environ, _everywhere() | {"YIZHENG_COLLECTION_BATCH": str(self._rows)})


class _AllCores(_Comparison):
    """A register large enough for all cores."""

    rows = LARGE

    def lines(self) -> list[Line]:
        """Collection beside the signing limit of all cores and beside the bare writes."""
        given = (self._dialect, self._founded, self._folder, replace(self._effort, scale=self._effort.scale / 2))
        few, signed = _OneBatch(*given), _Comparison(*given).record().signed  # a recording holds every byte
        recording, length = few.record(), sum(signed) // len(signed)
        cores = os.cpu_count() or 1
        with ProcessPoolExecutor(cores) as signers:
            values = interleave(
                min(self._effort.rounds, 3),
                {
                    "ours": self.collect,
                    "writes": partial(few.write, bare_writes(recording)),
                    "raw": partial(_sign_everywhere, signers, cores, length, self._effort.seconds),
                },
            )
        ours, raw, bare = (Spread.of(values[name]) for name in ("ours", "raw", "writes"))
        figure = f"collect {self._rows:,} rows on all cores, {self._name}"
        limit = f"raw ES256 on {cores} cores {raw.middle:,.0f}/s"
        return [
            Line(
                figure, "rows/s", ours, limit, ratios(values, "ours", "raw"),
                aim=0.25, note=f"{1e6 / ours.middle:.0f} µs a row; database on the same {cores} cores",
            ),
            Line(
                figure, "rows/s", ours, f"bare writes {bare.middle:,.0f} rows/s", ratios(values, "ours", "writes"),
                note="bare COPY, one connection" if "PostgreSQL" in self._name else "executemany",
            ),
        ]  # fmt: skip

    def _environment(self) -> AbstractContextManager[object]:
        return patch.dict(os.environ, _everywhere())


def _everywhere() -> dict[str, str]:
    return {"YIZHENG_COLLECTION_PROCESSES": str(os.cpu_count() or 1), "YIZHENG_COLLECTION_FROM_BYTES": "0"}


class _Progress:
    """A line on a terminal: how far, how fast."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._began = self._said = time.perf_counter()

    def __call__(self, done: int, total: int) -> None:
        now = time.perf_counter()
        if not sys.stderr.isatty() or (now - self._said < 1 and done < total):
            return
        self._said = now
        read = self._rows * done // max(total, 1)
        said = f"{read:,} of {self._rows:,} rows, {read / (now - self._began):,.0f} rows/s"
        sys.stderr.write(f"\r{said if done < total else ''}\x1b[K")


def _sign_everywhere(signers: ProcessPoolExecutor, cores: int, length: int, seconds: float) -> float:
    return sum(signers.map(_sign, [length] * cores, [seconds] * cores))


def _sign(length: int, seconds: float) -> float:
    key, algorithm, message = ec.generate_private_key(ec.SECP256R1()), ec.ECDSA(SHA256()), bytes(length)
    return rate(lambda: key.sign(message, algorithm), seconds)


def bare_writes(recording: Recording) -> list[_Unit]:
    """The inserts and updates of a run, in its own transactions."""
    return [
        [(item.sql, item.parameters, item.many) for item in unit.statements if not item.sql.startswith("SELECT")]
        for unit in recording.units
        if unit.committed
    ]


async def _write(place: Place, units: Sequence[_Unit]) -> float:
    driver = await open_driver(database_of(place.home, place.database_url))
    started = time.perf_counter()
    for calls in units:
        await driver.run(calls, commit=True)
    elapsed = time.perf_counter() - started
    await driver.close()
    return elapsed
