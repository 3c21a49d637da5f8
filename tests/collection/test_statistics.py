"""PostgreSQL is told of tables that a collection fills each time that they double; SQLite is asked nothing."""

import pytest
from sqlalchemy import Connection, text

from hub.collection import statistics
from hub.collection.statistics import Statistics
from hub.runtime import Hub
from tests.support import enterprise_claims, issue, valid_uscc


def known(tx: Connection) -> int:
    return round(tx.execute(text("SELECT reltuples FROM pg_class WHERE relname = 'certificates'")).scalar_one())


async def test_statistics_are_taken_each_time_the_library_doubles(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "_FEWEST", 3)
    kept = Statistics(hub.database)
    if hub.database.dialect == "sqlite":
        await kept.written(1_000_000)  # whose engine knows none of this
        return
    taken = []
    for place in range(20):
        await issue(hub, enterprise_claims(uscc=valid_uscc(f"9199010099000{place:04d}")))
        await kept.written(1)
        taken.append(await hub.database.read(known))
    assert sorted(set(taken) - {-1}) == [4, 8, 16], "one licence was there before"
