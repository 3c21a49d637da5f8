"""Look-ups by identifier and by holder in libraries of 10,000, a million and ten million licences, warm and cold.

`python -m benchmarks.lookups [sqlite|postgresql] [SIZE…]`, by default both, and these three sizes. What is asked for
was issued by the hub and lies spread among rows that the database made (`benchmarks.filling`). Libraries take turns;
what is compared is processor time, the hub's and the database server's together: waiting for a busy machine would hide
what a larger library costs. Pages are what PostgreSQL says that it touched: the same at every hour. By the clock: cold
means that the kernel has forgotten the database's files, and that each licence is asked for once; PostgreSQL keeps what
it keeps itself, 128 MB as it comes.
"""

import argparse
import asyncio
import os
import random
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Literal, cast

import psycopg
from rich.console import Console
from sqlalchemy import Connection, text

from benchmarks.drivers import database_of
from benchmarks.filling import Progress, fill
from benchmarks.printing import table
from benchmarks.pull import DIALECTS
from benchmarks.recording import recorded
from benchmarks.rounds import FULL, Effort, Line, Spread
from benchmarks.town import enterprise, place_for, quiet
from certificates.stores import certificates as store
from hub.issuing.files import identifiers_of
from hub.issuing.plan import lookup_hash
from hub.ledger.guards import check_guards
from hub.runtime import Hub
from tests.support import Place, enterprise_claims, issue, make_template

SIZES: Final = (10_000, 1_000_000)
LARGEST: Final = 10_000_000
REAL: Final = 400
LOOKUPS: Final = 400
"""A second of effort."""
_AT_ONCE: Final = 10
AIM: Final = 1.3
WAYS: Final[tuple[Literal["identifier", "holder"], ...]] = ("identifier", "holder")
_TYPE: Final = "11990000MB0000002Q001"
_FIRST: Final = 1_000_000
"""Numbers of enterprises that no other benchmark uses."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A licence to ask for: its identifier, and the look-up hash of its holder."""

    identifier: str
    holder: bytes


def run(effort: Effort) -> list[Line]:
    """The lines of the table: libraries that can be filled in a minute."""
    sizes = [max(2_000, int(size * effort.scale)) for size in SIZES]
    return [line for dialect in DIALECTS for line in measured(dialect, sizes, effort)]


def measured(dialect: str, sizes: Sequence[int], effort: Effort, *, progress: Progress | None = None) -> list[Line]:
    """Fill libraries of these sizes, the smallest first, and look licences up in each."""
    with ExitStack() as stack:
        libraries: dict[int, tuple[Place, list[Asked]]] = {}
        for size in sizes:
            folder = Path(stack.enter_context(TemporaryDirectory()))
            place = stack.enter_context(place_for(dialect, folder))
            asked = asyncio.run(_founded(place))
            fill(database_of(place.home, place.database_url), size, progress=progress or (lambda _done, _what: None))
            libraries[size] = (place, asked)
        return asyncio.run(_lines(dialect, libraries, effort))


async def _founded(place: Place) -> list[Asked]:
    """A hub with some licences of its own; how to ask for them."""
    await make_template(place)
    parties = [enterprise(_FIRST + number) for number in range(REAL)]
    async with place.open() as hub:
        await issue(hub, *(enterprise_claims(name=item["name"], uscc=item["id_number"]) for item in parties))
        await hub.ledger.drain()
        found = [(await identifiers_of(hub, item["id_type"], item["id_number"]))[0] for item in parties]
        hashes = [lookup_hash(hub.vault, item["id_type"], item["id_number"]) for item in parties]
    return [Asked(one["identifier"], each) for one, each in zip(found, hashes, strict=True)]


async def _lines(dialect: str, libraries: Mapping[int, tuple[Place, list[Asked]]], effort: Effort) -> list[Line]:
    async with AsyncExitStack() as stack:
        desks = {
            size: _Desk(place, await stack.enter_async_context(place.open()), asked)
            for size, (place, asked) in libraries.items()
        }
        for desk in desks.values():
            await desk.find_servers()
        # First: what has been asked for once lies in the database server's own memory, which nobody can empty.
        first = {way: {size: await desk.cold(way) for size, desk in desks.items()} for way in WAYS}
        lines: list[Line] = []
        for way in WAYS:
            cold = first[way]
            warm = await _taking_turns(desks, way, effort)
            pages = {size: await desk.pages(way) for size, desk in desks.items()}
            clock = {size: [await desk.timed(way, one) for one in desk.asked] for size, desk in desks.items()}
            smallest, *others = desks
            for size in others:
                told = {
                    "by the clock, median": _both(clock[size], clock[smallest], 50),
                    "pages touched": None if pages[size] is None else f"{pages[size]} ({pages[smallest]})",
                    "cold, median": _both(cold[size], cold[smallest], 50),
                    "99th of 100": _both(cold[size], cold[smallest], 99),
                }
                lines.append(
                    Line(
                        f"{DIALECTS[dialect]}: look up by {way} among {size:,} licences",
                        "µs",
                        Spread.of(warm[size]),
                        f"the same among {smallest:,}: {Spread.of(warm[smallest]).middle:,.0f} µs",
                        Spread.of([one / few for one, few in zip(warm[size], warm[smallest], strict=True)]),
                        aim=AIM,
                        at_most=True,
                        note="; ".join(f"{name} {words}" for name, words in told.items() if words),
                    )
                )
        return lines


async def _taking_turns(desks: Mapping[int, "_Desk"], way: str, effort: Effort) -> dict[int, list[float]]:
    """Microseconds of processor time a look-up, a value a round; the libraries take turns in tens of look-ups."""
    turns = max(1, int(LOOKUPS * effort.seconds) // _AT_ONCE)
    values: dict[int, list[float]] = {size: [] for size in desks}
    for turn in range(effort.rounds + 1):
        spent = dict.fromkeys(desks, 0.0)
        for _ in range(turns):
            for size, desk in desks.items():
                spent[size] += await desk.busy(way, random.choices(desk.asked, k=_AT_ONCE))
        if turn:  # the first round warms caches
            for size, seconds in spent.items():
                values[size].append(1e6 * seconds / (turns * _AT_ONCE))
    return values


def _both(many: Sequence[float], few: Sequence[float], percentile: int) -> str | None:
    one, other = (sorted(each)[len(each) * percentile // 100] if each else None for each in (many, few))
    return None if one is None or other is None else f"{one:,.0f} µs ({other:,.0f})"


class _Desk:
    """Asks one library."""

    def __init__(self, place: Place, hub: Hub, asked: Sequence[Asked]) -> None:
        self._place = place
        self._hub = hub
        self.asked = asked
        self._servers: list[Path] = []

    async def timed(self, way: str, one: Asked) -> float:
        """Microseconds of one look-up, with the check of its guard and of its latest ledger entry."""
        started = time.perf_counter()
        await self._hub.database.read(self._unit(way, one))
        return (time.perf_counter() - started) * 1e6

    async def busy(self, way: str, some: Sequence[Asked]) -> float:
        """Seconds of processor time that these look-ups take, in this process and in the database's."""
        before = time.process_time() + self._served()
        for one in some:
            await self._hub.database.read(self._unit(way, one))
        return time.process_time() + self._served() - before

    async def find_servers(self) -> None:
        """Which processes of the database server serve this hub."""
        if self._place.database_url is not None:
            asked = text("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
            found = await self._hub.database.read(lambda tx: list(tx.execute(asked).scalars()))
            self._servers = [Path(f"/proc/{pid}/schedstat") for pid in found]

    def _served(self) -> float:
        return sum(int(file.read_text().split()[0]) for file in self._servers) / 1e9

    async def cold(self, way: str) -> list[float]:
        """Microseconds of look-ups of licences that nobody has asked for since the files were forgotten."""
        half = WAYS.index(cast("Any", way))
        if not forgotten(self._place):
            return []
        if self._place.database_url is None:
            await self._hub.database.read(lambda tx: tx.exec_driver_sql("PRAGMA shrink_memory"))  # its own 64 MB
        return [await self.timed(way, one) for one in self.asked[half::2]]

    async def pages(self, way: str) -> int | None:
        """Pages of tables and indexes that one look-up touches, by PostgreSQL's own count."""
        if self._place.database_url is None:
            return None
        with recorded(self._hub.database) as recording:
            await self.timed(way, self.asked[len(self.asked) // 2])
        touched = 0
        with psycopg.connect(self._place.database_url) as connection:
            for statement in (each for unit in recording.units for each in unit.statements):
                explain = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement.sql}"
                found = connection.execute(cast("Any", explain), statement.parameters).fetchall()
                plan = found[0][0][0]["Plan"]
                touched += plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
        return touched

    def _unit(self, way: str, one: Asked) -> Callable[[Connection], None]:
        def by_identifier(tx: Connection) -> None:
            version = store.find_version(tx, one.identifier)
            assert version is not None
            check_guards(tx, self._hub.vault, versions=[version])

        def by_holder(tx: Connection) -> None:
            _, held = store.held_by(tx, [one.holder], [_TYPE])
            assert len(held) == 1
            check_guards(tx, self._hub.vault, held=held)

        return by_identifier if way == "identifier" else by_holder


def forgotten(place: Place) -> bool:
    """Have the kernel forget the files of this database alone; False where they cannot be reached from here."""
    files = [place.home / "hub.sqlite3"]
    if place.database_url is not None:
        with psycopg.connect(place.database_url, autocommit=True) as connection:
            connection.execute("CHECKPOINT")
            found = connection.execute("SELECT oid FROM pg_database WHERE datname = current_database()").fetchone()
            where = connection.execute("SHOW data_directory").fetchone()
        assert found is not None
        assert where is not None
        try:
            files = list((Path(where[0]) / "base" / str(found[0])).iterdir())
        except OSError:
            return False
    for file in files:
        descriptor = os.open(file, os.O_RDONLY)
        try:
            os.fsync(descriptor)  # what is not on the disk yet cannot be forgotten
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(descriptor)
    return True


def main() -> None:
    """Measure what was named."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lookups", description=__doc__)
    parser.add_argument("what", nargs="*", help="sqlite, postgresql; sizes")
    chosen = parser.parse_args().what
    quiet()
    console, lines = Console(width=190), list[Line]()
    sizes = sorted(int(word) for word in chosen if word.isdigit()) or [*SIZES, LARGEST]
    for dialect in [name for name in DIALECTS if name in chosen] or list(DIALECTS):
        with console.status(dialect) as status:
            lines += measured(
                dialect, sizes, FULL,
                progress=lambda done, what, at=status, name=dialect: at.update(f"{name}: {done:,} licences, {what}"),  # type: ignore[misc]
            )  # fmt: skip
    console.print(table(lines))
    console.print(f"load of the machine at the end: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
