"""Rows of access: the replay guard of systems, and the accounts, sessions and notices of staff.

The replay guard stands in the database because a flushed cache would open the window again (seam D2). Of every secret
that staff carry (cookie, token, link) only a hash is here.
"""

from datetime import datetime

from sqlalchemy import Column, String
from sqlmodel import Field, SQLModel

from catalog.tables import binary, document, instant, uuid, words


class AssertionRow(SQLModel, table=True):
    """A client assertion that was accepted once; kept until it would be refused as expired anyway."""

    __tablename__ = "seen_assertions"
    client_id: str = Field(sa_column=Column(String(64), primary_key=True))
    jti_hash: str = Field(sa_column=Column(String(64), primary_key=True))
    expires_at: datetime = instant(index=True)


class StaffRow(SQLModel, table=True):
    """An account of one person. `version` rises with every change; `external_id` is the provider's name for him.

    `opened_at`: when he first came in, `opened_by`: the operator whose link set his password (None: the command line).
    `link_by`, `link_until`: the operator who confirmed that he gets a link may draw one until then. `mac` covers every
    column but when he last read his notices; without a right one, or with a version that is not the ledger's latest of
    this account, the row is nobody's.
    """

    __tablename__ = "staff"
    id: str = uuid(primary_key=True)
    owner_department_id: str | None = uuid(references="departments.id", nullable=True, index=True)
    user_name: str = words(64, unique=True)
    display_name: str = words(100)
    roles: list[str] = document()
    password_hash: str | None = words(255, nullable=True)
    external_id: str | None = words(255, nullable=True, unique=True)
    break_glass: bool
    active: bool
    version: int
    created_at: datetime = instant()
    notices_seen_at: datetime = instant()
    opened_at: datetime | None = instant(nullable=True)
    opened_by: str | None = uuid(nullable=True)
    link_by: str | None = uuid(nullable=True)
    link_until: datetime | None = instant(nullable=True)
    mac: bytes | None = binary(nullable=True)


class StaffSessionRow(SQLModel, table=True):
    """A browser's session or a bearer token (`kind`). Deleted when it ends and when the account changes.

    `mac` covers every column and the account's version; a row without one is from before there was any, and no session.
    """

    __tablename__ = "staff_sessions"
    secret_hash: str = Field(sa_column=Column(String(64), primary_key=True))
    id: str = uuid()
    staff_id: str = uuid(references="staff.id", index=True)
    kind: str = words(10)
    label: str = words(100)
    peer: str = words(64)
    created_at: datetime = instant()
    seen_at: datetime = instant()
    expires_at: datetime = instant(index=True)
    mac: bytes | None = binary(nullable=True)


class StaffLinkRow(SQLModel, table=True):
    """A one-time link by which a password is set; without `staff_id` it makes the first operator.

    `made_by`: the operator who was shown it; None for the command line. `mac` covers every column and the account's
    version; a row without one is from before there was any, and no link.
    """

    __tablename__ = "staff_links"
    secret_hash: str = Field(sa_column=Column(String(64), primary_key=True))
    staff_id: str | None = uuid(references="staff.id", nullable=True, index=True)
    expires_at: datetime = instant(index=True)
    made_by: str | None = uuid(nullable=True)
    mac: bytes | None = binary(nullable=True)


class SignInAttemptsRow(SQLModel, table=True):
    """Failed sign-ins of one user name or one address, by keyed hash; there whether or not the account is."""

    __tablename__ = "sign_in_attempts"
    key: str = Field(sa_column=Column(String(64), primary_key=True))
    failures: int
    last_at: datetime = instant(index=True)
    blocked_until: datetime = instant()


class OidcAttemptRow(SQLModel, table=True):
    """A sign-in sent to the provider and not back yet. Nonce and verifier are derived from the browser's cookie."""

    __tablename__ = "oidc_attempts"
    state_hash: str = Field(sa_column=Column(String(64), primary_key=True))
    cookie_hash: str = words(64)
    back: str = words(500)
    expires_at: datetime = instant(index=True)


class AccountNoticeRow(SQLModel, table=True):
    """Something about an account that its owner should know or, without `staff_id`, each of the operators for himself.

    Not a row of `notices`, which go to a role of a department: `hub.access.staff_notices` says why.
    """

    __tablename__ = "account_notices"
    id: str = uuid(primary_key=True)
    staff_id: str | None = uuid(references="staff.id", nullable=True, index=True)
    kind: str = words(40)
    text_zh: str = words(500)
    text_en: str = words(500)
    path: str = words(200)
    created_at: datetime = instant(index=True)
