"""Subscriptions: a system hears, at an address it proved to be its own, that something it used has changed.

It hears of its own uses only. A message is sent at least once, with growing pauses until it is given up; what was
given up is listed and can be sent again. Staff of its department act for it through `hub.exchange.subscriptions.desk`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self

from sqlalchemy import Connection

from hub.access.service import Caller
from hub.clock import Clock, new_id, rfc3339
from hub.edge.errors import Fault, InvalidBodyError
from hub.exchange.errors import WebhookError
from hub.exchange.subscriptions import store
from hub.exchange.subscriptions.delivery import DELIVER
from hub.exchange.subscriptions.store import Message, MessageState, Subscription
from hub.exchange.subscriptions.webhooks import HANDSHAKE, Receiver, Webhooks
from hub.exchange.uses import Event
from hub.intake.errors import IdempotencyError
from hub.intake.told.telling import CaseEvent
from hub.ledger.entries import Draft, append, seal
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.idempotency import RequestKey, find_effect, record_effect, write_once
from hub.storage.jobs import enqueue
from hub.storage.vault import DataKey, Vault

MOST: Final = 20
"""Of a system."""
LISTED: Final = 100


@dataclass(frozen=True, slots=True)
class Wish:
    """What a system wants to hear, and where."""

    events: tuple[Event | CaseEvent, ...]
    receiver: Receiver


@dataclass(frozen=True, slots=True)
class Holder:
    """The system whose subscriptions these are, and who acts, as ledger entries name him."""

    system_id: str
    department_id: str
    by: Mapping[str, str]

    @classmethod
    def of(cls, caller: Caller) -> Self:
        """A system that acts for itself."""
        return cls(caller.system_id, caller.department_id, {"kind": "system", "id": caller.client_id})


class SubscriptionService:
    """Makes, lists and ends subscriptions."""

    def __init__(self, database: Database, *, webhooks: Webhooks, vault: Vault, log_key: DataKey, clock: Clock) -> None:
        self._database = database
        self._webhooks = webhooks
        self._vault = vault
        self._log_key = log_key
        self._clock = clock

    async def subscribe(self, holder: Holder, wish: Wish, *, request: RequestKey | None = None) -> Subscription:
        """Ask the address first, then write the subscription. Nothing is written for one that does not answer; with an
        Idempotency-Key that has made one already nobody is asked, and that one is answered.

        Raises: WebhookError; InvalidBodyError when the system has too many; IdempotencyError; MissingError when what
            the key made has ended since.
        """
        now, subscription_id = self._clock(), new_id()
        host = self._webhooks.read(wish.receiver).origin.authority
        known = await self._database.read(lambda tx: self._admit(tx, holder, request, now))
        if known is not None:
            return known
        await self._handshake(wish.receiver, subscription_id, now)

        def unit(tx: Connection) -> Subscription:
            twin = self._admit(tx, holder, request, now)
            if twin is not None:
                return twin
            store.add_subscription(
                tx,
                self._vault,
                subscription_id=subscription_id,
                receiver=wish.receiver,
                system_id=holder.system_id,
                owner_department_id=holder.department_id,
                events=sorted(event.value for event in wish.events),
                host=host,
                created_at=now,
                changed_at=now,
            )
            self._record(tx, holder, "subscription.begin", {"subscription": subscription_id, "host": host})
            if request is not None:
                record_effect(tx, request, subscription_id, now=now)
            return self._find(tx, holder, subscription_id)

        return await write_once(self._database, unit)

    async def verify(self, holder: Holder, subscription_id: str) -> None:
        """The handshake once more, to see whether the address answers today; changes nothing.

        Raises: MissingError, WebhookError.
        """
        found = await self._database.read(lambda tx: self._find(tx, holder, subscription_id))
        await self._handshake(found.receiver, new_id(), self._clock())

    async def own(self, holder: Holder) -> Sequence[Subscription]:
        """The system's subscriptions."""
        return await self._database.read(lambda tx: store.subscriptions_of(tx, self._vault, holder.system_id))

    async def end(self, holder: Holder, subscription_id: str) -> None:
        """End one; what waits is not sent any more. Raises: MissingError."""

        def unit(tx: Connection) -> None:
            self._find(tx, holder, subscription_id)
            store.end_subscription(tx, subscription_id, now=self._clock())
            self._record(tx, holder, "subscription.end", {"subscription": subscription_id})

        await self._database.write(unit)

    async def messages(self, holder: Holder, subscription_id: str, *, state: MessageState | None) -> list[Message]:
        """The newest hundred, of one state or all. Raises: MissingError."""

        def unit(tx: Connection) -> list[Message]:
            self._find(tx, holder, subscription_id)
            return store.messages_of(tx, subscription_id, state=state, most=LISTED)

        return await self._database.read(unit)

    async def replay(
        self, holder: Holder, subscription_id: str, message_id: str, *, request: RequestKey | None = None
    ) -> None:
        """Send a message again, from the beginning of its pauses; once per Idempotency-Key.

        Raises: MissingError, IdempotencyError.
        """

        def unit(tx: Connection) -> None:
            self._find(tx, holder, subscription_id)
            message = store.find_message(tx, message_id, lock=True)
            if message is None or message.subscription_id != subscription_id:
                raise MissingError("message")
            now = self._clock()
            if request is not None:
                if _known(tx, request, now) is not None:
                    return
                record_effect(tx, request, message_id, now=now)
            store.change_message(tx, message_id, now=now, state=MessageState.WAITING, attempts=0)
            enqueue(tx, DELIVER, {"message": message_id, "attempt": 0}, now=now)

        await write_once(self._database, unit)

    async def _handshake(self, receiver: Receiver, message_id: str, now: datetime) -> None:
        """A source is not even asked: what a subscriber makes the hub send is none of its questions."""
        host = self._webhooks.read(receiver).origin.host
        if await self._database.read(lambda tx: store.is_host_of_a_source(tx, host)):
            raise WebhookError(HANDSHAKE)
        await self._webhooks.verify(receiver, message_id=message_id, now=now)

    def _admit(self, tx: Connection, holder: Holder, request: RequestKey | None, now: datetime) -> Subscription | None:
        """What this key has made. Nothing yet: None, if there is room for one more."""
        known = _known(tx, request, now)
        if known is not None:
            return self._find(tx, holder, known)
        if len(store.subscriptions_of(tx, self._vault, holder.system_id)) >= MOST:
            raise InvalidBodyError(Fault("", "too_many_subscriptions"))
        return None

    def _find(self, tx: Connection, holder: Holder, subscription_id: str) -> Subscription:
        found = store.find_subscription(tx, self._vault, subscription_id)
        if found is None or found.system_id != holder.system_id:
            raise MissingError("subscription")
        return found

    def _record(self, tx: Connection, holder: Holder, kind: str, detail: dict[str, Any]) -> None:
        by = {"by": dict(holder.by)}
        append(tx, [seal(Draft(kind=kind, detail=detail | by, key=self._log_key), now=self._clock())])


def _known(tx: Connection, request: RequestKey | None, now: datetime) -> str | None:
    effect = find_effect(tx, request, now=now) if request else None
    if effect is None:
        return None
    if not effect[1]:
        raise IdempotencyError
    return effect[0]


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
