"""Rows of the certificate library: types, holders, certificates with their versions, status lists.

Personal data stand here only as ciphertext or keyed hash; the keys are the hub's and outside the database.
"""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Column, Index, LargeBinary, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from catalog.tables import binary, document, instant, uuid, words

MAY_END: Final = "status IN ('valid', 'suspended') AND valid_until IS NOT NULL"
"""Which versions a passing day can change; in these words, so that the index is used."""


class CertificateTypeRow(SQLModel, table=True):
    """One version of a type. `definition` is the text that `certificates.definitions.loading.load_type` reads.

    The MAC covers all but `made_by`; rows of releases before 0004 have none until the hub adopts them. `row_version` is
    the number of the change of its type that wrote the row; empty for those adopted, of which the ledger knows none.
    """

    __tablename__ = "certificate_types"
    __table_args__ = (UniqueConstraint("code", "version"),)
    id: str = uuid(primary_key=True)
    code: str = words(21, index=True)
    slug: str = words(64, index=True)
    version: int
    current: bool
    definition: str = words(65536)
    created_at: datetime = instant()
    retired_at: datetime | None = instant(nullable=True)
    made_by: str | None = words(84, nullable=True)
    row_version: int | None = Field(default=None)
    mac: bytes | None = binary(nullable=True)


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
        Index("ix_certificates_shelf", "owner_department_id", "id"),
    )
    id: str = uuid(primary_key=True)
    owner_department_id: str = uuid(references="departments.id")
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
            "ix_certificate_versions_listed",
            "status_list",
            "status",
            "status_index",
            "id",
            sqlite_where=text("status <> 'valid'"),
            postgresql_where=text("status <> 'valid'"),
        ),
        Index(
            "ix_certificate_versions_ends",
            "valid_until",
            sqlite_where=text(MAY_END),
            postgresql_where=text(MAY_END),
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
    type_version: int | None = Field(default=None)
    """Under which version of its type it was issued; of rows before 0004, its certificate's."""
    origin: str | None = words(100, nullable=True)
    """What brought it in: `batch:ID`, `run:ID`, `source:CODE` or `act`. To find it again."""
    signing_mac: bytes | None = binary(nullable=True)
    """Over `signing_kid`, from the signature on: `mac` is made before it. Before 0004 there was none."""
    seen_mac: bytes | None = binary(nullable=True)
    """Over `as_of`, which moves whenever the register says the same again. Before 0004 there was none."""


class CertificateHolderRow(SQLModel, table=True):
    """A further holder of one version, beside the principal one of its certificate. Found only while the version is the
    current one; a row that the hub did not write has no right MAC.
    """

    __tablename__ = "certificate_holders"
    version_id: str = uuid(references="certificate_versions.id", primary_key=True)
    place: int = Field(primary_key=True)
    subject_id: str = uuid(references="subjects.id", index=True)
    role: str = words(64)
    name_hash: bytes = binary()
    mac: bytes = binary()


class StatusListRow(SQLModel, table=True):
    """A status list and how many of its indexes have been given out.

    `changed_at` is when it was opened; releases before 0004 moved it on with every change. `published_at` is when the
    rows of its newest token were read, `audited_at` when every changed one of them was last held against its guard.
    """

    __tablename__ = "status_lists"
    number: int = Field(primary_key=True)
    size: int
    next_counter: int
    changed_at: datetime = instant()
    published_at: datetime | None = instant(nullable=True)
    audited_at: datetime | None = instant(nullable=True)


class TransitionRow(SQLModel, table=True):
    """One act on a version, with its reason and legal basis. Append-only.

    `object_version` is the version's row version after it, and that of its ledger entry; 1 is how the version came to
    be, where an act made it. `effective_at` is since when it is true, `recorded_at` since when the hub knows.
    `related_id` is the version that took the place of this one, or whose place this one took. The MAC covers it all;
    acts of releases before 0004 have none.
    """

    __tablename__ = "certificate_transitions"
    __table_args__ = (
        Index("ix_certificate_transitions_order", "version_id", "object_version", unique=True),
        Index("ix_certificate_transitions_recorded", "recorded_at"),
        Index("ix_certificate_transitions_related", "related_id"),
    )
    id: str = uuid(primary_key=True)
    version_id: str = uuid(references="certificate_versions.id", index=True)
    operation: str = words(32)
    from_status: str = words(12)
    to_status: str = words(12)
    reason: str = words(500)
    legal_basis: str = words(500)
    effective_at: datetime = instant()
    detail: dict[str, Any] = document()
    object_version: int | None = Field(default=None)
    recorded_at: datetime | None = instant(nullable=True)
    reason_code: str | None = words(32, nullable=True)
    related_id: str | None = uuid(nullable=True)
    ledger_entry_id: str | None = uuid(nullable=True)
    mac: bytes | None = binary(nullable=True)


class ArrivalRow(SQLModel, table=True):
    """Which version was made of a licence of another hub, by that licence's identifier: two who take it over at the
    same moment meet here, whoever they are and for whomever. It points to the last one; no guard, the acts have theirs.
    """

    __tablename__ = "certificate_arrivals"
    __table_args__ = (UniqueConstraint("type_code", "identifier"),)
    version_id: str = uuid(references="certificate_versions.id", primary_key=True)
    type_code: str = words(21)
    identifier: str = words(128)


class CertificateActRow(SQLModel, table=True):
    """An act that waits for a second person of the department 复核, or has met one.

    `content` is the act, sealed under a key of its own: it may hold the claims of a new licence. `identifier` is the
    version it is done to, empty where it makes a first one.
    """

    __tablename__ = "certificate_acts"
    id: str = uuid(primary_key=True)
    owner_department_id: str = uuid(references="departments.id", index=True)
    type_code: str = words(21)
    operation: str = words(32)
    identifier: str = words(128)
    content: bytes = binary()
    data_key: bytes = binary()
    kek_kid: str = words(32)
    asked_by: dict[str, Any] = document()
    state: str = words(12)
    decided_by: dict[str, Any] = document()
    result: str = words(128)
    mac: bytes = binary()
    created_at: datetime = instant()
    expires_at: datetime = instant()
    decided_at: datetime | None = instant(nullable=True)
    case_id: str | None = uuid(nullable=True)
    """Of the case that is granted by it."""


class ActListRow(SQLModel, table=True):
    """One act for a list of certificates: how far it is."""

    __tablename__ = "certificate_act_lists"
    id: str = uuid(primary_key=True)
    owner_department_id: str | None = uuid(references="departments.id", nullable=True, index=True)
    act: dict[str, Any] = document()
    asked_by: dict[str, Any] = document()
    state: str = words(12)
    total: int
    mac: bytes = binary()
    created_at: datetime = instant()
    ended_at: datetime | None = instant(nullable=True)


class ActListItemRow(SQLModel, table=True):
    """One certificate of a list, and what became of it: `waiting`, `done`, or `refused` with its reason."""

    __tablename__ = "certificate_act_list_items"
    __table_args__ = (Index("ix_certificate_act_list_items_state", "list_id", "state", "number"),)
    list_id: str = uuid(references="certificate_act_lists.id", primary_key=True)
    number: int = Field(primary_key=True)
    identifier: str = words(128)
    state: str = words(12)
    why: str = words(64)


class TypeHaltRow(SQLModel, table=True):
    """A type that is stopped 停用: nothing of it is issued or disclosed until two persons lift it."""

    __tablename__ = "certificate_type_halts"
    type_code: str = words(21)
    id: str = uuid(primary_key=True)
    reason: str = words(500)
    legal_basis: str = words(500)
    halted_by: dict[str, Any] = document()
    halted_at: datetime = instant()
    lifted_by: dict[str, Any] = document()
    lifted_at: datetime | None = instant(nullable=True)
    ledger_entry_id: str = uuid()
    row_version: int
    mac: bytes = binary()
