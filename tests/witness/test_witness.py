"""What a witness signs, and what it never does: of forked, shortened and groundless logs, and killed in between."""

import asyncio
import json
import os
import sys
from base64 import b64decode
from pathlib import Path

import pytest

from hub.witness.asking import add_checkpoint
from hub.witness.errors import BehindError, FolderError, ForkError, UnprovenError
from hub.witness.folder import WitnessFolder
from hub.witness.watching import look
from signing.errors import ProofError, SigningError
from signing.log.checkpoint import Checkpoint, NoteSigner, sign_note
from signing.log.cosignature import cosignatures
from signing.log.merkle import verify_consistency
from tests.witness.logs import SIGNER, Log, Served, witness_in

KEY = SIGNER.verifier
LONG = "".join(chr(0x4E00 + number) for number in range(600))


async def test_a_log_that_grows_is_cosigned_at_every_look(tmp_path: Path) -> None:
    witness = witness_in(tmp_path / "w")
    known = [WitnessFolder(tmp_path / "w").signer.verifier]
    before = None
    for leaves in (LONG[:3], LONG[:3], LONG[:255], LONG[:256], LONG[:600]):
        found = await look(witness, Log(leaves).served(), key=KEY)
        assert (found.size, found.before) == (len(leaves), before)
        assert [item.name for item in cosignatures(found.note, known)] == ["witness.example/w1"]
        assert Checkpoint.parse(found.note, verifier=KEY).size == len(leaves)
        before = len(leaves)


@pytest.mark.parametrize(
    ("log", "reason"),
    [
        (Log(LONG[:2]), "shrank"),
        (Log("x" + LONG[1:300]), "forked"),
        (Log("x" + LONG[1:500]), "forked"),
        (Log(LONG[:500], root_of="x" + LONG[1:500]), "groundless"),
    ],
)
async def test_a_fork_is_never_signed_and_both_checkpoints_are_kept(tmp_path: Path, log: Log, reason: str) -> None:
    witness, first = witness_in(tmp_path / "w"), Log(LONG[:300])
    await look(witness, first.served(), key=KEY)
    for _ in range(2):  # asked again it says so again, and keeps the same evidence once
        with pytest.raises(ForkError) as told:
            await look(witness, log.served(), key=KEY)
    kept = told.value.evidence
    assert told.value.reason == reason
    assert kept is not None
    assert list((tmp_path / "w" / "forks").iterdir()) == [kept]
    assert ((kept / "seen.txt").read_text(), (kept / "shown.txt").read_text()) == (first.note, log.note)
    seen, shown = (Checkpoint.parse((kept / name).read_text(), verifier=KEY) for name in ("seen.txt", "shown.txt"))
    path = [b64decode(node) for node in json.loads((kept / "proof.json").read_text())["path"]]
    with pytest.raises(ProofError):
        verify_consistency(old_size=seen.size, old_root=seen.root, new_size=shown.size, new_root=shown.root, proof=path)
    state = witness.seen(KEY)
    assert state is not None
    assert state.note == first.note


async def test_a_round_behind_what_somebody_brought_is_no_fork(tmp_path: Path) -> None:
    witness, newest = witness_in(tmp_path / "w"), Log(LONG[:9])
    await look(witness, Log(LONG[:3]).served(), key=KEY)
    witness.cosign(newest.note, log=KEY, old_size=3, proof=newest.proof(3))  # by `serve`: anybody may bring it
    for now in (newest, Log(LONG[:12])):
        with pytest.raises(BehindError):
            await look(witness, Served(Log(LONG[:5]), now), key=KEY)
    assert not (tmp_path / "w" / "forks").exists()
    with pytest.raises(ForkError, match="forked"):
        await look(witness, Served(Log(LONG[:5]), Log("x" + LONG[1:12])), key=KEY)
    assert (await look(witness, Log(LONG[:12]).served(), key=KEY)).before == 9


AT_WITNESSING = ("witness.remembered",)
PROGRAM = """
import sys
from pathlib import Path
from hub.clock import utc_now
from hub.witness.folder import WitnessFolder
from hub.witness.witness import Witness
from signing.log.checkpoint import NoteVerifier
witness = Witness(WitnessFolder(Path(sys.argv[1])), clock=utc_now)
witness.cosign(sys.argv[2], log=NoteVerifier.from_text(sys.argv[3]), old_size=0, proof=())
"""


async def test_killed_between_memory_and_signature_it_never_signs_the_other_root(tmp_path: Path) -> None:
    """The state is on the disk before the signature exists; whoever shows another root afterwards is a fork."""
    folder, log = tmp_path / "w", Log(LONG[:5])
    witness_in(folder)
    environment = {**os.environ, "YIZHENG_CRASH_AT": AT_WITNESSING[0]}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, str(folder), log.note, KEY.text, env=environment
    )
    assert await process.wait() == -9
    witness = witness_in(folder)
    with pytest.raises(ForkError):
        await look(witness, Log("x" + LONG[1:5]).served(), key=KEY)
    assert (await look(witness, log.served(), key=KEY)).before == 5


async def test_nothing_is_signed_without_proof(tmp_path: Path) -> None:
    witness = witness_in(tmp_path / "w")
    await look(witness, Log(LONG[:3]).served(), key=KEY)
    grown = Log(LONG[:9])
    with pytest.raises(BehindError) as behind:
        witness.cosign(grown.note, log=KEY, old_size=2, proof=grown.proof(2))
    assert behind.value.size == 3
    with pytest.raises(UnprovenError):
        witness.cosign(grown.note, log=KEY, old_size=3, proof=grown.proof(4))
    with pytest.raises(SigningError):
        witness.cosign(grown.note, log=NoteSigner.generate("log.example").verifier, old_size=3, proof=grown.proof(3))
    assert not (tmp_path / "w" / "forks").exists()
    assert witness.cosign(grown.note, log=KEY, old_size=3, proof=grown.proof(3)).size == 9


async def test_a_state_that_cannot_be_read_stops_the_witness(tmp_path: Path) -> None:
    witness = witness_in(tmp_path / "w")
    await look(witness, Log(LONG[:3]).served(), key=KEY)
    (state,) = (tmp_path / "w" / "logs").iterdir()
    state.write_text("{")
    with pytest.raises(FolderError):
        await look(witness, Log(LONG[:4]).served(), key=KEY)


def test_the_key_is_private_and_the_folder_is_made_once(tmp_path: Path) -> None:
    made = WitnessFolder.make(tmp_path / "w", "witness.example/w1", call="总值班室 12345")
    assert (tmp_path / "w" / "key.pem").stat().st_mode & 0o777 == 0o600
    assert WitnessFolder(tmp_path / "w").call == "总值班室 12345"
    assert WitnessFolder(tmp_path / "w").signer.verifier == made.signer.verifier
    for folder, name in ((tmp_path / "w", "other"), (tmp_path / "v", "two words"), (tmp_path / "u", "a+b")):
        with pytest.raises(FolderError):
            WitnessFolder.make(folder, name)
    (tmp_path / "w" / "key.pem").chmod(0o644)
    with pytest.raises(FolderError, match="chmod"):
        WitnessFolder(tmp_path / "w")


def test_add_checkpoint_answers_as_the_specification_says(tmp_path: Path) -> None:
    witness, logs = witness_in(tmp_path / "w"), {KEY.name: KEY}
    three, nine, forked = Log(LONG[:3]), Log(LONG[:9]), Log("x" + LONG[1:9])

    def asked(old: int, log: Log, proof: list[bytes]) -> tuple[int, str, str]:
        from base64 import b64encode

        lines = "".join(f"{b64encode(node).decode()}\n" for node in proof)
        answer = add_checkpoint(witness, logs, f"old {old}\n{lines}\n{log.note}".encode())
        return answer.status, answer.text, answer.media_type

    assert asked(0, three, [])[0] == 200
    assert asked(0, nine, []) == (409, "3\n", "text/x.tlog.size")
    assert asked(3, nine, three.proof(2))[0] == 422
    assert asked(12, nine, [])[0] == 400
    status, line, _ = asked(3, nine, nine.proof(3))
    assert status == 200
    assert len(cosignatures(nine.note + line, [WitnessFolder(tmp_path / "w").signer.verifier])) == 1
    assert asked(9, forked, [])[0] == 409
    assert len(list((tmp_path / "w" / "forks").iterdir())) == 1
    foreign = sign_note(Checkpoint("other.example", 9, nine.tree.root()).body(), NoteSigner.generate("other.example"))
    false = sign_note(Checkpoint("log.example", 9, nine.tree.root()).body(), NoteSigner.generate("log.example"))
    assert add_checkpoint(witness, logs, f"old 9\n\n{foreign}".encode()).status == 404
    assert add_checkpoint(witness, logs, f"old 9\n\n{false}".encode()).status == 403
    for body in (b"", b"old 9\n", b"old 09\n\n" + nine.note.encode(), b"old 9\nAAAA\n\n" + nine.note.encode(), b"\xff"):
        assert add_checkpoint(witness, logs, body).status == 400
