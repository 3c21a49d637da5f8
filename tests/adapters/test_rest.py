"""What a REST source declares: how requests are made, answers told apart, pages turned, and what is refused."""

import asyncio
import base64
import hashlib
import hmac
import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.egress import Egress
from adapters.errors import DefinitionFaultError, DeniedError, FaultyAnswerError, SourceError, UnreachableError
from adapters.port import Budget, Context, Environment
from adapters.rest import RestSource, open_source
from tests.adapters.contract import BUDGET, LOOPBACK, Held, ask
from tests.adapters.servers import Got, Said, Server, said, serving

SECRET = "shared-s3cret-of-two-92ab"
NOW = datetime(2026, 11, 22, 1, 2, 3, 456_000, tzinfo=UTC)
CONTEXT = Context(case_no="C-1", matter="FOOD", purpose="办理许可", operator_id="op-1")


@dataclass
class Desk:
    """A server that answers what the test says, and sources that ask it."""

    server: Server = field(default_factory=Server)
    answers: list[Said] = field(default_factory=list)
    now: datetime = NOW
    opened: list[RestSource] = field(default_factory=list)

    async def handle(self, _: Got) -> Said:
        return self.answers.pop(0) if self.answers else said({"rows": []})

    def open(self, **connection: Any) -> RestSource:
        environment = Environment(
            secrets=Held({"secret": SECRET}),
            egress=Egress(frozenset({self.server.target}), LOOPBACK),
            clock=lambda: self.now,
        )
        self.opened.append(open_source({"url": f"{self.server.url}/base/", **connection}, environment))
        return self.opened[-1]

    async def ask(self, operation: dict[str, Any], **params: Any) -> Got:
        """The request that this operation makes."""
        source = self.open()
        prepared = source.prepare({"rows": "/rows", **operation})
        await source.ask(prepared, params, budget=BUDGET, context=CONTEXT)
        return self.server.got[-1]


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    desk = Desk()
    async with serving(desk.handle) as desk.server:
        yield desk
        for source in desk.opened:
            await source.close()


async def code_of(asking: Any) -> str:
    try:
        await asking
    except SourceError as error:
        return error.code
    return ""


# Requests


async def test_places_are_filled_as_whole_values_of_their_type(desk: Desk) -> None:
    got = await desk.ask(
        {
            "method": "POST",
            "path": "/v1/{region}/people/{id}.json",
            "query": {"q": "{name}", "fixed": "a b&c", "n": 5, "yes": True, "left_out": "{nothing}"},
            "json": {"where": [{"name": "{name}", "n": "{number}", "flag": "{flag}", "none": "{nothing}"}], "v": 1},
        },
        region="杭州/西湖",
        id="a?b#c",
        name='"},{"admin":"yes',
        number=7,
        flag=False,
        nothing=None,
    )
    assert got.raw_path == "/base/v1/%E6%9D%AD%E5%B7%9E%2F%E8%A5%BF%E6%B9%96/people/a%3Fb%23c.json"
    assert got.query == {"q": '"},{"admin":"yes', "fixed": "a b&c", "n": "5", "yes": "true"}
    assert got.json() == {
        "where": [{"name": '"},{"admin":"yes', "n": 7, "flag": False, "none": None}],
        "v": 1,
    }
    assert got.headers["accept-encoding"] == "identity"
    assert "cookie" not in got.headers


async def test_why_it_is_asked_is_told_where_the_source_wants_it(desk: Desk) -> None:
    source = desk.open()
    prepared = source.prepare({"rows": "/rows", "query": {"case": "{context.case_no}", "why": "{context.purpose}"}})
    assert prepared.params == frozenset()
    await source.ask(prepared, {}, budget=BUDGET, context=CONTEXT)
    assert desk.server.got[0].query == {"case": "C-1", "why": "办理许可"}


@pytest.mark.parametrize("value", ["", ".", "..", "../x", "a/../b", "a\\..\\b", None, "/.."])
async def test_a_value_that_climbs_is_not_sent(desk: Desk, value: str | None) -> None:
    with pytest.raises(DefinitionFaultError) as caught:
        await desk.ask({"path": "/people/{id}"}, id=value)
    assert (caught.value.pointer, caught.value.rule) == ("/params/id", "segment")
    assert desk.server.connections == 0


async def test_half_a_character_is_not_sent(desk: Desk) -> None:
    for operation in ({"query": {"q": "{q}"}}, {"path": "/{q}"}, {"method": "POST", "json": "{q}"}):
        with pytest.raises(DefinitionFaultError) as caught:
            await desk.ask(operation, q="\ud800")
        assert caught.value.pointer == "/params/q"


@pytest.mark.parametrize(
    ("operation", "pointer", "rule"),
    [
        ({"path": "no-slash"}, "/path", "pattern"),
        ({"path": "/a/../b"}, "/path", "path"),
        ({"path": "/{a}{b}"}, "/path", "path"),
        ({"path": "/{context.case_no}"}, "/path", "path"),
        ({"path": "/a?b=c"}, "/path", "path"),
        ({"path": "/a b"}, "/path", "path"),
        ({"query": {"q": "name={q}"}}, "/query/q", "placeholder"),
        ({"query": {"{q}": "x"}}, "/query/{q}", "placeholder"),
        ({"query": {"q": "{context.password}"}}, "/query/q", "unknown"),
        ({"query": {"q": ["a"]}}, "/query/q", "type"),
        ({"method": "POST", "json": {"sql": "SELECT '{q}'"}}, "/json/sql", "placeholder"),
        ({"json": {}}, "/json", "method"),
        ({"method": "DELETE"}, "/method", "enum"),
        ({"method": "POST", "json": {}, "form": {}}, "/form", "json_or_form"),
        ({"rows": "rows"}, "/rows", "pointer"),
        ({"none_when": [{}]}, "/none_when/0", "condition"),
        ({"none_when": [{"pointer": "/a"}]}, "/none_when/0", "condition"),
        ({"none_when": [{"equals": 1}]}, "/none_when/0", "condition"),
        ({"error_when": [{"pointer": "/a", "equals": 1, "present": True}]}, "/error_when/0", "condition"),
        ({"error_when": [{"pointer": "a", "equals": 1}]}, "/error_when/0/pointer", "pointer"),
        ({"error_when": [{"colour": 1}]}, "/error_when/0/colour", "unknown"),
        ({"pages": {"by": "page"}}, "/pages/param", "missing"),
        ({"pages": {"by": "cursor", "param": "c"}}, "/pages/next", "missing"),
        ({"pages": {"by": "page", "param": "p", "size": 10, "in": "body"}}, "/pages/in", "no_body"),
        ({"method": "POST", "pages": {"by": "link"}}, "/pages/by", "method"),
        ({"pages": {"by": "luck"}}, "/pages/by", "enum"),
    ],
)
def test_an_operation_that_cannot_be_is_refused_at_its_place(operation: Any, pointer: str, rule: str) -> None:
    environment = Environment(secrets=Held({}), egress=Egress(frozenset()), clock=lambda: NOW)
    source = open_source({"url": "http://register.example"}, environment)
    with pytest.raises(DefinitionFaultError) as caught:
        source.prepare(operation)
    assert (caught.value.pointer, caught.value.rule) == (pointer, rule)


@pytest.mark.parametrize(
    ("connection", "pointer", "rule"),
    [
        ({}, "/url", "missing"),
        ({"url": 7}, "/url", "type"),
        ({"url": "http://h", "charset": "latin-1"}, "/charset", "enum"),
        ({"url": "http://h", "redirects": 99}, "/redirects", "maximum"),
        ({"url": "http://h", "auth": {}}, "/auth/type", "missing"),
        ({"url": "http://h", "auth": {"type": "digest"}}, "/auth/type", "enum"),
        ({"url": "http://h", "auth": {"type": "basic", "username": "u"}}, "/auth/password", "missing"),
        ({"url": "http://h", "auth": {"type": "bearer", "token": "plain text"}}, "/auth/token", "pattern"),
        ({"url": "http://h", "auth": {"type": "bearer", "token": "secret:t", "scope": "x"}}, "/auth/scope", "unknown"),
        ({"url": "http://h", "auth": {"type": "api_key", "name": "X Y", "key": "secret:k"}}, "/auth/name", "pattern"),
        (
            {
                "url": "http://h",
                "auth": {"type": "oauth2", "token_url": "x", "client_id": "c", "client_secret": "secret:s"},
            },
            "/auth/token_url",
            "url",
        ),
        ({"url": "http://h", "headers": {"X\r\nY": "1"}}, "/headers", "pattern"),
        ({"url": "http://user:pass@h"}, "/url", "user_info"),
    ],
)
def test_a_connection_that_cannot_be_is_refused_at_its_place(connection: Any, pointer: str, rule: str) -> None:
    environment = Environment(secrets=Held({}), egress=Egress(frozenset()), clock=lambda: NOW)
    with pytest.raises(DefinitionFaultError) as caught:
        open_source(connection, environment)
    assert (caught.value.pointer, caught.value.rule) == (pointer, rule)
    assert "plain text" not in str(caught.value)
    assert "pass" not in str(caught.value).removeprefix(pointer)


async def test_a_secret_that_would_end_its_header_is_not_sent(desk: Desk) -> None:
    environment = Environment(
        secrets=Held({"secret": "a\r\nX-Injected: 1"}),
        egress=Egress(frozenset({desk.server.target}), LOOPBACK),
        clock=lambda: NOW,
    )
    connection = {"url": desk.server.url, "auth": {"type": "bearer", "token": "secret:secret"}}
    source = open_source(connection, environment)
    with pytest.raises(DefinitionFaultError) as caught:
        await ask(source, {})
    assert (caught.value.pointer, caught.value.rule) == ("/headers/Authorization", "characters")
    assert desk.server.got == []
    await source.close()


# Answers

DECLARED = {
    "rows": "/data",
    "error_when": [{"pointer": "/code", "not_in": [0, "0", 404]}, {"pointer": "/error", "present": True}],
    "none_when": [
        {"status": 404, "pointer": "/code", "equals": 404},
        {"pointer": "/code", "in": [404]},
        {"pointer": "/data", "equals": None},
    ],
}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (said({"code": 0, "data": [{"n": 1}, {"n": 2}]}), 2),
        (said({"code": "0", "data": {"n": 1}}), 1),
        (said({"code": 0, "data": []}), 0),
        (said({"code": 0, "data": None}), 0),
        (said({"code": 404, "data": [{"n": 1}]}), 0),
        (said({"code": 404}, 404), 0),
        (said({"code": 0, "data": [{"n": 1}]}, 404), "faulty_status_404"),
        (Said(404, b"<html>404</html>", (("Content-Type", "text/html"),)), "faulty_not_json"),
        (Said(404, b"", ()), "faulty_not_json"),
        (said({"detail": "no route"}, 404), "faulty_error_body"),
        (said({"code": 500, "data": None}), "faulty_error_body"),
        (said({"code": False, "data": None}), "faulty_error_body"),
        (said({"code": 0, "data": [], "error": "timeout"}), "faulty_error_body"),
        (said({"code": 0, "data": None, "error": None}), 0),
        (said({"code": 0}), "faulty_shape"),
        (said({"code": 0, "data": []}, 500), "faulty_status_500"),
    ],
)
async def test_record_no_record_and_error_are_told_apart(desk: Desk, answer: Said, expected: int | str) -> None:
    desk.answers = [answer]
    source = desk.open()
    if isinstance(expected, int):
        assert len((await ask(source, DECLARED)).rows) == expected
    else:
        assert await code_of(ask(source, DECLARED)) == expected


async def test_a_probe_looks_where_it_is_told(desk: Desk) -> None:
    source = desk.open(probe="/health?deep=1")
    assert (await source.probe(BUDGET)).ok
    assert desk.server.got[0].target == "/base/health?deep=1"
    for status, code in ((404, "faulty_status_404"), (503, "faulty_status_503"), (401, "denied")):
        desk.answers = [said({}, status)]
        assert (await source.probe(BUDGET)).code == code
    anywhere = desk.open()
    for status, ok in ((404, True), (403, True), (500, False)):
        desk.answers = [said({}, status)]
        assert (await anywhere.probe(BUDGET)).ok is ok


# Credentials


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


# Pages

TOWN = [{"n": number} for number in range(25)]


def paging(**pages: Any) -> dict[str, Any]:
    return {"path": "/list", "rows": "/rows", "pages": pages}


async def by_page(got: Got) -> Said:
    first = (int(got.query["page"]) - 1) * 10
    return said({"rows": TOWN[first : first + 10], "total": len(TOWN)})


async def by_offset(got: Got) -> Said:
    where = got.json() if got.body else got.query
    first = int(where["from"])
    return said({"rows": TOWN[first : first + int(where["size"])], "total": str(len(TOWN))})


async def by_cursor(got: Got) -> Said:
    first = int(got.query.get("after", "0"))
    following = first + 10 if first + 10 < len(TOWN) else None
    return said({"rows": TOWN[first : first + 10], "meta": {"next": following}})


async def by_link(got: Got) -> Said:
    first = int(got.query.get("from", "0"))
    more = f'</first>; rel="first", <list?from={first + 10}>; title="a, b"; rel="prefetch next"' if first < 20 else ""
    return said({"rows": TOWN[first : first + 10]}, 200, ("Link", more))


@pytest.mark.parametrize(
    ("handler", "operation", "requests"),
    [
        (by_page, paging(by="page", param="page", size=10), 3),
        (by_page, paging(by="page", param="page", size=10, total="/total"), 3),
        (by_offset, paging(by="offset", param="from", size=5, size_param="size"), 6),
        (by_offset, paging(by="offset", param="from", size=5, size_param="size", total="/total"), 5),
        (
            by_offset,
            paging(by="offset", param="from", size=25, size_param="size", total="/total", **{"in": "body"})
            | {"method": "POST", "json": {}},
            1,
        ),
        (by_cursor, paging(by="cursor", param="after", next="/meta/next"), 3),
        (by_link, paging(by="link"), 3),
    ],
    ids=["page", "page and total", "offset", "offset and total", "offset in the body", "cursor", "link"],
)
async def test_every_page_is_read(desk: Desk, handler: Any, operation: dict[str, Any], requests: int) -> None:
    desk.server.handler = handler
    source = desk.open(auth={"type": "api_key", "in": "query", "name": "key", "key": "secret:secret"})
    assert list((await ask(source, operation)).rows) == TOWN
    assert len(desk.server.got) == requests
    assert {got.query["key"] for got in desk.server.got} == {SECRET}
    assert await code_of(ask(source, operation, Budget(max_rows=24))) == "faulty_too_many"
    assert await code_of(ask(source, operation, Budget(max_bytes=250))) == "faulty_too_large"


def saying(*answers: Any) -> Any:
    told = list(answers)

    async def handler(_: Got) -> Said:
        answer = told.pop(0) if len(told) > 1 else told[0]
        return answer if isinstance(answer, Said) else said(answer)

    return handler


@pytest.mark.parametrize(
    ("handler", "operation"),
    [
        (
            saying({"rows": TOWN[:3], "total": 9}, {"rows": [], "total": 9}),
            paging(by="page", param="p", size=10, total="/total"),
        ),
        (saying({"rows": TOWN[:10], "total": 9}), paging(by="page", param="p", size=10, total="/total")),
        (saying({"rows": TOWN[:10]}), paging(by="page", param="p", size=10, total="/total")),
        (saying({"rows": TOWN[:10], "total": -1}), paging(by="page", param="p", size=10, total="/total")),
        (saying({"rows": TOWN[:1], "next": "a"}), paging(by="cursor", param="c", next="/next")),
        (saying({"rows": [], "next": "a"}), paging(by="cursor", param="c", next="/next")),
        (saying({"rows": TOWN[:1], "next": {"a": 1}}), paging(by="cursor", param="c", next="/next")),
        (saying(said({"rows": TOWN[:1]}, 200, ("Link", "<list>; rel=next"))), paging(by="link")),
        (saying(said({"rows": TOWN[:1]}, 200, ("Link", "<http://elsewhere.example/>; rel=next"))), paging(by="link")),
        (saying(said({"rows": TOWN[:1]}, 200, ("Link", "<ftp://x>; rel=next"))), paging(by="link")),
        (saying(said({"rows": TOWN[:1]}, 200, ("Link", "<//169.254.169.254/>; rel=next"))), paging(by="link")),
    ],
    ids=[
        "fewer than the total",
        "more than the total",
        "no total",
        "a negative total",
        "a cursor that stands still",
        "a cursor after nothing",
        "a cursor that is none",
        "a link to itself",
        "a link to elsewhere",
        "a link that is none",
        "a link to the metadata service",
    ],
)
async def test_pages_that_do_not_add_up_are_no_answer(desk: Desk, handler: Any, operation: dict[str, Any]) -> None:
    desk.server.handler = handler
    with pytest.raises(FaultyAnswerError) as caught:
        await ask(desk.open(), operation)
    assert caught.value.reason == "pages"
    assert len(desk.server.got) <= 3


async def test_pages_without_end_are_cut_by_their_rows(desk: Desk) -> None:
    numbers = itertools.count(1)

    async def endless(_: Got) -> Said:
        return said({"rows": [{"n": 1}], "next": next(numbers)})

    desk.server.handler = endless
    operation = paging(by="cursor", param="c", next="/next")
    assert await code_of(ask(desk.open(), operation, Budget(max_rows=30))) == "faulty_too_many"
    assert len(desk.server.got) == 31


async def test_an_error_on_a_later_page_is_no_shorter_answer(desk: Desk) -> None:
    desk.server.handler = saying({"rows": TOWN[:10]}, said({}, 503))
    assert await code_of(ask(desk.open(), paging(by="page", param="p", size=10))) == "faulty_status_503"
