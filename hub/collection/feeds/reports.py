"""Reports of reconciliations in the object store, where whoever serves the department finds what a worker has read.

They name rows by number and licences by identifier, no person; sealed all the same, and the last one of a feed alone is
kept.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from hub.storage.objects.folder import ObjectStore
from hub.storage.vault import DataKey

_PIECE_BYTES: Final = 1024 * 1024


class FeedReports:
    """Blocks: for a thread."""

    def __init__(self, objects: ObjectStore, key: DataKey) -> None:
        self._objects = objects
        self._key = key

    def keep(self, feed_id: str, job: str, report: Path) -> int:
        """Keep the report of a job, cut between lines; answers in how many pieces. Again replaces them."""
        number = 0
        with report.open("rb") as file:
            while lines := file.readlines(_PIECE_BYTES):
                name = _name(feed_id, job, number)
                self._objects.put(name, self._key.encrypt(name, b"".join(lines)))
                number += 1
        return number

    def read(self, feed_id: str, job: str, pieces: int) -> Iterator[bytes]:
        """JSON lines, piece by piece. Raises: MissingError, IntegrityBrokenError, UnavailableError."""
        for number in range(pieces):
            name = _name(feed_id, job, number)
            yield self._key.decrypt(name, self._objects.get(name))

    def forget(self, feed_id: str, *, but: str) -> None:
        """Delete the reports of earlier jobs."""
        for name in self._objects.names(f"feeds/{feed_id}/"):
            if not name.startswith(f"feeds/{feed_id}/{but}-"):
                self._objects.delete(name)


def _name(feed_id: str, job: str, number: int) -> str:
    return f"feeds/{feed_id}/{job}-{number}"
