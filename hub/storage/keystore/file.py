"""The embedded implementation of the keys port: one encrypted key file."""

import fcntl
import hmac
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hub.storage import suites
from hub.storage.errors import IntegrityBrokenError, MissingError, SignerUnavailableError
from hub.storage.files import write_durably
from hub.storage.keystore.port import Place, Secret, SigningToken
from hub.storage.suites import Suite
from signing.canonical import b64u, canonical, unb64u
from signing.errors import MalformedError
from signing.keys import Signer
from signing.log.checkpoint import NoteSigner
from signing.x509.pki import CertificateAuthority

_NONCE_BYTES: Final = 12
Kind = Literal["es256", "sm2", "rsa", "pkcs11", "remote", "ed25519", "secret", "authority"]
_SIGNING: Final = frozenset({"es256", "sm2", "rsa", "pkcs11", "remote"})


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

    def __init__(self, path: Path, *, master_key: bytes, token: SigningToken | None = None) -> None:
        """With `token`, new signing keys are made in it; everything else stays here."""
        self._path = path
        self._token = token
        self._master = AESGCM(master_key)
        self._mac_key = hmac.digest(master_key, b"key file", "sha256")
        self._entries: list[_Entry] = []
        self._signers: dict[str, Signer] = {}
        if path.exists():
            self._load()

    def create_signer(self, name: str, suite: Suite = Suite.ES256) -> Signer:
        if self._token is None:
            made = suites.generate(suite)
            self._add(name, suite.value, made.kid, made.to_pem())
            return self.signer(name, made.kid)
        reference, signer = self._token.create(suite)
        self._add(name, "pkcs11", signer.kid, reference)
        self._signers[signer.kid] = signer
        return signer

    def add_remote(self, name: str, kid: str, reference: bytes) -> None:
        self._add(name, "remote", kid, reference)
        self._signers.pop(kid, None)

    def signer(self, name: str, kid: str | None = None) -> Signer:
        entry = self._newest(name, _SIGNING, kid)
        if entry.kid not in self._signers:
            self._signers[entry.kid] = self._opened(entry)
        return self._signers[entry.kid]

    def kids(self, name: str) -> tuple[str, ...]:
        self._look_again()
        return tuple(entry.kid for entry in self._entries if entry.name == name and entry.kind in _SIGNING)

    def place(self, name: str, kid: str) -> Place:
        kind = self._newest(name, _SIGNING, kid).kind
        return Place(kind) if kind in {"pkcs11", "remote"} else Place.FILE

    def reachable(self) -> bool:
        return self._token is None or self._token.reachable()

    def _opened(self, entry: _Entry) -> Signer:
        value = self._open(entry)
        if entry.kind == "remote":
            from hub.storage.keystore.remote import RemoteSigner

            return RemoteSigner.from_reference(value)
        if entry.kind != "pkcs11":
            return suites.from_pem(Suite(entry.kind), value, entry.kid)
        if self._token is None:
            raise SignerUnavailableError("token_not_configured")
        return self._token.open(value)

    def create_note_signer(self, name: str, origin: str) -> NoteSigner:
        signer = NoteSigner.generate(origin)
        self._add(name, "ed25519", origin, signer.to_pem())
        return signer

    def note_signer(self, name: str) -> NoteSigner:
        entry = self._newest(name, frozenset({"ed25519"}))
        return NoteSigner.from_pem(entry.kid, self._open(entry))

    def create_secret(self, name: str) -> Secret:
        value = secrets.token_bytes(32)
        return Secret(kid=self._add(name, "secret", None, value).kid, value=value)

    def secret(self, name: str, kid: str | None = None) -> Secret:
        entry = self._newest(name, frozenset({"secret"}), kid)
        return Secret(kid=entry.kid, value=self._open(entry))

    def add_authority(self, name: str, authority: CertificateAuthority) -> None:
        certificate = authority.certificate
        value = len(certificate).to_bytes(4, "big") + certificate + authority.private_key_pem
        self._add(name, "authority", name, value, once=True)

    def authority(self, name: str) -> CertificateAuthority:
        value = self._open(self._newest(name, frozenset({"authority"})))
        end = 4 + int.from_bytes(value[:4], "big")
        return CertificateAuthority(value[4:end], value[end:])

    def names(self) -> tuple[str, ...]:
        return tuple(sorted({entry.name for entry in self._entries}))

    def _newest(self, name: str, kinds: frozenset[str], kid: str | None = None) -> _Entry:
        entry = self._find(name, kinds, kid)
        if entry is None:
            self._look_again()
            entry = self._find(name, kinds, kid)
        if entry is None:
            raise MissingError(f"no {'signing' if 'es256' in kinds else min(kinds)} key named {name}")
        return entry

    def _look_again(self) -> None:
        """Another process may have made a key."""
        if self._path.exists():
            self._load()

    def _find(self, name: str, kinds: frozenset[str], kid: str | None) -> _Entry | None:
        found = (e for e in reversed(self._entries) if e.name == name and e.kind in kinds and kid in {None, e.kid})
        return next(found, None)

    def _open(self, entry: _Entry) -> bytes:
        try:
            return self._master.decrypt(entry.sealed[:_NONCE_BYTES], entry.sealed[_NONCE_BYTES:], entry.context())
        except InvalidTag as error:
            raise IntegrityBrokenError(f"key file entry {entry.name}") from error

    def _add(self, name: str, kind: Kind, kid: str | None, value: bytes, *, once: bool = False) -> _Entry:
        """Append an entry to what the file holds now; without a kid its number under this name becomes one. `once`: the
        first of this name and kind stays.
        """
        with self._creating():
            if once and (known := self._find(name, frozenset({kind}), None)) is not None:
                return known
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
