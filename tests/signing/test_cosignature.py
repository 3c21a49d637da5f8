"""Cosignatures of public witnesses, over a checkpoint of a public log; and ours, which they would accept."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from signing.errors import KeyPolicyError, MalformedError, SignatureError, SigningError
from signing.log.checkpoint import Checkpoint, NoteSigner, NoteVerifier, add_signature, note_body, sign_note, signed_by
from signing.log.cosignature import WitnessSigner, WitnessVerifier, cosignatures

VECTOR: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "checkpoint" / "cosigned.json").read_text("utf-8")
)
PUBLIC = [WitnessVerifier.from_text(text) for text in VECTOR["witnesses"]]
WITNESS = WitnessSigner("witness.example/w1", Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
LOG = NoteSigner.generate("log.example")
NOTE = sign_note(Checkpoint("log.example", 7, bytes(range(32))).body(), LOG)


def test_public_witnesses_are_read_from_the_checkpoint_of_a_public_log() -> None:
    found = cosignatures(VECTOR["note"], PUBLIC)
    assert {item.name for item in found} == {witness.name for witness in PUBLIC}
    assert {item.time for item in found} == {VECTOR["time"]}
    assert [witness.text for witness in PUBLIC] == VECTOR["witnesses"]
    assert Checkpoint.parse(VECTOR["note"], verifier=NoteVerifier.from_text(VECTOR["log"])).size == 1432088532


def test_a_changed_size_is_noticed_by_every_witness() -> None:
    changed = VECTOR["note"].replace("1432088532", "1432088533")
    for witness in PUBLIC:
        with pytest.raises(SignatureError):
            cosignatures(changed, [witness])


def test_ours_is_what_the_specification_says_byte_for_byte() -> None:
    line = WITNESS.line(note_body(NOTE), time=1679315147)
    dash, name, encoded = line.removesuffix("\n").split(" ")
    blob, public = base64.b64decode(encoded), WITNESS.verifier.public_key
    assert (dash, name) == ("—", "witness.example/w1")
    assert blob[:4] == hashlib.sha256(b"witness.example/w1\n\x04" + public).digest()[:4]
    assert blob[4:12] == (1679315147).to_bytes(8, "big")
    message = b"cosignature/v1\ntime 1679315147\n" + NOTE.partition("\n\n")[0].encode() + b"\n"
    Ed25519PublicKey.from_public_bytes(public).verify(blob[12:], message)
    assert cosignatures(NOTE + line, [WITNESS.verifier])[0].time == 1679315147


def test_the_newest_of_two_counts_and_strangers_are_passed_over() -> None:
    note = NOTE
    for time in (300, 500, 400):
        note = add_signature(note, WITNESS.line(note_body(NOTE), time=time))
    stranger = WitnessSigner(WITNESS.verifier.name, Ed25519PrivateKey.generate())
    note = add_signature(note, stranger.line(note_body(NOTE), time=900))
    assert [item.time for item in cosignatures(note, [WITNESS.verifier])] == [500]
    assert cosignatures(NOTE, [WITNESS.verifier]) == ()
    assert signed_by(note, verifier=LOG.verifier) == NOTE


def test_a_logs_key_is_no_witness_and_a_time_is_signed_with_it() -> None:
    with pytest.raises(KeyPolicyError):
        WitnessVerifier.from_text(LOG.verifier.text)
    line = WITNESS.line(note_body(NOTE), time=300)
    name = WITNESS.verifier.name
    blob = bytearray(base64.b64decode(line.split(" ")[2]))
    blob[11] ^= 1
    with pytest.raises(SignatureError):
        cosignatures(f"{NOTE}— {name} {base64.b64encode(blob).decode()}\n", [WITNESS.verifier])
    for wrong in (blob[:40], blob + b"x"):
        with pytest.raises(MalformedError):
            cosignatures(f"{NOTE}— {name} {base64.b64encode(wrong).decode()}\n", [WITNESS.verifier])
    for time in (0, -1, 2**63):
        with pytest.raises(ValueError, match="time"):
            WITNESS.line(note_body(NOTE), time=time)


@pytest.mark.parametrize(
    "text", ["", "w1", "w1+00000000+", "w1+zz+BA==", "w 1+00000000+BA==", WITNESS.verifier.text[:-1], "é+é+é"]
)
def test_a_key_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(SigningError):
        WitnessVerifier.from_text(text)
