"""Rows of the certificate library: types, holders, certificates with their versions, status lists.

Personal data stand here only as ciphertext or keyed hash; the keys are the hub's and outside the database.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, Index, LargeBinary, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from catalog.tables import binary, document, instant, uuid, words


class CertificateTypeRow(SQLModel, table=True):
    """One version of a type. `definition` is the text that `certificates.types.load_type` reads."""

    __tablename__ = "certificate_types"
    __table_args__ = (UniqueConstraint("code", "version"),)
    id: str = uuid(primary_key=True)
    code: str = words(21, index=True)
    slug: str = words(64, index=True)
    version: int
    current: bool
    definition: str = words(65536)
    created_at: datetime = instant()


class SubjectRow(SQLModel, table=True):
    """A person or body the hub knows. The data key is wrapped; destroying it erases everything encrypted under it."""

    __tablename__ = "subjects"
    id: str = uuid(primary_key=True)
    id_type: str = words(3)
    lookup_hash: bytes = binary(unique=True)
    lookup_kid: str = words(32)
    data_key: bytes = binary()
    kek_kid: str = words(32)
    id_number: bytes = binary()
    created_at: datetime = instant()


class CertificateRow(SQLModel, table=True):
    """A licence, proof or approval over all its versions."""

    __tablename__ = "certificates"
    __table_args__ = (
        UniqueConstraint("type_code", "issuer_code", "serial"),
        UniqueConstraint("type_code", "owner_department_id", "record_hash"),
        Index("ix_certificates_holder", "subject_id", "type_code"),
    )
    id: str = uuid(primary_key=True)
    owner_department_id: str = uuid(references="departments.id", index=True)
    type_code: str = words(21)
    type_version: int
    issuer_code: str = words(18)
    serial: str = words(40)
    subject_id: str = uuid(references="subjects.id")
    record_hash: bytes = binary()
    current_version: int
    created_at: datetime = instant()


class CertificateVersionRow(SQLModel, table=True):
    """One version: its status, its document, and what ties both to the ledger.

    `state` is `intended` until the signature is stored, then `issued`. `document` is encrypted under the holder's data
    key: the unsigned payload while intended, the signed token afterwards. The MAC covers the meaning columns.
    """

    __tablename__ = "certificate_versions"
    __table_args__ = (
        UniqueConstraint("certificate_id", "version"),
        UniqueConstraint("status_list", "status_index"),
        Index(
            "ix_certificate_versions_changed",
            "status_list",
            sqlite_where=text("status <> 'valid'"),
            postgresql_where=text("status <> 'valid'"),
        ),
        Index(
            "ix_certificate_versions_intended",
            "id",
            sqlite_where=text("state = 'intended'"),
            postgresql_where=text("state = 'intended'"),
        ),
    )
    id: str = uuid(primary_key=True)
    certificate_id: str = uuid(references="certificates.id")
    version: int
    identifier: str = words(128, unique=True)
    state: str = words(10)
    status: str = words(12)
    status_list: int
    status_index: int
    name_hash: bytes = binary()
    fingerprint: bytes = binary()
    as_of: datetime = instant()
    issued_on: str = words(10)
    valid_from: str = words(10)
    valid_until: str | None = words(10, nullable=True)
    document: bytes = Field(sa_column=Column(LargeBinary(), nullable=False))
    payload_digest: bytes = binary()
    signing_kid: str = words(64)
    row_version: int
    ledger_entry_id: str = uuid()
    mac: bytes = binary()
    created_at: datetime = instant()


class StatusListRow(SQLModel, table=True):
    """A status list and how many of its indexes have been given out."""

    __tablename__ = "status_lists"
    number: int = Field(primary_key=True)
    size: int
    next_counter: int
    changed_at: datetime = instant()


class TransitionRow(SQLModel, table=True):
    """One change of a version's status, with its reason and legal basis. Append-only."""

    __tablename__ = "certificate_transitions"
    id: str = uuid(primary_key=True)
    version_id: str = uuid(references="certificate_versions.id", index=True)
    operation: str = words(32)
    from_status: str = words(12)
    to_status: str = words(12)
    reason: str = words(500)
    legal_basis: str = words(500)
    effective_at: datetime = instant()
    detail: dict[str, Any] = document()
