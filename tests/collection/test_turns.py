"""A fair share for departments: one worker, and nobody's long register holds up another department's short one."""

import asyncio
from datetime import date, timedelta
from pathlib import Path

import pytest

from catalog.store import find_department, find_system_id
from hub.access.service import Caller
from hub.clock import utc_now
from hub.collection import turns
from hub.collection.batches.order import BatchOrder, BatchView
from hub.collection.reading.reader import Format
from hub.runtime import Hub
from hub.sample.numbers import citizen_id
from hub.storage.jobs import MemoryJobs
from tests.drills.register import write_register
from tests.support import AMR, INTAKE, POLICE

pytestmark = pytest.mark.embedded
ROWS = 350
CARDS = f"""姓名,性别,民族,出生日期,住址,公民身份号码,签发机关,有效期起始日期,有效期截止日期
甲某,男,汉,1990-03-07,示例路1号,{citizen_id("990102", date(1990, 3, 7), 1)},示例市公安局,2020-01-01,2040-01-01
"""


class Worker(MemoryJobs):
    """A worker with so many places, a while later."""

    def __init__(self, hub: Hub, *, places: int, seconds: int = 0) -> None:
        ahead = timedelta(seconds=seconds)
        super().__init__(hub.database, clock=lambda: utc_now() + ahead, handlers=hub.collection.handlers())
        self._slots = asyncio.Semaphore(places)


async def _sent(hub: Hub, department: str, kind: str, data: bytes) -> tuple[Caller, str]:
    found = await hub.database.read(lambda tx: find_department(tx, department))
    system = await hub.database.read(lambda tx: find_system_id(tx, INTAKE))
    assert found is not None
    assert system is not None
    caller = Caller(system, INTAKE, found.id, "", {}, 0)
    order = BatchOrder(type=kind, issuer=department, as_of=utc_now(), format=Format.CSV)
    batch = (await hub.collection.batches.create(caller, order)).batch.id
    await hub.collection.batches.put_part(caller, batch, 1, data)
    await hub.collection.batches.start(caller, batch)
    return caller, batch


async def _look(hub: Hub, sent: tuple[Caller, str]) -> BatchView:
    return await hub.collection.batches.view(*sent)


@pytest.fixture
def long(tmp_path: Path) -> bytes:
    return write_register(tmp_path / "register.csv", rows=ROWS).path.read_bytes()


async def test_a_long_collection_gives_way_and_goes_on_where_it_was(
    hub: Hub, long: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "TURN", timedelta())
    first = await _sent(hub, AMR, "business_licence", long)
    second = await _sent(hub, POLICE, "identity_card", CARDS.encode())
    await Worker(hub, places=1).sweep()
    waiting, done = await _look(hub, first), await _look(hub, second)
    assert (done.batch.state, done.batch.totals.issued) == ("finished", 1)
    assert waiting.batch.state == "queued"
    assert 0 < waiting.batch.totals.rows < ROWS
    await Worker(hub, places=1).sweep()
    ended = (await _look(hub, first)).batch
    assert (ended.state, ended.totals.rows, ended.totals.unchanged) == ("finished", ROWS, 0)


async def test_a_collection_for_which_nobody_waits_goes_on(
    hub: Hub, long: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "TURN", timedelta())
    only = await _sent(hub, AMR, "business_licence", long)
    await Worker(hub, places=1).sweep()
    assert (await _look(hub, only)).batch.state == "finished"


async def test_a_department_leaves_places_to_others(hub: Hub, long: bytes) -> None:
    sent = [await _sent(hub, AMR, "business_licence", long + b"\n" * blank) for blank in range(3)]
    await Worker(hub, places=8).sweep()
    states = [(await _look(hub, item)).batch.state for item in sent]
    assert sorted(states) == ["finished", "finished", "queued"]
    await Worker(hub, places=8, seconds=5).sweep()
    assert {(await _look(hub, item)).batch.state for item in sent} == {"finished"}
