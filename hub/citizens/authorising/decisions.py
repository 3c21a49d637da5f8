"""Decisions of holders as a pull reads them: believed only with their MAC and the ledger's latest entry."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, select

from catalog.tables import table
from certificates.tables import SubjectRow
from hub.citizens.authorising.tables import AuthorisationRow
from hub.intake.outcomes import GIVEN
from hub.intake.tables import CasePartyRow
from hub.ledger.guards import latest_changes, recorded_at, settled
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import Vault
from signing.canonical import canonical

Decisions = Mapping[tuple[bytes | None, str], str]
"""By the hash of the holder's number, and the grant; who is not in it has not decided."""
_ROWS: Final = table(AuthorisationRow)
_SUBJECTS: Final = table(SubjectRow)
_PARTIES: Final = table(CasePartyRow)
_TABLE: Final = "holder_authorisations"
_NOTHING: Final = "00000000-0000-0000-0000-000000000000"


def decisions_of(
    tx: Connection, vault: Vault, numbers: Collection[bytes], grants: Collection[str], *, lock: bool = False
) -> Decisions:
    """What these holders decided of these grants: the same statement for a known number as for an unknown one.

    Args:
        lock: hold them share-locked until the transaction ends (seam D6).
    Raises: IntegrityBrokenError: a row that the hub did not write, or an old one put back.
    """
    where = (_SUBJECTS.c.lookup_hash.in_(list(numbers))) & (_ROWS.c.grant_id.in_(list(grants)))
    joined = _ROWS.join(_SUBJECTS, _SUBJECTS.c.id == _ROWS.c.subject_id)
    query = select(_ROWS, _SUBJECTS.c.lookup_hash).select_from(joined).where(where).order_by(_ROWS.c.id)
    rows = tx.execute(query.with_for_update(read=True, of=_ROWS) if lock else query).all()
    check_decisions(tx, vault, rows)
    return {(row.lookup_hash, row.grant_id): row.state for row in rows}


def check_decisions(tx: Connection, vault: Vault, rows: Collection[Row[Any]]) -> None:
    """Raises: IntegrityBrokenError."""
    for row in rows:
        vault.check_row_mac(meaning_of(dict(zip(row._fields, row, strict=True))), row.mac, where=_TABLE)
    # Also where there is nothing: a statement more would tell that somebody has decided (threat S14).
    latest = latest_changes(tx, [row.id for row in rows] or [_NOTHING])
    if any(latest.get(row.id) != (row.ledger_entry_id, row.row_version) for row in rows):
        raise IntegrityBrokenError(_TABLE)


def meaning_of(row: Mapping[Any, Any]) -> bytes:
    """Everything the MAC covers."""
    names = ("id", "subject_id", "grant_id", "state", "row_version", "ledger_entry_id")
    return b"authorisation\x1f" + canonical({name: row[name] for name in names})


def taken_back_since(tx: Connection, vault: Vault, case_id: str, grants: Collection[str], since: datetime) -> bool:
    """Whether a party of a case has said no to one of these grants since a moment, by the ledger's time.

    Raises: IntegrityBrokenError: as `decisions_of`.
    """
    if not grants:
        return False
    joined = _ROWS.join(_SUBJECTS, _SUBJECTS.c.id == _ROWS.c.subject_id)
    joined = joined.join(_PARTIES, _PARTIES.c.lookup_hash == _SUBJECTS.c.lookup_hash)
    where = (_PARTIES.c.case_id == case_id) & _ROWS.c.grant_id.in_(list(grants))
    query = select(_ROWS).select_from(joined).where(where).distinct()

    def look() -> list[Row[Any]]:
        rows = list(tx.execute(query))
        check_decisions(tx, vault, rows)
        return rows

    said_no = [row for row in settled(look) if row.state != GIVEN]
    return any((recorded_at(tx, row.id, row.row_version) or since) > since for row in said_no)
