"""Rows of life events, and of the families of cases that they open."""

from datetime import datetime
from typing import Any

from sqlalchemy import UniqueConstraint
from sqlmodel import SQLModel

from catalog.tables import binary, document, instant, uuid, words


class LifeEventRow(SQLModel, table=True):
    """A version of a life event 一件事. `definition` is an event as `catalog.life_events` reads it."""

    __tablename__ = "life_events"
    __table_args__ = (UniqueConstraint("code", "version"),)
    id: str = uuid(primary_key=True)
    code: str = words(64, index=True)
    version: int
    owner_department_id: str = uuid(references="departments.id", index=True)
    definition: dict[str, Any] = document()
    mac: bytes = binary()
    created_at: datetime = instant()


class CaseFamilyRow(SQLModel, table=True):
    """One family. Parties and facts are encrypted under its own key."""

    __tablename__ = "case_families"
    __table_args__ = (UniqueConstraint("system_id", "external_no"),)
    id: str = uuid(primary_key=True)
    family_no: str = words(40, unique=True)
    owner_department_id: str = uuid(references="departments.id", index=True)
    system_id: str = uuid(references="systems.id")
    external_no: str = words(100)
    event_id: str = uuid(references="life_events.id")
    event_code: str = words(64)
    state: str = words(10)
    opening: bytes = binary()
    """Parties, facts and operator as they were given: enough to open what an answer opens later."""
    asked: dict[str, Any] = document()
    """For what evidence was asked, in which language, by which key: what is asked again by itself is asked so."""
    withdrawn: list[str] = document()
    """Matters of the event that its department had withdrawn when the family was opened."""
    data_key: bytes = binary()
    kek_kid: str = words(32)
    opened_at: datetime = instant()
    closed_at: datetime | None = instant(nullable=True)


class FamilyCaseRow(SQLModel, table=True):
    """A case of a family."""

    __tablename__ = "family_cases"
    __table_args__ = (UniqueConstraint("family_id", "matter_code"),)
    id: str = uuid(primary_key=True)
    family_id: str = uuid(references="case_families.id", index=True)
    case_id: str = uuid(references="cases.id", index=True)
    matter_code: str = words(64)
    place: int


class FamilyWaitRow(SQLModel, table=True):
    """A requirement of a case that waits for what another case of its family gives: a row for each who may give it and
    for each holder. Gone when it is answered.
    """

    __tablename__ = "family_waits"
    id: str = uuid(primary_key=True)
    family_id: str = uuid(references="case_families.id", index=True)
    case_id: str = uuid(references="cases.id", index=True)
    requirement: str = words(64)
    giver: str = words(64)
    """The matter whose result it is."""
    type_code: str = words(64, index=True)
    lookup_hash: bytes | None = binary(nullable=True)
    """Of its holder; None: whoever it is made out to."""
