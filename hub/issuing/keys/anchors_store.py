"""Rows of the roots that this hub trusts beside its built-in one. An operator names them; nothing else adds one."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, insert, select, update

from catalog.tables import table
from hub.access.actors import Actor
from hub.clock import new_id, rfc3339
from hub.issuing.tables import TrustAnchorRow
from hub.ledger.entries import Draft, append, seal
from hub.ledger.guards import latest_changes, settled
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import DataKey, Vault
from signing.canonical import canonical, sha256

_ANCHORS: Final = table(TrustAnchorRow)


@dataclass(frozen=True, slots=True)
class TrustAnchor:
    """A root, DER, and whether it is still trusted; `note` says where its fingerprint was compared."""

    id: str
    fingerprint: str
    certificate: bytes
    note: str
    trusted: bool
    changed_at: datetime
    row_version: int = 0
    ledger_entry_id: str = ""
    mac: bytes = b""

    def meaning(self) -> bytes:
        """Everything the MAC covers."""
        content = {
            "id": self.id,
            "fingerprint": self.fingerprint,
            "certificate": sha256(self.certificate).hex(),
            "note": self.note,
            "trusted": self.trusted,
            "changed_at": rfc3339(self.changed_at),
            "row_version": self.row_version,
            "ledger_entry_id": self.ledger_entry_id,
        }
        return b"trust anchor\x1f" + canonical(content)


def read_anchors(tx: Connection, vault: Vault) -> list[TrustAnchor]:
    """All of them, in the order in which they were named. Raises: IntegrityBrokenError."""
    return settled(lambda: _read_anchors(tx, vault))


def _read_anchors(tx: Connection, vault: Vault) -> list[TrustAnchor]:
    found = [_read(row) for row in tx.execute(select(_ANCHORS).order_by(_ANCHORS.c.id)).all()]
    latest = latest_changes(tx, [item.id for item in found])
    for item in found:
        vault.check_row_mac(item.meaning(), item.mac, where="trust_anchors")
        if latest.get(item.id) != (item.ledger_entry_id, item.row_version):
            raise IntegrityBrokenError("trust_anchors")
    return found


def trusted_anchors(tx: Connection, vault: Vault) -> tuple[bytes, ...]:
    """The roots themselves. Raises: IntegrityBrokenError."""
    return tuple(item.certificate for item in read_anchors(tx, vault) if item.trusted)


def new_anchor(fingerprint: str, certificate: bytes, note: str, *, now: datetime) -> TrustAnchor:
    """A root about to be trusted."""
    return TrustAnchor(new_id(), fingerprint, certificate, note, trusted=True, changed_at=now)


def write_anchor(
    tx: Connection, vault: Vault, anchor: TrustAnchor, *, actor: Actor, log_key: DataKey, now: datetime
) -> TrustAnchor:
    """Write a new or changed root with its guard and its ledger entry."""
    entry = Draft(
        kind="anchor.trusted" if anchor.trusted else "anchor.dropped",
        detail={"fingerprint": anchor.fingerprint, "note": anchor.note, "actor": actor.as_json()},
        key=log_key,
        object_id=anchor.id,
        object_version=anchor.row_version + 1,
    )
    append(tx, [seal(entry, now=now)])
    changed = replace(anchor, row_version=anchor.row_version + 1, ledger_entry_id=entry.id, changed_at=now)
    changed = replace(changed, mac=vault.row_mac(changed.meaning()))
    values = {name: getattr(changed, name) for name in TrustAnchor.__slots__}
    if tx.execute(update(_ANCHORS).where(_ANCHORS.c.id == anchor.id).values(**values)).rowcount == 0:
        tx.execute(insert(_ANCHORS).values(**values))
    return changed


def _read(row: Row[Any]) -> TrustAnchor:
    return TrustAnchor(*(getattr(row, name) for name in TrustAnchor.__slots__))
