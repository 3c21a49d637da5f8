"""The rows behind who looked: a person's entries, and the openings of cases in his name, newest first in one list.

An entry about him lies under his key. The opening of a case is written before it is known whom it is about, under the
case's key; its parties are found by the hash of his number, and read it here. An opening has its place in the list by
the id of its case, which was drawn in the moment before, so that each page is found by two indexes and the hundredth is
as quick as the first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, Select, select

from catalog.tables import table
from certificates.stores.holders import Subject
from hub.clock import rfc3339
from hub.intake.tables import CasePartyRow, CaseRow
from hub.ledger.entries import open_detail
from hub.ledger.tables import LedgerEntryRow
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import DataKey, Vault

OPENINGS: Final = ("case.open", "sandbox.case.open")
_CASES_AT_ONCE: Final = 500
_ENTRIES: Final = table(LedgerEntryRow)
_CASES: Final = table(CaseRow)
_PARTIES: Final = table(CasePartyRow)


@dataclass(frozen=True, slots=True)
class Found:
    """One entry. `place`: where it stands in the list. `detail` None: it does not match what was committed to."""

    place: str
    id: str
    at: datetime
    kind: str
    case_id: str | None
    detail: Mapping[str, Any] | None = field(repr=False)


def page(
    tx: Connection,
    vault: Vault,
    subject: Subject,
    *,
    after: str | None,
    limit: int,
    only: Sequence[ColumnElement[bool]] = (),
) -> list[Found]:
    """The next so many of his, behind a place; `only`: those of whose rows this is true."""
    about = select(_ENTRIES).where(_ENTRIES.c.subject_id == subject.id, *only)
    if after is not None:
        about = about.where(_ENTRIES.c.id < after)
    rows = tx.execute(about.order_by(_ENTRIES.c.id.desc()).limit(limit)).all()
    found = _own(vault, subject, rows) + _next_openings(tx, vault, subject, after, limit, only)
    return sorted(found, key=lambda item: item.place, reverse=True)[:limit]


def one(tx: Connection, vault: Vault, subject: Subject, entry_id: str) -> Found | None:
    """The one of this id, if it is in his list. The database is asked the same whatever is there: what is held back
    from him, another's, and what nobody ever wrote take the same work.
    """
    row = tx.execute(select(_ENTRIES).where(_ENTRIES.c.id == entry_id)).one_or_none()
    case_id = row.case_id if row is not None and row.subject_id is None and row.kind in OPENINGS else None
    mine = _cases_of(subject, None).where(_PARTIES.c.case_id == (case_id or entry_id))
    found = _openings(tx, vault, tx.execute(mine).scalars().all() or [entry_id])
    if row is not None and row.subject_id == subject.id:
        return _own(vault, subject, [row])[0]
    return found[0] if found and found[0].id == entry_id else None


def openings_of(tx: Connection, vault: Vault, cases: Sequence[str]) -> dict[str, Found]:
    """The opening of each of these cases; without those that do not match what was committed to."""
    found = _openings(tx, vault, cases)
    return {item.place: item for item in found if item.detail is not None}


def opened_entry(row: Row[Any], key: DataKey) -> Mapping[str, Any] | None:
    """What an entry says; None: it does not match what was committed to."""
    try:
        content = open_detail(row.id, row.detail, row.commitment, key=key)
    except (IntegrityBrokenError, ValueError):
        return None
    same = all(content.get(name) == getattr(row, name) for name in ("kind", "subject_id", "case_id"))
    at = rfc3339(row.recorded_at)  # whoever moves an entry by SQL into the time of an order hides nothing by it
    same = same and content.get("recorded_at", at) == at
    detail: Mapping[str, Any] = content["detail"]
    return detail if same else None


def _own(vault: Vault, subject: Subject, rows: Sequence[Row[Any]]) -> list[Found]:
    key = vault.data_key(subject.data_key, subject.kek_kid)
    return [Found(row.id, row.id, row.recorded_at, row.kind, row.case_id, opened_entry(row, key)) for row in rows]


def _cases_of(subject: Subject, after: str | None) -> Select[tuple[str]]:
    mine = select(_PARTIES.c.case_id).where(_PARTIES.c.lookup_hash == subject.lookup_hash).distinct()
    if after is not None:
        mine = mine.where(_PARTIES.c.case_id < after)
    return mine.order_by(_PARTIES.c.case_id.desc())


def _next_openings(
    tx: Connection, vault: Vault, subject: Subject, after: str | None, limit: int, only: Sequence[ColumnElement[bool]]
) -> list[Found]:
    """So many, or all that are left: a case whose opening is not there ends the list for none behind it."""
    found: list[Found] = []
    step = max(limit, _CASES_AT_ONCE) if only else limit  # of many cases few openings may be wanted
    while len(found) < limit:
        cases = tx.execute(_cases_of(subject, after).limit(step)).scalars().all()
        found += _openings(tx, vault, cases, only)
        if len(cases) < step:
            break
        after = cases[-1]
    return found


def _openings(
    tx: Connection, vault: Vault, cases: Sequence[str], only: Sequence[ColumnElement[bool]] = ()
) -> list[Found]:
    if not cases:
        return []
    joined = _ENTRIES.join(_CASES, _CASES.c.id == _ENTRIES.c.case_id)
    query = select(_ENTRIES, _CASES.c.data_key, _CASES.c.kek_kid, _CASES.c.owner_department_id).select_from(joined)
    rows = tx.execute(query.where(_ENTRIES.c.case_id.in_(cases), _ENTRIES.c.kind.in_(OPENINGS), *only)).all()
    found = []
    for row in rows:
        detail = opened_entry(row, vault.data_key(row.data_key, row.kek_kid))
        if detail is not None and "department_id" not in detail:
            # Of an earlier release. What its row says is shown, and holds nothing back: that goes by `department_id`.
            detail = {"department": row.owner_department_id, **detail}
        found.append(Found(row.case_id, row.id, row.recorded_at, row.kind, row.case_id, detail))
    return found
