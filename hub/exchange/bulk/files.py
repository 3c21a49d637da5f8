"""The result of a bulk run: JSON lines in the recipient's order, sealed under the case's key, piece by piece."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from hub.exchange.bulk.mark import WHO, Mark
from hub.storage.objects.folder import ObjectStore
from hub.storage.vault import DataKey
from signing.canonical import strict_loads

LINES_TYPE: Final = "application/x-ndjson"
RECIPIENT_TYPE: Final = "bulk-recipient+jwt"
MANIFEST_TYPE: Final = "bulk-manifest+jwt"
PIECE_BYTES: Final = 1024 * 1024
_MAX_RESULT: Final = 16_777_216


def subject_place(subject_id: str, column: str) -> str:
    """Where a subject's identity or result is stored, for its encryption."""
    return f"bulk_subjects:{subject_id}:{column}"


def order_place(run_id: str) -> str:
    """The same for officer and parameters of a run."""
    return f"bulk_runs:{run_id}:sealed"


def manifest_place(run_id: str) -> str:
    """The same for its signed manifest."""
    return f"bulk_runs:{run_id}:manifest"


def row_of(identity: Mapping[str, Any], result: Mapping[str, Any], mark: Mark) -> bytes:
    """The line about one subject, in the order of its recipient."""
    who = tuple(identity[name] for name in WHO)
    return _line(mark.ordered(who, {name: identity[name] for name in WHO} | dict(result)))


def recipient_line(token: str) -> bytes:
    """The first line: who received this, signed."""
    return _line({"recipient": token})


def opened(key: DataKey, subject_id: str, column: str, sealed: bytes) -> dict[str, Any]:
    """A subject's identity or result. Raises: IntegrityBrokenError."""
    found: dict[str, Any] = strict_loads(
        key.decrypt(subject_place(subject_id, column), sealed), max_bytes=_MAX_RESULT, max_depth=64
    )
    return found


@dataclass(frozen=True, slots=True)
class StoredFile:
    """Where a result lies; `sha256` in hex over all its bytes in clear."""

    id: str
    pieces: int
    bytes: int
    sha256: str

    def as_json(self) -> dict[str, Any]:
        """As it stands in its run."""
        return {"id": self.id, "pieces": self.pieces, "bytes": self.bytes, "sha256": self.sha256}


class FileWriter:
    """Writes one result. `id` is new for each attempt: two that write at once do not mix. Blocks: for a thread."""

    def __init__(self, objects: ObjectStore, key: DataKey, run_id: str, file_id: str) -> None:
        self._objects = objects
        self._key = key
        self._run_id = run_id
        self._file_id = file_id
        self._held = bytearray()
        self._digest = hashlib.sha256()
        self._pieces = 0
        self._bytes = 0

    def write(self, line: bytes) -> None:
        """Add a line."""
        self._held += line
        if len(self._held) >= PIECE_BYTES:
            self._flush()

    def end(self) -> StoredFile:
        """All of it is stored."""
        if self._held:
            self._flush()
        return StoredFile(self._file_id, self._pieces, self._bytes, self._digest.hexdigest())

    def _flush(self) -> None:
        data = bytes(self._held)
        name = _name(self._run_id, self._file_id, self._pieces)
        self._objects.put(name, self._key.encrypt(name, data))
        self._digest.update(data)
        self._bytes += len(data)
        self._pieces += 1
        self._held.clear()


def pieces_of(objects: ObjectStore, key: DataKey, run_id: str, file: Mapping[str, Any]) -> Iterator[bytes]:
    """A stored result, piece by piece; blocks. Raises: IntegrityBrokenError, MissingError, UnavailableError."""
    for number in range(file["pieces"]):
        name = _name(run_id, file["id"], number)
        yield key.decrypt(name, objects.get(name))


def forget_files(objects: ObjectStore, run_id: str, *, only: str = "", but: str = "") -> None:
    """Delete what lies in the store of a run: all of it, one file `only`, or all `but` one."""
    for name in objects.names(f"bulk/{run_id}/{only}"):
        if not but or not name.startswith(f"bulk/{run_id}/{but}/"):
            objects.delete(name)


def _name(run_id: str, file_id: str, number: int) -> str:
    return f"bulk/{run_id}/{file_id}/{number}"


def _line(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
