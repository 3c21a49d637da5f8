"""The jobs behind webhooks: who must hear of a change, or of what happened in a case, and telling one of them.

A message is written once per change and use, whatever is repeated. Sending may repeat after a crash: its id tells the
receiver so. A receiver that fails is tried again in a job of its own, so it holds up nobody else.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from sqlalchemy import Connection

from hub.clock import Clock, new_id, rfc3339
from hub.exchange.errors import WebhookError
from hub.exchange.subscriptions import store
from hub.exchange.subscriptions.store import Message, MessageState, Subscription
from hub.exchange.subscriptions.webhooks import Webhooks
from hub.exchange.uses import uses_of
from hub.intake.told.telling import find_event, shown
from hub.storage.database import Database
from hub.storage.jobs import enqueue
from hub.storage.vault import Vault

DELIVER: Final = "webhook.deliver"
PAUSES: Final = tuple(timedelta(seconds=seconds) for seconds in (10, 60, 300, 1800, 7200, 21600, 43200, 86400))
"""Before the second attempt, the third, …; after the last a message is given up: two days in all."""
_log = structlog.get_logger(__name__)


class WebhookDelivery:
    """Handlers of these jobs."""

    def __init__(self, database: Database, *, webhooks: Webhooks, vault: Vault, clock: Clock) -> None:
        self._database = database
        self._webhooks = webhooks
        self._vault = vault
        self._clock = clock

    async def spread(self, job: Mapping[str, Any]) -> None:
        """Write a message for every use of what changed whose system wants to hear of it."""
        await self._database.write(lambda tx: self._spread(tx, job))

    async def tell(self, job: Mapping[str, Any]) -> None:
        """Write a message of something that happened in a case for every subscription of its system to such events."""
        await self._database.write(lambda tx: self._tell(tx, str(job["event"])))

    async def deliver(self, job: Mapping[str, Any]) -> None:
        """Send one message; a failure is written down and tried again later, it is no error of the job."""
        message_id, attempt = str(job["message"]), int(job["attempt"])
        found = await self._database.read(lambda tx: self._waiting(tx, message_id, attempt))
        if found is None:
            return
        message, subscription, more = found
        now = self._clock()
        told = {
            "id": message.id,
            "time": rfc3339(message.created_at),
            "event": message.event,
            "case_no": message.case_no,
            "receipt_entry": message.ledger_entry_id,
        } | more
        error = ""
        try:
            await self._webhooks.send(subscription.receiver, told, message_id=message.id, now=now)
        except WebhookError as failure:
            error = failure.reason[:40]
            _log.warning("webhook_failed", subscription=subscription.id, reason=error, attempt=attempt + 1)
        await self._database.write(lambda tx: self._settle(tx, message_id, attempt, error))

    def _spread(self, tx: Connection, job: Mapping[str, Any]) -> None:
        now, event, change = self._clock(), str(job["event"]), str(job["change"])
        known: dict[str, list[Subscription]] = {}
        for use in uses_of(tx, job["marks"]):
            system_id = use["system_id"]
            if system_id not in known:
                known[system_id] = store.subscriptions_of(tx, self._vault, system_id)
            for subscription in known[system_id]:
                if event in subscription.events:
                    _write(tx, subscription, event, change, use["case_no"], use["ledger_entry_id"], now)

    def _tell(self, tx: Connection, event_id: str) -> None:
        told, now = find_event(tx, event_id), self._clock()
        if told is None:
            return
        for subscription in store.subscriptions_of(tx, self._vault, told.system_id):
            if told.event in subscription.events:
                _write(tx, subscription, told.event, told.id, told.case_no, told.ledger_entry_id, now)

    def _waiting(
        self, tx: Connection, message_id: str, attempt: int
    ) -> tuple[Message, Subscription, dict[str, Any]] | None:
        """The message, its subscription and what an event of a case adds; None where it went on without this job or
        its subscription has ended.
        """
        message = store.find_message(tx, message_id)
        if message is None or message.state is not MessageState.WAITING or message.attempts != attempt:
            return None
        subscription = store.find_subscription(tx, self._vault, message.subscription_id)
        if subscription is None:
            return None
        told = find_event(tx, message.change_id)
        return message, subscription, shown(told) | {"external_no": told.external_no} if told else {}

    def _settle(self, tx: Connection, message_id: str, attempt: int, error: str) -> None:
        message = store.find_message(tx, message_id, lock=True)
        if message is None or message.state is not MessageState.WAITING or message.attempts != attempt:
            return
        now, tried = self._clock(), attempt + 1
        if not error:
            store.change_message(tx, message_id, now=now, state=MessageState.DELIVERED, attempts=tried, last_error="")
        elif attempt >= len(PAUSES):
            store.change_message(tx, message_id, now=now, state=MessageState.DEAD, attempts=tried, last_error=error)
        else:
            store.change_message(tx, message_id, now=now, attempts=tried, last_error=error)
            enqueue(tx, DELIVER, {"message": message_id, "attempt": tried}, now=now, due=now + PAUSES[attempt])


def _write(
    tx: Connection, subscription: Subscription, event: str, change: str, case_no: str, entry_id: str, now: datetime
) -> None:
    """A message, and the job that sends it; nothing where it was written already."""
    message = {
        "id": new_id(),
        "subscription_id": subscription.id,
        "change_id": change,
        "event": event,
        "case_no": case_no,
        "ledger_entry_id": entry_id,
    }
    if store.add_message(tx, message, now=now):
        enqueue(tx, DELIVER, {"message": message["id"], "attempt": 0}, now=now)
