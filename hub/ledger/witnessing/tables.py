"""Rows of the log's witnesses: who they are, the checkpoints laid before them, and what they said."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, String
from sqlmodel import Field, SQLModel

from catalog.tables import binary, document, instant, uuid, words


class LedgerWitnessRow(SQLModel, table=True):
    """A witness, registered by two persons. `body` is the institution, `contact` whom to call there, `url` where it is
    called for its signature; None: it comes by itself. Guarded: whoever could add a row would have the hub say that a
    log of his is co-signed.
    """

    __tablename__ = "ledger_witnesses"
    id: str = uuid(primary_key=True)
    name: str = words(200, unique=True)
    vkey: str = words(400)
    body: str = words(200)
    contact: str = words(200)
    active: bool
    registered_by: dict[str, Any] = document()
    row_version: int
    ledger_entry_id: str = uuid()
    mac: bytes = binary()
    changed_at: datetime = instant()
    url: str | None = words(500, nullable=True)


class LedgerRoundRow(SQLModel, table=True):
    """A checkpoint laid before all witnesses, so that they sign the same one. `origin`: a successor log has its own."""

    __tablename__ = "ledger_rounds"
    origin: str = Field(sa_column=Column(String(200), primary_key=True))
    size: int = Field(sa_column=Column(BigInteger(), primary_key=True, autoincrement=False))
    note: str = words(20000)
    opened_at: datetime = instant()


class LedgerCosignatureRow(SQLModel, table=True):
    """The newest cosignature of a witness on a checkpoint of a round. `said` is its time, in seconds since 1970."""

    __tablename__ = "ledger_cosignatures"
    origin: str = Field(sa_column=Column(String(200), primary_key=True))
    size: int = Field(sa_column=Column(BigInteger(), primary_key=True, autoincrement=False))
    witness_id: str = uuid(primary_key=True)
    line: str = words(1000)
    said: int = Field(sa_column=Column(BigInteger(), nullable=False))


class LedgerForkRow(SQLModel, table=True):
    """A checkpoint that this log's key signed and that is not of this log: evidence, kept as it came."""

    __tablename__ = "ledger_forks"
    digest: str = Field(sa_column=Column(String(64), primary_key=True))
    note: str = words(20000)
    reported_at: datetime = instant()


class LedgerWitnessCallRow(SQLModel, table=True):
    """That a witness is being called, or is not called again before `due_at`: after so many failures, the last of which
    was `failed`. Whoever changes it can keep the hub from calling, which its silence tells.
    """

    __tablename__ = "ledger_witness_calls"
    witness_id: str = uuid(primary_key=True)
    due_at: datetime = instant()
    failures: int
    failed: str = words(40)
