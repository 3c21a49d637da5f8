"""Where a person would be told to try later, a run waits: for hours, quotas, load limits, a source that is away."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from adapters.errors import UnreachableError
from catalog.sources import Limits, read_source
from catalog.tables import table
from hub.clock import BEIJING, utc_now
from hub.exchange.bulk.finding import NotNowError, check_window, chunk_of, until_tomorrow
from hub.exchange.bulk.order import PartyLines, pages_of
from hub.exchange.bulk.store import RUN
from hub.exchange.pool import SourcePool
from hub.exchange.tables import BulkRunRow
from hub.storage.tables import OutboxRow
from tests.exchange.bulking import begin, bulk_grant, see, work
from tests.exchange.conftest import Town

OUTBOX, RUNS = table(OutboxRow), table(BulkRunRow)


async def later(town: Town) -> None:
    """The moment that a run waits for has come."""
    await town.hub.database.write(lambda tx: tx.execute(update(OUTBOX).values(due_at=utc_now())))
    await work(town)


@pytest.mark.parametrize("template", ["sqlite"], indirect=True)
async def test_a_quota_that_is_used_up_is_waited_for_and_never_exceeded(town: Town) -> None:
    await town.hub.registry.add_grant(bulk_grant(quota_per_day=5))
    run = await begin(town, 8)
    await work(town)
    seen = await see(town, run)
    assert (seen["state"], seen["progress"]["answered"], len(town.register.asked)) == ("running", 5, 5)
    assert seen["progress"]["paused_why"] == "quota_exhausted"
    due = datetime.fromisoformat(seen["progress"]["paused_until"]).astimezone(BEIJING)
    assert (due.hour, due.minute) == (0, 0)
    await later(town)
    assert (await see(town, run))["progress"]["answered"] == 5


@pytest.mark.parametrize("template", ["sqlite"], indirect=True)
async def test_a_source_that_is_away_is_waited_for_a_few_times_and_then_is_an_outcome(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    await town.hub.registry.add_grant(bulk_grant())

    async def away(*_: Any) -> Any:
        await asyncio.sleep(0)
        raise UnreachableError("breaker_open")

    run = await begin(town, 3)
    with monkeypatch.context() as patched:
        patched.setattr(SourcePool, "ask", away)
        for _ in range(3):
            await later(town)
            seen = await see(town, run)
            assert (seen["state"], seen["progress"]["paused_why"]) == ("running", "breaker_open")
        await later(town)
    assert (await see(town, run))["progress"]["outcomes"] == {"source_unavailable": 3}


@pytest.mark.parametrize("template", ["sqlite"], indirect=True)
async def test_a_run_whose_job_was_lost_is_taken_up_again_and_one_job_too_many_does_nothing(town: Town) -> None:
    await town.hub.registry.add_grant(bulk_grant())
    run = await begin(town, 3)
    jobs = select(OUTBOX.c.payload).where(OUTBOX.c.kind == RUN)
    stale = await town.hub.database.read(lambda tx: tx.execute(jobs).scalar_one())
    long_ago = utc_now() - timedelta(hours=1)

    def lose(tx: Any) -> None:
        tx.execute(OUTBOX.delete())
        tx.execute(update(RUNS).values(changed_at=long_ago))

    await town.hub.database.write(lose)
    assert await town.hub.bulk.ending.sweep() == 1
    await town.hub.bulk.runner.run(stale)
    assert town.register.asked == []
    await work(town)
    assert (await see(town, run))["state"] == "finished"
    assert len(town.register.asked) == 3


def source(**changes: Any) -> Any:
    limits = changes.pop("limits", {})
    declared = {
        "code": "register",
        "department": "11990000MB0000002Q",
        "name": {"zh": "登记库", "en": "Register"},
        "kind": "rest",
        "connection": {"url": "http://127.0.0.1:1"},
        "targets": ["127.0.0.1:1"],
        "limits": limits,
    }
    return read_source(declared | changes)


def test_outside_its_hours_a_source_is_left_alone_until_they_begin() -> None:
    night = source(windows=["22:00-06:00", "12:00-13:00"])
    at = datetime(2026, 11, 22, 9, 30, 20, tzinfo=BEIJING)
    with pytest.raises(NotNowError) as caught:
        check_window(night, at)
    assert at + caught.value.after == at.replace(hour=12, minute=0, second=0)
    for hour in (23, 5, 12):
        check_window(night, at.replace(hour=hour))
    check_window(source(), at)
    assert at + until_tomorrow(at) == datetime(2026, 11, 23, tzinfo=BEIJING)


def test_a_run_takes_half_of_what_a_source_allows() -> None:
    assert chunk_of(source(limits={"concurrency": 2})) == (16, 1, timedelta())
    assert chunk_of(source(limits={"concurrency": 64}))[1] == 4
    size, _, lasts = chunk_of(source(limits={"per_minute": 20}))
    assert size / (lasts / timedelta(minutes=1)) == 10
    assert Limits().per_minute is None


def test_a_long_list_is_never_in_memory_as_objects() -> None:
    lines = PartyLines(b'{"name": "\xe7\x94\xb2"}\n' * 10_000 + b"\n\n" + b"x" * 100_000)
    pages = pages_of(lines, 500)
    assert not isinstance(pages, list)
    assert [len(page) for page in pages] == [500] * 20
