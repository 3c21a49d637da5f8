"""What holders decided of grants that rest on their agreement: for good, and for one case."""

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import SQLModel

from catalog.tables import binary, instant, uuid, words


class AuthorisationRow(SQLModel, table=True):
    """One holder's word on one grant; none written: he has not decided. `state`: given, refused, withdrawn. A yes that
    has an end is none from `ends_at` on.

    A row that anybody could write would agree for him: its MAC covers its meaning, and its ledger entry is the latest
    of this object.
    """

    __tablename__ = "holder_authorisations"
    __table_args__ = (UniqueConstraint("subject_id", "grant_id"),)
    id: str = uuid(primary_key=True)
    subject_id: str = uuid(references="subjects.id")
    grant_id: str = uuid(references="grants.id", index=True)
    state: str = words(10)
    decided_at: datetime = instant()
    ends_at: datetime | None = instant(nullable=True)
    row_version: int
    ledger_entry_id: str = uuid()
    mac: bytes = binary()


class CaseQuestionRow(SQLModel, table=True):
    """A holder is asked for his yes for one case alone. `state`: asked, given, refused, withdrawn, silent.

    It is worth what its case is: with that closed nobody answers it, and nobody goes by it. As guarded as a standing
    decision. The rest is what takes to ask once more when he has said yes: of which requirement and party, under which
    key of the system. Asked by a query, it is about no requirement, and `asked_on` has its civil day: of one grant
    nobody is asked a second time on it.
    """

    __tablename__ = "holder_case_questions"
    __table_args__ = (
        UniqueConstraint("case_id", "subject_id", "grant_id"),
        Index("ix_holder_case_questions_asked_on", "subject_id", "grant_id", "asked_on", unique=True),
    )
    id: str = uuid(primary_key=True)
    subject_id: str = uuid(references="subjects.id", index=True)
    case_id: str = uuid(references="cases.id")
    grant_id: str = uuid(references="grants.id")
    state: str = words(10)
    code: str = words(64)
    party: str = words(40)
    purpose: str = words(200)
    language: str = words(10)
    kid: str = words(128)
    request_hash: str = words(64)
    asked_at: datetime = instant()
    due_at: datetime = instant()
    asked_on: str | None = words(10, nullable=True)
    decided_at: datetime | None = instant(nullable=True)
    row_version: int
    ledger_entry_id: str = uuid()
    mac: bytes = binary()
