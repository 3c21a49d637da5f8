"""What a command asks of an agent through the serving process: signed on both ends, once, and by nobody else."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from adapters.errors import UnreachableError
from adapters.port import Budget, Context
from hub.agent.wire import Party, Question, sign_answer, sign_question
from hub.clock import new_id, utc_now
from hub.exchange.agents.errands import HEALTH, Errands, announced
from hub.runtime import Hub
from signing.jose import take_apart
from signing.keys import SoftwareSigner
from tests.agent.conftest import Scene
from tests.agent.running import CLIENT, OPERATION, SOURCE, started
from tests.support import ENTERPRISE, PUBLIC_URL, Place

BUDGET = Budget(total_seconds=5)
HERE = Party(PUBLIC_URL, PUBLIC_URL)
pytestmark = pytest.mark.parametrize("template", ["sqlite"], indirect=True)


def question(operation: str = HEALTH, **changes: Any) -> Question:
    return Question(new_id(), SOURCE, operation, 1, {"uscc": ENTERPRISE["id_number"]}, BUDGET, Context())


async def sent(scene: Scene, token: str) -> int:
    answer = await scene.client.post(f"/api/v1/agents/{SOURCE}/errands", json={"token": token})
    return answer.status_code


async def test_only_the_hubs_own_word_to_itself_is_run_and_once(scene: Scene) -> None:
    async with scene.place.open() as hub:
        own = hub.desk.hub("hub").signer
    now = utc_now()
    well = sign_question(question(), signer=own, party=HERE, now=now)
    stranger = sign_question(question(), signer=SoftwareSigner.generate(), party=HERE, now=now)
    to_the_agent = sign_question(question(), signer=own, party=Party(PUBLIC_URL, CLIENT), now=now)
    agents = sign_question(question(), signer=scene.agent.signer, party=HERE, now=now)
    assert [await sent(scene, token) for token in (well, well, stranger, to_the_agent, agents, "x")] == [
        200,
        422,
        422,
        422,
        422,
        422,
    ]


async def test_a_command_asks_the_agent_of_the_serving_process(scene: Scene) -> None:
    async with scene.place.open() as command:
        with announced(scene.place.home, "0.0.0.0", scene.served.port), started(scene.agent):  # noqa: S104
            while not (await command.agents.health(SOURCE)).present:
                assert scene.agent.process is not None
                assert scene.agent.process.poll() is None, scene.agent.log
            asked = {"source": SOURCE, "agent": CLIENT, "operation": OPERATION, "safe": True}
            params = {"uscc": ENTERPRISE["id_number"]}
            answer = await command.agents.dispatch(asked, params, BUDGET, Context())
            assert [row["企业名称"] for row in answer.rows] == [ENTERPRISE["name"]]
            with pytest.raises(Exception, match="not_allowed"):
                await command.agents.dispatch(asked | {"operation": "another"}, params, BUDGET, Context())
        with pytest.raises(UnreachableError, match="hub_absent"):
            await command.agents.dispatch(asked, params, BUDGET, Context())


@asynccontextmanager
async def listening(signer: SoftwareSigner) -> AsyncIterator[int]:
    """Answers every errand with a row of its own making, under this key."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if b"content-length" in line)
        asked = json.loads(take_apart(json.loads(await reader.readexactly(length))["token"]).payload)
        content = json.dumps({"rows": [{"企业名称": "冒充"}], "as_of": None})
        token = sign_answer(
            asked["jti"], content.encode(), None, signer=signer, party=HERE, jti=new_id(), now=utc_now()
        )
        body = json.dumps({"token": token, "content": content}).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
        writer.write(head + body)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


async def test_one_that_only_listens_there_is_not_believed(hub: Hub, tmp_path: Path) -> None:
    """Another program took the port: it can answer under no key of the hub."""
    errands = Errands(tmp_path, desk=hub.desk, public_url=PUBLIC_URL, clock=utc_now)
    # The hub's own key would be believed: so it is the key that decides.
    for signer, believed in ((hub.desk.hub("hub").signer, True), (SoftwareSigner.generate(), False)):
        async with listening(signer) as port:
            with announced(tmp_path, "127.0.0.1", port):
                if believed:
                    assert (await errands.ask(SOURCE, HEALTH, {}, BUDGET, Context()))["rows"]
                    continue
                with pytest.raises(UnreachableError, match="hub_absent"):
                    await errands.ask(SOURCE, HEALTH, {}, BUDGET, Context())
    for text in ("", "[]", json.dumps({"url": "nowhere"}), json.dumps({"url": 7})):
        (tmp_path / "serving.json").write_text(text, encoding="utf-8")
        with pytest.raises(UnreachableError, match="hub_absent"):
            await errands.ask(SOURCE, HEALTH, {}, BUDGET, Context())


def test_the_address_is_gone_when_the_process_ends_but_not_its_successors(place: Place, tmp_path: Path) -> None:
    told = tmp_path / "serving.json"
    with announced(tmp_path, "::", 8700):
        assert json.loads(told.read_text()) == {"url": "http://[::1]:8700"}
    assert not told.exists()
    with announced(tmp_path, "127.0.0.1", 8700):
        told.write_text(json.dumps({"url": "http://127.0.0.1:8701"}))
    assert told.exists()
