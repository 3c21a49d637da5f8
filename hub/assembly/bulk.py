"""Bulk runs: asked for, worked off, released, recognised."""

from dataclasses import dataclass
from datetime import timedelta

from hub.assembly.ground import Ground
from hub.assembly.intake import Intake
from hub.assembly.publishing import Publishing
from hub.exchange.bulk import BulkService
from hub.exchange.bulk_asking import BulkAsking
from hub.exchange.bulk_ending import BulkEnding
from hub.exchange.bulk_finding import BulkFinder
from hub.exchange.bulk_manifest import BulkManifests
from hub.exchange.bulk_release import BulkReleases
from hub.exchange.bulk_run import BulkRunner
from hub.exchange.bulk_standing import BulkGround
from hub.exchange.bulk_whose import BulkOwners
from hub.exchange.cache import AnswerCache
from hub.exchange.judging import Readers


@dataclass(frozen=True, slots=True)
class Bulk:
    """Services around bulk runs: for systems, for staff, for the job, for what was leaked."""

    asking: BulkAsking
    runs: BulkService
    releases: BulkReleases
    runner: BulkRunner
    ending: BulkEnding
    owners: BulkOwners


def assemble_bulk(ground: Ground, intake: Intake, publishing: Publishing, *, log_origin: str) -> Bulk:
    """Connect them."""
    database, vault, clock, desk, public_url = (
        ground.database, ground.vault, ground.clock, ground.desk, ground.public_url,
    )  # fmt: skip
    kept = timedelta(days=ground.settings.bulk_kept_days)
    standing, readers = BulkGround(vault=vault), Readers()
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
            cases=intake.cases,
            clock=clock,
            at_once=ground.settings.bulk_runs_per_system,
        ),
        runs=BulkService(
            database,
            objects=ground.objects,
            vault=vault,
            ground=standing,
            manifests=manifests,
            cases=intake.cases,
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
            quotas=intake.quotas,
            finder=finder,
            ending=ending,
            clock=clock,
        ),
        ending=ending,
        owners=BulkOwners(database, vault=vault, desk=desk),
    )
