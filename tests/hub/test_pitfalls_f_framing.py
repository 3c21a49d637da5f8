"""Pitfalls F6 and F7: where a request ends, whom it is for, and where it came from, behind both HTTP parsers."""

import asyncio
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx2
import pytest

from tests.serving import Served, problem
from tests.support import (
    Place,
    make_template,
    token_form,
)

ROOT = Path(__file__).parent.parent.parent


# F6

HEAD = b"POST /api/v1/verify HTTP/1.1\r\nConnection: close\r\nContent-Type: application/json\r\n"
HOST = b"Host: 127.0.0.1\r\n"
BODY = b'{"token":"x"}'
CHUNKS = b"d\r\n" + BODY + b"\r\n0\r\n\r\n"
LENGTH, CHUNKED = b"Content-Length: 13\r\n", b"Transfer-Encoding: chunked\r\n"
AMBIGUOUS = {
    "length and chunks": HEAD + HOST + LENGTH + CHUNKED + b"\r\n" + CHUNKS,
    "chunks and length": HEAD + HOST + CHUNKED + LENGTH + b"\r\n" + CHUNKS,
    "two lengths": HEAD + HOST + LENGTH + b"Content-Length: 2\r\n\r\n" + BODY,
    "signed length": HEAD + HOST + b"Content-Length: +13\r\n\r\n" + BODY,
    "chunked twice": HEAD + HOST + CHUNKED + CHUNKED + b"\r\n" + CHUNKS,
    "another coding": HEAD + HOST + b"Transfer-Encoding: xchunked\r\n\r\n" + CHUNKS,
    "space before the colon": HEAD + HOST + b"Content-Length : 13\r\n\r\n" + BODY,
    "two hosts": HEAD + HOST + HOST + LENGTH + b"\r\n" + BODY,
    "two different hosts": HEAD + HOST + b"Host: elsewhere.example\r\n" + LENGTH + b"\r\n" + BODY,
    "no host": HEAD + LENGTH + b"\r\n" + BODY,
    "no host in HTTP/1.0": HEAD.replace(b"1.1", b"1.0") + LENGTH + b"\r\n" + BODY,
    "empty host": HEAD + b"Host:\r\n" + LENGTH + b"\r\n" + BODY,
    "unknown host": HEAD + b"Host: elsewhere.example\r\n" + LENGTH + b"\r\n" + BODY,
    "host with a user": HEAD + b"Host: 127.0.0.1@elsewhere.example\r\n" + LENGTH + b"\r\n" + BODY,
    "host with a path": HEAD + b"Host: 127.0.0.1/x\r\n" + LENGTH + b"\r\n" + BODY,
    "folded header": HEAD + HOST + b"X-A: b\r\n c: d\r\n" + b"Content-Length: 1\r\n\t3\r\n\r\n" + BODY,
}


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_f6_ambiguous_framing_and_hosts_are_refused_by_both_parsers(served: Served, name: str) -> None:
    answer = served.send(AMBIGUOUS[name])
    assert answer.status == 400
    if answer.headers["content-type"] != "text/plain; charset=utf-8":  # the parser's own refusal
        problem(answer, slug="bad-request")


@pytest.mark.parametrize("lengths", [LENGTH + LENGTH, b"Content-Length: 13, 13\r\n"], ids=["twice", "list"])
def test_f6_one_length_said_twice_is_refused_or_read_as_one(served: Served, lengths: bytes) -> None:
    # RFC 9110 §8.6 allows both; h11 reads it as one before the application sees it.
    answer = served.send(HEAD + HOST + lengths + b"\r\n" + BODY + b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert answer.status in {200, 400}
    assert b"HTTP/1.1" not in answer.content


@pytest.mark.parametrize("host", [b"127.0.0.1", b"LOCALHOST:8700", b"[::1]:1"])
def test_f6_a_plain_request_to_a_known_host_is_answered(served: Served, host: bytes) -> None:
    plain = HEAD + b"Host: " + host + b"\r\n"
    assert served.send(plain + LENGTH + b"\r\n" + BODY).status == 200
    assert served.send(plain + CHUNKED + b"\r\n" + CHUNKS).status == 200


def test_f6_an_absolute_target_changes_neither_host_nor_links(served: Served) -> None:
    for path in (b"/health/live", b"/api/v1/matters/", b"/openapi.json", b"/"):
        request = b"GET http://elsewhere.example" + path + b" HTTP/1.1\r\nConnection: close\r\n"
        answer = served.send(request + HOST + b"\r\n")
        assert answer.status < 500
        assert b"elsewhere.example" not in answer.content + str(answer.headers).encode()
        assert served.send(request + b"Host: elsewhere.example\r\n\r\n").status == 400


# F7


def test_f7_x_forwarded_for_is_not_believed(tmp_path: Path) -> None:
    place = Place(tmp_path / "home", None)
    asyncio.run(make_template(place))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = place.environment() | {"YIZHENG_TOKEN_REQUESTS_PER_MINUTE": "3", "FORWARDED_ALLOW_IPS": "*"}
    command = [sys.executable, "-m", "hub.cli", "serve", "--port", str(port)]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT)
    try:
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}") as client:
            _until_ready(client)
            statuses = [
                client.post(
                    "/oauth/token",
                    data=token_form("x"),
                    headers={"X-Forwarded-For": f"203.0.113.{n}", "Forwarded": "for=8.8.8.8"},
                ).status_code
                for n in range(5)
            ]
    finally:
        process.send_signal(signal.SIGTERM)
        log = process.communicate(timeout=20)[1].decode()
    assert process.returncode in {0, -signal.SIGTERM}  # uvicorn passes the signal on when all is closed
    assert statuses == [401, 401, 401, 429, 429]
    assert "203.0.113" not in log
    assert "127.0.0.1" in log


def _until_ready(client: httpx2.Client) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if client.get("/health/ready").status_code == 200:
                return
        except httpx2.TransportError:
            time.sleep(0.05)
    raise AssertionError("the server did not get ready")
