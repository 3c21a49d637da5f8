"""Rows of cases, their parties, and the requests for evidence."""

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from catalog.tables import binary, document, instant, uuid, words


class CaseRow(SQLModel, table=True):
    """One handling 办件. The operator is encrypted under the case's own key."""

    __tablename__ = "cases"
    __table_args__ = (UniqueConstraint("system_id", "external_no"),)
    id: str = uuid(primary_key=True)
    case_no: str = words(40, unique=True)
    owner_department_id: str = uuid(references="departments.id", index=True)
    system_id: str = uuid(references="systems.id")
    external_no: str = words(100)
    matter_id: str = uuid(references="matters.id")
    matter_code: str = words(64)
    kind: str = words(20)
    channel: str = words(20)
    state: str = words(10)
    subjects: list[dict[str, str]] = document()
    corroboration: list[dict[str, str]] = document()
    operator: bytes = binary()
    data_key: bytes = binary()
    kek_kid: str = words(32)
    opened_at: datetime = instant()
    closed_at: datetime | None = instant(nullable=True)
    facts: bytes | None = binary(nullable=True)
    """Answers to the matter's questions, encrypted under the case's key."""
    choices: bytes | None = binary(nullable=True)
    """Which licence, subject or record somebody said is meant, encrypted under the case's key."""
    filed_on: str | None = words(10, nullable=True)
    """By whose law it is judged; None: the day on which it was opened."""
    closing_asked_at: datetime | None = instant(nullable=True)
    """When its system asked that it close itself once nothing is owed to it any more. Its `state` is `closing` then,
    which nothing but a debt's payment, here or in an earlier release, takes for open."""
    change_no: int = Field(default=1, sa_column_kwargs={"server_default": "1"})
    """Counts what was amended: of two who amend the same state of a case, the second is refused."""
    stage: str = words(20, default="filed")
    """`filed`, `accepted` or `decided`; whether it is closed, its state says."""
    accepting_department_id: str | None = uuid(nullable=True)
    approving_department_id: str | None = uuid(nullable=True, index=True)
    mandate_id: str | None = uuid(nullable=True)
    """Under which the one accepted for the other."""
    accepted_at: datetime | None = instant(nullable=True)
    asked_at: datetime | None = instant(nullable=True)
    """When the one notice of all that is missing was given 一次性告知."""
    supplied_at: datetime | None = instant(nullable=True)
    decided_at: datetime | None = instant(nullable=True)
    decision: str | None = words(20, nullable=True)
    stage_version: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    """Counts the changes of its stage and of whose its decision is; the ledger counts them, too."""
    stage_mac: bytes | None = binary(nullable=True)
    """Over all of that: see `hub.intake.handling.guard`."""


class CasePartyRow(SQLModel, table=True):
    """A party by the key of its role, as `catalog.matters.roles` has it. Number and name are encrypted under the case's
    key and found by keyed hashes.
    """

    __tablename__ = "case_parties"
    __table_args__ = (UniqueConstraint("case_id", "role"), Index("ix_case_parties_person", "lookup_hash", "case_id"))
    id: str = uuid(primary_key=True)
    case_id: str = uuid(references="cases.id")
    role: str = words(32)
    id_type: str | None = words(3, nullable=True)
    lookup_hash: bytes | None = binary(nullable=True)
    name_hash: bytes | None = binary(nullable=True)
    identity: bytes = binary()
    acts_for: str | None = words(40, nullable=True)
    """Whose agent it is: another party's key."""
    mandate: str | None = words(40, nullable=True)
    """The kind of corroboration that shows so."""
    origin: str | None = words(64, nullable=True)
    """The requirement whose answer named it; None: the system that opened the case."""


class EvidenceRequestRow(SQLModel, table=True):
    """One pull. `claimed` → `decided` (disclosed, on the ledger, unsigned) → `done` (the stored answer)."""

    __tablename__ = "evidence_requests"
    __table_args__ = (UniqueConstraint("system_id", "idempotency_key"),)
    id: str = uuid(primary_key=True)
    case_id: str = uuid(references="cases.id", index=True)
    system_id: str = uuid(references="systems.id")
    kind: str = words(10, default="evidence")
    """`evidence`, or `query`: one question to one source (`hub.exchange`)."""
    idempotency_key: str | None = words(128, nullable=True)
    request_hash: str = words(64)
    state: str = words(10, index=True)
    lease: str = words(36)
    lease_until: datetime = instant()
    grants: list[str] = document()
    answer: bytes | None = binary(nullable=True)
    created_at: datetime = instant()
    decided_at: datetime | None = instant(nullable=True)
