"""Time-stamps of the hub: built-in or from elsewhere, never one for the other; what waits is told (drill 35)."""

import asyncio
import subprocess
from base64 import b64decode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from hub.issuing.stamping.queue import find, order
from hub.issuing.stamping.service import QUERY_TYPE, REPLY_TYPE, StampUnavailableError
from hub.runtime import Hub
from hub.settings import Settings
from signing.canonical import sha256
from signing.pades.check import check
from signing.pades.signature import sign
from signing.tsp.tokens import request, token_of, verify_token
from tests.hub.stamping import POLICY, Elsewhere, authority_elsewhere
from tests.signing.stamped import face
from tests.support import Place

DIGEST = sha256("示例市".encode())


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Elsewhere]:
    with authority_elsewhere(tmp_path / "tsa") as made:
        yield made


def named(made: Elsewhere) -> dict[str, Any]:
    return {"tsa_url": made.url, "tsa_ca": made.roots}


@pytest.mark.embedded
async def test_openssl_verifies_what_the_built_in_authority_answers(
    hub: Hub, client: httpx2.AsyncClient, tmp_path: Path
) -> None:
    (tmp_path / "data").write_bytes(b"data")
    root = x509.load_der_x509_certificate(hub.desk.anchors()[0])
    (tmp_path / "root.pem").write_bytes(root.public_bytes(Encoding.PEM))

    def run(command: str) -> str:
        return subprocess.run(["openssl", *command.split()], cwd=tmp_path, capture_output=True, text=True).stdout

    run("ts -query -data data -sha256 -cert -out query.tsq")
    query = (tmp_path / "query.tsq").read_bytes()
    answer = await client.post("/tsa", content=query, headers={"Content-Type": QUERY_TYPE})
    assert (answer.status_code, answer.headers["content-type"]) == (200, REPLY_TYPE)
    (tmp_path / "answer.tsr").write_bytes(answer.content)
    assert "OK" in run("ts -verify -queryfile query.tsq -in answer.tsr -CAfile root.pem")


@pytest.mark.embedded
async def test_the_built_in_authority_is_for_trying_out_and_has_one_key(hub: Hub) -> None:
    tokens = [await hub.stamps.stamp(DIGEST) for _ in range(3)]
    found = [
        verify_token(token, digest=DIGEST, anchors=hub.stamps.anchors(), now=datetime.now(UTC)) for token in tokens
    ]
    assert all(stamp.trial for stamp in found)
    assert len({stamp.serial for stamp in found}) == 3
    assert len({stamp.fingerprint for stamp in found}) == 1


@pytest.mark.embedded
async def test_what_asks_the_built_in_authority_is_bounded(hub: Hub, client: httpx2.AsyncClient) -> None:
    asked = request(DIGEST, nonce=1)
    wrong = await client.post("/tsa", content=asked, headers={"Content-Type": "application/json"})
    large = await client.post("/tsa", content=bytes(5000), headers={"Content-Type": QUERY_TYPE})
    assert (wrong.status_code, large.status_code) == (400, 413)
    for _ in range(hub.settings.tsa_requests_per_minute):
        await client.post("/tsa", content=b"", headers={"Content-Type": "text/plain"})
    refused = await client.post("/tsa", content=asked, headers={"Content-Type": QUERY_TYPE})
    assert refused.status_code == 429


@pytest.mark.embedded
async def test_a_built_in_authority_that_is_refused_stamps_nothing(place: Place) -> None:
    async with place.open(built_in_ca="refuse") as hub:
        with pytest.raises(StampUnavailableError):
            await hub.stamps.stamp(DIGEST)


@pytest.mark.embedded
async def test_an_authority_elsewhere_stamps_under_its_own_root(place: Place, elsewhere: Elsewhere) -> None:
    async with place.open(**named(elsewhere)) as hub:
        token, stamp = await hub.stamps.stamped(DIGEST)
        assert (stamp.trial, stamp.policy, stamp.authority) == (False, POLICY, "另一市时间戳中心")
        assert verify_token(token, digest=DIGEST, anchors=hub.stamps.anchors(), now=datetime.now(UTC)) == stamp
        assert DIGEST in elsewhere.asked[0]
        async with place.client(hub) as client:
            answer = await client.post("/tsa", content=request(DIGEST, nonce=1), headers={"Content-Type": QUERY_TYPE})
            assert answer.status_code == 404


@pytest.mark.embedded
async def test_a_pdf_is_stamped_from_a_thread(place: Place, elsewhere: Elsewhere) -> None:
    async with place.open(**named(elsewhere)) as hub:
        certified = hub.desk.hub("purpose-copy")
        pdf = await asyncio.to_thread(
            sign,
            face(),
            signer=certified.signer,
            chain=certified.chain,
            now=datetime.now(UTC),
            reason="加注件",
            name="示例市",
            location=None,
            seal=None,
            stamp=hub.stamps.from_thread(),
        )
        found = check(pdf, anchors=hub.desk.anchors(), stamp_anchors=hub.stamps.anchors(), now=datetime.now(UTC))
        assert (found.level, found.stamps[0].policy) == ("B-T", POLICY)


MISBEHAVIOURS: dict[str, tuple[Any, str]] = {
    "fails": (lambda answer: (500, answer[1], answer[2]), "status 500"),
    "moved": (lambda answer: (302, answer[1], answer[2]), "status 302"),
    "page": (lambda _: (200, "text/html", b"<html>"), "media_type"),
    "huge": (lambda answer: (200, answer[1], bytes(300_000)), "too_large"),
    "garbage": (lambda answer: (200, answer[1], b"\x00" * 100), "der"),
    "damaged": (lambda answer: (200, answer[1], answer[2][:-9] + bytes(9)), "signature"),
}


@pytest.mark.embedded
@pytest.mark.parametrize("how", MISBEHAVIOURS)
async def test_an_authority_that_misbehaves_stamps_nothing(place: Place, elsewhere: Elsewhere, how: str) -> None:
    elsewhere.misbehave, reason = MISBEHAVIOURS[how]
    async with place.open(**named(elsewhere)) as hub:
        with pytest.raises(StampUnavailableError) as error:
            await hub.stamps.stamp(DIGEST)
        assert error.value.reason == reason
        with pytest.raises(StampUnavailableError):  # and is left alone for a while
            await hub.stamps.stamp(DIGEST)
        assert len(elsewhere.asked) == 1


@pytest.mark.embedded
async def test_an_answer_to_another_question_is_refused(place: Place, elsewhere: Elsewhere) -> None:
    async with place.open(**named(elsewhere)) as hub:
        kept: list[Any] = []
        elsewhere.misbehave = lambda answer: kept.append(answer) or kept[0]  # type: ignore[func-returns-value]
        await hub.stamps.stamp(DIGEST)
        with pytest.raises(StampUnavailableError) as error:
            await hub.stamps.stamp(DIGEST)
        assert error.value.reason == "tsp_nonce"


@pytest.mark.embedded
async def test_an_authority_under_another_root_is_not_believed(
    place: Place, elsewhere: Elsewhere, hub: Hub, tmp_path: Path
) -> None:
    other = tmp_path / "other.pem"
    other.write_bytes(x509.load_der_x509_certificate(hub.desk.anchors()[0]).public_bytes(Encoding.PEM))
    async with place.open(tsa_url=elsewhere.url, tsa_ca=other) as opened:
        with pytest.raises(StampUnavailableError) as error:
            await opened.stamps.stamp(DIGEST)
        assert error.value.reason == "path"


async def test_while_the_authority_is_away_orders_wait_and_their_age_is_told(
    place: Place, elsewhere: Elsewhere
) -> None:
    """Drill 35."""
    start = datetime.now(UTC)
    now = [start]
    away = {"tsa_url": "http://127.0.0.1:9/tsr", "tsa_ca": elsewhere.roots}

    def ordered(tx: Any) -> None:
        for _ in range(2):
            order(tx, purpose="rendition", reference="r1", digest=DIGEST, now=start)

    async with place.open(**away) as hub:
        hub.stamps._clock = hub.stamp_queue._clock = lambda: now[0]
        await hub.database.write(ordered)
        await hub.stamp_queue.work()
        waiting = await hub.stamp_queue.waiting()
        assert (waiting.count >= 1, waiting.oldest_at) == (True, start)
        assert not await hub.stamp_queue.late()
        now[0] = start + timedelta(minutes=11)
        await hub.stamp_queue.work()
        async with place.client(hub) as client:
            ready = (await client.get("/health/ready")).json()
            assert (ready["status"], ready["degraded"]) == ("ready", ["time-stamps"])
            told = (await client.get("/ledger/stamp")).json()
            assert told["waiting"]["count"] >= 1
    async with place.open(**named(elsewhere)) as hub:
        hub.stamp_queue._clock = lambda: start + timedelta(minutes=20)
        await hub.stamp_queue.work()
        found = await hub.database.read(lambda tx: find(tx, purpose="rendition", reference="r1"))
        assert found is not None
        assert found.token is not None
        stamp = verify_token(found.token, digest=DIGEST, anchors=hub.stamps.anchors(), now=datetime.now(UTC))
        assert found.stamped_at == stamp.time
        assert (await hub.stamp_queue.waiting()).count == 0


async def test_a_checkpoint_is_stamped_once_an_hour(place: Place, elsewhere: Elsewhere) -> None:
    async with place.open(**named(elsewhere)) as hub, place.client(hub) as client:
        await hub.ledger.drain()
        for _ in range(3):
            await hub.stamp_queue.work()
        assert len(elsewhere.asked) == 1
        stamp = (await client.get("/ledger/stamp")).json()["stamp"]
        assert stamp["checkpoint"] == (await client.get("/ledger/checkpoint")).text
        token = b64decode(stamp["token"])
        digest = sha256(stamp["checkpoint"].encode())
        assert verify_token(token, digest=digest, anchors=hub.stamps.anchors(), now=datetime.now(UTC)).policy == POLICY


def test_an_address_and_its_roots_go_together(tmp_path: Path) -> None:
    for settings in (
        {"tsa_url": "https://tsa.example"},
        {"tsa_ca": tmp_path},
        {"tsa_url": "ftp://a", "tsa_ca": tmp_path},
    ):
        with pytest.raises(ValueError, match="tsa_"):
            Settings(home=tmp_path, **settings)


def test_a_request_of_ours_has_its_nonce(elsewhere: Elsewhere) -> None:
    _, _, answer = elsewhere.answer(request(DIGEST, nonce=77))
    assert token_of(answer, digest=DIGEST, nonce=77)
