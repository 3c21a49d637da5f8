"""Keys of a suite that nobody made before: made beside the transaction, once, and under one root."""

import asyncio
import sqlite3
from contextlib import closing

import pytest

from hub.issuing.keys.first import FirstNeed
from hub.issuing.keys.making import SM2_ROOT
from hub.issuing.keys.store import KeySlot
from hub.runtime import Hub
from hub.storage.suites import Suite
from tests.support import Place

pytestmark = pytest.mark.embedded


async def test_a_first_key_is_generated_while_others_write_and_written_once(place: Place, hub: Hub) -> None:
    """A key of RSA takes a second, in which on SQLite nobody else could write."""
    slot = KeySlot("purpose-copy", hub.desk.owner().slot.organization_id, Suite.RSA)
    first = FirstNeed(hub.database, desk=hub.desk, clock=hub.clock)
    with closing(sqlite3.connect(place.home / "hub.sqlite3", isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        asked = [asyncio.create_task(first.hub("purpose-copy", suite=Suite.RSA)) for _ in range(3)]
        async with asyncio.timeout(20):
            while not hub.keys.kids(slot.store_name):  # noqa: ASYNC110  # a file, which tells nobody
                await asyncio.sleep(0.02)
        writer.execute("ROLLBACK")
    found = await asyncio.gather(*asked)
    async with place.open() as other:
        second = FirstNeed(other.database, desk=other.desk, clock=other.clock)
        found.append(await second.hub("purpose-copy", suite=Suite.RSA))
    assert hub.keys.kids(slot.store_name) == (found[0].signer.kid,)
    assert len({item.signer.kid for item in found}) == 1


async def test_two_processes_that_find_no_root_of_sm2_keep_one(place: Place, hub: Hub) -> None:
    async with place.open() as other:
        needs = [FirstNeed(each.database, desk=each.desk, clock=each.clock) for each in (hub, other)]
        found = await asyncio.gather(*(need.hub("purpose-copy") for need in needs))
        assert len({item.signer.kid for item in found}) == 1
        root = hub.keys.authority(SM2_ROOT).certificate
        assert root in hub.desk.anchors()
        assert root in other.desk.anchors()
        assert all(item.trial for item in found)
