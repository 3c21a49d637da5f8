"""A hub in processes of its own, and a client that keeps trying: what a drill kills, starts again and asks again."""

import json
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import psycopg
from psycopg.rows import dict_row

from tests.drills.processes import Done, Running
from tests.support import INTAKE, PURPOSE, Place, assertion, case_body, free_port, token_form

PATIENCE = 120
"""Seconds within which a repeated request must have its final answer: a lease of a dead process is 10."""


@dataclass(frozen=True, eq=False)
class Request:
    """A POST under its Idempotency-Key; sent again byte for byte."""

    path: str
    body: dict[str, Any] | None = None
    key: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass
class History:
    """All that clients ever got, kept outside the hub."""

    answers: dict[Request, bytes] = field(default_factory=dict)
    checkpoints: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answered(self, request: Request, body: bytes) -> None:
        """A final answer: the first, or the same bytes again."""
        with self.lock:
            if self.answers.setdefault(request, body) != body:
                self.faults.append(f"{request.path} {request.key}: another answer under the same key")

    def evidence(self) -> dict[Request, dict[str, Any]]:
        """The answers to pulls."""
        return {sent: json.loads(body) for sent, body in self.answers.items() if sent.path.endswith("/evidence")}

    def cases(self) -> dict[Request, dict[str, Any]]:
        """The answers to openings."""
        return {sent: json.loads(body) for sent, body in self.answers.items() if sent.path.endswith("/cases")}


class Server:
    """`yizheng serve` on a free port."""

    def __init__(self, process: Running, port: int) -> None:
        self.process = process
        self.http = httpx2.Client(
            base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False, limits=httpx2.Limits(max_connections=100)
        )

    def wait_ready(self) -> bool:
        """True once it is ready; False when it died first."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if self.process.ended():
                return False
            with suppress(httpx2.TransportError):
                if self.http.get("/health/ready").status_code == 200:
                    return True
            time.sleep(0.2)
        raise AssertionError("the server did not become ready")

    def end(self) -> None:
        """Stop it, if it runs."""
        self.http.close()
        self.process.end()


class Town:
    """A place with its history."""

    def __init__(self, place: Place, scratch: Path) -> None:
        self.place = place
        self.scratch = scratch
        self.history = History()
        self._token = ""

    def environment(self, crash_at: str | None, crash_by: str = "kill") -> dict[str, str]:
        variables = self.place.environment()
        variables.pop("YIZHENG_CRASH_AT", None)
        return variables | ({"YIZHENG_CRASH_AT": crash_at, "YIZHENG_CRASH_BY": crash_by} if crash_at else {})

    def start(
        self, *arguments: str | Path, crash_at: str | None = None, crash_by: str = "kill", name: str = "command"
    ) -> Running:
        """Start one `yizheng` command."""
        out, err = self.scratch / f"{name}.out", self.scratch / f"{name}.err"
        return Running([str(item) for item in arguments], self.environment(crash_at, crash_by), out=out, err=err)

    def command(self, *arguments: str | Path, crash_at: str | None = None) -> Done:
        """Run one `yizheng` command to its end, whatever that is."""
        name = uuid.uuid4().hex
        process = self.start(*arguments, crash_at=crash_at, name=name)
        code = process.wait(120)
        process.end()
        assert code is not None, f"{arguments[0]} does not end"
        out, err = self.scratch / f"{name}.out", self.scratch / f"{name}.err"
        return Done(code, out.read_text(encoding="utf-8"), err.read_text(encoding="utf-8"))

    def run(self, *arguments: str | Path) -> str:
        """Run one `yizheng` command that must succeed; its output."""
        done = self.command(*arguments)
        assert done.returncode == 0, (arguments, done.returncode, done.stdout, done.stderr)
        return done.stdout

    @contextmanager
    def serving(self, crash_at: str | None = None, *, crash_by: str = "kill") -> Iterator[Server]:
        """A server for the time of the block; it may die inside, and it may die before it is ready."""
        port = free_port()
        serve = ("serve", "--port", str(port))
        server = Server(self.start(*serve, crash_at=crash_at, crash_by=crash_by, name="server"), port)
        try:
            ready = server.wait_ready()
            assert ready or crash_at, (self.scratch / "server.err").read_text(encoding="utf-8")
            if ready:
                self.sign_in(server)
                self.remember_checkpoint(server)
            yield server
        finally:
            server.end()

    def sign_in(self, server: Server) -> None:
        """Get an access token; it outlives the server that gave it."""
        with suppress(httpx2.TransportError):
            form = token_form(assertion(self.place.signer(INTAKE), INTAKE))
            answer = server.http.post("/oauth/token", data=form)
            if answer.status_code == 200:
                self._token = answer.json()["access_token"]

    def remember_checkpoint(self, server: Server) -> None:
        """What a witness would keep."""
        with suppress(httpx2.TransportError):
            answer = server.http.get("/ledger/checkpoint")
            if answer.status_code == 200:
                self.history.checkpoints.append(answer.text)

    @property
    def token(self) -> str:
        """The access token."""
        return self._token

    def get(self, server: Server, path: str) -> httpx2.Response:
        return server.http.get(path, headers={"Authorization": f"Bearer {self._token}"})

    def send(self, server: Server, request: Request) -> httpx2.Response | None:
        """Send once. None when the connection broke: nobody knows what happened."""
        headers = {"Authorization": f"Bearer {self._token}", "Idempotency-Key": request.key}
        try:
            answer = server.http.post(request.path, json=request.body, headers=headers)
        except httpx2.TransportError:
            return None
        if answer.status_code in {200, 201}:
            self.history.answered(request, answer.content)
        elif answer.status_code == 500:
            self.history.faults.append(f"{request.path}: 500")
        elif answer.status_code == 503 and "retry-after" not in answer.headers:
            self.history.faults.append(f"{request.path}: 503 without Retry-After")
        return answer

    def insist(self, server: Server, request: Request, *, patience: float = PATIENCE) -> httpx2.Response:
        """Send until there is an answer that a retry would not change."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            answer = self.send(server, request)
            if answer is not None and not (answer.status_code >= 400 and answer.json().get("retryable")):
                return answer
            time.sleep(0.1)
        raise AssertionError(f"no final answer to {request.path}")

    def open_case(self, server: Server) -> str:
        """The number of a new case."""
        answer = self.insist(server, opening())
        assert answer.status_code == 201, answer.text
        return str(answer.json()["case_no"])

    def look(self, query: str, *parameters: Any) -> list[dict[str, Any]]:
        """Read the tables as somebody beside the hub would: another process, read-only. `?` marks a parameter."""
        if self.place.database_url is None:
            uri = f"file:{self.place.home / 'hub.sqlite3'}?mode=ro"
            with closing(sqlite3.connect(uri, uri=True, timeout=10)) as database:
                database.row_factory = sqlite3.Row
                return [dict(row) for row in database.execute(query, parameters)]
        options = "-c default_transaction_read_only=on"
        with psycopg.connect(self.place.database_url, row_factory=dict_row, options=options) as connection:
            return connection.execute(query.replace("?", "%s").encode(), parameters).fetchall()


def opening(**changes: Any) -> Request:
    """A request for a new case."""
    return Request("/api/v1/cases", case_body(**changes))


def pulling(case_no: str) -> Request:
    """A request for everything that the matter lists."""
    return Request(f"/api/v1/cases/{case_no}/evidence", {"purpose": PURPOSE})
