"""Rows and the ledger are two statements: what others commit between them is no damage."""

import asyncio

import pytest

from catalog.grants import GrantState
from catalog.store import list_grants
from hub.access.actors import COMMAND
from hub.exchange.bulk.matter_ground import MatterGround
from hub.exchange.bulk.standing import BulkGround
from hub.issuing.types.halts import refuse_halted
from hub.runtime import Hub
from hub.storage.errors import IntegrityBrokenError


async def test_whoever_issues_while_types_are_stopped_is_not_told_of_damage(hub: Hub) -> None:
    over = asyncio.Event()

    async def stop() -> None:
        for code in sorted(hub.types.current())[:6]:
            await hub.halts.halt(COMMAND, code, reason="x", legal_basis="y")
        over.set()

    async def look() -> None:
        while not over.is_set():
            await hub.database.write(lambda tx: refuse_halted(tx, hub.vault, ["none"]))
            await asyncio.sleep(0)

    await asyncio.gather(stop(), *(look() for _ in range(4)))


@pytest.mark.embedded
async def test_a_grant_that_changes_between_its_row_and_the_ledger_ends_no_bulk_run(hub: Hub) -> None:
    before = await hub.database.read(list_grants)
    await hub.registry.change_grant(before[0].id, GrantState.WITHDRAWN)
    ground = BulkGround(vault=hub.vault, matters=MatterGround(vault=hub.vault, types=hub.types))
    looks = iter([before])
    found = await hub.database.write(lambda tx: ground._believed(tx, lambda: next(looks, None) or list_grants(tx)))
    assert [grant.state for grant in found if grant.id == before[0].id] == [GrantState.WITHDRAWN]
    with pytest.raises(IntegrityBrokenError):
        await hub.database.write(lambda tx: ground._believed(tx, lambda: before))
