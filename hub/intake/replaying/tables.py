"""Rows of the grounds of decisions 判定依据."""

from datetime import datetime

from sqlmodel import SQLModel

from catalog.tables import binary, instant, uuid


class DecisionGroundRow(SQLModel, table=True):
    """What decisions of one request, taken in one transaction, were judged by. `about` is the request, or the run.

    Encrypted under the case's key, and what was told about a person under that person's; the ledger's entry of each
    decision has its digest.
    """

    __tablename__ = "decision_grounds"
    id: str = uuid(primary_key=True)
    case_id: str = uuid(references="cases.id", index=True)
    about: str = uuid()
    content: bytes = binary()
    decided_at: datetime = instant()
