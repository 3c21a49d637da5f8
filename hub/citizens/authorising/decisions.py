"""Decisions of holders as a pull reads them: believed only with their MAC and the ledger's latest entry.

There are two kinds: a standing one on a grant, and one for a single case. A no of either kind is a no; without one, a
yes of either kind is a yes.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, select

from catalog.tables import table
from certificates.tables import SubjectRow
from hub.citizens.authorising.tables import AuthorisationRow, CaseQuestionRow
from hub.clock import rfc3339
from hub.intake.outcomes import GIVEN, SILENT
from hub.intake.tables import CasePartyRow
from hub.ledger.guards import latest_changes, recorded_at, settled
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import Vault
from signing.canonical import canonical

Decisions = Mapping[tuple[bytes | None, str], str]
"""By the hash of the holder's number, and the grant; who is not in it has not decided."""
ASKED: Final = "asked"
"""The state of a question that nobody has answered yet."""
_ROWS: Final = table(AuthorisationRow)
_QUESTIONS: Final = table(CaseQuestionRow)
_SUBJECTS: Final = table(SubjectRow)
_PARTIES: Final = table(CasePartyRow)
_TABLE: Final = "holder_authorisations"
_NOTHING: Final = "00000000-0000-0000-0000-000000000000"
_STANDING: Final = ("id", "subject_id", "grant_id", "state", "row_version", "ledger_entry_id")
_WHERE_THERE: Final = ("ends_at", "asked_on")
"""Not in a row from before: its MAC still fits."""
_FOR_A_CASE: Final = (*_STANDING, "case_id", "code", "party", "purpose", "language", "kid", "request_hash")


def decisions_of(
    tx: Connection,
    vault: Vault,
    numbers: Collection[bytes],
    grants: Collection[str],
    *,
    now: datetime,
    case_id: str | None = None,
    lock: bool = False,
) -> Decisions:
    """What these holders decided of these grants: the same statements for a known number as for an unknown one.

    Args:
        now: a standing yes whose end has come is no word any more.
        case_id: the case for which a yes may have been given that is none for others.
        lock: hold them, and the holders, share-locked until the transaction ends (seam D6).
    Raises: IntegrityBrokenError: a row that the hub did not write, or an old one put back.
    """
    found: dict[tuple[bytes | None, str], str] = {}
    rows: list[Row[Any]] = []
    if lock:  # a first word of his has no row yet that could be held: he is, against whoever decides for himself
        tx.execute(_holders(numbers)).all()
    for of in (_ROWS, _QUESTIONS):
        if of is _QUESTIONS and case_id is None:
            continue
        where = _SUBJECTS.c.lookup_hash.in_(list(numbers)) & of.c.grant_id.in_(list(grants))
        if of is _QUESTIONS:
            where &= of.c.case_id == case_id
        joined = of.join(_SUBJECTS, _SUBJECTS.c.id == of.c.subject_id)
        query = select(of, _SUBJECTS.c.lookup_hash).select_from(joined).where(where).order_by(of.c.id)
        rows += tx.execute(query.with_for_update(read=True, of=of) if lock else query).all()
    check_decisions(tx, vault, rows)
    for row in rows:
        if row.state != ASKED and not ended(row, now):
            key = (row.lookup_hash, row.grant_id)
            found[key] = _together(found.get(key), row.state)
    return found


def ended(row: Row[Any], now: datetime) -> bool:
    """Whether this is a standing yes whose end has come."""
    ends_at = getattr(row, "ends_at", None)
    return row.state == GIVEN and ends_at is not None and ends_at <= now


def _holders(numbers: Collection[bytes]) -> Select[tuple[str]]:
    these = select(_SUBJECTS.c.id).where(_SUBJECTS.c.lookup_hash.in_(list(numbers)))
    return these.order_by(_SUBJECTS.c.lookup_hash).with_for_update(read=True)


def _together(one: str | None, other: str) -> str:
    """A no outweighs a yes, and a yes that he was silent when asked about one case."""
    said = {word for word in (one, other) if word is not None}
    no = sorted(said - {GIVEN, SILENT})
    return no[0] if no else GIVEN if GIVEN in said else SILENT


def check_decisions(tx: Connection, vault: Vault, rows: Collection[Row[Any]]) -> None:
    """Raises: IntegrityBrokenError."""
    for row in rows:
        vault.check_row_mac(meaning_of(dict(zip(row._fields, row, strict=True))), row.mac, where=_TABLE)
    # Also where there is nothing: a statement more would tell that somebody has decided (threat S14).
    latest = latest_changes(tx, [row.id for row in rows] or [_NOTHING])
    if any(latest.get(row.id) != (row.ledger_entry_id, row.row_version) for row in rows):
        raise IntegrityBrokenError(_TABLE)


def meaning_of(row: Mapping[Any, Any]) -> bytes:
    """Everything the MAC covers, of a standing decision or of one for a case."""
    if "case_id" in row:
        return b"case-question\x1f" + canonical(_covered(row, _FOR_A_CASE))
    return b"authorisation\x1f" + canonical(_covered(row, _STANDING))


def _covered(row: Mapping[Any, Any], names: Collection[str]) -> dict[str, Any]:
    more = {name: row[name] for name in _WHERE_THERE if row.get(name) is not None}
    more |= {name: rfc3339(at) for name, at in more.items() if isinstance(at, datetime)}
    return {name: row[name] for name in names} | more


def taken_back_since(
    tx: Connection, vault: Vault, case_id: str, grants: Collection[str], since: datetime, *, now: datetime
) -> bool:
    """Whether a party of a case has said no to one of these grants since a moment, by the ledger's time, or his yes
    has come to its end since, without another for the case.

    Raises: IntegrityBrokenError: as `decisions_of`.
    """
    if not grants:
        return False
    joined = _ROWS.join(_SUBJECTS, _SUBJECTS.c.id == _ROWS.c.subject_id)
    joined = joined.join(_PARTIES, _PARTIES.c.lookup_hash == _SUBJECTS.c.lookup_hash)
    where = (_PARTIES.c.case_id == case_id) & _ROWS.c.grant_id.in_(list(grants))
    standing = select(_ROWS).select_from(joined).where(where).distinct()
    here = (_QUESTIONS.c.case_id == case_id) & _QUESTIONS.c.grant_id.in_(list(grants))
    for_the_case = select(_QUESTIONS).where(here)

    def look() -> list[Row[Any]]:
        rows = [*tx.execute(standing), *tx.execute(for_the_case)]
        check_decisions(tx, vault, rows)
        return rows

    rows = settled(look)
    yes = {(row.subject_id, row.grant_id) for row in rows if row.state == GIVEN and not ended(row, now)}
    over = [row for row in rows if ended(row, now) and (row.subject_id, row.grant_id) not in yes]
    if any(row.ends_at > since for row in over):
        return True
    said_no = [row for row in rows if row.state not in {GIVEN, ASKED, SILENT}]
    return any((recorded_at(tx, row.id, row.row_version) or since) > since for row in said_no)
