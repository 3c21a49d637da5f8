"""Collection 归集: a department's register becomes licences, row by row, in batches that commit with their progress.

The same file again issues nothing. A killed run is resumed by the same command: done rows are skipped, intents left
unsigned are signed, totals and report go on. A row that cannot be read, mapped or issued goes to the report with its
reasons; the others go on.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection

from catalog.store import Department, find_department
from hub.clock import Clock
from hub.collection import runs
from hub.collection.conflict_pass import ConflictPass
from hub.collection.errors import NotEntitledError, UnknownIssuerError, UnknownTypeError
from hub.collection.going import BATCH, Going, Observer
from hub.collection.mapping import Mapping
from hub.collection.mapping_file import load_mapping
from hub.collection.reading.reader import Format
from hub.collection.reading.rows import RegisterFile
from hub.collection.reading.rows_read import OnProgress, Row, read_rows
from hub.collection.report import Report, Totals
from hub.collection.workshop import WorkshopPlan
from hub.collection.workshop_bench import BenchOrder
from hub.issuing.service import IssuingService
from hub.issuing.types.guard import believed_versions
from hub.issuing.types.registry import TypeInForce, TypeRegistry
from hub.storage.crash import crash_at
from hub.storage.database import Database
from hub.storage.vault import Vault

__all__ = ["BATCH", "CollectionOrder", "CollectionResult", "CollectionService", "Observer"]


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


class CollectionService:
    """Collects files."""

    def __init__(
        self,
        database: Database,
        *,
        issuing: IssuingService,
        types: TypeRegistry,
        vault: Vault,
        clock: Clock,
        workshop: WorkshopPlan | None = None,
    ) -> None:
        """`workshop`: how large registers use all cores; without it one process does it all."""
        self._database = database
        self._issuing = issuing
        self._types = types
        self._vault = vault
        self._clock = clock
        self._workshop = workshop

    async def collect(
        self, order: CollectionOrder, *, on_progress: OnProgress | None = None, observer: Observer | None = None
    ) -> CollectionResult:
        """Collect all files of an order; rejected rows do not make it fail. `on_progress` is called from a thread.

        Raises: UnknownTypeError, UnknownIssuerError, RegisterError and MappingError (a file or mapping cannot be used;
        nothing was issued from it), ReportError, RunElsewhereError, StorageError; TurnOverError: somebody else waits,
        and the same order goes on later.
        """
        issued, issuer = await self._entitled(order)
        mapping = _mapping(order.mapping, issued)
        await self._issuing.finish()
        # Reading a register whole keeps a processor busy for seconds; whoever else uses this event loop must not wait.
        conflicts = await asyncio.to_thread(self._conflicts, order, mapping, issued, issuer)
        run = await self._run(order, mapping, issued, issuer)
        with Report(order.report_dir, run_id=run.id) as report:
            crash_at("collect.started")
            going = Going(
                self._database,
                issuing=self._issuing,
                vault=self._vault,
                clock=self._clock,
                issued=issued,
                issuer=issuer,
                conflicts=conflicts,
                run=run,
                report=report,
                observer=observer,
                origin=f"batch:{order.scope}" if order.scope else f"run:{run.id}",
            )
            rows = read_rows(
                order.files,
                as_of=order.as_of,
                sheet=order.sheet,
                declared=order.declared,
                bind=lambda columns: mapping.bind(issued.type, columns),
                skip=run.next_row,
                on_progress=on_progress,
            )
            await self._go(going, rows, order, mapping)
            path = report.finish(going.totals, mapping=mapping.digest, type=issued.type.code, issuer=issuer.code)
            crash_at("collect.reported")
            if observer is not None:
                await observer.reported(path.parent)
            await self._database.write(lambda tx: self._finish(tx, run, going.totals, observer))
        crash_at("collect.finished")
        return CollectionResult(going.totals, run.id, path)

    async def _entitled(self, order: CollectionOrder) -> tuple[TypeInForce, Department]:
        issued = self._types.find(order.type)
        if issued is None:
            raise UnknownTypeError(order.type)
        issuer = await self._database.read(lambda tx: find_department(tx, order.issuer))
        if issuer is None:
            raise UnknownIssuerError(order.issuer)
        if issued.type.code not in issuer.issues or issuer.closed:
            raise NotEntitledError(f"{issuer.code} may not issue {issued.type.slug}")
        return issued, issuer

    async def _run(self, order: CollectionOrder, mapping: Mapping, issued: TypeInForce, issuer: Department) -> runs.Run:
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
        return await self._database.write(lambda tx: runs.start_or_resume(tx, key, now=now))

    async def _go(self, going: Going, rows: Iterator[Row], order: CollectionOrder, mapping: Mapping) -> None:
        plan = self._workshop
        if plan is None or not plan.worth(sum(file.stat().st_size for file in order.files)):
            await going.one_by_one(rows)
            return
        bench = await self._bench(plan, mapping, going.issued, going.issuer)
        await going.at_once(rows, bench, plan.processes, plan.batch)

    def _conflicts(
        self, order: CollectionOrder, mapping: Mapping, issued: TypeInForce, issuer: Department
    ) -> frozenset[bytes]:
        found = ConflictPass(order.files, sheet=order.sheet, declared=order.declared, mapping=mapping)
        return found.conflicts(issued.type, issuer.code, self._vault)

    async def _bench(self, plan: WorkshopPlan, mapping: Mapping, issued: TypeInForce, issuer: Department) -> BenchOrder:
        stored, _ = await self._database.read(lambda tx: believed_versions(tx, self._vault, issued.type.code))
        definition = next(item.definition for item in stored if item.version == issued.version)
        return BenchOrder(
            open_keys=plan.open_keys,
            definition=definition,
            version=issued.version,
            issuer=issuer,
            mapping_version=mapping.version,
            columns=dict(mapping.columns),
            status=mapping.status,
            dialect=self._database.dialect,
        )

    def _finish(self, tx: Connection, run: runs.Run, totals: Totals, observer: Observer | None) -> None:
        runs.finish(tx, run.id, now=self._clock())
        if observer is not None:
            observer.ended(tx, totals)


def _mapping(given: Path | Mapping | None, issued: TypeInForce) -> Mapping:
    if given is None:
        return Mapping.of_type(issued.type)
    return load_mapping(given) if isinstance(given, Path) else given
