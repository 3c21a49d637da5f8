"""Queries over bound network IDs. They take the caller's connection and never commit; a row is believed only with its
MAC and the ledger's latest entry.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, exists, insert, or_, select, update

from catalog.tables import table
from certificates.tables import SubjectRow
from hub.citizens.identities.tables import IdentityRow, VoucherUseRow
from hub.ledger.guards import latest_changes
from hub.ledger.spent import spent
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import Vault
from signing.canonical import canonical

LIVE: Final = "live"
RELEASED: Final = "released"
_TABLE: Final = "holder_identities"
_ROWS: Final = table(IdentityRow)
_USES: Final = table(VoucherUseRow)
_SUBJECTS: Final = table(SubjectRow)
_KEYED: Final = select(_ROWS, _SUBJECTS.c.data_key, _SUBJECTS.c.kek_kid).join(
    _SUBJECTS, _SUBJECTS.c.id == _ROWS.c.subject_id
)


def by_pseudonym(tx: Connection, vault: Vault, digest: bytes) -> Row[Any] | None:
    """The live one of this pseudonym, with its subject's key. Raises: IntegrityBrokenError."""
    row = tx.execute(_KEYED.where(_ROWS.c.pseudonym_hash == digest)).one_or_none()
    if row is not None:
        _check(tx, vault, [row])
    return row


def of_holder(tx: Connection, vault: Vault, subject_id: str) -> Sequence[Row[Any]]:
    """All of a holder's, the newest first, those that he released among them. Raises: IntegrityBrokenError."""
    mine = _KEYED.where(_ROWS.c.subject_id == subject_id)
    rows = tx.execute(mine.order_by(_ROWS.c.bound_at.desc(), _ROWS.c.id)).all()
    _check(tx, vault, rows)
    return rows


def add(tx: Connection, vault: Vault, values: Mapping[str, Any]) -> None:
    """Write a new one under its MAC."""
    tx.execute(insert(_ROWS).values(**values, mac=vault.row_mac(_meaning(values))))


def release(tx: Connection, vault: Vault, row: Row[Any], entry_id: str, now: datetime) -> None:
    """End it: by the pseudonym nobody is found any more."""
    changed: dict[str, Any] = {
        "pseudonym_hash": None, "content": None, "state": RELEASED, "ended_at": now,
        "row_version": row.row_version + 1, "ledger_entry_id": entry_id,
    }  # fmt: skip
    mac = vault.row_mac(_meaning({**row._mapping, **changed}))  # noqa: SLF001  # its public name
    tx.execute(update(_ROWS).where(_ROWS.c.id == row.id).values(**changed, mac=mac))


def forget(tx: Connection, subject_id: str) -> None:
    """In the transaction that erases a holder."""
    tx.execute(delete(_ROWS).where(_ROWS.c.subject_id == subject_id))


def use(tx: Connection, digests: Collection[str], once: str, until: datetime, now: datetime) -> bool:
    """Whether none of these was used before, nor anything by `once`; they are from here on. A twin at the same moment
    raises ConflictError.
    """
    tx.execute(delete(_USES).where(_USES.c.expires_at < now))
    used = exists().where(_USES.c.digest.in_(list(digests)))
    if tx.execute(select(or_(used, spent(once)))).scalar_one():
        return False
    tx.execute(insert(_USES), [{"digest": each, "expires_at": until} for each in digests])
    return True


def _check(tx: Connection, vault: Vault, rows: Collection[Row[Any]]) -> None:
    for row in rows:
        vault.check_row_mac(_meaning(row._mapping), row.mac, where=_TABLE)  # noqa: SLF001  # its public name
    latest = latest_changes(tx, [row.id for row in rows])
    if any(latest.get(row.id) != (row.ledger_entry_id, row.row_version) for row in rows):
        raise IntegrityBrokenError(_TABLE)


def _meaning(row: Mapping[Any, Any]) -> bytes:
    names = ("id", "subject_id", "level", "trial", "state", "row_version", "ledger_entry_id")
    digest = row["pseudonym_hash"]
    told = {name: row[name] for name in names} | {"pseudonym_hash": digest.hex() if digest is not None else None}
    return b"identity\x1f" + canonical(told)
