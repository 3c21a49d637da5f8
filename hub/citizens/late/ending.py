"""The end of an order: an entry in the person's own list says by whose order and on what ground he is told only now."""

from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Final

from sqlalchemy import Connection

from certificates.stores.holders import find_subjects
from hub.citizens.late import store
from hub.citizens.late.values import Order, State
from hub.citizens.notices.kinds import NoticeKind
from hub.citizens.notices.notify import notify
from hub.clock import Clock, rfc3339
from hub.ledger.entries import Draft, seal
from hub.storage.database import Database
from hub.storage.vault import DataKey, Vault

SHOWN: Final = "late.shown"


@dataclass(frozen=True, slots=True)
class Figures:
    """What is published of orders, of the whole hub and of nobody."""

    in_force: int
    signed: int
    extended: int
    ended: int
    lifted: int


class LateEnding:
    """Ends orders whose time is over, and counts them."""

    def __init__(self, database: Database, *, vault: Vault, log_key: DataKey, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._log_key = log_key
        self._clock = clock

    async def sweep(self) -> None:
        """Tell those whom an order concerned that has ended. What it held is in their lists since the end itself."""
        for order in await self._database.read(lambda tx: store.due(tx, self._vault, self._clock())):
            await self._database.write(partial(self._end, order.id))

    async def figures(self, since: datetime) -> Figures:
        """Orders in force now, and what was signed and ended since a moment."""
        now = self._clock()
        found = await self._database.read(lambda tx: store.since(tx, self._vault, since))
        ended = [order.state for order in found if order.ended_at is not None and order.ended_at >= since]
        signed = [order for order in found if not order.extends and order.since is not None and order.since >= since]
        return Figures(
            in_force=sum(order.holds(now) for order in found),
            signed=len(signed),
            extended=ended.count(State.EXTENDED),
            ended=ended.count(State.ENDED),
            lifted=ended.count(State.LIFTED),
        )

    def _end(self, order_id: str, tx: Connection) -> None:
        order, now = store.held(tx, self._vault, order_id), self._clock()
        if order is not None and order.state is State.LIVE and order.until <= now:
            end(tx, self._vault, self._log_key, order, State.ENDED, now)


def end(tx: Connection, vault: Vault, log_key: DataKey, order: Order, state: State, now: datetime) -> Order:
    """End it, and tell whom it was about, if the hub knows him."""
    changed = replace(order, state=state, row_version=order.row_version + 1, ended_at=min(now, order.until))
    subject = find_subjects(tx, [order.lookup_hash]).get(order.lookup_hash)
    draft = Draft(
        kind=SHOWN,
        detail={
            "department_id": order.department_id,
            "legal_basis": order.legal_basis,
            "matter": order.matter,
            "order": order.id,
            "reason": order.reason.value,
            "since": rfc3339(order.since or now),
            "until": rfc3339(changed.ended_at or now),
        },
        key=vault.data_key(subject.data_key, subject.kek_kid) if subject else log_key,
        subject_id=subject.id if subject else None,
        object_id=order.id,
        object_version=changed.row_version,
    )
    changed = store.write(tx, vault, changed, seal(draft, now=now), new=False)
    if subject is not None:
        notify(tx, subject.id, NoticeKind.SHOWN_LATE, about=draft.id, now=now)
    return changed
