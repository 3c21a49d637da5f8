"""Two serving processes over PostgreSQL and Redis: the agent polls at one, the question comes to the other."""

import pytest
from pydantic import SecretStr

from tests.agent.conftest import fill_sqlite
from tests.agent.running import Beside, client_of, configuration, register, started, wait_for_answer
from tests.exchange.conftest import INTERFACE
from tests.redis_server import redis_server
from tests.serving import serving
from tests.support import ENTERPRISE, PURPOSE, Place, open_case


@pytest.mark.both
@pytest.mark.redis
async def test_the_question_finds_the_agent_at_another_process(place: Place, beside: Beside, tmp_path: object) -> None:
    if place.database_url is None:
        pytest.skip("SQLite serves one process")
    async with place.open() as hub:
        await register(hub, beside)
        thumbprint = hub.desk.hub("hub").signer.public.thumbprint
    with redis_server() as redis:
        url = SecretStr(redis.url)
        with serving(place, redis_url=url) as first, serving(place, redis_url=url) as second:
            connection = fill_sqlite(beside.folder / "old.sqlite3")
            beside.write(configuration(f"http://127.0.0.1:{first.port}", thumbprint, connection))
            async with client_of(second.port) as client:
                headers = await place.headers(client)

                async def ask() -> dict[str, object]:
                    body = {"case_no": await open_case(client, headers), "purpose": PURPOSE}
                    answer = await client.post(f"/api/v1/interfaces/{INTERFACE}/query", json=body, headers=headers)
                    found: dict[str, object] = answer.json()
                    return found

                with started(beside):
                    found = await wait_for_answer(ask)
                    assert found["outcome"] == "satisfied", (found, beside.log)
                    kept = repr([redis.client.get(key) for key in redis.client.keys("*:value:*")]).encode()
                    assert (await ask())["outcome"] == "satisfied"
    assert ENTERPRISE["id_number"].encode() not in kept
