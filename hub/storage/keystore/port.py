"""The keys port, and the master key that opens an embedded store.

Names are roles ("hub", "purpose-copy", "status", "token", "log", "issuer/<USCC>", "kek", "lookup", …). A name holds a
history: the newest key signs unless another is named, the older ones still open what they closed.
"""

import os
import secrets
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, Protocol

from hub.storage.errors import MissingError, StorageError
from hub.storage.files import write_durably
from hub.storage.suites import Suite
from signing.canonical import b64u, unb64u
from signing.errors import MalformedError
from signing.keys import Signer
from signing.log.checkpoint import NoteSigner
from signing.x509.pki import CertificateAuthority

MASTER_KEY_VARIABLE: Final = "YIZHENG_MASTER_KEY"
SECRETS_VARIABLE: Final = "YIZHENG_SECRETS_DIR"


class Place(StrEnum):
    """Where a private key is: in the encrypted key file, in a PKCS #11 token, at the department."""

    FILE = "file"
    PKCS11 = "pkcs11"
    REMOTE = "remote"


@dataclass(frozen=True, slots=True)
class Secret:
    """A symmetric key and the name it goes by in stored rows."""

    kid: str
    value: bytes


class SigningToken(Protocol):
    """A device that makes and uses private keys and gives none out. Several threads at once."""

    def create(self, suite: Suite) -> tuple[bytes, Signer]:
        """Make a key; the bytes find it again. Raises: SignerUnavailableError, SuiteUnavailableError."""
        ...

    def open(self, reference: bytes) -> Signer:
        """The signer of a key made here. The device is not asked before something is signed."""
        ...

    def reachable(self) -> bool:
        """Whether the device answers now; within seconds."""
        ...


class KeyStore(Protocol):
    """Holds keys and gives out signers. Whoever has a signer can sign; nobody gets a private key.

    Durable once a `create_…` returned. Safe to read and to create from several processes.
    Errors: MissingError for a name without a key, IntegrityBrokenError for a key that does not open.
    """

    def create_signer(self, name: str, suite: Suite = Suite.ES256) -> Signer:
        """Make a new signing key, the newest under this name. Raises: SuiteUnavailableError, SignerUnavailableError."""
        ...

    def signer(self, name: str, kid: str | None = None) -> Signer:
        """The newest signing key of this name, or the one with this kid. Nothing is signed yet, so a token that is away
        does not matter here: `sign` then raises SignerUnavailableError.
        """
        ...

    def add_remote(self, name: str, kid: str, reference: bytes) -> None:
        """Remember a key that its department keeps: `reference` says where its signer is and how to reach it."""
        ...

    def kids(self, name: str) -> tuple[str, ...]:
        """The signing keys of this name, oldest first; also those that another process made."""
        ...

    def place(self, name: str, kid: str) -> Place:
        """Where the private half of a signing key is."""
        ...

    def reachable(self) -> bool:
        """Whether keys outside this process that sign for the hub can be used now; within seconds."""
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
        """Keep a certification authority's key with its certificate. The first under a name stays: what it certified
        must not lose its root to a second one.
        """
        ...

    def authority(self, name: str) -> CertificateAuthority:
        """The authority of this name."""
        ...

    def names(self) -> tuple[str, ...]:
        """All names that hold a key, sorted."""
        ...


def master_key(home: Path, *, create: bool = False) -> bytes:
    """The 32 bytes that open the key file: from the environment, else from a file in the folder of secrets, else from
    `secrets/master.key` (mode 0600).

    Raises: MissingError when neither is there; StorageError when it is not 32 bytes of base64url.
    """
    text = os.environ.get(MASTER_KEY_VARIABLE)
    folder = os.environ.get(SECRETS_VARIABLE)
    if text is None and folder and (given := Path(folder) / MASTER_KEY_VARIABLE.lower()).exists():
        text = given.read_text(encoding="ascii").strip()
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
