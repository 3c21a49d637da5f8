"""Paying debts: a job asks again with growing pauses, under the case's own grant and system, until there is an answer.

The next job is written in the transaction that begins a try: a process that dies in the middle of one leaves the debt
to the next, and of two that begin the same one only one goes on.
"""

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from sqlalchemy import Connection

from catalog.store import find_system_key
from hub.access.actors import Actor, Role
from hub.access.errors import InvalidTokenError
from hub.access.service import Caller
from hub.clock import Clock
from hub.intake import store as cases
from hub.intake.calls import EvidenceCall
from hub.intake.errors import CaseClosedError, CaseNotFoundError, InFlightError, StillOwedError
from hub.intake.evidence import EvidenceService
from hub.intake.owed import store
from hub.intake.owed.ending import abandon
from hub.intake.owed.opening import COLLECT, FIRST_PAUSE
from hub.intake.owed.store import OPEN, Debt
from hub.intake.told.telling import CaseEvent, tell
from hub.registry.notices import notify
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.jobs import enqueue
from hub.storage.vault import Vault

LONGEST_PAUSE: Final = timedelta(hours=1)
_log = structlog.get_logger(__name__)


class Paying:
    """Asks again for what is owed."""

    def __init__(self, database: Database, *, vault: Vault, evidence: EvidenceService, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._evidence = evidence
        self._clock = clock

    async def collect(self, payload: Mapping[str, Any]) -> None:
        """The handler of `COLLECT`: one try, when it is the source's turn."""
        now = self._clock()
        debt = await self._database.write(lambda tx: _begin(tx, payload, now))
        if debt is not None:
            await self._ask(debt)

    async def pay(self, actor: Actor, debt_id: str) -> Debt:
        """Ask again now, whenever the source was asked last; the debt as it then stands.

        Raises: MissingError, ForbiddenError.
        """
        try:
            uuid.UUID(debt_id)  # PostgreSQL answers anything else with an error
        except ValueError:
            raise MissingError("debt") from None
        debt = await self._database.read(lambda tx: store.find_debt(tx, debt_id))
        if debt is None:
            raise MissingError("debt")
        actor.require(Role.OPERATOR, Role.OWNER_ENGINEER, owner=debt.owner_department_id)
        if debt.owner_department_id is None:
            actor.require(Role.OPERATOR)
        if debt.state == OPEN:
            await self._ask(debt)
        found = await self._database.read(lambda tx: store.find_debt(tx, debt_id))
        return found or debt

    async def remind(self, payload: Mapping[str, Any]) -> None:
        """The handler of `REMIND`: whoever owes is told, and from the end on his supervisor too."""
        now = self._clock()
        await self._database.write(lambda tx: _remind(tx, payload["debt"], payload["stage"], now))

    async def _ask(self, debt: Debt) -> None:
        caller = await self._database.read(lambda tx: _caller(tx, debt))
        if caller is None:
            _log.warning("debt_waits", debt=debt.id, reason="client_disabled")
            return
        call = EvidenceCall(
            case_no=debt.case_no,
            requirements=(debt.code,),
            purpose=debt.purpose,
            language=debt.language,
            request_hash=debt.request_hash,
            pays=debt.id,
            party=debt.party,
        )
        try:
            await self._evidence.pay(caller, call)
        except StillOwedError as error:
            cause = error.cause
            await self._database.write(lambda tx: store.still_owed(tx, debt.id, cause))
        except CaseClosedError:
            await self._database.write(lambda tx: self._give_up(tx, debt))
        except (CaseNotFoundError, InvalidTokenError, InFlightError) as error:
            _log.info("debt_not_paid", debt=debt.id, error=type(error).__name__)

    def _give_up(self, tx: Connection, debt: Debt) -> None:
        """A release that knew no debts closed the case and left them open."""
        case = cases.lock_for_change(tx, debt.case_id)
        if case is not None and case.state == cases.CLOSED:
            abandon(tx, self._vault, case, self._clock())


def _begin(tx: Connection, payload: Mapping[str, Any], now: datetime) -> Debt | None:
    debt = store.find_debt(tx, payload["debt"])
    if debt is None or debt.state != OPEN or debt.attempts != payload["attempt"]:
        return None
    turn = store.take_turn(tx, debt.source_code, queued=payload.get("queued", False), now=now)
    if turn > now:
        enqueue(tx, COLLECT, dict(payload) | {"queued": True}, now=now, due=turn)
        return None
    attempt = debt.attempts + 1
    again = now + min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(attempt, 10))
    if not store.begin_try(tx, debt, next_try_at=again):
        return None
    enqueue(tx, COLLECT, {"debt": debt.id, "attempt": attempt}, now=now, due=again)
    return debt


def _caller(tx: Connection, debt: Debt) -> Caller | None:
    """The case's own system by the key that asked, or by its newest one; None while it is out of use."""
    kid = store.key_in_use(tx, debt.client_id, debt.kid)
    key = find_system_key(tx, debt.client_id, kid) if kid else None
    if key is None:
        return None
    return Caller(key.system_id, key.client_id, key.department_id, key.kid, key.jwk, expires_at=0.0)


def _remind(tx: Connection, debt_id: str, stage: str, now: datetime) -> None:
    debt = store.find_debt(tx, debt_id)
    if debt is None or debt.state != OPEN:
        return
    owner, operator = (debt.owner_department_id, Role.OWNER_APPROVER), (None, Role.OPERATOR)
    told = [owner] if stage == "near" else [owner, operator]
    for department_id, role in told if debt.owner_department_id else [operator]:
        about, once = ("debt", debt.id), stage
        notify(tx, f"debt.{stage}", department_id=department_id, role=role, about=about, now=now, once=once)
    if stage == "over":
        entry_id = debt.ledger_entry_id
        overdue = CaseEvent.DEBT_OVERDUE
        tell(tx, debt.case_id, overdue, entry_id=entry_id, now=now, code=debt.code, party=debt.party, about=debt.id)
