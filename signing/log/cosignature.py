"""Cosignatures: what a witness says of a checkpoint, with the time at which it said so.

A cosignature states that of all trees of this log that the witness has seen, this one is the largest, and that each was
a beginning of the next. It is an Ed25519 signature over time and note text, under a key type of its own (0x04): a log's
key cannot pose as a witness, nor the other way round. The message does not name the witness, so that one key serves one
name alone. Whether what is signed is consistent is the witness's to check, before it signs.

Wire format. Source: c2sp.org/tlog-cosignature (Ed25519, `cosignature/v1`).
"""

import base64
import binascii
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from signing.errors import KeyPolicyError, MalformedError, SignatureError
from signing.log.checkpoint import NoteVerifier, note_body, parse_signature_line, signature_lines

_TYPE: Final = b"\x04"
_TIME_BYTES: Final = 8
_SIGNATURE_BYTES: Final = 64
MAX_TIME: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Cosignature:
    """A cosignature that holds: whose, at which time (seconds since 1970), and its line of the note."""

    name: str
    time: int
    line: str


@dataclass(frozen=True, slots=True)
class WitnessVerifier:
    """A witness's name and Ed25519 key; `text` is how it is published and registered."""

    name: str
    public_key: bytes

    def __post_init__(self) -> None:
        NoteVerifier(self.name, self.public_key)  # the same rules for name and length

    @property
    def key_id(self) -> bytes:
        """Four bytes that, with the name, pick the key; they prove nothing."""
        return hashlib.sha256(self.name.encode() + b"\n" + _TYPE + self.public_key).digest()[:4]

    @property
    def text(self) -> str:
        """The key as `name+hash+base64`."""
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(_TYPE + self.public_key).decode()}"

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read `name+hash+base64`.

        Raises: MalformedError: another form, or the hash is not this key's. KeyPolicyError: no witness's Ed25519 key.
        """
        name, *rest = text.split("+", 2)
        if len(rest) != 2:
            raise MalformedError("verifier_key")
        try:
            key = base64.b64decode(rest[1].encode("ascii"), validate=True)
            verifier = cls(name, key[1:])
        except (binascii.Error, ValueError) as error:
            raise MalformedError("verifier_key") from error
        if key[:1] != _TYPE:
            raise KeyPolicyError("key_type", "a witness's key is of type 4 (Ed25519 cosignature)")
        if verifier.text != text:  # one spelling per key
            raise MalformedError("verifier_key")
        return verifier

    def read(self, body: bytes, line: str) -> Cosignature:
        """What a signature line of this witness says of a checkpoint's body.

        Raises: SignatureError: it is another's, or does not hold. MalformedError: not a cosignature.
        """
        name, key_id, blob = parse_signature_line(line)
        if (name, key_id) != (self.name, self.key_id):
            raise SignatureError("signature_absent")
        if len(blob) != _TIME_BYTES + _SIGNATURE_BYTES:
            raise MalformedError("cosignature")
        time = int.from_bytes(blob[:_TIME_BYTES], "big")
        if time > MAX_TIME:
            raise MalformedError("cosignature")
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(blob[_TIME_BYTES:], _message(body, time))
        except (InvalidSignature, ValueError) as error:
            raise SignatureError from error
        return Cosignature(name, time, f"{line.removesuffix(chr(10))}\n")


class WitnessSigner:
    """A witness's name and private key. Whoever calls `line` has checked, and durably remembered, what it signs."""

    __slots__ = ("_key", "verifier")

    def __init__(self, name: str, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.verifier = WitnessVerifier(name, key.public_key().public_bytes_raw())

    def line(self, body: bytes, *, time: int) -> str:
        """Co-sign a checkpoint's body at `time`, seconds since 1970; the signature line, newline included.

        Raises: ValueError: no such time.
        """
        if not 0 < time <= MAX_TIME:
            raise ValueError("a cosignature has a time")
        blob = self.verifier.key_id + time.to_bytes(_TIME_BYTES, "big") + self._key.sign(_message(body, time))
        return f"— {self.verifier.name} {base64.b64encode(blob).decode()}\n"


def cosignatures(note: str | bytes, witnesses: Iterable[WitnessVerifier]) -> Sequence[Cosignature]:
    """The cosignatures of these witnesses on a note, one for each, the newest where one signed twice.

    Lines of others are passed over. One of a witness that does not hold makes the whole note worthless, as for its log.

    Raises: MalformedError: not a note. SignatureError: a line under a witness's name and key does not hold.
    """
    body, found = note_body(note), dict[str, Cosignature]()
    known = {(witness.name, witness.key_id): witness for witness in witnesses}
    for line in signature_lines(note):
        name, key_id, _ = parse_signature_line(line)
        witness = known.get((name, key_id))
        if witness is None:
            continue
        read = witness.read(body, line)
        if name not in found or found[name].time < read.time:
            found[name] = read
    return tuple(found.values())


def _message(body: bytes, time: int) -> bytes:
    return b"cosignature/v1\ntime %d\n" % time + body
