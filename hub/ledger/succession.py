"""A successor log: how a hub goes on from a store that is older than its last published checkpoint (drill 48).

The old log ended at its last checkpoint, and part of it is lost; going on under its name would give its indexes out a
second time. The successor has a name and a key of its own, begins with the entries that are left, and its first own
entry says where the old one stood and how many entries are lost. Those can only be collected from receipts and
checkpoints that others hold. Proofs over what is left hold in the successor; whoever pinned the old log's key must be
told the new one, another way.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, insert, select, update

from catalog.tables import table
from certificates.tables import StatusListRow
from hub.clock import Clock
from hub.ledger.entries import Draft, append, seal
from hub.ledger.errors import LedgerBrokenError
from hub.ledger.keeper import FILE
from hub.ledger.sequencer import read_head
from hub.ledger.tables import LedgerHeadRow
from hub.ledger.tiles import Tiles
from hub.storage.database import Database
from hub.storage.errors import ConflictError
from hub.storage.keystore.port import KeyStore
from hub.storage.vault import DataKey
from signing.log.checkpoint import Checkpoint

LISTS_LEFT_OUT: Final = 100
"""Status lists skipped: indexes of licences that were issued and lost are never given to others."""
_HEAD: Final = table(LedgerHeadRow)
_LISTS: Final = table(StatusListRow)


@dataclass(frozen=True, slots=True)
class Succession:
    """What was opened. `ended` is how the old log's last checkpoint file is called now."""

    origin: str
    entries: int
    lost: int
    ended: str


async def succeed(
    database: Database, *, keys: KeyStore, log_key: DataKey, witness: Path, clock: Clock, reason: str
) -> Succession:
    """Open a successor, when the store is shorter than the remembered checkpoint. One that was cut off is gone on with.

    Raises: ConflictError when nothing is lost; LedgerBrokenError when no readable checkpoint is remembered.
    """
    kept = witness / FILE
    ended = _read(kept)
    head = await database.read(read_head)
    stored = Checkpoint.from_body(head.body.encode())
    if stored.origin == ended.origin:
        if stored.size >= ended.size:
            raise ConflictError("nothing is lost: the store is not older than the remembered checkpoint")
        origin = _successor(ended.origin)
        signer = keys.note_signer("log")
        if signer.name != origin:
            signer = keys.create_note_signer("log", origin)
        await database.write(lambda tx: _open(tx, origin, ended, log_key, clock, reason))
    else:
        origin = stored.origin  # cut off between the database and the file
    name = f"ended-{ended.size}.json"
    kept.rename(witness / name)
    return Succession(origin, stored.size, max(0, ended.size - stored.size), name)


def _open(tx: Connection, origin: str, ended: Checkpoint, log_key: DataKey, clock: Clock, reason: str) -> None:
    head, now = read_head(tx), clock()
    if Checkpoint.from_body(head.body.encode()).origin != ended.origin:
        return  # run again
    body = Checkpoint(origin, head.size, Tiles(tx).root(head.size)).body().decode()
    values = {
        "epoch": head.epoch + 1,
        "body": body,
        "note": None,
        "sequenced_at": now,
        "holder": "",
        "lease_until": now,
    }
    tx.execute(update(_HEAD).values(**values))
    detail = {"ended": ended.body().decode(), "entries": head.size, "lost": ended.size - head.size, "reason": reason}
    append(tx, [seal(Draft(kind="log.succeeded", detail=detail, key=log_key), now=now)])
    last = tx.execute(select(_LISTS).order_by(_LISTS.c.number.desc()).limit(1)).one_or_none()
    if last is not None:
        number = last.number + LISTS_LEFT_OUT
        tx.execute(insert(_LISTS).values(number=number, size=last.size, next_counter=0, changed_at=now))


def _successor(origin: str) -> str:
    """`host/ledger` → `host/ledger/2` → `host/ledger/3`."""
    base, _, last = origin.rpartition("/")
    return f"{base}/{int(last) + 1}" if last.isdigit() else f"{origin}/2"


def _read(kept: Path) -> Checkpoint:
    """Not verified: it is only shown, and its key may be the one before."""
    try:
        note = str(json.loads(kept.read_bytes())["note"])
        return Checkpoint.from_body(note.partition("\n\n")[0].encode() + b"\n")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LedgerBrokenError("the kept checkpoint cannot be read") from error
