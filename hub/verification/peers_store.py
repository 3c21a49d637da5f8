"""Rows of other hubs. A row that somebody else wrote, or put back, is noticed before anything is believed by it."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, insert, select, update

from catalog.tables import table
from hub.access.actors import Actor
from hub.clock import new_id, rfc3339
from hub.ledger.entries import Draft, append, seal
from hub.ledger.guards import latest_changes
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import DataKey, Vault
from hub.verification.roots import Root, as_stored, from_stored
from hub.verification.tables import TrustPeerRow
from signing.canonical import canonical, sha256

ACCEPTED: Final = "trust.accepted"
RENEWED: Final = "trust.renewed"
_PEERS: Final = table(TrustPeerRow)


@dataclass(frozen=True, slots=True)
class TrustPeer:
    """Another hub."""

    id: str
    hub: str
    roots: tuple[Root, ...]
    left_out: tuple[Root, ...]
    types: tuple[str, ...]
    version: int
    pack: bytes = field(repr=False)
    accepted_by: dict[str, Any]
    row_version: int
    ledger_entry_id: str
    mac: bytes = field(repr=False)
    changed_at: datetime

    def meaning(self) -> bytes:
        """Everything the MAC covers."""
        content = {
            "id": self.id,
            "hub": self.hub,
            "roots": as_stored(self.roots),
            "left_out": as_stored(self.left_out),
            "types": list(self.types),
            "version": self.version,
            "pack": sha256(self.pack).hex(),
            "accepted_by": self.accepted_by,
            "row_version": self.row_version,
            "ledger_entry_id": self.ledger_entry_id,
            "changed_at": rfc3339(self.changed_at),
        }
        return b"trust peer\x1f" + canonical(content)

    def fingerprints(self) -> frozenset[str]:
        """Of the roots that were compared."""
        return frozenset(root.fingerprint for root in self.roots)


def read_peers(tx: Connection, vault: Vault, *, for_update: bool = False) -> list[TrustPeer]:
    """All of them, by hub. Raises: IntegrityBrokenError."""
    query = select(_PEERS).order_by(_PEERS.c.hub)
    rows = tx.execute(query.with_for_update() if for_update else query).all()
    found = [_peer(row) for row in rows]
    latest = latest_changes(tx, [item.id for item in found])
    for item in found:
        vault.check_row_mac(item.meaning(), item.mac, where="trust_peers")
        if latest.get(item.id) != (item.ledger_entry_id, item.row_version):
            raise IntegrityBrokenError("trust_peers")
    return found


def new_peer(hub: str, *, now: datetime) -> TrustPeer:
    """A hub about to be accepted."""
    return TrustPeer(new_id(), hub, (), (), (), 0, b"", {}, 0, "", b"", now)


def write_peer(
    tx: Connection, vault: Vault, peer: TrustPeer, kind: str, *, actor: Actor, log_key: DataKey, now: datetime
) -> TrustPeer:
    """Write a new or changed hub with its guard and its ledger entry."""
    detail = {
        "hub": peer.hub,
        "roots": as_stored(peer.roots),
        "left_out": as_stored(peer.left_out),
        "types": list(peer.types),
        "version": peer.version,
        "pack": sha256(peer.pack).hex(),
        "actor": actor.as_json(),
    }
    version = peer.row_version + 1
    entry = Draft(kind=kind, detail=detail, key=log_key, object_id=peer.id, object_version=version)
    append(tx, [seal(entry, now=now)])
    changed = replace(peer, row_version=version, ledger_entry_id=entry.id, changed_at=now)
    changed = replace(changed, mac=vault.row_mac(changed.meaning()))
    values = {name: getattr(changed, name) for name in TrustPeer.__slots__} | {
        "types": list(changed.types),
        "roots": as_stored(changed.roots),
        "left_out": as_stored(changed.left_out),
    }
    if tx.execute(update(_PEERS).where(_PEERS.c.id == peer.id).values(**values)).rowcount == 0:
        tx.execute(insert(_PEERS).values(**values))
    return changed


def _peer(row: Any) -> TrustPeer:
    values = {name: getattr(row, name) for name in TrustPeer.__slots__}
    try:
        roots = {"roots": from_stored(row.roots), "left_out": from_stored(row.left_out)}
    except (KeyError, TypeError, ValueError):
        raise IntegrityBrokenError("trust_peers") from None
    return TrustPeer(**values | {"types": tuple(row.types)} | roots)
