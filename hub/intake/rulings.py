"""What was decided in a case, as the ledger holds it: outcome, reason and grants of each requirement, and no value.

The ledger is the authority: its entries are committed to by the tree, and what is stored beside it must agree.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, exists, select

from catalog.tables import table
from certificates.tables import SubjectRow
from hub.intake.store import Case
from hub.ledger.entries import open_detail
from hub.ledger.tables import ErasureRow, LedgerEntryRow
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import Vault

_ENTRIES: Final = table(LedgerEntryRow)
_SUBJECTS: Final = table(SubjectRow)
_ERASED: Final = table(ErasureRow)
_KINDS: Final = ("disclosure", "answer", "refusal", "sandbox.disclosure", "sandbox.answer", "sandbox.refusal")
_OF_CASE: Final = (
    select(_ENTRIES, _SUBJECTS.c.data_key.label("subject_key"), _SUBJECTS.c.kek_kid.label("subject_kek"))
    .add_columns(exists().where(_ERASED.c.subject_id == _ENTRIES.c.subject_id).label("erased"))
    .outerjoin(_SUBJECTS, _SUBJECTS.c.id == _ENTRIES.c.subject_id)
    .order_by(_ENTRIES.c.recorded_at, _ENTRIES.c.id)
)


@dataclass(frozen=True, slots=True)
class Ruling:
    """One decision about one requirement of one party.

    Attributes:
        detail: the entry's content; None where its key is erased, or it is not what was committed to.
        broken: it is not what was committed to.
    """

    entry_id: str
    at: datetime
    kind: str
    subject_id: str | None
    detail: Mapping[str, Any] | None
    broken: bool = False

    def said(self, name: str) -> str:
        """A member of the content as text; empty where there is none."""
        return str((self.detail or {}).get(name, ""))

    @property
    def about(self) -> tuple[str, str]:
        """Requirement and party."""
        return self.said("requirement"), self.said("party")


def rulings_of(tx: Connection, vault: Vault, case: Case) -> list[Ruling]:
    """Every decision about a requirement in a case, oldest first; those that nobody can read any more too."""
    rows = tx.execute(_OF_CASE.where(_ENTRIES.c.case_id == case.id, _ENTRIES.c.kind.in_(_KINDS)))
    found = [_ruling(vault, case, row) for row in rows]
    return [item for item in found if item.detail is None or "requirement" in item.detail]


def holders_of(tx: Connection, vault: Vault, case: Case, *, most: int, after: str = "") -> list[Ruling]:
    """Decisions about holders of the case's campaigns, in order of id, from behind the entry `after`; those alone that
    can be read, for of others nobody knows what they were.
    """
    mine = _OF_CASE.where(_ENTRIES.c.case_id == case.id, _ENTRIES.c.kind.in_(_KINDS))
    mine = mine.where(_ENTRIES.c.id > after) if after else mine
    rows = tx.execute(mine.order_by(None).order_by(_ENTRIES.c.id).limit(most))
    return [_ruling(vault, case, row) for row in rows]


def last_rulings(tx: Connection, vault: Vault, case: Case) -> dict[tuple[str, str], Ruling]:
    """Of each requirement and party what was decided last."""
    return {item.about: item for item in rulings_of(tx, vault, case) if item.detail is not None}


def _ruling(vault: Vault, case: Case, row: Row[Any]) -> Ruling:
    wrapped = (row.subject_key, row.subject_kek) if row.subject_id is not None else (case.data_key, case.kek_kid)
    if not wrapped[0]:
        return Ruling(row.id, row.recorded_at, row.kind, row.subject_id, None)
    try:
        content = open_detail(row.id, row.detail, row.commitment, key=vault.data_key(*wrapped))
    except (IntegrityBrokenError, ValueError):
        return Ruling(row.id, row.recorded_at, row.kind, row.subject_id, None, broken=not row.erased)
    plain = ("kind", "subject_id", "case_id")
    broken = any(content[name] != getattr(row, name) for name in plain)
    return Ruling(row.id, row.recorded_at, row.kind, row.subject_id, content["detail"], broken)
