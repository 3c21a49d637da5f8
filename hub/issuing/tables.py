"""Rows of the certificates over the hub's and the departments' signing keys, and of the roots they lead to."""

from datetime import datetime

from sqlalchemy import Column, Index, Integer, String, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from catalog.tables import binary, document, instant, uuid, words


class KeyCertificateRow(SQLModel, table=True):
    """A key, what it may sign, and its chain without the root (base64 DER). Public; kept for ever, so that old
    licences still verify. Guarded from `row_version` 1 on; at 0 the previous release made it, and nothing changed it.
    """

    __tablename__ = "key_certificates"
    kid: str = Field(sa_column=Column(String(64), primary_key=True))
    role: str = words(20)
    organization: str = words(64)
    organization_id: str = words(18, index=True)
    jwk: dict[str, str] = document()
    chain: list[str] = document()
    created_at: datetime = instant()
    not_after: datetime = instant()
    suite: str = words(10, default="es256")
    scope: str | None = words(40, nullable=True)
    state: str = words(12, default="active")
    custody: str = words(20, default="hub_held")
    place: str = words(10, default="file")
    authority: str | None = words(95, nullable=True)
    active_from: datetime | None = instant(nullable=True)
    retired_at: datetime | None = instant(nullable=True)
    compromised_since: datetime | None = instant(nullable=True)
    row_version: int = Field(sa_column=Column(Integer, nullable=False, server_default="0"))
    ledger_entry_id: str | None = uuid(nullable=True)
    mac: bytes | None = binary(nullable=True)


class TrustAnchorRow(SQLModel, table=True):
    """A root that this hub trusts beside its built-in one, named by an operator. Guarded."""

    __tablename__ = "trust_anchors"
    id: str = uuid(primary_key=True)
    fingerprint: str = words(95, unique=True)
    certificate: bytes = binary()
    note: str = words(200)
    trusted: bool
    row_version: int
    ledger_entry_id: str = uuid()
    mac: bytes = binary()
    changed_at: datetime = instant()


class AuthorityCrlRow(SQLModel, table=True):
    """The newest revocation list of an authority outside, and where the operator lets it be fetched. Guarded, but for
    `tried_at` and `failed`: when it was last asked for, and why that failed.
    """

    __tablename__ = "authority_crls"
    id: str = uuid(primary_key=True)
    fingerprint: str = words(95, unique=True)
    authority: bytes = binary()
    crl: bytes = binary()
    digest: str = words(64)
    number: str = words(64)
    this_update: datetime | None = instant(nullable=True)
    next_update: datetime | None = instant(nullable=True)
    url: str = words(500)
    row_version: int
    ledger_entry_id: str = uuid()
    mac: bytes = binary()
    changed_at: datetime = instant()
    tried_at: datetime | None = instant(nullable=True)
    failed: str = words(64)


class StampOrderRow(SQLModel, table=True):
    """A digest that waits for its time-stamp, or has it. `content`: what was stamped, where nobody else keeps it."""

    __tablename__ = "stamp_orders"
    __table_args__ = (
        UniqueConstraint("purpose", "reference", "digest"),
        Index(
            "ix_stamp_orders_waiting",
            "ordered_at",
            sqlite_where=text("token IS NULL"),
            postgresql_where=text("token IS NULL"),
        ),
    )
    id: str = uuid(primary_key=True)
    purpose: str = words(40)
    reference: str = words(200)
    digest: bytes = binary()
    content: bytes | None = binary(nullable=True)
    ordered_at: datetime = instant()
    tried_at: datetime | None = instant(nullable=True)
    token: bytes | None = binary(nullable=True)
    stamped_at: datetime | None = instant(nullable=True)


class KeyRevocationRow(SQLModel, table=True):
    """The work of revoking what a compromised key signed: how far it is."""

    __tablename__ = "key_revocations"
    kid: str = Field(sa_column=Column(String(64), primary_key=True))
    since: datetime = instant()
    reason: str = words(500)
    legal_basis: str = words(500)
    affected: int
    revoked: int
    passed_over: int
    pages: int
    """Pages that were withdrawn: those that it signed, or the offline code of."""
    after_id: str | None = uuid(nullable=True)
    begun_at: datetime = instant()
    ended_at: datetime | None = instant(nullable=True)


class IssuerSealRow(SQLModel, table=True):
    """An electronic seal (SESeal, DER), made for one certificate and look. Public; kept, since two of one number would
    differ in their maker's signature. Guarded.
    """

    __tablename__ = "issuer_seals"
    number: str = Field(sa_column=Column(String(32), primary_key=True))
    organization_id: str = words(18)
    seal: bytes = binary()
    maker_kid: str = words(64)
    ledger_entry_id: str = uuid()
    mac: bytes = binary()
    created_at: datetime = instant()


class IntentSheafRow(SQLModel, table=True):
    """The intents of a batch, tied together until their signatures are there: then their versions are written, once
    and whole, and the sheaf is gone. `versions` and `holders` are rows of these tables as PostgreSQL's COPY takes them.
    """

    __tablename__ = "intent_sheaves"
    id: str = uuid(primary_key=True)
    type_code: str = words(21)
    owner_department_id: str = uuid(references="departments.id", index=True)
    version_columns: list[str] = document()
    versions: bytes = binary()
    holder_columns: list[str] = document()
    holders: bytes = binary()
    created_at: datetime = instant()
