"""One key 一键归集: what the sources know of one person or company becomes licences, at once.

Nobody types a number: the person is a party of an open case. A department's own case (ex officio) reaches the feeds of
that department. An application that shows its corroboration reaches those that declare `by_holder`, for its applicant
and no other party, and where a grant of its system opens their type, as for a pull. No source hears of anybody else.

Rows count that name him, by number and name, whatever the source answered: a wrong name and a number that nobody has
look alike, and issue nothing.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

import structlog

from adapters.errors import SourceError
from catalog.identifiers import ID_TYPES, normalise_id
from certificates.definitions.certificate_type import CertificateType
from certificates.definitions.parts import Holder
from hub.clock import Clock
from hub.collection.feeds.following import Opened
from hub.collection.feeds.reading import Page, Place
from hub.collection.feeds.service import FeedService
from hub.collection.feeds.store import list_feeds
from hub.collection.mapping import Mapped
from hub.collection.reach import Named, Reach
from hub.collection.reading.rows import RawRow
from hub.collection.report import Totals
from hub.intake.course import leave_on_the_grid
from hub.intake.quotas import QuotaBook
from hub.issuing.plan import lookup_hash, name_hash
from hub.storage.database import Database
from hub.storage.errors import STORE_FAILED
from hub.storage.vault import Vault

Still = Callable[[], Awaitable[bool]]
_log = structlog.get_logger(__name__)


class Outcome(StrEnum):
    """What came of one feed."""

    ISSUED = "issued"
    UNCHANGED = "unchanged"
    ENDED = "ended"
    """The register says that what he had has ended."""
    NO_RECORD = "no_record"
    """The source has no row that names him by number and name."""
    REJECTED = "rejected"
    """The source's row is no licence: its department finds out why with a run of the feed."""
    SOURCE_UNAVAILABLE = "source_unavailable"
    NOT_ALLOWED = "not_allowed"
    """The source was not asked: no `by_holder`, no grant, not the applicant. It says nothing of him."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class FeedOutcome:
    """The type that a feed would have issued, and what came of it."""

    feed: str
    type: str
    outcome: Outcome

    def as_json(self) -> dict[str, str]:
        """As it is answered."""
        return {"feed": self.feed, "type": self.type, "outcome": self.outcome.value}


class HolderCollection:
    """Collects the dossier of one party of a case."""

    def __init__(
        self, database: Database, *, feeds: FeedService, vault: Vault, quotas: QuotaBook, clock: Clock
    ) -> None:
        self._database = database
        self._feeds = feeds
        self._vault = vault
        self._reach = Reach(database, vault=vault, quotas=quotas, clock=clock)

    async def collect(self, system_id: str, case_no: str, role: str) -> list[FeedOutcome]:
        """Ask every feed that can know him, all at once; the ledger has it before the first is asked.

        Raises: MissingError: no open case of this system, or nobody with a number in this role; StorageError.
        """
        arrived = asyncio.get_running_loop().time()
        person = await self._reach.person(system_id, case_no, role)
        found = await self.knowing(person.id_type)
        asked = await self._reach.claim(person, found)
        outcomes = await asyncio.gather(
            *(self.ask(found[code], person) if code in asked else _refused() for code in sorted(found))
        )
        if Outcome.NO_RECORD in outcomes:
            await leave_on_the_grid(arrived)
        return [
            FeedOutcome(code, found[code].issued.type.code, outcome)
            for code, outcome in zip(sorted(found), outcomes, strict=True)
        ]

    async def knowing(self, id_type: str) -> dict[str, Opened]:
        """The feeds in use of types that somebody with such a number may hold, by code; also those that may not be
        asked about one person. Raises: StorageError.
        """
        stored = await self._database.read(list_feeds)
        found: dict[str, Opened] = {}
        for item in stored:
            if item.active and item.code not in found:
                try:
                    opened = await self._feeds.open(item.code)
                except STORE_FAILED:
                    raise
                except Exception as error:  # noqa: BLE001  # one feed that cannot be used keeps no other
                    _log.warning("feed_not_usable", feed=item.code, error=type(error).__name__)
                    continue
                if id_type in opened.issued.type.holder_kinds:
                    found[item.code] = opened
        return found

    async def ask(self, opened: Opened, person: Named, *, still: Still | None = None) -> Outcome:
        """One source, about one person; what it has of him becomes his licence. That it may be asked, and that this is
        on the ledger, is the caller's. `still`: asked once more when it has answered; where it says no, nothing of the
        answer is taken. Raises: StorageError.
        """
        try:
            totals = await self._collected(opened, person, still)
        except SourceError:
            return Outcome.SOURCE_UNAVAILABLE
        except STORE_FAILED:
            raise
        except Exception as error:  # noqa: BLE001  # the others' outcomes are still worth something
            _log.error("by_holder_failed", alarm=True, feed=opened.feed.code, error=type(error).__name__)
            return Outcome.FAILED
        if totals.issued or totals.updated:
            return Outcome.ISSUED
        if totals.ended:
            return Outcome.ENDED
        if totals.unchanged:
            return Outcome.UNCHANGED
        return Outcome.REJECTED if totals.rejected else Outcome.NO_RECORD

    async def _collected(self, opened: Opened, person: Named, still: Still | None) -> Totals:
        assert opened.feed.by_holder is not None  # noqa: S101  # the caller looked
        reader = await self._feeds.reader(opened, opened.feed.by_holder)
        pages = self._his(opened, person, reader.pages(Place(), id_number=person.id_number), still)
        # Rejected rows are kept for nobody here: they would pile up one person at a time.
        with tempfile.TemporaryDirectory() as folder:
            return (await self._feeds.collect_once(opened, pages, Path(folder))).totals

    async def _his(
        self, opened: Opened, person: Named, pages: AsyncIterator[Page], still: Still | None
    ) -> AsyncIterator[Page]:
        """Only rows that name him as a holder, those among them that are no licences too. What names nobody is
        anybody's: a row of which a register emptied the cells, say, when it ended.
        """
        kind, columns = opened.issued.type, opened.mapping.columns
        async for page in pages:
            if page.rows:
                mapper = opened.mapping.bind(kind, tuple(page.rows[0].cells))
                kept: list[RawRow] = []
                for raw in page.rows:
                    mapped = mapper.apply(raw)
                    read = {rule.claim: raw.cells[column].strip() for column, rule in columns.items()}
                    if self._names(kind, mapped.claims if isinstance(mapped, Mapped) else read, person):
                        kept.append(replace(raw, number=len(kept) + 1))
                if kept and still is not None and not await still():
                    kept = []
                yield Page(tuple(kept), page.as_of, page.place, page.last)

    def _names(self, kind: CertificateType, claims: Mapping[str, str | int], person: Named) -> bool:
        try:
            return any(self._is(holder, person) for holder in kind.holders_of(claims))
        except KeyError:
            return False

    def _is(self, holder: Holder, person: Named) -> bool:
        if holder.id_type not in ID_TYPES:
            return False
        number = normalise_id(holder.id_type, holder.id_number).value
        named = lookup_hash(self._vault, holder.id_type, number), name_hash(self._vault, holder.name)
        return named == (person.lookup_hash, person.name_hash)


async def _refused() -> Outcome:
    return Outcome.NOT_ALLOWED
