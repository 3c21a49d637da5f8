"""Pitfalls F1, F2, F8 to F12 of the web framework and the stores: each test shows that one does not bite here."""

import ast
import asyncio
import importlib.metadata
import json
import re
import socket
import sqlite3
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest
from sqlalchemy import Connection, text

from hub.runtime import Hub
from hub.storage.database import SqliteDatabase, sqlite_engine
from hub.storage.schema import METADATA
from tests.contracts.counters import outside
from tests.serving import Served, problem, serving
from tests.support import (
    INTAKE,
    NARROW,
    Place,
    assertion,
    case_body,
    open_case,
    pull,
    token_form,
)

ROOT = Path(__file__).parent.parent.parent
JSON = {"Content-Type": "application/json"}


def modules(*folders: str, naming: str) -> Iterator[tuple[Path, ast.Module]]:
    """The modules whose text has what `naming` matches; the others cannot hold it and are not parsed."""
    wanted = re.compile(naming)
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            text = path.read_text(encoding="utf-8")
            if wanted.search(text):
                yield path, ast.parse(text)


# F1: a commit that fails


def fail_at_commit(place: Place, table: str, event: str, when: str = "") -> None:
    """From now on every COMMIT after this event breaks a deferred foreign key."""
    nobody = "'00000000-0000-0000-0000-000000000000'"
    where = f"WHEN ({when})" if when else ""
    if place.database_url is None:
        with sqlite3.connect(place.home / "hub.sqlite3") as connection:
            connection.execute("CREATE TABLE never (d TEXT REFERENCES departments (id) DEFERRABLE INITIALLY DEFERRED)")
            body = f"BEGIN INSERT INTO never VALUES ({nobody}); END"
            connection.execute(f"CREATE TRIGGER failing AFTER {event} ON {table} {where} {body}")
        connection.close()
        return
    with psycopg.connect(place.database_url) as server:
        server.execute("CREATE TABLE never (d UUID REFERENCES departments (id) DEFERRABLE INITIALLY DEFERRED)")
        server.execute(
            "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN INSERT INTO never VALUES ({nobody}); RETURN NULL; END $$"
        )
        server.execute(
            f"CREATE TRIGGER failing AFTER {event} ON {table} FOR EACH ROW {where} EXECUTE FUNCTION fail()".encode()
        )


@pytest.mark.parametrize(
    ("call", "table", "event", "when"),
    [
        ("token", "seen_assertions", "INSERT", ""),
        ("open", "cases", "INSERT", ""),
        ("open", "ledger_entries", "INSERT", ""),
        ("open", "idempotency_keys", "INSERT", ""),
        ("close", "cases", "UPDATE", ""),
        ("pull", "evidence_requests", "INSERT", ""),
        ("pull", "ledger_entries", "INSERT", ""),
        ("pull", "evidence_requests", "UPDATE", "NEW.state = 'decided'"),
        ("pull", "evidence_requests", "UPDATE", "NEW.state = 'done'"),
        ("refused look", "ledger_entries", "INSERT", ""),
    ],
)
async def test_f1_a_commit_that_fails_never_answers_2xx(
    place: Place, hub: Hub, client: httpx2.AsyncClient, call: str, table: str, event: str, when: str
) -> None:
    headers = await place.headers(client) | {"Idempotency-Key": "f1"}
    others = await place.headers(client, NARROW)
    case_no = await open_case(client, await place.headers(client))
    entries = text("SELECT count(*) FROM ledger_entries")
    before = await hub.database.read(lambda tx: tx.execute(entries).scalar())
    fail_at_commit(place, table, event, when)
    match call:
        case "token":
            answer = await client.post("/oauth/token", data=token_form(assertion(place.signer(), INTAKE)))
        case "open":
            answer = await client.post("/api/v1/cases", json=case_body(), headers=headers)
        case "close":
            answer = await client.post(f"/api/v1/cases/{case_no}/close", headers=headers)
        case "pull":
            answer = await pull(client, headers, case_no, requirements=["licence"])
        case _:
            answer = await client.get(f"/api/v1/cases/{case_no}", headers=others)
    problem(answer)
    assert "eyJ" not in answer.text
    if "done" not in when:  # the disclosure itself is committed before what fails here
        assert await hub.database.read(lambda tx: tx.execute(entries).scalar()) == before
    state = (await client.get(f"/api/v1/cases/{case_no}", headers=headers)).json()["state"]
    assert state == "open"


# F2


def test_f2_no_table_class_appears_in_a_signature_or_in_the_openapi() -> None:
    tables = {
        node.name
        for _, tree in modules("hub", "catalog", "certificates", naming=r"\btable=True")
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and any(keyword.arg == "table" for keyword in node.keywords)
    }
    assert len(tables) == len(METADATA.tables)
    any_table = rf"\b({'|'.join(sorted(tables))})\b"
    for path, tree in modules("hub/api", "hub/web", "hub/edge", naming=any_table):
        names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        names |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}
        assert not names & tables, path
    seen = 0
    for path, tree in modules("hub", "catalog", "certificates", "adapters", "signing", naming=any_table):
        seen += 1
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                words = set(re.findall(r"\w+", " ".join(ast.unparse(part) for part in _annotations(node))))
                assert not words & tables, (path, node.name)
    assert seen > len(tables) // 4, "the stores, which name the tables in their statements, were looked at"


def _annotations(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[ast.expr]:
    arguments = function.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    yield from (item.annotation for item in every if item is not None and item.annotation is not None)
    if function.returns is not None:
        yield function.returns


# F8


def test_f8_starlette_is_above_its_known_holes_and_no_route_trusts_the_url() -> None:
    floor = (1, 3, 1)
    pins = re.findall(r"^starlette==([0-9.]+)", (ROOT / "deploy/core.lock").read_text(), re.MULTILINE)
    versions = [tuple(int(part) for part in pin.split(".")) for pin in (*pins, importlib.metadata.version("starlette"))]
    assert len(versions) == 2
    assert all(version >= floor for version in versions)
    for path, tree in modules("hub", naming=r"\brequest\.(url|base_url|url_for)\b"):
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "request":
                assert node.attr not in {"url", "base_url", "url_for"}, (path, node.lineno)


async def test_f8_a_range_is_ignored_where_it_could_matter(client: httpx2.AsyncClient) -> None:
    for path in ("/status-lists/0", "/ledger/checkpoint", "/.well-known/jwks.json"):
        answer = await client.get(path, headers={"Range": "bytes=" + ",".join(f"{n}-" for n in range(2000))})
        assert answer.status_code == 200


# F9, F10


async def test_f9_a_caller_who_left_finds_the_case_it_opened(served: Served) -> None:
    async with served.client() as client:
        headers = await served.place.headers(client) | JSON
        keys = [f"left-{number}" for number in range(20)]
        for key in keys:
            _send_and_leave(served, "/api/v1/cases", json.dumps(case_body()).encode(), headers, key)
        opened = set()
        for key in keys:
            again = await client.post("/api/v1/cases", json=case_body(), headers=headers | {"Idempotency-Key": key})
            # Either it was handled whole (the same key with another body is refused), or not at all (it is opened now).
            opened.add(again.status_code)
            assert again.status_code in {201, 409}
        assert 409 in opened


def test_f9_no_work_is_left_to_background_tasks() -> None:
    for path, tree in modules("hub", naming="BackgroundTask"):
        names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}
        assert not {"BackgroundTasks", "BackgroundTask"} & (names | imported), path


def test_f10_no_middleware_is_built_on_base_http_middleware() -> None:
    for path, tree in modules("hub", naming=r"BaseHTTPMiddleware|middleware\("):
        names = {getattr(node, "id", getattr(node, "attr", "")) for node in ast.walk(tree)}
        imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}
        assert "BaseHTTPMiddleware" not in names | imported, path
        for node in ast.walk(tree):
            decorated = getattr(node, "decorator_list", [])
            assert not any(ast.unparse(item).endswith(".middleware('http')") for item in decorated), path


async def test_f10_two_hundred_callers_who_leave_cost_no_connection(place: Place) -> None:
    with serving(place) as running:
        async with running.client() as client:
            headers = await place.headers(client) | JSON
            case_no = await open_case(client, headers)
            path, body = f"/api/v1/cases/{case_no}/evidence", json.dumps({"purpose": "办理食品经营许可"}).encode()
            await asyncio.gather(*(pull(client, headers, case_no) for _ in range(10)))
            before = open_files()
            for number in range(200):
                # A third leaves in the middle of the body, a third at once, a third a moment later.
                _send_and_leave(
                    running, path, body[: len(body) // 2] if number % 3 == 0 else body, headers, None, len(body)
                )
                if number % 3 == 2:
                    await asyncio.sleep(0.002)
            answers = await asyncio.gather(*(_served(client, headers, case_no) for _ in range(20)))
            assert {answer.status_code for answer in answers} == {200}
            assert (await client.get("/health/ready")).status_code == 200
            # What those who left had begun goes on to its end; after that nothing is held.
            await _eventually(lambda: open_files() <= before + 25)
            url = place.database_url
            if url is not None:
                await _eventually(lambda: outside(url, _HELD) == [(0,)])


async def _served(client: httpx2.AsyncClient, headers: dict[str, str], case_no: str) -> httpx2.Response:
    """A pull, again while the hub says that it is busy: a connection that was lost would keep it busy for good."""
    for _ in range(60):
        answer = await pull(client, headers, case_no)
        if answer.status_code != 503:
            break
        await asyncio.sleep(0.5)
    return answer


_HELD = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'"


async def _eventually(holds: Callable[[], bool], seconds: int = 60) -> None:
    """A promise about the end of work, however busy the machine is meanwhile."""
    for _ in range(seconds * 10):
        if holds():
            return
        await asyncio.sleep(0.1)
    assert holds()


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def _send_and_leave(
    served: Served, path: str, body: bytes, headers: dict[str, str], key: str | None, length: int | None = None
) -> None:
    sent = (
        headers
        | {"Host": "localhost", "Content-Length": str(length or len(body))}
        | ({"Idempotency-Key": key} if key else {})
    )
    lines = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
    with served.connect() as connection:
        connection.sendall(f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode() + body)
        # Closed with a reset, as a phone that loses its network.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


# F11, F12


async def test_f11_reading_then_writing_is_never_locked_out_by_a_commit_in_between(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'f11.sqlite3'}"
    database = SqliteDatabase(tmp_path / "f11.sqlite3")
    await database.write(lambda tx: tx.execute(text("CREATE TABLE t (n INTEGER)")))

    def unit(tx: Connection) -> int:
        read = tx.execute(text("SELECT count(*) FROM t")).scalar_one()
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            outside(url, "INSERT INTO t VALUES (0)")  # nobody commits between our read and our write
        tx.execute(text("INSERT INTO t VALUES (1)"))
        return int(read)

    assert [await database.write(unit) for _ in range(3)] == [0, 1, 2]
    await database.close()


async def test_f12_every_sqlite_connection_has_the_safe_settings(tmp_path: Path) -> None:
    expected = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "trusted_schema": 0, "cell_size_check": 1}
    path = tmp_path / "f12.sqlite3"

    def settings(tx: Connection) -> dict[str, Any]:
        return {name: tx.exec_driver_sql(f"PRAGMA {name}").scalar() for name in expected}

    database = SqliteDatabase(path)
    assert await database.read(settings) == expected
    await database.close()
    engine = sqlite_engine(path)
    connections = [engine.connect() for _ in range(3)]
    assert [settings(connection) for connection in connections] == [expected] * 3
    for connection in connections:
        connection.close()
    engine.dispose()
    # The file remembers only the journal mode: a bare connection shows that the rest is set by us at connect.
    bare = sqlite3.connect(path)
    assert bare.execute("PRAGMA foreign_keys").fetchone() == (0,)
    bare.close()
