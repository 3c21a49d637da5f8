"""Feeds by themselves: collected and reconciled when due, in turns; what is missing is revoked, unless in doubt."""

import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from catalog.errors import DefinitionError
from hub.access.actors import COMMAND
from hub.clock import utc_now
from hub.collection import turns
from hub.collection.feeds import store
from hub.collection.feeds.definition import read_feed
from hub.collection.feeds.timetable import Timetable
from hub.collection.reconciliation.reconciling import Reading
from hub.collection.reconciliation.scratch import SeenPage
from hub.collection.turns import FEED_JOB, RECONCILE
from hub.runtime import Hub
from hub.storage.jobs import enqueue
from tests.collection.test_feeds import FEED, _declared, _put
from tests.collection.test_feeds import register as register  # noqa: PLC0414  # a fixture
from tests.collection.test_turns import Worker
from tests.hub.command import yizheng
from tests.support import TYPES, Place

pytestmark = pytest.mark.embedded
CODE = FEED["code"]
PERIOD = 60


async def _revoking(hub: Hub, register: sqlite3.Connection, **changes: Any) -> None:
    """The feed, collected once, of a type that revokes what is missing. One licence of the template is an orphan."""
    declared = (TYPES / "business_licence.yaml").read_text(encoding="utf-8")
    await hub.registry.add_type(declared + "\nregister_driven: {on_missing: revoke}\n")
    await _declared(hub, register, reconcile_every_minutes=PERIOD, **changes)
    await hub.collection.feeds.run(CODE)


async def _later(hub: Hub, monkeypatch: pytest.MonkeyPatch, periods: int) -> dict[str, Any]:
    """So many periods after the feed was declared: a worker sweeps and works. What its reconciliation came to."""
    ahead = timedelta(minutes=PERIOD * periods, seconds=5 * periods)
    monkeypatch.setattr(hub.collection.rounds, "_clock", lambda: utc_now() + ahead)
    await hub.collection.rounds.sweep()
    await Worker(hub, places=1, seconds=int(ahead.total_seconds()) + 1).sweep()
    (shown,) = await hub.collection.feed_desk.list(COMMAND)
    return shown.reconciliation or {}


async def _revoked(hub: Hub) -> int:
    query = text("SELECT count(*) FROM certificate_versions WHERE status = 'revoked'")
    return int(await hub.database.read(lambda tx: tx.execute(query).scalar()) or 0)


def _delete(register: sqlite3.Connection, *numbers: int) -> None:
    for number in numbers:
        register.execute("DELETE FROM register WHERE uscc LIKE ?", (f"%MA{8000000 + number:07d}%",))
    register.commit()


async def test_what_is_gone_from_the_register_is_revoked_by_the_worker_and_a_cut_register_is_not_believed(
    hub: Hub, place: Place, register: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _revoking(hub, register, every_minutes=PERIOD * 100)
    assert await hub.collection.rounds.sweep() == 1, "the collection, at once"
    assert await hub.database.read(lambda tx: turns.any_due(tx, [RECONCILE], now=utc_now())) is False
    assert (await _later(hub, monkeypatch, 1))["state"] == "differs"
    assert await _revoked(hub) == 1
    _delete(register, 7)
    told = await _later(hub, monkeypatch, 2)
    assert (told["state"], told["counts"]["orphans"], told["counts"]["acted"]) == ("differs", 1, 1)
    assert await _revoked(hub) == 2
    report = place.home / "reports" / "reconciliation" / f"{CODE}.jsonl"
    assert report.stat().st_mode & 0o777 == 0o600
    assert [json.loads(line)["kind"] for line in report.read_text().splitlines()].count("orphan") == 1

    kept = register.execute("SELECT * FROM register").fetchall()
    _delete(register, *range(10, 20))
    with capture_logs() as logs:
        told = await _later(hub, monkeypatch, 3)
    assert (told["state"], told["counts"]["orphans"], await _revoked(hub)) == ("too_many_missing", 10, 2)
    (alarm,) = [line for line in logs if line.get("alarm")]
    assert (alarm["event"], alarm["feed"], alarm["reason"]) == ("reconciliation_not_acted", CODE, "too_many_missing")
    shown = await yizheng(place, "collect", "feeds")
    assert "too_many_missing" in shown.out
    assert shown.out.startswith(f"{CODE}  finished  "), "collecting it has not been forgotten"

    register.executemany("INSERT OR REPLACE INTO register VALUES (?, ?, ?, ?, ?, ?)", kept)
    register.execute("INSERT INTO register (uscc, changed) VALUES (' ', '')")
    _delete(register, 9)
    assert (await _later(hub, monkeypatch, 4))["state"] == "not_wholly_read"
    register.execute("DELETE FROM register WHERE uscc = ' '")
    register.commit()
    assert (await _later(hub, monkeypatch, 5))["counts"]["acted"] == 1, "what stopped one stops not the next"
    assert ((await _later(hub, monkeypatch, 6))["state"], await _revoked(hub)) == ("agrees", 3)

    await hub.registry.add_type((TYPES / "business_licence.yaml").read_text(encoding="utf-8"))
    _delete(register, *range(10, 20))
    told = await _later(hub, monkeypatch, 7)
    assert (told["state"], told["counts"]["orphans"]) == ("differs", 10), "of a type that keeps them, they are counted"


async def test_a_long_reading_gives_way_goes_on_and_is_not_begun_twice(
    hub: Hub, register: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _revoking(hub, register)
    monkeypatch.setattr(turns, "TURN", timedelta())
    guarded = await hub.pool.source((await hub.collection.feeds.open(CODE)).source)
    asked: list[Any] = []
    ask = guarded.ask

    async def counted(prepared: Any, params: Any, **more: Any) -> Any:
        if "since" not in params:
            asked.append(params["after"])
        return await ask(prepared, params, **more)

    monkeypatch.setattr(guarded, "ask", counted)
    ahead = timedelta(minutes=PERIOD, seconds=5)
    monkeypatch.setattr(hub.collection.rounds, "_clock", lambda: utc_now() + ahead)
    worker = Worker(hub, places=1, seconds=int(ahead.total_seconds()) + 1)
    await hub.collection.rounds.sweep()
    monkeypatch.setattr(hub.collection.rounds, "_clock", lambda: utc_now() + ahead * 2)
    await hub.collection.rounds.sweep()
    queued = text(f"SELECT count(*) FROM outbox WHERE kind = '{RECONCILE}'")
    assert await hub.database.read(lambda tx: tx.execute(queued).scalar()) == 1
    monkeypatch.setattr(hub.collection.rounds, "_clock", lambda: utc_now() + ahead)
    await hub.database.write(lambda tx: enqueue(tx, FEED_JOB, {"feed": CODE}, now=utc_now() + ahead))
    await worker.sweep()
    assert len(asked) == 1, "it gave way to the collection"
    for _ in range(4):
        await worker.sweep()
    assert len(asked) == len(set(asked)) == 4, "and went on where it was"
    assert await _revoked(hub) == 1


async def test_a_licence_whose_row_came_behind_the_reading_is_not_missing(
    hub: Hub, register: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _revoking(hub, register)
    guarded = await hub.pool.source((await hub.collection.feeds.open(CODE)).source)
    ask = guarded.ask

    async def meanwhile(prepared: Any, params: Any, **more: Any) -> Any:
        answer = await ask(prepared, params, **more)
        if "since" not in params and params["after"] == "":
            _put(register, -1, "2026-03-01T00:00:00Z")
            await hub.collection.feeds.run(CODE)
        return answer

    monkeypatch.setattr(guarded, "ask", meanwhile)
    told = await _later(hub, monkeypatch, 1)
    assert (told["counts"]["newer"], told["counts"]["acted"], await _revoked(hub)) == (1, 1, 1)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"full": None}, "needs `full`"),
        ({"reconcile_every_minutes": 0}, "whole number"),
        ({"full": {"statement": "SELECT uscc FROM register LIMIT :size OFFSET :offset"}}, "`after`"),
    ],
)
async def test_what_cannot_be_reconciled_safely_is_refused(
    hub: Hub, register: sqlite3.Connection, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(DefinitionError, match=said):
        await _declared(hub, register, **{"reconcile_every_minutes": PERIOD, **changes})


def test_a_feed_has_two_times_and_one_that_was_declared_before_has_one() -> None:
    now = utc_now()
    feed = read_feed(FEED | {"every_minutes": 5, "reconcile_every_minutes": PERIOD})
    times = Timetable.declared(feed, now)
    assert (times.collect, times.reconcile) == (now, now + timedelta(minutes=PERIOD))
    moved = times.moved(feed, now)
    assert (moved.collect, moved.reconcile) == (now + timedelta(minutes=5), times.reconcile)

    def stored(progress: dict[str, Any], due: datetime | None) -> store.StoredFeed:
        return store.StoredFeed("", CODE, "", {}, True, progress, None, due, 0, b"")  # noqa: FBT003

    assert Timetable.of(stored({"due": moved.to_json()}, None)) == moved
    assert Timetable.of(stored({}, now)) == Timetable(now, None)


async def test_a_register_is_as_old_as_the_oldest_that_was_read_of_it_and_no_younger_than_its_reading() -> None:
    began = utc_now()

    async def pages(*hours: int) -> AsyncIterator[SeenPage]:
        for hour in hours:
            yield SeenPage([], began + timedelta(hours=hour))

    for hours, oldest in (((1, 2), 0), ((-3, -5, 1), -5)):
        with closing(Reading(pages(*hours), began=began)) as reading:
            await reading.go_on()
        assert reading.as_of == began + timedelta(hours=oldest)
