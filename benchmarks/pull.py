"""A pull over HTTP against the real server, beside the floor and beside a bare endpoint, one client and sixteen.

`yizheng serve` runs in a process of its own on a copy of the town, the floor on another copy, the bare endpoint beside
them; each round asks all three in turn. Requests are for open cases of different enterprises, with a token that lasts.
"""

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Final

import uvloop

from benchmarks.client import Load, burst, post
from benchmarks.rounds import Effort, Line, Spread, interleave, ratios
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
_Target = tuple[int, list[bytes]]


def run(effort: Effort) -> list[Line]:
    """The lines of the table."""
    lines = []
    for dialect in DIALECTS:
        with targets(dialect, effort) as asked, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            for clients in CLIENTS:
                lines += _lines(dialect, clients, asked, effort, runner)
    return lines


@contextmanager
def targets(dialect: str, effort: Effort) -> Iterator[dict[str, _Target]]:
    """Port and prepared requests of the hub, the floor and the bare endpoint."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        town = stack.enter_context(place_for(dialect, folder / "town"))
        cases = people(town, certificates=max(500, int(CERTIFICATES * effort.scale)), cases=CASES).known
        hub_place, floor_place = (stack.enter_context(copy_of(town, folder / name)) for name in ("hub", "floor"))
        port, token = stack.enter_context(serving(hub_place))
        requests = [post(f"/api/v1/cases/{case_no}/evidence", evidence_body(), token=token) for case_no in cases]
        floor_port, bare_port = free_port(), free_port()
        arguments = (str(floor_place.home), floor_place.database_url or "", *cases)
        stack.enter_context(process(*module("floor", floor_port, *arguments), floor_port))
        stack.enter_context(process(*module("bare", bare_port), bare_port))
        yield {"hub": (port, requests), "floor": (floor_port, requests), "bare": (bare_port, requests)}


def _lines(dialect: str, clients: int, asked: dict[str, _Target], effort: Effort, runner: asyncio.Runner) -> list[Line]:
    loads: dict[str, list[Load]] = {name: [] for name in asked}

    def measure(name: str) -> float:
        port, requests = asked[name]
        loads[name].append(runner.run(burst(port, requests, clients=clients, seconds=effort.seconds)))
        return loads[name][-1].rate

    for name in asked:  # connections, prepared statements, caches
        measure(name)
        loads[name].clear()
    values = interleave(effort.rounds, {name: partial(measure, name) for name in asked})
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
            note=_latency(loads["hub"]),
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


def _latency(loads: list[Load]) -> str:
    middle = Spread.of([load.p50 for load in loads]).middle
    last = Spread.of([load.p99 for load in loads]).middle
    return f"p50 {middle:.2f} ms, p99 {last:.2f} ms"
