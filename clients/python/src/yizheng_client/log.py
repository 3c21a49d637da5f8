"""Proving that a receipt's entry is in the hub's log: RFC 6962 tree, C2SP signed checkpoint, offline.

`log_key` is the text `name+hash+base64` that the operator publishes; take it another way than from the hub itself, or
from a witness, for it is what a hub that rewrites its log would change too.
"""

import binascii
import hashlib
from base64 import b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from yizheng_client.errors import ConfigurationError, VerificationError
from yizheng_client.jose import read_json
from yizheng_client.models import Receipt, text

_ED25519 = b"\x01"
_LOG_KEY = "the log's key has the form name+hash+base64, as `yizheng init` prints it"


@dataclass(frozen=True, slots=True)
class Logged:
    """That an entry stands at `index` of the first `size` entries. File `checkpoint`: a log never shrinks below it."""

    index: int
    size: int
    checkpoint: str = field(repr=False)


def check_receipt(receipt: Receipt, proof: bytes | str, *, log_key: str) -> Logged:
    """Check a receipt against an inclusion proof, as `/api/v1/ledger/entries/{id}/proof` gives it.

    (1) The checkpoint is signed by the log's key and is of the receipt's log. (2) The leaf is made from the receipt,
    never taken from the proof. (3) The path leads from that leaf to the checkpoint's root.

    Raises: VerificationError. ConfigurationError: `log_key` cannot be read.
    """
    given = read_json(proof)
    if not isinstance(given, Mapping):
        raise VerificationError("not_a_proof")
    note = text(given, "checkpoint")
    size, root = _checkpoint(note, log_key, origin=receipt.log)
    leaf = f'{{"commitment":"{receipt.commitment}","id":"{receipt.entry}","time":"{receipt.time}"}}'
    index, path = given.get("index"), given.get("path")
    if type(index) is not int or not isinstance(path, list):
        raise VerificationError("not_a_proof")
    verify_inclusion(
        hashlib.sha256(b"\0" + leaf.encode()).digest(),
        index=index,
        size=size,
        path=[_b64(node) for node in path],
        root=root,
    )
    return Logged(index, size, note)


def verify_inclusion(leaf: bytes, *, index: int, size: int, path: Sequence[bytes], root: bytes) -> None:
    """RFC 9162 §2.1.3.2: the leaf hash stands at `index` under `root`. Raises: VerificationError."""
    if not 0 <= index < size or any(len(node) != 32 for node in path):
        raise VerificationError("not_a_proof")
    position, last, found = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            raise VerificationError("not_in_the_log")
        if position & 1 or position == last:
            found = _node(sibling, found)
            while position and not position & 1:
                position, last = position >> 1, last >> 1
        else:
            found = _node(found, sibling)
        position, last = position >> 1, last >> 1
    if last or found != root:
        raise VerificationError("not_in_the_log")


def _checkpoint(note: str, log_key: str, *, origin: str) -> tuple[int, bytes]:
    """Size and root of a checkpoint that the key signed."""
    name, key_id, key = _log_key(log_key)
    body, separator, signatures = note.rpartition("\n\n")
    if not separator:
        raise VerificationError("checkpoint")
    marks = [_b64(line.rpartition(" ")[2]) for line in signatures.splitlines() if line.startswith(f"— {name} ")]
    ours = [mark[4:] for mark in marks if mark[:4] == key_id]
    if not ours:
        raise VerificationError("checkpoint_not_signed")
    for mark in ours:
        try:
            key.verify(mark, f"{body}\n".encode())
        except InvalidSignature as error:
            raise VerificationError("checkpoint_not_signed") from error
    lines = body.split("\n")
    if len(lines) < 3 or lines[0] != name or not lines[1].isascii() or not lines[1].isdecimal():
        raise VerificationError("checkpoint")
    if name != origin:
        raise VerificationError("another_log")
    return int(lines[1]), _b64(lines[2])


def _log_key(text_form: str) -> tuple[str, bytes, Ed25519PublicKey]:
    name, *rest = text_form.strip().split("+", 2)
    try:
        key = b64decode(rest[1], validate=True)
        key_id = hashlib.sha256(f"{name}\n".encode() + key).digest()[:4]
        known = Ed25519PublicKey.from_public_bytes(key[1:])
    except (IndexError, ValueError) as error:
        raise ConfigurationError(_LOG_KEY) from error
    if key[:1] != _ED25519 or key_id.hex() != rest[0]:
        raise ConfigurationError(_LOG_KEY)
    return name, key_id, known


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()


def _b64(value: Any) -> bytes:
    try:
        return b64decode(value, validate=True)
    except (TypeError, ValueError, binascii.Error) as error:
        raise VerificationError("base64") from error
