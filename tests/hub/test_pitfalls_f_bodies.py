"""Pitfalls F3 to F5: how much is read, what is taken, and what a refusal says."""

import json
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx2
import pytest
from pydantic import field_validator
from sqlalchemy import text
from starlette.requests import Request

from hub.access.actors import Role
from hub.edge.body import Body, read_json
from hub.runtime import Hub
from tests.access.people import add, visitor
from tests.serving import Served, problem, read_answer
from tests.support import (
    Place,
    case_body,
    open_case,
    token_form,
)

CANARY = "CANARY330102199003070017"
JSON = {"Content-Type": "application/json"}
on_sqlite = pytest.mark.parametrize("template", ["sqlite"], indirect=True)


# F3


async def test_f3_a_call_without_a_token_is_refused_before_its_body_is_read(served: Served) -> None:
    with served.connect() as connection:
        head = "POST /api/v1/cases HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        connection.sendall((head + "Content-Type: application/json\r\nContent-Length: 10000000\r\n\r\n").encode())
        problem(read_answer(connection), status=401)  # and not one byte of the body was sent


NOBODY = "00000000-0000-7000-8000-000000000000"
LONG: dict[str, tuple[str, str, dict[str, str], int]] = {
    "agent": ("POST", f"/api/v1/agents/nobodys/answers/{NOBODY}", {"Agent-Answer": "a.b.c"}, 404),
    "agent-json": ("POST", f"/api/v1/agents/nobodys/answers/{NOBODY}", JSON, 404),
    "delivery": ("POST", f"/api/v1/agents/nobodys/deliveries/{NOBODY}", JSON, 404),
    "poll": ("POST", "/api/v1/agents/nobodys/poll", JSON, 404),
    "rows": ("POST", "/api/v1/sources/nobodys/rows", JSON, 404),
    "part": (
        "PUT",
        f"/api/v1/batches/{NOBODY}/parts/1",
        {"Content-Length": "9", "Content-Digest": "sha-256=:eA==:"},
        404,
    ),
    "list": ("POST", "/api/v1/interfaces/nobodys/bulk", {"Content-Type": "application/x-ndjson"}, 403),
}
"""Every route of the API with a limit of its own: a body that somebody who may not come would like to have read."""


@on_sqlite
@pytest.mark.parametrize("name", LONG)
async def test_f3_a_long_body_is_not_read_of_somebody_who_may_not_send_it(
    place: Place, client: httpx2.AsyncClient, name: str
) -> None:
    method, path, headers, status = LONG[name]
    answer = await client.request(method, path, headers=headers | await place.headers(client), content=_unread())
    assert answer.status_code == status, answer.text


@on_sqlite
async def test_f3_an_uploaded_sample_is_not_read_for_somebody_elses_interface(place: Place, hub: Hub) -> None:
    await add(hub, "engineer", Role.OWNER_ENGINEER)
    async with visitor(place, hub) as engineer:
        await engineer.sign_in("engineer")
        for path in (
            f"/console/owner/publish/{NOBODY}/quality/file",
            "/console/owner/interfaces/nobodys/1/quality/file",
        ):
            answer = await engineer.client.post(path, content=_unread())
            assert answer.status_code == 404


async def _unread() -> AsyncIterator[bytes]:
    raise AssertionError("the body was read")
    yield b""


class Witness(Body):
    """Says which thread judged it."""

    text: str

    @field_validator("text")
    @classmethod
    def _where(cls, value: str) -> str:
        return f"{threading.current_thread() is threading.main_thread()} {len(value)}"


@pytest.mark.parametrize("size", [10, 100_000])
async def test_f3_a_long_body_is_judged_beside_the_loop(size: int) -> None:
    raw = json.dumps({"text": "a" * size}).encode()
    sent = [{"type": "http.request", "body": raw, "more_body": False}]

    async def receive() -> Any:
        return sent.pop()

    request = Request({"type": "http", "headers": [(b"content-type", b"application/json")]}, receive)
    body, _ = await read_json(request, Witness, max_bytes=200_000)
    assert body.text == f"{size == 10} {size}"


@pytest.mark.parametrize("path", ["/api/v1/cases", "/api/v1/verify", "/verify", "/oauth/token"])
@pytest.mark.parametrize("chunked", [True, False], ids=["chunked", "counted"])
async def test_f3_a_body_past_the_limit_is_cut_on_the_wire(served: Served, path: str, chunked: bool) -> None:  # noqa: FBT001
    async with served.client() as client:
        token = await served.place.token(client)
    kind = "application/json" if path.startswith("/api") else "application/x-www-form-urlencoded"
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", "Connection: close", f"Content-Type: {kind}",
             f"Authorization: Bearer {token}",
             "Transfer-Encoding: chunked" if chunked else "Content-Length: 10000000", "", ""]  # fmt: skip
    piece = b'{"' + b"a" * 9998
    sent = 0
    with served.connect() as connection:
        connection.sendall("\r\n".join(lines).encode())
        try:
            while sent < 10_000_000:
                connection.sendall(b"2710\r\n" + piece + b"\r\n" if chunked else piece)
                sent += len(piece)
        except OSError:
            pass  # the server has closed
        answer = read_answer(connection)
    if answer.status:  # else the reset overtook the answer
        problem(answer, status=413, slug="body-too-large")
    assert answer.status or sent < 10_000_000


# F4


def mutations(value: Any) -> Iterator[Any]:
    """The value with the canary in place of, or beside, every part of it."""
    yield from (
        CANARY,
        CANARY * 40,
        [CANARY],
        {CANARY: CANARY},
        7_301_199_003_070,
        f"{CANARY}\u0000",
        f"{CANARY}\ud800",
    )
    if isinstance(value, dict):
        yield {**value, CANARY: 1}
        yield {**value, "unknown": CANARY}
        for name, member in value.items():
            yield from ({**value, name: changed} for changed in mutations(member))
            yield {other: item for other, item in value.items() if other != name} | {f"{name}{CANARY}": member}
    elif isinstance(value, list):
        yield from ([changed, *value[1:]] for item in value[:1] for changed in mutations(item))


@pytest.mark.embedded
async def test_f4_no_refusal_repeats_the_input(place: Place, client: httpx2.AsyncClient) -> None:
    headers = await place.headers(client) | JSON
    case_no = await open_case(client, headers)
    bodies = {
        "/api/v1/cases": case_body(subjects=[{"kind": "vehicle", "code": "1"}], facts={"a": True}),
        f"/api/v1/cases/{case_no}/facts": {"facts": {"a": ["b"]}},
        f"/api/v1/cases/{case_no}/evidence": {"purpose": "p", "requirements": ["licence"]},
        "/api/v1/verify": {"token": "x", "audience": "y"},
    }
    refused = 0
    for path, body in bodies.items():
        for changed in mutations(body):
            answer = await client.post(path, content=json.dumps(changed).encode(), headers=headers)
            assert answer.status_code < 500
            if answer.status_code >= 400:
                refused += 1
                problem(answer)
                assert CANARY not in answer.text
                assert "7301199003070" not in answer.text
                assert CANARY not in str(answer.headers)
    assert refused > 150


@pytest.mark.embedded
async def test_f4_no_refusal_repeats_a_path_query_or_form(place: Place, client: httpx2.AsyncClient) -> None:
    headers = await place.headers(client)
    for path in ("/{}", "/status-lists/{}", "/problems/{}", "/api/v1/cases/{}", "/api/v1/cases/{}%20",
                 "/api/v1/evidence-requests/{}", "/api/v1/certificates/{}", "/api/v1/ledger/entries/{}/proof",
                 "/api/v1/ledger/consistency?size={}", "/ledger/tile/{}", "/?lang={}", "/static/{}",
                 "/health/live?{0}=1&{0}=2"):  # fmt: skip
        answer = await client.get(path.format(CANARY), headers=headers)
        problem(answer)
        assert CANARY not in answer.text + str(answer.headers), path
    valid = token_form("x")
    for form in [{**valid, name: CANARY} for name in valid] + [{CANARY: CANARY}, {**valid, CANARY: "1"}]:
        answer = await client.post("/oauth/token", data=form)
        problem(answer)
        assert CANARY not in answer.text + str(answer.headers), form


# F5

GOOD = json.dumps(case_body(external_no="f5"), ensure_ascii=False)
NOT_JSON = {
    "NaN": GOOD.replace('"f5"', "NaN"),
    "Infinity": GOOD.replace('"f5"', "-Infinity"),
    "1e400": GOOD.replace('"f5"', "1e400"),
    "lone surrogate": GOOD.replace("f5", "f5\\ud800"),
    "integer of 65 bits": GOOD.replace('"f5"', str(2**65)),
    "integer of 10,000 digits": GOOD.replace('"f5"', "9" * 10_000),
    "escaped NUL": GOOD.replace("f5", "f5\\u0000"),
    "raw NUL": GOOD.replace("f5", "f5\x00"),
    "control character": GOOD.replace("f5", "f5\\u001b[2J"),
    "UTF-16": GOOD.encode("utf-16"),
    "UTF-16 without BOM": GOOD.encode("utf-16-le"),
    "UTF-32": GOOD.encode("utf-32"),
    "GB18030": GOOD.encode("gb18030"),
    "BOM": b"\xef\xbb\xbf" + GOOD.encode(),
    "overlong": GOOD.encode().replace(b"f5", b"\xc0\xaf"),
    "duplicate name": GOOD[:-1] + ', "external_no": "f6"}',
    "duplicate name, escaped": GOOD[:-1] + ', "external\\u005fno": "f6"}',
    "duplicate name, nested": GOOD.replace('"id": "op-1"', '"id": "op-1", "id": "op-2"'),
    "depth 33": '{"a":' * 33 + "1" + "}" * 33,
    "depth 10,000": "[" * 10_000 + "]" * 10_000,
    "depth 100,000, not closed": '{"a":' * 40_000,
    "trailing comma": GOOD[:-1] + ",}",
    "comment": GOOD + "/* */",
    "two documents": GOOD + GOOD,
    "nothing": "",
    "cut": GOOD[:-3],
}
BROKEN_RULES = {
    "unknown member": GOOD[:-1] + ', "is_admin": true}',
    "unknown member, nested": GOOD.replace('"id": "op-1"', '"id": "op-1", "role": "admin"'),
    "number for text": GOOD.replace('"f5"', "5"),
    "text for a list": GOOD.replace('"corroboration": [', '"corroboration": "x", "subjects": ['),
    "boolean for text": GOOD.replace('"f5"', "true"),
    "empty text": GOOD.replace('"f5"', '""'),
    "text too long": GOOD.replace('"f5"', '"' + "x" * 101 + '"'),
    "a list": "[]",
    "null": "null",
}


@pytest.mark.embedded
async def test_f5_what_readers_of_json_disagree_about_is_refused(
    place: Place, client: httpx2.AsyncClient, hub: Hub
) -> None:
    headers = await place.headers(client) | JSON
    statuses = {}
    for name, body in {**NOT_JSON, **BROKEN_RULES}.items():
        content = body.encode() if isinstance(body, str) else body
        answer = await client.post("/api/v1/cases", content=content, headers=headers)
        statuses[name] = problem(answer)["status"]
    assert statuses == dict.fromkeys(NOT_JSON, 400) | dict.fromkeys(BROKEN_RULES, 422)
    cases = text("SELECT count(*) FROM cases")
    assert await hub.database.read(lambda tx: tx.execute(cases).scalar()) == 0


MEDIA_TYPES = (
    "",
    "text/plain",
    "application/xml",
    "multipart/form-data; boundary=x",
    "application/json; charset=utf-16",
    "application/json; charset=gbk",
    "application/jsonp",
)


NUL_IN_PATHS = [
    "/console/owner/sources/%00",
    "/console/consumer/systems/a%00b",
    "/console/consumer/interfaces/%00",
    "/console/consumer/try/%00",
    "/console/consumer/search?q=%00",
    "/api/v1/catalogue?q=a%00b",
]


async def test_f5_a_nul_is_refused_wherever_it_stands(place: Place, client: httpx2.AsyncClient, hub: Hub) -> None:
    """PostgreSQL answers one with an error."""
    await add(hub, "engineer", Role.OWNER_ENGINEER, Role.CONSUMER_ENGINEER)
    async with visitor(place, hub) as someone:
        await someone.sign_in("engineer")
        for path in NUL_IN_PATHS:
            problem(await someone.get(path), status=400)
        signed = {"appKey": "a\0b", "requestTime": "1", "sign": "x"}
        problem(await client.post("/gateway/app/refreshTokenByKey.htm", data=signed), status=400)
        assert (await someone.post("/console/sign-in", {"user_name": "a\0b", "password": "x"})).status_code == 400
        assert (await someone.post("/console/account/tokens", {"label": "a\x1bb", "life": "1"})).status_code == 400


@pytest.mark.embedded
async def test_f5_another_media_type_is_refused(place: Place, client: httpx2.AsyncClient) -> None:
    headers = await place.headers(client)
    for media_type in MEDIA_TYPES:
        sent = headers | {"Content-Type": media_type}
        problem(await client.post("/api/v1/cases", content=GOOD.encode(), headers=sent), status=400)


async def test_f5_the_good_document_is_taken_and_two_spellings_are_one_value(
    place: Place, client: httpx2.AsyncClient
) -> None:
    headers = await place.headers(client) | JSON
    composed, decomposed = GOOD.replace("f5", "\u00e9"), GOOD.replace("f5", "e\u0301")
    first = await client.post("/api/v1/cases", content=composed.encode(), headers=headers)
    assert first.status_code == 201
    second = await client.post("/api/v1/cases", content=decomposed.encode(), headers=headers)
    assert problem(second, slug="duplicate-case")["case_no"] == first.json()["case_no"]


@pytest.mark.embedded
async def test_f5_ten_megabytes_and_repeated_query_parameters_are_refused(
    place: Place, client: httpx2.AsyncClient
) -> None:
    headers = await place.headers(client) | JSON
    huge = GOOD.replace("f5", "x" * 10_000_000).encode()
    problem(await client.post("/api/v1/cases", content=huge, headers=headers), status=413)
    for query in ("size=1&size=2", "size=1&size=1", "size=1&%73ize=2", "a&a"):
        problem(await client.get(f"/api/v1/ledger/consistency?{query}"), status=400)


@pytest.mark.parametrize(
    "path", ["/api/v1/ledger/consistency?size=1", "/", "/verify", "/health/live", "/api/v1/matters"]
)
@pytest.mark.sampled
async def test_f5_a_query_parameter_that_the_route_does_not_have_is_refused(
    place: Place, client: httpx2.AsyncClient, path: str
) -> None:
    headers = await place.headers(client)
    answer = await client.get(f"{path}{'&' if '?' in path else '?'}911101000000canary=1", headers=headers)
    problem(answer, status=400)
    assert "canary" not in answer.text
    assert (await client.get(path, headers=headers)).status_code != 400
