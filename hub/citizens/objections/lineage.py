"""What belongs together: an objection, the review of its refusal, and what a superior has ordered upon that."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, select

from catalog.tables import table
from hub.citizens.access_rows import opened_entry
from hub.citizens.objections import store
from hub.citizens.objections.sealing import opened
from hub.citizens.objections.values import ORDERED, REVIEW, Objection, answerers
from hub.ledger.tables import LedgerEntryRow
from hub.registry.departments.store import read_departments
from hub.registry.notices import notify
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import Vault

FILED: Final = ("objection.raised", "objection.ordered")
_ENTRIES: Final = table(LedgerEntryRow)


@dataclass(frozen=True, slots=True)
class Lineage:
    """`first`: what the person raised. `key`: of what that is about. `since`: from when on a correction counts,
    by the ledger: whoever moves the time in a row does not make an old version a correction.
    """

    first: Objection
    key: str
    since: datetime


def lineage_of(tx: Connection, vault: Vault, found: Objection, content: Mapping[str, Any]) -> Lineage:
    """`content` is that of `found`. What is ordered may have been corrected while it was reviewed.

    Raises: IntegrityBrokenError: one of them is not as the hub wrote it.
    """
    key = str(content["key"])
    if key.startswith(ORDERED):
        found, key = _before(tx, vault, key.removeprefix(ORDERED))
    since = _filed_at(tx, vault, found)
    if key.startswith(REVIEW):
        found, key = _before(tx, vault, key.removeprefix(REVIEW))
    return Lineage(found, key, since)


def tell_superior(tx: Connection, vault: Vault, found: Objection, now: datetime) -> None:
    """Of an order that is overdue, whoever ordered it hears: about his review, since the order is another's to read."""
    key = str(opened(vault.data_key(found.data_key, found.kek_kid), found.id, "content", found.content)["key"])
    review = store.find(tx, key.removeprefix(ORDERED)) if key.startswith(ORDERED) else None
    if review is not None and review.department_id is not None:
        superior = read_departments(tx).current(review.department_id)
        for role in answerers(review.kind):
            about = ("objection", review.id)
            notify(
                tx,
                "objection.disobeyed",
                department_id=superior.id,
                role=role,
                about=about,
                now=now,
                once="over",
            )


def _filed_at(tx: Connection, vault: Vault, found: Objection) -> datetime:
    key = vault.data_key(found.data_key, found.kek_kid)
    filed = select(_ENTRIES).where(_ENTRIES.c.subject_id == found.subject_id, _ENTRIES.c.kind.in_(FILED))
    for row in tx.execute(filed.order_by(_ENTRIES.c.id.desc())):
        if (opened_entry(row, key) or {}).get("objection") == found.id:
            return row.recorded_at  # type: ignore[no-any-return]
    raise IntegrityBrokenError("ledger_entries")


def _before(tx: Connection, vault: Vault, objection_id: str) -> tuple[Objection, str]:
    found = store.find(tx, objection_id)
    if found is None or not store.is_whole(vault, found):
        raise IntegrityBrokenError("objections")
    content = opened(vault.data_key(found.data_key, found.kek_kid), found.id, "content", found.content)
    return found, str(content["key"])
