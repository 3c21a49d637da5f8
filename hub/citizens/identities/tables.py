"""Rows of network IDs, and of vouchers that were used."""

from datetime import datetime

from sqlalchemy import Column, String
from sqlmodel import Field, SQLModel

from catalog.tables import binary, instant, uuid, words


class IdentityRow(SQLModel, table=True):
    """A pseudonym of the network-ID service, bound to a holder. `state`: live or released.

    Found by the keyed hash of service and pseudonym, which ends with the binding, as does `content` (number and name,
    sealed under the subject's key). A row that anybody could write would let him sign in as somebody else: its MAC
    covers its meaning, and its ledger entry is the latest of this object.
    """

    __tablename__ = "holder_identities"
    id: str = uuid(primary_key=True)
    subject_id: str = uuid(references="subjects.id", index=True)
    pseudonym_hash: bytes | None = binary(nullable=True, unique=True)
    level: int
    """How surely the holder was signed in who bound it: nobody is surer by it."""
    trial: bool
    """Bound by a trial sign-in, or by a stand-in's word."""
    content: bytes | None = binary(nullable=True)
    state: str = words(10)
    bound_at: datetime = instant()
    ended_at: datetime | None = instant(nullable=True)
    row_version: int
    ledger_entry_id: str = uuid()
    mac: bytes = binary()


class VoucherUseRow(SQLModel, table=True):
    """A voucher, or an answer of the service, that was used here: the hash, until it would be too old anyway."""

    __tablename__ = "network_id_uses"
    digest: str = Field(sa_column=Column(String(64), primary_key=True))
    expires_at: datetime = instant(index=True)
