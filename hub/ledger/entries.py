"""Entries: what happened, committed to before anything leaves the hub.

Public of an entry are id, time and a commitment: SHA-256 over a random salt and the canonical content. Content and salt
are encrypted under the key of the person concerned, so that erasing that key leaves the tree whole and the entry mute.
"""

import secrets
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from catalog.bulk import insert_rows
from catalog.tables import table
from hub.clock import new_id, rfc3339
from hub.ledger.kinds import note_unlisted
from hub.ledger.tables import LedgerEntryRow
from hub.storage.vault import DataKey
from signing.canonical import b64u, canonical, sha256, strict_loads
from signing.log.merkle import leaf_hash

_ENTRIES: Final = table(LedgerEntryRow)
_SALT_BYTES: Final = 32
MAX_DETAIL_BYTES: Final = 262_144


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An entry about to be written.

    `key` seals the content: the subject's, or the case's or hub's where no subject is known. `object_id` with a rising
    `object_version` ties a guarded row to this entry.
    """

    kind: str
    detail: dict[str, Any]
    key: DataKey
    subject_id: str | None = None
    case_id: str | None = None
    object_id: str | None = None
    object_version: int | None = None
    id: str = field(default_factory=new_id)

    def __post_init__(self) -> None:
        """An alarm, where nobody has said of this kind whether persons are to read it."""
        note_unlisted(self.kind, of_person=self.subject_id is not None)


@dataclass(frozen=True, slots=True)
class Sealed:
    """A written entry, as its receipt will name it."""

    id: str
    recorded_at: datetime
    commitment: bytes
    row: dict[str, Any]

    def leaf_data(self) -> bytes:
        """The public bytes that the tree hashes."""
        return leaf_data(self.id, self.recorded_at, self.commitment)


def leaf_data(entry_id: str, recorded_at: datetime, commitment: bytes) -> bytes:
    """The leaf of an entry: canonical JSON of its id, time and commitment."""
    return b'{"commitment":"%s","id":"%s","time":"%s"}' % (
        b64u(commitment).encode(),
        entry_id.encode(),
        rfc3339(recorded_at).encode(),
    )


def entry_leaf_hash(entry_id: str, recorded_at: datetime, commitment: bytes) -> bytes:
    """RFC 6962 leaf hash of an entry."""
    return leaf_hash(leaf_data(entry_id, recorded_at, commitment))


def seal(draft: Draft, *, now: datetime) -> Sealed:
    """Salt, commit and encrypt. Pure; the row is written by `append`. The time stands in the content, too, so that
    whoever opens one entry need not believe its row; entries of earlier releases do not say it.
    """
    salt = secrets.token_bytes(_SALT_BYTES)
    content = canonical(
        {
            "case_id": draft.case_id,
            "detail": draft.detail,
            "kind": draft.kind,
            "object_id": draft.object_id,
            "object_version": draft.object_version,
            "recorded_at": rfc3339(now),
            "subject_id": draft.subject_id,
        }
    )
    commitment = sha256(salt + content)
    sealed_detail = draft.key.encrypt(_place(draft.id), salt + content)
    row = {
        "id": draft.id,
        "recorded_at": now,
        "commitment": commitment,
        "position": None,
        "kind": draft.kind,
        "subject_id": draft.subject_id,
        "case_id": draft.case_id,
        "object_id": draft.object_id,
        "object_version": draft.object_version,
        "detail": sealed_detail,
    }
    return Sealed(draft.id, now, commitment, row)


def append(tx: Connection, entries: list[Sealed]) -> None:
    """Write the entries in the caller's transaction. They are numbered later, by the sequencer alone (seam D5)."""
    if entries:
        insert_rows(tx, _ENTRIES, [entry.row for entry in entries])


def open_detail(entry_id: str, sealed: bytes, commitment: bytes, *, key: DataKey) -> dict[str, Any]:
    """The content of an entry, checked against its commitment.

    Raises: IntegrityBrokenError when it does not decrypt; ValueError when it is not what was committed to.
    """
    plain = key.decrypt(_place(entry_id), sealed)
    if sha256(plain) != commitment:
        raise ValueError("content does not match its commitment")
    content: dict[str, Any] = strict_loads(plain[_SALT_BYTES:], max_bytes=MAX_DETAIL_BYTES)
    return content


def _place(entry_id: str) -> str:
    return f"ledger_entries:{entry_id}:detail"
