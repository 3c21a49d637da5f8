"""What a REST source sends: values whole and of their type, and what cannot be sent is refused at its place."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from adapters.egress import Egress
from adapters.errors import DefinitionFaultError
from adapters.port import Environment
from adapters.rest import open_source
from tests.adapters.contract import BUDGET, LOOPBACK, Held, ask
from tests.adapters.rest_desk import CONTEXT, NOW, Desk, opened_desk


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with opened_desk() as desk:
        yield desk


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
