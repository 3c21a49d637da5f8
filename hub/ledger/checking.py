"""Proofs that somebody was given, checked without the hub: his record of who looked, or the proof of one entry.

Needed are the log's key and, for their co-signatures, keys of witnesses, each had another way than from this hub. Shown
is that entries of these ids and times stand in the log. Not shown: that what a file says of them is what they committed
to, and that no entry was left out of it.
"""

from base64 import b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from signing.canonical import strict_loads
from signing.errors import MalformedError, ProofError, SigningError
from signing.log.checkpoint import Checkpoint, NoteVerifier, parse_signature_line, signature_lines
from signing.log.cosignature import Cosignature, WitnessVerifier, cosignatures
from signing.log.merkle import leaf_hash, verify_inclusion

FORMAT: Final = "yizheng-who-looked/1"
MAX_BYTES: Final = 64 * 1024 * 1024
_MAX_LEAF: Final = 1024


@dataclass(frozen=True, slots=True)
class Seen:
    """Who put his name under a checkpoint: `verified` by a key that was given, `unknown`: names that prove nothing."""

    verified: Sequence[Cosignature]
    unknown: Sequence[str]


@dataclass(frozen=True, slots=True)
class Checked:
    """What became of the entries, by id. `refused`: the proof of them does not hold, and why; `waiting`: they came
    without one. `checkpoints`: by size, who co-signed it.
    """

    proven: Sequence[str]
    waiting: Sequence[str]
    refused: Mapping[str, str]
    checkpoints: Mapping[int, Seen]
    complete: bool


def check(data: bytes, *, log: NoteVerifier, witnesses: Sequence[WitnessVerifier] = ()) -> Checked:
    """Check a file of `/me/accesses.json`, or an answer of `GET /api/v1/ledger/entries/{id}/proof`.

    Raises: MalformedError: neither of them. SigningError: a checkpoint that the log did not sign, or a line under a
        given witness's name and key that does not hold.
    """
    content = strict_loads(data, max_bytes=MAX_BYTES)
    try:
        notes, entries, complete = _taken_apart(content)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise MalformedError("proofs") from error
    trees, seen = dict[int, Checkpoint](), dict[int, Seen]()
    for note in notes:
        tree = Checkpoint.parse(note, verifier=log)
        trees[tree.size], seen[tree.size] = tree, seen_on(note, log=log.name, witnesses=witnesses)
    proven, waiting, refused = [], [], {}
    for entry, at, proof in entries:
        if proof is None:
            waiting.append(entry)
            continue
        try:
            _check(entry, at, proof, trees)
            proven.append(entry)
        except SigningError as error:
            refused[entry] = error.reason
        except (KeyError, TypeError, ValueError, AttributeError):
            refused[entry] = "malformed"
    return Checked(proven, waiting, refused, seen, complete)


def seen_on(note: str, *, log: str, witnesses: Sequence[WitnessVerifier]) -> Seen:
    """Who co-signed a checkpoint that its log signed.

    Raises: SigningError: a line under a given witness's name and key does not hold.
    """
    verified = cosignatures(note, witnesses)
    known = {item.name for item in verified} | {log}
    names = [parse_signature_line(line)[0] for line in signature_lines(note)]
    return Seen(verified, tuple(dict.fromkeys(name for name in names if name not in known)))


_Entry = tuple[str, str | None, Mapping[str, Any] | None]


def _taken_apart(content: Any) -> tuple[list[str], list[_Entry], bool]:
    """Its checkpoints, and of each entry its id, the time that is said of it, and its proof."""
    if "leaf" in content:
        return [str(content["checkpoint"])], [(str(content["entry"]), None, content)], True
    if content["format"] != FORMAT:
        raise ValueError("format")
    entries: list[_Entry] = [(str(item["id"]), str(item["at"]), item["proof"]) for item in content["accesses"]]
    return [str(note) for note in content["checkpoints"].values()], entries, content["complete"] is True


def _check(entry: str, at: str | None, proof: Mapping[str, Any], trees: Mapping[int, Checkpoint]) -> None:
    tree, leaf = trees[proof["size"]], str(proof["leaf"])
    said = strict_loads(leaf, max_bytes=_MAX_LEAF)
    if said.keys() != {"commitment", "id", "time"} or said["id"] != entry:
        raise ProofError("another_entry")
    if at is not None and datetime.fromisoformat(said["time"]) != datetime.fromisoformat(at):
        raise ProofError("another_time")
    path = [b64decode(node, validate=True) for node in proof["path"]]
    verify_inclusion(leaf_hash(leaf.encode()), index=proof["index"], size=tree.size, proof=path, root=tree.root)
