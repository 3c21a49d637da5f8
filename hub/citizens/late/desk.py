"""Orders as those see them who sign or lift them: what waits for whom, what each may do now, whom it is about."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, Connection, func, or_, select

from catalog.tables import GrantRow, SystemRow, table
from hub.access.actors import Actor, Role
from hub.citizens.late import store
from hub.citizens.late.tables import LateOrderRow
from hub.citizens.late.values import LEADERS, WAITS, Order, State
from hub.citizens.late.whom import whom
from hub.clock import Clock, utc_now
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.vault import DataKey, Vault

_ROWS: Final = table(LateOrderRow)
_GRANTS: Final = table(GrantRow)
_SYSTEMS: Final = table(SystemRow)
_SEERS: Final = (*sorted(LEADERS), Role.AUDITOR, Role.OPERATOR)


@dataclass(frozen=True, slots=True)
class Seen:
    """One order before one of them.

    Attributes:
        whom: the number with its middle struck out; empty for who signs nothing.
        may: of `second`, `sign`, `refuse`, `lift`, `extend`. That two accounts are one hand, signing finds out.
        lapsed: it waited too long for its next signature.
    """

    order: Order
    whom: str
    may: frozenset[str]
    lapsed: bool

    @property
    def waits_for_him(self) -> bool:
        """Whether his is the next signature."""
        return bool(self.may & {"second", "sign"})


class LateDesk:
    """Reads them. Signing is `hub.citizens.late.ordering`."""

    def __init__(self, database: Database, *, vault: Vault, log_key: DataKey, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._log_key = log_key
        self._clock = clock

    async def listed(self, actor: Actor) -> Sequence[Seen]:
        """The newest 200 of the own department; for operator and auditor of all.

        Raises: ForbiddenError: who could neither sign nor lift one has no business with them.
        """
        actor.require(*_SEERS)
        everything = bool(actor.roles & {Role.AUDITOR, Role.OPERATOR})
        whose = None if everything else actor.department_id or ""
        found = await self._database.read(lambda tx: store.listed(tx, self._vault, whose))
        return [self._seen(actor, order) for order in found]

    async def one(self, actor: Actor, order_id: str) -> Seen:
        """One of them. Raises: MissingError, also for another department's; ForbiddenError."""
        actor.require(*_SEERS)
        order = await self._database.read(lambda tx: store.one(tx, self._vault, order_id))
        if order is None or not actor.sees(order.department_id):
            raise MissingError("late order")
        return self._seen(actor, order)

    async def granted(self, department_id: str) -> Sequence[str]:
        """Codes of the matters in which systems of this department may look ex officio."""
        query = select(_GRANTS.c.terms).join(_SYSTEMS, _SYSTEMS.c.id == _GRANTS.c.system_id)
        query = query.where(_SYSTEMS.c.owner_department_id == department_id, _GRANTS.c.kind == "ex_officio")
        found = await self._database.read(lambda tx: tx.execute(query).scalars().all())
        return sorted({code for terms in found for code in terms.get("matters") or ()})

    def _seen(self, actor: Actor, order: Order) -> Seen:
        now = self._clock()
        waits = order.state in {State.PROPOSED, State.SECONDED}
        return Seen(order, whom(self._log_key, order, actor), may(actor, order, now), waits and not order.waits(now))


def may(actor: Actor, order: Order, now: datetime) -> frozenset[str]:
    """What he may do with it now."""
    leads = actor.kind == "staff" and actor.department_id == order.department_id and bool(actor.roles & LEADERS)
    audits = actor.kind == "staff" and actor.department_id != order.department_id and Role.AUDITOR in actor.roles
    found = set()
    if order.waits(now) and (leads or audits):
        found.add("refuse")
        if order.state is State.PROPOSED and leads and actor.id != order.proposed_by:
            found.add("second")
        if order.state is State.SECONDED and audits and actor.id not in {order.proposed_by, order.seconded_by}:
            found.add("sign")
    if order.holds(now):
        if leads or actor.roles & {Role.AUDITOR, Role.OPERATOR}:
            found.add("lift")
        if leads:
            found.add("extend")
    return frozenset(found)


def orders_to_sign(tx: Connection, actor: Actor) -> int:
    """How many wait for his signature."""
    now = utc_now()
    conditions: list[ColumnElement[bool]] = []
    if actor.roles & LEADERS and actor.department_id is not None:
        mine = _ROWS.c.owner_department_id == actor.department_id
        conditions.append(mine & (_ROWS.c.state == State.PROPOSED.value) & (_ROWS.c.proposed_by != actor.id))
    if Role.AUDITOR in actor.roles:
        others = (_ROWS.c.proposed_by != actor.id) & (_ROWS.c.seconded_by != actor.id)
        if actor.department_id is not None:
            others &= _ROWS.c.owner_department_id != actor.department_id
        conditions.append(others & (_ROWS.c.state == State.SECONDED.value))
    if not conditions:
        return 0
    query = select(func.count()).select_from(_ROWS).where(or_(*conditions))
    return int(tx.execute(query.where(_ROWS.c.proposed_at > now - WAITS, _ROWS.c.until > now)).scalar_one())
