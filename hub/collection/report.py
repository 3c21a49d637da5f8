"""The report of a collection: what happened to the rows, and every rejected row verbatim with its reasons.

    rejects.jsonl      one line per rejected row; the truth, appended while the run goes on
    normalised.jsonl   one line per row whose spelling was repaired: which claims, no values
    rejects.csv        the rejects for a spreadsheet, made from rejects.jsonl when the run ends
    summary.json       totals and counts per reason, when the run ends

All files are readable by their owner alone.
"""

import csv
import fcntl
import json
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from hub.collection.errors import ReportError
from hub.collection.journal import Journal, refusals_of
from hub.collection.reading.rows import BadRow, RawRow
from hub.collection.reasons import Rejection
from hub.storage.files import write_durably

_RUN_ID: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,63}")
_FILES: Final = ("rejects.jsonl", "normalised.jsonl", "rejects.csv", "summary.json")  # summary.json moves last
CSV_COLUMNS: Final = ("file", "row", "line", "codes", "columns", "reasons_zh", "reasons_en", "raw")
# Full-width signs too: spreadsheets set to Chinese take them as the same.
_ACTIVE: Final = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
_VISIBLE: Final = {code: 0x2400 + code for code in range(0x20) if chr(code) not in "\t\n\r"}


@dataclass(frozen=True, slots=True)
class Totals:
    """What became of the rows. Each counts once among the first five; `normalised` counts repaired rows besides."""

    issued: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    normalised: int = 0
    ended: int = 0
    """Licences that ended because the register says so."""

    def __add__(self, other: "Totals") -> "Totals":
        return Totals(
            self.issued + other.issued,
            self.updated + other.updated,
            self.unchanged + other.unchanged,
            self.rejected + other.rejected,
            self.normalised + other.normalised,
            self.ended + other.ended,
        )

    @property
    def rows(self) -> int:
        """All rows that have an outcome."""
        return self.issued + self.updated + self.ended + self.unchanged + self.rejected

    def to_json(self) -> dict[str, int]:
        """The totals under the names of the command line's contract."""
        return asdict(self)


class Report:
    """Writes the report of one run into `directory`; opened again under the same `run_id`, it goes on.

    A row is written once, by file and row number, however often a resumed run offers it. Call `sync` before progress
    is committed elsewhere: then no committed row is missing here. A report of another run in the same directory is
    moved into a folder named after that run, never overwritten.
    """

    def __init__(self, directory: Path, *, run_id: str) -> None:
        """Open the report.

        Raises:
            ReportError: the directory cannot be used, or holds files that are no report.
            ValueError: `run_id` is not 1-64 letters, digits, dots, hyphens and underscores.
        """
        if _RUN_ID.fullmatch(run_id) is None:
            raise ValueError("a run id is 1-64 letters, digits, dots, hyphens and underscores")
        self.directory = directory
        self.run_id = run_id
        with ExitStack() as opened:
            with refusals_of(directory):
                directory.mkdir(parents=True, exist_ok=True, mode=0o700)
                opened.enter_context(_alone_in(directory))
                self._claim()
            self._rejects = opened.enter_context(closing(Journal(directory / "rejects.jsonl")))
            self._normalised = opened.enter_context(closing(Journal(directory / "normalised.jsonl")))
            self._opened = opened.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def reject(self, row: RawRow | BadRow, rejection: Rejection, *, file: str = "") -> bool:
        """Record a rejected row verbatim; False where this row is recorded already.

        Args: file: name of the register, where a run reads several.
        """
        entry: dict[str, Any] = {"file": file, "row": row.number, "line": row.line, "raw": row.raw}
        if isinstance(row, BadRow):
            entry |= {"length_bytes": row.length_bytes, "sha256": row.sha256}
        entry["reasons"] = [asdict(reason) for reason in rejection.reasons]
        return self._rejects.append(entry)

    def normalise(self, row: RawRow, claims: Sequence[str], *, file: str = "") -> bool:
        """Record which claims of a collected row had to be repaired; False where recorded already."""
        return self._normalised.append({"file": file, "row": row.number, "line": row.line, "claims": list(claims)})

    def sync(self) -> None:
        """Make everything recorded so far survive a power cut."""
        self._rejects.sync()
        self._normalised.sync()

    def finish(self, totals: Totals, **facts: Any) -> Path:
        """Write rejects.csv and summary.json, each whole or not at all, and name the summary. May be repeated.

        Args: facts: JSON values that the summary also states, such as the mapping's digest.
        """
        self.sync()
        with refusals_of(self.directory):
            codes = self._write_csv()
        claims = Counter(claim for entry in self._normalised.entries() for claim in entry["claims"])
        summary = facts | {
            "run_id": self.run_id,
            "state": "finished",
            "totals": totals.to_json(),
            "reasons": dict(sorted(codes.items())),
            "normalised_claims": dict(sorted(claims.items())),
        }
        with refusals_of(self.directory):
            return self._write_summary(summary)

    def close(self) -> None:
        """Close the files; what is missing is written when the run is resumed."""
        self._opened.close()

    def _claim(self) -> None:
        summary = self.directory / "summary.json"
        if summary.exists():
            owner = _owner(summary)
            if owner == self.run_id:
                return
            shelf = self.directory / owner
            shelf.mkdir(mode=0o700, exist_ok=True)
            for name in _FILES:
                if (self.directory / name).exists():
                    (self.directory / name).replace(shelf / name)
        elif any((self.directory / name).exists() for name in _FILES):
            raise ReportError(f"{self.directory}: holds files that are no report")
        self._write_summary({"run_id": self.run_id, "state": "running"})

    def _write_summary(self, summary: Mapping[str, Any]) -> Path:
        path = self.directory / "summary.json"
        write_durably(path, json.dumps(summary, ensure_ascii=False, indent=2).encode() + b"\n")
        return path

    def _write_csv(self) -> Counter[str]:
        codes: Counter[str] = Counter()
        temporary = self.directory / ".rejects.csv.tmp"
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        # With a byte order mark: without one, spreadsheets in China read the file as GBK.
        with os.fdopen(descriptor, "w", encoding="utf-8-sig", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(CSV_COLUMNS)
            for entry in self._rejects.entries():
                codes.update(reason["code"] for reason in entry["reasons"])
                writer.writerow(csv_cells(entry))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self.directory / "rejects.csv")
        return codes


def csv_cells(entry: Mapping[str, Any]) -> list[Any]:
    """A line of rejects.jsonl as a row under CSV_COLUMNS."""
    reasons = entry["reasons"]
    texts = [
        entry["file"],
        " ".join(reason["code"] for reason in reasons),
        " ".join(reason["column"] for reason in reasons if reason["column"]),
        "；".join(reason["text_zh"] for reason in reasons),
        "; ".join(reason["text_en"] for reason in reasons),
        entry["raw"],
    ]
    file_name, *rest = [spreadsheet_safe(text) for text in texts]
    return [file_name, entry["row"], entry["line"], *rest]


@contextmanager
def _alone_in(directory: Path) -> Iterator[None]:
    """Keep a second writer out. The kernel lets go of the lock when its holder dies, however it dies."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ReportError(f"{directory}: another collection is writing its report here; choose another") from error
        yield
    finally:
        os.close(descriptor)


def spreadsheet_safe(text: str) -> str:
    """Keep a spreadsheet from running a text as a formula: an apostrophe before whatever could start one.

    Control characters are shown as their pictures (␀): some spreadsheets stop reading at them.
    """
    shown = text if text.isprintable() else text.translate(_VISIBLE)
    if shown.startswith(("\t", "\r", "\n")) or shown.lstrip().startswith(_ACTIVE):
        return f"'{shown}"
    return shown


def _owner(summary: Path) -> str:
    try:
        owner = json.loads(summary.read_bytes())["run_id"]
    except (ValueError, KeyError, TypeError) as error:
        raise ReportError(f"{summary}: is no summary of a report") from error
    if not isinstance(owner, str) or _RUN_ID.fullmatch(owner) is None:
        raise ReportError(f"{summary}: names no run")
    return owner
