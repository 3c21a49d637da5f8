"""Queries, for real and in the sandbox, and the gateway's dialect over them."""

from dataclasses import dataclass

from hub.assembly.ground import Ground
from hub.assembly.intake import Intake
from hub.assembly.publishing import Publishing
from hub.exchange.cache import AnswerCache
from hub.exchange.claiming import QueryClaiming
from hub.exchange.deciding import QueryDeciding
from hub.exchange.finding import SourceFinder
from hub.exchange.gateway import GatewayService
from hub.exchange.judging import Readers
from hub.exchange.sandbox import SandboxClaiming, SandboxDeciding, SandboxFinder
from hub.exchange.service import QueryService
from hub.exchange.subscriptions import SubscriptionService
from hub.exchange.subscriptions_delivery import WebhookDelivery
from hub.exchange.subscriptions_desk import SubscriptionDesk
from hub.exchange.webhooks import Webhooks


@dataclass(frozen=True, slots=True)
class Exchange:
    """Services around questions to sources."""

    queries: QueryService
    sandbox: QueryService
    gateway: GatewayService
    subscriptions: SubscriptionService
    subscription_desk: SubscriptionDesk
    webhooks: WebhookDelivery


def assemble_exchange(ground: Ground, intake: Intake, publishing: Publishing) -> Exchange:
    """Connect them."""
    database, vault, clock, types = ground.database, ground.vault, ground.clock, ground.types
    readers = Readers()
    queries = QueryService(
        course=intake.course,
        claiming=QueryClaiming(vault=vault, types=types, quotas=intake.quotas, readers=readers),
        deciding=QueryDeciding(vault=vault, public_url=ground.public_url),
        finder=SourceFinder(
            vault=vault,
            pool=publishing.pool,
            cache=AnswerCache(ground.shared.cache, vault=vault),
            drift=publishing.drift,
            readers=readers,
            clock=clock,
        ),
        clock=clock,
    )
    sandbox = QueryService(
        course=intake.course,
        claiming=SandboxClaiming(vault=vault, types=types, quotas=intake.quotas, readers=readers),
        deciding=SandboxDeciding(vault=vault, public_url=ground.public_url),
        finder=SandboxFinder(vault=vault, readers=readers, clock=clock),
        clock=clock,
    )
    gateway = GatewayService(
        database, vault=vault, cases=intake.cases, queries=queries, log_key=ground.log_key, clock=clock
    )
    webhooks = Webhooks(private_networks=ground.settings.webhook_networks)
    subscriptions = SubscriptionService(database, webhooks=webhooks, vault=vault, log_key=ground.log_key, clock=clock)
    delivery = WebhookDelivery(database, webhooks=webhooks, vault=vault, clock=clock)
    desk = SubscriptionDesk(database, subscriptions=subscriptions)
    return Exchange(queries, sandbox, gateway, subscriptions, desk, delivery)
