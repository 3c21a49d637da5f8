"""Collection 归集: a department's register becomes licences, row by row, in batches that commit with their progress.

The same file again issues nothing. A killed run is resumed by the same command: done rows are skipped, intents left
unsigned are signed, totals and report go on. A row that cannot be read, mapped or issued goes to the report with its
reasons; the others go on.
"""

import asyncio
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Final, Protocol

from sqlalchemy import Connection

from catalog.store import Department, find_department
from hub.clock import BEIJING, Clock
from hub.collection import runs
from hub.collection.conflicts import ConflictFinder
from hub.collection.errors import NotEntitledError, UnknownIssuerError, UnknownTypeError
from hub.collection.mapping import Mapped, Mapping, RowMapper
from hub.collection.mapping_file import load_mapping
from hub.collection.reader import Format, open_register
from hub.collection.reasons import Rejection
from hub.collection.report import Report, Totals
from hub.collection.rows import BadRow, RawRow, RegisterFile
from hub.issuing.plan import Decision, Effect, Record, keyed
from hub.issuing.service import IssuingService
from hub.issuing.types import TypeInForce, TypeRegistry
from hub.storage.crash import crash_at
from hub.storage.database import Database
from hub.storage.vault import Vault

BATCH: Final = 100
"""Rows a transaction. SQLite has one writer: a larger batch would keep a serving hub waiting longer."""
BREATH_SECONDS: Final = 0.002
"""Between two batches, so that whoever waits for the writer's place gets it."""
OnProgress = Callable[[int, int], None]
"""Bytes done, bytes in all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionOrder:
    """What to collect. `as_of` is when the register said so; by default each file's modification time."""

    type: str
    issuer: str
    files: Sequence[RegisterFile]
    report_dir: Path
    mapping: Path | Mapping | None = None
    as_of: datetime | None = None
    sheet: str | None = None
    """Of workbooks; the first visible one otherwise."""
    declared: Format | None = None
    """What the files must be; told by their bytes otherwise."""
    scope: str | None = None
    """Keeps runs of the same bytes apart that must not go on with each other's work."""


@dataclass(frozen=True, slots=True)
class CollectionResult:
    """How a run ended."""

    totals: Totals
    run_id: str
    report: Path


class Observer(Protocol):
    """Somebody whose own records must say the same as the run, whenever it is killed."""

    def advanced(self, tx: Connection, totals: Totals, done_bytes: int) -> None:
        """Rows were committed, in this transaction; may run again."""
        ...

    async def reported(self, report: Path) -> None:
        """The report in this folder is whole; the run is not over yet. May run again."""
        ...

    def ended(self, tx: Connection, totals: Totals) -> None:
        """The run is over, in this transaction; may run again."""
        ...


@dataclass(frozen=True, slots=True)
class _Row:
    number: int
    file: str
    position: int
    as_of: datetime
    raw: RawRow | BadRow
    outcome: Mapped | Rejection


class CollectionService:
    """Collects files."""

    def __init__(
        self, database: Database, *, issuing: IssuingService, types: TypeRegistry, vault: Vault, clock: Clock
    ) -> None:
        self._database = database
        self._issuing = issuing
        self._types = types
        self._vault = vault
        self._clock = clock

    async def collect(
        self, order: CollectionOrder, *, on_progress: OnProgress | None = None, observer: Observer | None = None
    ) -> CollectionResult:
        """Collect all files of an order; rejected rows do not make it fail. `on_progress` is called from a thread.

        Raises: UnknownTypeError, UnknownIssuerError, RegisterError and MappingError (a file or mapping cannot be used;
        nothing was issued from it), ReportError, RunElsewhereError, StorageError.
        """
        issued = self._types.find(order.type)
        if issued is None:
            raise UnknownTypeError(order.type)
        issuer = await self._database.read(lambda tx: find_department(tx, order.issuer))
        if issuer is None:
            raise UnknownIssuerError(order.issuer)
        if issued.type.code not in issuer.issues or issuer.closed:
            raise NotEntitledError(f"{issuer.code} may not issue {issued.type.slug}")
        mapping = _mapping(order.mapping, issued)
        await self._issuing.finish()
        # Reading a register whole keeps a processor busy for seconds; whoever else uses this event loop must not wait.
        conflicts = await asyncio.to_thread(self._conflicts, order, mapping, issued, issuer)
        key = await asyncio.to_thread(
            runs.run_key,
            order.files,
            type_code=issued.type.code,
            issuer=issuer.code,
            mapping_digest=mapping.digest,
            as_of=order.as_of,
            sheet=order.sheet,
            scope=order.scope,
        )
        now = self._clock()
        run = await self._database.write(lambda tx: runs.start_or_resume(tx, key, now=now))
        with Report(order.report_dir, run_id=run.id) as report:
            crash_at("collect.started")
            rows = _rows(order, mapping, issued, skip=run.next_row, on_progress=on_progress)
            totals = run.totals
            while batch := await asyncio.to_thread(lambda: list(islice(rows, BATCH))):
                totals = await self._batch(batch, issued, issuer, conflicts, run, report, totals, observer)
            path = report.finish(totals, mapping=mapping.digest, type=issued.type.code, issuer=issuer.code)
            crash_at("collect.reported")
            if observer is not None:
                await observer.reported(path.parent)
            await self._database.write(lambda tx: self._finish(tx, run, totals, observer))
        crash_at("collect.finished")
        return CollectionResult(totals, run.id, path)

    def _finish(self, tx: Connection, run: runs.Run, totals: Totals, observer: Observer | None) -> None:
        runs.finish(tx, run.id, now=self._clock())
        if observer is not None:
            observer.ended(tx, totals)

    async def _batch(
        self,
        batch: Sequence[_Row],
        issued: TypeInForce,
        issuer: Department,
        conflicts: frozenset[bytes],
        run: runs.Run,
        report: Report,
        totals: Totals,
        observer: Observer | None,
    ) -> Totals:
        today = self._clock().astimezone(BEIJING).date()
        good: list[tuple[_Row, Mapped, Record]] = []
        rejected = 0
        for row in batch:
            outcome = row.outcome
            if isinstance(outcome, Mapped):
                record = Record(outcome.claims, row.as_of, today)
                if conflicts and keyed(record, issued.type, issuer.code, self._vault).record_hash in conflicts:
                    outcome = Rejection.of_row("conflicting_rows")
                else:
                    good.append((row, outcome, record))
                    continue
            report.reject(row.raw, outcome, file=row.file)
            rejected += 1
        done = totals

        def progress(tx: Connection, decisions: Sequence[Decision]) -> None:
            nonlocal done
            counts = _count([(mapped, decision) for (_, mapped, _), decision in zip(good, decisions, strict=True)])
            done = totals + counts + Totals(rejected=rejected)
            for (row, mapped, _), decision in zip(good, decisions, strict=True):
                if decision.effect is Effect.REFUSED:
                    report.reject(row.raw, Rejection.of_row(decision.reason or "row_failed"), file=row.file)
                elif mapped.normalised and isinstance(row.raw, RawRow):
                    report.normalise(row.raw, mapped, file=row.file)
            report.sync()  # a committed row must not be missing from the report
            first, last = batch[0].number, batch[-1].number
            runs.advance(tx, run.id, first_row=first, next_row=last + 1, totals=done, now=self._clock())
            if observer is not None:
                observer.advanced(tx, done, batch[-1].position)

        await self._issuing.issue([record for _, _, record in good], issued=issued, issuer=issuer, alongside=progress)
        crash_at("collect.batch_committed")
        await asyncio.sleep(BREATH_SECONDS)
        return done

    def _conflicts(
        self, order: CollectionOrder, mapping: Mapping, issued: TypeInForce, issuer: Department
    ) -> frozenset[bytes]:
        repeated = self._find(order, mapping, issued, issuer, only=None)
        return self._find(order, mapping, issued, issuer, only=repeated) if repeated else repeated

    def _find(
        self,
        order: CollectionOrder,
        mapping: Mapping,
        issued: TypeInForce,
        issuer: Department,
        *,
        only: frozenset[bytes] | None,
    ) -> frozenset[bytes]:
        """Record keys in conflict: by raw text, which is cheap and finds too many; then, among those, by content."""
        column = next(name for name, rule in mapping.columns.items() if rule.claim == issued.type.record_key)
        with ConflictFinder() as finder:
            for path in order.files:
                with open_register(path, sheet=order.sheet, declared=order.declared) as reader:
                    mapper = mapping.bind(issued.type, reader.columns)
                    rows = (row for row in reader if isinstance(row, RawRow))
                    if only is None:
                        finder.note(
                            (self._key_text_hash(row, column), self._vault.lookup_hash(row.raw)) for row in rows
                        )
                    else:
                        finder.note(self._mapped_pairs(rows, column, mapper, issued, issuer, only))
            return finder.conflicting()

    def _mapped_pairs(
        self,
        rows: Iterator[RawRow],
        column: str,
        mapper: RowMapper,
        issued: TypeInForce,
        issuer: Department,
        only: frozenset[bytes],
    ) -> Iterator[tuple[bytes, bytes]]:
        for row in rows:
            if self._key_text_hash(row, column) not in only:
                continue
            mapped = mapper.apply(row)
            if isinstance(mapped, Mapped):
                item = keyed(Record(mapped.claims, _EPOCH, _EPOCH.date()), issued.type, issuer.code, self._vault)
                yield item.record_hash, item.fingerprint

    def _key_text_hash(self, row: RawRow, column: str) -> bytes:
        # Spellings that mapping would repair to one key must meet here already.
        text = unicodedata.normalize("NFKC", row.cells[column])
        return self._vault.lookup_hash("".join(text.split()).upper())


def _mapping(given: Path | Mapping | None, issued: TypeInForce) -> Mapping:
    if given is None:
        return Mapping.of_type(issued.type)
    return load_mapping(given) if isinstance(given, Path) else given


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def _rows(
    order: CollectionOrder, mapping: Mapping, issued: TypeInForce, *, skip: int, on_progress: OnProgress | None
) -> Iterator[_Row]:
    number = -1
    total_bytes = sum(path.stat().st_size for path in order.files)
    before = 0
    for path in order.files:
        as_of = order.as_of or datetime.fromtimestamp(path.stat().st_mtime, UTC)
        with open_register(path, sheet=order.sheet, declared=order.declared) as reader:
            mapper = mapping.bind(issued.type, reader.columns)
            for raw in reader:
                number += 1
                if number < skip:
                    continue
                yield _Row(number, path.name, before + reader.position, as_of, raw, mapper.apply(raw))
                if on_progress and number % 100 == 0:
                    on_progress(before + reader.position, total_bytes)
        before += path.stat().st_size
    if on_progress:
        on_progress(total_bytes, total_bytes)


def _count(rows: Sequence[tuple[Mapped, Decision]]) -> Totals:
    totals = Totals()
    for mapped, decision in rows:
        match decision.effect:
            case Effect.ISSUED:
                one = Totals(issued=1)
            case Effect.UPDATED:
                one = Totals(updated=1)
            case Effect.UNCHANGED:
                one = Totals(unchanged=1)
            case Effect.REFUSED:
                one = Totals(rejected=1)
        if mapped.normalised and decision.effect is not Effect.REFUSED:
            one = replace(one, normalised=1)
        totals += one
    return totals
