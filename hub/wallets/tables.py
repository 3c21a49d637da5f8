"""Rows around wallets. Of every secret only a hash is here; what a holder is shown again is sealed under his key."""

from datetime import datetime

from sqlalchemy import Column, String
from sqlmodel import Field, SQLModel

from catalog.tables import binary, document, instant, uuid, words


class WalletOfferRow(SQLModel, table=True):
    """A holder's offer of one licence to a wallet: `live`, `taken`, `ended` (late, or the code guessed too often).

    `content` is sealed under the subject's key and deleted when it ends.
    """

    __tablename__ = "wallet_offers"
    id: str = uuid(primary_key=True)
    subject_id: str = uuid(references="subjects.id", index=True)
    certificate_id: str = uuid(references="certificates.id")
    configuration: str = words(64)
    reference_hash: str = words(64, unique=True)
    code_hash: str = words(64, unique=True)
    typed_hash: bytes = binary()
    content: bytes | None = binary(nullable=True)
    tries: int
    state: str = words(10)
    made_at: datetime = instant()
    expires_at: datetime = instant(index=True)


class WalletAuthorizationRow(SQLModel, table=True):
    """A wallet's request for an authorization code: `pushed`, `allowed`, `refused`, `used`."""

    __tablename__ = "wallet_authorizations"
    request_hash: str = Field(sa_column=Column(String(64), primary_key=True))
    client_id: str = words(300)
    redirect_uri: str = words(1000)
    challenge: str = words(64)
    client_state: str | None = words(1000, nullable=True)
    configuration: str = words(64)
    detailed: bool
    """Asked for with authorization details, so that the answer names identifiers."""
    thumbprint: str | None = words(64, nullable=True)
    state: str = words(10)
    code_hash: str | None = words(64, nullable=True, unique=True)
    subject_id: str | None = uuid(references="subjects.id", nullable=True)
    certificate_ids: list[str] = document()
    expires_at: datetime = instant(index=True)


class WalletBondRow(SQLModel, table=True):
    """What a holder gave to one wallet, and the refresh token with which it renews it: thirty days, each token once.

    The token carries the MAC of the row. Whether the bond has ended says the ledger alone: an entry about it. `turn`
    counts renewals.
    """

    __tablename__ = "wallet_bonds"
    id: str = uuid(primary_key=True)
    subject_id: str = uuid(references="subjects.id", index=True)
    configuration: str = words(64)
    certificate_ids: list[str] = document()
    by_identifier: bool
    thumbprint: str = words(64)
    client_id: str = words(300)
    refresh_hash: str | None = words(64, nullable=True)
    turn: int
    made_at: datetime = instant()
    expires_at: datetime = instant()


class WalletTokenRow(SQLModel, table=True):
    """An access token, bound to a key of the wallet: for these certificates, and so many more copies of them."""

    __tablename__ = "wallet_tokens"
    token_hash: str = Field(sa_column=Column(String(64), primary_key=True))
    id: str = uuid()
    subject_id: str = uuid(references="subjects.id")
    configuration: str = words(64)
    certificate_ids: list[str] = document()
    by_identifier: bool
    thumbprint: str = words(64)
    client_id: str = words(300)
    copies_left: int
    expires_at: datetime = instant(index=True)
    bond_id: str | None = uuid(nullable=True)
    """Empty in tokens of early releases, which open nothing now."""


class WalletBatchRow(SQLModel, table=True):
    """What one request got: copies of one licence, under one entry of the status list, which has the same id.

    `told` is what the wallet said became of them: `accepted`, `deleted`, `failure`.
    """

    __tablename__ = "wallet_batches"
    id: str = uuid(primary_key=True, references="certificate_copies.id")
    bond_id: str = uuid(references="wallet_bonds.id", index=True)
    subject_id: str = uuid(references="subjects.id", index=True)
    certificate_id: str = uuid(references="certificates.id")
    copies: int
    told: str | None = words(10, nullable=True)
    made_at: datetime = instant()


class WalletCredentialRow(SQLModel, table=True):
    """A licence that was bound to a wallet's key and given out. Its status is that of its batch; of those of early
    releases, which have none, that of its version.
    """

    __tablename__ = "wallet_credentials"
    id: str = uuid(primary_key=True)
    subject_id: str = uuid(references="subjects.id", index=True)
    version_id: str = uuid(references="certificate_versions.id", index=True)
    thumbprint: str = words(64)
    client_id: str = words(300)
    payload_digest: bytes = binary()
    signing_kid: str = words(64)
    ledger_entry_id: str = uuid()
    made_at: datetime = instant()
    batch_id: str | None = uuid(nullable=True, index=True)


class WalletSeenRow(SQLModel, table=True):
    """A proof or nonce that was used; kept until it would be refused as too old."""

    __tablename__ = "wallet_seen"
    used_hash: str = Field(sa_column=Column(String(64), primary_key=True))
    expires_at: datetime = instant(index=True)


class WalletAskRow(SQLModel, table=True):
    """A question of a system, or of a clerk, to whichever wallet scans it: `waiting`, then `answered`; deleted after an
    hour.

    `content` is sealed under a key of its own: first what reads the answer, then what came of it.
    """

    __tablename__ = "wallet_asks"
    id: str = uuid(primary_key=True)
    system_id: str | None = uuid(references="systems.id", nullable=True)
    staff_id: str | None = uuid(references="staff.id", nullable=True)
    department_id: str = uuid(references="departments.id")
    reference_hash: str = words(64, unique=True)
    type_code: str = words(21)
    claims: list[str] = document()
    purpose: str = words(200)
    state: str = words(10)
    content: bytes = binary()
    data_key: bytes = binary()
    kek_kid: str = words(32)
    made_at: datetime = instant()
    expires_at: datetime = instant(index=True)
