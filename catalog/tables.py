"""Rows of the catalogue, and the column types that every table of the project uses.

A row class only describes columns; queries are written against `table(Row)` in `store.py`, and rows become domain
values there. Table classes validate nothing and never appear in a signature of the API (pitfall F2).
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, cast

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ColumnElement,
    ForeignKey,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
    Uuid,
    bindparam,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel


class Instant(TypeDecorator[datetime]):
    """An aware UTC instant, stored as microseconds since 1970; a naive datetime is refused.

    A whole number sorts, compares and survives the same way in both databases; SQLite has no time zone to keep.
    """

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Microseconds since the epoch. Raises ValueError for a naive datetime."""
        del dialect
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("naive datetime")
        return round(value.timestamp() * 1_000_000)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """The instant, in UTC."""
        del dialect
        return None if value is None else datetime.fromtimestamp(value / 1_000_000, UTC)


def table(row: type[SQLModel]) -> Table:
    """The table behind a row class, for Core statements."""
    return cast("Table", row.__table__)  # type: ignore[attr-defined]


def among(column: Column[Any], name: str, count: int) -> ColumnElement[bool]:
    """`column` is one of `count` parameters `name0`, `name1`, …, whose values are `numbered`.

    For hot statements, kept by count: the list of an expanding parameter is written into the statement at every call.
    """
    return column.in_([bindparam(f"{name}{place}", type_=column.type) for place in range(count)])


def numbered(name: str, values: Sequence[Any]) -> dict[str, Any]:
    """The values of the parameters of `among`."""
    return {f"{name}{place}": value for place, value in enumerate(values)}


def uuid(
    *, primary_key: bool = False, references: str | None = None, nullable: bool = False, index: bool = False
) -> Any:
    """A UUID column, handled as text in Python."""
    column: Column[Any] = Column(
        Uuid(as_uuid=False).with_variant(String(36), "sqlite"),
        *([ForeignKey(references)] if references else []),
        primary_key=primary_key,
        nullable=nullable,
        index=index,
    )
    return Field(sa_column=column)


def instant(*, nullable: bool = False, index: bool = False) -> Any:
    """An aware UTC instant."""
    return Field(sa_column=Column(Instant(), nullable=nullable, index=index))


def binary(*, nullable: bool = False, unique: bool = False, index: bool = False) -> Any:
    """Bytes: ciphertext, hash or MAC."""
    return Field(sa_column=Column(LargeBinary(), nullable=nullable, unique=unique, index=index))


def document() -> Any:
    """A JSON value without personal data."""
    return Field(sa_column=Column(JSON(), nullable=False))


def words(
    length: int,
    *,
    nullable: bool = False,
    index: bool = False,
    unique: bool = False,
    references: str | None = None,
    default: str | None = None,
) -> Any:
    """Text of a bounded length. `default` fills a column for rows, and releases, that do not know it."""
    column: Column[Any] = Column(
        String(length),
        *([ForeignKey(references)] if references else []),
        nullable=nullable,
        index=index,
        unique=unique,
        server_default=default,
    )
    return Field(sa_column=column)


class DepartmentRow(SQLModel, table=True):
    """A public body, or an institution acting in a public service."""

    __tablename__ = "departments"
    id: str = uuid(primary_key=True)
    code: str = words(18, unique=True)
    name_zh: str = words(200)
    name_en: str = words(200)
    level: str = words(20)
    region: str = words(12)
    issues: list[str] = document()
    key_custody: str = words(20)
    successor_id: str | None = uuid(references="departments.id", nullable=True)
    created_at: datetime = instant()


class SystemRow(SQLModel, table=True):
    """Software of a department that calls the hub."""

    __tablename__ = "systems"
    id: str = uuid(primary_key=True)
    client_id: str = words(64, unique=True)
    owner_department_id: str = uuid(references="departments.id", index=True)
    name_zh: str = words(200)
    name_en: str = words(200)
    active: bool
    created_at: datetime = instant()
    desk: str | None = words(20, nullable=True)
    """`counter`: the system under which its department's clerks take cases."""


class SystemKeyRow(SQLModel, table=True):
    """A public key by which a system authenticates. Found by exact kid, never by trying (pitfall J12)."""

    __tablename__ = "system_keys"
    __table_args__ = (UniqueConstraint("system_id", "kid"),)
    id: str = uuid(primary_key=True)
    system_id: str = uuid(references="systems.id")
    kid: str = words(128)
    jwk: dict[str, str] = document()
    active: bool
    created_at: datetime = instant()


class MatterRow(SQLModel, table=True):
    """A service with its requirements. `definition` is a matter as `catalog.matters` reads it."""

    __tablename__ = "matters"
    __table_args__ = (UniqueConstraint("code_system", "code", "version"),)
    id: str = uuid(primary_key=True)
    code_system: str = words(40)
    code: str = words(64, index=True)
    version: int
    current: bool
    owner_department_id: str = uuid(references="departments.id", index=True)
    definition: dict[str, Any] = document()
    in_force_from: str | None = words(10, nullable=True)
    """The first day of filing that is its own; None: always."""
    in_force_until: str | None = words(10, nullable=True)
    mac: bytes | None = binary(nullable=True)
    """Over everything by which a case is judged: see `catalog.matter_store`."""
    owner_version: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    """How often a succession moved it; the ledger counts that, too."""
    owner_mac: bytes | None = binary(nullable=True)
    """Over whose it is: see `hub.registry.matters.owning`."""
    created_at: datetime = instant()


class SourceRow(SQLModel, table=True):
    """A system that holds records. `definition` is a source as `catalog.sources` reads it; secrets lie elsewhere."""

    __tablename__ = "sources"
    id: str = uuid(primary_key=True)
    code: str = words(64, unique=True)
    owner_department_id: str = uuid(references="departments.id", index=True)
    kind: str = words(20)
    definition: dict[str, Any] = document()
    state: str = words(20)
    """`active` or `disabled`."""
    row_version: int
    mac: bytes = binary()
    """Over everything that decides whom the hub asks, and how: see `catalog.interface_store`."""
    created_at: datetime = instant()
    changed_at: datetime = instant()


class SourceSecretRow(SQLModel, table=True):
    """A credential of a source, encrypted. Written and replaced, never given back to anyone."""

    __tablename__ = "source_secrets"
    __table_args__ = (UniqueConstraint("source_id", "name"),)
    id: str = uuid(primary_key=True)
    source_id: str = uuid(references="sources.id")
    name: str = words(64)
    sealed: bytes = binary()
    data_key: bytes = binary()
    kek_kid: str = words(32)
    changed_at: datetime = instant()


class InterfaceRow(SQLModel, table=True):
    """One version of an interface. `definition` is one as `catalog.interfaces` reads it; fixed from `live` on."""

    __tablename__ = "interfaces"
    __table_args__ = (UniqueConstraint("code", "version"),)
    id: str = uuid(primary_key=True)
    code: str = words(64, index=True)
    version: int
    owner_department_id: str = uuid(references="departments.id", index=True)
    source_id: str = uuid(references="sources.id", index=True)
    state: str = words(20, index=True)
    definition: dict[str, Any] = document()
    row_version: int
    mac: bytes = binary()
    published_at: datetime | None = instant(nullable=True)
    ends_at: datetime | None = instant(nullable=True)
    """When a deprecated version stops answering."""
    created_at: datetime = instant()
    changed_at: datetime = instant()


class GrantRow(SQLModel, table=True):
    """What one system may have, for what. Its meaning is covered by a MAC and by its latest ledger entry."""

    __tablename__ = "grants"
    id: str = uuid(primary_key=True)
    owner_department_id: str = uuid(references="departments.id", index=True)
    system_id: str = uuid(references="systems.id", index=True)
    resource_kind: str = words(20, default="certificate_type")
    type_code: str = words(64)
    """Code of the certificate type or, for the kind `interface`, of the interface."""
    kind: str = words(20)
    terms: dict[str, Any] = document()
    purpose: str = words(200)
    state: str = words(20)
    valid_from: datetime = instant()
    valid_until: datetime = instant()
    row_version: int
    ledger_entry_id: str = uuid()
    mac: bytes = binary()


class GrantQuotaRow(SQLModel, table=True):
    """How much of a grant's quota has been leased out on one civil day."""

    __tablename__ = "grant_quotas"
    grant_id: str = uuid(primary_key=True, references="grants.id")
    day: str = Field(sa_column=Column(String(10), primary_key=True))
    leased: int
