"""Bulk runs: asked for, worked off, released, recognised."""

from dataclasses import dataclass
from datetime import timedelta

from hub.assembly.ground import Ground
from hub.assembly.intake import Intake
from hub.assembly.publishing import Publishing
from hub.exchange.bulk.asking import BulkAsking
from hub.exchange.bulk.ending import BulkEnding
from hub.exchange.bulk.finding import BulkFinder
from hub.exchange.bulk.manifest import BulkManifests
from hub.exchange.bulk.matter_asking import MatterAsking
from hub.exchange.bulk.matter_ground import MatterGround
from hub.exchange.bulk.matter_work import MatterWork
from hub.exchange.bulk.release import BulkReleases
from hub.exchange.bulk.run import BulkRunner
from hub.exchange.bulk.service import BulkService
from hub.exchange.bulk.standing import BulkGround
from hub.exchange.bulk.store import RUN
from hub.exchange.bulk.whose import BulkOwners
from hub.exchange.cache import AnswerCache
from hub.exchange.indexed import IndexedClaims
from hub.exchange.judging import Readers
from hub.exchange.shared_data import SharedData
from hub.intake.quotas import QuotaBook
from hub.storage.jobs import Handler


@dataclass(frozen=True, slots=True)
class Bulk:
    """Services around bulk runs: for systems, for staff, for the job, for what was leaked."""

    asking: BulkAsking
    runs: BulkService
    releases: BulkReleases
    runner: BulkRunner
    ending: BulkEnding
    owners: BulkOwners

    def handlers(self) -> dict[str, Handler]:
        """The jobs of this area."""
        return {RUN: self.runner.run}


def assemble_bulk(ground: Ground, intake: Intake, publishing: Publishing, *, log_origin: str) -> Bulk:
    """Connect them."""
    database, vault, clock, desk, public_url = (
        ground.database, ground.vault, ground.clock, ground.desk, ground.public_url,
    )  # fmt: skip
    kept = timedelta(days=ground.settings.bulk_kept_days)
    matters = MatterGround(vault=vault, types=ground.types)
    standing, readers = BulkGround(vault=vault, matters=matters), Readers()
    manifests = BulkManifests(database, vault=vault, desk=desk, public_url=public_url, log_origin=log_origin)
    ending = BulkEnding(
        database, objects=ground.objects, vault=vault, desk=desk, public_url=public_url, kept=kept, clock=clock
    )
    finder = BulkFinder(
        vault=vault,
        pool=publishing.pool,
        cache=AnswerCache(ground.shared.cache, vault=vault),
        drift=publishing.drift,
        readers=readers,
        clock=clock,
    )
    return Bulk(
        asking=BulkAsking(
            database,
            vault=vault,
            ground=standing,
            readers=readers,
            cases=intake.pull.cases,
            clock=clock,
            at_once=ground.settings.bulk_runs_per_system,
        ),
        runs=BulkService(
            database,
            objects=ground.objects,
            vault=vault,
            ground=standing,
            manifests=manifests,
            cases=intake.pull.cases,
            clock=clock,
        ),
        releases=BulkReleases(
            database, vault=vault, ground=standing, manifests=manifests, public_url=public_url, kept=kept, clock=clock
        ),
        runner=BulkRunner(
            database,
            vault=vault,
            types=ground.types,
            ground=standing,
            quotas=intake.pull.quotas,
            finder=finder,
            ending=ending,
            matters=_matter_work(ground, matters, finder, readers, intake.pull.quotas),
            clock=clock,
        ),
        ending=ending,
        owners=BulkOwners(database, vault=vault, desk=desk),
    )


def _matter_work(
    ground: Ground, matters: MatterGround, finder: BulkFinder, readers: Readers, quotas: QuotaBook
) -> MatterWork:
    database, vault, types, clock = ground.database, ground.vault, ground.types, ground.clock
    return MatterWork(
        database,
        vault=vault,
        types=types,
        ground=matters,
        asking=MatterAsking(
            sources=SharedData(vault=vault, finder=finder, readers=readers),
            indexed=IndexedClaims(database, vault=vault, types=types, finder=finder, clock=clock),
            clock=clock,
        ),
        quotas=quotas,
        clock=clock,
    )
