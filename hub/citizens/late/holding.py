"""Which entries a person is not shown yet: those of cases that an order in force covers, and of nothing else.

Covered are looks of the ordering department in its own ex officio cases of one matter, since the order was signed. What
a case is is read from its opening in the ledger, as it was committed to, and not from the case's row: whoever turns an
application into an investigation by SQL hides nothing by that. A person without orders costs one statement.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from certificates.stores.holders import Subject
from hub.citizens.access_rows import Found, openings_of
from hub.citizens.late import store
from hub.citizens.late.values import OVER, Order
from hub.storage.vault import Vault

_EX_OFFICIO: Final = "ex_officio"


@dataclass(frozen=True, slots=True)
class Held:
    """What orders say of the entries of one page."""

    now: datetime
    orders: Sequence[Order]
    openings: Mapping[str, Found]

    def hides(self, found: Found) -> bool:
        """Whether it is held back now."""
        return any(order.holds(self.now) and self._covers(order, found) for order in self.orders)

    def was(self, found: Found) -> Order | None:
        """The order by which it was held back until it ended."""
        over = (item for item in self.orders if not item.holds(self.now) and self._covers(item, found))
        return max(over, key=lambda item: item.ended_at or item.until, default=None)

    def _covers(self, order: Order, found: Found) -> bool:
        opening = self.openings.get(found.case_id or "")
        said = opening.detail if opening else None
        if said is None or found.detail is None:  # whose case somebody wrote anew is none of the order's
            return False
        if order.since is None or not order.since <= found.at < (order.ended_at or order.until):
            return False
        return (said.get("kind"), said.get("matter"), said.get("department_id")) == (
            _EX_OFFICIO,
            order.matter,
            order.department_id,
        )


def hidden_cases(tx: Connection, vault: Vault, subject: Subject, cases: Sequence[str], *, now: datetime) -> set[str]:
    """Those of these cases whose very opening he is not shown yet."""
    orders = [order for order in store.of_person(tx, vault, subject.lookup_hash) if order.holds(now)]
    held = Held(now, orders, openings_of(tx, vault, cases) if orders else {})
    return {case_id for case_id, opening in held.openings.items() if held.hides(opening)}


def held_cases(tx: Connection, vault: Vault, subject: Subject, cases: Sequence[str], *, now: datetime) -> set[str]:
    """Those of these cases a look in which is not shown to him now, whether or not he knows of the case."""
    orders = [order for order in store.of_person(tx, vault, subject.lookup_hash) if order.holds(now)]
    held = Held(now, orders, openings_of(tx, vault, cases) if orders else {})
    return {case_id for case_id, opening in held.openings.items() if held.hides(replace(opening, at=now))}


def late(tx: Connection, vault: Vault, subject: Subject, found: Sequence[Found], *, now: datetime) -> Held:
    """What is known of these entries of his."""
    orders = store.of_person(tx, vault, subject.lookup_hash)
    orders = [order for order in orders if order.holds(now) or order.state in OVER or order.until <= now]
    cases = sorted({item.case_id for item in found if item.case_id}) if orders else []
    return Held(now, orders, openings_of(tx, vault, cases) if cases else {})
