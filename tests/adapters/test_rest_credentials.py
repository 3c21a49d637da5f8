"""How a REST source shows who asks: signatures as documented, tokens fetched once, kept, renewed once."""

import asyncio
import base64
import hashlib
import hmac
import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from adapters.errors import DeniedError, UnreachableError
from adapters.rest import RestSource
from tests.adapters.contract import ask
from tests.adapters.rest_desk import SECRET, Desk, code_of, opened_desk
from tests.adapters.servers import Got, Said, said


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with opened_desk() as desk:
        yield desk


async def test_the_signature_is_the_one_that_is_documented(desk: Desk) -> None:
    auth = {"type": "hmac", "key_id": "hub", "key": "secret:secret"}
    operation = {
        "method": "POST",
        "path": "/rows/{id}",
        "query": {"b": "{b}", "a": "1 2"},
        "json": {"x": "{b}"},
        "rows": "/rows",
    }
    for more in ({}, {"algorithm": "sm3", "encoding": "base64"}):
        source = desk.open(auth=auth | more)
        for _ in range(2):
            await ask(source, operation, id="甲", b="乙&")
    nonces = set()
    for number, got in enumerate(desk.server.got):
        digest = "sha256" if number < 2 else "sm3"
        nonce = got.headers["x-nonce"]
        nonces.add(nonce)
        lines = [
            "POST",
            "/base/rows/%E7%94%B2",
            "a=1%202&b=%E4%B9%99%26",
            hashlib.new(digest, got.body).hexdigest(),
            "1795309323456",
            nonce,
        ]
        mac = hmac.new(SECRET.encode(), "\n".join(lines).encode(), digest).digest()
        shown = mac.hex() if number < 2 else base64.b64encode(mac).decode()
        assert got.headers["x-signature"] == shown
        assert (got.headers["x-key-id"], got.headers["x-timestamp"]) == ("hub", "1795309323456")
    assert len(nonces) == 4


# Tokens


@dataclass
class TokenServer:
    """Tokens with numbers; `good` names those that the source takes."""

    good: set[str] = field(default_factory=set)
    numbers: Any = field(default_factory=itertools.count)
    asked: list[Got] = field(default_factory=list)
    answer: Said | None = None
    expires_in: Any = 600

    async def handle(self, got: Got) -> Said:
        if got.raw_path != "/token":
            token = got.headers["authorization"].removeprefix("Bearer ")
            return said([{"n": 1}]) if token in self.good else said({}, 401)
        self.asked.append(got)
        if self.answer is not None:
            return self.answer
        token = f"token-{next(self.numbers)}"
        self.good.add(token)
        return said({"access_token": token, "token_type": "bearer", "expires_in": self.expires_in})


@pytest.fixture
async def tokens(desk: Desk) -> TokenServer:
    tokens = TokenServer()
    desk.server.handler = tokens.handle
    return tokens


def with_token(desk: Desk, **more: Any) -> RestSource:
    auth = {
        "type": "oauth2",
        "token_url": f"{desk.server.url}/token",
        "client_id": "hub:1",
        "client_secret": "secret:secret",
        **more,
    }
    return desk.open(auth=auth)


async def test_a_token_is_fetched_once_and_kept_until_shortly_before_its_end(desk: Desk, tokens: TokenServer) -> None:
    source = with_token(desk, scope="read", audience="register")
    await asyncio.gather(*(ask(source, {}) for _ in range(10)))
    assert len(tokens.asked) == 1
    assert tokens.asked[0].form == {"grant_type": "client_credentials", "scope": "read", "audience": "register"}
    assert (
        base64.b64decode(tokens.asked[0].headers["authorization"].removeprefix("Basic "))
        == f"hub%3A1:{SECRET}".encode()
    )
    desk.now += timedelta(seconds=569)
    await ask(source, {})
    assert len(tokens.asked) == 1
    desk.now += timedelta(seconds=1)
    await ask(source, {})
    assert len(tokens.asked) == 2


async def test_the_secret_may_stand_in_the_form(desk: Desk, tokens: TokenServer) -> None:
    await ask(with_token(desk, client_in="form"), {})
    assert tokens.asked[0].form == {
        "grant_type": "client_credentials",
        "client_id": "hub:1",
        "client_secret": SECRET,
    }
    assert "authorization" not in tokens.asked[0].headers


async def test_a_refused_token_is_renewed_once(desk: Desk, tokens: TokenServer) -> None:
    source = with_token(desk)
    await ask(source, {})
    tokens.good.clear()
    assert [await code_of(ask(source, {})) for _ in range(2)] == ["", ""]
    assert len(tokens.asked) == 2
    tokens.good.clear()
    await asyncio.gather(*(ask(source, {}) for _ in range(8)))
    assert len(tokens.asked) == 3

    async def never(got: Got) -> Said:
        return await tokens.handle(got) if got.raw_path == "/token" else said({}, 401)

    desk.server.handler = never
    tokens.asked.clear()
    with pytest.raises(DeniedError):
        await ask(source, {})
    assert len(tokens.asked) == 1


@pytest.mark.parametrize("expires_in", [0, -5, 1, 10**15, 0.5, "600", None, True, []])
async def test_any_lifetime_of_a_token_is_survived(desk: Desk, tokens: TokenServer, expires_in: Any) -> None:
    tokens.expires_in = expires_in
    source = with_token(desk)
    await ask(source, {})
    desk.now += timedelta(days=2)
    await ask(source, {})
    assert len(tokens.asked) == 2


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (said({"error": "invalid_client"}, 400), "denied"),
        (said({"error": "invalid_client"}, 401), "denied"),
        (said({"error": "unauthorized_client"}, 400), "denied"),
        (Said(403, b"<html>", (("Content-Type", "text/html"),)), "denied"),
        (said({"error": "invalid_scope"}, 400), "faulty_token"),
        (said({"error": "temporarily_unavailable"}, 503), "faulty_token"),
        (said({"access_token": "a b"}), "faulty_token"),
        (said({"access_token": "a\r\nX: 1"}), "faulty_token"),
        (said({"access_token": 7}), "faulty_token"),
        (said({"access_token": "x", "token_type": "mac"}), "faulty_token"),
        (said([]), "faulty_token"),
        (Said(200, b"<html>", (("Content-Type", "text/html"),)), "faulty_not_json"),
        (said({"access_token": "x" * 100_000}), "faulty_too_large"),
    ],
)
async def test_a_token_server_that_gives_none(desk: Desk, tokens: TokenServer, answer: Said, code: str) -> None:
    tokens.answer = answer
    assert await code_of(ask(with_token(desk), {})) == code


async def test_a_token_server_elsewhere_is_not_reached(desk: Desk, tokens: TokenServer) -> None:
    source = with_token(desk, token_url="http://tokens.example/token")
    with pytest.raises(UnreachableError) as caught:
        await ask(source, {})
    assert caught.value.reason == "egress"
    assert tokens.asked == []
