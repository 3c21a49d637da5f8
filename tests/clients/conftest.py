"""A hub served for real, with an interface published from a register behind HTTP, and both Python clients of it."""

import asyncio
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent
SOURCES = ROOT / "clients" / "python" / "src"
sys.path.insert(0, str(SOURCES))

from hub.founding import found  # noqa: E402
from tests.clients.jdk import jdk  # noqa: E402, F401
from tests.clients.relay import Relay, relaying  # noqa: E402
from tests.drills.town import free_port  # noqa: E402
from tests.exchange.conftest import INTERFACE, add_source, definition, grant, publish, row  # noqa: E402
from tests.exchange.register import Register  # noqa: E402
from tests.exchange.register import serving as serving_register  # noqa: E402
from tests.serving import serving  # noqa: E402
from tests.support import ENTERPRISE, INTAKE, MATTER, PURPOSE, Place, fill  # noqa: E402
from yizheng_client import AsyncClient, Client, Corroboration, Jwks, Operator, Party, Receipt, Retries  # noqa: E402

QUICK = Retries(first_seconds=0.01, longest_seconds=2)


@dataclass
class Town:
    """Where a hub is served, and what it is asked about."""

    place: Place
    url: str
    log_key: str
    register: Register
    interface: str = INTERFACE
    purpose: str = PURPOSE

    def key(self, client_id: str = INTAKE) -> bytes:
        return (self.place.home / f"{client_id}.pem").read_bytes()

    def options(self, client_id: str = INTAKE, **changes: Any) -> dict[str, Any]:
        given = {"base_url": self.url, "client_id": client_id, "key": self.key(client_id), "retries": QUICK}
        return given | {"issuer": self.url, "log_key": self.log_key} | changes


class Either:
    """A client whose calls block, whichever of the two it is."""

    def __init__(self, options: dict[str, Any], *, asynchronous: bool) -> None:
        self._runner = asyncio.Runner() if asynchronous else None
        self._client: Any = AsyncClient(**options) if asynchronous else Client(**options)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._client, name)
        runner = self._runner
        return method if runner is None else lambda *args, **named: runner.run(method(*args, **named))

    def end(self) -> None:
        self.close()
        if self._runner is not None:
            self._runner.close()


@contextmanager
def running_register() -> Iterator[Register]:
    """The register in a thread of its own, for a hub in another."""
    register = Register({ENTERPRISE["id_number"]: [row()]})
    loop = asyncio.new_event_loop()
    ready, ending = threading.Event(), asyncio.Event()

    async def serve() -> None:
        async with serving_register(register):
            ready.set()
            await ending.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert ready.wait(10)
    try:
        yield register
    finally:
        loop.call_soon_threadsafe(ending.set)
        thread.join()
        loop.close()


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """One hub for all tests of clients; its URL is its name."""
    port = free_port()
    place = Place(tmp_path_factory.mktemp("clients") / "home", None)
    settings: dict[str, Any] = {
        "public_url": f"http://127.0.0.1:{port}",
        "egress_networks": ("127.0.0.0/8",),
        "webhook_networks": ("127.0.0.0/8", "::1/128"),
        "token_requests_per_minute": 10_000,
        "verify_requests_per_minute": 10_000,
    }

    async def prepare(register: Register) -> str:
        founded = await found(place.settings(**settings))
        async with place.open(**settings) as hub:
            await fill(hub, place.home)
            await add_source(hub, register.port)
            await publish(hub, definition())
            await hub.registry.add_grant(grant())
            await hub.ledger.drain()
        return founded.log_verifier

    with running_register() as register:
        log_key = asyncio.run(prepare(register))
        with serving(place, port=port, **settings):
            yield Town(place, settings["public_url"], log_key, register)


@pytest.fixture(params=["blocking", "asyncio"])
def make(request: pytest.FixtureRequest, town: Town) -> Iterator[Callable[..., Either]]:
    """Makes clients of one of the two kinds."""
    made: list[Either] = []

    def one(client_id: str = INTAKE, **changes: Any) -> Either:
        made.append(Either(town.options(client_id, **changes), asynchronous=request.param == "asyncio"))
        return made[-1]

    yield one
    for client in made:
        client.end()


@pytest.fixture
def hub(make: Callable[..., Either]) -> Either:
    """A client of the hub."""
    return make()


@pytest.fixture
def relay(town: Town) -> Iterator[Relay]:
    """A relay before the hub."""
    with relaying(int(town.url.rpartition(":")[2])) as running:
        yield running


def opening(**changes: Any) -> dict[str, Any]:
    """Arguments of a new case about the enterprise."""
    return {
        "matter": MATTER,
        "parties": [Party(role="applicant", **ENTERPRISE)],
        "operator": Operator(id="op-1", name="李办事"),
        "channel": "counter",
        "external_no": str(uuid.uuid4()),
        "corroboration": [Corroboration("card_read", datetime.now(UTC), "reader-1")],
    } | changes


@dataclass(frozen=True)
class Filed:
    """What an office keeps."""

    query: bytes
    other: bytes
    evidence: bytes
    jwks: Jwks
    receipt: Receipt


@pytest.fixture(scope="session")
def filed(town: Town) -> Filed:
    with Client(**town.options()) as hub:
        case = hub.open_case(**opening())
        answer = hub.query(town.interface, case_no=case.case_no, purpose=PURPOSE)
        other = hub.query(town.interface, case_no=case.case_no, purpose=PURPOSE, fields=["name"])
        evidence = hub.evidence(case.case_no, purpose=PURPOSE)
        return Filed(answer.raw, other.raw, evidence.raw, Jwks.read(hub.jwks().text), answer.receipt)
