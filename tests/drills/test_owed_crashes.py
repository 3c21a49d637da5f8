"""Drill for what is owed: kill -9 between reading the source again and committing what it said."""

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.drills.processes import KILLED
from tests.drills.town import Request, Town, opening
from tests.exchange.conftest import add_source, publish
from tests.exchange.test_indexed import furnish, standing
from tests.registry.department import CODE, interface, source
from tests.support import ENTERPRISE, PURPOSE

AT_PAYING = ("debt.read",)


@pytest.fixture
def waiting(town: Town) -> Town:
    """A licence whose claims lie at a register, and a matter that asks for it."""
    claims = {"name": "name", "uscc": "uscc", "standing": "status"}

    async def prepare() -> None:
        async with town.place.open() as hub:
            await add_source(hub, 0, **source(register(town)), targets=[])
            await publish(hub, interface())
            await furnish(hub, standing(source={"interface": CODE, "claims": claims}), "name")

    asyncio.run(prepare())
    return town


def register(town: Town, *, away: bool = False) -> Path:
    """The department's own register; `away`, its table is elsewhere."""
    path = town.scratch / "register.sqlite3"
    with closing(sqlite3.connect(path)) as database, database:
        if away:
            database.execute("ALTER TABLE enterprises RENAME TO elsewhere")
        elif database.execute("SELECT 1 FROM sqlite_master WHERE name = 'elsewhere'").fetchone():
            database.execute("ALTER TABLE elsewhere RENAME TO enterprises")
        else:
            database.execute("CREATE TABLE enterprises (name TEXT, uscc TEXT, day TEXT, zt TEXT)")
            known = (ENTERPRISE["name"], ENTERPRISE["id_number"], "2019-03-01", "1")
            database.execute("INSERT INTO enterprises VALUES (?, ?, ?, ?)", known)
    return path


@pytest.mark.slow
@pytest.mark.embedded
def test_what_was_read_and_not_committed_is_read_again_and_disclosed_once(waiting: Town) -> None:
    town = waiting
    register(town, away=True)
    with town.serving() as server:
        case_no = str(town.insist(server, opening(matter="STANDING")).json()["case_no"])
        pulled = town.insist(server, Request(f"/api/v1/cases/{case_no}/evidence", {"purpose": PURPOSE}))
        assert [item["code"] for item in pulled.json()["owed"]] == ["standing"], pulled.text
        closing_asked = town.insist(server, Request(f"/api/v1/cases/{case_no}/close", {"when_paid": True}))
        assert closing_asked.json()["state"] == "open"
    (debt,) = json.loads(town.run("debt", "list", "--json"))["debts"]
    assert town.command("debt", "pay", debt["id"]).returncode == 69
    register(town)
    assert town.command("debt", "pay", debt["id"], crash_at=AT_PAYING[0]).returncode == KILLED
    assert "disclosure" not in kinds(town)
    paid = json.loads(town.run("debt", "pay", debt["id"], "--json"))
    assert (paid["state"], paid["outcome"]) == ("paid", "satisfied")
    assert sorted(kinds(town)) == ["case.close", "debt.paid", "disclosure"]
    assert town.history.faults == []


def kinds(town: Town) -> list[str]:
    query = "SELECT kind FROM ledger_entries WHERE kind IN ('disclosure', 'debt.paid', 'case.close')"
    return [row["kind"] for row in town.look(query)]
