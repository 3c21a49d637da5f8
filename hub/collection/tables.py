"""Progress of collections, committed with the rows it speaks of, so that a killed run goes on where it was."""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, String
from sqlmodel import Field, SQLModel

from catalog.tables import document, instant


class CollectionRunRow(SQLModel, table=True):
    """One file under one mapping for one issuer. `run_key` hashes what makes two runs the same."""

    __tablename__ = "collection_runs"
    id: str = Field(sa_column=Column(String(36), primary_key=True))
    run_key: str = Field(sa_column=Column(String(64), nullable=False, index=True))
    state: str = Field(sa_column=Column(String(10), nullable=False))
    next_row: int
    totals: dict[str, Any] = document()
    started_at: datetime = instant()
    updated_at: datetime = instant()
