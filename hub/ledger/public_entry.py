"""One entry of the log as anybody may see it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, select

from catalog.tables import table
from hub.ledger.errors import NotSequencedError
from hub.ledger.proofs import InclusionProof, prove_inclusion
from hub.ledger.tables import LedgerEntryRow
from hub.storage.errors import MissingError

_ENTRIES: Final = table(LedgerEntryRow)


@dataclass(frozen=True, slots=True)
class PublicEntry:
    """When, whether it is about somebody or about the hub, and its proof, if the log has it already."""

    id: str
    at: datetime
    about_somebody: bool
    proof: InclusionProof | None


def public_entry(tx: Connection, entry_id: str, *, under: tuple[int, str] | None) -> PublicEntry:
    """The entry, proven under that checkpoint (None: the newest). Its kind is told no closer. Raises: MissingError."""
    row = tx.execute(select(_ENTRIES).where(_ENTRIES.c.id == entry_id)).one_or_none()
    if row is None:
        raise MissingError("entry")
    try:
        proof = prove_inclusion(tx, entry_id, under=under)
    except NotSequencedError:
        proof = None
    return PublicEntry(row.id, row.recorded_at, row.subject_id is not None or row.case_id is not None, proof)
