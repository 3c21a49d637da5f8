"""A pull over HTTP against the real server, beside the floor and beside a bare endpoint, one client and sixteen.

`yizheng serve` runs in a process of its own on a copy of the town, the floor on another copy, the bare endpoint beside
them; each round asks all three in turn. Requests are for open cases of different enterprises, with a token that lasts.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import uvloop

from benchmarks.client import Load, burst, post
from benchmarks.floor import DEPARTURES
from benchmarks.rounds import Effort, Line, Measure, Spread, interleave, ratios
from benchmarks.town import (
    copy_of,
    evidence_body,
    free_port,
    module,
    people,
    place_for,
    process,
    serving,
)

AIM: Final = 0.6
CLIENTS: Final = (1, 16)
CERTIFICATES: Final = 10_000
CASES: Final = 200
DIALECTS: Final = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
_SYNCS: Final = 20
_BUSY_DISK_MILLISECONDS: Final = 0.5  # from here on it is disk waits that are compared: three stand in every pull
_TICKS: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Target:
    """A server and what it is asked."""

    port: int
    pid: int
    requests: list[bytes]

    def cpu_seconds(self) -> float:
        """Processor time its process has used so far. A database server's is its own."""
        user, system = Path(f"/proc/{self.pid}/stat").read_text().rpartition(") ")[2].split()[11:13]
        return (int(user) + int(system)) / _TICKS


def run(effort: Effort) -> list[Line]:
    """The lines of the table."""
    lines = []
    for dialect in DIALECTS:
        with targets(dialect, effort) as asked, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            for clients in CLIENTS:
                lines += _lines(dialect, clients, asked, effort, runner)
    return lines


@contextmanager
def targets(dialect: str, effort: Effort) -> Iterator[dict[str, Target]]:
    """The hub, the floor and the bare endpoint, each under its own server."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        town = stack.enter_context(place_for(dialect, folder / "town"))
        cases = people(town, certificates=max(500, int(CERTIFICATES * effort.scale)), cases=CASES).known
        hub_place, floor_place = (stack.enter_context(copy_of(town, folder / name)) for name in ("hub", "floor"))
        port, pid, token = stack.enter_context(serving(hub_place))
        requests = [post(f"/api/v1/cases/{case_no}/evidence", evidence_body(), token=token) for case_no in cases]
        floor_port, bare_port = free_port(), free_port()
        arguments = (str(floor_place.home), floor_place.database_url or "", *cases)
        floor_pid = stack.enter_context(process(*module("floor", floor_port, *arguments), floor_port))
        bare_pid = stack.enter_context(process(*module("bare", bare_port), bare_port))
        departed = (floor_place.home / DEPARTURES).read_text(encoding="utf-8")
        if departed:
            print(f"benchmarks/script.py is out of date, the floor follows the hub all the same: {departed}")
        yield {
            "hub": Target(port, pid, requests),
            "floor": Target(floor_port, floor_pid, requests),
            "bare": Target(bare_port, bare_pid, requests),
        }


def _lines(dialect: str, clients: int, asked: dict[str, Target], effort: Effort, runner: asyncio.Runner) -> list[Line]:
    loads: dict[str, list[Load]] = {name: [] for name in asked}
    spent: dict[str, list[float]] = {name: [] for name in asked}

    def measure(name: str) -> float:
        target = asked[name]
        before = target.cpu_seconds()
        load = runner.run(burst(target.port, target.requests, clients=clients, seconds=effort.seconds))
        loads[name].append(load)
        spent[name].append(1e6 * (target.cpu_seconds() - before) / load.count)
        return load.rate

    for name in asked:  # connections, prepared statements, caches
        measure(name)
        loads[name].clear()
        spent[name].clear()
    measures: dict[str, Measure] = {name: partial(measure, name) for name in asked}
    values = interleave(effort.rounds, {**measures, "sync": sync_milliseconds})
    sync = Spread.of(values["sync"]).middle
    figure = f"pull, {DIALECTS[dialect]}, {clients} client{'s' if clients > 1 else ''}"
    spread = Spread.of(values["hub"])
    return [
        Line(
            figure,
            "/s",
            spread,
            f"floor {Spread.of(values['floor']).middle:,.0f}/s, {_latency(loads['floor'])}",
            ratios(values, "hub", "floor"),
            AIM,
            note=f"{_latency(loads['hub'])}; a synced write of 4 KiB took {sync:.2f} ms in these rounds",
            flattered=sync > _BUSY_DISK_MILLISECONDS,
        ),
        Line(
            f"{figure}, processor time",
            "µs",
            Spread.of(spent["hub"]),
            f"floor {Spread.of(spent['floor']).middle:,.0f} µs",
            ratios(spent, "floor", "hub"),
            note="floor to hub, of the serving process; a slow disk does not show here",
        ),
        Line(
            figure,
            "/s",
            spread,
            f"bare endpoint {Spread.of(values['bare']).middle:,.0f}/s, {_latency(loads['bare'])}",
            ratios(values, "hub", "bare"),
            note=f"load generator {100 * Spread.of([load.busy for load in loads['hub']]).middle:.0f} % of a core, "
            f"{100 * Spread.of([load.busy for load in loads['bare']]).middle:.0f} % at the bare endpoint",
        ),
    ]


def sync_milliseconds() -> float:
    """How long one durable write takes now. Where three of them are most of the floor, the disk is what is compared."""
    with tempfile.TemporaryFile(buffering=0) as file:
        started = time.perf_counter()
        for _ in range(_SYNCS):
            file.write(bytes(4096))
            os.fdatasync(file.fileno())
        return 1000 * (time.perf_counter() - started) / _SYNCS


def _latency(loads: list[Load]) -> str:
    middle = Spread.of([load.p50 for load in loads]).middle
    last = Spread.of([load.p99 for load in loads]).middle
    return f"p50 {middle:.2f} ms, p99 {last:.2f} ms"
