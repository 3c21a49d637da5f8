"""A question for a holder's yes, as it is written: the row, its ledger entry, the notice, and the job that ends it.

Of one case and grant there is one, whoever asked. Of a query, which no plan of a matter stands behind, there is besides
at most one a day for a grant: a system that opens case after case asks him once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from catalog.grants import Grant
from catalog.tables import table
from certificates.stores.holders import Subject
from hub.citizens.acting.stewards import Stewards
from hub.citizens.authorising.decisions import ASKED, check_decisions, meaning_of
from hub.citizens.authorising.tables import CaseQuestionRow
from hub.citizens.notices.kinds import NoticeKind
from hub.clock import BEIJING, new_id, rfc3339
from hub.intake.store import Case
from hub.issuing.types.registry import TypeRegistry
from hub.ledger.entries import Draft, append, seal
from hub.ledger.guards import settled
from hub.storage.jobs import enqueue
from hub.storage.vault import Vault

OVER: Final = "holder.silent"
"""The kind of job that ends a question whose time is over."""
_ROWS: Final = table(CaseQuestionRow)
_ONCE: Final = {
    name: dialect.insert(_ROWS).on_conflict_do_nothing().returning(_ROWS.c.id)
    for name, dialect in (("postgresql", postgresql), ("sqlite", sqlite))
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a yes is wanted for. `code`: the requirement; empty of a query, which is about none. `kid`: the key of the
    system that asked; `request_hash`: of what it sent.
    """

    case: Case
    subject: Subject
    grant: Grant
    code: str
    party: str
    purpose: str
    language: str
    kid: str
    request_hash: str


class Questions:
    """Writes them. `within`: how long an answer is waited for."""

    def __init__(self, *, vault: Vault, types: TypeRegistry, within: timedelta) -> None:
        self._vault = vault
        self._stewards = Stewards(vault=vault, types=types)
        self._within = within

    def put(self, tx: Connection, wanted: Wanted, now: datetime) -> datetime | None:
        """By when it is to be answered; asked already, it is not asked again. None: of this grant he was asked by a
        query of another case today.

        Raises: IntegrityBrokenError.
        """
        question_id, due_at = new_id(), now + self._within
        draft = self._entry(wanted, question_id, due_at)
        row = {
            "id": question_id,
            "subject_id": wanted.subject.id,
            "case_id": wanted.case.id,
            "grant_id": wanted.grant.id,
            "state": ASKED,
            "code": wanted.code,
            "party": wanted.party,
            "purpose": wanted.purpose,
            "language": wanted.language,
            "kid": wanted.kid,
            "request_hash": wanted.request_hash,
            "asked_at": now,
            "due_at": due_at,
            "asked_on": None if wanted.code else now.astimezone(BEIJING).date().isoformat(),
            "decided_at": None,
            "row_version": 1,
            "ledger_entry_id": draft.id,
        }
        row["mac"] = self._vault.row_mac(meaning_of(row))
        if tx.execute(_ONCE[tx.dialect.name], row).first() is None:
            return self._known(tx, row)
        append(tx, [seal(draft, now=now)])
        self._stewards.notify(tx, wanted.subject.id, NoticeKind.DECISION_NEEDED, about=question_id, now=now)
        enqueue(tx, OVER, {"question": question_id}, now=now, due=due_at)
        return due_at

    def _entry(self, wanted: Wanted, question_id: str, due_at: datetime) -> Draft:
        case, grant, subject = wanted.case, wanted.grant, wanted.subject
        return Draft(
            kind="authorisation.asked",
            detail={
                "case_no": case.case_no,
                "matter": case.matter_code,
                "requirement": wanted.code,
                "department": case.department_code,
                "fields": sorted(grant.terms.fields),
                "grants": [grant.id],
                "purpose": wanted.purpose,
                "due_at": rfc3339(due_at),
            },
            key=self._vault.data_key(subject.data_key, subject.kek_kid),
            subject_id=subject.id,
            case_id=case.id,
            object_id=question_id,
            object_version=1,
        )

    def _known(self, tx: Connection, row: dict[str, Any]) -> datetime | None:
        here = [_ROWS.c[name] == row[name] for name in ("case_id", "subject_id", "grant_id")]

        def look() -> datetime | None:
            rows: Sequence[Any] = tx.execute(select(_ROWS).where(*here)).all()
            check_decisions(tx, self._vault, rows)
            return rows[0].due_at if rows else None

        return settled(look)
