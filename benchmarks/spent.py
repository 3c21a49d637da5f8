"""What one query and one pull cost this process, for comparing two versions of the code on a machine that others use:
`python -m benchmarks.spent [sqlite|postgresql] [query|pull] [--callers N] [--statements]`.

The application is called in this process, without a server or a socket of its own. Processor time is taken per chunk of
requests and divided by that of a fixed piece of Python taken just before and after it, because a neighbour on the same
core slows both: compare the **yardsticks** of two versions. Not a figure to publish; `benchmarks.exchange` and
`benchmarks.pull` measure the served hub.
"""

import argparse
import asyncio
import cProfile
import hashlib
import json
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from itertools import cycle
from pathlib import Path
from typing import Any, Final

import uvloop
from starlette.types import ASGIApp, Message

from benchmarks.pull import DIALECTS
from benchmarks.recording import recorded
from benchmarks.rounds import Spread
from benchmarks.town import enterprise, evidence_body, free_port, module, place_for, process, quiet
from hub.app import create_app
from hub.runtime import Hub
from tests.exchange.conftest import INTERFACE, add_source, definition, grant, publish
from tests.support import PURPOSE, Place, enterprise_claims, issue, make_template, open_case

CHUNKS: Final = 100
CHUNK: Final = 16
CASES: Final = 50
WARM: Final = 100


class Direct:
    """Calls an application with prepared requests."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._token = token

    async def post(self, path: str, body: bytes) -> bytes:
        """The answer's body. Raises AssertionError for anything but 200."""
        headers = {
            "host": "127.0.0.1",
            "content-type": "application/json",
            "content-length": str(len(body)),
            "authorization": self._token,
        }
        scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": b"",
            "client": ("127.0.0.1", 50000),
            "server": ("127.0.0.1", 8700),
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }
        sent: list[Message] = []
        waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> Message:
            return waiting.pop() if waiting else {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            sent.append(message)

        await self._app(scope, receive, send)
        answer = b"".join(message.get("body", b"") for message in sent)
        assert sent[0]["status"] == 200, answer
        return answer


@asynccontextmanager
async def opened(place: Place, port: int) -> AsyncIterator[tuple[Hub, Direct, list[str]]]:
    """A hub with a published question and licences, open cases, and a way to ask."""
    await make_template(place)
    settings = {"system_requests_per_minute": 100_000_000, "access_token_seconds": 3600}
    async with place.open(egress_networks=("127.0.0.0/8",), **settings) as hub:
        await add_source(hub, port, limits={"total_seconds": 60, "read_seconds": 60, "concurrency": 64})
        await publish(hub, definition())
        await hub.registry.add_grant(grant())
        parties = [enterprise(10 + number) for number in range(CASES)]
        await issue(hub, *(enterprise_claims(name=item["name"], uscc=item["id_number"]) for item in parties))
        async with place.client(hub) as client:
            headers = await place.headers(client)
            cases = [await open_case(client, headers, parties=[{"role": "applicant", **party}]) for party in parties]
        await hub.ledger.drain()
        yield hub, Direct(create_app(hub.settings, hub=hub), headers["Authorization"]), cases


def requests_of(kind: str, cases: list[str]) -> list[tuple[str, bytes]]:
    """Path and body of the requests that are made in turn."""
    if kind == "pull":
        return [(f"/api/v1/cases/{case_no}/evidence", evidence_body()) for case_no in cases]
    path = f"/api/v1/interfaces/{INTERFACE}/query"
    return [(path, json.dumps({"case_no": case_no, "purpose": PURPOSE}).encode()) for case_no in cases]


def yardstick() -> float:
    """Seconds of processor time that a fixed piece of Python takes now: about a millisecond on a quiet core."""
    began = time.process_time()
    for number in range(80):
        text = json.dumps({"name": str(number), "values": [number] * 10, "deep": {"more": "一证"}}, ensure_ascii=False)
        hashlib.sha256(text.encode()).hexdigest()
        sorted(json.loads(text).items(), key=str)
    return time.process_time() - began


async def measured(direct: Direct, asked: list[tuple[str, bytes]], *, callers: int) -> tuple[Spread, float]:
    """Yardsticks a request with so many callers at once, and the shortest yardstick in microseconds."""
    turns = cycle(asked)

    async def ask(count: int) -> None:
        for _ in range(count):
            await direct.post(*next(turns))

    each = max(1, CHUNK // callers)
    await ask(WARM)
    sticks = [yardstick()]
    spent: list[float] = []
    for _ in range(CHUNKS):
        began = time.process_time()
        await asyncio.gather(*(ask(each) for _ in range(callers)))
        taken = (time.process_time() - began) / (each * callers)
        sticks.append(yardstick())
        spent.append(2 * taken / (sticks[-1] + sticks[-2]))
    return Spread.of(spent), 1e6 * min(sticks)


async def calls(direct: Direct, asked: list[tuple[str, bytes]]) -> float:
    """Python and C functions called for one request: the same on every machine at every hour."""
    profile = cProfile.Profile()
    with profile:
        for path, body in asked:
            await direct.post(path, body)
    return sum(entry.callcount for entry in profile.getstats()) / len(asked)


async def _run(dialect: str, kinds: list[str], place: Place, port: int, chosen: argparse.Namespace) -> None:
    async with opened(place, port) as (hub, direct, cases):
        for kind in kinds:
            asked = requests_of(kind, cases)
            spread, stick = await measured(direct, asked, callers=chosen.callers)
            figure = f"{spread.middle:.2f} yardsticks (from {spread.low:.2f}), about {spread.middle * stick:,.0f} µs"
            print(f"{kind}, {DIALECTS[dialect]}: {await calls(direct, asked):,.0f} calls, {figure}")
            if chosen.statements:
                with recorded(hub.database) as recording:
                    await direct.post(*asked[0])
                for number, operation in enumerate(recording.operations(), 1):
                    print(f"  unit {number}, {operation[0]}: {', '.join(operation[1:])}")
                print(f"  {len(recording.signed)} signatures, {len(recording.verified)} verifications")


def main() -> None:
    """Measure what was named."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.spent", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *DIALECTS, "query", "pull"], help="default: all")
    parser.add_argument("--callers", type=int, default=1, help="requests at once, default: 1")
    parser.add_argument("--statements", action="store_true", help="list the statements of one request")
    chosen = parser.parse_args()
    quiet()
    kinds = [name for name in ("query", "pull") if name in chosen.names] or ["query", "pull"]
    for dialect in [name for name in DIALECTS if name in chosen.names] or list(DIALECTS):
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            place = stack.enter_context(place_for(dialect, folder))
            port = free_port()
            stack.enter_context(process(*module("register", port), port))
            uvloop.run(_run(dialect, kinds, place, port, chosen))


if __name__ == "__main__":
    main()
