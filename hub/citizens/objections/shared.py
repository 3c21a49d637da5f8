"""Values that a department gave by an interface 接口给出的一项: which are objected to, and which are disputed now.

The hub keeps no such value. What is objected to is the field of an interface as it was given in one look at him, and
whoever is given that field of his next is told that it is disputed, and not by whom or why.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import structlog
from sqlalchemy import Connection, select

from catalog.interface_store import find_version
from catalog.interfaces import Interface
from catalog.tables import table
from certificates.stores.holders import Subject
from hub.citizens.access_names import interfaces_of
from hub.citizens.access_rows import opened_entry
from hub.citizens.objections import store
from hub.citizens.objections.sealing import opened
from hub.citizens.objections.values import Kind, Objection, State
from hub.ledger.tables import LedgerEntryRow
from hub.registry.meanings import Words
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import Vault

DISCLOSURE: Final = "disclosure"
_PAGE: Final = 500
_ENTRIES: Final = table(LedgerEntryRow)
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Given:
    """One field of an interface that was given in a look. `owner`: id of whose interface it is."""

    interface: str
    field: str
    title: Words
    of: Words
    owner: str

    @property
    def name(self) -> str:
        """As a form names it."""
        return f"{self.interface}/{self.field}"


def given_in(tx: Connection, asked: Sequence[str], fields: Collection[str]) -> list[Given]:
    """What was given in a look that asked these interfaces (`code@version`) and was given these fields."""
    found = []
    for one in asked:
        code, _, version = one.partition("@")
        stored = find_version(tx, code, int(version)) if version.isdecimal() else None
        if stored is not None:
            here, owner = stored.interface, stored.owner_department_id
            names = [name for name in here.fields if name in fields]
            found += [Given(code, name, _title(here, name), _words(here.title), owner) for name in names]
    return found


def disputed_fields(tx: Connection, vault: Vault, subjects: Collection[str]) -> dict[str, set[tuple[str, str]]]:
    """By subject (ids), the interface and field of each value against which an objection runs. One whose row is not as
    the hub wrote it counts as running, and is an alarm.
    """
    found: dict[str, set[tuple[str, str]]] = {}
    for item in store.of_holders(tx, subjects) if subjects else ():
        whole = store.is_whole(vault, item)
        if not whole:  # whatever kind it says that it is
            _log.error("guarded_row_broken", alarm=True, where="objections")
        if not whole or (item.state is State.RUNNING and item.kind is Kind.FIELD):
            shared = _shared(vault, item)
            if shared:
                found.setdefault(item.subject_id, set()).add((shared["interface"], shared["field"]))
    return found


def mark_shared(
    tx: Connection, vault: Vault, items: Sequence[Mapping[str, Any]], subjects: Mapping[str, Subject | None]
) -> None:
    """Write `disputed` beside each copy, in unsigned answers, of what an interface gave and its person disputes.
    `subjects`: by party. Where no interface gave anything, nothing is asked.
    """
    told = [(item, copy) for item in items for copy in item["copies"] if "interface" in copy]
    known = {subject.id for item, _ in told if (subject := subjects.get(item["party"])) is not None}
    marked = disputed_fields(tx, vault, known)
    for item, copy in told:
        subject = subjects.get(item["party"])
        here = marked.get(subject.id, set()) if subject else set()
        fields = [name for name in copy["claims"] if (copy["interface"]["code"], name) in here]
        if fields:
            copy["interface"] |= {"disputed": True, "disputed_fields": sorted(fields)}


def cases_given(tx: Connection, vault: Vault, subject: Subject, found: Objection) -> list[str]:
    """The cases (ids) in which the field that is objected to was given about this person before he objected."""
    shared, key = _shared(vault, found), vault.data_key(subject.data_key, subject.kek_kid)
    cases: dict[str, None] = {}
    query = (
        select(_ENTRIES)
        .where(_ENTRIES.c.subject_id == subject.id, _ENTRIES.c.kind == DISCLOSURE)
        .where(_ENTRIES.c.recorded_at <= found.raised_at)
        .order_by(_ENTRIES.c.id)
        .limit(_PAGE)
    )
    rows = tx.execute(query).all() if shared else []
    while rows:
        for row in rows:
            said = opened_entry(row, key) or {}
            asked = {one.partition("@")[0] for one in interfaces_of(said)}
            if row.case_id and shared.get("interface") in asked and shared["field"] in said.get("fields", ()):
                cases[row.case_id] = None
        rows = tx.execute(query.where(_ENTRIES.c.id > rows[-1].id)).all()
    return list(cases)


def _shared(vault: Vault, item: Objection) -> dict[str, str]:
    try:
        key = vault.data_key(item.data_key, item.kek_kid)
        shared = opened(key, item.id, "content", item.content).get("shared") or {}
    except IntegrityBrokenError:
        return {}
    return {name: str(shared[name]) for name in ("interface", "field", "entry") if name in shared}


def _title(interface: Interface, name: str) -> Words:
    return _words(interface.fields[name].title, name)


def _words(title: Mapping[str, str], name: str = "") -> Words:
    return str(title.get("zh") or name), str(title.get("en") or title.get("zh") or name)
