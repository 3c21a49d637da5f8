"""A hub that calls its witnesses: our own `yizheng witness serve`, over a socket; away, forgetful, contradicting."""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import delete, select, update

from catalog.errors import DefinitionError
from catalog.tables import table
from hub.access.actors import COMMAND, Actor, Role
from hub.ledger.witnessing.address import AddressError, witness_address
from hub.ledger.witnessing.calling import CALL, PAUSES
from hub.ledger.witnessing.register import ADD, REMOVE
from hub.ledger.witnessing.service import ROUND
from hub.ledger.witnessing.tables import LedgerCosignatureRow, LedgerWitnessCallRow, LedgerWitnessRow
from hub.reach import Reach
from hub.runtime import Hub, open_hub, open_keys
from hub.storage.errors import IntegrityBrokenError
from hub.storage.jobs import unsettled
from hub.witness.folder import WitnessFolder
from signing.log.checkpoint import Checkpoint, NoteVerifier, note_body, sign_note
from signing.log.cosignature import cosignatures
from tests.citizens.conftest import Watch
from tests.hub.logbook import add
from tests.support import Place

SECOND = Actor("staff", "op.two", "two", None, frozenset({Role.OPERATOR}))
CALLS, LINES = table(LedgerWitnessCallRow), table(LedgerCosignatureRow)
PATIENCE_SECONDS = 60


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
async def hub(place: Place, watch: Watch) -> AsyncIterator[Hub]:
    async with open_hub(place.settings(witness_networks=("127.0.0.0/8",)), clock=watch) as opened:
        await opened.ledger.drain()
        yield opened


@asynccontextmanager
async def served(folder: Path, hub: Hub, port: int) -> AsyncIterator[None]:
    """The program as a witness runs it."""
    arguments = ["witness", "serve", str(folder), "--log-key", hub.ledger.verifier, "--port", str(port)]
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "hub.cli", *arguments)
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not await listens(port):
                assert process.returncode is None
                await asyncio.sleep(0.05)
        yield
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


async def register(hub: Hub, folder: Path, url: str) -> None:
    given = {"vkey": WitnessFolder(folder).signer.verifier.text, "body": "示例市档案馆", "contact": "12345", "url": url}
    await by_two(hub, ADD, given)


async def by_two(hub: Hub, action: str, given: dict[str, Any]) -> None:
    proposal = await hub.sharing.proposals.propose(COMMAND, action, given, "账本须由外部见证")
    await hub.sharing.proposals.confirm(SECOND, proposal.id)


async def grown(hub: Hub, watch: Watch) -> int:
    """The log grows, and its newest checkpoint is laid before witnesses; answers its size."""
    await add(hub, 3)
    watch.ahead += ROUND
    await hub.ledger.drain()
    await hub.witnessing.sweep()
    note = await hub.database.read(hub.witnessing.to_cosign)
    assert note is not None
    return Checkpoint.parse(note, verifier=NoteVerifier.from_text(hub.ledger.verifier)).size


async def called(hub: Hub, *, laid: bool = False) -> str:
    """Do what the hub does by itself; why the call failed, or nothing. `laid`: no new round is opened before."""
    if not laid:
        await hub.ledger.drain()
        await hub.witnessing.sweep()
    before = await hub.database.read(lambda tx: len(unsettled(tx, CALL)))
    await asyncio.gather(*(hub.witness_calls.sweep() for _ in range(3)))  # as of several processes
    assert await hub.database.read(lambda tx: len(unsettled(tx, CALL))) <= before + 1
    await hub.jobs.sweep()
    return "".join(str(row.failed) for row in await calls(hub))


async def calls(hub: Hub) -> list[Any]:
    return list(await hub.database.read(lambda tx: tx.execute(select(CALLS)).all()))


async def signed(hub: Hub, client: httpx2.AsyncClient, folder: Path) -> int:
    """Size of the newest checkpoint that this witness co-signed."""
    note = (await client.get("/ledger/checkpoint/cosigned")).text
    assert len(cosignatures(note, [WitnessFolder(folder).signer.verifier])) == 1
    return Checkpoint.parse(note, verifier=NoteVerifier.from_text(hub.ledger.verifier)).size


@pytest.mark.both
async def test_a_witness_is_called_away_back_forgotten_and_contradicting(
    hub: Hub, client: httpx2.AsyncClient, tmp_path: Path, watch: Watch
) -> None:
    folder, port = tmp_path / "w", free_port()
    WitnessFolder.make(folder, "archive.example/w")
    await register(hub, folder, f"http://127.0.0.1:{port}/")
    await nothing_waits_for_one_that_is_away(hub, client, watch)
    async with served(folder, hub, port):
        watch.ahead += PAUSES[1]
        assert await called(hub) == ""
        size = await signed(hub, client, folder)
        said = (await client.get("/api/v1/ledger/witnesses")).json()
        assert (said["enough"], said["lately"], said["witnesses"][0]["called"]) == (True, 1, True)
        assert "yizheng_witness_calls_failing 0" in (await client.get("/metrics")).text

        await grown(hub, watch)
        assert await called(hub) == ""
        later = await signed(hub, client, folder)
        assert later > size, "the proof from what it had signed held"

        # The hub has forgotten what this witness signed: it says so itself (409), and is asked once more from there.
        await hub.database.write(lambda tx: tx.execute(delete(LINES)))
        await grown(hub, watch)
        assert await called(hub) == ""
        assert await signed(hub, client, folder) > later
        await one_that_is_in_front_waits_for_the_next_round(hub, client, folder, watch)
        await one_that_contradicts_is_an_alarm(hub, client, folder, watch)


async def nothing_waits_for_one_that_is_away(hub: Hub, client: httpx2.AsyncClient, watch: Watch) -> None:
    """It is not asked again before its pause is over, and each pause is longer."""
    assert await called(hub) == "refused"
    first = await calls(hub)
    assert await called(hub) == "refused"
    assert await calls(hub) == first
    assert "yizheng_witness_calls_failing 1" in (await client.get("/metrics")).text
    watch.ahead += PAUSES[0]
    assert await called(hub) == "refused"
    [second] = await calls(hub)
    assert second.failures == 2
    assert second.due_at > watch() + PAUSES[0]


async def one_that_is_in_front_waits_for_the_next_round(
    hub: Hub, client: httpx2.AsyncClient, folder: Path, watch: Watch
) -> None:
    """It has signed something newer than what lies before witnesses, as whoever brings it there may have it do."""
    key = NoteVerifier.from_text(hub.ledger.verifier)
    laid = await grown(hub, watch)
    await add(hub, 1)
    await hub.ledger.drain()
    newer = await hub.ledger.checkpoint()
    assert newer is not None
    WitnessFolder(folder).remember(key, newer, int(watch().timestamp()))
    assert await called(hub) == ""
    assert await signed(hub, client, folder) < laid
    watch.ahead += ROUND
    assert await called(hub) == ""
    assert await signed(hub, client, folder) > laid
    assert "witness.contradicts" not in await told(hub)


async def one_that_contradicts_is_an_alarm(hub: Hub, client: httpx2.AsyncClient, folder: Path, watch: Watch) -> None:
    """What it remembers cannot be of this log: longer than it, of the same size, or none of its beginnings."""
    signer = open_keys(hub.settings).note_signer("log")
    before = await signed(hub, client, folder)
    for difference, reason in ((100_000, "ahead"), (0, "conflict"), (-1, "inconsistent")):
        size = await grown(hub, watch)
        forged = sign_note(Checkpoint(signer.name, size + difference, bytes(32)).body(), signer)
        WitnessFolder(folder).remember(signer.verifier, forged, int(watch().timestamp()))
        watch.ahead += PAUSES[-1]
        assert await called(hub, laid=True) == reason
    assert (await told(hub)).count("witness.contradicts") == 1
    assert await signed(hub, client, folder) == before


@pytest.mark.embedded
async def test_nothing_is_kept_but_the_signature_of_the_very_witness_on_the_very_checkpoint(
    hub: Hub, client: httpx2.AsyncClient, tmp_path: Path, watch: Watch
) -> None:
    folder = tmp_path / "w"
    mine = WitnessFolder.make(folder, "archive.example/w").signer
    anothers = WitnessFolder.make(tmp_path / "other", "university.example/w").signer
    said, heard, leaves = [b""], list[bytes](), list[bool]()

    async def answering(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        size = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        heard.append(head + await reader.readexactly(size))
        if leaves:
            await by_two(hub, REMOVE, {"name": "archive.example/w"})
        writer.write(said[0])
        await writer.drain()
        writer.close()

    def answer(status: str, body: str = "", *headers: str) -> bytes:
        lines = (f"HTTP/1.1 {status}", f"Content-Length: {len(body.encode())}", "Connection: close", *headers)
        return "\r\n".join((*lines, "", body)).encode()

    server = await asyncio.start_server(answering, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        await register(hub, folder, f"http://127.0.0.1:{port}/w1/")
        await grown(hub, watch)
        note = await hub.database.read(hub.witnessing.to_cosign)
        assert note is not None
        body, now = note_body(note), int(watch().timestamp())
        wrong = (
            (answer("200 OK", "hallo\n"), "cosignature"),
            (answer("200 OK", anothers.line(body, time=now)), "cosignature"),
            (answer("200 OK", mine.line(b"other\n", time=now)), "cosignature"),
            (answer("200 OK", mine.line(body, time=now + 86_400)), "cosignature"),
            (answer("200 OK", "x" * 20_000), "faulty_too_large"),
            (answer("302 Found", "", "Location: http://127.0.0.1:1/"), "faulty_redirect"),
            (answer("404 Not Found"), "status_404"),
            (answer("409 Conflict", "3\n", "Content-Type: text/x.tlog.size"), "moving"),
            (b"", "faulty_cut_off"),
        )
        for said[0], reason in wrong:
            watch.ahead += PAUSES[-1]
            assert await called(hub, laid=True) == reason
            assert (await client.get("/ledger/checkpoint/cosigned")).status_code == 404
        watch.ahead += PAUSES[-1]
        said[0] = answer("200 OK", anothers.line(body, time=now) + mine.line(body, time=now))
        assert await called(hub, laid=True) == ""
        seen = (await client.get("/ledger/checkpoint/cosigned")).text
        assert "university" not in seen
        assert len(cosignatures(seen, [mine.verifier])) == 1

        # One that is taken off while a call of it is on its way, and fails: nobody is told of it for good.
        await grown(hub, watch)
        leaves.append(True)
        said[0] = answer("404 Not Found")
        await called(hub, laid=True)
        assert "yizheng_witness_calls_failing 0" in (await client.get("/metrics")).text
    assert all(request.startswith(b"POST /w1/add-checkpoint HTTP/1.1\r\n") for request in heard)
    assert heard[0].partition(b"\r\n\r\n")[2] == b"old 0\n\n" + note.encode()


@pytest.mark.embedded
async def test_an_address_is_refused_where_it_could_lead_elsewhere(hub: Hub, tmp_path: Path) -> None:
    folder = tmp_path / "w"
    WitnessFolder.make(folder, "archive.example/w")
    for url in (
        "http://192.0.2.1/",
        "http://8.8.8.8/",
        "https://169.254.169.254/",
        "https://172.16.0.1/",
        "https://me@witness.example/",
        "ftp://witness.example/",
        "https://witness.example/?a=b",
        "https://witness.example/" + "x" * 500,
    ):
        with pytest.raises(DefinitionError):
            await register(hub, folder, url)
    with pytest.raises(AddressError, match="egress"):
        witness_address("http://witness.example/", Reach(()))
    await register(hub, folder, "https://witness.example/w1")
    await hub.database.write(lambda tx: tx.execute(update(table(LedgerWitnessRow)).values(url="https://other.example")))
    with pytest.raises(IntegrityBrokenError):
        await hub.witness_calls.sweep()


async def told(hub: Hub) -> list[str]:
    return [item.code for item in await hub.sharing.notices.list(SECOND)]
