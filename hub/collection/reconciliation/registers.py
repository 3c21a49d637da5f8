"""A register as reconciliation wants it: from files, or from its source through a feed's whole reading."""

import asyncio
import unicodedata
from collections.abc import AsyncIterator, Sequence
from itertools import islice
from typing import Final

from hub.collection.feeds.following import Opened
from hub.collection.feeds.reading import Place
from hub.collection.feeds.service import FeedService
from hub.collection.mapping import Mapped, Mapping
from hub.collection.reading.rows import RawRow, RegisterFile
from hub.collection.reading.rows_read import Row, read_rows
from hub.collection.reconciliation.scratch import Seen, SeenPage
from hub.collection.weighing import weighed
from hub.issuing.types.registry import TypeInForce
from hub.storage.vault import Vault

_PAGE: Final = 500


async def of_files(
    files: Sequence[RegisterFile], *, mapping: Mapping, issued: TypeInForce, issuer_code: str, vault: Vault
) -> AsyncIterator[SeenPage]:
    """Page by page, read in a thread. Raises: RegisterError, MappingError."""
    rows = read_rows(
        files,
        as_of=None,
        sheet=None,
        declared=None,
        bind=lambda columns: mapping.bind(issued.type, columns),
        skip=0,
        on_progress=None,
    )
    while page := await asyncio.to_thread(lambda: list(islice(rows, _PAGE))):
        seen = await asyncio.to_thread(_seen, page, mapping, issued, issuer_code, vault)
        yield SeenPage(seen, min(row.as_of for row in page))


async def of_feed(feeds: FeedService, opened: Opened, vault: Vault) -> AsyncIterator[SeenPage]:
    """The whole register of a feed's source. Raises: SourceError; ValueError when the feed cannot read it whole."""
    whole = opened.feed.whole
    if whole is None:
        raise ValueError("the feed declares no `full` operation")
    reader = await feeds.reader(opened, whole)
    mapper = None
    async for page in reader.pages(Place()):
        if not page.rows:
            continue
        mapper = mapper or opened.mapping.bind(opened.issued.type, tuple(page.rows[0].cells))
        rows = [Row(raw.number - 1, opened.feed.code, 0, page.as_of, raw, mapper) for raw in page.rows]
        seen = await asyncio.to_thread(_seen, rows, opened.mapping, opened.issued, opened.issuer.code, vault)
        yield SeenPage(seen, page.as_of)


def _seen(rows: Sequence[Row], mapping: Mapping, issued: TypeInForce, issuer_code: str, vault: Vault) -> list[Seen]:
    column = next(name for name, rule in mapping.columns.items() if rule.claim == issued.type.record_key)
    found = []
    for row in rows:
        mapped = row.mapper.apply(row.raw)
        if isinstance(mapped, Mapped):
            item = weighed(mapped, issued.type, issuer_code, vault, as_of=row.as_of, today=row.as_of.date())
            found.append(Seen(row.file, row.raw.number, item, None))
            continue
        key = None
        if isinstance(row.raw, RawRow) and (text := _key(row.raw.cells[column])):
            key = vault.lookup_hash("record", issued.type.code, issuer_code, text)
        found.append(Seen(row.file, row.raw.number, None, key))
    return found


def _key(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split()).upper()
