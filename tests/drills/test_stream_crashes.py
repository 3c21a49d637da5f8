"""Drill for evidence that leaves item by item: kill -9 behind an item's ledger row, and before the whole is signed."""

import asyncio
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress

import httpx2
import pytest

from tests.drills.processes import KILLED
from tests.drills.test_owed_crashes import kinds, register
from tests.drills.test_owed_crashes import waiting as waiting  # noqa: PLC0414  # the fixture
from tests.drills.town import Request, Server, Town, opening
from tests.exchange.conftest import add_source, definition, grant, publish
from tests.support import PURPOSE, grant_definition, matter_definition, requirement

AT_STREAMING = ("item.decided", "item.whole")


@pytest.fixture
def silent(waiting: Town, monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    """And a matter that asks the library, and a source that says nothing as long as anybody waits."""
    monkeypatch.setenv("YIZHENG_EGRESS_NETWORKS", "127.0.0.0/8")
    with socket.create_server(("127.0.0.1", 0)) as listening:

        async def prepare() -> None:
            async with waiting.place.open() as hub:
                await add_source(hub, listening.getsockname()[1], code="silent")
                await publish(hub, definition(code="silent_info", source="silent"))
                await hub.registry.add_grant(grant(interface="silent_info", matters=["SILENT"]))
                await hub.registry.add_grant(grant_definition(hub, matters=["SILENT"]))
                asked = requirement(
                    "said", "登记信息", "applicant", [[{"interface": "silent_info", "fields": ["name"]}]]
                )
                requirements = [asked, matter_definition()["requirements"][0]]
                await hub.registry.add_matter(matter_definition() | {"code": "SILENT", "requirements": requirements})

        asyncio.run(prepare())
        yield waiting


@pytest.mark.slow
@pytest.mark.embedded
def test_what_was_decided_when_its_stream_died_is_signed_and_never_read_again(silent: Town) -> None:
    town = silent
    cut_off = []
    for point, matter in zip(AT_STREAMING, ("SILENT", "STANDING"), strict=True):
        with town.serving(crash_at=point) as server:
            case_no = str(town.insist(server, opening(matter=matter)).json()["case_no"])
            cut_off.append(Request(f"/api/v1/cases/{case_no}/evidence", {"purpose": PURPOSE}))
            assert "event: end" not in _streamed(town, server, cut_off[-1])
            assert server.process.wait(10) == KILLED
    assert kinds(town) == ["disclosure"] * 2
    register(town, away=True)
    _let_leases_run_out(town)
    found = {}
    with town.serving() as server:
        for request in cut_off:
            answer = town.insist(server, request).json()
            found |= {item["code"]: (item["outcome"], item["why"]["code"]) for item in answer["requirements"]}
            assert town.insist(server, request).json() == answer
    satisfied = ("satisfied", "satisfied")
    assert found == {
        "said": ("source_unavailable", "interrupted"),
        "licence": satisfied,
        "standing": satisfied,
    }
    assert kinds(town) == ["disclosure"] * 2
    assert town.history.faults == []


def _streamed(town: Town, server: Server, request: Request) -> str:
    headers = {"Authorization": f"Bearer {town.token}", "Idempotency-Key": request.key, "Accept": "text/event-stream"}
    seen = ""
    asked = server.http.stream("POST", request.path, json=request.body, headers=headers)
    with suppress(httpx2.TransportError), asked as answer:
        for piece in answer.iter_text():
            seen += piece
    return seen


def _let_leases_run_out(town: Town) -> None:
    """As ten seconds would, in which nobody renews them."""
    with closing(sqlite3.connect(town.place.home / "hub.sqlite3", timeout=10)) as database, database:
        database.execute("UPDATE evidence_requests SET lease_until = 0")
