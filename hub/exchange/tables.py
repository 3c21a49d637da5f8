"""Rows that the hub keeps for sources that nothing can reach (前置库): encrypted, found by keyed hashes only."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String, UniqueConstraint
from sqlmodel import Field, SQLModel

from catalog.tables import binary, document, instant, uuid, words


class PushedSourceRow(SQLModel, table=True):
    """The data key of one pushing source; locked while a batch of it is written. Erasing it makes every row mute."""

    __tablename__ = "pushed_sources"
    source_id: str = uuid(primary_key=True, references="sources.id")
    data_key: bytes = binary()
    kek_kid: str = words(32)
    last_number: int = Field(sa_column=Column(BigInteger(), nullable=False, server_default="0"))
    """The highest number that a row of it was given. It outlives the row: none is given twice."""


class PushedDatasetRow(SQLModel, table=True):
    """What is known of a dataset as a whole. `shape` is the digest of the key and look-ups its rows were hashed by."""

    __tablename__ = "pushed_datasets"
    source_id: str = uuid(primary_key=True, references="sources.id")
    dataset: str = Field(sa_column=Column(String(64), primary_key=True))
    shape: str = words(64)
    newest_as_of: datetime = instant()
    received_at: datetime = instant()


class PushedRow(SQLModel, table=True):
    """One record. `sealed` is None for a tombstone, which keeps an older row from coming back.

    `number` orders the rows of a source as they were accepted; a row that the release before wrote has none, until it
    is listed. `sealed_key`: of a tombstone, its key columns, so that a feed can tell whose record is gone.
    """

    __tablename__ = "pushed_rows"
    __table_args__ = (
        UniqueConstraint("source_id", "dataset", "key_hash"),
        Index("ix_pushed_rows_number", "source_id", "dataset", "number"),
    )
    id: str = uuid(primary_key=True)
    source_id: str = uuid(references="sources.id")
    dataset: str = words(64)
    key_hash: bytes = binary()
    content_hash: bytes = binary()
    sealed: bytes | None = binary(nullable=True)
    as_of: datetime = instant()
    valid_until: datetime | None = instant(nullable=True, index=True)
    number: int | None = Field(default=None, sa_column=Column(BigInteger(), nullable=True))
    sealed_key: bytes | None = binary(nullable=True)


class PushedLookupRow(SQLModel, table=True):
    """Another way to find a record: the keyed hash of columns that are not its key."""

    __tablename__ = "pushed_lookups"
    __table_args__ = (Index("ix_pushed_lookups_way", "way"),)
    row_id: str = uuid(primary_key=True, references="pushed_rows.id")
    way: bytes = Field(sa_column=Column(LargeBinary(), primary_key=True))


class PushedBatchRow(SQLModel, table=True):
    """A batch as it was received: counts and codes, no values. The answer to a repeated Idempotency-Key."""

    __tablename__ = "pushed_batches"
    id: str = uuid(primary_key=True)
    source_id: str = uuid(references="sources.id", index=True)
    dataset: str = words(64)
    as_of: datetime = instant()
    received_at: datetime = instant(index=True)
    accepted: int
    unchanged: int
    superseded_older: int
    rejected: list[dict[str, Any]] = document()
    digest: str = words(64)
    ledger_entry_id: str = uuid()


class AgentDeliveryRow(SQLModel, table=True):
    """What a closed case writes back to a department's system, once. `sealed` is emptied when it is done."""

    __tablename__ = "agent_deliveries"
    __table_args__ = (Index("ix_agent_deliveries_due", "source_id", "state", "due_at"),)
    id: str = uuid(primary_key=True)
    source_id: str = uuid(references="sources.id")
    case_id: str = uuid(references="cases.id", index=True)
    matter: str = words(64)
    operation: str = words(64)
    state: str = words(16)
    attempts: int
    due_at: datetime = instant()
    last_error: str = words(200)
    sealed: bytes = binary()
    data_key: bytes = binary()
    kek_kid: str = words(32)
    created_at: datetime = instant()
    changed_at: datetime = instant()


class GatewayKeyRow(SQLModel, table=True):
    """A system that still speaks the provincial gateway's dialect. Its secrets lie encrypted."""

    __tablename__ = "gateway_keys"
    id: str = uuid(primary_key=True)
    system_id: str = uuid(references="systems.id", index=True)
    app_key: str = words(40, unique=True)
    sealed: bytes = binary()
    data_key: bytes = binary()
    kek_kid: str = words(32)
    row_version: int
    changed_at: datetime = instant()


class UseRow(SQLModel, table=True):
    """That a disclosure to a system rested on a licence or a pushed row, by a mark that names no person."""

    __tablename__ = "disclosure_uses"
    __table_args__ = (Index("ix_disclosure_uses_age", "system_id", "used_at"),)
    id: str = uuid(primary_key=True)
    mark: str = words(80, index=True)
    system_id: str = uuid(references="systems.id")
    case_no: str = words(40)
    ledger_entry_id: str = uuid()
    used_at: datetime = instant()


class SubscriptionRow(SQLModel, table=True):
    """Where a system wants to hear that something it used has changed. Address and secret lie encrypted."""

    __tablename__ = "subscriptions"
    id: str = uuid(primary_key=True)
    system_id: str = uuid(references="systems.id", index=True)
    owner_department_id: str = uuid(references="departments.id")
    events: list[str] = document()
    host: str = words(260)
    state: str = words(16)
    sealed: bytes = binary()
    data_key: bytes = binary()
    kek_kid: str = words(32)
    created_at: datetime = instant()
    changed_at: datetime = instant()


class WebhookRow(SQLModel, table=True):
    """One message to one subscription, once per change and use."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        UniqueConstraint("subscription_id", "change_id", "ledger_entry_id"),
        Index("ix_webhook_deliveries_state", "subscription_id", "state"),
    )
    id: str = uuid(primary_key=True)
    subscription_id: str = uuid(references="subscriptions.id")
    change_id: str = uuid()
    event: str = words(40)
    case_no: str = words(40)
    ledger_entry_id: str = uuid()
    state: str = words(16)
    attempts: int
    last_error: str = words(40)
    created_at: datetime = instant()
    changed_at: datetime = instant(index=True)


class BulkRunRow(SQLModel, table=True):
    """A bulk run 批量查询 under a campaign case. What it means is under a MAC; how far it is stands outside of it."""

    __tablename__ = "bulk_runs"
    __table_args__ = (Index("ix_bulk_runs_system", "system_id", "state"), Index("ix_bulk_runs_due", "state"))
    id: str = uuid(primary_key=True)
    owner_department_id: str = uuid(references="departments.id", index=True)
    asking_department_id: str = uuid(references="departments.id", index=True)
    system_id: str = uuid(references="systems.id")
    case_id: str = uuid(references="cases.id")
    interface: str = words(64)
    grant_id: str = uuid()
    ordered: dict[str, Any] = document()
    """Purpose and fields; who asked. No person."""
    sealed: bytes = binary()
    """Officer and parameters, under the case's key."""
    state: str = words(16)
    row_version: int
    ledger_entry_id: str | None = uuid(nullable=True)
    mac: bytes = binary()
    subjects: int
    problem: str = words(40)
    file: dict[str, Any] = document()
    """Of a finished run: where its result lies, in how many pieces, its length and digest."""
    decision: dict[str, Any] = document()
    """Who released or refused it, when, why, and the ledger entry of it."""
    manifest: bytes | None = binary(nullable=True)
    """Signed, sealed under the case's key."""
    done: int
    outcomes: dict[str, int] = document()
    downloads: int
    turn: int
    lease: str = words(36)
    attempts: int
    pauses: int
    paused_until: datetime | None = instant(nullable=True)
    paused_why: str = words(40)
    waiting: int = Field(sa_column=Column(Integer(), nullable=False, server_default="0"))
    """Holders whose source failed; they are asked about again."""
    created_at: datetime = instant()
    changed_at: datetime = instant()
    finished_at: datetime | None = instant(nullable=True)
    expires_at: datetime | None = instant(nullable=True)


class BulkSubjectRow(SQLModel, table=True):
    """One subject of a run: who it is and, once decided, what was found, both under the case's key.

    `place` is its place in the result by the recipient's own key; `number` its place in the list that was sent.
    """

    __tablename__ = "bulk_subjects"
    __table_args__ = (
        UniqueConstraint("run_id", "place"),
        Index("ix_bulk_subjects_waiting", "run_id", "state", "number"),
    )
    id: str = uuid(primary_key=True)
    run_id: str = uuid(references="bulk_runs.id")
    number: int
    place: bytes = binary()
    state: str = words(10)
    sealed: bytes = binary()
    result: bytes | None = binary(nullable=True)
    ledger_entry_id: str | None = uuid(nullable=True)
    tries: int = Field(sa_column=Column(Integer(), nullable=False, server_default="0"))
    due_at: datetime | None = instant(nullable=True)
    charged_on: str | None = words(10, nullable=True)
