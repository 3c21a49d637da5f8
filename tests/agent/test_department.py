"""A department registers the source as any other, and reaches it through the agent before anything is published."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn

from hub.access.actors import COMMAND
from hub.app import create_app
from hub.registry.source_store import ProbeView
from hub.runtime import Hub
from tests.agent.conftest import fill_sqlite
from tests.agent.running import CLIENT, SOURCE, Beside, configuration, started
from tests.support import AMR


@asynccontextmanager
async def listening(hub: Hub) -> AsyncIterator[int]:
    """Serve this very hub, in this event loop."""
    config = uvicorn.Config(
        create_app(hub.settings, hub=hub),
        port=0,
        loop="asyncio",
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve())
    while not server.started:  # noqa: ASYNC110  # uvicorn has no event for it
        await asyncio.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await serving


async def test_registered_probed_and_watched(hub: Hub, beside: Beside, tmp_path: Path) -> None:
    await hub.registry.add_system(
        {"department": AMR, "client_id": CLIENT, "name": {"zh": "代理", "en": "a"}, "keys": [beside.signer.public.jwk]}
    )
    declared = {
        "code": SOURCE,
        "department": AMR,
        "name": {"zh": "旧登记库", "en": "Old register"},
        "kind": "agent",
        "connection": {"agent": CLIENT},
        "limits": {"total_seconds": 20},
    }
    await hub.sources.add(COMMAND, declared)
    assert (await hub.sources.probe(COMMAND, SOURCE)).code == "unreachable_hub_absent"
    async with listening(hub) as port:
        assert (await hub.sources.probe(COMMAND, SOURCE)).code == "unreachable_agent_absent"
        thumbprint = hub.desk.hub("hub").signer.public.thumbprint
        connection = fill_sqlite(tmp_path / "old.sqlite3")
        beside.write(configuration(f"http://127.0.0.1:{port}", thumbprint, connection))
        with started(beside):
            assert (await probe_when_there(hub)).ok, beside.log
            health = await hub.agents.health(SOURCE)
            await asyncio.to_thread(beside.stop)
        beside.write(configuration(f"http://127.0.0.1:{port}", thumbprint, connection | {"database": "/nowhere"}))
        with started(beside):
            found = await probe_when_there(hub)
            await asyncio.to_thread(beside.stop)
    assert (found.ok, found.code.split("_")[0]) == (False, "unreachable")
    assert health.present
    assert health.version


async def probe_when_there(hub: Hub) -> ProbeView:
    while True:
        found = await hub.sources.probe(COMMAND, SOURCE)
        if found.code != "unreachable_agent_absent":
            return found
        await asyncio.sleep(0.1)
