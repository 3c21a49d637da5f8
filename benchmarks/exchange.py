"""A query through the hub beside the same question put to the source directly, alone and with nine sources hanging.

Signing and ledger are on. The register is a process of its own, as fast as the load generator can ask; what the hub
adds is therefore nearly all of a query's time, and the ratio says how far one serving process carries.
"""

import asyncio
import json
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

import uvloop

from adapters.port import Answer
from benchmarks.client import Load, burst, connect, post
from benchmarks.pull import DIALECTS, Target
from benchmarks.register import _answer
from benchmarks.rounds import Effort, Line, Measure, Spread, interleave, rate, ratios
from benchmarks.town import enterprise, free_port, module, place_for, process, serving
from catalog.interfaces import read_interface
from hub.exchange.judging import Asked, Reader
from tests.exchange.conftest import INTERFACE, add_source, definition, grant, publish
from tests.support import PURPOSE, Place, make_template, open_case

CALLERS: Final = (1, 16, 64)
HANGING: Final = 9
CASES: Final = 200
_PAUSE_SECONDS: Final = 0.1
"""Between two questions to the same hanging source: people go on asking what does not answer."""
_SATISFIED: Final = b'"outcome":"satisfied"'
_LOOPBACK: Final = '["127.0.0.0/8"]'


@dataclass(frozen=True, slots=True)
class Town:
    """The hub, the source itself, and requests to sources that hang."""

    hub: Target
    source: Target
    hanging: list[bytes]


def run(effort: Effort) -> list[Line]:
    """The lines of the table."""
    lines = [checking(effort)]
    for dialect in DIALECTS:
        with targets(dialect) as asked, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            lines += [_line(dialect, callers, asked, effort, runner) for callers in CALLERS]
            lines.append(_hanging(dialect, asked, effort, runner))
    return lines


def checking(effort: Effort) -> Line:
    """Mapping, schema check, predicates and field filter of one record, beside reading its JSON."""
    document = _answer(b"/" + enterprise(7)["id_number"].encode()).partition(b"\r\n\r\n")[2]
    reader = Reader(read_interface(definition()))
    rows = json.loads(document)["data"]
    now = datetime.now(UTC)
    asked = Asked(
        params={"uscc": enterprise(7)["id_number"]},
        fields=frozenset({"uscc", "name", "established_on", "is_active"}),
        identity_known=True,
        today=now.date(),
        name_matches=lambda _: True,
    )

    def check() -> None:
        reading = reader.read(Answer(rows), now=now)
        assert not hasattr(reading, "code")
        reader.judge(reading, asked)  # type: ignore[arg-type]

    measures: dict[str, Measure] = {
        "check": partial(rate, check, effort.seconds),
        "parse": partial(rate, partial(json.loads, document), effort.seconds),
    }
    values = interleave(effort.rounds, measures)
    return Line(
        "map, check and filter one record",
        "/s",
        Spread.of(values["check"]),
        f"reading its JSON {Spread.of(values['parse']).middle:,.0f}/s",
        ratios(values, "check", "parse"),
        note=f"{1e6 / Spread.of(values['check']).middle:.0f} µs a record",
    )


@contextmanager
def targets(dialect: str) -> Iterator[Town]:
    """A hub with ten sources, nine of which hang, and the tenth by itself."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        place = stack.enter_context(place_for(dialect, folder / "town"))
        good, bad = free_port(), free_port()
        source_pid = stack.enter_context(process(*module("register", good), good))
        stack.enter_context(process(*module("register", bad, "hang"), bad))
        cases = asyncio.run(_found(place, good, bad))
        port, pid, token = stack.enter_context(serving(place, YIZHENG_EGRESS_NETWORKS=_LOOPBACK))
        bodies = [json.dumps({"case_no": case_no, "purpose": PURPOSE}).encode() for case_no in cases]
        hub = [post(f"/api/v1/interfaces/{INTERFACE}/query", body, token=token) for body in bodies]
        direct = [_get(f"/enterprises/{enterprise(10 + number)['id_number']}") for number in range(CASES)]
        hanging = [
            post(f"/api/v1/interfaces/hanging_{number}/query", bodies[0], token=token) for number in range(HANGING)
        ]
        yield Town(Target(port, pid, hub), Target(good, source_pid, direct), hanging)


async def _found(place: Place, good: int, bad: int) -> list[str]:
    await make_template(place)
    async with place.open(egress_networks=("127.0.0.0/8",)) as hub, place.client(hub) as client:
        # Room for all callers: what is measured is the hub, not the line at the source's door.
        await add_source(hub, good, limits={"total_seconds": 10, "read_seconds": 10, "concurrency": 64, "retries": 0})
        await publish(hub, definition())
        await hub.registry.add_grant(grant())
        for number in range(HANGING):
            code = f"hanging_{number}"
            where = {"connection": {"url": f"http://127.0.0.1:{bad}"}, "targets": [f"127.0.0.1:{bad}"]}
            await add_source(hub, bad, code=code, **where)
            await publish(hub, definition(code=code, source=code))
            await hub.registry.add_grant(grant(interface=code))
        headers = await place.headers(client)
        parties = [enterprise(10 + number) for number in range(CASES)]
        cases = [await open_case(client, headers, parties=[{"role": "applicant", **party}]) for party in parties]
        await hub.ledger.drain()
    return cases


def _line(dialect: str, callers: int, asked: Town, effort: Effort, runner: asyncio.Runner) -> Line:
    loads: dict[str, list[Load]] = {"hub": [], "source": []}
    spent: list[float] = []

    def measure(name: str) -> float:
        target: Target = getattr(asked, name)
        before = target.cpu_seconds()
        told = _SATISFIED if name == "hub" else b""
        work = burst(target.port, target.requests, clients=callers, seconds=effort.seconds, containing=told)
        load = runner.run(work)
        loads[name].append(load)
        if name == "hub":
            spent.append(1e6 * (target.cpu_seconds() - before) / load.count)
        return load.rate

    for name, taken in loads.items():
        measure(name)
        taken.clear()
    spent.clear()
    values = interleave(effort.rounds, {name: partial(measure, name) for name in loads})
    hub, source = (_latency(loads[name]) for name in ("hub", "source"))
    return Line(
        f"query, {DIALECTS[dialect]}, {callers} caller{'s' if callers > 1 else ''}",
        "/s",
        Spread.of(values["hub"]),
        f"source directly {Spread.of(values['source']).middle:,.0f}/s, p50 {source[0]:.2f} ms, p99 {source[1]:.2f} ms",
        ratios(values, "hub", "source"),
        note=f"p50 {hub[0]:.2f} ms, p99 {hub[1]:.2f} ms: {hub[0] - source[0]:.2f} and {hub[1] - source[1]:.2f} ms "
        f"over the source; {Spread.of(spent).middle:,.0f} µs of processor a query, "
        f"{1e6 / Spread.of(spent).middle:,.0f} queries/s a core (the database's own processor time apart)",
    )


def _hanging(dialect: str, asked: Town, effort: Effort, runner: asyncio.Runner) -> Line:
    loads: dict[str, list[Load]] = {"alone": [], "hanging": []}

    def measure(name: str) -> float:
        work = _beside_hanging(asked, effort.seconds) if name == "hanging" else _burst(asked, effort.seconds)
        load = runner.run(work)
        loads[name].append(load)
        return load.rate

    values = interleave(effort.rounds, {name: partial(measure, name) for name in loads})
    alone, hanging = (_latency(loads[name]) for name in ("alone", "hanging"))
    return Line(
        f"query, {DIALECTS[dialect]}, 16 callers, 9 of 10 sources hanging",
        "/s",
        Spread.of(values["hanging"]),
        f"all well {Spread.of(values['alone']).middle:,.0f}/s, p50 {alone[0]:.2f} ms, p99 {alone[1]:.2f} ms",
        ratios(values, "hanging", "alone"),
        note=f"p50 {hanging[0]:.2f} ms, p99 {hanging[1]:.2f} ms; each hanging source is asked ten times a second",
    )


async def _burst(asked: Town, seconds: float) -> Load:
    return await burst(asked.hub.port, asked.hub.requests, clients=16, seconds=seconds, containing=_SATISFIED)


async def _beside_hanging(asked: Town, seconds: float) -> Load:
    others = [asyncio.create_task(_keep_asking(asked.hub.port, request)) for request in asked.hanging]
    try:
        return await _burst(asked, seconds)
    finally:
        for other in others:
            other.cancel()
        await asyncio.gather(*others, return_exceptions=True)


async def _keep_asking(port: int, request: bytes) -> None:
    connection = await connect(port)
    try:
        while True:
            await connection.ask(request)
            await asyncio.sleep(_PAUSE_SECONDS)
    finally:
        connection.close()


def _latency(loads: list[Load]) -> tuple[float, float]:
    return Spread.of([load.p50 for load in loads]).middle, Spread.of([load.p99 for load in loads]).middle


def _get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
