"""Rows of cases, their parties, and the requests for evidence."""

from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import SQLModel

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


class CasePartyRow(SQLModel, table=True):
    """A party by role. Number and name are encrypted under the case's key and found by keyed hashes."""

    __tablename__ = "case_parties"
    __table_args__ = (UniqueConstraint("case_id", "role"),)
    id: str = uuid(primary_key=True)
    case_id: str = uuid(references="cases.id")
    role: str = words(32)
    id_type: str | None = words(3, nullable=True)
    lookup_hash: bytes | None = binary(nullable=True)
    name_hash: bytes | None = binary(nullable=True)
    identity: bytes = binary()


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
