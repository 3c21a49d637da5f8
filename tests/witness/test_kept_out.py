"""A witness whom a log leaves out is told by his own clock; and the hub's numbers say how old its co-signatures are."""

from datetime import timedelta

import pytest

from hub.access.actors import COMMAND
from hub.clock import utc_now
from hub.runtime import open_hub
from hub.witness.kept_out import KeptOut
from tests.support import Place


def test_who_is_left_out_while_the_log_grows_is_told_after_his_patience_and_not_before() -> None:
    now, minute = utc_now(), timedelta(minutes=1)
    mine = KeptOut(15 * minute)
    assert mine.looked(level=True, now=now) is None
    assert [mine.looked(level=False, now=now + number * minute) for number in (1, 15)] == [None, None]
    assert mine.looked(level=False, now=now + 16 * minute) == 16 * minute
    assert mine.looked(level=True, now=now + 17 * minute) is None
    assert mine.looked(level=False, now=now + 30 * minute) is None
    fresh = KeptOut(15 * minute)  # a hub that never answered: from the first look on
    assert fresh.looked(level=False, now=now) is None
    assert fresh.looked(level=False, now=now + 16 * minute) == 16 * minute


@pytest.mark.embedded
async def test_the_hub_tells_how_long_entries_wait_and_how_many_it_raised(place: Place) -> None:
    ahead = timedelta()
    async with open_hub(place.settings(), clock=lambda: utc_now() + ahead) as hub, place.client(hub) as client:
        await hub.ledger.drain()

        async def told() -> dict[str, float]:
            answer = await client.get("/metrics")
            assert answer.status_code == 200
            lines = [line.split(" ") for line in answer.text.splitlines() if not line.startswith("#")]
            return {name: float(value) for name, value in lines}

        first = await told()
        assert first["yizheng_ledger_entries"] > 0
        assert (first["yizheng_ledger_waiting_seconds"], first["yizheng_witnesses"]) == (0, 0)
        await hub.sharing.proposals.propose(COMMAND, "witness.remove", {"name": "w.example/1"}, "an entry")
        ahead = timedelta(seconds=40)
        await hub.arrears.sweep()
        await hub.arrears.sweep()
        waits = await told()
        assert waits["yizheng_ledger_waiting_seconds"] >= 40
        assert waits["yizheng_ledger_receipts_raised_total"] >= 1
        assert (await told())["yizheng_ledger_receipts_raised_total"] == waits["yizheng_ledger_receipts_raised_total"]
