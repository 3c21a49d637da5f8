"""A register that was read whole beside the library: what is counted, and the private report of it."""

import json
import os
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from certificates.lifecycle.states import STANDING, Status
from certificates.stores.version import VersionRecord
from hub.collection.reconciliation.scratch import Scratch


@dataclass(frozen=True, slots=True)
class Counts:
    """What was found.

    Attributes:
        register: rows; `unreadable` of them could not be mapped; `repeated` have the key of an earlier row.
        library: licences that stand.
        gaps: records without a licence. `orphans`: licences that stand, without a record.
        newer: such licences that the register cannot know: their record is of later than it was read.
        differing: licences whose record says something else now.
        stopped: records that stand, of licences that were revoked, withdrawn or otherwise ended by an act.
        ended: licences that stand, though their record says that it ended; collecting the register ends them.
        acted: orphans that were revoked.
    """

    register: int = 0
    unreadable: int = 0
    repeated: int = 0
    library: int = 0
    equal: int = 0
    gaps: int = 0
    orphans: int = 0
    newer: int = 0
    differing: int = 0
    stopped: int = 0
    ended: int = 0
    acted: int = 0

    @property
    def agree(self) -> bool:
        """Whether register and library say the same."""
        return not (self.gaps or self.orphans or self.differing or self.ended or self.unreadable)


class Comparison:
    """Takes the library page by page. `found` counts, by the names of `Counts`; `orphans` are identifiers."""

    def __init__(self, scratch: Scratch, file: IO[bytes], *, as_of: datetime, now: datetime) -> None:
        """`as_of`: since when the register stood so; `now`: when it is compared."""
        self.found: Counter[str] = Counter()
        self.orphans: list[str] = []
        self._scratch = scratch
        self._as_of = as_of
        self._now = now
        self._file = file

    def take(self, page: list[VersionRecord]) -> None:
        """Licences of the library."""
        seen = self._scratch.match([version.record_hash for version in page])
        for version in page:
            self.found["library"] += _stands(version)
            if version.record_hash in seen:
                self._known(version, *seen[version.record_hash])
            elif self.misses(version, self._now):
                self.orphans.append(version.identifier)
                self._find("orphans", version, kind="orphan", status=version.status)
            elif _stands(version):
                self._find("newer", version)

    def misses(self, version: VersionRecord, now: datetime) -> bool:
        """Whether a licence without a record ought to have one: it stands, and its record was there at a time of which
        the register speaks. Of a day to come it speaks too: nobody hides a licence behind one.
        """
        return _stands(version) and not self._as_of < version.as_of <= now

    def end(self) -> None:
        """Records of which there is no licence."""
        for name, row in self._scratch.unmatched():
            self.found["gaps"] += 1
            self._write({"kind": "gap", "file": name, "row": row})
        self._file.flush()
        os.fsync(self._file.fileno())

    def _known(self, version: VersionRecord, fingerprint: bytes | None, ended: object) -> None:
        if not _stands(version):
            if not ended:
                self._find("stopped", version, status=version.status)
        elif ended:
            self._find("ended", version, status=version.status)
        elif fingerprint is not None and fingerprint != version.fingerprint:
            self._find("differing", version)
        elif fingerprint is not None:
            self.found["equal"] += 1

    def _find(self, count: str, version: VersionRecord, *, kind: str = "", **more: str) -> None:
        self.found[count] += 1
        self._write({"kind": kind or count, "identifier": version.identifier, **more})

    def _write(self, finding: dict[str, Any]) -> None:
        self._file.write(json.dumps(finding, ensure_ascii=False).encode() + b"\n")


def private(path: Path) -> IO[bytes]:
    """A new report, readable by its owner alone."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600), "wb")


def _stands(version: VersionRecord) -> bool:
    return Status(version.status) in STANDING
