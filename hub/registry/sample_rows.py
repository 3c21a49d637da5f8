"""Rows of a sample file for a dry run: CSV, XLSX or JSON lines, as its department exports them."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from adapters.errors import FaultyAnswerError
from catalog.errors import DefinitionError

MAX_ROWS: Final = 200_000
MAX_BYTES: Final = 256 * 1024 * 1024
_MAX_LINE: Final = 1024 * 1024


def sample_rows(path: Path) -> list[Any]:
    """The rows of a file by its ending: `.csv`, `.xlsx`, `.jsonl`. A row that cannot be read stands as None.

    Raises: DefinitionError: another ending, no such file, too large, not what its ending says; CollectionError.
    """
    readers = {".csv": _csv, ".xlsx": _xlsx, ".jsonl": _jsonl, ".ndjson": _jsonl}
    read = readers.get(path.suffix.lower())
    if read is None:
        raise DefinitionError("sample: a file ends in .csv, .xlsx or .jsonl")
    try:
        if path.stat().st_size > MAX_BYTES:
            raise DefinitionError(f"sample: at most {MAX_BYTES // 1024 // 1024} MiB")
        rows: list[Any] = []
        for row in read(path):
            if len(rows) == MAX_ROWS:
                break
            rows.append(row)
    except OSError:
        raise DefinitionError("sample: the file cannot be read") from None
    return rows


def _csv(path: Path) -> Iterator[Any]:
    from hub.collection.reading.reader import open_register
    from hub.collection.reading.rows import RawRow

    with open_register(path) as reader:
        for row in reader:
            yield row.cells if isinstance(row, RawRow) else None


def _jsonl(path: Path) -> Iterator[Any]:
    with path.open("rb") as file:
        while line := file.readline(_MAX_LINE + 1):
            if not line.strip():
                continue
            try:
                # Decimals arrive as text, as from any adapter.
                row = json.loads(line.decode("utf-8-sig"), parse_float=str) if len(line) <= _MAX_LINE else None
            except (ValueError, RecursionError):
                row = None
            yield row


def _xlsx(path: Path) -> Iterator[Any]:
    """As the files adapter reads a workbook: measured before it is unfolded, the first sheet that people see."""
    from adapters.files_xlsx import read_xlsx

    with path.open("rb") as file:
        try:
            table = read_xlsx(file, sheet=None)
        except FaultyAnswerError as error:
            raise DefinitionError(f"sample: not a workbook that can be used ({error.reason})") from None
        columns = table.columns or ()
        for cells in table.rows:
            yield _named(columns, cells) if isinstance(cells, list) else None


def _named(columns: Sequence[str], cells: list[Any]) -> dict[str, Any]:
    return {name: cell for name, cell in zip(columns, cells, strict=False) if name}
