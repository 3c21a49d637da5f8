"""What delegates did under a delegation, told from the ledger itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, select

from catalog.tables import table
from certificates.stores.holders import subject_by_id
from hub.citizens.acting import delegations as store
from hub.citizens.acting.delegations import Delegation
from hub.ledger.entries import open_detail
from hub.ledger.tables import LedgerEntryRow
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import DataKey, Vault

_ENTRIES: Final = table(LedgerEntryRow)


@dataclass(frozen=True, slots=True)
class Use:
    """What a delegate did, by the ledger. `whole` False: the entry is not what the log committed to."""

    entry_id: str
    at: datetime
    kind: str
    case_no: str = ""
    whole: bool = True


def uses_told(tx: Connection, vault: Vault, found: Delegation) -> list[Use]:
    """The newest hundred, opened under the principal's key and held against their commitments."""
    subject = subject_by_id(tx, found.subject_id)
    key = vault.data_key(subject.data_key, subject.kek_kid)
    ids = store.uses_of(tx, found.id)
    rows = {row.id: row for row in tx.execute(select(_ENTRIES).where(_ENTRIES.c.id.in_(ids)))}
    return [_use(rows[entry], key, found.id) for entry in ids if entry in rows]


def _use(row: Any, key: DataKey, delegation_id: str) -> Use:
    try:
        content: Mapping[str, Any] = open_detail(row.id, row.detail, row.commitment, key=key)
    except (IntegrityBrokenError, ValueError):
        return Use(row.id, row.recorded_at, row.kind, whole=False)
    detail = content["detail"]
    if content.get("kind") != row.kind or delegation_id not in detail.get("sources", ()):
        return Use(row.id, row.recorded_at, row.kind, whole=False)
    return Use(row.id, row.recorded_at, row.kind, str(detail.get("case_no", "")))
