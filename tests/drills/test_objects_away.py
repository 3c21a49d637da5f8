"""Drills 23, 24 and 25 on a real S3 server: gone, hanging in the middle of an answer, answering with other bytes."""

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
import structlog
from pydantic import SecretStr

from certificates.lifecycle.states import Operation
from hub.issuing.files import identifiers_of
from hub.runtime import Hub
from hub.storage.errors import IntegrityBrokenError, UnavailableError
from hub.storage.objects import s3 as objects_s3
from hub.storage.objects.guarded import FAILURES, THREADS, GuardedObjects, beside
from hub.storage.objects.s3 import Bucket, S3Objects
from signing.jose import read_header
from tests.adapters.s3 import TestBucket, new_bucket
from tests.support import ENTERPRISE, Place, open_case, pull
from tests.toxic import ToxicProxy, toxic_proxy

LIST = "/status-lists/0"
bucket = pytest.fixture(new_bucket)


@pytest.fixture
def proxy(bucket: TestBucket) -> Iterator[ToxicProxy]:
    with toxic_proxy(bucket.target.host, bucket.target.port) as running:
        yield running


@pytest.fixture
def url(bucket: TestBucket, proxy: ToxicProxy) -> str:
    return f"http://{bucket.access_key}:{bucket.secret}@{proxy.address}/{bucket.name}/hub"


async def degraded(client: httpx2.AsyncClient) -> list[str]:
    answer = await client.get("/health/ready")
    assert answer.status_code == 200, answer.text
    return list(answer.json()["degraded"])


async def work(client: httpx2.AsyncClient, headers: dict[str, str]) -> None:
    """What intake systems do all day; none of it is on the object store."""
    answer = await pull(client, headers, await open_case(client, headers))
    assert answer.status_code == 200
    outcomes = [item["outcome"] for item in answer.json()["requirements"]]
    assert outcomes[0] == "satisfied"


async def licences(hub: Hub) -> list[dict[str, Any]]:
    return await identifiers_of(hub, ENTERPRISE["id_type"], ENTERPRISE["id_number"])


@pytest.mark.embedded
async def test_23_without_the_store_everything_goes_on_and_readiness_names_it(
    place: Place, proxy: ToxicProxy, url: str, bucket: TestBucket
) -> None:
    async with place.open(objects_url=SecretStr(url)) as hub, place.client(hub) as client:
        headers = await place.headers(client)
        before = (await client.get(LIST)).content
        assert await degraded(client) == []
        proxy.gone()
        for _ in range(FAILURES + 1):
            await work(client, headers)
            answer = await client.get(LIST)
            assert (answer.status_code, read_header(answer.text)["typ"]) == (200, "statuslist+jwt")
        assert await degraded(client) == ["objects"]
        [licence] = await licences(hub)
        await hub.status.change(licence["identifier"], Operation.REVOKE, reason="r", legal_basis="b")
        assert [item["status"] for item in await licences(hub)] == ["revoked"]
        proxy.heal()
        async with asyncio.timeout(60):
            while await degraded(client):  # noqa: ASYNC110
                await asyncio.sleep(0.2)
        await hub.status.build(0)
        assert bucket_list(bucket) != before
        assert (await client.get(LIST)).status_code == 200


def bucket_list(bucket: TestBucket) -> bytes:
    answer = bucket.client.get_object(bucket_name=bucket.name, object_name="hub/status-lists/0")
    try:
        return answer.read().partition(b"\n")[2]
    finally:
        answer.close()
        answer.release_conn()


@pytest.mark.embedded
async def test_24_a_store_that_hangs_holds_its_own_threads_and_nobody_elses(
    place: Place, proxy: ToxicProxy, url: str
) -> None:
    async with place.open(objects_url=SecretStr(url)) as hub, place.client(hub) as client:
        headers = await place.headers(client)
        await client.get(LIST)
        proxy.silent(after=300)
        waiting = [asyncio.create_task(beside(hub.objects.get, "status-lists/0")) for _ in range(3 * THREADS)]
        while proxy.asked < THREADS:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        for _ in range(5):
            await work(client, headers)
            await asyncio.to_thread(sorted, [2, 1])
        assert (await client.get(LIST)).status_code == 200
        assert await degraded(client) == ["objects"]
        assert not any(task.done() for task in waiting)
        proxy.gone()
        answers = await asyncio.gather(*waiting, return_exceptions=True)
        assert {type(answer) for answer in answers} == {UnavailableError}


def test_24_half_an_answer_is_none_and_an_endless_one_is_cut_by_the_clock(
    proxy: ToxicProxy, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = S3Objects(Bucket.read(url), read_seconds=0.3)
    whole = bytes(range(256)) * 4096
    store.put("a", whole)
    proxy.silent(after=200_000)
    with pytest.raises(UnavailableError):
        store.get("a")
    proxy.heal()
    assert store.get("a") == whole
    monkeypatch.setattr(objects_s3, "WHOLE_SECONDS", 0.0)
    with pytest.raises(UnavailableError, match="too slow"):
        store.get("a")


async def test_24_the_breaker_asks_once_for_all_and_finds_the_store_back(proxy: ToxicProxy, url: str) -> None:
    now = [0.0]
    store = GuardedObjects(S3Objects(Bucket.read(url), read_seconds=0.3), now=lambda: now[0])
    store.put("a", b"1")
    proxy.gone()
    for _ in range(FAILURES):
        with pytest.raises(UnavailableError):
            store.get("a")
    assert store.away
    proxy.heal()
    asked = proxy.asked
    for _ in range(20):
        with pytest.raises(UnavailableError, match="object store"):
            store.get("a")
    assert proxy.asked == asked
    now[0] += 1.0
    assert store.get("a") == b"1"
    assert not store.away


@pytest.mark.embedded
async def test_25_bytes_that_are_not_what_was_put_are_an_alarm_and_never_served(
    place: Place, bucket: TestBucket, url: str
) -> None:
    async with place.open(objects_url=SecretStr(url)) as hub, place.client(hub) as client:
        first = (await client.get(LIST)).content
        bucket.put("hub/status-lists/0", b"1.0\n" + first.replace(b"e", b"f"))
        with structlog.testing.capture_logs() as logs:
            answer = await client.get(LIST)
        assert {"object_broken"} <= {entry["event"] for entry in logs if entry.get("alarm")}
        assert answer.status_code == 200
        assert bucket_list(bucket) == answer.content != first
        hub.objects.put("batches/b/part-1", b"sealed")
        bucket.put("hub/batches/b/part-1", b"other")
        with pytest.raises(IntegrityBrokenError):
            hub.objects.get("batches/b/part-1")
