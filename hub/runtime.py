"""The opened hub: every service, from settings alone; opened, kept at work, closed. Put together by `hub.assembly`."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog

from hub.access.oidc import OidcService
from hub.access.service import AccessService
from hub.access.sessions import Sessions
from hub.access.staff import StaffService
from hub.access.staff_sign_in import StaffSignIn
from hub.assembly.bulk import Bulk, assemble_bulk
from hub.assembly.exchange import assemble_exchange
from hub.assembly.ground import LOG_KEY, lay_ground, open_keys
from hub.assembly.intake import assemble_intake
from hub.assembly.library import assemble_library
from hub.assembly.people import assemble_people
from hub.assembly.publishing import assemble_publishing
from hub.assembly.retention import assemble_retention
from hub.clock import Clock, utc_now
from hub.collection.batches import COLLECT, BatchService
from hub.exchange.agents import AgentDesk
from hub.exchange.bulk import RUN
from hub.exchange.drift import DriftWatch
from hub.exchange.gateway import GatewayService
from hub.exchange.pool import SourcePool
from hub.exchange.pushed import PushedRows
from hub.exchange.retention import Retention
from hub.exchange.service import QueryService
from hub.exchange.subscriptions import SubscriptionService
from hub.exchange.subscriptions_delivery import DELIVER
from hub.exchange.uses import CHANGED
from hub.intake.answers import Answers
from hub.intake.cases import CaseService
from hub.intake.evidence import EvidenceService
from hub.issuing.desk import SigningDesk
from hub.issuing.service import PUBLISH_STATUS, IssuingService
from hub.issuing.status import StatusService
from hub.issuing.types import TypeRegistry
from hub.ledger.errors import StandbyError
from hub.ledger.keeper import CheckpointKeeper
from hub.ledger.sequencer import LEASE
from hub.ledger.service import LedgerService
from hub.registry.calls import CallService
from hub.registry.catalogue import Catalogue, assemble_catalogue
from hub.registry.clocks import REMIND
from hub.registry.drafts import DraftService
from hub.registry.interfaces import InterfaceService
from hub.registry.sampling import SamplingService
from hub.registry.service import RegistryService
from hub.registry.sharing import Sharing, assemble_sharing
from hub.registry.sources import SourceService
from hub.registry.systems import SystemService
from hub.registry.trials import TrialService
from hub.registry.usage import UsageService
from hub.settings import Settings
from hub.storage.cache import RateLimits, SharedCache
from hub.storage.database import Database, open_database
from hub.storage.errors import STORE_FAILED, MissingError
from hub.storage.jobs import Handler, Jobs, MemoryJobs
from hub.storage.keystore import KeyStore
from hub.storage.objects import ObjectStore
from hub.storage.vault import Vault
from hub.verification.service import VerificationService

__all__ = ["LOG_KEY", "Hub", "at_work", "look_into", "open_hub", "open_keys"]
HOUSEKEEPING: Final = timedelta(seconds=10)
DRAINING: Final = timedelta(seconds=10)
"""How long a process that ends waits for its jobs in hand."""
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Hub:
    """An opened hub."""

    settings: Settings
    clock: Clock
    database: Database
    keys: KeyStore
    objects: ObjectStore
    cache: SharedCache
    limits: RateLimits
    jobs: Jobs
    vault: Vault
    desk: SigningDesk
    types: TypeRegistry
    registry: RegistryService
    sharing: Sharing
    catalogue: Catalogue
    issuing: IssuingService
    batches: BatchService
    status: StatusService
    access: AccessService
    staff: StaffService
    sessions: Sessions
    staff_sign_in: StaffSignIn
    oidc: OidcService | None
    cases: CaseService
    answers: Answers
    evidence: EvidenceService
    pushed: PushedRows
    ledger: LedgerService
    verification: VerificationService
    pool: SourcePool
    agents: AgentDesk
    sources: SourceService
    interfaces: InterfaceService
    trials: TrialService
    drafts: DraftService
    sampling: SamplingService
    usage: UsageService
    drift: DriftWatch
    queries: QueryService
    sandbox: QueryService
    systems: SystemService
    calls: CallService
    gateway: GatewayService
    subscriptions: SubscriptionService
    retention: Retention
    bulk: Bulk


@asynccontextmanager
async def open_hub(settings: Settings, *, clock: Clock = utc_now) -> AsyncIterator[Hub]:
    """Open the hub of a home, finish what a crash left, and close it again.

    Raises: MissingError when the home has no hub; LedgerBrokenError when the store is older than its last published
    checkpoint, or the clock went back; StorageError.
    """
    database = _founded_on(settings)
    hub = _assemble(settings, database, clock)
    try:
        await hub.ledger.check_start()
        await database.read(hub.types.load)
        await database.read(hub.desk.load)
        await hub.drift.load()
        await hub.issuing.finish()
        await hub.answers.finish_decided()
        yield hub
    finally:
        await hub.pool.close()
        await hub.agents.close()
        await hub.jobs.close()
        await hub.cache.close()
        await database.close()


@asynccontextmanager
async def look_into(settings: Settings, *, clock: Clock = utc_now) -> AsyncIterator[Hub]:
    """The hub of a home as it lies there: nothing is checked, finished or written. For looking at a broken one."""
    database = _founded_on(settings)
    hub = _assemble(settings, database, clock)
    try:
        yield hub
    finally:
        await hub.jobs.close()
        await hub.cache.close()
        await database.close()


@asynccontextmanager
async def at_work(hub: Hub) -> AsyncIterator[None]:
    """Sequence, or stand by, and run jobs in the background while a server or worker runs. Jobs in hand are finished
    at the end, if they can be in time; others are left to their leases.
    """
    jobs, *others = (asyncio.create_task(work) for work in (hub.jobs.serve(), hub.ledger.run(), _keep_house(hub)))
    try:
        yield
    finally:
        hub.jobs.stop()
        await asyncio.wait({jobs}, timeout=DRAINING.total_seconds())
        for task in (jobs, *others):
            task.cancel()
        for task in (jobs, *others):
            with suppress(asyncio.CancelledError):
                await task
        with suppress(StandbyError):  # another process goes on and has the log in hand
            await hub.ledger.drain(patience=LEASE + timedelta(seconds=1))


async def _keep_house(hub: Hub) -> None:
    """Types registered by a command come into force within seconds; answers left decided by a worker that died are
    signed, whether or not anybody asks again; what is past its time is deleted. A step that fails is an alarm, and does
    not keep the others from being done.
    """
    steps: dict[str, Callable[[], Awaitable[object]]] = {
        "types": lambda: hub.database.read(hub.types.load),
        "answers": hub.answers.finish_decided,
        "pushed": hub.pushed.sweep,
        "batches": hub.batches.sweep,
        "retention": hub.retention.sweep,
        "bulk": hub.bulk.ending.sweep,
        "search": hub.catalogue.search.refresh,
    }
    while True:
        await asyncio.sleep(HOUSEKEEPING.total_seconds())
        for name, step in steps.items():
            try:
                await step()
            except STORE_FAILED as error:  # readiness tells; the next round tries again
                _log.warning("housekeeping_waits", step=name, error=type(error).__name__)
            except Exception as error:  # noqa: BLE001  # nobody else would do what the other steps do
                _log.error("housekeeping_failed", alarm=True, step=name, error=type(error).__name__)


def _founded_on(settings: Settings) -> Database:
    """The database of this hub. Raises MissingError rather than make an empty one of the other kind."""
    if settings.database not in {None, settings.database_kind()}:
        raise MissingError(f"this hub was founded on {settings.database}: set YIZHENG_DATABASE_URL accordingly")
    return open_database(settings.effective_database_url())


def _assemble(settings: Settings, database: Database, clock: Clock) -> Hub:
    """Every area over one ground, and the few services that belong to several."""
    ground = lay_ground(settings, database, clock)
    vault, desk, types, log_key = ground.vault, ground.desk, ground.types, ground.log_key
    log_signer = ground.keys.note_signer("log")
    library = assemble_library(ground)
    intake = assemble_intake(ground, log_origin=log_signer.name)
    publishing = assemble_publishing(ground)
    exchange = assemble_exchange(ground, intake, publishing)
    bulk = assemble_bulk(ground, intake, publishing, log_origin=log_signer.name)
    people = assemble_people(ground)
    registry = RegistryService(database, vault=vault, desk=desk, types=types, log_key=log_key, clock=clock)
    catalogue = assemble_catalogue(
        database,
        home=settings.home,
        keys=ground.keys,
        vault=vault,
        desk=desk,
        types=types,
        log_key=log_key,
        clock=clock,
    )
    sharing = assemble_sharing(
        database,
        registry=registry,
        departments=catalogue.departments,
        demands=catalogue.demands,
        staff=people.staff,
        vault=vault,
        log_key=log_key,
        clock=clock,
    )
    handlers: dict[str, Handler] = {
        PUBLISH_STATUS: library.status.publish,
        REMIND: sharing.reminders.deliver,
        COLLECT: library.batch_runner.run,
        CHANGED: exchange.webhooks.spread,
        DELIVER: exchange.webhooks.deliver,
        RUN: bulk.runner.run,
    }
    jobs = ground.shared.hearing(MemoryJobs(database, clock=clock, handlers=handlers))
    database.hear(jobs.nudge)
    return Hub(
        settings=settings,
        clock=clock,
        database=database,
        keys=ground.keys,
        objects=ground.objects,
        cache=ground.shared.cache,
        limits=ground.shared.limits,
        jobs=jobs,
        vault=vault,
        desk=desk,
        types=types,
        registry=registry,
        sharing=sharing,
        catalogue=catalogue,
        issuing=library.issuing,
        batches=library.batches,
        status=library.status,
        access=AccessService(
            database,
            signer=ground.keys.signer("token"),
            issuer=settings.public_url,
            clock=clock,
            token_seconds=settings.access_token_seconds,
        ),
        staff=people.staff,
        sessions=people.sessions,
        staff_sign_in=people.sign_in,
        oidc=people.oidc,
        cases=intake.cases,
        answers=intake.answers,
        evidence=intake.evidence,
        pushed=publishing.pushed,
        ledger=LedgerService(
            database,
            signer=log_signer,
            origin=log_signer.name,
            clock=clock,
            keeper=CheckpointKeeper(settings.witness_folder(), verifier=log_signer.verifier, clock=clock),
            vault=vault,
            log_key=log_key,
        ),
        verification=library.verification,
        pool=publishing.pool,
        agents=publishing.agents,
        sources=publishing.sources,
        interfaces=publishing.interfaces,
        trials=publishing.trials,
        drafts=publishing.drafts,
        sampling=publishing.sampling,
        usage=publishing.usage,
        drift=publishing.drift,
        queries=exchange.queries,
        sandbox=exchange.sandbox,
        systems=SystemService(database, registry=registry, log_key=log_key, clock=clock),
        calls=CallService(database, vault=vault, log_key=log_key, clock=clock),
        gateway=exchange.gateway,
        subscriptions=exchange.subscriptions,
        retention=assemble_retention(ground),
        bulk=bulk,
    )
