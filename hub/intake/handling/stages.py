"""Stages of a case: filed → accepted → decided. Each step once, by who may, on the ledger, and told to its system.

Whoever accepts either decides too, or accepts for the department that decides, under its mandate. What a department or
the hub owes is nobody's reason to refuse: while something is owed to a case it is accepted, and not decided.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from hub.access.actors import Role
from hub.clock import Clock
from hub.intake import store
from hub.intake.cases import CaseService
from hub.intake.errors import CaseClosedError, CaseNotFoundError, DebtsOpenError
from hub.intake.families.store import awaited, case_decided
from hub.intake.handling import store as rows
from hub.intake.handling.asking_more import Asking, checked_asking
from hub.intake.handling.clocks import CaseClocks
from hub.intake.handling.deciding import GRANTED, NOT_ACCEPTED, Decision, check_results
from hub.intake.handling.errors import (
    AskedAlreadyError,
    AskError,
    MandateMissingError,
    NotApprovingError,
    StageError,
)
from hub.intake.handling.given import given, latest
from hub.intake.handling.guard import believe_stage, staged
from hub.intake.handling.mandates import Mandates
from hub.intake.handling.steps import Hand, changed, record_step
from hub.intake.handling.whose import case_for, concerns
from hub.intake.owed.store import debts_of
from hub.intake.store import Case
from hub.intake.told.telling import CaseEvent, tell
from hub.registry.matters.guard import MatterBook, believed_versions
from hub.registry.notices import notify
from hub.storage.database import Database
from hub.storage.vault import Vault


class Stages:
    """Takes cases from stage to stage."""

    def __init__(
        self, database: Database, *, cases: CaseService, mandates: Mandates, vault: Vault, clock: Clock
    ) -> None:
        self._database = database
        self._cases = cases
        self._mandates = mandates
        self._vault = vault
        self._matters = MatterBook(vault)
        self._clocks = CaseClocks(vault)
        self._clock = clock

    async def accept(self, hand: Hand, case_no: str) -> Case:
        """Take a case in 受理: for the own department, or under a mandate for the one that decides.

        Raises: CaseNotFoundError, CaseClosedError, StageError, MandateMissingError.
        """
        return await self._step(hand, case_no, lambda tx, case, now: self._accept(tx, hand, case, now))

    async def decide(self, hand: Hand, case_no: str, decision: Decision) -> Case:
        """Grant or refuse an accepted case, or refuse to take one in 不予受理. A refusal says why.

        Raises: CaseNotFoundError, CaseClosedError, StageError; NotApprovingError; DebtsOpenError: something is owed;
        CaseChangedError: it was amended since it was read; AskError: no reason, or a result that the department did
        not issue. Nothing more is disclosed for the case from this commit on.
        """
        return await self._step(hand, case_no, lambda tx, case, now: self._decide(tx, hand, case, decision, now))

    def decidable(self, tx: Connection, hand: Hand, case_id: str, change_no: int | None) -> Case:
        """The case, locked, if it can be granted in this transaction. Raises: as `decide`."""
        case = self._held(tx, hand, case_id)
        _in_stage(case, "accepted")
        _approves(hand, case)
        self._ripe(tx, case, change_no)
        return case

    def decide_in(self, tx: Connection, hand: Hand, case_id: str, decision: Decision, now: datetime) -> None:
        """The unit of `decide`, for whoever writes beside it what comes of the decision. Raises: as `decide`."""
        self._decide(tx, hand, self._held(tx, hand, case_id), decision, now)

    async def ask_more(self, hand: Hand, case_no: str, asking: Asking) -> Case:
        """Say what is missing 一次性告知: everything, once. The clock stands still until it is supplied. What another
        case of the family was to give then, and does not any more, is said by itself; for that no clock stands still.

        Raises: CaseNotFoundError, CaseClosedError, StageError, NotApprovingError; AskedAlreadyError: a second time;
        AskError: not all that is missing, or what is proved, owed or not of the matter.
        """
        return await self._step(hand, case_no, lambda tx, case, now: self._ask(tx, hand, case, asking, now))

    async def supplied(self, hand: Hand, case_no: str) -> Case:
        """What was missing has come: the clock goes on. Raises: as `ask_more`; StageError: nothing was asked for."""
        return await self._step(hand, case_no, lambda tx, case, now: self._supplied(tx, hand, case, now))

    async def _step(self, hand: Hand, case_no: str, unit: Callable[[Connection, Case, datetime], None]) -> Case:
        if hand.actor is not None:
            hand.actor.require(Role.DECIDER)
        now = self._clock()
        found = await case_for(self._database, self._cases, hand, case_no)

        def work(tx: Connection) -> Case | None:
            case = self._held(tx, hand, found.id)
            unit(tx, case, now)
            return store.case_by_id(tx, case.id)

        try:
            done = await self._database.write(work)
        except MandateMissingError:
            await self._refused(hand, "mandate_missing", case_no, found)
            raise
        if done is None:
            raise CaseNotFoundError
        return done

    def _held(self, tx: Connection, hand: Hand, case_id: str) -> Case:
        case = store.lock_for_change(tx, case_id)
        if case is None or not concerns(hand, case):
            raise CaseNotFoundError
        believe_stage(tx, self._vault, case)
        if case.state != store.OPEN:
            raise CaseClosedError
        return case

    async def _refused(self, hand: Hand, reason: str, case_no: str, case: Case | None = None) -> None:
        if hand.caller is not None:
            await self._cases.refuse(hand.caller, reason, {"case_no": case_no}, case=case)

    def _accept(self, tx: Connection, hand: Hand, case: Case, now: datetime) -> None:
        _in_stage(case, "filed")
        approving, mandate_id = self._approving(tx, hand, case, now)
        values = {
            "stage": "accepted",
            "accepting_department_id": hand.department_id,
            "approving_department_id": approving,
            "mandate_id": mandate_id,
            "accepted_at": now,
        }
        detail = {"mandate": mandate_id, "approving": approving}
        self._written(tx, hand, case, "accept", values, detail, CaseEvent.CASE_ACCEPTED, now)
        if approving != hand.department_id:
            notify(tx, "case.accepted", department_id=approving, role=Role.DECIDER, about=("case", case.id), now=now)

    def _approving(self, tx: Connection, hand: Hand, case: Case, now: datetime) -> tuple[str, str | None]:
        """Whose the decision is, and the mandate by which this department takes the case in for it."""
        _mine(hand, case)
        owner = _deciding(tx, self._vault, case)
        if owner == hand.department_id:
            return owner, None
        mandate = self._mandates.covering(tx, owner, hand.department_id, case.matter_code, now)
        if mandate is None:
            raise MandateMissingError
        return owner, mandate.id

    def _decide(self, tx: Connection, hand: Hand, case: Case, decision: Decision, now: datetime) -> None:
        if decision.outcome != GRANTED and not (decision.reason or "").strip():
            raise AskError([("/reason", "missing")])
        values: dict[str, Any] = {"stage": "decided", "decision": decision.outcome, "decided_at": now}
        if decision.outcome == NOT_ACCEPTED:
            _in_stage(case, "filed")
            approving, mandate_id = self._approving(tx, hand, case, now)
            values |= {
                "accepting_department_id": hand.department_id,
                "approving_department_id": approving,
                "mandate_id": mandate_id,
            }
        else:
            _in_stage(case, "accepted")
            _approves(hand, case)
        self._ripe(tx, case, decision.change_no)
        check_results(tx, hand.department_id, case, decision, self._matters.matter(tx, case.matter_id))
        rows.void_claims(tx, case.id, now)
        detail = {"decision": decision.outcome, "results": list(decision.results)} | dict(decision.second)
        self._written(tx, hand, case, "decide", values, detail, CaseEvent.CASE_DECIDED, now, reason=decision.reason)
        case_decided(tx, self._vault, case, decision.results, decision.names, now)

    def _ripe(self, tx: Connection, case: Case, change_no: int | None) -> None:
        if debts_of(tx, case.id, only_open=True):
            raise DebtsOpenError
        if change_no not in {None, case.change_no}:
            raise changed(tx, self._vault, case)

    def _ask(self, tx: Connection, hand: Hand, case: Case, asking: Asking, now: datetime) -> None:
        if case.stage == "decided":
            raise StageError(case.stage)
        _acts(hand, case)
        matter, coming = self._matters.matter(tx, case.matter_id), awaited(tx, case.id)
        known = latest(given(tx, self._vault, case))
        values: dict[str, Any] = {"asked_at": now}
        if case.asked_at is not None:
            left = rows.passed_over(tx, case.id)
            asking = replace(asking, missing=[item for item in asking.missing if item[0] in left])
            if not asking.missing:
                raise AskedAlreadyError(case.asked_at)
            known, values = {key: value for key, value in known.items() if key[0] in left}, {}
        named = checked_asking(asking, matter, known, coming)
        detail: dict[str, Any] = {"missing": [{"code": code, "party": party} for code, party in named]}
        detail |= {"awaited": sorted(coming)} if coming else {}
        self._written(tx, hand, case, "ask_more", values, detail, CaseEvent.CASE_ASKED, now, reason=asking.note)

    def _supplied(self, tx: Connection, hand: Hand, case: Case, now: datetime) -> None:
        _acts(hand, case)
        if case.asked_at is None or case.supplied_at is not None or case.stage == "decided":
            raise StageError(case.stage)
        self._written(tx, hand, case, "supplied", {"supplied_at": now}, {}, None, now)

    def _written(
        self,
        tx: Connection,
        hand: Hand,
        case: Case,
        step: str,
        values: dict[str, Any],
        detail: dict[str, Any],
        event: CaseEvent | None,
        now: datetime,
        *,
        reason: str | None = None,
    ) -> None:
        change_no = case.change_no + 1
        guarded = staged(self._vault, case, values)
        rows.change_case(tx, case.id, change_no=change_no, **guarded)
        entry_id = record_step(
            tx, self._vault, case, hand, step, detail, now, change_no=change_no, reason=reason,
            stage_version=guarded["stage_version"],
        )  # fmt: skip
        if event is not None:
            tell(tx, case.id, event, entry_id=entry_id, now=now)
        self._clocks.order(tx, replace(case, change_no=change_no, **values), now)


def _deciding(tx: Connection, vault: Vault, case: Case) -> str:
    """The department whose the matter is today: a successor decides the cases of whom it succeeds, by their version.

    Raises: IntegrityBrokenError.
    """
    known = believed_versions(tx, vault, case.matter_code)
    today = [item for item in known if item.current] or [item for item in known if item.id == case.matter_id]
    return today[0].owner_department_id


def _mine(hand: Hand, case: Case) -> None:
    if hand.caller is None or hand.caller.system_id != case.system_id:
        raise NotApprovingError


def _approves(hand: Hand, case: Case) -> None:
    if case.approving_department_id != hand.department_id:
        raise NotApprovingError


def _acts(hand: Hand, case: Case) -> None:
    """Before acceptance whoever took the case acts, after it whoever decides."""
    if case.stage == "filed":
        _mine(hand, case)
    else:
        _approves(hand, case)


def _in_stage(case: Case, stage: str) -> None:
    if case.stage != stage:
        raise StageError(case.stage)
