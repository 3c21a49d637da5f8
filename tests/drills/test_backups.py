"""Drills 48 and 49: a backup taken under load is one instant of the log; an erasure that is killed is finished."""

import asyncio
import json
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hub.ledger.tombstones import FILE
from tests.drills.oracle import examine
from tests.drills.processes import KILLED
from tests.drills.town import Server, Town, pulling
from tests.hub.test_backup import empty_place
from tests.hub.test_erasure import BASIS, COMMAND, ENTERPRISE, ERASE, SECOND, held
from tests.support import INTAKE, Place

LOAD_SECONDS = 0.8
AT_ERASING = ("subject.erasing", "subject.erased")


@pytest.mark.slow
def test_49_a_backup_taken_under_load_is_one_instant_that_the_oracle_accepts(town: Town, tmp_path: Path) -> None:
    over = threading.Event()

    def clerk(server: Server) -> None:
        while not over.is_set():
            town.insist(server, pulling(town.open_case(server)))

    with town.serving() as server, ThreadPoolExecutor(3) as clerks:
        under_way = [clerks.submit(clerk, server) for _ in range(3)]
        time.sleep(LOAD_SECONDS)
        done = json.loads(town.run("backup", tmp_path / "backup", "--json"))
        time.sleep(LOAD_SECONDS / 3)
        over.set()
        for ended in under_way:
            ended.result()
    assert examine(town) == []
    with empty_place(town.place, tmp_path / "other") as other:
        (tmp_path / "scratch").mkdir()
        again = Town(other, tmp_path / "scratch")
        again.run("restore", tmp_path / "backup")
        shutil.copy(town.place.home / f"{INTAKE}.pem", other.home)  # the system's own key; no part of the hub
        lost = json.loads(again.run("ledger", "succeed", "--reason", "drill", "--json"))
        assert lost["entries"] == done["entries"] > 0
        assert lost["lost"] > 0
        assert examine(again) == []
        assert _first(again, done["entries"]) == _first(town, done["entries"])


def _first(town: Town, count: int) -> list[dict[str, str]]:
    return town.look("SELECT id FROM ledger_entries WHERE position < ? ORDER BY position", count)


def test_an_erasure_that_is_killed_is_not_begun_or_is_finished(town: Town) -> None:
    """Before the commit nothing happened; behind it the next start files the tombstone."""
    proposal = asyncio.run(_propose(town.place))
    listed = town.place.home / "witness" / FILE
    for point in AT_ERASING:
        assert town.command("proposal", "confirm", proposal, crash_at=point).returncode == KILLED, point
        erased = town.look("SELECT count(*) AS n FROM erasures")[0]["n"]
        assert (erased, listed.exists()) == (int(point == "subject.erased"), False)
    assert len(asyncio.run(_held(town.place))) == 0
    assert len(listed.read_text().splitlines()) == 1
    assert json.loads(town.run("ledger", "verify", "--json"))["findings"] == []


async def _propose(place: Place) -> str:
    async with place.open() as hub:
        found = await hub.erasure.find(COMMAND, ENTERPRISE["id_type"], ENTERPRISE["id_number"])
        payload = {"subject": found.id, "legal_basis": BASIS}
        made = await hub.sharing.proposals.propose(SECOND, ERASE, payload, "asked for")
        await hub.ledger.drain()
        return made.id


async def _held(place: Place) -> list[object]:
    async with place.open() as hub:
        return list(await held(hub))
