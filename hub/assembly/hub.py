"""The whole hub, put together from its areas."""

from collections.abc import Mapping
from dataclasses import dataclass

from hub.access.oidc import OidcService
from hub.access.service import AccessService
from hub.access.sessions import Sessions
from hub.access.staff import StaffService
from hub.access.staff_sign_in import StaffSignIn
from hub.archive.scans import ScanAging
from hub.archive.service import ARCHIVE, ArchiveService
from hub.assembly.archive import assemble_archive, assemble_scans
from hub.assembly.bulk import Bulk, assemble_bulk
from hub.assembly.citizens import Citizens, assemble_citizens
from hub.assembly.collection import Collection, assemble_collection
from hub.assembly.counter import assemble_case_slips, assemble_counter, assemble_family_counter, assemble_slips
from hub.assembly.dossier import Dossier, assemble_dossier
from hub.assembly.exchange import Exchange, assemble_exchange
from hub.assembly.faces import Faces, assemble_faces
from hub.assembly.ground import Ground, lay_ground
from hub.assembly.handling import Handling, assemble_handling
from hub.assembly.intake import assemble_intake
from hub.assembly.keyring import Keyring, assemble_keyring
from hub.assembly.kiosk import Kiosk, assemble_kiosk
from hub.assembly.late import LateOrders, assemble_late
from hub.assembly.ledger import (
    assemble_erasure,
    assemble_ledger,
    assemble_witness_calls,
    assemble_witnessing,
    witness_actions,
)
from hub.assembly.library import assemble_library
from hub.assembly.lower import Lower, assemble_lower
from hub.assembly.people import assemble_people
from hub.assembly.publishing import assemble_publishing
from hub.assembly.registry import assemble_registry
from hub.assembly.retention import assemble_retention
from hub.assembly.showing import Showing, assemble_showing
from hub.assembly.verification import assemble_verification
from hub.assembly.wallets import Wallets, assemble_wallets
from hub.clock import Clock
from hub.closure.service import Closures
from hub.exchange.agents.desk import AgentDesk
from hub.exchange.drift import DriftWatch
from hub.exchange.pool import SourcePool
from hub.exchange.pushed.rows import PushedRows
from hub.exchange.retention import Retention
from hub.intake.answers import Answers
from hub.intake.asks.papers import PaperCounts
from hub.intake.asks.service import Asks
from hub.intake.cases import CaseService
from hub.intake.counter.case_slips import CaseSlips
from hub.intake.counter.families import FamilyCounter
from hub.intake.counter.service import Counter
from hub.intake.counter.slips import FamilySlips
from hub.intake.evidence import EvidenceService
from hub.intake.families.asking import FamilyAsking
from hub.intake.families.events import EventService
from hub.intake.families.naming import FamilyNaming
from hub.intake.families.service import FamilyService
from hub.intake.families.store import DECIDED
from hub.intake.forms.service import FormService
from hub.intake.materials.service import Materials
from hub.intake.owed.paying import Paying
from hub.intake.owed.views import Owed
from hub.intake.planning import Planning
from hub.intake.replaying.service import Replaying
from hub.intake.simulating import Simulating
from hub.intake.streaming.service import Streaming
from hub.intake.told.views import CaseEvents
from hub.issuing.keys.desk import SigningDesk
from hub.issuing.service import IssuingService
from hub.issuing.stamping.queue import StampQueue
from hub.issuing.stamping.service import TimeStamps
from hub.issuing.status.history import StatusHistory
from hub.issuing.status.service import StatusService
from hub.issuing.touched import TouchedService
from hub.issuing.transitions.register import Expiring
from hub.issuing.transitions.service import TransitionService
from hub.issuing.types.halts import HaltService
from hub.issuing.types.registry import TypeRegistry
from hub.ledger.arrears import Arrears
from hub.ledger.erasure import FILE_TOMBSTONE, ErasureService
from hub.ledger.service import LedgerService
from hub.ledger.witnessing.calling import CALL, WitnessCalls
from hub.ledger.witnessing.service import Witnessing
from hub.registry.calls import CallService
from hub.registry.catalogue.catalogue import Catalogue
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
from hub.storage.keystore.port import KeyStore
from hub.storage.objects.folder import ObjectStore
from hub.storage.vault import Vault
from hub.verification.peers import PeerService
from hub.verification.presenting import PresentationDesk
from hub.verification.proving import ProofDesk
from hub.verification.service import VerificationService
from hub.verification.tally import Tally


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
    keyring: Keyring
    types: TypeRegistry
    registry: RegistryService
    sharing: Sharing
    catalogue: Catalogue
    issuing: IssuingService
    collection: Collection
    status: StatusService
    status_history: StatusHistory
    stamps: TimeStamps
    stamp_queue: StampQueue
    transitions: TransitionService
    expiring: Expiring
    touched: TouchedService
    halts: HaltService
    access: AccessService
    staff: StaffService
    sessions: Sessions
    staff_sign_in: StaffSignIn
    oidc: OidcService | None
    cases: CaseService
    archives: ArchiveService
    scans: ScanAging
    answers: Answers
    evidence: EvidenceService
    streaming: Streaming
    asks: Asks
    paper_counts: PaperCounts
    replaying: Replaying
    simulating: Simulating
    owed: Owed
    case_events: CaseEvents
    materials: Materials
    paying: Paying
    lower: Lower
    planning: Planning
    counter: Counter
    family_counter: FamilyCounter
    family_slips: FamilySlips
    case_slips: CaseSlips
    forms: FormService
    life_events: EventService
    families: FamilyService
    family_asking: FamilyAsking
    family_naming: FamilyNaming
    pushed: PushedRows
    ledger: LedgerService
    witnessing: Witnessing
    witness_calls: WitnessCalls
    arrears: Arrears
    erasure: ErasureService
    verification: VerificationService
    presentation: PresentationDesk
    peers: PeerService
    proofs: ProofDesk
    tally: Tally
    late: LateOrders
    faces: Faces
    pool: SourcePool
    agents: AgentDesk
    sources: SourceService
    interfaces: InterfaceService
    trials: TrialService
    drafts: DraftService
    sampling: SamplingService
    usage: UsageService
    drift: DriftWatch
    exchange: Exchange
    systems: SystemService
    calls: CallService
    retention: Retention
    closures: Closures
    bulk: Bulk
    handling: Handling
    citizens: Citizens
    dossier: Dossier
    showing: Showing
    wallets: Wallets
    kiosk: Kiosk


def assemble(settings: Settings, database: Database, clock: Clock) -> Hub:
    """Every area over one ground, and the jobs that they give each other."""
    ground = lay_ground(settings, database, clock)
    ledger, erasure = assemble_ledger(ground), assemble_erasure(ground)
    witnessing = assemble_witnessing(ground)
    witness_calls = assemble_witness_calls(ground, witnessing)
    library = assemble_library(ground)
    publishing = assemble_publishing(ground)
    intake = assemble_intake(ground, publishing, log_origin=ledger.origin)
    handling = assemble_handling(ground, intake, library)
    counter = assemble_counter(ground, intake)
    collection = assemble_collection(ground, library.issuing, publishing.pool, intake.pull.quotas)
    exchange = assemble_exchange(ground, intake, publishing)
    bulk = assemble_bulk(ground, intake, publishing, log_origin=ledger.origin)
    people = assemble_people(ground)
    keyring = assemble_keyring(ground)
    faces = assemble_faces(ground, intake.pull.evidence, library.stamps)
    verification = assemble_verification(ground, library, faces, ledger, witnessing)
    archives = assemble_archive(ground, intake, library, verification, ledger, witnessing)
    more = {**handling.actions(), **intake.actions(), **witness_actions(witnessing)}
    registry = assemble_registry(
        ground, people.staff, erasure, keyring.emergency, faces.templates, verification.peers, more
    )
    lower = assemble_lower(ground, intake.pull.evidence)
    family_naming = FamilyNaming(
        database, vault=ground.vault, families=intake.families, amending=handling.amending, clock=clock
    )
    citizens = assemble_citizens(ground)
    dossier = assemble_dossier(
        ground, citizens.licences, citizens.others.acting, faces, collection.by_holder, publishing, intake.pull.readers
    )
    jobs = _jobs(
        ground,
        library.handlers(),
        collection.handlers(),
        exchange.handlers(),
        bulk.handlers(),
        handling.handlers(),
        lower.handlers(),
        intake.handlers(),
        keyring.handlers(),
        registry.handlers(),
        citizens.handlers(),
        dossier.handlers(),
        {FILE_TOMBSTONE: erasure.file, ARCHIVE: archives.run, CALL: witness_calls.call, DECIDED: family_naming.decided},
    )
    return Hub(  # a line or two for each area
        settings=settings, clock=clock, database=database, keys=ground.keys, objects=ground.objects,
        cache=ground.shared.cache, limits=ground.shared.limits, jobs=jobs, vault=ground.vault, desk=ground.desk,
        keyring=keyring, types=ground.types,
        registry=registry.registry, sharing=registry.sharing, catalogue=registry.catalogue, systems=registry.systems,
        calls=registry.calls, halts=registry.halts,
        issuing=library.issuing, status=library.status, status_history=library.status_history, stamps=library.stamps,
        stamp_queue=library.stamp_queue, transitions=library.transitions, expiring=library.expiring,
        touched=library.touched, collection=collection,
        access=people.access, staff=people.staff, sessions=people.sessions, staff_sign_in=people.sign_in,
        oidc=people.oidc,
        cases=intake.pull.cases, answers=intake.pull.answers, evidence=intake.pull.evidence,
        streaming=intake.pull.streaming,
        asks=intake.asks, paper_counts=intake.paper_counts, replaying=intake.replaying, simulating=intake.simulating,
        owed=intake.owed, paying=intake.paying, planning=intake.planning, case_events=intake.events,
        materials=intake.materials, forms=intake.forms, life_events=intake.life_events, families=intake.families,
        family_asking=intake.family_asking,
        family_naming=family_naming, counter=counter,
        family_counter=assemble_family_counter(ground, intake, handling, counter),
        family_slips=assemble_slips(ground, intake, counter), case_slips=assemble_case_slips(ground, counter),
        handling=handling, lower=lower,
        archives=archives, scans=assemble_scans(ground), retention=assemble_retention(ground),
        closures=Closures(database, log_key=ground.log_key, clock=clock),
        ledger=ledger, witnessing=witnessing, witness_calls=witness_calls,
        arrears=Arrears(database, clock=clock), erasure=erasure,
        verification=verification.service, peers=verification.peers, proofs=verification.proofs,
        tally=verification.tally, late=assemble_late(ground),
        presentation=verification.presentation, faces=faces,
        pushed=publishing.pushed, pool=publishing.pool, agents=publishing.agents, sources=publishing.sources,
        interfaces=publishing.interfaces, trials=publishing.trials, drafts=publishing.drafts,
        sampling=publishing.sampling, usage=publishing.usage, drift=publishing.drift,
        exchange=exchange, bulk=bulk, citizens=citizens, dossier=dossier,
        showing=assemble_showing(ground, faces.source, verification.service, citizens.others.acting),
        wallets=assemble_wallets(ground, faces.source, verification.service),
        kiosk=assemble_kiosk(ground, faces, citizens, intake),
    )  # fmt: skip


def _jobs(ground: Ground, *areas: Mapping[str, Handler]) -> Jobs:
    """The jobs that the areas give each other; what the database commits wakes them."""
    handlers = {kind: handler for area in areas for kind, handler in area.items()}
    jobs = ground.shared.hearing(MemoryJobs(ground.database, clock=ground.clock, handlers=handlers))
    ground.database.hear(jobs.nudge)
    return jobs
