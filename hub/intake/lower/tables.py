"""Rows of what stands in for evidence. What is said of a person is sealed under a data key of the row's own."""

from datetime import datetime
from typing import Any

from sqlmodel import SQLModel

from catalog.tables import binary, document, instant, uuid, words


class VerificationTaskRow(SQLModel, table=True):
    """A question to a department's officer. `open` → `answered`; `lapsed` when its case closed before."""

    __tablename__ = "verification_tasks"
    id: str = uuid(primary_key=True)
    case_id: str = uuid(references="cases.id", index=True)
    code: str = words(64)
    party: str = words(40)
    owner_department_id: str = uuid(references="departments.id", index=True)
    """Whose officer is asked."""
    asker_department_id: str = uuid(references="departments.id")
    question_key: str = words(64, index=True)
    """What is asked, whoever it is about: an answer serves the same question only."""
    subject_lookup: bytes | None = binary(nullable=True, index=True)
    name_hash: bytes | None = binary(nullable=True)
    state: str = words(10, index=True)
    standing: str | None = words(150, nullable=True, unique=True)
    """Case, requirement and party while it is open: there is one at a time."""
    question: bytes = binary()
    answer: bytes | None = binary(nullable=True)
    result: str | None = words(20, nullable=True)
    answered_by: str | None = words(64, nullable=True)
    signed_by: str | None = words(20, nullable=True)
    """`department`, or `hub` where that has no key."""
    token: bytes | None = binary(nullable=True)
    """The signed answer, sealed; until it is there the answer counts for nothing."""
    reusable_until: str | None = words(10, nullable=True)
    clock: dict[str, Any] = document()
    opened_at: datetime = instant()
    due_at: datetime = instant(index=True)
    answered_at: datetime | None = instant(nullable=True)
    data_key: bytes = binary()
    kek_kid: str = words(32)
    ledger_entry_id: str = uuid()


class SealedCopyRow(SQLModel, table=True):
    """A paper that was scanned once and sealed. The scan lies in the object store, under the row's key."""

    __tablename__ = "sealed_copies"
    id: str = uuid(primary_key=True)
    case_id: str = uuid(references="cases.id", index=True)
    code: str = words(64)
    party: str = words(40)
    kind: str = words(200)
    """The types of certificate that the paper is one of, or the requirement that wants it."""
    owner_department_id: str = uuid(references="departments.id", index=True)
    """The office that sealed it."""
    system_id: str = uuid(references="systems.id")
    subject_lookup: bytes | None = binary(nullable=True, index=True)
    name_hash: bytes | None = binary(nullable=True)
    state: str = words(10)
    """`filing` → `sealed`; `withdrawn`, or `erased`."""
    digest: str = words(64, index=True)
    media_type: str = words(40)
    size: int
    pages: int | None
    content: bytes = binary()
    """What is sealed, and whom it is bound to."""
    token: bytes | None = binary(nullable=True)
    sealed_on: str = words(10)
    valid_until: str = words(10)
    sealed_at: datetime = instant()
    withdrawn_at: datetime | None = instant(nullable=True)
    scan_deleted_at: datetime | None = instant(nullable=True)
    """By age: digest, seal and time-stamp stay."""
    data_key: bytes = binary()
    kek_kid: str = words(32)
    ledger_entry_id: str = uuid()


class CommitmentRow(SQLModel, table=True):
    """A promise. `offered` (its text was shown) → `given` (confirmed) → `kept`, `verified`, `broken`, `withdrawn`."""

    __tablename__ = "commitments"
    id: str = uuid(primary_key=True)
    case_id: str = uuid(references="cases.id", index=True)
    system_id: str = uuid(references="systems.id")
    code: str = words(64)
    party: str = words(40)
    template: str = words(64)
    text_digest: str = words(64)
    content: bytes = binary()
    """The text as it was shown, and how it was confirmed, under the case's key."""
    state: str = words(10, index=True)
    standing: str | None = words(150, nullable=True, unique=True)
    """Case, requirement and party once it is given: there is one, and no second after it was broken."""
    chosen_by: str = words(20)
    purpose: str = words(200)
    kid: str = words(128)
    clock: dict[str, Any] = document()
    offered_at: datetime = instant()
    given_at: datetime | None = instant(nullable=True)
    due_at: datetime | None = instant(nullable=True, index=True)
    ended_at: datetime | None = instant(nullable=True)
    attempts: int
    ledger_entry_id: str | None = uuid(nullable=True)
