"""What departments publish: sources with what reaches them, interfaces with what tests them."""

from dataclasses import dataclass

from hub.assembly.ground import Ground
from hub.exchange.agents.desk import AgentDesk
from hub.exchange.agents.shared import open_agents
from hub.exchange.cache import AnswerCache
from hub.exchange.drift import DriftWatch
from hub.exchange.finding import SourceFinder
from hub.exchange.judging import Readers
from hub.exchange.pool import SourcePool
from hub.exchange.pushed.rows import PushedRows
from hub.registry.drafts import DraftService
from hub.registry.interfaces import InterfaceService
from hub.registry.sampling import SamplingService
from hub.registry.sources import SourceService
from hub.registry.trials import TrialService
from hub.registry.usage import UsageService


@dataclass(frozen=True, slots=True)
class Publishing:
    """Services around sources and interfaces."""

    pushed: PushedRows
    agents: AgentDesk
    pool: SourcePool
    drift: DriftWatch
    sources: SourceService
    interfaces: InterfaceService
    trials: TrialService
    drafts: DraftService
    sampling: SamplingService
    usage: UsageService


def assemble_publishing(ground: Ground) -> Publishing:
    """Connect them."""
    settings, database, vault, clock = ground.settings, ground.database, ground.vault, ground.clock
    log_key = ground.log_key
    pushed = PushedRows(database, vault=vault, log_key=log_key, clock=clock)
    agents = open_agents(
        database,
        vault=vault,
        cache=ground.shared.cache,
        redis_url=ground.redis_url,
        home=settings.home,
        desk=ground.desk,
        log_key=log_key,
        public_url=ground.public_url,
        clock=clock,
    )
    pool = SourcePool(
        database,
        vault=vault,
        clock=clock,
        egress_networks=settings.egress_networks,
        folders=settings.source_folders,
        lookup=pushed.lookup,
        listing=pushed.listing,
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
    return Publishing(
        pushed=pushed,
        agents=agents,
        pool=pool,
        drift=drift,
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
    )


def source_finder(ground: Ground, publishing: Publishing, readers: Readers) -> SourceFinder:
    """Whoever asks the sources of departments, for a system's question or for a licence kept as an index."""
    return SourceFinder(
        vault=ground.vault,
        pool=publishing.pool,
        cache=AnswerCache(ground.shared.cache, vault=ground.vault),
        drift=publishing.drift,
        readers=readers,
        clock=ground.clock,
    )
