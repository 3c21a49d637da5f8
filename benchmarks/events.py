"""A life event of ten matters over HTTP: from opening to the one list of what is needed, beside ten single cases and
beside a bare endpoint.

Each matter asks for the same licence, which is found, and for two more things, which are not. One caller, one
connection; each turn is for another enterprise. The ten single cases are opened and asked one after the other, and once
more with ten callers at the same moment, which is the fairest thing that a system without families could do.
"""

import asyncio
import json
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from http.client import HTTPConnection
from itertools import count
from pathlib import Path
from typing import Any, Final

from benchmarks.rounds import Effort, Line, Measure, Spread, interleave, ratios
from benchmarks.town import enterprise, free_port, module, place_for, process, serving
from hub.access.actors import COMMAND
from tests.support import (
    AMR,
    PURPOSE,
    Place,
    case_body,
    enterprise_claims,
    grant_definition,
    issue,
    make_template,
    matter_definition,
)

MATTERS: Final = 10
ENTERPRISES: Final = 200
DIALECTS: Final = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
_CODES: Final = tuple(f"EVENT{number}" for number in range(MATTERS))


def run(effort: Effort) -> list[Line]:
    """The lines of the table."""
    lines = []
    for dialect in DIALECTS:
        with asked(dialect, effort) as measures:
            for name in measures:  # connections, prepared statements, caches
                measures[name]()
            values = interleave(effort.rounds, measures)
        figure = f"life event of {MATTERS} matters, {DIALECTS[dialect]}"
        family = Spread.of(values["family"])
        for limit, said in (
            ("singles", f"{MATTERS} single cases, one after the other"),
            ("at_once", f"{MATTERS} single cases, {MATTERS} callers"),
            ("bare", "bare endpoint, 2 requests"),
        ):
            beside = f"{said} {Spread.of(values[limit]).middle:.1f} ms"
            lines.append(Line(figure, "ms", family, beside, ratios(values, "family", limit)))
    return lines


@contextmanager
def asked(dialect: str, effort: Effort) -> Iterator[dict[str, Measure]]:
    """Milliseconds from open to list, each against its own server."""
    turns = max(3, int(effort.seconds * 10))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        place = stack.enter_context(place_for(dialect, folder / "town"))
        asyncio.run(_fill(place))
        port, _, token = stack.enter_context(serving(place))
        bare_port = free_port()
        stack.enter_context(process(*module("bare", bare_port), bare_port))
        pool = stack.enter_context(ThreadPoolExecutor(MATTERS))
        hub = [_Client(port, token) for _ in range(MATTERS)]
        bare, number = _Client(bare_port, token), count()
        work: dict[str, Callable[[dict[str, str]], None]] = {
            "family": partial(_family, hub[0]),
            "singles": partial(_singles, hub[0]),
            "at_once": partial(_at_once, hub, pool),
            "bare": partial(_bare, bare),
        }

        def measure(name: str) -> float:
            for client in (*hub, bare):
                client.connect()  # servers end connections that were silent for some seconds
            parties = [enterprise(10 + next(number) % ENTERPRISES) for _ in range(turns)]
            started = time.perf_counter()
            for party in parties:
                work[name](party)
            return 1000 * (time.perf_counter() - started) / turns

        yield {name: partial(measure, name) for name in work}


class _Client:
    """One connection that stays."""

    def __init__(self, port: int, token: str) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=60)
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def connect(self) -> None:
        """Anew."""
        self._connection.close()
        self._connection.connect()

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        self._connection.request("POST", f"/api/v1{path}", json.dumps(body).encode(), self._headers)
        answer = self._connection.getresponse()
        read: dict[str, Any] = json.loads(answer.read())
        if answer.status >= 300:  # not 2xx
            raise RuntimeError(f"{path}: {answer.status} {read}")
        return read


def _family(client: _Client, party: dict[str, str]) -> None:
    opened = client.post("/families", _family_body(party))
    found = client.post(f"/families/{opened['family_no']}/evidence", {"purpose": PURPOSE})
    if len(found["still_needed"]) != 1 or found["still_needed"][0]["for"][-1]["matter"] != _CODES[-1]:
        raise RuntimeError(f"not one paper for all: {found['still_needed']}")


def _single(client: _Client, code: str, party: dict[str, str]) -> None:
    opened = client.post("/cases", case_body(matter=code, parties=[{"role": "applicant", **party}]))
    client.post(f"/cases/{opened['case_no']}/evidence", {"purpose": PURPOSE})


def _singles(client: _Client, party: dict[str, str]) -> None:
    for code in _CODES:
        _single(client, code, party)


def _at_once(clients: list[_Client], pool: ThreadPoolExecutor, party: dict[str, str]) -> None:
    list(pool.map(partial(_single, party=party), clients, _CODES))


def _bare(client: _Client, party: dict[str, str]) -> None:
    client.post("/families", _family_body(party))
    client.post("/families/YZF/evidence", {"purpose": PURPOSE})


def _family_body(party: dict[str, str]) -> dict[str, Any]:
    body = case_body(parties=[{"role": "applicant", **party}], external_no=str(uuid.uuid4()))
    return {"event": "TEN"} | {name: value for name, value in body.items() if name not in {"matter", "kind"}}


async def _fill(place: Place) -> None:
    await make_template(place)
    async with place.open() as hub:
        parties = [enterprise(10 + number) for number in range(ENTERPRISES)]
        await issue(hub, *(enterprise_claims(name=item["name"], uscc=item["id_number"]) for item in parties))
        for code in _CODES:
            await hub.registry.add_matter(matter_definition() | {"code": code})
        await hub.registry.add_grant(grant_definition(hub, matters=list(_CODES)))
        await hub.life_events.add(
            COMMAND,
            {
                "code_system": "test",
                "code": "TEN",
                "title": {"zh": "十个事项", "en": "Ten matters"},
                "department": AMR,
                "parties": ["applicant"],
                "matters": [{"matter": code} for code in _CODES],
            },
        )
        await hub.ledger.drain()
