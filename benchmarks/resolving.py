"""Resolving: fifteen requirements over ten sources of 50 ms each, some of which wait for others, beside the longest
chain of reads that need each other; requirements answered by licences alone, beside a bare endpoint; and the plan of a
matter of sixty requirements.

The sources are one process that answers each question after 50 ms. The chain is asked of it directly, one question
after another on one connection: no pull that has to wait for these answers can be faster.
"""

import asyncio
import json
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import uvloop

from benchmarks.client import Load, burst, connect, post
from benchmarks.pull import DIALECTS, Target
from benchmarks.rounds import Effort, Line, Measure, Spread, interleave, ratios
from benchmarks.town import enterprise, free_port, module, place_for, process, serving
from hub.runtime import Hub
from tests.exchange.conftest import add_source, definition, grant, publish
from tests.support import (
    AMR,
    PURPOSE,
    Place,
    enterprise_claims,
    grant_definition,
    issue,
    make_template,
    open_case,
    requirement,
)

AIM: Final = 1.2
SOURCES: Final = 10
CHAIN: Final = 3
PAUSE_MILLISECONDS: Final = 50
REQUIREMENTS: Final = 15
PLANNED: Final = 60
ENTERPRISES: Final = 200
_LICENCE: Final = {"type": "11990000MB0000002Q001", "fields": ["name"]}
_WAITS: Final = {10: 0, 11: 1, 12: 2, 13: 10, 14: 11}
"""Requirement by requirement it waits for: two chains of three among fifteen."""
_ALL_FOUND: Final = f'"saved":{{"papers":{REQUIREMENTS},'.encode()
_LOOPBACK: Final = '["127.0.0.0/8"]'


@dataclass(frozen=True, slots=True)
class Town:
    """The hub asked in three ways, the sources, and the bare endpoint."""

    sources: Target
    licences: Target
    plan: Target
    source: Target
    bare: Target


def run(effort: Effort) -> list[Line]:
    """The lines of the table."""
    lines = []
    for dialect in DIALECTS:
        with targets(dialect) as town, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            lines += [
                _waves(dialect, town, effort, runner),
                _licences(dialect, town, effort, runner),
                _plan(dialect, town, effort, runner),
            ]
    return lines


def _waves(dialect: str, town: Town, effort: Effort, runner: asyncio.Runner) -> Line:
    def pulled() -> float:
        target = town.sources
        work = burst(target.port, target.requests, clients=1, seconds=effort.seconds, containing=_ALL_FOUND)
        return runner.run(work).p50

    measures: dict[str, Measure] = {"pull": pulled, "chain": lambda: runner.run(_chain(town.source))}
    for measure in measures.values():
        measure()
    values = interleave(effort.rounds, measures)
    return Line(
        f"{REQUIREMENTS} requirements over {SOURCES} sources of {PAUSE_MILLISECONDS} ms, {DIALECTS[dialect]}",
        "ms",
        Spread.of(values["pull"]),
        f"longest chain, {CHAIN} reads one after another: {Spread.of(values['chain']).middle:.1f} ms",
        ratios(values, "pull", "chain"),
        AIM,
        at_most=True,
        note=f"one after another all {REQUIREMENTS} would take {REQUIREMENTS * PAUSE_MILLISECONDS} ms; ledger and "
        f"{REQUIREMENTS} signed copies included",
    )


async def _chain(source: Target) -> float:
    """Milliseconds of the reads that need each other, on one connection."""
    connection = await connect(source.port)
    loop = asyncio.get_running_loop()
    try:
        began = loop.time()
        for request in source.requests[:CHAIN]:
            await connection.ask(request)
        return 1000 * (loop.time() - began)
    finally:
        connection.close()


def _licences(dialect: str, town: Town, effort: Effort, runner: asyncio.Runner) -> Line:
    spent: dict[str, list[float]] = {"licences": [], "bare": []}

    def measure(name: str) -> float:
        target: Target = getattr(town, name)
        before = target.cpu_seconds()
        load: Load = runner.run(burst(target.port, target.requests, clients=16, seconds=effort.seconds))
        spent[name].append((target.cpu_seconds() - before) / load.count)
        answered = REQUIREMENTS if name == "licences" else 1
        return answered / spent[name][-1]

    for name, taken in spent.items():
        measure(name)
        taken.clear()
    values = interleave(effort.rounds, {name: partial(measure, name) for name in spent})
    a_pull = Spread.of(spent["licences"]).middle * 1e6
    return Line(
        f"requirements answered by licences alone, {REQUIREMENTS} a pull, {DIALECTS[dialect]}",
        "/s a core",
        Spread.of(values["licences"]),
        f"bare endpoint {Spread.of(values['bare']).middle:,.0f} requests/s a core",
        ratios(values, "licences", "bare"),
        note=f"{a_pull:,.0f} µs of the serving process a pull, {a_pull / REQUIREMENTS:,.0f} µs a requirement with its "
        "copy, receipt and entry; 16 callers; the database's own processor time apart",
    )


def _plan(dialect: str, town: Town, effort: Effort, runner: asyncio.Runner) -> Line:
    def measure(name: str) -> float:
        target: Target = getattr(town, name)
        return runner.run(burst(target.port, target.requests, clients=1, seconds=effort.seconds)).p50

    names = ("plan", "bare")
    for name in names:
        measure(name)
    values = interleave(effort.rounds, {name: partial(measure, name) for name in names})
    return Line(
        f"plan of a matter of {PLANNED} requirements, {DIALECTS[dialect]}",
        "ms",
        Spread.of(values["plan"]),
        f"bare endpoint {Spread.of(values['bare']).middle:.2f} ms",
        ratios(values, "plan", "bare"),
        note="p50, one caller; conditions judged, grants looked at, ordered in waves",
    )


@contextmanager
def targets(dialect: str) -> Iterator[Town]:
    """A hub over ten slow sources, the sources by themselves, and the bare endpoint."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        place = stack.enter_context(place_for(dialect, folder / "town"))
        slow, bare_port = free_port(), free_port()
        source_pid = stack.enter_context(process(*module("register", slow, str(PAUSE_MILLISECONDS)), slow))
        cases = asyncio.run(_found(place, slow))
        port, pid, token = stack.enter_context(serving(place, YIZHENG_EGRESS_NETWORKS=_LOOPBACK))
        bare_pid = stack.enter_context(process(*module("bare", bare_port), bare_port))
        body = json.dumps({"purpose": PURPOSE}).encode()

        def asked(matter: str, path: str) -> Target:
            return Target(port, pid, [post(f"/api/v1/cases/{one}/{path}", body, token=token) for one in cases[matter]])

        direct = [_get(f"/enterprises/{enterprise(10 + number)['id_number']}") for number in range(CHAIN)]
        yield Town(
            sources=asked("SOURCES", "evidence"),
            licences=asked("LICENCES", "evidence"),
            plan=asked("PLANNED", "plan"),
            source=Target(slow, source_pid, direct),
            bare=Target(bare_port, bare_pid, asked("LICENCES", "evidence").requests),
        )


async def _found(place: Place, slow: int) -> dict[str, list[str]]:
    await make_template(place)
    parties = [enterprise(10 + number) for number in range(ENTERPRISES)]
    async with place.open(egress_networks=("127.0.0.0/8",)) as hub, place.client(hub) as client:
        await issue(hub, *(enterprise_claims(name=item["name"], uscc=item["id_number"]) for item in parties))
        matters = {"SOURCES": _over_sources(), "LICENCES": _over_licences(), "PLANNED": _planned()}
        for code, requirements in matters.items():
            await hub.registry.add_matter(_matter(code, requirements))
        await _open_sources(hub, slow)
        granted = grant_definition(hub, type=_LICENCE["type"], owner=AMR, fields=["name"], matters=sorted(matters))
        await hub.registry.add_grant(granted)
        headers = await place.headers(client)
        cases = {
            code: [
                await open_case(client, headers, matter=code, parties=[{"role": "applicant", **party}])
                for party in parties[: ENTERPRISES if code == "LICENCES" else 20]
            ]
            for code in matters
        }
        await hub.ledger.drain()
    return cases


async def _open_sources(hub: Hub, slow: int) -> None:
    limits = {"total_seconds": 10, "read_seconds": 10, "concurrency": 64, "retries": 0}
    for number in range(SOURCES):
        code = f"source_{number}"
        await add_source(hub, slow, code=code, limits=limits)
        await publish(hub, definition(code=code, source=code))
        await hub.registry.add_grant(grant(interface=code, matters=["SOURCES", "PLANNED"]))


def _over_sources() -> list[dict[str, Any]]:
    return [_over_source(number, _WAITS.get(number)) for number in range(REQUIREMENTS)]


def _over_source(number: int, after: int | None) -> dict[str, Any]:
    fields = ["name", "is_active"] if number < SOURCES else ["established_on"]  # nobody asks twice for the same
    need = {"interface": f"source_{number % SOURCES}", "fields": fields}
    waits = {} if after is None else {"when": f'outcomes.asked_{after} == "satisfied"'}
    return requirement(f"asked_{number}", f"登记信息{number}", "applicant", [[need]]) | waits


def _over_licences() -> list[dict[str, Any]]:
    return [requirement(f"held_{number}", f"执照{number}", "applicant", [[_LICENCE]]) for number in range(REQUIREMENTS)]


def _planned() -> list[dict[str, Any]]:
    """As the others, four times as many: each third by a source, some waiting, some under a condition."""
    found = []
    for number in range(PLANNED):
        after = number - 10 if number % 10 == 0 and number else None
        either = [[_LICENCE], [{"interface": f"source_{number % SOURCES}", "fields": ["name"]}]]
        waits = {} if after is None else {"when": f'outcomes.planned_{after} == "satisfied"'}
        ruled = {"when": f'case.channel == "counter" && facts.staff > {number}'} if number % 4 == 1 else {}
        found.append(requirement(f"planned_{number}", f"材料{number}", "applicant", either) | ruled | waits)
    return found


def _matter(code: str, requirements: list[dict[str, Any]]) -> dict[str, Any]:
    facts = {"staff": {"kind": "integer", "title": {"zh": "从业人数", "en": "Staff"}}}
    return {
        "code_system": "test",
        "code": code,
        "name": {"zh": code, "en": code},
        "department": AMR,
        "roles": ["applicant"],
        "facts": facts,
        "requirements": requirements,
    }


def _get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
