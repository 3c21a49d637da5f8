"""What a holder is asked for single cases, and his yes or no. A yes is worth what the case is: both end together.

Locks in the order of a pull: the case, then his question. A pull that is being decided ends first, or waits.
"""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Connection, Row, select, update
from sqlalchemy import case as ranked

from catalog.matters.values import Requirement
from catalog.store import read_grants
from catalog.tables import table
from certificates.stores.holders import subject_by_id
from hub.citizens.acting.stewards import Stewards
from hub.citizens.authorising.decisions import ASKED, check_decisions, meaning_of
from hub.citizens.authorising.hands import Hand, own
from hub.citizens.authorising.reaching import Reaching, matters_of, systems_of
from hub.citizens.authorising.tables import CaseQuestionRow
from hub.citizens.authorising.values import Asked, Decision
from hub.citizens.notices.kinds import NoticeKind
from hub.citizens.present import lock_holder
from hub.citizens.presentations import refuse_other
from hub.citizens.values import SEES_OWN, SHOWS, Holder
from hub.clock import Clock
from hub.intake import store as cases
from hub.intake.outcomes import GIVEN, SILENT
from hub.intake.tables import CaseRow
from hub.intake.told.telling import CaseEvent, tell
from hub.issuing.types.registry import TypeRegistry
from hub.ledger.entries import Draft, append, seal
from hub.ledger.guards import settled
from hub.ledger.tables import ErasureRow
from hub.registry.matters.guard import MatterBook
from hub.registry.meanings import Words
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.jobs import enqueue
from hub.storage.vault import DataKey, Vault

RESUME: Final = "holder.agreed"
"""The kind of job that goes on with a case after a yes."""
ENDED: Final = "ended"
MOST: Final = 100
_ROWS: Final = table(CaseQuestionRow)
_CASES: Final = table(CaseRow)
_ERASURES: Final = table(ErasureRow)
_AFTER: Final = {
    (ASKED, Decision.GIVE): GIVEN,
    (ASKED, Decision.REFUSE): "refused",
    (GIVEN, Decision.REFUSE): "withdrawn",
}
"""What a word of his makes of a question. A no is not taken back: whoever changes his mind agrees for good, or hands in
the paper, and nobody asks him twice.
"""


class AskedOfHolder:
    """Use cases of a holder. Raises LevelError for one who is not signed in surely enough."""

    def __init__(
        self, database: Database, *, vault: Vault, types: TypeRegistry, log_key: DataKey, clock: Clock
    ) -> None:
        self._database = database
        self._vault = vault
        self._log_key = log_key
        self._reaching = Reaching(vault=vault, types=types)
        self._matters = MatterBook(vault)
        self._stewards = Stewards(vault=vault, types=types)
        self._clock = clock

    async def listed(self, holder: Holder) -> list[Asked]:
        """His questions, those that wait for him first, then what he may take back, then the newest; at most 100."""
        holder.require(SEES_OWN)
        return await self._database.read(lambda tx: settled(lambda: self._listed(tx, holder, None)))

    async def one(self, holder: Holder, question_id: str) -> Asked:
        """One of them. Raises: MissingError: there is none, or it is another's, which goes on the ledger."""
        holder.require(SEES_OWN)
        found = await self._database.read(lambda tx: settled(lambda: self._listed(tx, holder, question_id)))
        if not found:
            await refuse_other(self._database, self._log_key, holder, "question", self._clock())
            raise MissingError("question")
        return found[0]

    async def decide(self, holder: Holder, question_id: str, decision: Decision, *, hand: Hand | None = None) -> None:
        """Yes: the case goes on by itself, or, asked by a query, its system hears that it may ask again. No, or no
        more: nothing is given from now on, and its system is told.

        `hand`: by whose hand, if not in his own session.

        Raises: HolderSignInNeededError; MissingError: no such question of his, its case has ended, or it was
            answered, which goes on the ledger; what the hand does. The same answer again is nothing.
        """
        holder.require(SHOWS)
        by = hand or own(holder)
        try:
            await self._database.write(lambda tx: self._decide(tx, holder, question_id, decision, by))
        except MissingError:
            await refuse_other(self._database, self._log_key, by.whose or holder, "question", self._clock())
            raise

    async def end(self, job: Mapping[str, Any]) -> None:
        """The handler of `OVER`: nobody waits for him any longer. Running it twice is harmless."""
        await self._database.write(lambda tx: self._end(tx, str(job["question"])))

    def _listed(self, tx: Connection, holder: Holder, only: str | None) -> list[Asked]:
        query = select(_ROWS, _CASES.c.case_no, _CASES.c.matter_code, _CASES.c.matter_id, _CASES.c.system_id)
        query = query.add_columns(_CASES.c.state.label("case_state"), _CASES.c.decided_at.label("case_decided_at"))
        query = query.join(_CASES, _CASES.c.id == _ROWS.c.case_id).where(_ROWS.c.subject_id == holder.id)
        if only is not None:
            query = query.where(_ROWS.c.id == only)
        # In the database: a hundred newer ones keep none from him that he can still answer.
        runs = (_CASES.c.state == cases.OPEN) & _CASES.c.decided_at.is_(None)
        rank = ranked((runs & (_ROWS.c.state == ASKED), 0), (runs & (_ROWS.c.state == GIVEN), 1), else_=2)
        rows = tx.execute(query.order_by(rank, _ROWS.c.id.desc()).limit(MOST)).all()
        check_decisions(tx, self._vault, rows)
        grants = {grant.id: grant for grant in read_grants(tx, sorted({row.grant_id for row in rows}))}
        named = self._reaching.named(tx, grants.values(), self._clock())
        systems = systems_of(tx, {row.system_id for row in rows})
        matters = matters_of(tx, {row.matter_code for row in rows})
        ruling = {one: self._matters.matter(tx, one) for one in {row.matter_id for row in rows}}
        return [
            Asked(
                id=row.id,
                state=row.state if _runs(row) or row.state != ASKED else ENDED,
                case_no=row.case_no,
                matter=matters.get(row.matter_code, (row.matter_code, row.matter_code)),
                wanted=_titles(ruling[row.matter_id].requirement(row.code), named[row.grant_id][0]),
                department=systems[row.system_id][0],
                system=systems[row.system_id][1],
                resource=named[row.grant_id][0],
                fields=named[row.grant_id][1],
                purpose=row.purpose,
                legal_basis=grants[row.grant_id].terms.legal_basis,
                asked_at=row.asked_at,
                answer_by=row.due_at,
                decided_at=row.decided_at,
                runs=_runs(row),
            )
            for row in rows
        ]

    def _decide(
        self,
        tx: Connection,
        holder: Holder,
        question_id: str,
        decision: Decision,
        hand: Hand,
    ) -> None:
        case_id = tx.execute(
            select(_ROWS.c.case_id).where(_ROWS.c.id == question_id, _ROWS.c.subject_id == holder.id)
        ).scalar_one_or_none()
        case = cases.lock_for_change(tx, case_id) if case_id is not None else None
        if case is None or case.state != cases.OPEN or case.decided_at is not None:
            raise MissingError("question")
        hand.check(tx)
        lock_holder(tx, holder.id)
        row = self._locked(tx, question_id)
        after = _AFTER.get((row.state, decision))
        if after is None:
            if (row.state == GIVEN) is (decision is Decision.GIVE):
                return
            raise MissingError("question")
        entry_id = self._put(tx, row, case, after, hand)
        hand.tell(tx, holder.id, entry_id, self._clock())
        if after == GIVEN and row.asked_on is None:
            enqueue(tx, RESUME, {"question": row.id}, now=self._clock())
        elif after == GIVEN:
            self._tell(tx, row, CaseEvent.HOLDER_AGREED, entry_id)
        else:
            self._tell(tx, row, CaseEvent.HOLDER_REFUSED, entry_id)

    def _end(self, tx: Connection, question_id: str) -> None:
        case_id = tx.execute(select(_ROWS.c.case_id).where(_ROWS.c.id == question_id)).scalar_one_or_none()
        case = cases.lock_for_change(tx, case_id) if case_id is not None else None
        if case is None or case.state != cases.OPEN or case.decided_at is not None:
            return
        row = self._locked(tx, question_id)
        erased = select(_ERASURES.c.id).where(_ERASURES.c.subject_id == row.subject_id).limit(1)
        if row.state != ASKED or tx.execute(erased).first() is not None:
            return
        entry_id = self._put(tx, row, case, SILENT, Hand({}))
        self._stewards.notify(tx, row.subject_id, NoticeKind.DECISION_OVER, about=row.id, now=self._clock())
        self._tell(tx, row, CaseEvent.HOLDER_SILENT, entry_id)

    def _locked(self, tx: Connection, question_id: str) -> Row[Any]:
        row = tx.execute(select(_ROWS).where(_ROWS.c.id == question_id).with_for_update()).one()
        check_decisions(tx, self._vault, [row])
        return row

    def _put(self, tx: Connection, row: Row[Any], case: cases.Case, state: str, hand: Hand) -> str:
        """Write what became of a question; answers the ledger entry."""
        now, subject = self._clock(), subject_by_id(tx, row.subject_id)
        [(department, _)] = systems_of(tx, {case.system_id}).values()
        draft = Draft(
            kind=f"authorisation.{state}{hand.for_a_case}",
            detail={
                "case_no": case.case_no,
                "matter": case.matter_code,
                "requirement": row.code,
                "department": department[0],
                "grants": [row.grant_id],
                "purpose": row.purpose,
                **hand.said,
            },
            key=self._vault.data_key(subject.data_key, subject.kek_kid),
            subject_id=subject.id,
            case_id=case.id,
            object_id=row.id,
            object_version=row.row_version + 1,
        )
        append(tx, [seal(draft, now=now)])
        changed = {"state": state, "row_version": row.row_version + 1, "ledger_entry_id": draft.id}
        mac = self._vault.row_mac(meaning_of(dict(zip(row._fields, row, strict=True)) | changed))
        tx.execute(update(_ROWS).where(_ROWS.c.id == row.id).values(**changed, decided_at=now, mac=mac))
        return draft.id

    def _tell(self, tx: Connection, row: Row[Any], event: CaseEvent, entry_id: str) -> None:
        asked = read_grants(tx, [row.grant_id])[0].resource if row.asked_on else None
        tell(
            tx,
            row.case_id,
            event,
            entry_id=entry_id,
            now=self._clock(),
            code=row.code or None,
            party=row.party,
            interface=asked,
            about=row.id,
        )


def _runs(row: Row[Any]) -> bool:
    return bool(row.case_state == cases.OPEN and row.case_decided_at is None)


def _titles(requirement: Requirement | None, otherwise: Words) -> Words:
    """Of a query, which is about no requirement, what it asks."""
    return otherwise if requirement is None else (requirement.title("zh-CN"), requirement.title("en"))
