"""A department declares, runs, reconciles and ends its feeds; others find none, and one hand alone issues nothing."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import select, text

from catalog.tables import table
from hub.access.actors import COMMAND, Role
from hub.access.staff_store import Staff
from hub.collection.errors import FeedEndedError
from hub.collection.turns import FEED_JOB
from hub.ledger.tables import LedgerEntryRow
from hub.runtime import Hub
from hub.storage.jobs import unsettled
from tests.access.people import add, add_operator
from tests.access.test_staff_api import bearer
from tests.collection.test_feeds import FEED, ROWS, _put
from tests.collection.test_feeds import register as register  # noqa: PLC0414  # a fixture
from tests.hub.command import yizheng
from tests.registry.department import source
from tests.serving import problem
from tests.support import POLICE, TYPES, Place

pytestmark = pytest.mark.embedded
ALL = "/api/v1/collection-feeds"
ONE = f"{ALL}/{FEED['code']}"
ENTRIES = table(LedgerEntryRow)


class Desk:
    """People of the department, and their calls."""

    def __init__(self, hub: Hub, client: httpx2.AsyncClient) -> None:
        self.hub = hub
        self.client = client
        self.tokens: dict[str, dict[str, str]] = {}

    async def hire(self, staff: Staff) -> None:
        self.tokens[staff.user_name] = await bearer(self.hub, staff)

    async def get(self, who: str, path: str = ONE) -> httpx2.Response:
        return await self.client.get(path, headers=self.tokens[who])

    async def post(self, who: str, path: str, body: dict[str, Any] | None = None) -> httpx2.Response:
        return await self.client.post(path, headers=self.tokens[who], json=body)

    async def declare(self, **changes: Any) -> httpx2.Response:
        return await self.post("engineer", ALL, {"definition": FEED | changes})


@pytest.fixture
async def desk(hub: Hub, client: httpx2.AsyncClient, register: sqlite3.Connection) -> Desk:
    await hub.sources.add(COMMAND, source(_path(register)) | {"code": FEED["source"]})
    found = Desk(hub, client)
    await found.hire(await add(hub, "engineer", Role.OWNER_ENGINEER))
    await found.hire(await add(hub, "approver", Role.OWNER_APPROVER))
    await found.hire(await add(hub, "police", Role.OWNER_ENGINEER, department=POLICE))
    await found.hire(await add_operator(hub))
    return found


def _path(register: sqlite3.Connection) -> Path:
    return Path(register.execute("PRAGMA database_list").fetchone()[2])


async def _kinds(hub: Hub) -> list[str]:
    query = select(ENTRIES.c.kind).where(ENTRIES.c.kind.like("collection.%")).order_by(ENTRIES.c.id)
    return await hub.database.read(lambda tx: list(tx.execute(query).scalars()))


async def test_a_feed_is_declared_confirmed_run_reconciled_and_ended_by_its_department(
    desk: Desk, hub: Hub, place: Place, register: sqlite3.Connection
) -> None:
    _put(register, ROWS, "not a day", address="")
    register.execute("UPDATE register SET since = '二月三十' WHERE uscc LIKE '%8000005%'")
    register.commit()
    before = await _kinds(hub)
    made = await desk.declare(every_minutes=60)
    assert (made.status_code, made.json()["state"]) == (201, "unconfirmed")
    assert await hub.collection.rounds.sweep() == 0, "what one hand declared asks nobody"
    with pytest.raises(FeedEndedError):
        await hub.collection.feeds.open(FEED["code"])
    assert problem(await desk.post("engineer", f"{ONE}/run"), slug="wrong-state")["state"] == "unconfirmed"
    problem(await desk.post("engineer", f"{ONE}/confirm", {"row_version": 1}), slug="forbidden")
    problem(await desk.post("approver", f"{ONE}/confirm", {"row_version": 2}), slug="conflict")
    assert (await desk.post("approver", f"{ONE}/confirm", {"row_version": 1})).json()["state"] == "active"

    problem(await desk.post("approver", f"{ONE}/run"), slug="forbidden")
    for _ in range(2):
        asked = await desk.post("engineer", f"{ONE}/run")
        assert (asked.status_code, asked.json()["collecting"], asked.json()["run"]) == (202, True, None)
    assert len(await hub.database.read(lambda tx: unsettled(tx, FEED_JOB))) == 1
    await hub.jobs.sweep()
    shown = (await desk.get("approver")).json()
    assert (shown["collecting"], shown["run"]["state"], shown["run"]["totals"]["issued"]) == (
        False,
        "finished",
        ROWS - 1,
    )
    assert shown["run"]["totals"]["rejected"] == sum(shown["run"]["reasons"].values()) == 2
    problem(await desk.get("engineer", f"{ONE}/report"), slug="wrong-state")
    assert (await desk.post("operator", f"{ONE}/reconcile")).json()["reconciling"] is True
    await hub.jobs.sweep()
    shown = (await desk.get("engineer")).json()
    counts = shown["reconciliation"]["counts"]
    assert (shown["reconciliation"]["state"], counts["register"], counts["equal"]) == ("differs", ROWS + 1, ROWS - 1)
    (place.home / "reports" / "reconciliation" / f"{FEED['code']}.jsonl").unlink()  # another machine's
    lines = [json.loads(line) for line in (await desk.get("approver", f"{ONE}/report")).text.splitlines()]
    assert [line["identifier"] for line in lines if line["kind"] == "orphan"], "the licence of the template"
    assert (await desk.get("engineer", ALL)).json()["feeds"] == [shown]

    assert (await desk.post("engineer", f"{ONE}/end")).json()["state"] == "ended"
    problem(await desk.post("operator", f"{ONE}/end"), slug="wrong-state")
    problem(await desk.post("operator", f"{ONE}/reconcile"), slug="wrong-state")
    steps = ["", ".confirm", ".run", ".reconcile", "", ".report", ".end"]
    new = (await _kinds(hub))[len(before) :]
    assert new == [f"collection.feed{step}" for step in steps[:4]] + ["collection.reconciled"] + [
        f"collection.feed{step}" for step in steps[5:]
    ]
    assert (await yizheng(place, "collect", "feeds")).out.startswith(f"{FEED['code']}  ended  ")
    anew = await desk.declare()
    assert (anew.json()["state"], anew.json()["run"]["state"]) == ("unconfirmed", "finished")


async def test_another_department_finds_none(desk: Desk, hub: Hub) -> None:
    await hub.collection.feeds.declare(COMMAND, FEED)
    await desk.hire(await add(hub, "approver2", Role.OWNER_APPROVER, department=POLICE))
    for path in (ONE, f"{ONE}/report"):
        problem(await desk.get("police", path), status=404, slug="not-found")
    for step in ("run", "reconcile", "end"):
        problem(await desk.post("police", f"{ONE}/{step}"), status=404, slug="not-found")
    problem(await desk.post("approver2", f"{ONE}/confirm", {"row_version": 1}), status=404, slug="not-found")
    problem(await desk.post("police", ALL, {"definition": FEED}), status=404, slug="not-found")
    assert (await desk.get("police", ALL)).json() == {"feeds": []}


async def test_what_is_wrong_with_a_declaration_is_told_by_its_place(desk: Desk, hub: Hub) -> None:
    for changes, pointer in (
        ({"type": "nothing"}, "/type"),
        ({"issuer": "11990200MB00000001"}, "/issuer"),
        ({"source": "nothing"}, "/source"),
        ({"mapping": {"version": 1, "columns": {"uscc": {"claim": "nothing"}}}}, "/mapping/columns/uscc"),
        ({"operation": {"statement": "DELETE FROM register"}}, "/operation/statement"),
    ):
        told = problem(await desk.declare(**changes), slug="invalid-request")
        assert told["errors"][0]["pointer"].startswith(pointer), (pointer, told)
    problem(await desk.declare(size=0), slug="invalid-definition")
    problem(await desk.declare(code="../../elsewhere"), slug="invalid-definition")
    no_whole = {name: item for name, item in FEED.items() if name != "full"}
    await hub.collection.feeds.declare(COMMAND, no_whole)
    told = problem(await desk.post("engineer", f"{ONE}/reconcile"), slug="not-ready")
    assert told["errors"] == [{"pointer": "/full", "rule": "missing"}]


async def test_a_source_that_fails_is_told_and_ending_stops_a_run_between_two_pages(
    desk: Desk, hub: Hub, register: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    await hub.collection.feeds.declare(COMMAND, FEED)
    register.execute("ALTER TABLE register RENAME TO moved")
    await desk.post("engineer", f"{ONE}/run")
    await hub.jobs.sweep()
    told = (await desk.get("engineer")).json()
    assert (told["run"]["state"], told["collecting"]) == ("failed", True), "it is tried again"
    assert told["run"]["problem"]
    register.execute("ALTER TABLE moved RENAME TO register")
    guarded = await hub.pool.source((await hub.collection.feeds.open(FEED["code"])).source)
    ask, asked = guarded.ask, []

    async def ending(prepared: Any, params: Any, **more: Any) -> Any:
        asked.append(params["after"])
        if len(asked) == 2:
            await desk.post("approver", f"{ONE}/end")
        return await ask(prepared, params, **more)

    monkeypatch.setattr(guarded, "ask", ending)
    await hub.collection.rounds.collect({"feed": FEED["code"]})
    told = (await desk.get("engineer")).json()
    assert (told["state"], len(asked), told["run"]["totals"]["issued"]) == ("ended", 2, FEED["size"])
    await hub.collection.rounds.reconcile({"feed": FEED["code"], "job": "none"})
    assert (await desk.get("engineer")).json()["reconciliation"] is None, "no alarm over what was ended"


async def test_where_a_type_wants_two_persons_or_a_row_was_changed_nothing_runs(desk: Desk, hub: Hub) -> None:
    both = await add(hub, "both", Role.OWNER_ENGINEER, Role.OWNER_APPROVER)
    assert (await hub.collection.feed_desk.declare(both.actor(), FEED)).state == "active"
    declared = (TYPES / "business_licence.yaml").read_text(encoding="utf-8")
    await hub.registry.add_type(declared + "\nmaker_checker: true\n")
    assert (await hub.collection.feed_desk.declare(both.actor(), FEED)).state == "unconfirmed"
    await desk.hire(both)
    problem(await desk.post("both", f"{ONE}/confirm", {"row_version": 2}), slug="second-person-needed")
    another = text("UPDATE collection_feeds SET progress = replace(progress, :his, :other)")
    forged = {"his": both.id, "other": both.department_id}
    await hub.database.write(lambda tx: tx.execute(another, forged))
    problem(await desk.post("both", f"{ONE}/confirm", {"row_version": 2}), slug="integrity")
    await hub.database.write(lambda tx: tx.execute(another, {"his": forged["other"], "other": forged["his"]}))
    await hub.database.write(lambda tx: tx.execute(text("UPDATE collection_feeds SET active = true")))
    problem(await desk.post("engineer", f"{ONE}/run"), slug="integrity")
