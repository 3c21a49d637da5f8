"""The rows of an order, file after file, numbered over all of them from 0."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from hub.collection.mapping import RowMapper
from hub.collection.reading.reader import Format, open_register
from hub.collection.reading.rows import BadRow, RawRow, RegisterFile

OnProgress = Callable[[int, int], None]
"""Bytes done, bytes in all."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row where it stands. `position`: bytes read up to it, over all files."""

    number: int
    file: str
    position: int
    as_of: datetime
    raw: RawRow | BadRow
    mapper: RowMapper


def read_rows(
    files: Sequence[RegisterFile],
    *,
    as_of: datetime | None,
    sheet: str | None,
    declared: Format | None,
    bind: Callable[[tuple[str, ...]], RowMapper],
    skip: int,
    on_progress: OnProgress | None,
) -> Iterator[Row]:
    """Read them, without the first `skip`. Raises: RegisterError, MappingError when a file cannot be used."""
    number = -1
    total_bytes = sum(path.stat().st_size for path in files)
    before = 0
    for path in files:
        said_at = as_of or datetime.fromtimestamp(path.stat().st_mtime, UTC)
        with open_register(path, sheet=sheet, declared=declared) as reader:
            mapper = bind(reader.columns)
            for raw in reader:
                number += 1
                if number < skip:
                    continue
                yield Row(number, path.name, before + reader.position, said_at, raw, mapper)
                if on_progress and number % 100 == 0:
                    on_progress(before + reader.position, total_bytes)
        before += path.stat().st_size
    if on_progress:
        on_progress(total_bytes, total_bytes)
