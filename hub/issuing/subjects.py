"""Rows of holders that the hub does not know yet, each with a data key of its own."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from hub.clock import new_id
from hub.issuing.plan import Keyed, KeyedHolder
from hub.storage.vault import Vault


def subject_rows(rows: Sequence[Keyed], vault: Vault, *, now: datetime) -> list[dict[str, Any]]:
    """One for everybody who holds one of these records, in whatever role."""
    unique: dict[bytes, Keyed | KeyedHolder] = {item.lookup_hash: item for row in rows for item in row.further}
    unique |= {row.lookup_hash: row for row in rows}
    return [subject_row(row, vault, now=now) for row in unique.values()]


def subject_row(row: Keyed | KeyedHolder, vault: Vault, *, now: datetime) -> dict[str, Any]:
    """The row of one holder."""
    key = vault.new_data_key()
    subject_id = new_id()
    return {
        "id": subject_id,
        "id_type": row.holder.id_type,
        "lookup_hash": row.lookup_hash,
        "lookup_kid": vault.lookup_kid,
        "data_key": key.wrapped,
        "kek_kid": key.kek_kid,
        "id_number": key.encrypt(f"subjects:{subject_id}:id_number", row.holder.id_number.encode()),
        "created_at": now,
    }
