"""Queries over subscriptions and their messages. Each takes the caller's connection and never commits."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, and_, func, insert, select, update

from catalog.tables import SourceRow, SystemRow, table
from hub.exchange.subscriptions.webhooks import Receiver
from hub.exchange.tables import SubscriptionRow, WebhookRow
from hub.storage.vault import Vault
from signing.canonical import canonical, strict_loads

_SUBSCRIPTIONS: Final = table(SubscriptionRow)
_MESSAGES: Final = table(WebhookRow)
_SYSTEMS: Final = table(SystemRow)
_SOURCES: Final = table(SourceRow)
_OWNED: Final = (
    select(_SUBSCRIPTIONS, _SYSTEMS.c.client_id, _SYSTEMS.c.name_zh, _SYSTEMS.c.name_en)
    .join(_SYSTEMS, _SYSTEMS.c.id == _SUBSCRIPTIONS.c.system_id)
    .where(_SUBSCRIPTIONS.c.state == "active")
)
_MAX_SEALED: Final = 65_536


class MessageState(StrEnum):
    """Where a message stands."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    DEAD = "dead"
    """Given up; its subscriber may have it sent again."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """A subscription, opened."""

    id: str
    system_id: str
    events: tuple[str, ...]
    host: str
    state: str
    created_at: datetime
    receiver: Receiver


@dataclass(frozen=True, slots=True)
class Owned:
    """A subscription as its department's people see it: closed, with the system's name."""

    id: str
    system_id: str
    department_id: str
    client_id: str
    name_zh: str
    name_en: str
    events: tuple[str, ...]
    host: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Message:
    """A message; its id is also what the receiver tells repeats by."""

    id: str
    subscription_id: str
    change_id: str
    event: str
    case_no: str
    ledger_entry_id: str
    state: MessageState
    attempts: int
    last_error: str
    created_at: datetime
    changed_at: datetime


def add_subscription(tx: Connection, vault: Vault, *, subscription_id: str, receiver: Receiver, **values: Any) -> None:
    """Write a subscription; address and secret under a key of their own."""
    key = vault.new_data_key()
    sealed = key.encrypt(_place(subscription_id), canonical(asdict(receiver)))
    tx.execute(
        insert(_SUBSCRIPTIONS).values(
            id=subscription_id, state="active", sealed=sealed, data_key=key.wrapped, kek_kid=key.kek_kid, **values
        )
    )


def subscriptions_of(tx: Connection, vault: Vault, system_id: str) -> list[Subscription]:
    """Active subscriptions of a system, oldest first."""
    where = and_(_SUBSCRIPTIONS.c.system_id == system_id, _SUBSCRIPTIONS.c.state == "active")
    rows = tx.execute(select(_SUBSCRIPTIONS).where(where).order_by(_SUBSCRIPTIONS.c.id))
    return [_subscription(row, vault) for row in rows]


def find_subscription(tx: Connection, vault: Vault, subscription_id: str) -> Subscription | None:
    """A subscription that has not ended, whoever's it is."""
    where = and_(_SUBSCRIPTIONS.c.id == subscription_id, _SUBSCRIPTIONS.c.state == "active")
    row = tx.execute(select(_SUBSCRIPTIONS).where(where)).one_or_none()
    return None if row is None else _subscription(row, vault)


def owned_by(tx: Connection, department_id: str | None) -> list[tuple[Owned, Mapping[MessageState, int]]]:
    """Live subscriptions of a department, or of all, newest first, with their messages counted by state."""
    query = _OWNED if department_id is None else _OWNED.where(_SUBSCRIPTIONS.c.owner_department_id == department_id)
    rows = tx.execute(query.order_by(_SUBSCRIPTIONS.c.created_at.desc()).limit(500)).all()
    counted: dict[str, dict[MessageState, int]] = {row.id: {} for row in rows}
    states = select(_MESSAGES.c.subscription_id, _MESSAGES.c.state, func.count())
    states = states.where(_MESSAGES.c.subscription_id.in_(counted))
    for subscription_id, state, count in tx.execute(states.group_by(_MESSAGES.c.subscription_id, _MESSAGES.c.state)):
        counted[subscription_id][MessageState(state)] = count
    return [(_owned(row), counted[row.id]) for row in rows]


def find_owned(tx: Connection, subscription_id: str) -> Owned | None:
    """A live subscription, whoever's it is."""
    row = tx.execute(_OWNED.where(_SUBSCRIPTIONS.c.id == subscription_id)).one_or_none()
    return None if row is None else _owned(row)


def is_host_of_a_source(tx: Connection, host: str) -> bool:
    """Whether some source is reached at this host, at whatever port and under this very name."""
    definitions = tx.execute(select(_SOURCES.c.definition)).scalars()
    hosts = {item.rpartition(":")[0].lower().strip("[]") for each in definitions for item in each.get("targets", ())}
    return host.lower().strip("[]") in hosts


def active_system(tx: Connection, client_id: str) -> tuple[str, str] | None:
    """Id and department of a system in use."""
    query = select(_SYSTEMS.c.id, _SYSTEMS.c.owner_department_id)
    row = tx.execute(query.where(_SYSTEMS.c.client_id == client_id, _SYSTEMS.c.active.is_(True))).one_or_none()
    return None if row is None else (row.id, row.owner_department_id)


def end_subscription(tx: Connection, subscription_id: str, *, now: datetime) -> None:
    """End it, and forget address and secret."""
    values = {"state": "ended", "sealed": b"", "data_key": b"", "changed_at": now}
    tx.execute(update(_SUBSCRIPTIONS).where(_SUBSCRIPTIONS.c.id == subscription_id).values(**values))


def add_message(tx: Connection, message: Mapping[str, Any], *, now: datetime) -> bool:
    """Write a message; False where this change was written for this use already."""
    same = and_(*(_MESSAGES.c[name] == message[name] for name in ("subscription_id", "change_id", "ledger_entry_id")))
    if tx.execute(select(_MESSAGES.c.id).where(same)).first() is not None:
        return False
    values = {"state": MessageState.WAITING, "attempts": 0, "last_error": "", "created_at": now, "changed_at": now}
    tx.execute(insert(_MESSAGES).values(**values, **message))
    return True


def find_message(tx: Connection, message_id: str, *, lock: bool = False) -> Message | None:
    """A message by id."""
    query = select(_MESSAGES).where(_MESSAGES.c.id == message_id)
    row = tx.execute(query.with_for_update() if lock else query).one_or_none()
    return None if row is None else _message(row)


def messages_of(tx: Connection, subscription_id: str, *, state: MessageState | None, most: int) -> list[Message]:
    """Messages of a subscription, newest first."""
    query = select(_MESSAGES).where(_MESSAGES.c.subscription_id == subscription_id)
    if state is not None:
        query = query.where(_MESSAGES.c.state == state)
    return [_message(row) for row in tx.execute(query.order_by(_MESSAGES.c.id.desc()).limit(most))]


def change_message(tx: Connection, message_id: str, *, now: datetime, **values: Any) -> None:
    """Write what became of a message."""
    tx.execute(update(_MESSAGES).where(_MESSAGES.c.id == message_id).values(changed_at=now, **values))


def _message(row: Any) -> Message:
    return Message(
        row.id,
        row.subscription_id,
        row.change_id,
        row.event,
        row.case_no,
        row.ledger_entry_id,
        MessageState(row.state),
        row.attempts,
        row.last_error,
        row.created_at,
        row.changed_at,
    )


def _subscription(row: Any, vault: Vault) -> Subscription:
    plain = vault.data_key(row.data_key, row.kek_kid).decrypt(_place(row.id), row.sealed)
    kept = strict_loads(plain, max_bytes=_MAX_SEALED)
    receiver = Receiver(kept["url"], kept["secret"], kept.get("ca"))  # older rows have no authority
    return Subscription(row.id, row.system_id, tuple(row.events), row.host, row.state, row.created_at, receiver)


def _owned(row: Any) -> Owned:
    return Owned(
        row.id, row.system_id, row.owner_department_id, row.client_id, row.name_zh, row.name_en, tuple(row.events),
        row.host, row.created_at,
    )  # fmt: skip


def _place(subscription_id: str) -> str:
    return f"subscriptions:{subscription_id}:sealed"
