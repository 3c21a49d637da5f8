"""Putting the hub together: every service over its ports, from settings alone. The only place that knows them all."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from hub.access.oidc import OidcService, OidcSettings
from hub.access.passwords import Passwords
from hub.access.service import AccessService
from hub.access.sessions import Sessions
from hub.access.staff import StaffService
from hub.access.staff_sign_in import StaffSignIn
from hub.access.staff_throttle import Throttle
from hub.clock import Clock, utc_now
from hub.exchange.agents import AgentDesk
from hub.exchange.agents_shared import open_agents
from hub.exchange.agents_writing import WriteBack
from hub.exchange.cache import AnswerCache
from hub.exchange.claiming import QueryClaiming
from hub.exchange.compose import QuerySigner
from hub.exchange.deciding import QueryDeciding
from hub.exchange.drift import DriftWatch
from hub.exchange.finding import SourceFinder
from hub.exchange.gateway import GatewayService
from hub.exchange.judging import Readers
from hub.exchange.pool import SourcePool
from hub.exchange.pushed import PushedRows
from hub.exchange.sandbox import (
    SANDBOX_ANSWER_TYPE,
    SANDBOX_KIND,
    SandboxClaiming,
    SandboxDeciding,
    SandboxFinder,
)
from hub.exchange.sandbox_people import by_number
from hub.exchange.service import QueryService
from hub.intake.answers import Answers, SignAnswer
from hub.intake.cases import CaseService
from hub.intake.claiming import Claiming
from hub.intake.compose import EvidenceSigner
from hub.intake.copies import CopyMaker
from hub.intake.deciding import Deciding
from hub.intake.evidence import EvidenceService
from hub.intake.quotas import QuotaBook
from hub.issuing.desk import SigningDesk
from hub.issuing.service import PUBLISH_STATUS, IssuingService
from hub.issuing.status import StatusService
from hub.issuing.types import TypeRegistry
from hub.ledger.errors import StandbyError
from hub.ledger.keeper import CheckpointKeeper
from hub.ledger.sequencer import LEASE
from hub.ledger.service import LedgerService
from hub.outbound import Outbound
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
from hub.storage.errors import MissingError, StorageError
from hub.storage.jobs import Jobs, MemoryJobs
from hub.storage.keystore import KeyFile, KeyStore, master_key
from hub.storage.objects import FolderObjects, ObjectStore
from hub.storage.shared import open_shared
from hub.storage.vault import DataKey, Vault
from hub.verification.service import VerificationService

LOG_KEY: Final = "log-detail"
HOUSEKEEPING: Final = timedelta(seconds=10)
DRAINING: Final = timedelta(seconds=10)
"""How long a process that ends waits for its jobs in hand."""


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


def open_keys(settings: Settings, *, create: bool = False) -> KeyFile:
    """The embedded key store of a home."""
    return KeyFile(settings.home / "keys" / "keystore.json", master_key=master_key(settings.home, create=create))


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
    signed, whether or not anybody asks again; pushed rows past their time are deleted.
    """
    while True:
        await asyncio.sleep(HOUSEKEEPING.total_seconds())
        with suppress(StorageError):
            await hub.database.read(hub.types.load)
            await hub.drift.load()
            await hub.answers.finish_decided()
            await hub.pushed.sweep()
            await hub.catalogue.search.refresh()


def _founded_on(settings: Settings) -> Database:
    """The database of this hub. Raises MissingError rather than make an empty one of the other kind."""
    if settings.database not in {None, settings.database_kind()}:
        raise MissingError(f"this hub was founded on {settings.database}: set YIZHENG_DATABASE_URL accordingly")
    return open_database(settings.effective_database_url())


def _provider(settings: Settings, database: Database, clock: Clock) -> OidcService | None:
    """The OpenID provider of staff, if one is configured. Nothing is reached yet."""
    if settings.oidc_issuer is None:
        return None
    configured = OidcSettings(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret.get_secret_value(),
        redirect_uri=f"{settings.public_url}/console/oidc/callback",
        claim=settings.oidc_claim,
        acr=settings.oidc_acr,
        amr=settings.oidc_amr,
    )
    return OidcService(database, settings=configured, outbound=Outbound(settings.oidc_issuer), clock=clock)


def _assemble(settings: Settings, database: Database, clock: Clock) -> Hub:
    keys = open_keys(settings)
    vault = Vault(keys)
    log_secret = keys.secret(LOG_KEY)
    log_key = DataKey(log_secret.value, wrapped=b"", kek_kid=log_secret.kid)
    public_url = settings.public_url
    desk = SigningDesk(keys, public_url=public_url)
    objects = FolderObjects(settings.home / "objects")
    types = TypeRegistry()
    log_signer = keys.note_signer("log")
    keeper = CheckpointKeeper(settings.witness_folder(), verifier=log_signer.verifier, clock=clock)
    redis_url = settings.redis_url.get_secret_value() if settings.redis_url else None
    shared = open_shared(redis_url, secret=vault.row_mac(b"derive\x1fredis"))
    cache = shared.cache
    status = StatusService(
        database,
        vault=vault,
        desk=desk,
        objects=objects,
        clock=clock,
        public_url=public_url,
        lifetime=timedelta(hours=settings.status_list_hours),
    )
    cases = CaseService(
        database,
        vault=vault,
        log_key=log_key,
        clock=clock,
        sandbox_numbers=frozenset(by_number()),
        write_back=WriteBack(vault).enqueue,
    )
    copies = CopyMaker(
        vault=vault,
        types=types,
        clock=clock,
        public_url=public_url,
        lifetime=timedelta(hours=settings.purpose_copy_hours),
    )
    sessions = Sessions(database, vault=vault, clock=clock)
    staff = StaffService(database, log_key=log_key, clock=clock, public_url=public_url)
    registry = RegistryService(database, vault=vault, desk=desk, types=types, log_key=log_key, clock=clock)
    sharing = assemble_sharing(database, registry=registry, staff=staff, vault=vault, log_key=log_key, clock=clock)
    quotas = QuotaBook()
    signers: dict[str, SignAnswer] = {
        "evidence": EvidenceSigner(desk, log_origin=log_signer.name),
        "query": QuerySigner(desk, log_origin=log_signer.name),
        SANDBOX_KIND: QuerySigner(desk, log_origin=log_signer.name, answer_type=SANDBOX_ANSWER_TYPE),
    }
    answers = Answers(database, vault=vault, cases=cases, clock=clock, signers=signers)
    pushed = PushedRows(database, vault=vault, log_key=log_key, clock=clock)
    agents = open_agents(
        database,
        vault=vault,
        cache=cache,
        redis_url=redis_url,
        desk=desk,
        log_key=log_key,
        public_url=public_url,
        clock=clock,
    )
    pool = SourcePool(
        database,
        vault=vault,
        clock=clock,
        egress_networks=settings.egress_networks,
        lookup=pushed.lookup,
        dispatch=agents.dispatch,
    )
    drift = DriftWatch(database, log_key=log_key, clock=clock, faults_in_a_row=settings.drift_faults)
    interfaces = InterfaceService(
        database,
        pool=pool,
        vault=vault,
        log_key=log_key,
        clock=clock,
        notice_days=settings.deprecation_notice_days,
    )
    readers = Readers()
    queries = QueryService(
        database,
        cases=cases,
        claiming=QueryClaiming(vault=vault, types=types, quotas=quotas, readers=readers),
        deciding=QueryDeciding(vault=vault, public_url=public_url),
        answers=answers,
        quotas=quotas,
        finder=SourceFinder(
            vault=vault, pool=pool, cache=AnswerCache(cache, vault=vault), drift=drift, readers=readers, clock=clock
        ),
        clock=clock,
    )
    return Hub(
        settings=settings,
        clock=clock,
        database=database,
        keys=keys,
        objects=objects,
        cache=cache,
        limits=shared.limits,
        jobs=shared.hearing(
            MemoryJobs(
                database, clock=clock, handlers={PUBLISH_STATUS: status.publish, REMIND: sharing.reminders.deliver}
            )
        ),
        vault=vault,
        desk=desk,
        types=types,
        registry=registry,
        sharing=sharing,
        catalogue=assemble_catalogue(
            database,
            home=settings.home,
            keys=keys,
            vault=vault,
            desk=desk,
            types=types,
            log_key=log_key,
            clock=clock,
        ),
        issuing=IssuingService(database, vault=vault, desk=desk, clock=clock, public_url=public_url),
        status=status,
        access=AccessService(
            database,
            signer=keys.signer("token"),
            issuer=public_url,
            clock=clock,
            token_seconds=settings.access_token_seconds,
        ),
        staff=staff,
        sessions=sessions,
        staff_sign_in=StaffSignIn(
            database,
            staff=staff,
            sessions=sessions,
            passwords=Passwords(),
            throttle=Throttle(vault),
            clock=clock,
            provider=settings.oidc_issuer is not None,
        ),
        oidc=_provider(settings, database, clock),
        cases=cases,
        answers=answers,
        evidence=EvidenceService(
            database,
            cases=cases,
            claiming=Claiming(vault=vault, types=types, copies=copies, quotas=quotas),
            copies=copies,
            deciding=Deciding(vault=vault, public_url=public_url),
            answers=answers,
            quotas=quotas,
            clock=clock,
        ),
        pushed=pushed,
        ledger=LedgerService(
            database,
            signer=log_signer,
            origin=log_signer.name,
            clock=clock,
            keeper=keeper,
            vault=vault,
            log_key=log_key,
        ),
        pool=pool,
        agents=agents,
        sources=SourceService(
            database,
            vault=vault,
            pool=pool,
            log_key=log_key,
            clock=clock,
            egress_networks=settings.egress_networks,
            folders=settings.source_folders,
        ),
        interfaces=interfaces,
        trials=TrialService(database, interfaces=interfaces, pool=pool, drift=drift, log_key=log_key, clock=clock),
        drafts=DraftService(database, vault=vault, clock=clock),
        sampling=SamplingService(database, pool=pool, log_key=log_key, clock=clock),
        usage=UsageService(database, vault=vault, clock=clock),
        drift=drift,
        queries=queries,
        calls=CallService(database, vault=vault, log_key=log_key, clock=clock),
        systems=SystemService(database, registry=registry, log_key=log_key, clock=clock),
        sandbox=QueryService(
            database,
            cases=cases,
            claiming=SandboxClaiming(vault=vault, types=types, quotas=quotas, readers=readers),
            deciding=SandboxDeciding(vault=vault, public_url=public_url),
            answers=answers,
            quotas=quotas,
            finder=SandboxFinder(vault=vault, readers=readers, clock=clock),
            clock=clock,
        ),
        gateway=GatewayService(database, vault=vault, cases=cases, queries=queries, log_key=log_key, clock=clock),
        verification=VerificationService(
            database, vault=vault, desk=desk, status=status, cache=cache, clock=clock, public_url=public_url
        ),
    )
