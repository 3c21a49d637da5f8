"""Cases 办件: opened with a matter and its parties by role, closed once; only the system that opened one sees it."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from catalog.matters.roles import number_of, role_of
from catalog.matters.values import Matter
from hub.access.service import Caller
from hub.clock import Clock
from hub.intake import store
from hub.intake.errors import (
    CaseClosedError,
    CaseNotFoundError,
    DebtsOpenError,
)
from hub.intake.facts import checked_facts, facts_of, sealed_facts
from hub.intake.handling.clocks import CaseClocks
from hub.intake.handling.errors import StageError
from hub.intake.handling.guard import believe_stage, closing_of
from hub.intake.handling.steps import by_system, operator_of, record_step
from hub.intake.handling.store import void_claims
from hub.intake.opening import Opening, Openings
from hub.intake.owed.ending import abandon
from hub.intake.told.telling import CaseEvent, tell
from hub.ledger.entries import Draft, append, seal
from hub.registry.matters.guard import MatterBook
from hub.storage.crash import crash_at
from hub.storage.database import Database
from hub.storage.errors import ConflictError
from hub.storage.idempotency import RequestKey
from hub.storage.vault import DataKey, Vault


class CaseService:
    """Opens, shows and closes cases."""

    def __init__(
        self,
        database: Database,
        *,
        vault: Vault,
        log_key: DataKey,
        clock: Clock,
        sandbox_numbers: frozenset[str] = frozenset(),
        write_back: Callable[[Connection, store.Case, datetime], None] | None = None,
    ) -> None:
        """`sandbox_numbers` are the sample persons: cases of sandbox credentials take nobody else.

        `write_back` runs in the transaction that closes a real case.
        """
        self._write_back = write_back
        self._database = database
        self._vault = vault
        self._matters = MatterBook(vault)
        self._openings = Openings(vault, self._matters, CaseClocks(vault), sandbox_numbers=sandbox_numbers)
        self._log_key = log_key
        self._clock = clock

    async def open(self, caller: Caller, opening: Opening, *, request: RequestKey | None) -> store.Case:
        """Open a case; the same Idempotency-Key gives the same case.

        Raises: UnknownMatterError, PartyError, FactError, DuplicateCaseError, IdempotencyError, StorageError.
        """
        now = self._clock()
        try:
            case = await self._database.write(lambda tx: self._openings.open_in(tx, caller, opening, request, now))
        except ConflictError:
            case = await self._database.write(
                lambda tx: self._openings.after_conflict(tx, caller, opening, request, now)
            )
        crash_at("case.opened")
        return case

    async def get(self, caller: Caller, case_no: str) -> store.Case:
        """The caller's own case. Raises CaseNotFoundError; a look at somebody else's goes on the ledger."""
        case = await self._database.read(lambda tx: store.find_case(tx, case_no))
        if case is not None and case.system_id == caller.system_id:
            return case
        await self.refuse(caller, "case_not_own" if case else "case_unknown", {"case_no": case_no})
        raise CaseNotFoundError

    async def parties(self, case: store.Case) -> list[store.Party]:
        """The parties of a case by their keys, as sealed as they are stored."""
        found = await self._database.read(lambda tx: store.parties_of(tx, case.id))
        return [found[key] for key in sorted(found, key=lambda key: (role_of(key), number_of(key)))]

    async def by_external_no(self, caller: Caller, external_no: str) -> list[store.Case]:
        """The caller's own case under its own number; none, or one."""

        def unit(tx: Connection) -> list[store.Case]:
            case_no = store.find_case_no(tx, caller.system_id, external_no)
            case = store.find_case(tx, case_no) if case_no else None
            return [case] if case else []

        return await self._database.read(unit)

    async def answer(self, caller: Caller, case_no: str, facts: Mapping[str, Any]) -> store.Case:
        """Answer questions of the matter, or answer them anew; null takes an answer back. Answers stand beside those
        that are not named. What was disclosed before stays as it is.

        Raises: CaseNotFoundError, CaseClosedError, StageError: decided; FactError.
        """
        case = await self.get(caller, case_no)
        if case.state == store.OPEN and case.decided_at is not None:
            raise StageError(case.stage)
        now = self._clock()
        await self._database.write(lambda tx: self._answer(tx, caller, case.id, facts, now))
        return await self.get(caller, case_no)

    async def close(
        self, caller: Caller, case_no: str, *, when_paid: bool = False, abandoned: bool = False
    ) -> store.Case:
        """Close the case: nothing is disclosed for it from this commit on. Where something is owed to it, whoever
        closes says what becomes of that: `when_paid` has the case close itself then and get nothing else meanwhile,
        `abandoned` gives it up.

        Raises: CaseNotFoundError, CaseClosedError, DebtsOpenError; StageError: another department is to decide it.
        """
        case = await self.get(caller, case_no)
        now = self._clock()
        await self._database.write(
            lambda tx: self._close(tx, caller, case.id, when_paid=when_paid, abandoned=abandoned, now=now)
        )
        crash_at("case.closed")
        return await self.get(caller, case_no)

    async def refuse(
        self, caller: Caller, reason: str, detail: dict[str, Any], *, case: store.Case | None = None
    ) -> None:
        """Put a refusal on the ledger, by itself, before the caller hears of it."""
        key = self._vault.data_key(case.data_key, case.kek_kid) if case else self._log_key
        content = {"reason": reason, "client_id": caller.client_id, **detail}
        draft = Draft(kind=caller.marked("refusal"), detail=content, key=key, case_id=case.id if case else None)
        now = self._clock()
        await self._database.write(lambda tx: append(tx, [seal(draft, now=now)]))

    def open_in(
        self, tx: Connection, caller: Caller, opening: Opening, now: datetime, *, found: tuple[str, Matter]
    ) -> store.Case:
        """The unit of `open`, for whoever has a transaction and has `found` the matter's version in it."""
        return self._openings.open_in(tx, caller, opening, None, now, found)

    def answer_in(self, tx: Connection, caller: Caller, case_id: str, facts: Mapping[str, Any], now: datetime) -> None:
        """The unit of `answer`, for whoever has a transaction."""
        self._answer(tx, caller, case_id, facts, now)

    def _answer(self, tx: Connection, caller: Caller, case_id: str, facts: Mapping[str, Any], now: datetime) -> None:
        case = store.lock_for_change(tx, case_id)
        if case is None or case.state != "open":
            raise CaseClosedError
        believe_stage(tx, self._vault, case)
        checked_facts(self._matters.matter(tx, case.matter_id), facts)
        known = {
            code: value for code, value in (facts_of(self._vault, case) | dict(facts)).items() if value is not None
        }
        store.change_facts(tx, case_id, sealed_facts(self._vault, case, known))
        void_claims(tx, case_id, now)
        hand = by_system(caller, operator_of(self._vault, case))
        detail = {"facts": sorted(facts), "change_no": case.change_no + 1}
        record_step(tx, self._vault, case, hand, "facts", detail, now, change_no=case.change_no + 1)

    def _close(
        self, tx: Connection, caller: Caller, case_id: str, *, when_paid: bool, abandoned: bool, now: datetime
    ) -> None:
        # Locked before it is looked at: an answer that comes at the same moment may open a debt.
        case = store.lock_for_change(tx, case_id)
        if case is None or case.state == store.CLOSED:
            raise CaseClosedError
        believe_stage(tx, self._vault, case)
        if case.mandate_id is not None and case.stage == "accepted" and not abandoned:
            raise StageError(case.stage)  # whoever accepted it for another department does not end it for that one
        if case.owing and not when_paid and not abandoned:
            raise DebtsOpenError
        if not case.owing or abandoned:
            abandon(tx, self._vault, case, now)
            self.end(tx, case, caller.marked("case.close"), now)
        elif store.ask_closing(tx, case_id, now=now):
            self._record(tx, case, "case.close_asked", now)

    def end(self, tx: Connection, case: store.Case, kind: str, now: datetime) -> None:
        """Close a case that is locked and to which nothing is owed; `kind` of the entry."""
        if not store.close_case(tx, case.id, now=now):
            raise CaseClosedError
        entry_id = self._record(tx, case, kind, now)
        tell(tx, case.id, CaseEvent.CASE_CLOSED, entry_id=entry_id, now=now)
        if self._write_back is not None and kind == "case.close":
            self._write_back(tx, case, now)

    def end_paid(self, tx: Connection, case: store.Case, now: datetime) -> None:
        """Close a case that waited for what it was owed, in the transaction that pays the last of it."""
        self.end(tx, case, "case.close", now)

    def _record(self, tx: Connection, case: store.Case, kind: str, now: datetime) -> str:
        """The first such entry of a case keeps its row from being opened again unseen."""
        key = self._vault.data_key(case.data_key, case.kek_kid)
        draft = Draft(kind=kind, detail={"case_no": case.case_no}, key=key, case_id=case.id)
        if case.state == store.OPEN:
            draft = replace(draft, object_id=closing_of(case.id), object_version=1)
        entry = seal(draft, now=now)
        append(tx, [entry])
        return entry.id
