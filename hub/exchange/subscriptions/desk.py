"""Subscriptions as staff of the subscribing department handle them, for a system of theirs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from hub.access.actors import Actor, Role
from hub.exchange.subscriptions import store
from hub.exchange.subscriptions.service import Holder, SubscriptionService, Wish
from hub.exchange.subscriptions.store import Message, MessageState, Owned, Subscription
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.idempotency import RequestKey

_WHO: Final = (Role.CONSUMER_ENGINEER,)
_SEE: Final = (Role.CONSUMER_ENGINEER, Role.OPERATOR, Role.AUDITOR)


@dataclass(frozen=True, slots=True)
class SubscriptionSeen:
    """A subscription with its messages, newest first."""

    owned: Owned
    messages: list[Message]
    dead: list[Message]


class SubscriptionDesk:
    """Use cases of a consumer's engineer; operator and auditor look on. Ids are checked against his department."""

    def __init__(self, database: Database, *, subscriptions: SubscriptionService) -> None:
        self._database = database
        self._subscriptions = subscriptions

    async def seen_by(self, actor: Actor) -> list[tuple[Owned, Mapping[MessageState, int]]]:
        """The live ones of his department, with how many messages stand where. Raises: ForbiddenError."""
        actor.require(*_SEE)
        everything = bool(actor.roles & {Role.OPERATOR, Role.AUDITOR})
        department = None if everything else actor.department_id or ""
        return await self._database.read(lambda tx: store.owned_by(tx, department))

    async def view(self, actor: Actor, subscription_id: str) -> SubscriptionSeen:
        """One with its newest messages. Raises: MissingError, ForbiddenError."""
        owned = await self._owned(actor, subscription_id, *_SEE)
        holder = _holder(actor, owned)
        messages = await self._subscriptions.messages(holder, subscription_id, state=None)
        dead = await self._subscriptions.messages(holder, subscription_id, state=MessageState.DEAD)
        return SubscriptionSeen(owned, messages, dead)

    async def subscribe(
        self, actor: Actor, client_id: str, wish: Wish, *, once: str = "", hashed: bytes = b""
    ) -> Subscription:
        """Subscribe for a live system of his own department. `once` is an Idempotency-Key over `hashed`.

        Raises: MissingError, ForbiddenError; and what `SubscriptionService.subscribe` does.
        """
        system = await self._database.read(lambda tx: store.active_system(tx, client_id))
        if system is None:
            raise MissingError("system")
        system_id, department_id = system
        actor.require(*_WHO, owner=department_id)
        holder = Holder(system_id, department_id, actor.as_json())
        request = RequestKey.of(system_id, "subscriptions", once, hashed)
        return await self._subscriptions.subscribe(holder, wish, request=request)

    async def verify(self, actor: Actor, subscription_id: str) -> None:
        """Ask the address again. Raises: MissingError, ForbiddenError, WebhookError."""
        owned = await self._owned(actor, subscription_id, *_WHO)
        await self._subscriptions.verify(_holder(actor, owned), subscription_id)

    async def replay(self, actor: Actor, subscription_id: str, message_id: str) -> None:
        """Send a message again. Raises: MissingError, ForbiddenError."""
        owned = await self._owned(actor, subscription_id, *_WHO)
        await self._subscriptions.replay(_holder(actor, owned), subscription_id, message_id)

    async def end(self, actor: Actor, subscription_id: str) -> None:
        """End it. Raises: MissingError, ForbiddenError."""
        owned = await self._owned(actor, subscription_id, *_WHO)
        await self._subscriptions.end(_holder(actor, owned), subscription_id)

    async def _owned(self, actor: Actor, subscription_id: str, *roles: Role) -> Owned:
        found = await self._database.read(lambda tx: store.find_owned(tx, subscription_id))
        if found is None:
            raise MissingError("subscription")
        actor.require(*roles, owner=found.department_id)
        return found


def _holder(actor: Actor, owned: Owned) -> Holder:
    return Holder(owned.system_id, owned.department_id, actor.as_json())
