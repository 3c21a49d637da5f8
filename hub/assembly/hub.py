"""The whole hub, put together from its areas."""

from dataclasses import dataclass

from hub.access.oidc import OidcService
from hub.access.service import AccessService
from hub.access.sessions import Sessions
from hub.access.staff import StaffService
from hub.access.staff_sign_in import StaffSignIn
from hub.assembly.bulk import Bulk, assemble_bulk
from hub.assembly.exchange import assemble_exchange
from hub.assembly.ground import lay_ground
from hub.assembly.intake import assemble_intake
from hub.assembly.ledger import assemble_ledger
from hub.assembly.library import assemble_library
from hub.assembly.people import assemble_people
from hub.assembly.publishing import assemble_publishing
from hub.assembly.registry import assemble_registry
from hub.assembly.retention import assemble_retention
from hub.clock import Clock
from hub.collection.batch_desk import BatchDesk
from hub.collection.batches import COLLECT, BatchService
from hub.exchange.agents import AgentDesk
from hub.exchange.bulk_store import RUN
from hub.exchange.drift import DriftWatch
from hub.exchange.gateway import GatewayService
from hub.exchange.pool import SourcePool
from hub.exchange.pushed import PushedRows
from hub.exchange.retention import Retention
from hub.exchange.service import QueryService
from hub.exchange.subscriptions import SubscriptionService
from hub.exchange.subscriptions_delivery import DELIVER
from hub.exchange.subscriptions_desk import SubscriptionDesk
from hub.exchange.uses import CHANGED
from hub.intake.answers import Answers
from hub.intake.cases import CaseService
from hub.intake.evidence import EvidenceService
from hub.issuing.desk import SigningDesk
from hub.issuing.service import PUBLISH_STATUS, IssuingService
from hub.issuing.status import StatusService
from hub.issuing.types import TypeRegistry
from hub.ledger.service import LedgerService
from hub.registry.calls import CallService
from hub.registry.catalogue import Catalogue
from hub.registry.clocks import REMIND
from hub.registry.drafts import DraftService
from hub.registry.interfaces import InterfaceService
from hub.registry.sampling import SamplingService
from hub.registry.service import RegistryService
from hub.registry.sharing import Sharing
from hub.registry.sources import SourceService
from hub.registry.systems import SystemService
from hub.registry.trials import TrialService
from hub.registry.usage import UsageService
from hub.settings import Settings
from hub.storage.cache import RateLimits, SharedCache
from hub.storage.database import Database
from hub.storage.jobs import Handler, Jobs, MemoryJobs
from hub.storage.keystore import KeyStore
from hub.storage.objects import ObjectStore
from hub.storage.vault import Vault
from hub.verification.service import VerificationService


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
    batch_desk: BatchDesk
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
    subscription_desk: SubscriptionDesk
    retention: Retention
    bulk: Bulk


def assemble(settings: Settings, database: Database, clock: Clock) -> Hub:
    """Every area over one ground, and the few services that belong to several."""
    ground = lay_ground(settings, database, clock)
    ledger = assemble_ledger(ground)
    library = assemble_library(ground)
    intake = assemble_intake(ground, log_origin=ledger.origin)
    publishing = assemble_publishing(ground)
    exchange = assemble_exchange(ground, intake, publishing)
    bulk = assemble_bulk(ground, intake, publishing, log_origin=ledger.origin)
    people = assemble_people(ground)
    registry = assemble_registry(ground, people.staff)
    handlers: dict[str, Handler] = {
        PUBLISH_STATUS: library.status.publish,
        REMIND: registry.sharing.reminders.deliver,
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
        vault=ground.vault,
        desk=ground.desk,
        types=ground.types,
        registry=registry.registry,
        sharing=registry.sharing,
        catalogue=registry.catalogue,
        issuing=library.issuing,
        batches=library.batches,
        batch_desk=library.batch_desk,
        status=library.status,
        access=people.access,
        staff=people.staff,
        sessions=people.sessions,
        staff_sign_in=people.sign_in,
        oidc=people.oidc,
        cases=intake.cases,
        answers=intake.answers,
        evidence=intake.evidence,
        pushed=publishing.pushed,
        ledger=ledger,
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
        systems=registry.systems,
        calls=registry.calls,
        gateway=exchange.gateway,
        subscriptions=exchange.subscriptions,
        subscription_desk=exchange.subscription_desk,
        retention=assemble_retention(ground),
        bulk=bulk,
    )
