"""Cases that could not be done 办不成事: any case that is stuck is sent to the desk, which answers within its time.

Sending discloses nothing and decides nothing. Who works the desk: `hub.intake.handling.desk`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, insert, select

from catalog.clocks import Limit
from catalog.matters.roles import role_of
from hub.access.actors import Role
from hub.clock import Clock, new_id
from hub.intake import store
from hub.intake.cases import CaseService
from hub.intake.errors import CaseNotFoundError, UnlistedRequirementError
from hub.intake.handling.dead_end_rows import ENDS, OPEN, REASONS, place, rows, shown
from hub.intake.handling.errors import AskError, DeadEndError
from hub.intake.handling.steps import Hand, case_data_key, record_step
from hub.intake.handling.whose import case_for, concerns
from hub.intake.repeats import effect_of
from hub.registry.clocks import ClockService, started
from hub.registry.matters.guard import MatterBook
from hub.registry.notices import notify
from hub.storage.database import Database
from hub.storage.idempotency import RequestKey, record_effect, write_once
from hub.storage.jobs import enqueue
from hub.storage.vault import Vault
from signing.canonical import canonical

REMIND: Final = "dead_end.remind"
"""The kind of job that tells of one that is nearly, or quite, overdue."""
_NEAR: Final = 1


@dataclass(frozen=True, slots=True)
class Stuck:
    """What whoever sends a case says."""

    reason: str
    code: str | None = None
    party: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Sendable:
    """A case as its form shows it before it is sent. `at_desk`: it is there already, under this id."""

    case_no: str
    matter: tuple[str, str]
    places: tuple[tuple[str, str, str, str], ...]
    """Where it may be stuck: requirement, party, title in Chinese and English."""
    at_desk: str | None


class DeadEnds:
    """Takes in cases that are stuck."""

    def __init__(self, database: Database, *, cases: CaseService, vault: Vault, clock: Clock) -> None:
        self._database = database
        self._cases = cases
        self._vault = vault
        self._matters = MatterBook(vault)
        self._clocks = ClockService(vault)
        self._clock = clock

    async def sendable(self, hand: Hand, case_no: str) -> Sendable:
        """What the form for sending shows. Raises: CaseNotFoundError."""
        case = await case_for(self._database, self._cases, hand, case_no)

        def unit(tx: Connection) -> Sendable:
            matter, parties = self._matters.matter(tx, case.matter_id), store.parties_of(tx, case.id)
            places = tuple(
                (item.code, key, item.title_zh, item.title_en)
                for item in matter.requirements
                for key in parties
                if role_of(key) == item.party
            )
            at_desk = tx.execute(select(ENDS.c.id).where(ENDS.c.standing == case.id)).scalar()
            return Sendable(case.case_no, (matter.name_zh, matter.name_en), places, at_desk)

        return await self._database.read(unit)

    async def send(
        self, hand: Hand, case_no: str, stuck: Stuck, *, request: RequestKey | None = None
    ) -> dict[str, Any]:
        """Send a case, open or closed, to the desk; the time for an answer begins.

        Raises: CaseNotFoundError; DeadEndError: it is there already; AskError: no reason of the list;
        UnlistedRequirementError; IdempotencyError.
        """
        if stuck.reason not in REASONS:
            raise AskError([("/reason", "not_in_list")])
        now = self._clock()
        case_id = (await case_for(self._database, self._cases, hand, case_no)).id
        return await write_once(self._database, lambda tx: self._send(tx, hand, case_id, stuck, request, now))

    async def of_case(self, hand: Hand, case_no: str) -> list[dict[str, Any]]:
        """What the desk was told and has said about a case, oldest first."""
        found = await self._database.read(lambda tx: store.find_case(tx, case_no))
        if found is None or not concerns(hand, found):
            raise CaseNotFoundError
        case = found
        return await self._database.read(
            lambda tx: [self._shown(case, row) for row in rows(tx, ENDS.c.case_id == case.id)]
        )

    async def remind(self, payload: Mapping[str, Any]) -> None:
        """The handler of `REMIND`."""
        now = self._clock()

        def unit(tx: Connection) -> None:
            waits = (ENDS.c.id == payload["dead_end"]) & (ENDS.c.state == OPEN)
            found = tx.execute(select(ENDS.c.id, ENDS.c.with_department_id).where(waits)).first()
            if found is None:
                return
            about, code, stage = ("dead_end", found.id), f"dead_end.{payload['stage']}", payload["stage"]
            told = {None, found.with_department_id}  # whoever has it, and the operator, whose desk it stays
            for department_id in told:
                role = Role.OWNER_APPROVER if department_id else Role.OPERATOR
                notify(tx, code, department_id=department_id, role=role, about=about, now=now, once=stage)

        await self._database.write(unit)

    def _send(
        self, tx: Connection, hand: Hand, case_id: str, stuck: Stuck, request: RequestKey | None, now: datetime
    ) -> dict[str, Any]:
        case = store.lock_for_change(tx, case_id)
        if case is None or not concerns(hand, case):
            raise CaseNotFoundError
        if (sent := effect_of(tx, request, now=now)) is not None:
            return self._shown(case, next(iter(rows(tx, ENDS.c.id == sent))))
        if stuck.code is not None and self._matters.matter(tx, case.matter_id).requirement(stuck.code) is None:
            raise UnlistedRequirementError((0,))
        known = tx.execute(select(ENDS.c.id).where(ENDS.c.standing == case.id)).scalar()
        if known is not None:
            raise DeadEndError(known)
        clocks = self._clocks.in_force(tx)
        running = started(clocks, Limit.DEAD_END, filed_at=now, now=now)
        end_id, key = new_id(), case_data_key(self._vault, case)
        detail = {"dead_end": end_id, "reason_key": stuck.reason, "code": stuck.code, "party": stuck.party}
        entry_id = record_step(
            tx, self._vault, case, hand, "dead_end", detail, now, change_no=case.change_no, reason=stuck.note
        )
        words = {"operator": dict(hand.operator), "note": stuck.note}
        tx.execute(
            insert(ENDS).values(
                id=end_id,
                case_id=case.id,
                reason=stuck.reason,
                code=stuck.code,
                party=stuck.party,
                department_id=hand.department_id,
                state=OPEN,
                standing=case.id,
                sealed=key.encrypt(place(end_id, "sealed"), canonical(words)),
                clock=running.clock.as_json(),
                opened_at=now,
                due_at=running.due_at,
                ledger_entry_id=entry_id,
            )
        )
        if request is not None:
            record_effect(tx, request, end_id, now=now)
        about = ("dead_end", end_id)
        notify(tx, "dead_end.opened", department_id=None, role=Role.OPERATOR, about=about, now=now)
        near = clocks.calendar.before(running.due_at, _NEAR)
        for stage, at in (("near", near), ("over", running.due_at)):
            if at > now:
                enqueue(tx, REMIND, {"dead_end": end_id, "stage": stage}, now=now, due=at)
        return self._shown(case, next(iter(rows(tx, ENDS.c.id == end_id))))

    def _shown(self, case: store.Case, row: Any) -> dict[str, Any]:
        return shown(case, row, case_data_key(self._vault, case), self._clock())
