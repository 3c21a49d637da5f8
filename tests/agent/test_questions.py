"""A question goes to a real agent process beside a real database, and comes back signed by both."""

import asyncio
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest

from adapters.errors import UnreachableError
from adapters.port import Budget, Context
from hub.clock import BEIJING, new_id, utc_now
from hub.exchange.agents.access import Agent
from hub.exchange.agents.signs import Beat
from hub.runtime import Hub
from signing.jose import read_header
from tests.agent.conftest import Scene
from tests.agent.running import COLUMNS, OPERATION, SOURCE, started, wait_for_answer
from tests.exchange.conftest import SECRET_SHARE, row
from tests.exchange.register import Register, serving
from tests.support import ENTERPRISE, POSTGRES, new_database


async def test_a_query_is_answered_through_the_agent(scene: Scene) -> None:
    with started(scene.agent):
        found = await wait_for_answer(scene.query)
        assert found["outcome"] == "satisfied", (found, scene.agent.log)
        assert found["records"][0]["name"] == ENTERPRISE["name"]
        again = await scene.query()
        assert scene.agent.stop() == 0
    assert again["outcome"] == "satisfied"
    for value in (ENTERPRISE["name"], ENTERPRISE["id_number"], SECRET_SHARE):
        assert value not in scene.agent.log


@pytest.mark.both
@pytest.mark.postgresql
async def test_beside_postgresql(scene: Scene) -> None:
    if POSTGRES is None:
        pytest.skip("no PostgreSQL: make test starts one")
    values = {**row(), "uscc": ENTERPRISE["id_number"]}
    with new_database() as url:
        with psycopg.connect(url, autocommit=True) as store:
            columns = ", ".join(f'"{name}" text' for name in COLUMNS)
            store.execute(f"CREATE TABLE enterprises ({columns})")
            marks = ", ".join(["%s"] * len(COLUMNS))
            store.execute(f"INSERT INTO enterprises VALUES ({marks})", [values[name] for name in COLUMNS])
        parts = urlsplit(url)
        (scene.agent.folder / "secrets" / "password").write_text(parts.password or "unused")
        (scene.agent.folder / "secrets" / "password").chmod(0o600)
        source = scene.declared["source"] | {
            "connection": {
                "dialect": "postgresql",
                "host": parts.hostname,
                "port": parts.port,
                "database": parts.path[1:],
                "user": parts.username,
                "password": "secret:password",
            },
            "targets": [f"{parts.hostname}:{parts.port}"],
        }
        scene.agent.write(scene.declared | {"source": source})
        with started(scene.agent):
            found = await wait_for_answer(scene.query)
    assert found["outcome"] == "satisfied", (found, scene.agent.log)


async def test_nobody_in_the_register_is_none_and_no_agent_is_not(scene: Scene, tmp_path: Path) -> None:
    absent = await scene.query()
    assert (absent["outcome"], absent["why"]["code"]) == ("source_unavailable", "source_unreachable")
    with closing(sqlite3.connect(tmp_path / "old.sqlite3")) as store:
        store.execute("DELETE FROM enterprises")
        store.commit()
    with started(scene.agent):
        found = await wait_for_answer(scene.query)
    assert found["outcome"] == "declared_none"


async def test_an_operation_outside_the_agents_own_list_is_not_asked(scene: Scene) -> None:
    scene.agent.write(scene.declared | {"operations": {"another": {"statement": "SELECT 1 AS one"}}})
    with started(scene.agent):
        found = await scene.query()
        while found["why"]["code"] == "source_unreachable":
            found = await scene.query()
    assert (found["outcome"], found["why"]["code"]) == ("source_unavailable", "source_misconfigured")


async def test_the_agent_keeps_load_windows_and_limits_of_its_own(scene: Scene) -> None:
    hour = (utc_now() + timedelta(hours=2)).astimezone(BEIJING).hour
    source = scene.declared["source"]
    scene.agent.write(scene.declared | {"source": source | {"windows": [f"{hour:02}:00-{hour:02}:01"]}})
    with started(scene.agent):
        while "unreachable_outside_window" not in scene.agent.log:
            assert (await scene.query())["outcome"] == "source_unavailable"
    scene.agent.write(scene.declared | {"source": source | {"limits": {"total_seconds": 8, "per_minute": 1}}})
    with started(scene.agent):
        assert (await wait_for_answer(scene.query))["outcome"] == "satisfied"
        assert (await scene.query())["outcome"] == "source_unavailable"
    assert "unreachable_load_limit" in scene.agent.log


@pytest.mark.both
@pytest.mark.parametrize("seconds", [40.0])
async def test_an_agent_killed_with_a_question_in_hand_is_asked_again(scene: Scene, seconds: float) -> None:
    assert seconds == 40.0
    register = Register({ENTERPRISE["id_number"]: [{**row(), "uscc": ENTERPRISE["id_number"]}]}, mood="gated")
    async with serving(register) as served:
        source = {
            "code": SOURCE,
            "kind": "rest",
            "connection": {"url": f"http://127.0.0.1:{served.port}"},
            "targets": [f"127.0.0.1:{served.port}"],
            "limits": {"total_seconds": 40, "read_seconds": 40, "retries": 0},
        }
        operations = {OPERATION: {"method": "GET", "path": "/enterprises/{uscc}", "rows": "/data"}}
        scene.agent.write(scene.declared | {"source": source, "operations": operations})
        with started(scene.agent):
            asking = asyncio.create_task(wait_for_answer(scene.query))
            await register.arrived.wait()
            scene.agent.kill()
            register.gate.set()
            scene.agent.start()
            found = await asking
    assert found["outcome"] == "satisfied", (found, scene.agent.log)
    assert len(register.asked) == 2


def beat(**changes: Any) -> Beat:
    given: dict[str, Any] = {"instance": new_id(), "version": "1", "wait_seconds": 0.2, "take": True, "leaving": False}
    return Beat(**(given | changes))


AGENT = Agent("amr-agent", {}, SOURCE, new_id(), writes=False)
ASKED = {"source": SOURCE, "agent": "amr-agent", "operation": OPERATION, "safe": True}


async def for_ever() -> None:
    await asyncio.Event().wait()


async def test_a_question_whose_asker_went_away_is_dropped(hub: Hub) -> None:
    assert await hub.agents.poll(AGENT, beat(wait_seconds=0.0), for_ever()) is None
    asking = asyncio.create_task(hub.agents.dispatch(ASKED, {"uscc": "1"}, Budget(), Context()))
    await asyncio.sleep(0.1)
    asking.cancel()
    await asyncio.wait({asking})
    assert await hub.agents.poll(AGENT, beat(), for_ever()) is None


async def test_without_an_agent_nothing_waits(hub: Hub) -> None:
    hub.agents.attend()
    with pytest.raises(UnreachableError) as caught:
        await hub.agents.dispatch(ASKED, {}, Budget(total_seconds=60), Context())
    assert caught.value.reason == "agent_absent"
    assert (await hub.agents.health(SOURCE)).last_seen is None


async def test_an_agent_that_leaves_is_absent_at_once_and_remembered(hub: Hub) -> None:
    gone = beat(wait_seconds=0.0)
    await hub.agents.poll(AGENT, gone, for_ever())
    assert (await hub.agents.health(SOURCE)).present
    await hub.agents.poll(AGENT, beat(instance=gone.instance, leaving=True), for_ever())
    health = await hub.agents.health(SOURCE)
    assert (health.present, health.version) == (False, "1")
    assert health.last_seen is not None


@pytest.mark.both
async def test_one_question_goes_to_one_poll(hub: Hub) -> None:
    await hub.agents.poll(AGENT, beat(wait_seconds=0.0), for_ever())
    polls = [asyncio.create_task(hub.agents.poll(AGENT, beat(wait_seconds=2.5), for_ever())) for _ in range(4)]
    budget = Budget(total_seconds=2)
    asking = asyncio.create_task(hub.agents.dispatch(ASKED, {"uscc": "1"}, budget, Context()))
    taken = [item for item in await asyncio.gather(*polls) if item]
    await asyncio.wait({asking})
    assert len(taken) == 1
    assert asking.exception() is not None
    assert read_header(taken[0])["typ"] == "agent-question+jwt"
