"""`add-checkpoint`: a log brings its checkpoint and the proof, and gets the co-signature back.

Nobody is authenticated but the log, by its signature. A proof that does not hold is no evidence: anybody may have made
it. Wire format and status codes. Source: c2sp.org/tlog-witness.
"""

import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import structlog

from hub.witness.errors import BehindError, FolderError, ForkError, UnprovenError
from hub.witness.witness import Witness
from signing.errors import MalformedError, SignatureError, SigningError
from signing.log.checkpoint import MAX_NOTE_BYTES, Checkpoint, NoteVerifier, note_body

MAX_BODY: Final = MAX_NOTE_BYTES + 8192
MAX_PROOF: Final = 63
_log = structlog.get_logger(__name__)
_OLD: Final = re.compile(r"old (0|[1-9][0-9]{0,18})")
_SIZE_TYPE: Final = "text/x.tlog.size"
_TEXT: Final = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer."""

    status: int
    text: str = ""
    media_type: str = _TEXT


def add_checkpoint(witness: Witness, logs: Mapping[str, NoteVerifier], body: bytes) -> Answer:
    """Answer one request. `logs`: those that are witnessed, by origin."""
    try:
        old_size, proof, note = _read(body)
        shown = Checkpoint.from_body(note_body(note))
    except (ValueError, MalformedError):
        return Answer(400, "not a request of tlog-witness\n")
    log = logs.get(shown.origin)
    if log is None:
        return Answer(404, "this log is not witnessed here\n")
    try:
        Checkpoint.parse(note, verifier=log)
    except SignatureError:
        return Answer(403, "not signed by the log\n")
    except SigningError:
        return Answer(400, "not a checkpoint\n")
    if old_size > shown.size:
        return Answer(400, "old is larger than the checkpoint\n")
    return _cosigned(witness, log, note, old_size, proof)


def _cosigned(witness: Witness, log: NoteVerifier, note: str, old_size: int, proof: list[bytes]) -> Answer:
    try:
        return Answer(200, witness.cosign(note, log=log, old_size=old_size, proof=proof).line)
    except BehindError as error:
        return Answer(409, f"{error.size}\n", _SIZE_TYPE)
    except ForkError as error:
        _log.error("log_forked", alarm=True, log=log.name, reason=error.reason, evidence=str(error.evidence))
        return Answer(409, "another checkpoint of this size was co-signed; both are kept as evidence\n")
    except UnprovenError:
        return Answer(422, "the proof does not hold\n")
    except FolderError:
        return Answer(503, "the witness cannot write\n")


def _read(body: bytes) -> tuple[int, list[bytes], str]:
    """Raises: ValueError."""
    head, separator, note = body.decode().partition("\n\n")
    first, *lines = head.split("\n")
    match = _OLD.fullmatch(first)
    if not separator or match is None or len(lines) > MAX_PROOF:
        raise ValueError("request")
    try:
        proof = [b64decode(line, validate=True) for line in lines]
    except Base64Error as error:
        raise ValueError("proof") from error
    if any(len(node) != 32 for node in proof):
        raise ValueError("proof")
    return int(match[1]), proof, note
