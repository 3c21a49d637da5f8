"""A holder is asked for his yes for one case: in the transaction of the answer that lacks it, once for case and grant.

The question names what a pull would take if he said yes; it ends with its case, or with its time.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from catalog.grants import Grant
from catalog.tables import table
from certificates.stores.holders import Subject
from hub.access.service import Caller
from hub.citizens.authorising.decisions import ASKED, check_decisions, meaning_of
from hub.citizens.authorising.tables import CaseQuestionRow
from hub.citizens.notices.kinds import NoticeKind
from hub.citizens.notices.notify import notify
from hub.clock import new_id, rfc3339
from hub.intake.calls import Claimed, EvidenceCall
from hub.intake.compose import Item
from hub.intake.resolver import undecided
from hub.ledger.entries import Draft, append, seal
from hub.ledger.guards import settled
from hub.storage.jobs import enqueue
from hub.storage.vault import Vault

OVER: Final = "holder.silent"
"""The kind of job that ends a question whose time is over."""
_ROWS: Final = table(CaseQuestionRow)
_ONCE: Final = {
    name: dialect.insert(_ROWS)
    .on_conflict_do_nothing(index_elements=["case_id", "subject_id", "grant_id"])
    .returning(_ROWS.c.id)
    for name, dialect in (("postgresql", postgresql), ("sqlite", sqlite))
}


class HolderAsking:
    """Asks holders. `within`: how long an answer is waited for."""

    def __init__(self, *, vault: Vault, within: timedelta) -> None:
        self._vault = vault
        self._within = within

    def ask(
        self, tx: Connection, caller: Caller, call: EvidenceCall, claimed: Claimed, item: Item, now: datetime
    ) -> dict[str, Any]:
        """The member of an item that says that its party is asked, and until when; empty where he is not.

        Nobody is asked in the sandbox, nor by what the hub looks up for itself.
        """
        resolution = item.resolution
        if resolution.why.code != "holder_decision_needed" or caller.sandbox or call.follows or call.pays:
            return {}
        question = item.seen.question if item.seen is not None else claimed.question
        party = claimed.parties.get(resolution.requirement.party)
        subject = claimed.subjects.get(party.lookup_hash) if party is not None and party.lookup_hash else None
        grants = undecided(resolution.requirement, question)
        if subject is None or not grants:
            return {}
        due = [self._one(tx, caller, call, claimed, item, subject, grant, now) for grant in grants]
        return {"holder_asked": {"answer_by": rfc3339(min(due))}}

    def _one(
        self,
        tx: Connection,
        caller: Caller,
        call: EvidenceCall,
        claimed: Claimed,
        item: Item,
        subject: Subject,
        grant: Grant,
        now: datetime,
    ) -> datetime:
        """By when one question is to be answered; asked already, it is not asked again."""
        case, requirement = claimed.case, item.resolution.requirement
        question_id, due_at = new_id(), now + self._within
        draft = Draft(
            kind="authorisation.asked",
            detail={
                "case_no": case.case_no,
                "matter": claimed.matter.code,
                "requirement": requirement.code,
                "department": case.department_code,
                "fields": sorted(grant.terms.fields),
                "grants": [grant.id],
                "purpose": call.purpose,
                "due_at": rfc3339(due_at),
            },
            key=self._vault.data_key(subject.data_key, subject.kek_kid),
            subject_id=subject.id,
            case_id=case.id,
            object_id=question_id,
            object_version=1,
        )
        row = {
            "id": question_id,
            "subject_id": subject.id,
            "case_id": case.id,
            "grant_id": grant.id,
            "state": ASKED,
            "code": requirement.code,
            "party": requirement.party,
            "purpose": call.purpose,
            "language": call.language,
            "kid": caller.kid,
            "request_hash": call.request_hash,
            "asked_at": now,
            "due_at": due_at,
            "decided_at": None,
            "row_version": 1,
            "ledger_entry_id": draft.id,
        }
        row["mac"] = self._vault.row_mac(meaning_of(row))
        if tx.execute(_ONCE[tx.dialect.name], row).first() is None:
            return self._known(tx, row)
        append(tx, [seal(draft, now=now)])
        notify(tx, subject.id, NoticeKind.DECISION_NEEDED, about=question_id, now=now)
        enqueue(tx, OVER, {"question": question_id}, now=now, due=due_at)
        return due_at

    def _known(self, tx: Connection, row: dict[str, Any]) -> datetime:
        here = [_ROWS.c[name] == row[name] for name in ("case_id", "subject_id", "grant_id")]

        def look() -> datetime:
            rows: Sequence[Any] = tx.execute(select(_ROWS).where(*here)).all()
            check_decisions(tx, self._vault, rows)
            due_at: datetime = rows[0].due_at
            return due_at

        return settled(look)
