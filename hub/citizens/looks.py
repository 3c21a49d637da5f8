"""Who looked at somebody's data, counted by department: for paper, where no page of entries has room.

Read from the ledger itself, like the list of `accesses`, and as complete: an entry that does not open is counted too;
one that is held back (`hub.citizens.late`) is not, until it is shown. What only tells of looks that are counted, or
opens a case, is none.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, select

from catalog.tables import table
from certificates.stores.holders import Subject
from hub.citizens.access_names import offices_of
from hub.citizens.access_offices import office_in
from hub.citizens.access_rows import Found, opened_entry
from hub.citizens.access_words import LOOK, NOTHING, kind_of
from hub.citizens.late.ending import SHOWN
from hub.citizens.late.holding import late
from hub.ledger.tables import LedgerEntryRow
from hub.registry.departments.store import Departments, read_departments
from hub.registry.meanings import Words
from hub.storage.vault import Vault

_ENTRIES: Final = table(LedgerEntryRow)
_UNNAMED: Final[Words] = (
    "（不经部门：代办人、公开核验等）",
    "(through no department: who acts, public checks)",
)


@dataclass(frozen=True, slots=True)
class Looked:
    """One department: how often it was shown something, and how often it asked and got nothing."""

    department: Words
    looks: int
    nothing: int


@dataclass(frozen=True, slots=True)
class Looks:
    """Everybody's looks since an instant, and those of one case among them."""

    since: datetime
    all: Sequence[Looked]
    of_case: Sequence[Looked]


def count_looks(
    tx: Connection, vault: Vault, subject: Subject, *, since: datetime, case_id: str | None, now: datetime
) -> Looks:
    """Count them, the most frequent first. A department is named as it is called today."""
    query = select(_ENTRIES).where(_ENTRIES.c.subject_id == subject.id)
    recent = _ENTRIES.c.recorded_at >= since
    query = query.where(recent if case_id is None else recent | (_ENTRIES.c.case_id == case_id))
    key, departments = vault.data_key(subject.data_key, subject.kek_kid), read_departments(tx)
    everywhere: Counter[tuple[Words, str]] = Counter()
    here: Counter[tuple[Words, str]] = Counter()
    rows = [
        Found(row.id, row.id, row.recorded_at, row.kind, row.case_id, opened_entry(row, key))
        for row in tx.execute(query.order_by(_ENTRIES.c.id))
    ]
    held = late(tx, vault, subject, rows, now=now)
    offices = offices_of(tx, [row.detail for row in rows if row.detail])
    for row in rows:
        kind = kind_of(row.kind)
        if kind not in {LOOK, NOTHING} or row.kind == SHOWN or held.hides(row):
            continue
        detail = row.detail or {}
        named = _named(departments, office_in(row.kind, detail, offices))
        if row.at >= since:
            everywhere[named, kind] += _times(detail)
        if case_id is not None and row.case_id == case_id:
            here[named, kind] += _times(detail)
    return Looks(since, _listed(everywhere), _listed(here))


def _times(detail: Mapping[str, Any]) -> int:
    """How often it happened, less what its day's first entry has told already."""
    times = detail.get("times")
    return times - 1 if "first" in detail and isinstance(times, int) else 1


def _listed(counted: Counter[tuple[Words, str]]) -> list[Looked]:
    names = dict.fromkeys(name for name, _ in counted)
    found = [Looked(name, counted[name, LOOK], counted[name, NOTHING]) for name in names]
    return sorted(found, key=lambda item: (-item.looks, -item.nothing, item.department))


def _named(departments: Departments, office: str) -> Words:
    found = departments.by_id.get(office) or departments.by_code(office)
    if found is None:
        return (office, office) if office else _UNNAMED
    return found.name_zh, found.name_en
