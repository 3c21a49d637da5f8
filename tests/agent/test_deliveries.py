"""A closed case is written into the department's own system, once, whatever dies on the way."""

import json
import sqlite3
import threading
from contextlib import closing
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

import psycopg
import pytest
from sqlalchemy import select

from catalog.tables import table
from hub.access.actors import COMMAND, Actor, Role
from hub.exchange.agents import store as agents_store
from hub.intake.store import find_case
from hub.ledger.entries import open_detail
from hub.ledger.tables import LedgerEntryRow
from hub.storage.errors import MissingError
from tests.agent.conftest import Scene
from tests.agent.running import SOURCE, started, wait_until
from tests.support import AMR, ENTERPRISE, MATTER, POLICE, POSTGRES, new_database, open_case

ENTRIES = table(LedgerEntryRow)
WRITE_BACK = [
    {
        "matter": MATTER,
        "operation": "permit_issued",
        "fields": {"case_no": "case_no", "holder": "party.applicant.name", "number": "party.applicant.id_number"},
    }
]


@pytest.fixture
def write_back() -> list[dict[str, Any]]:
    return WRITE_BACK


async def closed_case(scene: Scene) -> str:
    case_no = await open_case(scene.client, scene.headers)
    answer = await scene.client.post(f"/api/v1/cases/{case_no}/close", headers=scene.headers)
    assert answer.status_code == 200, answer.text
    return case_no


def inserting(path: Path, **changes: Any) -> dict[str, Any]:
    return {
        "kind": "insert",
        "connection": {"dialect": "sqlite", "database": str(path)},
        "table": "permits",
        "columns": {"case_no": "case_no", "holder": "holder", "number": "number"},
        "idempotency_column": "delivery_id",
    } | changes


def permits(path: Path) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as store:
        return store.execute("SELECT case_no, holder, number FROM permits").fetchall()


def make_permits(path: Path) -> None:
    with closing(sqlite3.connect(path)) as store:
        store.execute("CREATE TABLE permits (delivery_id TEXT UNIQUE, case_no TEXT, holder TEXT, number TEXT)")
        store.commit()


async def states(scene: Scene) -> list[tuple[str, int, str]]:
    async with scene.place.open() as hub:
        found = await hub.agents.deliveries.list(COMMAND, SOURCE)
    return [(item.stored.state, item.stored.attempts, item.stored.last_error) for item in found]


async def test_a_closed_case_is_inserted_once_and_its_values_are_forgotten(scene: Scene, tmp_path: Path) -> None:
    make_permits(tmp_path / "permits.sqlite3")
    scene.agent.write(scene.declared | {"write_back": {"permit_issued": inserting(tmp_path / "permits.sqlite3")}})
    case_no = await closed_case(scene)
    with started(scene.agent):
        wait_until(lambda: "delivery_written" in scene.agent.log, "nothing was delivered")
    assert permits(tmp_path / "permits.sqlite3") == [(case_no, ENTERPRISE["name"], ENTERPRISE["id_number"])]
    async with scene.place.open() as hub:
        (found,) = await hub.agents.deliveries.list(COMMAND, SOURCE)
        kinds = await hub.database.read(_kinds)
    assert (found.stored.state, found.stored.sealed) == (agents_store.DONE, b"")
    assert "delivery.done" in kinds
    assert ENTERPRISE["name"] not in scene.agent.log
    assert ENTERPRISE["id_number"] not in scene.agent.log


def _kinds(tx: Any) -> list[str]:
    from sqlalchemy import text

    return [row[0] for row in tx.execute(text("SELECT kind FROM ledger_entries"))]


@pytest.mark.parametrize("form", ["json", "xml", "csv"])
@pytest.mark.sampled
async def test_a_file_is_dropped_whole(scene: Scene, tmp_path: Path, form: str) -> None:
    folder = tmp_path / "inbox"
    folder.mkdir()
    writer = {"kind": "file", "folder": str(folder), "format": form, "fields": ["case_no", "holder", "number"]}
    scene.agent.write(scene.declared | {"write_back": {"permit_issued": writer}})
    case_no = await closed_case(scene)
    with started(scene.agent):
        wait_until(lambda: "delivery_written" in scene.agent.log, "nothing was delivered")
    (dropped,) = folder.iterdir()
    text = dropped.read_text(encoding="utf-8-sig")
    assert dropped.suffix == f".{form}"
    assert case_no in text
    assert ENTERPRISE["name"] in text
    if form == "json":
        assert json.loads(text)["delivery_id"] == dropped.stem


async def test_what_the_department_did_not_allow_is_not_written_and_ends_dead_before_its_eyes(scene: Scene) -> None:
    await closed_case(scene)
    with started(scene.agent):
        wait_until(lambda: "delivery_failed" in scene.agent.log, "it was never tried")
    ((state, attempts, error),) = await states(scene)
    assert (state, error) == ("waiting", "definition")
    assert attempts >= 1


async def test_a_repeated_delivery_has_one_effect(scene: Scene, tmp_path: Path) -> None:
    """The agent wrote, and died before the hub heard of it: once with its memory, once without."""
    path = tmp_path / "permits.sqlite3"
    make_permits(path)
    scene.agent.write(scene.declared | {"write_back": {"permit_issued": inserting(path)}})
    await closed_case(scene)
    for forgets in (False, True):
        before = scene.agent.log.count("delivery_written")
        if forgets:
            for file in (scene.agent.folder / "state").iterdir():
                file.unlink()
        with started(scene.agent):
            wait_until(lambda before=before: scene.agent.log.count("delivery_written") > before, "no delivery")
        async with scene.place.open() as hub:
            (found,) = await hub.agents.deliveries.list(COMMAND, SOURCE)
            await hub.database.write(partial(_as_never_heard, hub=hub, found=found.stored))
    with started(scene.agent):
        wait_until(lambda: scene.agent.log.count("delivery_written") == 3, "no third delivery")
    assert len(permits(path)) == 1


def _as_never_heard(tx: Any, *, hub: Any, found: agents_store.StoredDelivery) -> None:
    """The acknowledgement was lost: the row as it was while the agent had it, its lease over."""
    from signing.canonical import canonical

    key = hub.vault.data_key(found.data_key, found.kek_kid)
    fields = {"case_no": "YZ1", "holder": "示例", "number": "1"}
    sealed = key.encrypt(agents_store.sealed_place(found.id), canonical(fields))
    agents_store.change(tx, found.id, state=agents_store.TAKEN, sealed=sealed, due_at=found.created_at)


async def test_a_dead_delivery_is_listed_tried_again_and_nobody_elses(scene: Scene, tmp_path: Path) -> None:
    await closed_case(scene)
    async with scene.place.open() as hub:
        (found,) = await hub.agents.deliveries.list(COMMAND, SOURCE)
        dead = {"state": agents_store.DEAD, "attempts": 8}
        await hub.database.write(lambda tx: agents_store.change(tx, found.stored.id, **dead))
        assert [item.stored.id for item in await hub.agents.deliveries.list(COMMAND, SOURCE, dead=True)] == [
            found.stored.id
        ]
        stranger = Actor("staff", "x", "王", "0195c3a0-0000-7000-8000-000000000000", frozenset({Role.OWNER_ENGINEER}))
        with pytest.raises(MissingError):
            await hub.agents.deliveries.list(stranger, SOURCE)
        await hub.agents.deliveries.retry(COMMAND, SOURCE, found.stored.id)
    make_permits(tmp_path / "permits.sqlite3")
    scene.agent.write(scene.declared | {"write_back": {"permit_issued": inserting(tmp_path / "permits.sqlite3")}})
    with started(scene.agent):
        wait_until(lambda: "delivery_written" in scene.agent.log, "it was not tried again")
    assert len(permits(tmp_path / "permits.sqlite3")) == 1


async def test_an_acknowledgement_that_the_agent_did_not_sign_is_refused(scene: Scene) -> None:
    await closed_case(scene)
    headers = await scene.agent_headers()
    beat = {"instance": "0195c3a0-0000-7000-8000-000000000000", "version": "1", "wait_seconds": 0.0}
    taken = await scene.client.post(f"/api/v1/agents/{SOURCE}/poll", json=beat, headers=headers)
    assert taken.status_code == 200, taken.text
    async with scene.place.open() as hub:
        (found,) = await hub.agents.deliveries.list(COMMAND, SOURCE)
    path = f"/api/v1/agents/{SOURCE}/deliveries/{found.stored.id}"
    answer = await scene.client.post(path, json={"token": "a.b.c", "content": ""}, headers=headers)
    assert answer.status_code == 422
    assert (await states(scene))[0][0] == "taken"


class Inbox(BaseHTTPRequestHandler):
    """The department's own system: it keeps a record per key, and loses its first answer."""

    kept: ClassVar[dict[str, dict[str, Any]]] = {}
    heard: ClassVar[list[str]] = []
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: object) -> None:
        pass

    def do_POST(self) -> None:
        key = self.headers["idempotency-key"]
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        Inbox.heard.append(self.headers["authorization"])
        Inbox.kept.setdefault(key, body)
        self.send_response(503 if len(Inbox.heard) == 1 else 201)
        self.send_header("content-length", "0")
        self.end_headers()


async def test_a_post_is_repeated_under_one_key(scene: Scene) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Inbox)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    Inbox.kept.clear()
    Inbox.heard.clear()
    (scene.agent.folder / "secrets" / "token").write_text("inbox-token")
    (scene.agent.folder / "secrets" / "token").chmod(0o600)
    url = f"http://127.0.0.1:{server.server_address[1]}/permits"
    writer = {"kind": "rest", "url": url, "bearer": "secret:token", "fields": ["case_no", "holder", "number"]}
    scene.agent.write(scene.declared | {"write_back": {"permit_issued": writer}})
    case_no = await closed_case(scene)
    try:
        with started(scene.agent):
            wait_until(lambda: "delivery_written" in scene.agent.log, "nothing was delivered", 60)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert Inbox.heard == ["Bearer inbox-token"] * 2
    assert [body["case_no"] for body in Inbox.kept.values()] == [case_no]
    assert "faulty_status_503" in scene.agent.log
    assert "inbox-token" not in scene.agent.log


@pytest.mark.both
@pytest.mark.postgresql
async def test_an_insert_into_postgresql_by_an_agent_killed_in_the_middle(scene: Scene) -> None:
    """The row is locked while the agent writes, the agent dies, another one finds the delivery after its lease."""
    if POSTGRES is None:
        pytest.skip("no PostgreSQL: make test starts one")
    with new_database() as url, psycopg.connect(url, autocommit=True) as store:
        store.execute("CREATE TABLE permits (delivery_id text UNIQUE, case_no text, holder text, number text)")
        parts = urlsplit(url)
        connection = {
            "dialect": "postgresql",
            "host": parts.hostname,
            "port": parts.port,
            "database": parts.path[1:],
            "user": parts.username,
        }
        writer = inserting(Path("unused"), connection=connection)
        scene.agent.write(scene.declared | {"write_back": {"permit_issued": writer}})
        case_no = await closed_case(scene)
        with psycopg.connect(url) as locking:
            locking.execute("LOCK TABLE permits IN ACCESS EXCLUSIVE MODE")
            with started(scene.agent):
                # Of this table: the server's other databases have waiters of their own.
                here = "database = (SELECT oid FROM pg_database WHERE datname = current_database())"
                waiting = (
                    f"SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'permits'::regclass AND {here}"
                )
                wait_until(lambda: (store.execute(waiting).fetchone() or [0])[0] > 0, "it does not write")
                scene.agent.kill()
            locking.rollback()
        async with scene.place.open() as hub:
            (found,) = await hub.agents.deliveries.list(COMMAND, SOURCE)
            assert found.stored.state == agents_store.TAKEN
            over = {"due_at": found.stored.created_at}
            await hub.database.write(lambda tx: agents_store.change(tx, found.stored.id, **over))
        with started(scene.agent):
            wait_until(lambda: "delivery_written" in scene.agent.log, "it was not delivered again")
        assert store.execute("SELECT case_no FROM permits").fetchall() == [(case_no,)]


async def test_cases_of_others_are_not_written_back(scene: Scene) -> None:
    """A source of another department declares the same matter: it gets nothing."""
    async with scene.place.open() as hub:
        declared = {
            "code": "curious",
            "department": POLICE,
            "name": {"zh": "库", "en": "Store"},
            "kind": "agent",
            "connection": {"agent": "curious-agent", "write_back": WRITE_BACK},
        }
        await hub.sources.add(COMMAND, declared)
    await closed_case(scene)
    async with scene.place.open() as hub:
        assert await hub.agents.deliveries.list(COMMAND, "curious") == []
        assert len(await hub.agents.deliveries.list(COMMAND, SOURCE)) == 1


async def test_what_will_be_written_back_is_on_the_ledger_before_anybody_fetches_it(scene: Scene) -> None:
    case_no = await closed_case(scene)
    async with scene.place.open() as hub:
        (queued,) = await hub.database.read(
            lambda tx: tx.execute(select(ENTRIES).where(ENTRIES.c.kind == "delivery.queued")).all()
        )
        case = await hub.database.read(lambda tx: find_case(tx, case_no))
        assert case is not None
        key = hub.vault.data_key(case.data_key, case.kek_kid)
    detail = open_detail(queued.id, queued.detail, queued.commitment, key=key)["detail"]
    assert queued.case_id == case.id
    assert (detail["source"], detail["department"], detail["matter"]) == (SOURCE, AMR, MATTER)
    assert detail["fields"]["number"] == "party.applicant.id_number"
    assert ENTERPRISE["id_number"] not in json.dumps(detail)
