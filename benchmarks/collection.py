"""Collecting a register end to end on one core, beside raw ES256 signing and beside bare writes of the same rows.

An invented register is written on the fly, and every round collects it into a fresh copy of a founded hub: reading,
mapping, keyed hashes, drafting, ledger rows, signing, encryption, storing, report. The bare writes are the inserts and
updates of one such run, recorded and sent to another fresh copy by the raw driver in the same batches and commits.
"""

import asyncio
import csv
import itertools
import tempfile
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from benchmarks.drivers import Call, database_of, open_driver
from benchmarks.pull import DIALECTS
from benchmarks.recording import Recording, recorded
from benchmarks.rounds import Effort, Line, Spread, interleave, rate, ratios
from benchmarks.town import copy_of, enterprise, place_for
from hub.collection.service import BATCH, CollectionOrder, CollectionService
from hub.runtime import Hub
from tests.support import AMR, Place, make_template

ROWS: Final = 10_000
_SCOPE: Final = (
    "食品销售；餐饮服务；日用百货销售；货物进出口；技术服务、技术开发、技术咨询；"
    "依法须经批准的项目，经批准后方可开展经营活动"
)
_Unit = list[Call]


def run(effort: Effort) -> list[Line]:
    """The lines of the table."""
    lines = []
    for dialect in DIALECTS:
        with tempfile.TemporaryDirectory() as folder, place_for(dialect, Path(folder) / "founded") as founded:
            asyncio.run(make_template(founded))
            lines += _Comparison(dialect, founded, Path(folder), effort).lines()
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

    def __init__(self, dialect: str, founded: Place, folder: Path, effort: Effort) -> None:
        self._name = DIALECTS[dialect]
        self._founded = founded
        self._folder = folder
        self._effort = effort
        self._rows = max(500, int(ROWS * effort.scale))
        self._register = folder / "register.csv"
        self._copies = itertools.count()
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
        with self._copy() as place:
            elapsed, busy = asyncio.run(self._collect(place))
        self._busy.append(busy / elapsed)
        return self._rows / elapsed

    def record(self) -> Recording:
        """What a collection does to its database."""
        with self._copy() as place:
            return asyncio.run(self._record(place))

    def write(self, units: Sequence[_Unit]) -> float:
        """Rows a second with the raw driver."""
        with self._copy() as place:
            return self._rows / asyncio.run(_write(place, units))

    def _copy(self) -> AbstractContextManager[Place]:
        return copy_of(self._founded, self._folder / f"copy-{next(self._copies)}")

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
        service = CollectionService(
            hub.database, issuing=hub.issuing, types=hub.types, vault=hub.vault, clock=hub.clock
        )
        order = CollectionOrder(
            type="business_licence",
            issuer=AMR,
            files=[self._register],
            report_dir=place.home / "reports",
            as_of=datetime(2026, 11, 1, tzinfo=UTC),
        )
        result = await service.collect(order)
        assert result.totals.issued == self._rows, result.totals


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
