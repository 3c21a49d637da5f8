"""A hub and its witnesses: registered by two, asked for one checkpoint, counted, silent, forked."""

import json
import shutil
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, insert, select, update

from catalog.errors import DefinitionError
from catalog.tables import table
from hub.access.actors import COMMAND, Actor, Role
from hub.archive.gathering import _proofs
from hub.clock import utc_now
from hub.issuing.files import identifiers_of, read_document
from hub.ledger.witnessing.register import ADD, REMOVE
from hub.ledger.witnessing.service import ROUND
from hub.ledger.witnessing.tables import LedgerCosignatureRow, LedgerForkRow, LedgerWitnessRow
from hub.outbound import OutboundError
from hub.runtime import Hub, open_hub
from hub.storage.errors import IntegrityBrokenError
from hub.witness.errors import ForkError
from hub.witness.folder import WitnessFolder
from hub.witness.watching import HubLog, look
from hub.witness.witness import Witness
from signing.log.checkpoint import Checkpoint, NoteSigner, NoteVerifier, note_body, sign_note
from signing.log.cosignature import WitnessSigner, WitnessVerifier, cosignatures
from signing.log.merkle import leaf_hash, verify_inclusion
from signing.log.tiles import Tile
from tests.citizens.conftest import Watch
from tests.hub.command import yizheng
from tests.hub.logbook import add, note, positions
from tests.support import ENTERPRISE, Place

pytestmark = pytest.mark.embedded
TEXT = {"Content-Type": "text/plain"}
HAND_IN, SEEN = "/api/v1/ledger/cosignatures", "/ledger/checkpoint/cosigned"
SECOND = Actor("staff", "op.two", "two", None, frozenset({Role.OPERATOR}))


class Near(HubLog):
    """A hub's log, asked in this process."""

    client: httpx2.AsyncClient

    def __init__(self, client: httpx2.AsyncClient) -> None:
        object.__setattr__(self, "client", client)
        object.__setattr__(self, "url", "")

    async def to_cosign(self) -> str:
        return (await self.client.get("/ledger/checkpoint/to-cosign")).text

    async def tile(self, tile: Tile) -> bytes:
        answer = await self.client.get(f"/ledger/{tile.path}")
        if answer.status_code != 200:
            raise OutboundError(f"status {answer.status_code}")
        return answer.content

    async def hand_in(self, note: str) -> None:
        answer = await self.client.post(HAND_IN, content=note.encode(), headers=TEXT)
        if answer.status_code != 200:
            raise OutboundError(answer.json()["type"])


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
async def hub(place: Place, watch: Watch) -> AsyncIterator[Hub]:
    async with open_hub(place.settings(witness_quorum=2), clock=watch) as opened:
        await opened.ledger.drain()
        yield opened


def made(tmp_path: Path, watch: Watch, name: str) -> Witness:
    return Witness(WitnessFolder.make(tmp_path / name, f"{name}.example/w"), clock=watch)


def key_of(tmp_path: Path, name: str) -> WitnessVerifier:
    return WitnessFolder(tmp_path / name).signer.verifier


async def register(hub: Hub, verifier: WitnessVerifier, body: str = "示例市档案馆") -> None:
    given = {"vkey": verifier.text, "body": body, "contact": "值班 12345"}
    proposal = await hub.sharing.proposals.propose(COMMAND, ADD, given, "账本须由外部见证")
    await hub.sharing.proposals.confirm(SECOND, proposal.id)


async def degraded(client: httpx2.AsyncClient) -> list[str]:
    found: list[str] = (await client.get("/health/ready")).json()["degraded"]
    return found


async def told(hub: Hub) -> list[str]:
    return [item.code for item in await hub.sharing.notices.list(SECOND)]


async def test_two_witnesses_sign_one_checkpoint_and_every_proof_can_rest_on_it(
    hub: Hub, client: httpx2.AsyncClient, tmp_path: Path, watch: Watch
) -> None:
    log = NoteVerifier.from_text((await client.get("/.well-known/tlog-key")).text.strip())
    witnesses = {name: made(tmp_path, watch, name) for name in ("archive", "university")}
    assert (await client.get(SEEN)).status_code == 404
    for name in witnesses:
        await register(hub, key_of(tmp_path, name))
    await hub.ledger.drain()
    entry = next(iter(await positions(hub)))
    await hub.witnessing.sweep()
    for number, witness in enumerate(witnesses.values()):
        await add(hub, number + 1)  # the log grows between their looks; what lies before them stays
        await hub.ledger.drain()
        found = await look(witness, Near(client), key=log)
        await Near(client).hand_in(found.note)
    known = [key_of(tmp_path, name) for name in witnesses]
    seen = (await client.get(SEEN)).text
    assert {item.name for item in cosignatures(seen, known)} == {"archive.example/w", "university.example/w"}
    said = (await client.get("/api/v1/ledger/witnesses")).json()
    assert (said["wanted"], said["lately"], said["enough"], said["forks"]) == (2, 2, True, 0)
    assert sorted(said["cosigned"]["by"]) == ["archive.example/w", "university.example/w"]

    proof = (await client.get(f"/api/v1/ledger/entries/{entry}/proof", params={"against": "cosigned"})).json()
    tree = Checkpoint.parse(proof["checkpoint"], verifier=log)
    path = [b64decode(node) for node in proof["path"]]
    verify_inclusion(
        leaf_hash(proof["leaf"].encode()), index=proof["index"], size=tree.size, proof=path, root=tree.root
    )
    assert (proof["size"], len(cosignatures(proof["checkpoint"], known))) == (tree.size, 2)

    newest = next(id_ for id_, at in (await positions(hub)).items() if at == tree.size)
    # An archive rests on the co-signed checkpoint, where that covers all of it.
    assert await hub.database.read(lambda tx: _proofs(tx, [entry], hub.witnessing.under(tx))[0]) == proof["checkpoint"]
    both = [entry, newest]
    assert await hub.database.read(lambda tx: _proofs(tx, both, hub.witnessing.under(tx))[0]) == await note(hub)

    watch.ahead += ROUND
    await hub.witnessing.sweep()
    for witness in witnesses.values():
        again = await look(witness, Near(client), key=log)
        assert again.before == tree.size < again.size
        await Near(client).hand_in(again.note)
    assert Checkpoint.parse((await client.get(SEEN)).text, verifier=log).size == again.size
    assert cosignatures((await client.get("/ledger/checkpoint")).text, known)
    assert "witnesses" not in await degraded(client)
    assert (await hub.ledger.verify()).intact


async def test_a_reader_names_the_witnesses_of_a_proof_by_the_keys_that_he_has(
    place: Place, hub: Hub, client: httpx2.AsyncClient, tmp_path: Path, watch: Watch
) -> None:
    (held,) = await identifiers_of(hub, ENTERPRISE["id_type"], ENTERPRISE["id_number"])
    log = NoteVerifier.from_text(hub.ledger.verifier)
    for name in ("archive", "university"):
        witness = made(tmp_path, watch, name)
        await register(hub, key_of(tmp_path, name))
        await hub.witnessing.sweep()
        await Near(client).hand_in((await look(witness, Near(client), key=log)).note)
    files = {name: tmp_path / name for name in ("text", "proof", "pack", "key", "entry")}
    files["text"].write_bytes(await read_document(hub, held["identifier"]))
    files["proof"].write_bytes(await hub.proofs.prove(held["identifier"], allowed=lambda _: True))
    files["pack"].write_bytes(await hub.verification.trust_pack())
    entry = next(iter(await positions(hub)))
    answer = await client.get(f"/api/v1/ledger/entries/{entry}/proof", params={"against": "cosigned"})
    files["entry"].write_bytes(answer.content)
    files["key"].write_text(hub.ledger.verifier)
    theirs = key_of(tmp_path, "archive")
    forger = WitnessSigner("archive.example/w", Ed25519PrivateKey.generate()).verifier
    online = ("verify", str(files["text"]), "--json", "--proof", str(files["proof"]))
    offline = (*online, "--offline", "--trust", str(files["pack"]))
    check = ("ledger", "check", str(files["entry"]), "--key", str(files["key"]), "--json")
    for command in (online, offline, check):
        done = await yizheng(place, *command, "--witness", theirs.text)
        assert done.code == 0, done.err
        told = done.json()
        named = told["witnesses"] if "witnesses" in told else told["checkpoints"][0]["witnesses"]
        assert [(item["name"], item["verified"]) for item in named] == [
            ("archive.example/w", True),
            ("university.example/w", False),
        ]
        assert (named[0]["time"] is not None, named[1]["time"]) == (True, None)
        unknown = (await yizheng(place, *command)).out
        assert ("true" not in unknown.partition('"witnesses"')[2], unknown.count("example/w")) == (True, 2)
        other = await yizheng(place, *command, "--witness", forger.text)
        assert "archive.example/w" in other.out, "a namesake's key proves nothing for it"
        assert (await yizheng(place, *command, "--witness", "archive")).code == 64
    note = json.loads(answer.content)["checkpoint"]
    line = WitnessSigner(theirs.name, Ed25519PrivateKey.generate()).line(note_body(note), time=1000)
    mine = next(line for line in note.splitlines() if theirs.name in line)
    forged = b64decode(mine.rpartition(" ")[2])[:4] + b64decode(line.rpartition(" ")[2])[4:]
    changed = note.replace(mine, f"— {theirs.name} {b64encode(forged).decode()}")
    files["entry"].write_text(json.dumps(json.loads(answer.content) | {"checkpoint": changed}))
    assert (await yizheng(place, *check, "--witness", theirs.text)).code == 1
    assert (await yizheng(place, *online[:3], "--witness", theirs.text)).code == 64


async def test_silence_is_told_once_and_ends_with_the_next_signature(
    hub: Hub, client: httpx2.AsyncClient, tmp_path: Path, watch: Watch
) -> None:
    log = NoteVerifier.from_text(hub.ledger.verifier)
    witnesses = [made(tmp_path, watch, name) for name in ("archive", "university")]
    assert "witnesses" in await degraded(client)  # two are wanted, and there is none
    for name in ("archive", "university"):
        await register(hub, key_of(tmp_path, name))
    await hub.ledger.drain()
    await hub.witnessing.sweep()
    assert "witnesses" not in await degraded(client)  # registered just now
    watch.ahead += timedelta(seconds=901)
    await Near(client).hand_in((await look(witnesses[0], Near(client), key=log)).note)
    for _ in range(2):
        await hub.witnessing.sweep()
    assert "witnesses" in await degraded(client)
    assert (await told(hub)).count("witness.silent") == 1
    await Near(client).hand_in((await look(witnesses[1], Near(client), key=log)).note)
    assert "witnesses" not in await degraded(client)


async def test_two_hubs_with_one_key_are_a_fork_to_the_witness_and_to_the_hub(
    place: Place, client: httpx2.AsyncClient, hub: Hub, tmp_path: Path, watch: Watch
) -> None:
    log = NoteVerifier.from_text(hub.ledger.verifier)
    witness = made(tmp_path, watch, "archive")
    shutil.copytree(place.home, tmp_path / "copy")
    twin = Place(tmp_path / "copy", None)
    async with open_hub(twin.settings(), clock=watch) as other:
        for one, count in ((hub, 3), (other, 5)):
            await add(one, count)
            await one.ledger.drain()
        shown = await note(other)
        await look(witness, Near(client), key=log)
        async with twin.client(other) as elsewhere:
            with pytest.raises(ForkError) as told_:
                await look(witness, Near(elsewhere), key=log)
    assert told_.value.reason == "forked"
    answer = await client.post(HAND_IN, content=shown.encode(), headers=TEXT)
    assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (409, "ledger-forked")
    assert "witnesses" in await degraded(client)
    assert (await client.get("/api/v1/ledger/witnesses")).json()["forks"] == 1
    assert (await told(hub)).count("witness.forked") == 1


async def test_what_does_not_count_is_refused(
    hub: Hub, client: httpx2.AsyncClient, tmp_path: Path, watch: Watch
) -> None:
    log = NoteVerifier.from_text(hub.ledger.verifier)
    witness = made(tmp_path, watch, "archive")
    signer = WitnessFolder(tmp_path / "archive").signer

    async def given(content: str, **headers: str) -> int:
        return (await client.post(HAND_IN, content=content.encode(), headers=TEXT | headers)).status_code

    first = await look(witness, Near(client), key=log)
    assert await given(first.note) == 403  # nobody knows this witness
    await register(hub, signer.verifier)
    await hub.ledger.drain()
    assert await given(first.note) == 409  # it was never laid before anybody
    await hub.witnessing.sweep()
    plain = await Near(client).to_cosign()
    future = int(utc_now().timestamp()) + 3600
    assert await given(plain) == 403
    assert await given(plain + signer.line(note_body(plain), time=future)) == 403
    assert await given(plain + signer.line(b"other\n", time=1000)) == 403
    assert await given("no note") == 400
    assert await given(plain.replace(log.name, "other.example")) == 400
    assert await given(plain + "x" * 20_000) == 413
    assert (await client.post(HAND_IN, json={})).status_code == 400
    assert await given(plain + signer.line(note_body(plain), time=1000)) == 200

    foreign = NoteSigner.generate(log.name)  # of a log that was succeeded, or of whoever can write the table
    row = {"digest": "0" * 64, "note": sign_note(note_body(plain), foreign), "reported_at": watch()}
    await hub.database.write(lambda tx: tx.execute(insert(table(LedgerForkRow)).values(**row)))
    assert (await client.get("/api/v1/ledger/witnesses")).json()["forks"] == 0

    proposal = await hub.sharing.proposals.propose(COMMAND, REMOVE, {"name": signer.verifier.name}, "不再见证")
    await hub.sharing.proposals.confirm(SECOND, proposal.id)
    assert (await client.get(SEEN)).status_code == 404
    assert await given(plain + signer.line(note_body(plain), time=1001)) == 403
    await hub.database.write(lambda tx: tx.execute(update(table(LedgerWitnessRow)).values(active=True)))
    with pytest.raises(IntegrityBrokenError):
        await hub.database.read(hub.witnessing.register.known)


async def test_only_what_the_present_key_signed_is_shown_and_counted(
    hub: Hub, client: httpx2.AsyncClient, tmp_path: Path, watch: Watch
) -> None:
    log = NoteVerifier.from_text(hub.ledger.verifier)
    witness = made(tmp_path, watch, "archive")
    await register(hub, key_of(tmp_path, "archive"))
    await hub.ledger.drain()
    await hub.witnessing.sweep()

    async def lately() -> int:
        return int((await client.get("/api/v1/ledger/witnesses")).json()["lately"])

    await Near(client).hand_in((await look(witness, Near(client), key=log)).note)
    assert await lately() == 1
    watch.ahead += timedelta(seconds=901)
    soon = int(watch().timestamp())
    await hub.database.write(lambda tx: tx.execute(update(table(LedgerCosignatureRow)).values(said=soon)))
    assert await lately() == 0  # the line itself says when
    again = WitnessSigner("archive.example/w", Ed25519PrivateKey.generate())
    await register(hub, again.verifier, "示例市档案馆（新钥）")
    assert (await client.get(SEEN)).status_code == 404
    plain = await Near(client).to_cosign()
    await Near(client).hand_in(plain + again.line(note_body(plain), time=soon))
    assert await lately() == 1
    with pytest.raises(OutboundError):  # the key before is nobody's
        await Near(client).hand_in((await look(witness, Near(client), key=log)).note)
    seen = (await client.get(SEEN)).text
    watch.ahead += ROUND
    await add(hub, 1)
    await hub.ledger.drain()
    await hub.witnessing.sweep()
    newer = Checkpoint.parse(await Near(client).to_cosign(), verifier=log).size

    def forge(tx: Connection) -> None:
        lines = table(LedgerCosignatureRow)
        row = tx.execute(select(lines)).one()._asdict()
        tx.execute(insert(lines).values(**row | {"size": newer}))

    await hub.database.write(forge)
    assert (await client.get(SEEN)).text == seen  # that of the round before hides behind no line that does not hold


def test_a_proposal_that_could_never_be_made_is_refused(hub: Hub, tmp_path: Path) -> None:
    own = WitnessFolder.make(tmp_path / "w", "w.example").signer.verifier.text
    good = {"vkey": own, "body": "b", "contact": "c"}
    hub.witnessing.register.check_add(good)
    changes: tuple[dict[str, Any], ...] = (
        {"vkey": "x"},
        {"vkey": hub.ledger.verifier},
        {"vkey": None},
        {"body": ""},
        {"body": "a\nb"},
        {"contact": "c" * 201},
        {"active": "yes"},
    )
    for change in changes:
        with pytest.raises(DefinitionError):
            hub.witnessing.register.check_add(good | change)
    with pytest.raises(DefinitionError):
        hub.witnessing.register.check_remove({"name": 1})


async def test_an_entry_that_stays_out_of_the_log_is_an_alarm(
    hub: Hub, client: httpx2.AsyncClient, watch: Watch
) -> None:
    await add(hub, 2)
    await hub.arrears.sweep()
    assert "ledger-waits" not in await degraded(client)
    watch.ahead += timedelta(seconds=31)
    for _ in range(2):
        await hub.arrears.sweep()
    assert "ledger-waits" in await degraded(client)
    assert (await told(hub)).count("ledger.waiting") == 1
    await hub.ledger.drain()
    assert "ledger-waits" not in await degraded(client)
