"""The promises of the port, over a JSON service: values in query, path, body and form, each way of authentication."""

import base64
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qsl

import pytest

from tests.adapters.contract import Kind, SourceContract
from tests.adapters.servers import Got, Said, Server, enterprises, nobody, said, serving

KEY = "k3y-of-the-town-4f1d9c"
WRONG = "wr0ng-key-of-nobody-77aa"
TOKEN = "t0ken.of-the-town_9d8e7f"


async def register(got: Got) -> Said:
    """The town's own service: three fashions of asking behind one key."""
    if got.segments[-1] == "token":
        pair = base64.b64encode(f"hub:{KEY}".encode()).decode()
        if got.headers["authorization"] != f"Basic {pair}":
            return said({"error": "invalid_client"}, 401)
        return said({"access_token": TOKEN, "token_type": "Bearer", "expires_in": 600})
    basic = base64.b64encode(f"hub:{KEY}".encode()).decode()
    shown = {got.headers.get("x-key"), got.headers.get("authorization"), got.query.get("key")}
    if not shown & {KEY, f"Bearer {KEY}", f"Basic {basic}", f"Bearer {TOKEN}"}:
        return said({"code": "401"}, 401)
    return _found(got)


def _found(got: Got) -> Said:
    match got.segments:
        case ["api", "health"]:
            return said({"code": "0"})
        case ["api", "enterprises", uscc]:
            rows = enterprises(uscc=uscc)
            return said(
                {"code": "0", "data": rows[0]} if rows else {"code": "10404", "data": None}, 200 if rows else 404
            )
        case ["api", "enterprises"]:
            wanted = got.query if got.method == "GET" else _body(got)
            wanted = {name: value for name, value in wanted.items() if name not in {"key", "page", "size"}}
            rows = enterprises(**wanted)
            return said({"code": "0", "data": {"rows": rows, "total": len(rows)}})
    return Said(404, b"<html>gone</html>", (("Content-Type", "text/html"),))


def _body(got: Got) -> dict[str, Any]:
    if got.headers["content-type"] == "application/json":
        found: dict[str, Any] = got.json()["where"]
        return found
    return dict(parse_qsl(got.body.decode("ascii"), keep_blank_values=True))


def asking(**wanted: str) -> dict[str, Any]:
    return {
        "path": "/enterprises",
        "query": wanted,
        "rows": "/data/rows",
        "error_when": [{"pointer": "/code", "not_in": ["0"]}],
    }


BY_PATH = {
    "path": "/enterprises/{uscc}",
    "rows": "/data",
    "none_when": [{"status": 404, "pointer": "/code", "equals": "10404"}],
}


def kind_of(server: Server, absent: int, auth: dict[str, Any], **changes: Any) -> Kind:
    connection = {"url": f"{server.url}/api", "auth": auth, "probe": "/health"}
    given: dict[str, Any] = {
        "kind": "rest",
        "connection": connection,
        "secrets": {"key": KEY},
        "targets": frozenset({server.target, type(server.target)("127.0.0.1", absent)}),
        "by_uscc": asking(uscc="{uscc}"),
        "by_name": asking(name="{name}"),
        "by_region": asking(region="{region}"),
        "gone": {**connection, "url": f"http://127.0.0.1:{absent}/api"},
        "denied": {"key": WRONG},
        "slow": server.held,
        "busy": server.busy,
    }
    return Kind(**(given | changes))


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with serving(register) as opened:
        yield opened


@pytest.fixture
async def absent() -> AsyncIterator[int]:
    async with nobody() as port:
        yield port


class TestRestByQuery(SourceContract):
    """An API key in a header, values in the query."""

    @pytest.fixture
    async def kind(self, server: Server, absent: int) -> Kind:
        return kind_of(server, absent, {"type": "api_key", "name": "X-Key", "key": "secret:key"})


class TestRestByPath(SourceContract):
    """A bearer token, the key in the path."""

    @pytest.fixture
    async def kind(self, server: Server, absent: int) -> Kind:
        auth = {"type": "bearer", "token": "secret:key"}
        return kind_of(server, absent, auth, by_uscc=BY_PATH, unsayable=frozenset({"path"}))


class TestRestByJson(SourceContract):
    """Basic authentication, values in a JSON body."""

    @pytest.fixture
    async def kind(self, server: Server, absent: int) -> Kind:
        def posting(**wanted: str) -> dict[str, Any]:
            operation = asking() | {"method": "POST", "json": {"where": wanted}, "safe": True}
            return {name: item for name, item in operation.items() if name != "query"}

        return kind_of(
            server,
            absent,
            {"type": "basic", "username": "hub", "password": "secret:key"},
            by_uscc=posting(uscc="{uscc}"),
            by_name=posting(name="{name}"),
            by_region=posting(region="{region}"),
        )


class TestRestByForm(SourceContract):
    """OAuth 2 client credentials, values in a form."""

    @pytest.fixture
    async def kind(self, server: Server, absent: int) -> Kind:
        def posting(**wanted: str) -> dict[str, Any]:
            return {**{k: v for k, v in asking().items() if k != "query"}, "method": "POST", "form": wanted}

        auth = {
            "type": "oauth2",
            "token_url": f"{server.url}/token",
            "client_id": "hub",
            "client_secret": "secret:key",
        }
        absent_auth = auth | {"token_url": f"http://127.0.0.1:{absent}/token"}
        connection = {"url": f"http://127.0.0.1:{absent}/api", "auth": absent_auth, "probe": "/health"}
        return kind_of(
            server,
            absent,
            auth,
            gone=connection,
            by_uscc=posting(uscc="{uscc}"),
            by_name=posting(name="{name}"),
            by_region=posting(region="{region}"),
        )
