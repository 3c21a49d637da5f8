"""Signed tree heads in the C2SP formats, so that witnesses and monitors of other logs can read ours.

A note is text, a blank line and signature lines; a checkpoint is a note of origin, tree size and root. Only Ed25519
(signature type 0x01) is signed and verified; signatures of keys not asked about, such as witnesses', pass through.

Wire format. Source: c2sp.org/signed-note, c2sp.org/tlog-checkpoint.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from signing.errors import KeyPolicyError, MalformedError, SignatureError

MAX_NOTE_BYTES = 128 * 1024  # sixteen signatures, the least a verifier must accept, at 5 kB each
MAX_SIGNATURES = 64
_ED25519 = b"\x01"
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True, slots=True)
class NoteVerifier:
    """A named Ed25519 public key; `text` is how it is published and configured."""

    name: str
    public_key: bytes

    def __post_init__(self) -> None:
        if not _is_name(self.name):
            raise ValueError("a note key name has no spaces, plus signs or control characters")
        if len(self.public_key) != 32:
            raise ValueError("an Ed25519 public key has 32 bytes")

    @property
    def key_id(self) -> bytes:
        """Four bytes that, with the name, pick the key; an attacker can collide them, so they prove nothing."""
        return hashlib.sha256(self.name.encode() + b"\n" + _ED25519 + self.public_key).digest()[:4]

    @property
    def text(self) -> str:
        """The key as `name+hash+base64`."""
        return f"{self.name}+{self.key_id.hex()}+{_b64(_ED25519 + self.public_key)}"

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read `name+hash+base64`.

        Raises: MalformedError: another form, or the hash is not this key's. KeyPolicyError: not an Ed25519 key.
        """
        name, *rest = text.split("+", 2)
        if len(rest) != 2 or not _is_name(name):
            raise MalformedError("verifier_key")
        key = _unb64(rest[1], reason="verifier_key")
        if key[:1] != _ED25519:
            raise KeyPolicyError("key_type", "note keys are Ed25519")
        if len(key) != 33 or (verifier := cls(name, key[1:])).key_id.hex() != rest[0]:
            raise MalformedError("verifier_key")
        return verifier

    def verify(self, body: bytes, signature: bytes) -> None:
        """Raise SignatureError unless `signature` is this key's over the whole note text."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature, body)
        except (InvalidSignature, ValueError) as error:
            raise SignatureError from error


class NoteSigner:
    """A named Ed25519 private key that signs notes."""

    __slots__ = ("_key", "verifier")

    def __init__(self, name: str, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.verifier = NoteVerifier(name, key.public_key().public_bytes_raw())

    @classmethod
    def generate(cls, name: str) -> Self:
        """Make a new key; name it like the log's origin."""
        return cls(name, Ed25519PrivateKey.generate())

    @classmethod
    def from_pem(cls, name: str, pem: bytes) -> Self:
        """Load an unencrypted PKCS#8 key. Raises: MalformedError, KeyPolicyError: not Ed25519."""
        try:
            key = serialization.load_pem_private_key(pem, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise MalformedError("pem") from error
        if not isinstance(key, Ed25519PrivateKey):
            raise KeyPolicyError("key_type", "notes are signed with Ed25519")
        return cls(name, key)

    def to_pem(self) -> bytes:
        """Return the private key as unencrypted PKCS#8; the caller encrypts what it stores."""
        return self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    @property
    def name(self) -> str:
        """The key's name, which for a log is its origin."""
        return self.verifier.name

    def line(self, body: bytes) -> str:
        """Sign a note text and return the signature line, newline included; the same text gives the same line."""
        return f"— {self.name} {_b64(self.verifier.key_id + self._key.sign(body))}\n"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A log's promise: these were its first `size` entries. Extension lines are carried, not interpreted."""

    origin: str
    size: int
    root: bytes
    extension_lines: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        lines = (self.origin, *self.extension_lines)
        if not all(line and line.isprintable() for line in lines):
            raise ValueError("checkpoint lines are printable and not empty")
        if not 0 <= self.size < 2**63 or len(self.root) != 32:
            raise ValueError("a checkpoint has a size below 2**63 and a root of 32 bytes")

    def body(self) -> bytes:
        """Return the exact bytes to sign; store these, and a restart can sign the same body again."""
        return "".join(
            f"{line}\n" for line in (self.origin, str(self.size), _b64(self.root), *self.extension_lines)
        ).encode()

    @classmethod
    def from_body(cls, body: bytes) -> Self:
        """Read an unsigned body back. Raises: MalformedError unless `body()` would print the same bytes."""
        try:
            origin, size, root, *extension_lines, end = _text(body).split("\n")
            if end or _SIZE.fullmatch(size) is None:
                raise MalformedError("checkpoint")
            return cls(origin, int(size), _unb64(root, reason="checkpoint"), tuple(extension_lines))
        except ValueError as error:
            raise MalformedError("checkpoint") from error

    @classmethod
    def parse(cls, note: str | bytes, *, verifier: NoteVerifier) -> Self:
        """Verify a signed checkpoint and return what it says.

        The origin must be the verifier's name: a key that signs for one log says nothing about another.

        Raises: SignatureError: the log's signature is absent or wrong. MalformedError: not a checkpoint.
        """
        checkpoint = cls.from_body(open_note(note, verifier=verifier))
        if checkpoint.origin != verifier.name:
            raise MalformedError("origin")
        return checkpoint


def sign_note(body: bytes, signer: NoteSigner) -> str:
    """Make a note of `body`, which ends in a newline. Raises: MalformedError: not text a note may hold."""
    text = _text(body)
    if not text.endswith("\n"):
        raise MalformedError("note")
    return f"{text}\n{signer.line(body)}"


def add_signature(note: str, line: str) -> str:
    """Append a signature line, say a witness's; adding one twice changes nothing. The line is not verified.

    Raises: MalformedError: `note` is not a note or `line` not one signature line.
    """
    _, lines = _split(note)
    line = line.removesuffix("\n")
    parse_signature_line(line)
    if line in lines:
        return note
    if len(lines) >= MAX_SIGNATURES:
        raise MalformedError("too_many_signatures")
    return f"{note}{line}\n"


def open_note(note: str | bytes, *, verifier: NoteVerifier) -> bytes:
    """Return the text of a note that `verifier` signed.

    Raises: MalformedError: not a note. SignatureError: the key's signature is absent, or any under its name is wrong.
    """
    body, lines = _split(note)
    signatures = [
        signature
        for name, key_id, signature in map(parse_signature_line, lines)
        if name == verifier.name and key_id == verifier.key_id
    ]
    if not signatures:
        raise SignatureError("signature_absent")
    for signature in signatures:
        verifier.verify(body, signature)
    return body


def signed_by(note: str | bytes, *, verifier: NoteVerifier) -> str:
    """The note with the signatures of this key alone. Raises: as `open_note`."""
    body = open_note(note, verifier=verifier)
    named = (verifier.name, verifier.key_id)
    lines = [line for line in _split(note)[1] if parse_signature_line(line)[:2] == named]
    return f"{body.decode()}\n" + "".join(f"{line}\n" for line in lines)


def note_body(note: str | bytes) -> bytes:
    """The text that a note's signatures are over; none of them is verified. Raises: MalformedError."""
    return _split(note)[0]


def signature_lines(note: str | bytes) -> Sequence[str]:
    """The signature lines of a note, in its order, unverified. Raises: MalformedError."""
    return _split(note)[1]


def parse_signature_line(line: str) -> tuple[str, bytes, bytes]:
    """Name, four bytes of key id, and signature of a line, unverified. Raises: MalformedError."""
    dash, _, rest = line.removesuffix("\n").partition(" ")
    name, _, encoded = rest.partition(" ")
    if dash != "—" or not _is_name(name):
        raise MalformedError("signature_line")
    blob = _unb64(encoded, reason="signature_line")
    if len(blob) < 5:
        raise MalformedError("signature_line")
    return name, blob[:4], blob[4:]


def _split(note: str | bytes) -> tuple[bytes, Sequence[str]]:
    text = _text(note)
    body, separator, signatures = text.rpartition("\n\n")
    lines = signatures.removesuffix("\n").split("\n")
    if not separator or not signatures.endswith("\n"):
        raise MalformedError("note")
    if len(lines) > MAX_SIGNATURES:
        raise MalformedError("too_many_signatures")
    return f"{body}\n".encode(), lines


def _text(data: str | bytes) -> str:
    if len(data) > MAX_NOTE_BYTES:
        raise MalformedError("too_large")
    try:
        text = data.decode() if isinstance(data, bytes) else data
        text.encode()  # a str may hold lone surrogates
    except UnicodeError as error:
        raise MalformedError("encoding") from error
    if _CONTROL.search(text):
        raise MalformedError("character")
    return text


def _is_name(name: str) -> bool:
    return bool(name) and name.isprintable() and "+" not in name and not any(map(str.isspace, name))


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _unb64(text: str, *, reason: str) -> bytes:
    """Decode standard base64 with padding; one spelling per value, so that a note has one text."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise MalformedError(reason) from error
    if _b64(data) != text:
        raise MalformedError(reason)
    return data
