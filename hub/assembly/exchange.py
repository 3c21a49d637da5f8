"""Queries, for real and in the sandbox, and the gateway's dialect over them."""

from dataclasses import dataclass

from hub.assembly.agreeing import assemble_questions
from hub.assembly.ground import Ground
from hub.assembly.intake import Intake
from hub.assembly.publishing import Publishing, source_finder
from hub.citizens.authorising.query_asking import QueryAsking
from hub.exchange.claiming import QueryClaiming
from hub.exchange.deciding import QueryDeciding
from hub.exchange.gateway.service import GatewayService
from hub.exchange.sandbox.steps import SandboxClaiming, SandboxDeciding, SandboxFinder
from hub.exchange.service import QueryService
from hub.exchange.subscriptions.delivery import DELIVER, WebhookDelivery
from hub.exchange.subscriptions.desk import SubscriptionDesk
from hub.exchange.subscriptions.service import SubscriptionService
from hub.exchange.subscriptions.webhooks import Webhooks
from hub.exchange.uses import CHANGED
from hub.intake.told.telling import TOLD
from hub.storage.jobs import Handler


@dataclass(frozen=True, slots=True)
class Exchange:
    """Services around questions to sources."""

    queries: QueryService
    sandbox: QueryService
    gateway: GatewayService
    subscriptions: SubscriptionService
    subscription_desk: SubscriptionDesk
    webhooks: WebhookDelivery

    def handlers(self) -> dict[str, Handler]:
        """The jobs of this area."""
        return {CHANGED: self.webhooks.spread, TOLD: self.webhooks.tell, DELIVER: self.webhooks.deliver}


def assemble_exchange(ground: Ground, intake: Intake, publishing: Publishing) -> Exchange:
    """Connect them."""
    database, vault, clock, types = ground.database, ground.vault, ground.clock, ground.types
    readers = intake.pull.readers
    queries = QueryService(
        course=intake.pull.course,
        claiming=QueryClaiming(vault=vault, types=types, quotas=intake.pull.quotas, readers=readers),
        deciding=QueryDeciding(
            vault=vault, public_url=ground.public_url, holders=QueryAsking(assemble_questions(ground))
        ),
        finder=source_finder(ground, publishing, readers),
        clock=clock,
    )
    sandbox = QueryService(
        course=intake.pull.course,
        claiming=SandboxClaiming(vault=vault, types=types, quotas=intake.pull.quotas, readers=readers),
        deciding=SandboxDeciding(vault=vault, public_url=ground.public_url, holders=None),
        finder=SandboxFinder(vault=vault, readers=readers, clock=clock),
        clock=clock,
    )
    gateway = GatewayService(
        database, vault=vault, cases=intake.pull.cases, queries=queries, log_key=ground.log_key, clock=clock
    )
    webhooks = Webhooks(private_networks=ground.settings.webhook_networks)
    subscriptions = SubscriptionService(database, webhooks=webhooks, vault=vault, log_key=ground.log_key, clock=clock)
    delivery = WebhookDelivery(database, webhooks=webhooks, vault=vault, clock=clock)
    desk = SubscriptionDesk(database, subscriptions=subscriptions)
    return Exchange(queries, sandbox, gateway, subscriptions, desk, delivery)
