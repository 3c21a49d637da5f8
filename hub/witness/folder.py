"""A witness's folder: its key, what it last co-signed of each log, and what it keeps as evidence.

`key.pem` (0600), `name`, `call` (whom to call of a fork), `logs/<hash of the origin>.json`, `forks/<time>-<reason>…/`.
Two processes on one folder take turns: a lock is held from reading what was signed last to having written what is
signed next.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hub.storage.files import write_durably
from hub.witness.errors import FolderError
from signing.canonical import sha256
from signing.errors import SigningError
from signing.log.checkpoint import Checkpoint, NoteVerifier
from signing.log.cosignature import WitnessSigner

_KEY: Final = "key.pem"
_NAME: Final = "name"
_CALL: Final = "call"


@dataclass(frozen=True, slots=True)
class Seen:
    """What was last co-signed of a log: the note as the log signed it, and the time that was signed with it."""

    note: str
    checkpoint: Checkpoint
    time: int


class WitnessFolder:
    """An existing folder. Raises: FolderError."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            name = (path / _NAME).read_text(encoding="utf-8").strip()
            if (path / _KEY).stat().st_mode & 0o077:
                raise FolderError(f"{path / _KEY} can be read by others: chmod 600")
            key = serialization.load_pem_private_key((path / _KEY).read_bytes(), password=None)
        except OSError as error:
            raise FolderError(f"{error.filename}: {error.strerror}") from error
        except (ValueError, TypeError) as error:
            raise FolderError("the key cannot be read") from error
        if not isinstance(key, Ed25519PrivateKey):
            raise FolderError("a witness's key is Ed25519")
        self.signer = WitnessSigner(name, key)

    @classmethod
    def make(cls, path: Path, name: str, *, call: str = "") -> "WitnessFolder":
        """Make a folder with a new key. `call`: whom to call when a log forks.

        Raises: FolderError: there is one, or `name` cannot be a witness's.
        """
        if (path / _KEY).exists() or (path / _NAME).exists():
            raise FolderError(f"{path} is a witness's folder already")
        key = Ed25519PrivateKey.generate()
        try:
            WitnessSigner(name, key)
        except ValueError as error:
            raise FolderError("a name has no spaces, plus signs or control characters") from error
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_durably(path / _KEY, pem, mode=0o600)
            write_durably(path / _CALL, f"{call}\n".encode(), mode=0o644)
            write_durably(path / _NAME, f"{name}\n".encode(), mode=0o644)
        except OSError as error:
            raise FolderError(f"{path}: {error.strerror}") from error
        return cls(path)

    @property
    def call(self) -> str:
        """Whom to call when a log forks; empty: nobody was named."""
        try:
            return (self.path / _CALL).read_text(encoding="utf-8").strip()
        except OSError:
            return ""

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Alone with what was co-signed last. Raises: FolderError."""
        try:
            descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise FolderError(f"{self.path / 'lock'}: {error.strerror}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def seen(self, log: NoteVerifier) -> Seen | None:
        """What was last co-signed of this log; None: nothing yet. A file that says anything else stops the witness:
        whoever forgets what he signed may sign its contrary. Raises: FolderError.
        """
        path = self._state(log)
        try:
            record: Any = json.loads(path.read_bytes())
            note, time = str(record["note"]), int(record["time"])
            return Seen(note, Checkpoint.parse(note, verifier=log), time)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, SigningError) as error:
            raise FolderError(f"{path} cannot be read: put it back from a copy, never delete it") from error

    def remember(self, log: NoteVerifier, note: str, time: int) -> None:
        """Keep what is about to be co-signed, on the disk before this answers. Raises: FolderError."""
        try:
            write_durably(self._state(log), json.dumps({"note": note, "time": time}).encode())
        except OSError as error:
            raise FolderError(f"{self._state(log)}: {error.strerror}") from error

    def keep_evidence(self, reason: str, *, seen: Seen, shown: str, proof: list[str], now: datetime) -> Path:
        """Keep both checkpoints as the log signed them, and the path that its own tiles gave. The same once only.

        Raises: FolderError.
        """
        digest = sha256(f"{seen.note}\n{shown}".encode()).hex()[:12]
        with suppress(OSError):
            for known in (self.path / "forks").iterdir():
                if known.name.endswith(f"{reason}-{digest}"):
                    return known
        folder = self.path / "forks" / f"{now:%Y%m%dT%H%M%SZ}-{reason}-{digest}"
        files = {"seen.txt": seen.note, "shown.txt": shown, "proof.json": json.dumps({"path": proof}) + "\n"}
        try:
            for name, text in files.items():
                write_durably(folder / name, text.encode(), mode=0o644)
        except OSError as error:
            raise FolderError(f"{folder}: {error.strerror}") from error
        return folder

    def _state(self, log: NoteVerifier) -> Path:
        return self.path / "logs" / f"{sha256(log.name.encode()).hex()[:16]}.json"
