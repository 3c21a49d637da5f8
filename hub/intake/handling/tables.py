"""Rows of what was done with cases, of who may accept for whom, and of cases that are stuck."""

from datetime import datetime
from typing import Any

from sqlmodel import SQLModel

from catalog.tables import binary, document, instant, uuid, words


class CaseStepRow(SQLModel, table=True):
    """One change of a case or step of its handling."""

    __tablename__ = "case_steps"
    id: str = uuid(primary_key=True)
    case_id: str = uuid(references="cases.id", index=True)
    step: str = words(20)
    change_no: int
    """Of the case, after it."""
    department_id: str | None = uuid(references="departments.id", nullable=True)
    """Who did it."""
    sealed: bytes = binary()
    """Who did it by name, and his reason in words, under the case's key."""
    detail: dict[str, Any] = document()
    """Codes, keys of parties and identifiers; no word about a person."""
    at: datetime = instant()
    ledger_entry_id: str = uuid()
    kept: bytes | None = binary(nullable=True)
    """Of a notice that was asked for under an Idempotency-Key: what was signed, under the case's key."""


class MandateRow(SQLModel, table=True):
    """One department lets another accept cases for it 委托受理. Believed by its MAC and its latest ledger entry."""

    __tablename__ = "mandates"
    id: str = uuid(primary_key=True)
    from_department_id: str = uuid(references="departments.id", index=True)
    to_department_id: str = uuid(references="departments.id", index=True)
    matters: list[str] = document()
    legal_basis: str = words(500)
    valid_from: str = words(10)
    valid_until: str = words(10)
    state: str = words(10)
    """`live` or `ended`."""
    confirmed_by: dict[str, str] = document()
    row_version: int
    mac: bytes = binary()
    created_at: datetime = instant()
    ended_at: datetime | None = instant(nullable=True)


class DeadEndRow(SQLModel, table=True):
    """A case that could not be done 办不成事, on the operator's desk."""

    __tablename__ = "dead_ends"
    id: str = uuid(primary_key=True)
    case_id: str = uuid(references="cases.id", index=True)
    reason: str = words(40, index=True)
    code: str | None = words(64, nullable=True)
    """The requirement at which it is stuck."""
    party: str | None = words(40, nullable=True)
    department_id: str = uuid(references="departments.id")
    """Who sent it."""
    state: str = words(10, index=True)
    """`open` or `answered`."""
    standing: str | None = words(100, nullable=True, unique=True)
    """The case while it is open: there is one at a time."""
    sealed: bytes = binary()
    """Who sent it and what he says, under the case's key."""
    clock: dict[str, Any] = document()
    opened_at: datetime = instant()
    due_at: datetime = instant()
    outcome: str | None = words(40, nullable=True)
    answer: bytes | None = binary(nullable=True)
    """Who answered it and what he says, under the case's key."""
    answered_at: datetime | None = instant(nullable=True)
    ledger_entry_id: str = uuid()
    taken_by: str | None = words(100, nullable=True)
    """The account of who has it in hand."""
    with_department_id: str | None = uuid(references="departments.id", nullable=True)
    """To which department the desk handed it on; None: it lies with the operator."""
    course: bytes | None = binary(nullable=True)
    """Who took it, handed it on and gave it back, and what he said, under the case's key."""
