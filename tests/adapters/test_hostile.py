"""Sources that mean harm, or are merely broken: each has its own outcome; memory stays flat (F14, drills 26 to 32)."""

import asyncio
import gzip
import json
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest

from adapters.errors import FaultyAnswerError, SourceError, TimedOutError
from adapters.guarded import Guarded
from adapters.port import Budget
from adapters.registry import open_source
from catalog.sources import Limits
from tests.adapters.contract import BUDGET, Kind, ask, until
from tests.adapters.servers import Got, Said, Server, said, serving, talking

ROWS = {"code": "0", "rows": [{"name": "示例市晨光食品有限公司"}]}
OPERATION = {"path": "/rows", "rows": "/rows", "error_when": [{"pointer": "/code", "not_in": ["0"]}]}
JSON = ("Content-Type", "application/json")
HASTY = Budget(connect_seconds=5, read_seconds=0.2, total_seconds=5)
FLAT = 64 * 1024 * 1024


def kind_at(server: Server, **connection: Any) -> Kind:
    given = {"url": server.url, "connections": 64, **connection}
    return Kind(
        kind="rest",
        connection=given,
        targets=frozenset({server.target}),
        by_uscc=OPERATION,
        by_name=OPERATION,
        by_region=OPERATION,
    )


async def code_at(server: Server, budget: Budget = BUDGET, **connection: Any) -> str:
    """The code of the error that an answer of this server ends in; empty for none."""
    async with kind_at(server, **connection).open() as source:
        return await _code(ask(source, OPERATION, budget))


async def code_of(said_: Said, **connection: Any) -> str:
    async def handler(_: Got) -> Said:
        return said_

    async with serving(handler) as server:
        return await code_at(server, **connection)


async def code_of_raw(raw: bytes, budget: Budget = BUDGET) -> str:
    async with serving(raw=raw) as server:
        return await code_at(server, budget)


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{", "timed_out_read"),
        (b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n", "timed_out_read"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", "timed_out_read"),
        (b"", "timed_out_read"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n", "faulty_too_large"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}", "faulty_protocol"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}", "faulty_protocol"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "faulty_protocol"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "faulty_protocol"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 300_000 + b"\r\n\r\n", "faulty_protocol"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 100_000, "faulty_protocol"),
        (b"HTTP/1.1 200 OK\r\nX\0Y: a\r\n\r\n", "faulty_protocol"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "faulty_protocol"),
        (b"\x15\x03\x01\x00\x02\x02\x46\r\n\r\n", "faulty_protocol"),
    ],
)
async def test_bytes_that_are_no_answer(raw: bytes, code: str) -> None:
    assert await code_of_raw(raw, HASTY) == code


@pytest.mark.parametrize("cut", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", b"HTTP/1.1 200"])
async def test_a_connection_that_ends_early_may_be_tried_again(cut: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(cut)
        await writer.drain()

    async with talking(serve) as port:
        async with kind_at(Server(port=port)).open() as source:
            with pytest.raises(FaultyAnswerError) as caught:
                await ask(source, OPERATION)
        assert (caught.value.reason, caught.value.may_retry) == ("cut_off", True)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "not_json"),
        (b"null", "error_body"),
        (b"7", "error_body"),
        (b"[]", "error_body"),
        (b'{"code":"0"}', "shape"),
        (b'{"code":"0","rows":null}', "shape"),
        (b'{"code":"0","rows":"none"}', "shape"),
        (b'{"code":"0","rows":[1]}', "shape"),
        (b'{"code":"0","rows":[null]}', "shape"),
        (b'{"code":"500","msg":"ORA-00942","rows":[]}', "error_body"),
        (b'{"error":"internal"}', "error_body"),
        (b"<html><body>Please log in</body></html>", "not_json"),
        (b"callback({})", "not_json"),
        (b'{"code":"0","rows":[]} trailing', "not_json"),
        (b'{"code":"0","code":"0","rows":[]}', "duplicate_name"),
        (b'{"code":"0","rows":[{"n":NaN}]}', "number"),
        (b'{"code":"0","rows":[{"n":1e400}]}', "number"),
        (b'{"code":"0","rows":[{"n":9007199254740993}]}', "number"),
        (b'{"code":"0","rows":[{"n":"\\ud800"}]}', "character"),
        (b'{"code":"0","rows":[{"n":"\\u0000"}]}', "character"),
        (b"[" * 500_000, "too_deep"),
        (b'{"a":' * 100_000, "too_deep"),
        (b'{"code":"0","rows":[' + b"[" * 15 + b"]" * 15 + b"]}", "too_deep"),
        ('{"code":"0","rows":[{"n":"公司"}]}'.encode("gb18030"), "charset"),
        ('{"code":"0"}'.encode("utf-16"), "charset"),
        (gzip.compress(b'{"code":"0","rows":[]}', mtime=0), "charset"),
    ],
)
async def test_a_body_that_is_no_answer(body: bytes, code: str) -> None:
    assert await code_of(Said(200, body, (JSON,))) == f"faulty_{code}"


@pytest.mark.parametrize(
    ("content_type", "charset", "encoding", "code"),
    [
        ("application/json", None, "utf-8", ""),
        ("application/json;charset=UTF-8", None, "utf-8", ""),
        ('Application/JSON; Charset="utf-8"', None, "utf-8", ""),
        ("application/problem+json", None, "utf-8", ""),
        ("text/plain", None, "utf-8", ""),
        ("application/json", None, "utf-8-sig", ""),
        ("application/json", "gb18030", "gb18030", ""),
        ("application/json;charset=GBK", "gb18030", "gbk", ""),
        ("application/json;charset=gb2312", "gb18030", "gb18030", ""),
        ("application/json;charset=GBK", None, "gbk", "faulty_charset"),
        ("application/json;charset=utf-8", "gb18030", "utf-8", "faulty_charset"),
        ("application/json;charset=utf-7", None, "utf-8", "faulty_charset"),
        ("application/json;charset=utf-16", None, "utf-16", "faulty_charset"),
        ("text/html", None, "utf-8", "faulty_not_json"),
        ("text/html;charset=utf-8", None, "utf-8", "faulty_not_json"),
        ("application/xml", None, "utf-8", "faulty_not_json"),
        ("application/octet-stream", None, "utf-8", "faulty_not_json"),
    ],
)
async def test_content_type_and_charset(content_type: str, charset: str | None, encoding: str, code: str) -> None:
    body = json.dumps(ROWS, ensure_ascii=False).encode(encoding)
    declared = {} if charset is None else {"charset": charset}
    assert await code_of(Said(200, body, (("Content-Type", content_type),)), **declared) == code


async def test_html_as_json_only_where_the_owner_says_so() -> None:
    body = json.dumps(ROWS).encode()
    assert await code_of(Said(200, body, (("Content-Type", "text/html"),)), content_types=["text/html"]) == ""
    page = Said(200, b"<html></html>", (("Content-Type", "text/html"),))
    assert await code_of(page, content_types=["text/html"]) == "faulty_not_json"


@pytest.mark.parametrize("encoding", ["gzip", "gzip, gzip", "deflate", "br", "zstd", "x-unknown", "identity, gzip"])
async def test_compression_is_neither_asked_for_nor_taken(encoding: str) -> None:
    asked = []
    bomb = gzip.compress(gzip.compress(b"0" * 20_000_000))

    async def handler(got: Got) -> Said:
        asked.append(got.headers["accept-encoding"])
        return Said(200, bomb, (JSON, ("Content-Encoding", encoding)))

    async with serving(handler) as server:
        tracemalloc.start()
        assert await code_at(server) == "faulty_encoding"
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert asked == ["identity"]
    assert peak < 10_000_000


async def endless(piece: bytes, first: bytes = b"") -> AsyncIterator[bytes]:
    yield first
    while True:
        yield piece


@pytest.mark.parametrize(
    ("first", "piece"),
    [(b"", b"\0" * 65_536), (b'{"rows":[', b'{"name":"x"},' * 5_000), (b"", b"[" * 65_536), (b'"', b"\\u0041" * 9_000)],
    ids=["a gigabyte of nothing", "endless rows", "endless brackets", "an endless string"],
)
async def test_an_endless_answer_is_cut_and_memory_stays_flat(first: bytes, piece: bytes) -> None:
    async def handler(_: Got) -> Said:
        return Said(200, headers=(JSON,), stream=endless(piece, first))

    async with serving(handler) as server, kind_at(server).open() as source:
        tracemalloc.start()
        codes = await asyncio.gather(*(_code(ask(source, OPERATION)) for _ in range(16)))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert codes == ["faulty_too_large"] * 16
        await until(lambda: _is_idle(server))
    assert peak < FLAT


async def test_the_largest_answer_of_a_budget_is_read_with_flat_memory() -> None:
    row = b'{"name":"' + b"x" * 1000 + b'"}'
    body = b'{"code":"0","rows":[' + b",".join([row] * 16_000) + b"]}"

    async def handler(_: Got) -> Said:
        return Said(200, body, (JSON,))

    budget = Budget(max_bytes=len(body), max_rows=16_000, read_seconds=20, total_seconds=30)
    async with serving(handler) as server, kind_at(server).open() as source:
        tracemalloc.start()
        assert len((await ask(source, OPERATION, budget)).rows) == 16_000
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert await _code(ask(source, OPERATION, Budget(max_bytes=len(body) - 1))) == "faulty_too_large"
    assert peak < 6 * len(body)


async def trickle(seconds: float) -> AsyncIterator[bytes]:
    while True:
        yield b" "
        await asyncio.sleep(seconds)


async def test_two_hundred_tricklers_are_cut_by_the_clock_and_their_slots_are_free() -> None:
    trickling, at_once = True, 0

    async def handler(_: Got) -> Said:
        nonlocal at_once
        at_once = max(at_once, guarded.health().in_flight)
        return Said(200, headers=(JSON,), stream=trickle(0.05)) if trickling else said(ROWS)

    budget = Budget(connect_seconds=10, read_seconds=5, total_seconds=1.5)
    async with serving(handler) as server:
        kind = kind_at(server)
        source = open_source("rest", kind.connection, kind.environment())
        guarded = Guarded(source, Limits(concurrency=64, waiting=200, retries=0), clock=kind.environment().clock)
        codes = await asyncio.gather(*(_code(ask(guarded, OPERATION, budget)) for _ in range(200)))
        assert set(codes) <= {"timed_out_total", "unreachable_busy", "unreachable_breaker_open"}
        # On a busy machine the last to ask have time left when the first are cut, and take a slot for what is left.
        assert 64 <= codes.count("timed_out_total") < 200
        assert at_once == 64
        await until(lambda: _is_idle(server))
        trickling = False
        assert (guarded.health().in_flight, guarded.health().waiting) == (0, 0)
        async with kind.open() as fresh:
            assert len((await ask(fresh, OPERATION)).rows) == 1
        await guarded.close()


async def test_a_trickle_of_headers_is_cut_as_well() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        with suppress(ConnectionError):
            while True:
                writer.write(b"HTTP/1.1 103 Early Hints\r\n\r\n")
                await writer.drain()
                await asyncio.sleep(0.01)

    async with talking(serve) as port:
        async with kind_at(Server(port=port)).open() as source:
            with pytest.raises(TimedOutError) as caught:
                await ask(source, OPERATION, Budget(read_seconds=5, total_seconds=0.5))
        assert caught.value.phase == "total"


@pytest.mark.parametrize("status", [201, 204, 301, 400, 404, 410, 418, 429, 500, 503, 599])
async def test_a_status_is_not_an_answer_unless_it_says_so(status: int) -> None:
    code = await code_of(Said(status, b"", (("Location", "/elsewhere"), JSON)))
    wanted = {201: "not_json", 204: "not_json", 301: "redirect"}
    assert code == f"faulty_{wanted.get(status, f'status_{status}')}"


@pytest.mark.parametrize("status", [401, 403])
async def test_credentials_refused(status: int) -> None:
    assert await code_of(Said(status, b"", (JSON,))) == "denied"


async def _code(asking: Any) -> str:
    try:
        await asking
    except SourceError as error:
        return error.code
    return ""


async def _is_idle(server: Server) -> bool:
    return server.working == 0
