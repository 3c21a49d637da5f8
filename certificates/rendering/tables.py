"""Rows of renditions: which files of a version were made, what ties them together, and designers' templates."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import SQLModel

from catalog.tables import binary, document, instant, uuid, words


class CertificateBindingRow(SQLModel, table=True):
    """What the renditions of one version share. The salt is encrypted under the holder's data key."""

    __tablename__ = "certificate_bindings"
    version_id: str = uuid(primary_key=True, references="certificate_versions.id")
    salt: bytes = binary()
    binding: bytes = binary()
    created_at: datetime = instant()


class CertificateRenditionRow(SQLModel, table=True):
    """One file of a version, or of a purpose copy of it.

    `state` is `intended` until it is signed, `signed` until the file lies in the object store, then `filed`; a filed
    one is `signed` again while its file gets a time-stamp more, and `withdrawn` when a key that signed it turns out to
    be compromised: nobody gets it any more, and another may be made in its place. `content` is encrypted under the
    holder's data key: what a restart needs to make the file while intended, the file while signed, nothing afterwards.
    The MAC covers all columns but the lease and `content`. A lease named `approval` or `refused` is nobody's: its
    department has yet to sign.
    """

    __tablename__ = "certificate_renditions"
    __table_args__ = (
        Index(
            "ix_certificate_renditions_one",
            "version_id",
            "format",
            "suite",
            "language",
            "copy_of",
            unique=True,
            sqlite_where=text("state <> 'withdrawn'"),
            postgresql_where=text("state <> 'withdrawn'"),
        ),
        Index(
            "ix_certificate_renditions_unfiled",
            "id",
            sqlite_where=text("state IN ('intended', 'signed')"),
            postgresql_where=text("state IN ('intended', 'signed')"),
        ),
    )
    id: str = uuid(primary_key=True)
    version_id: str = uuid(references="certificate_versions.id")
    format: str = words(8)
    suite: str = words(10)
    language: str = words(5)
    copy_of: str = words(48)
    """Empty for the licence's own; else the evidence request and the number of the copy in its answer."""
    state: str = words(10)
    code_hash: bytes = binary(unique=True)
    ends_at: datetime | None = instant(nullable=True)
    audience: str = words(64)
    """Of a purpose copy: the client_id of its receiver."""
    content: bytes = binary()
    digest: bytes | None = binary(nullable=True)
    signing_kid: str = words(64)
    code_kid: str = words(64)
    """The key that signed its offline code; empty without one."""
    lease: str = words(36)
    lease_until: datetime = instant()
    ledger_entry_id: str = uuid()
    mac: bytes = binary()
    created_at: datetime = instant()
    renew_by: datetime | None = instant(nullable=True)
    """When the certificate of the newest time-stamp over the whole file ends; null while there is none."""


class FaceTemplateRow(SQLModel, table=True):
    """One version of a type's own template; a licence keeps the one that was in force when it was issued."""

    __tablename__ = "face_templates"
    __table_args__ = (UniqueConstraint("type_code", "version"),)
    id: str = uuid(primary_key=True)
    type_code: str = words(21)
    version: int
    source: str = words(65536)
    confirmed_by: dict[str, Any] = document()
    ledger_entry_id: str = uuid()
    mac: bytes = binary()
    created_at: datetime = instant()
