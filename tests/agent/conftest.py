"""A served hub, a register in a database, and an agent beside it that is not running yet."""

import json
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.agent.running import COLUMNS, Beside, client_of, configuration, make_agent, register
from tests.exchange.conftest import INTERFACE, SECRET_SHARE, row
from tests.serving import Served, serving
from tests.support import ENTERPRISE, PURPOSE, Place, open_case


def fill_sqlite(path: Path) -> dict[str, Any]:
    """The register as one table; answers the agent's connection."""
    values = {**row(), "uscc": ENTERPRISE["id_number"]}
    with closing(sqlite3.connect(path)) as store:
        store.execute(f"CREATE TABLE enterprises ({', '.join(COLUMNS)})")
        store.execute(f"INSERT INTO enterprises VALUES ({', '.join('?' * len(COLUMNS))})", [values[c] for c in COLUMNS])
        store.commit()
    return {"dialect": "sqlite", "database": str(path)}


@dataclass
class Scene:
    """Everything in place; tests start the agent."""

    place: Place
    served: Served
    agent: Beside
    declared: dict[str, Any]
    client: httpx2.AsyncClient
    headers: dict[str, str]

    async def query(self, **body: Any) -> dict[str, Any]:
        case_no = await open_case(self.client, self.headers)
        answer = await self.client.post(
            f"/api/v1/interfaces/{INTERFACE}/query",
            json={"case_no": case_no, "purpose": PURPOSE} | body,
            headers=self.headers,
        )
        assert answer.status_code == 200, answer.text
        assert SECRET_SHARE not in answer.text
        found: dict[str, Any] = json.loads(answer.content)
        return found

    async def agent_headers(self) -> dict[str, str]:
        (self.place.home / "amr-agent.pem").write_bytes(self.agent.signer.to_pem())
        return await self.place.headers(self.client, "amr-agent")


@pytest.fixture
def beside(tmp_path: Path) -> Iterator[Beside]:
    agent = make_agent(tmp_path / "agent")
    yield agent
    agent.kill()


@pytest.fixture
def write_back() -> list[dict[str, Any]]:
    """What closed cases write back; tests of deliveries declare some."""
    return []


@pytest.fixture
async def scene(place: Place, beside: Beside, tmp_path: Path, write_back: list[dict[str, Any]]) -> AsyncIterator[Scene]:
    async with place.open() as hub:
        await register(hub, beside, write_back=write_back)
        thumbprint = hub.desk.hub("hub").signer.public.thumbprint
    with serving(place) as served:
        declared = configuration(f"http://127.0.0.1:{served.port}", thumbprint, fill_sqlite(tmp_path / "old.sqlite3"))
        beside.write(declared)
        async with client_of(served.port) as client:
            yield Scene(place, served, beside, declared, client, await place.headers(client))
        beside.kill()
