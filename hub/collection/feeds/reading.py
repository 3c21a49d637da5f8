"""Rows of a source as rows of a register: page after page, with the place from which a killed run goes on."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from adapters.errors import FaultyAnswerError
from adapters.guarded import Guarded
from adapters.port import Answer, Budget, Context, Prepared, Row, Value
from hub.clock import rfc3339
from hub.collection.feeds.definition import Feed, Watermark
from hub.collection.reading.json_lines import spelled
from hub.collection.reading.rows import GoneRow, RawRow
from signing.canonical import canonical

_FILLED: Final = frozenset({"since", "sequence", "after", "offset", "size", "id_number"})
_PAGED: Final = frozenset({"sequence", "after", "offset"})
CONTEXT: Final = Context(purpose="归集")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run stands. `high`: the highest watermark that was read; values of the source, so never shown."""

    since: str | int | None = None
    after: str | int | None = None
    offset: int = 0
    high: str | int | None = None

    def as_json(self) -> dict[str, Any]:
        """For storing, sealed."""
        return {"since": self.since, "after": self.after, "offset": self.offset, "high": self.high}


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows, when the source said them, and where a run stands behind them. `dates`: of each row, or none."""

    rows: tuple[RawRow, ...]
    as_of: datetime
    place: Place
    last: bool
    dates: tuple[datetime, ...] = ()

    def dated(self) -> Iterator[tuple[RawRow, datetime]]:
        """Each row, with the instant at which its source said so."""
        return zip(self.rows, self.dates or (self.as_of,) * len(self.rows), strict=True)


class FeedReader:
    """Asks one operation of one opened source."""

    def __init__(
        self,
        source: Guarded,
        operation: Mapping[str, Any],
        *,
        feed: Feed,
        key_column: str,
        columns: frozenset[str],
        budget: Budget,
        clock: Callable[[], datetime],
    ) -> None:
        """Raises: DefinitionFaultError: the adapter refuses the operation."""
        self._source = source
        self._prepared: Prepared = source.prepare(operation)
        self._feed = feed
        self._key = key_column
        self._columns = columns
        # Rows of one key stay together: a page may hold more than its size.
        self._budget = replace(budget, max_rows=max(budget.max_rows, feed.size) + feed.size)
        self._clock = clock
        self.params = self._prepared.params
        self.unknown_params = tuple(sorted(self.params - _FILLED))
        self.by_offset = "offset" in self._prepared.params

    async def pages(self, place: Place, *, number: int = 0, id_number: str | None = None) -> AsyncIterator[Page]:
        """From this place on. Rows are numbered from `number` + 1. Raises: SourceError."""
        wanted = self._prepared.params
        while True:
            values: dict[str, Value] = {
                "since": place.since,
                "sequence": next((mark for mark in (place.high, place.since) if mark is not None), 0),
                "after": "" if place.after is None else place.after,
                "offset": place.offset,
                "size": self._feed.size,
                "id_number": id_number,
            }
            given = {name: values[name] for name in wanted if name in values}
            answer = await self._source.ask(self._prepared, given, budget=self._budget, context=CONTEXT)
            rows = self._rows(answer, number)
            number += len(rows)
            last = not wanted & _PAGED or len(rows) < self._feed.size
            before, place = place, self._moved(place, answer.rows, len(rows))
            if not last and "offset" not in wanted and (before.after, before.high) == (place.after, place.high):
                raise FaultyAnswerError("not_in_order")  # the same page would come for ever
            yield Page(rows, answer.as_of or self._clock(), place, last, tuple(fact.as_of for fact in answer.facts))
            if last:
                return

    def _moved(self, place: Place, rows: Any, count: int) -> Place:
        mark = self._feed.watermark
        seen = [row[mark.column] for row in rows if mark is not None and row.get(mark.column) is not None]
        high = max([*([place.high] if place.high is not None else []), *seen], key=comparable, default=None)
        after = rows[-1].get(self._key) if count else place.after
        return Place(place.since, after, place.offset + count, high)

    def _rows(self, answer: Answer, before: int) -> tuple[RawRow, ...]:
        gone = [fact.gone for fact in answer.facts] or [False] * len(answer.rows)
        numbered = enumerate(zip(answer.rows, gone, strict=True), before + 1)
        return tuple(
            read_row(row, number, self._columns, GoneRow if is_gone else RawRow) for number, (row, is_gone) in numbered
        )


def read_row(row: Row, number: int, columns: frozenset[str], kind: type[RawRow] = RawRow) -> RawRow:
    """A row of a source as one of a register: all these columns are there, and what it has besides."""
    cells = {name: spelled(value) for name, value in row.items()}
    return kind(number, number, dict.fromkeys(columns, "") | cells, canonical(cells).decode())


def comparable(value: Any) -> tuple[int, Any]:
    """Instants by time, whatever their offset; numbers as numbers; other texts as they are."""
    if isinstance(value, int | float):
        return 0, value
    instant = _instant(str(value))
    return (1, instant.timestamp()) if instant is not None else (2, str(value))


def since_of(mark: Watermark | None, stored: str | int | None) -> str | int | None:
    """From where a run asks: the stored watermark less the overlap."""
    if mark is None:
        return None
    if stored is None:
        return mark.begin
    instant = _instant(stored) if isinstance(stored, str) else None
    return stored if instant is None else rfc3339(instant - mark.overlap)


def _instant(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None
