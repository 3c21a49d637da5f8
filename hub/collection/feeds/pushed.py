"""Rows that a department pushed and says are gone: whether their record is, or is only spelt in another way now."""

from collections.abc import AsyncIterator
from dataclasses import replace

from adapters.guarded import Guarded
from hub.collection.feeds.following import Opened
from hub.collection.feeds.reading import CONTEXT, Page, read_row
from hub.collection.mapping import Mapped
from hub.collection.reading.rows import GoneRow, RawRow
from hub.exchange.pool import budget_of


async def still_there(
    opened: Opened, source: Guarded, key_column: str, pages: AsyncIterator[Page]
) -> AsyncIterator[Page]:
    """The pages, with each row whose key was corrected (`91ab` is gone, `91AB` is there) in place of its deletion.

    Two spellings are one record to the library: it would be revoked by the first and not revived by the second.
    Raises: SourceError.
    """
    async for page in pages:
        rows = [
            await _instead(opened, source, key_column, raw) if isinstance(raw, GoneRow) else raw for raw in page.rows
        ]
        yield replace(page, rows=tuple(rows))


async def _instead(opened: Opened, source: Guarded, key_column: str, raw: GoneRow) -> RawRow:
    mapped = opened.mapping.apply(raw, opened.issued.type)
    if not isinstance(mapped, Mapped):
        return raw
    spelt = str(mapped.claims[opened.issued.type.record_key])
    if spelt == raw.cells[key_column]:
        return raw
    lookup = source.prepare({"dataset": opened.feed.operation["dataset"], "key": {key_column: "key"}})
    budget = budget_of(opened.source.definition)
    found = await source.ask(lookup, {"key": spelt}, budget=budget, context=CONTEXT)
    return read_row(found.rows[0], raw.number, frozenset(raw.cells)) if found.rows else raw
