"""Parts and reports of a batch in the object store, sealed under the batch's own key; a register never lies there
in clear, and is opened piece by piece.
"""

import hashlib
import io
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import BinaryIO, Final, Literal, cast

from hub.collection.batches.store import Part
from hub.storage.errors import IntegrityBrokenError, MissingError
from hub.storage.objects.folder import ObjectStore
from hub.storage.vault import DataKey

_PIECE_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Facts:
    st_size: int
    st_mtime: float


class BatchFiles:
    """What one batch keeps. Blocks: for a thread."""

    def __init__(self, objects: ObjectStore, key: DataKey, batch_id: str) -> None:
        self._objects = objects
        self._key = key
        self._id = batch_id

    def put_part(self, part: Part, data: bytes) -> None:
        """Keep a part. Named by its upload: of two at once, the one that is recorded is the one read."""
        self._objects.put(self._part(part), self._key.encrypt(self._part(part), data))

    def drop_part(self, part: Part) -> None:
        """Delete a part that is not recorded, or no longer."""
        self._objects.delete(self._part(part))

    def read_part(self, part: Part) -> bytes:
        """A part as it was sent. Raises: IntegrityBrokenError, MissingError, UnavailableError."""
        data = self._key.decrypt(self._part(part), self._objects.get(self._part(part)))
        if hashlib.sha256(data).hexdigest() != part.sha256:
            raise IntegrityBrokenError("collection_parts")
        return data

    def keep_report(self, rejects: Path) -> tuple[int, dict[str, int]]:
        """Keep the rejects, cut between lines; answers in how many pieces, and how many rows for which reason. The same
        again replaces them.
        """
        number = 0
        reasons: Counter[str] = Counter()
        with rejects.open("rb") as file:
            while lines := file.readlines(_PIECE_BYTES):
                name = self._report(number)
                self._objects.put(name, self._key.encrypt(name, b"".join(lines)))
                for line in lines:
                    reasons.update({reason["code"] for reason in json.loads(line)["reasons"]})
                number += 1
        return number, dict(reasons)

    def report(self, pieces: int) -> Iterator[bytes]:
        """The rejects as JSON lines, piece by piece. Raises: as `read_part`."""
        for number in range(pieces):
            name = self._report(number)
            yield self._key.decrypt(name, self._objects.get(name))

    def _part(self, part: Part) -> str:
        return f"batches/{self._id}/part-{part.number}-{part.id}"

    def _report(self, number: int) -> str:
        return f"batches/{self._id}/report-{number}"


def forget(objects: ObjectStore, batch_id: str, *, what: str = "") -> None:
    """Delete what a batch keeps; `what` is how the names of it begin: all of it, `part-`, `report-`."""
    for name in objects.names(f"batches/{batch_id}/{what}"):
        objects.delete(name)


class SentRegister:
    """The parts of a batch as one file, under a name that tells its format. A `RegisterFile`."""

    def __init__(self, files: BatchFiles, parts: Sequence[Part], *, name: str, modified: float) -> None:
        self.name = name
        self.suffix = Path(name).suffix
        self._files = files
        self._parts = tuple(parts)
        self._facts = _Facts(sum(part.size_bytes for part in parts), modified)

    def open(self, mode: Literal["rb"], /) -> BinaryIO:
        """Its bytes, one part in memory at a time."""
        del mode
        return cast("BinaryIO", io.BufferedReader(_Parts(self._files, self._parts), _PIECE_BYTES))

    def stat(self) -> _Facts:
        """Size and time."""
        return self._facts

    def sha256(self) -> str:
        """Of all of it, in hex."""
        digest = hashlib.sha256()
        for part in self._parts:
            digest.update(self._files.read_part(part))
        return digest.hexdigest()


class _Parts(io.RawIOBase):
    """Random access over sealed parts; keeps the one it read last."""

    def __init__(self, files: BatchFiles, parts: Sequence[Part]) -> None:
        self._files = files
        self._parts = parts
        self._ends = list(accumulate(part.size_bytes for part in parts))
        self._at = 0
        self._opened: tuple[int, bytes] = (-1, b"")

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._ends[-1] if self._ends else 0}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]  # any buffer; BufferedReader gives this
        place = next((index for index, end in enumerate(self._ends) if self._at < end), None)
        if place is None:
            return 0
        if self._opened[0] != place:
            try:
                self._opened = (place, self._files.read_part(self._parts[place]))
            except MissingError as error:
                raise IntegrityBrokenError("collection_parts") from error
        data = self._opened[1]
        start = self._at - (self._ends[place] - len(data))
        piece = data[start : start + len(buffer)]
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)
