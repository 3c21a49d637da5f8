"""Streams of evidence: what a thousand of them cost while they are open, beside a bare endpoint that streams nothing;
and when the first requirement is there, beside the slowest source and beside the same pull without a stream.

Every stream is a pull of its own over a source that does not answer. The memory is that of the serving process alone.
"""

import asyncio
import json
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Final

import uvloop

from benchmarks.client import burst, post
from benchmarks.pull import DIALECTS, Target
from benchmarks.resolving import AIM, CHAIN, PAUSE_MILLISECONDS, targets
from benchmarks.rounds import Effort, Line, Spread, interleave, ratios
from benchmarks.town import enterprise, free_port, module, place_for, process, serving
from tests.exchange.conftest import add_source, definition, grant, publish
from tests.support import AMR, PURPOSE, Place, enterprise_claims, issue, make_template, open_case, requirement

OPEN: Final = 1000
_AT_ONCE: Final = 8
"""Streams that are being opened."""
_SILENT_SECONDS: Final = 29
_SPARE_SECONDS: Final = 3
_SOURCES: Final = 20
"""Each takes at most 64 questions at once."""
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_LOOPBACK: Final = '["127.0.0.0/8"]'
_ACCEPT: Final = b"\r\nAccept: text/event-stream\r\n"


def run(effort: Effort) -> list[Line]:
    """The lines of the table."""
    lines = []
    for dialect in DIALECTS:
        count = max(20, int(OPEN * effort.scale))
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            with _hanging(dialect, count) as (hub, bare):
                grown, opened = runner.run(_held(hub, count))
                beside, _ = runner.run(_held(bare, opened))
            lines.append(_memory(dialect, opened, grown, beside))
            with targets(dialect) as town:
                lines += _first(dialect, town.sources, effort, runner)
    return lines


def _memory(dialect: str, count: int, hub: float, bare: float) -> Line:
    ratio = hub / bare
    return Line(
        f"{count:,} streams of evidence open at once, {DIALECTS[dialect]}", "MB", Spread(hub, hub, hub),
        f"bare endpoint, {count:,} streams of nothing: {bare:.1f} MB", Spread(ratio, ratio, ratio),
        note=f"{1000 * hub / count:.0f} kB a stream, its pull and its source's question included; "
        f"{1000 * bare / count:.0f} kB bare; growth of the serving process",
    )  # fmt: skip


def _first(dialect: str, whole: Target, effort: Effort, runner: asyncio.Runner) -> list[Line]:
    streamed = [request.replace(b"\r\n", _ACCEPT, 1) for request in whole.requests]

    def events(place: int) -> float:
        return runner.run(_until(whole.port, streamed, seconds=effort.seconds))[place]

    def pulled() -> float:
        return runner.run(burst(whole.port, whole.requests, clients=1, seconds=effort.seconds)).p50

    pulled(), events(0)
    values = interleave(effort.rounds, {"first": lambda: events(0), "end": lambda: events(1), "pull": pulled})
    values["slowest"] = [float(CHAIN * PAUSE_MILLISECONDS)] * effort.rounds
    about = f"15 requirements over 10 sources of {PAUSE_MILLISECONDS} ms, {DIALECTS[dialect]}"
    chain = f"the longest chain, {CHAIN * PAUSE_MILLISECONDS} ms"
    return [
        Line(
            f"first requirement of a stream, {about}", "ms", Spread.of(values["first"]), chain,
            ratios(values, "first", "slowest"), note="its ledger row committed, its copy signed",
        ),
        Line(
            f"end of the stream, {about}", "ms", Spread.of(values["end"]),
            f"without a stream {Spread.of(values['pull']).middle:.0f} ms; {chain}", ratios(values, "end", "slowest"),
            note=f"aim of a pull without a stream: {AIM}",
        ),
    ]  # fmt: skip


async def _held(target: Target, count: int) -> tuple[float, int]:
    """Megabytes by which the process grew while so many streams were open, all of them begun; and how many they were:
    fewer where the machine is too busy to open all before the first would end.
    """
    warm = await _open(target.port, target.requests[0])
    before, left = _resident(target.pid), iter(target.requests[1 : count + 1])
    deadline = time.perf_counter() + _SILENT_SECONDS - _SPARE_SECONDS
    held = [warm]

    async def hand() -> None:
        for request in left:  # one after the other
            if time.perf_counter() > deadline:
                return
            held.append(await _open(target.port, request))

    await asyncio.gather(*(hand() for _ in range(_AT_ONCE)))
    grown = _resident(target.pid) - before
    for _, writer in held:
        writer.close()
    return grown, len(held) - 1


async def _open(port: int, request: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A stream whose first event has come; asked for again where the store was busy, as its answer says. Raises:
    ValueError for any other answer.
    """
    while True:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        if b" 200 " in head and b"text/event-stream" in head:
            await reader.readuntil(b"\n\n")
            return reader, writer
        writer.close()
        if b" 503 " not in head or b"retry-after: 1\r\n" not in head.lower():
            raise ValueError(head.decode())
        await asyncio.sleep(1)


async def _until(port: int, requests: Sequence[bytes], *, seconds: float) -> tuple[float, float]:
    """Milliseconds until the first item, and until the end; medians."""
    first: list[float] = []
    end: list[float] = []
    deadline, turn = time.perf_counter() + seconds, 0
    while time.perf_counter() < deadline or not end:
        began = time.perf_counter()
        reader, writer = await _open(port, requests[turn % len(requests)])
        await reader.readuntil(b"event: item")
        first.append(1000 * (time.perf_counter() - began))
        rest = b""
        while b"\nid: end\n" not in rest:
            rest = rest[-16:] + await reader.read(65536)
            if reader.at_eof():
                raise ValueError("a stream without an end")
        end.append(1000 * (time.perf_counter() - began))
        writer.close()
        turn += 1
    return median(first), median(end)


@contextmanager
def _hanging(dialect: str, count: int) -> Iterator[tuple[Target, Target]]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        place = stack.enter_context(place_for(dialect, folder / "town"))
        silent, bare_port = free_port(), free_port()
        stack.enter_context(process(*module("register", silent, "hang"), silent))
        cases = asyncio.run(_found(place, silent, count + 1))
        limit = str(2 * count)
        port, pid, token = stack.enter_context(
            serving(place, YIZHENG_EGRESS_NETWORKS=_LOOPBACK, YIZHENG_EVIDENCE_STREAMS_PER_SYSTEM=limit)
        )
        bare_pid = stack.enter_context(process(*module("bare", bare_port), bare_port))
        asked = []
        for number, case_no in enumerate(cases):
            body = json.dumps({"purpose": PURPOSE, "requirements": [f"asked_{number % _SOURCES}"]}).encode()
            sent = post(f"/api/v1/cases/{case_no}/evidence", body, token=token)
            asked.append(sent.replace(b"\r\n", _ACCEPT, 1))
        nothing = [post("/stream", b"{}").replace(b"\r\n", _ACCEPT, 1)] * len(asked)
        yield Target(port, pid, asked), Target(bare_port, bare_pid, nothing)


async def _found(place: Place, silent: int, count: int) -> list[str]:
    """A case for each stream, and sources that take the questions of all."""
    await make_template(place)
    party = enterprise(10)
    limits = {"total_seconds": _SILENT_SECONDS, "read_seconds": _SILENT_SECONDS, "concurrency": 64, "retries": 0}
    async with place.open(egress_networks=("127.0.0.0/8",)) as hub, place.client(hub) as client:
        await issue(hub, enterprise_claims(name=party["name"], uscc=party["id_number"]))
        asked = []
        for number in range(_SOURCES):
            code = f"silent_{number}"
            await add_source(hub, silent, code=code, limits=limits)
            await publish(hub, definition(code=code, source=code))
            needs = [[{"interface": code, "fields": ["name"]}]]
            asked.append(requirement(f"asked_{number}", f"登记信息{number}", "applicant", needs))
            await hub.registry.add_grant(grant(interface=code, matters=["SILENT"]))
        named = {"zh": "无声", "en": "Silent"}
        matter = {"code_system": "test", "code": "SILENT", "name": named, "department": AMR, "roles": ["applicant"]}
        await hub.registry.add_matter(matter | {"requirements": asked})
        headers = await place.headers(client)
        cases = [
            await open_case(
                client, headers, matter="SILENT", external_no=str(number), parties=[{"role": "applicant", **party}]
            )
            for number in range(count)
        ]
        await hub.ledger.drain()
    return cases


def _resident(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE / 1e6
