"""The keys port, and its embedded implementation: one encrypted key file.

Names are roles ("hub", "purpose-copy", "status", "token", "log", "issuer/<USCC>", "kek", "lookup", …). A name holds a
history: the newest key signs, the older ones still open what they closed.
"""

import fcntl
import hmac
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hub.storage.errors import IntegrityBrokenError, MissingError, StorageError
from hub.storage.files import write_durably
from signing.canonical import b64u, canonical, unb64u
from signing.checkpoint import NoteSigner
from signing.errors import MalformedError
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

    Durable once a `create_…` returned. Safe to read and to create from several processes.
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

    def shown(self) -> dict[str, str]:
        return {"name": self.name, "kind": self.kind, "kid": self.kid, "sealed": b64u(self.sealed)}


class KeyFile:
    """Keys in one file, each sealed with AES-256-GCM under the master key.

    A MAC over all entries in their order says which key of a name is the newest: an entry changed, moved or removed
    is noticed. An older whole file is not: that is for backups to rule out.
    Several processes may read and create: a creator holds a lock and writes what is in the file plus its own, and a
    name that is not known is looked for in the file again.
    """

    def __init__(self, path: Path, *, master_key: bytes) -> None:
        self._path = path
        self._master = AESGCM(master_key)
        self._mac_key = hmac.digest(master_key, b"key file", "sha256")
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
        value = secrets.token_bytes(32)
        return Secret(kid=self._add(name, "secret", None, value).kid, value=value)

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
        entry = self._find(name, kind, kid)
        if entry is None and self._path.exists():
            self._load()  # another process may have created it
            entry = self._find(name, kind, kid)
        if entry is None:
            raise MissingError(f"no {kind} key named {name}")
        return entry

    def _find(self, name: str, kind: Kind, kid: str | None) -> _Entry | None:
        found = (e for e in reversed(self._entries) if e.name == name and e.kind == kind and kid in {None, e.kid})
        return next(found, None)

    def _open(self, entry: _Entry) -> bytes:
        try:
            return self._master.decrypt(entry.sealed[:_NONCE_BYTES], entry.sealed[_NONCE_BYTES:], entry.context())
        except InvalidTag as error:
            raise IntegrityBrokenError(f"key file entry {entry.name}") from error

    def _add(self, name: str, kind: Kind, kid: str | None, value: bytes) -> _Entry:
        """Append an entry to what the file holds now; without a kid its number under this name becomes one."""
        with self._creating():
            number = sum(1 for entry in self._entries if entry.name == name) + 1
            nonce = secrets.token_bytes(_NONCE_BYTES)
            bare = _Entry(name, kind, kid or f"{name}-{number}", b"")
            entry = replace(bare, sealed=nonce + self._master.encrypt(nonce, value, bare.context()))
            entries = [*self._entries, entry]
            document = {"version": 1, "mac": b64u(self._mac(entries)), "entries": [each.shown() for each in entries]}
            write_durably(self._path, json.dumps(document, indent=1).encode(), mode=0o600)
            self._entries = entries
        return entry

    @contextmanager
    def _creating(self) -> Iterator[None]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._path.with_name(f".{self._path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if self._path.exists():
                self._load()
            yield
        finally:
            os.close(descriptor)

    def _load(self) -> None:
        try:
            document = json.loads(self._path.read_bytes())
            entries = [_Entry(e["name"], e["kind"], e["kid"], unb64u(e["sealed"])) for e in document["entries"]]
            genuine = hmac.compare_digest(self._mac(entries), unb64u(document["mac"]))
        except (ValueError, KeyError, TypeError, MalformedError) as error:
            raise IntegrityBrokenError("key file") from error
        if not genuine:
            raise IntegrityBrokenError("key file")
        self._entries = entries

    def _mac(self, entries: list[_Entry]) -> bytes:
        return hmac.digest(self._mac_key, canonical([entry.shown() for entry in entries]), "sha256")


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
    try:
        key = unb64u(text)
    except MalformedError:
        key = b""
    if len(key) != 32:
        raise StorageError("the master key must be 32 bytes of base64url")
    return key
