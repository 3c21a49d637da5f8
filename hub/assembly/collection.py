"""Collection: of files, of what a source gives, of one holder, over HTTP; and what a holder index exports."""

import os
from dataclasses import dataclass
from functools import partial

from hub.access.staff_two import same_hand
from hub.assembly.ground import Ground, open_keys
from hub.collection.batches.desk import BatchDesk
from hub.collection.batches.run import BatchRunner
from hub.collection.batches.service import BatchService
from hub.collection.batches.uploads import Uploads
from hub.collection.by_holder import HolderCollection
from hub.collection.feeds.desk import FeedDesk
from hub.collection.feeds.reports import FeedReports
from hub.collection.feeds.rounds import Rounds
from hub.collection.feeds.service import FeedService
from hub.collection.index_export import IndexExport
from hub.collection.reconciliation.reconciling import Reconciler
from hub.collection.service import CollectionService
from hub.collection.turns import COLLECT, FEED_JOB, RECONCILE
from hub.collection.workshop import WorkshopPlan
from hub.exchange.pool import SourcePool
from hub.intake.quotas import QuotaBook
from hub.issuing.service import IssuingService
from hub.storage.jobs import Handler


@dataclass(frozen=True, slots=True)
class Collection:
    """Services that make a register's rows licences, and compare them with it."""

    files: CollectionService
    feeds: FeedService
    feed_desk: FeedDesk
    rounds: Rounds
    by_holder: HolderCollection
    batches: BatchService
    batch_desk: BatchDesk
    uploads: Uploads
    batch_runner: BatchRunner
    reconciler: Reconciler
    index_export: IndexExport

    def handlers(self) -> dict[str, Handler]:
        """The jobs of this area."""
        return {COLLECT: self.batch_runner.run, FEED_JOB: self.rounds.collect, RECONCILE: self.rounds.reconcile}


def assemble_collection(ground: Ground, issuing: IssuingService, pool: SourcePool, quotas: QuotaBook) -> Collection:
    """Connect them. No process is started yet."""
    database, vault, log_key, clock = ground.database, ground.vault, ground.log_key, ground.clock
    types, objects, reports = ground.types, ground.objects, ground.settings.home / "reports"
    hand = partial(same_hand, vault)
    files = CollectionService(
        database, issuing=issuing, types=types, vault=vault, clock=clock, workshop=_workshop(ground)
    )
    feeds = FeedService(
        database,
        pool=pool,
        issuing=issuing,
        types=types,
        vault=vault,
        log_key=log_key,
        clock=clock,
        folder=reports / "feeds",
        same_hand=hand,
    )
    feed_reports = FeedReports(objects, log_key)
    reconciler = Reconciler(database, vault=vault, log_key=log_key, clock=clock)
    batches = BatchService(
        database, objects=objects, vault=vault, types=types, log_key=log_key, clock=clock, same_hand=hand
    )
    return Collection(
        files=files,
        feeds=feeds,
        feed_desk=FeedDesk(database, feeds=feeds, reports=feed_reports, log_key=log_key, clock=clock),
        rounds=Rounds(
            database,
            feeds=feeds,
            reconciler=reconciler,
            vault=vault,
            clock=clock,
            folder=reports / "reconciliation",
            reports=feed_reports,
        ),
        by_holder=HolderCollection(database, feeds=feeds, vault=vault, quotas=quotas, clock=clock),
        batches=batches,
        batch_desk=BatchDesk(database, batches=batches, log_key=log_key, clock=clock),
        uploads=Uploads(
            database, batches=batches, types=types, vault=vault, log_key=log_key, clock=clock, same_hand=hand
        ),
        batch_runner=BatchRunner(
            database,
            collecting=files,
            objects=objects,
            vault=vault,
            log_key=log_key,
            clock=clock,
            folder=reports / "batches",
        ),
        reconciler=reconciler,
        index_export=IndexExport(database, vault=vault, types=types, log_key=log_key, clock=clock),
    )


def _workshop(ground: Ground) -> WorkshopPlan:
    settings = ground.settings
    # SQLite's one writer is the whole of it there: two processes were measured no faster than one.
    alone = ground.database.dialect == "sqlite"
    processes = settings.collection_processes or (1 if alone else os.cpu_count() or 1)
    return WorkshopPlan(
        processes, partial(open_keys, settings), settings.collection_from_bytes, settings.collection_batch
    )
