"""The keys port, and its embedded implementation: one encrypted key file.

Names are roles ("hub", "purpose-copy", "status", "token", "log", "issuer/<USCC>", "kek", "lookup", …). A name holds a
history: the newest key signs, the older ones still open what they closed.
"""

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hub.storage.errors import IntegrityBrokenError, MissingError, StorageError
from hub.storage.files import write_durably
from signing.canonical import b64u, unb64u
from signing.checkpoint import NoteSigner
from signing.keys import Signer, SoftwareSigner
from signing.pki import CertificateAuthority

MASTER_KEY_VARIABLE: Final = "YIZHENG_MASTER_KEY"
_NONCE_BYTES: Final = 12
Kind = Literal["es256", "ed25519", "secret", "authority"]


@dataclass(frozen=True, slots=True)
class Secret:
    """A symmetric key and the name it goes by in stored rows."""

    kid: str
    value: bytes


class KeyStore(Protocol):
    """Holds keys and gives out signers. Whoever has a signer can sign; nobody gets a private key.

    Durable once a `create_…` returned. Safe to read from several processes; one process creates.
    Errors: MissingError for a name without a key, IntegrityBrokenError for a key that does not open.
    """

    def create_signer(self, name: str) -> Signer:
        """Make a new ES256 key, the newest under this name."""
        ...

    def signer(self, name: str) -> Signer:
        """The newest ES256 key of this name."""
        ...

    def create_note_signer(self, name: str, origin: str) -> NoteSigner:
        """Make the Ed25519 key that signs checkpoints under `origin`."""
        ...

    def note_signer(self, name: str) -> NoteSigner:
        """The newest Ed25519 key of this name."""
        ...

    def create_secret(self, name: str) -> Secret:
        """Make a 256-bit symmetric key."""
        ...

    def secret(self, name: str, kid: str | None = None) -> Secret:
        """The newest symmetric key of this name, or the one with this kid."""
        ...

    def add_authority(self, name: str, authority: CertificateAuthority) -> None:
        """Keep a certification authority's key with its certificate."""
        ...

    def authority(self, name: str) -> CertificateAuthority:
        """The newest authority of this name."""
        ...

    def names(self) -> tuple[str, ...]:
        """All names that hold a key, sorted."""
        ...


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    kind: Kind
    kid: str
    sealed: bytes

    def context(self) -> bytes:
        return f"{self.name}|{self.kind}|{self.kid}".encode()


class KeyFile:
    """Keys in one file, each sealed with AES-256-GCM under the master key; swapping two entries is detected."""

    def __init__(self, path: Path, *, master_key: bytes) -> None:
        self._path = path
        self._master = AESGCM(master_key)
        self._entries: list[_Entry] = []
        self._signers: dict[str, Signer] = {}
        if path.exists():
            self._load()

    def create_signer(self, name: str) -> Signer:
        signer = SoftwareSigner.generate()
        self._add(name, "es256", signer.kid, signer.to_pem())
        return self.signer(name)

    def signer(self, name: str) -> Signer:
        entry = self._newest(name, "es256")
        if entry.kid not in self._signers:
            self._signers[entry.kid] = SoftwareSigner.from_pem(self._open(entry), kid=entry.kid)
        return self._signers[entry.kid]

    def create_note_signer(self, name: str, origin: str) -> NoteSigner:
        signer = NoteSigner.generate(origin)
        self._add(name, "ed25519", origin, signer.to_pem())
        return signer

    def note_signer(self, name: str) -> NoteSigner:
        entry = self._newest(name, "ed25519")
        return NoteSigner.from_pem(entry.kid, self._open(entry))

    def create_secret(self, name: str) -> Secret:
        count = sum(1 for entry in self._entries if entry.name == name)
        secret = Secret(kid=f"{name}-{count + 1}", value=secrets.token_bytes(32))
        self._add(name, "secret", secret.kid, secret.value)
        return secret

    def secret(self, name: str, kid: str | None = None) -> Secret:
        entry = self._newest(name, "secret", kid)
        return Secret(kid=entry.kid, value=self._open(entry))

    def add_authority(self, name: str, authority: CertificateAuthority) -> None:
        certificate = authority.certificate
        self._add(
            name, "authority", name, len(certificate).to_bytes(4, "big") + certificate + authority.private_key_pem
        )

    def authority(self, name: str) -> CertificateAuthority:
        value = self._open(self._newest(name, "authority"))
        end = 4 + int.from_bytes(value[:4], "big")
        return CertificateAuthority(value[4:end], value[end:])

    def names(self) -> tuple[str, ...]:
        return tuple(sorted({entry.name for entry in self._entries}))

    def _newest(self, name: str, kind: Kind, kid: str | None = None) -> _Entry:
        for entry in reversed(self._entries):
            if entry.name == name and entry.kind == kind and kid in {None, entry.kid}:
                return entry
        raise MissingError(f"no {kind} key named {name}")

    def _open(self, entry: _Entry) -> bytes:
        try:
            return self._master.decrypt(entry.sealed[:_NONCE_BYTES], entry.sealed[_NONCE_BYTES:], entry.context())
        except InvalidTag as error:
            raise IntegrityBrokenError(f"key file entry {entry.name}") from error

    def _add(self, name: str, kind: Kind, kid: str, value: bytes) -> None:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        bare = _Entry(name, kind, kid, b"")
        entry = _Entry(name, kind, kid, nonce + self._master.encrypt(nonce, value, bare.context()))
        self._entries = [*self._entries, entry]
        document = {
            "version": 1,
            "entries": [
                {"name": e.name, "kind": e.kind, "kid": e.kid, "sealed": b64u(e.sealed)} for e in self._entries
            ],
        }
        write_durably(self._path, json.dumps(document, indent=1).encode(), mode=0o600)

    def _load(self) -> None:
        document = json.loads(self._path.read_bytes())
        self._entries = [_Entry(e["name"], e["kind"], e["kid"], unb64u(e["sealed"])) for e in document["entries"]]


def master_key(home: Path, *, create: bool = False) -> bytes:
    """The 32 bytes that open the key file: from the environment, else from `secrets/master.key` (mode 0600).

    Raises: MissingError when neither is there; StorageError when it is not 32 bytes of base64url.
    """
    text = os.environ.get(MASTER_KEY_VARIABLE)
    path = home / "secrets" / "master.key"
    if text is None:
        if create and not path.exists():
            write_durably(path, b64u(secrets.token_bytes(32)).encode(), mode=0o600)
        if not path.exists():
            raise MissingError(f"no master key: set {MASTER_KEY_VARIABLE} or restore secrets/master.key")
        text = path.read_text(encoding="ascii").strip()
    key = unb64u(text)
    if len(key) != 32:
        raise StorageError("the master key must be 32 bytes of base64url")
    return key
