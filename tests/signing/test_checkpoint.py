"""Notes and checkpoints against the examples of their specifications, and against tampering."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from signing.errors import KeyPolicyError, MalformedError, SignatureError, SigningError
from signing.log.checkpoint import (
    MAX_NOTE_BYTES,
    MAX_SIGNATURES,
    Checkpoint,
    NoteSigner,
    NoteVerifier,
    add_signature,
    open_note,
    sign_note,
)

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "checkpoint" / "c2sp.json").read_text("utf-8")
)
SIGNED = VECTORS["signed"]
LOG = NoteSigner("ledger.example.gov.cn/log", Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
HEAD = Checkpoint(LOG.name, 20852163, bytes(range(32)))
NOTE = sign_note(HEAD.body(), LOG)


def test_note_of_the_specification_is_reproduced_byte_for_byte() -> None:
    seed = base64.b64decode(SIGNED["type_and_seed"])[1:]
    signer = NoteSigner(SIGNED["name"], Ed25519PrivateKey.from_private_bytes(seed))
    body = SIGNED["note"].rpartition("\n\n")[0].encode() + b"\n"
    assert signer.verifier.text == SIGNED["verifier"]
    assert sign_note(body, signer) == SIGNED["note"]
    assert open_note(SIGNED["note"].encode(), verifier=NoteVerifier.from_text(SIGNED["verifier"])) == body


def test_checkpoint_of_the_specification_reads_and_prints_the_same() -> None:
    vector = VECTORS["checkpoint"]
    body = vector["note"].rpartition("\n\n")[0].encode() + b"\n"
    found = Checkpoint.from_body(body)
    assert (found.origin, found.size, base64.b64encode(found.root).decode()) == (
        vector["origin"],
        vector["size"],
        vector["root"],
    )
    assert found.body() == body


def test_signed_checkpoint_reads_back() -> None:
    assert Checkpoint.parse(NOTE, verifier=LOG.verifier) == HEAD
    assert Checkpoint.parse(NOTE.encode(), verifier=NoteVerifier.from_text(LOG.verifier.text)) == HEAD


def test_same_body_is_signed_the_same_after_a_restart() -> None:
    again = NoteSigner.from_pem(LOG.name, LOG.to_pem())
    assert sign_note(Checkpoint.from_body(HEAD.body()).body(), again) == NOTE


def test_extension_lines_are_kept() -> None:
    head = Checkpoint(LOG.name, 0, bytes(32), ("epoch 7", "限制"))
    assert Checkpoint.parse(sign_note(head.body(), LOG), verifier=LOG.verifier) == head


def test_every_changed_byte_is_noticed() -> None:
    data = NOTE.encode()
    for position in range(len(data)):
        changed = bytearray(data)
        changed[position] ^= 1
        with pytest.raises(SigningError):
            Checkpoint.parse(bytes(changed), verifier=LOG.verifier)


def test_witness_signature_is_added_once_and_ignored_by_the_reader() -> None:
    line = f"— witness.example/w1 {base64.b64encode(b'keyid' + bytes(71)).decode()}\n"
    both = add_signature(NOTE, line)
    assert both == NOTE + line
    assert add_signature(both, line) == both
    assert Checkpoint.parse(both, verifier=LOG.verifier) == HEAD


def test_witness_signature_alone_does_not_sign_for_the_log() -> None:
    with pytest.raises(SignatureError) as error:
        Checkpoint.parse(sign_note(HEAD.body(), NoteSigner.generate("witness.example/w1")), verifier=LOG.verifier)
    assert error.value.reason == "signature_absent"


def test_other_key_under_the_same_name_does_not_sign_for_the_log() -> None:
    with pytest.raises(SignatureError) as error:
        Checkpoint.parse(sign_note(HEAD.body(), NoteSigner.generate(LOG.name)), verifier=LOG.verifier)
    assert error.value.reason == "signature_absent"


def test_wrong_signature_beside_a_right_one_is_refused() -> None:
    wrong = LOG.line(b"another text\n")
    with pytest.raises(SignatureError) as error:
        Checkpoint.parse(add_signature(NOTE, wrong), verifier=LOG.verifier)
    assert error.value.reason == "signature"


def test_short_signature_under_the_known_key_is_refused() -> None:
    line = f"— {LOG.name} {base64.b64encode(LOG.verifier.key_id + b'x').decode()}\n"
    with pytest.raises(SignatureError):
        Checkpoint.parse(add_signature(NOTE, line), verifier=LOG.verifier)


def test_checkpoint_of_another_log_under_this_key_is_refused() -> None:
    other = Checkpoint("other.example/log", 1, bytes(32))
    with pytest.raises(MalformedError) as error:
        Checkpoint.parse(sign_note(other.body(), LOG), verifier=LOG.verifier)
    assert error.value.reason == "origin"


ROOT = base64.b64encode(bytes(32)).decode()


@pytest.mark.parametrize(
    "body",
    [
        "",
        "\n",
        "log\n1\n",
        f"log\n1\n{ROOT}",
        f"log\n01\n{ROOT}\n",
        f"log\n-1\n{ROOT}\n",
        f"log\n+1\n{ROOT}\n",
        f"log\n１\n{ROOT}\n",
        f"log\n99999999999999999999\n{ROOT}\n",
        f"log\n9999999999999999999\n{ROOT}\n",
        f"log\n1\n{ROOT[:-1]}\n",
        f"log\n1\n{ROOT[:-2]}B=\n",
        f"log\n1\n {ROOT}\n",
        f"log\n1\n{ROOT[4:]}\n",
        f"log\n1\n{ROOT}\n\n",
        f"log\n1\n{ROOT}\next\n\n",
        f"\n1\n{ROOT}\n",
        f"log\u2028\n1\n{ROOT}\n",
        "log\n1\né\n",
    ],
)
def test_body_in_another_form_is_malformed(body: str) -> None:
    with pytest.raises(MalformedError) as error:
        Checkpoint.from_body(body.encode())
    assert error.value.reason == "checkpoint"


@pytest.mark.parametrize(
    ("note", "reason"),
    [
        (HEAD.body().decode(), "note"),
        (NOTE[:-1], "note"),
        (NOTE.replace("\n\n", "\n"), "note"),
        (NOTE.replace("\n\n", "\n\t\n"), "character"),
        (NOTE.replace("\n", "\r\n"), "character"),
        (NOTE + "\n", "note"),
        (NOTE.replace("— ", "- "), "signature_line"),
        (NOTE.replace("— ", "—  "), "signature_line"),
        (NOTE[:-2] + "\n", "signature_line"),
        (NOTE + "— name+plus AAAAAAAA\n", "signature_line"),
        (NOTE + "— name AAAAAA==\n", "signature_line"),
        (NOTE + "— name AAAA AAAA\n", "signature_line"),
        (NOTE + "— name\u00a0x AAAAAAAA\n", "signature_line"),
        (NOTE + "— n AAAAAAAA\n" * MAX_SIGNATURES, "too_many_signatures"),
        ("x" * MAX_NOTE_BYTES + NOTE, "too_large"),
        ("\ud800" + NOTE, "encoding"),
        (b"\xff" + NOTE.encode(), "encoding"),
    ],
)
def test_note_in_another_form_is_malformed(note: str | bytes, reason: str) -> None:
    with pytest.raises(MalformedError) as error:
        open_note(note, verifier=LOG.verifier)
    assert error.value.reason == reason


@given(st.one_of(st.text(), st.binary()))
def test_no_input_makes_anything_but_a_signing_error(note: str | bytes) -> None:
    with pytest.raises(SigningError):
        Checkpoint.parse(note, verifier=LOG.verifier)


def test_line_that_would_forge_a_second_one_is_not_added() -> None:
    line = LOG.line(HEAD.body())
    for bad in (line + line, "\n" + line, "no line"):
        with pytest.raises(MalformedError):
            add_signature(NOTE, bad)


def test_signature_beyond_the_cap_is_not_added() -> None:
    full = NOTE + "".join(f"— n{number} AAAAAAAA\n" for number in range(MAX_SIGNATURES - 1))
    with pytest.raises(MalformedError) as error:
        add_signature(full, "— one-more AAAAAAAA\n")
    assert error.value.reason == "too_many_signatures"


def test_text_without_final_newline_is_not_signed() -> None:
    with pytest.raises(MalformedError):
        sign_note(b"text", LOG)


def test_verifier_text_with_any_character_changed_is_refused() -> None:
    text = SIGNED["verifier"]
    for position in range(len(text)):
        changed = text[:position] + chr(ord(text[position]) ^ 1) + text[position + 1 :]
        with pytest.raises(SigningError):
            NoteVerifier.from_text(changed)
    for short in (text[:-4], "", "name", "name+hash", "+" + text):
        with pytest.raises(MalformedError):
            NoteVerifier.from_text(short)


def test_verifier_of_another_algorithm_is_refused() -> None:
    with pytest.raises(KeyPolicyError) as error:
        NoteVerifier.from_text("witness+00000000+" + base64.b64encode(b"\x04" + bytes(32)).decode())
    assert error.value.reason == "key_type"


def test_private_key_that_is_not_ed25519_is_refused() -> None:
    pem = generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(KeyPolicyError):
        NoteSigner.from_pem("log", pem)
    with pytest.raises(MalformedError):
        NoteSigner.from_pem("log", b"garbage")


def test_misuse_by_the_caller_is_a_value_error() -> None:
    for call in (
        lambda: NoteVerifier("two words", bytes(32)),
        lambda: NoteVerifier("log", bytes(31)),
        lambda: Checkpoint("", 0, bytes(32)),
        lambda: Checkpoint("log", -1, bytes(32)),
        lambda: Checkpoint("log", 0, bytes(31)),
        lambda: Checkpoint("log", 0, bytes(32), ("two\nlines",)),
    ):
        with pytest.raises(ValueError):
            call()
