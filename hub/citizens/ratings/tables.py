"""Rows of ratings: numbers alone. What a person writes beside a bad one stands in its follow-up, under his key. And of
the codes on slips.
"""

from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from catalog.tables import binary, document, instant, uuid, words


class RatingRow(SQLModel, table=True):
    """One party's rating of one closed case. `mac` null: of a release that had none, believed by its ledger entry."""

    __tablename__ = "case_ratings"
    __table_args__ = (UniqueConstraint("case_id", "subject_id"),)
    id: str = uuid(primary_key=True)
    case_id: str = uuid(references="cases.id")
    subject_id: str = uuid(references="subjects.id", index=True)
    matter_code: str = words(64, index=True)
    stars: int
    brought: int
    """Papers that the person says he brought."""
    counted: int | None
    """Papers that the hub knows he was asked for; None: it could not count."""
    follow_up_id: str | None = uuid(references="objections.id", nullable=True, index=True)
    given_at: datetime = instant()
    ledger_entry_id: str = uuid(index=True)
    mac: bytes | None = binary(nullable=True)


class RatingTallyRow(SQLModel, table=True):
    """The sums that are published, by matter, of all ratings up to a ledger entry: one row, under a MAC."""

    __tablename__ = "rating_tally"
    id: int = Field(primary_key=True)
    upto: str = uuid()
    sums: dict[str, list[int]] = document()
    mac: bytes = binary()


class RatingCodeRow(SQLModel, table=True):
    """The code on the slip of one party of a case: its keyed hash, and under the MAC whose case it opens. `turn`: how
    often it was drawn anew because it was somebody else's.
    """

    __tablename__ = "rating_codes"
    __table_args__ = (UniqueConstraint("case_id", "party_id"),)
    id: str = uuid(primary_key=True)
    case_id: str = uuid(references="cases.id")
    party_id: str = uuid(references="case_parties.id")
    turn: int
    code_hash: bytes = binary(unique=True)
    made_at: datetime = instant()
    mac: bytes = binary()
