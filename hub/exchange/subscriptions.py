"""Subscriptions: a system hears, at an address it proved to be its own, that something it used has changed.

It hears of its own uses only. A message is sent at least once, with growing pauses until it is given up; what was
given up is listed and can be sent again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection

from hub.access.service import Caller
from hub.clock import Clock, new_id, rfc3339
from hub.edge.errors import Fault, InvalidBodyError
from hub.exchange import subscriptions_store as store
from hub.exchange.subscriptions_delivery import DELIVER
from hub.exchange.subscriptions_store import Message, MessageState, Subscription
from hub.exchange.uses import Event
from hub.exchange.webhooks import Webhooks
from hub.ledger.entries import Draft, append, seal
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.jobs import enqueue
from hub.storage.vault import DataKey, Vault

MOST: Final = 20
"""Of a system."""
LISTED: Final = 100


@dataclass(frozen=True, slots=True)
class Wish:
    """What a system wants to hear, and where. `secret` signs the messages."""

    events: tuple[Event, ...]
    url: str = field(repr=False)
    secret: str = field(repr=False)


class SubscriptionService:
    """Makes, lists and ends subscriptions."""

    def __init__(self, database: Database, *, webhooks: Webhooks, vault: Vault, log_key: DataKey, clock: Clock) -> None:
        self._database = database
        self._webhooks = webhooks
        self._vault = vault
        self._log_key = log_key
        self._clock = clock

    async def subscribe(self, caller: Caller, wish: Wish) -> Subscription:
        """Ask the address first, then write the subscription. Nothing is written for one that does not answer.

        Raises: WebhookError; InvalidBodyError when the system has too many.
        """
        now, subscription_id = self._clock(), new_id()
        host = self._webhooks.read(wish.url).origin.authority
        known = await self.own(caller)
        if len(known) >= MOST:
            raise InvalidBodyError(Fault("", "too_many_subscriptions"))
        await self._webhooks.verify(wish.url, wish.secret, message_id=subscription_id, now=now)

        def unit(tx: Connection) -> Subscription:
            store.add_subscription(
                tx,
                self._vault,
                subscription_id=subscription_id,
                url=wish.url,
                secret=wish.secret,
                system_id=caller.system_id,
                owner_department_id=caller.department_id,
                events=sorted(event.value for event in wish.events),
                host=host,
                created_at=now,
                changed_at=now,
            )
            self._record(tx, caller, "subscription.begin", {"subscription": subscription_id, "host": host})
            return self._find(tx, caller, subscription_id)

        return await self._database.write(unit)

    async def own(self, caller: Caller) -> Sequence[Subscription]:
        """The system's subscriptions."""
        return await self._database.read(lambda tx: store.subscriptions_of(tx, self._vault, caller.system_id))

    async def end(self, caller: Caller, subscription_id: str) -> None:
        """End one; what waits is not sent any more. Raises: MissingError."""

        def unit(tx: Connection) -> None:
            self._find(tx, caller, subscription_id)
            store.end_subscription(tx, subscription_id, now=self._clock())
            self._record(tx, caller, "subscription.end", {"subscription": subscription_id})

        await self._database.write(unit)

    async def messages(self, caller: Caller, subscription_id: str, *, state: MessageState | None) -> list[Message]:
        """The newest hundred, of one state or all. Raises: MissingError."""

        def unit(tx: Connection) -> list[Message]:
            self._find(tx, caller, subscription_id)
            return store.messages_of(tx, subscription_id, state=state, most=LISTED)

        return await self._database.read(unit)

    async def replay(self, caller: Caller, subscription_id: str, message_id: str) -> str:
        """Send a message again, from the beginning of its pauses; answers the job. Raises: MissingError."""

        def unit(tx: Connection) -> str:
            self._find(tx, caller, subscription_id)
            message = store.find_message(tx, message_id, lock=True)
            if message is None or message.subscription_id != subscription_id:
                raise MissingError("message")
            now = self._clock()
            store.change_message(tx, message_id, now=now, state=MessageState.WAITING, attempts=0)
            return enqueue(tx, DELIVER, {"message": message_id, "attempt": 0}, now=now)

        return await self._database.write(unit)

    def _find(self, tx: Connection, caller: Caller, subscription_id: str) -> Subscription:
        found = store.find_subscription(tx, self._vault, subscription_id)
        if found is None or found.system_id != caller.system_id:
            raise MissingError("subscription")
        return found

    def _record(self, tx: Connection, caller: Caller, kind: str, detail: dict[str, Any]) -> None:
        by = {"by": {"kind": "system", "id": caller.client_id}}
        append(tx, [seal(Draft(kind=kind, detail=detail | by, key=self._log_key), now=self._clock())])


def subscription_json(found: Subscription) -> dict[str, Any]:
    """As the API tells it: the host, not the address, and never the secret."""
    return {
        "subscription": found.id,
        "events": list(found.events),
        "host": found.host,
        "created_at": rfc3339(found.created_at),
    }


def message_json(found: Message) -> dict[str, Any]:
    """As the API tells it."""
    return {
        "message": found.id,
        "event": found.event,
        "case_no": found.case_no,
        "ledger_entry": found.ledger_entry_id,
        "state": found.state.value,
        "attempts": found.attempts,
        "last_error": found.last_error or None,
        "created_at": rfc3339(found.created_at),
        "changed_at": rfc3339(found.changed_at),
    }
