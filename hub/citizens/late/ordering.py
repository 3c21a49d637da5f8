"""Who orders that a look is shown late: two who decide or approve for the department, and the operator's auditor.

Three accounts of three persons, a reason of a closed list, a legal basis, and an end: at most `longest` away, and with
every extension at most `most` after the first. An extension is an order of its own, signed anew by three. Anybody of
the department who could sign it, the operator or the auditor may lift it at once: that only shows more.

Each step is an entry of the ledger, under the log's own key: the person's own list says nothing of it until the end.
"""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from catalog.errors import IdentifierError
from catalog.identifiers import check, normalise_id
from hub.access.actors import Actor, Role
from hub.access.errors import ForbiddenError
from hub.access.staff_two import same_hand
from hub.citizens.late import store
from hub.citizens.late.ending import end
from hub.citizens.late.values import LEADERS, OneHandError, Order, OrderError, OrderOverError, Reason, State
from hub.citizens.late.whom import carry_whom, seal_whom
from hub.clock import BEIJING, Clock, new_id, rfc3339
from hub.issuing.plan import lookup_hash
from hub.ledger.entries import Draft, seal
from hub.registry.notices import notify
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.vault import DataKey, Vault

_LEADERS: Final = tuple(sorted(LEADERS))
_BASIS: Final = 500


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a department wants to hold back. `until`: the last civil day. `extends`: the order that this one prolongs,
    whose person and matter it takes over.
    """

    reason: str
    legal_basis: str
    until: date
    matter: str = ""
    id_type: str = ""
    id_number: str = ""
    extends: str | None = None


class Ordering:
    """Use cases of those who sign."""

    def __init__(
        self,
        database: Database,
        *,
        vault: Vault,
        log_key: DataKey,
        clock: Clock,
        longest: timedelta,
        most: timedelta,
    ) -> None:
        self._database = database
        self._vault = vault
        self._log_key = log_key
        self._clock = clock
        self._longest = longest
        self._most = most

    async def propose(self, actor: Actor, wanted: Wanted) -> Order:
        """The first signature. Nothing is held back yet. Nobody learns by it whether the hub knows the person.

        Raises: OrderError, ForbiddenError; MissingError: it extends what is not an order of this department.
        """
        actor.require(*_LEADERS)
        if actor.kind != "staff" or actor.department_id is None:
            raise ForbiddenError(_LEADERS)
        if wanted.reason not in set(Reason):
            raise OrderError("unknown", "/reason")
        if not 0 < len(wanted.legal_basis.strip()) <= _BASIS:
            raise OrderError("length", "/legal_basis")
        order_id = new_id()
        digest, said = (b"", None) if wanted.extends else self._number(wanted, order_id)
        if not wanted.extends and not 0 < len(wanted.matter) <= 64:
            raise OrderError("length", "/matter")
        now = self._clock()
        if wanted.until > (now + self._longest).date():  # there is no day after the last of the calendar
            raise OrderError("end", "/until")
        until = datetime.combine(wanted.until + timedelta(days=1), time(), BEIJING).astimezone(UTC)
        if not now < until <= now + self._longest:
            raise OrderError("end", "/until")
        department_id = actor.department_id

        def unit(tx: Connection) -> Order:
            before = self._extended(tx, department_id, wanted.extends, until) if wanted.extends else None
            order = Order(
                id=order_id,
                lookup_hash=before.lookup_hash if before else digest,
                department_id=department_id,
                matter=before.matter if before else wanted.matter,
                reason=Reason(wanted.reason),
                legal_basis=wanted.legal_basis.strip(),
                state=State.PROPOSED,
                proposed_by=actor.id,
                seconded_by=None,
                signed_by=None,
                proposed_at=now,
                since=None,
                until=until,
                ended_at=None,
                extends=wanted.extends,
                row_version=0,
                ledger_entry_id="",
                mac=b"",
                whom=carry_whom(self._log_key, before, order_id) if before else said,
            )
            made = self._write(tx, order, "late.proposed", actor, now, new=True)
            about = ("late_order", made.id)
            notify(tx, "late.proposed", department_id=department_id, role=Role.DECIDER, about=about, now=now)
            return made

        return await self._database.write(unit)

    async def second(self, actor: Actor, order_id: str) -> Order:
        """Another of the department agrees. Raises: OneHandError, OrderOverError, MissingError, ForbiddenError."""
        actor.require(*_LEADERS)

        def unit(tx: Connection, now: datetime) -> Order:
            order = self._waiting(tx, actor, order_id, State.PROPOSED, now)
            if actor.department_id != order.department_id:
                raise MissingError("late order")
            self._another(tx, actor, order.proposed_by)
            changed = replace(order, state=State.SECONDED, seconded_by=actor.id)
            made = self._write(tx, changed, "late.seconded", actor, now)
            notify(tx, "late.seconded", department_id=None, role=Role.AUDITOR, about=("late_order", made.id), now=now)
            return made

        return await self._database.write(lambda tx: unit(tx, self._clock()))

    async def sign(self, actor: Actor, order_id: str) -> Order:
        """The auditor agrees: from now on the looks are held back. Raises: as `second`; OrderError: its end."""
        actor.require(Role.AUDITOR)

        def unit(tx: Connection, now: datetime) -> Order:
            order = self._waiting(tx, actor, order_id, State.SECONDED, now)
            if actor.kind != "staff" or actor.department_id == order.department_id:
                raise ForbiddenError((Role.AUDITOR,))
            for before in (order.proposed_by, order.seconded_by or ""):
                self._another(tx, actor, before)
            begins = now
            if order.extends:
                old = self._extended(tx, order.department_id, order.extends, order.until)
                begins = old.since or now
                self._write(tx, replace(old, state=State.EXTENDED, ended_at=now), "late.extended", actor, now)
            changed = replace(order, state=State.LIVE, signed_by=actor.id, since=begins)
            return self._write(tx, changed, "late.signed", actor, now)

        return await self._database.write(lambda tx: unit(tx, self._clock()))

    async def refuse(self, actor: Actor, order_id: str) -> Order:
        """Somebody who could sign it does not, or takes back his own. Raises: OrderOverError, MissingError."""
        actor.require(*_LEADERS, Role.AUDITOR)

        def unit(tx: Connection, now: datetime) -> Order:
            order = self._own(tx, actor, order_id)
            if order.state not in {State.PROPOSED, State.SECONDED}:
                raise OrderOverError
            return self._write(tx, replace(order, state=State.REFUSED), "late.refused", actor, now)

        return await self._database.write(lambda tx: unit(tx, self._clock()))

    async def lift(self, actor: Actor, order_id: str) -> Order:
        """It ends now, and the person is told. Raises: OrderOverError, MissingError, ForbiddenError."""
        actor.require(*_LEADERS, Role.AUDITOR, Role.OPERATOR)

        def unit(tx: Connection, now: datetime) -> Order:
            order = self._own(tx, actor, order_id)
            if order.state is not State.LIVE:
                raise OrderOverError
            return end(tx, self._vault, self._log_key, order, State.LIFTED, now)

        return await self._database.write(lambda tx: unit(tx, self._clock()))

    def _number(self, wanted: Wanted, order_id: str) -> tuple[bytes, bytes]:
        """What it is found by, and what those who sign are shown of it."""
        try:
            number = normalise_id(wanted.id_type, wanted.id_number).value
            check(wanted.id_type, number)
        except IdentifierError as error:
            raise OrderError(error.reason, "/id_number") from None
        said = seal_whom(self._log_key, order_id, wanted.id_type, number)
        return lookup_hash(self._vault, wanted.id_type, number), said

    def _extended(self, tx: Connection, department_id: str, order_id: str, until: datetime) -> Order:
        """The order in force that one of the same department prolongs to this end. Not by what the actor sees: an
        auditor sees all, and another department's looks would be held back from the day on which this order began.
        """
        old = store.held(tx, self._vault, order_id)
        if old is None or old.department_id != department_id:
            raise MissingError("late order")
        if old.since is None or not old.holds(self._clock()):
            raise OrderOverError
        if not old.until < until <= old.since + self._most:
            raise OrderError("end", "/until")
        return old

    def _own(self, tx: Connection, actor: Actor, order_id: str) -> Order:
        order = store.held(tx, self._vault, order_id)
        if order is None or not actor.sees(order.department_id):
            raise MissingError("late order")
        return order

    def _waiting(self, tx: Connection, actor: Actor, order_id: str, state: State, now: datetime) -> Order:
        order = self._own(tx, actor, order_id)
        if order.state is not state or not order.waits(now):
            raise OrderOverError
        return order

    def _another(self, tx: Connection, actor: Actor, before: str) -> None:
        if actor.id == before or same_hand(self._vault, tx, actor.id, before):
            raise OneHandError

    def _write(
        self, tx: Connection, order: Order, kind: str, actor: Actor, now: datetime, *, new: bool = False
    ) -> Order:
        order = replace(order, row_version=order.row_version + 1)
        detail: dict[str, Any] = {
            "by": actor.as_json(),
            "department_id": order.department_id,
            "legal_basis": order.legal_basis,
            "matter": order.matter,
            "order": order.id,
            "person": order.lookup_hash.hex(),
            "reason": order.reason.value,
            "until": rfc3339(order.until),
        }
        draft = Draft(kind=kind, detail=detail, key=self._log_key, object_id=order.id, object_version=order.row_version)
        return store.write(tx, self._vault, order, seal(draft, now=now), new=new)
