"""What an archive shows of the ledger: a signed checkpoint, and for every entry of the case that it stands under it.

An entry says when something was disclosed. Its leaf is public and holds a commitment, never a content.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from certificates.errors import ArchiveError
from signing.canonical import canonical, strict_loads
from signing.log.checkpoint import Checkpoint, NoteVerifier
from signing.log.cosignature import WitnessVerifier, cosignatures
from signing.log.merkle import leaf_hash, verify_inclusion

_MAX_PROOFS_BYTES: Final = 64 * 1024 * 1024
_MAX_LEAF_BYTES: Final = 1024


@dataclass(frozen=True, slots=True)
class ProvenEntry:
    """An entry that stands in the tree."""

    id: str
    recorded_at: datetime
    time: str
    commitment: str


@dataclass(frozen=True, slots=True)
class ProvenLedger:
    """The log as the archive shows it. `witnesses`: of those that the reader knows, who co-signed the checkpoint;
    `cosignatures`: how many lines of others stand under it, unchecked.
    """

    origin: str
    size: int
    cosignatures: int
    entries: Mapping[str, ProvenEntry]
    witnesses: tuple[str, ...] = ()


def proofs_file(proofs: Sequence[Mapping[str, Any]]) -> bytes:
    """The file of the proofs: `entry`, `index`, `leaf` (text), `path` (base64, from the leaf's sibling upwards)."""
    return canonical({"entries": sorted((dict(proof) for proof in proofs), key=lambda proof: int(proof["index"]))})


def check_checkpoint(note: bytes, log_key: str) -> Checkpoint:
    """The checkpoint, signed by the log. Raises: SigningError."""
    return Checkpoint.parse(note, verifier=NoteVerifier.from_text(log_key.strip()))


def check_proofs(
    data: bytes, checkpoint: Checkpoint, note: bytes, *, witnesses: Sequence[WitnessVerifier] = ()
) -> ProvenLedger:
    """Every entry, proven under the checkpoint. `witnesses`: whose co-signatures the reader can tell.

    Raises: SigningError, also for a line of a known witness that does not hold; ArchiveError ("proofs").
    """
    known = tuple(item.name for item in cosignatures(note, witnesses))
    try:
        listed = strict_loads(data, max_bytes=_MAX_PROOFS_BYTES)["entries"]
        entries = {}
        for proof in listed:
            entry = _entry(str(proof["leaf"]))
            path = [base64.b64decode(node, validate=True) for node in proof["path"]]
            hashed = leaf_hash(str(proof["leaf"]).encode())
            verify_inclusion(hashed, index=proof["index"], size=checkpoint.size, proof=path, root=checkpoint.root)
            if proof["entry"] != entry.id:
                raise ArchiveError("proofs")
            entries[entry.id] = entry
    except (KeyError, TypeError, ValueError, AttributeError, binascii.Error) as error:
        raise ArchiveError("proofs") from error
    signatures = note.rstrip(b"\n").rpartition(b"\n\n")[2].split(b"\n")
    return ProvenLedger(checkpoint.origin, checkpoint.size, len(signatures) - 1 - len(known), entries, known)


def _entry(leaf: str) -> ProvenEntry:
    content = strict_loads(leaf, max_bytes=_MAX_LEAF_BYTES)
    if content.keys() != {"commitment", "id", "time"} or canonical(content).decode() != leaf:
        raise ArchiveError("proofs")
    recorded_at = datetime.fromisoformat(content["time"])
    if recorded_at.tzinfo is None:
        raise ArchiveError("proofs")
    return ProvenEntry(content["id"], recorded_at, content["time"], content["commitment"])
