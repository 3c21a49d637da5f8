"""Searching the catalogue: certificate types, interfaces, matters and departments, in one list with counts.

The index lives in memory, is brought up to the database before a search when anything was changed, and is touched by
one thread only. It holds what the catalogue says, never a record, a grant or a person.
"""

import asyncio
import time
from bisect import bisect_right
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property, reduce
from operator import and_
from typing import Any, Final, TypeVar

from catalog.errors import DefinitionError
from catalog.vocabulary import Vocabulary
from hub.clock import Clock
from hub.issuing.types.registry import TypeRegistry
from hub.registry.cursors import Cursors
from hub.registry.search.documents import FACETS, Document
from hub.registry.search.index import SearchIndex
from hub.registry.search.match import best, highlighted, match
from hub.registry.search.query import Question, read_query
from hub.registry.search.refresh import (
    BATCH,
    Standing,
    Version,
    counter,
    definitions,
    department_documents,
    head,
    interface_document,
    standing,
    type_documents,
)
from hub.registry.viewers import Viewer
from hub.storage.database import Database

T = TypeVar("T")
_SCALE: Final = 1e6
"""Scores are compared, and kept in cursors, to a millionth."""
MAX_LIMIT: Final = 100
_SETTLE_SECONDS: Final = 1.0
"""Under load the ledger grows with every disclosure; its growth is looked into at most this often."""
_RECHECK_SECONDS: Final = 10.0
"""Entries of transactions that overlapped may appear below the newest: looked into anyway this often."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A search. `filters` leads from a facet to the values wanted, any of them; empty `query` lists everything."""

    query: str = ""
    filters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    limit: int = 20
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """An entry that was found; titles by language in pieces, those that answer the query marked."""

    document: Document
    title: Mapping[str, list[dict[str, str | bool]]]
    score: float


@dataclass(frozen=True, slots=True)
class Page:
    """A page of answers. `near`: nothing answers, these come closest. `facets` count what other filters leave."""

    total: int
    near: bool
    hits: tuple[Hit, ...]
    facets: Mapping[str, Mapping[str, int]]
    cursor: str | None


class CatalogueSearch:
    """Answers searches. One for each process."""

    def __init__(
        self,
        database: Database,
        *,
        types: TypeRegistry,
        cursors: Cursors,
        vocabulary: Callable[[], Vocabulary],
        clock: Clock,
        settle_seconds: float = _SETTLE_SECONDS,
    ) -> None:
        self._database = database
        self._types = types
        self._cursors = cursors
        self._clock = clock
        self._settle_seconds = settle_seconds
        self._load_vocabulary = vocabulary
        self._versions: dict[str, Version] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="search")
        self._refreshing = asyncio.Lock()
        self._head: str | None = None
        self._counter: tuple[Any, ...] | None = None
        self._looked = float("-inf")

    @cached_property
    def _index(self) -> SearchIndex:
        """Begun, like all work on it, in the search's own thread."""
        return SearchIndex(self._load_vocabulary())

    async def search(self, viewer: Viewer, ask: Ask) -> Page:
        """Find entries that the viewer may see, best first.

        Raises: DefinitionError for a filter, limit or cursor that cannot be.
        """
        if not 1 <= ask.limit <= MAX_LIMIT:
            raise DefinitionError(f"limit: from 1 to {MAX_LIMIT}")
        unknown = ask.filters.keys() - set(FACETS)
        if unknown:
            raise DefinitionError(f"filter: one of {', '.join(FACETS)}")
        await self.refresh()
        return await self._run(lambda: self._answer(viewer, ask))

    async def find(self, viewer: Viewer, query: str, *, count: int) -> list[tuple[Document, float]]:
        """The best entries with their scores, also when they only come near; for proposals, not for people."""
        await self.refresh()

        def work() -> list[tuple[Document, float]]:
            found = match(self._index, read_query(query, self._index), self._visible(viewer))
            return [(self._index.document(slot), score) for slot, score in best(self._index, found, count, None)]

        return await self._run(work)

    def notice(self) -> None:
        """Somebody in this process changed the catalogue: the next search looks, however soon it comes."""
        self._looked = float("-inf")

    async def refresh(self) -> None:
        """Bring the index up to the database, if the catalogue changed."""
        newest = await self._database.read(head)
        if not self._due(newest):
            return
        async with self._refreshing:
            if not self._due(newest):
                return
            counted = (await self._database.read(counter), *((c, t.version) for c, t in self._types.current().items()))
            if counted != self._counter:
                await self._take_over(await self._database.read(standing))
            self._counter, self._head, self._looked = counted, newest, time.monotonic()

    def _due(self, newest: str | None) -> bool:
        since = time.monotonic() - self._looked
        return since >= (self._settle_seconds if newest != self._head else _RECHECK_SECONDS)

    async def _take_over(self, now: Standing) -> None:
        changed = [key for key, version in now.versions.items() if self._versions.get(key) != version]
        types = dict(self._types.current())

        def small() -> None:
            wanted = {
                item.key: item
                for items in (
                    now.matters,
                    department_documents(now.departments, self._index.vocabulary),
                    type_documents(types, now.departments),
                )
                for item in items
            }
            for key in set(self._index.keys()) - wanted.keys() - now.versions.keys():
                self._index.drop(key)
                self._versions.pop(key, None)
            for key, document in wanted.items():
                if self._index.at(key) != document:
                    self._index.put(document)

        await self._run(small)
        for begin in range(0, len(changed), BATCH):
            keys = changed[begin : begin + BATCH]
            ids = [now.versions[key].id for key in keys]
            declared = await self._database.read(lambda tx, ids=ids: definitions(tx, ids))  # type: ignore[misc]
            await self._run(lambda keys=keys, declared=declared: self._put(now, keys, declared))  # type: ignore[misc]

    def _put(self, now: Standing, keys: list[str], declared: Mapping[str, dict[str, Any]]) -> None:
        for key in keys:
            version = now.versions[key]
            self._versions[key] = version
            document = interface_document(key, version, declared[version.id]) if version.id in declared else None
            if document is None:
                self._index.drop(key)
            else:
                self._index.put(document)

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _visible(self, viewer: Viewer) -> int:
        return self._index.visible(everything=viewer.everything, department_id=viewer.department_id, now=self._clock())

    def _answer(self, viewer: Viewer, ask: Ask) -> Page:
        index = self._index
        filters = sorted((name, sorted(values)) for name, values in ask.filters.items())
        scope = [ask.query, filters, viewer.department_id]
        place = self._cursors.open(ask.cursor, scope=scope) if ask.cursor else None
        after = None if place is None else (int(place[0]) / _SCALE, str(place[1]))
        question = read_query(ask.query, index)
        found = match(index, question, self._visible(viewer)) if question.folded else None
        among = self._visible(viewer) if found is None else found.mask()
        chosen = {name: _any(index.values(name), values) for name, values in ask.filters.items() if values}
        answers = reduce(and_, chosen.values(), among)
        if found is None:
            rows = [(slot, 0.0) for slot in self._listed(answers, ask.limit + 1, after)]
        else:
            rows = best(index, found.within(answers, index), ask.limit + 1, after)
        shown = rows[: ask.limit]
        cursor = None
        if len(rows) > ask.limit:
            slot, score = shown[-1]
            cursor = self._cursors.seal([round(score * _SCALE), index.document(slot).key], scope=scope)
        return Page(
            total=answers.bit_count(),
            near=bool(found and found.near),
            hits=tuple(_hit(index.document(slot), question, score) for slot, score in shown),
            facets={name: _counts(index, name, among, chosen) for name in FACETS},
            cursor=cursor,
        )

    def _listed(self, answers: int, count: int, after: tuple[float, str] | None) -> list[int]:
        ordered = self._index.ordered()
        begin = 0
        if after is not None:
            known = self._index.at(after[1])
            if known is None:
                raise DefinitionError("cursor: the list has changed; begin anew")
            begin = bisect_right(ordered, known.order, key=lambda slot: self._index.document(slot).order)
        found: list[int] = []
        for slot in ordered[begin:]:
            if answers >> slot & 1:
                found.append(slot)
                if len(found) == count:
                    break
        return found


def _any(values: Mapping[str, int], wanted: tuple[str, ...]) -> int:
    found = 0
    for value in wanted:
        found |= values.get(value, 0)
    return found


def _counts(index: SearchIndex, facet: str, among: int, chosen: Mapping[str, int]) -> dict[str, int]:
    """Counts of a facet under every filter but its own, so that one can see what another choice would give."""
    for name, values in chosen.items():
        if name != facet:
            among &= values
    counts = {value: count for value, bits in index.values(facet).items() if (count := (bits & among).bit_count())}
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _hit(document: Document, question: Question, score: float) -> Hit:
    titles = {language: highlighted(title, question) for language, title in document.title.items()}
    return Hit(document, titles, score)
