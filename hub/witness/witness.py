"""The witness's one decision: to co-sign a checkpoint, or not, ever.

It signs what a proof shows to be a continuation of what it signed last, and writes that down before the signature
exists: killed in between, it goes on from what it was about to sign, and never signs two of one size with different
roots. What the log signed and cannot be a continuation is kept as evidence and not signed.
"""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass

from hub.clock import Clock
from hub.storage.crash import crash_at
from hub.witness.errors import BehindError, ForkError, UnprovenError
from hub.witness.folder import Seen, WitnessFolder
from signing.errors import ProofError
from signing.log.checkpoint import Checkpoint, NoteVerifier, add_signature, signed_by
from signing.log.merkle import verify_consistency


@dataclass(frozen=True, slots=True)
class Cosigned:
    """A checkpoint as the log and this witness signed it: `line` alone, and `note` with it."""

    size: int
    before: int | None
    line: str
    note: str


class Witness:
    """One per process, over its folder."""

    def __init__(self, folder: WitnessFolder, *, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock

    def seen(self, log: NoteVerifier) -> Seen | None:
        """What was last co-signed of this log. Raises: FolderError."""
        return self._folder.seen(log)

    def cosign(self, note: str, *, log: NoteVerifier, old_size: int, proof: Sequence[bytes]) -> Cosigned:
        """Co-sign a checkpoint.

        Args:
            note: the checkpoint as the log signed it.
            old_size: what the proof of consistency begins at; 0: nothing was co-signed yet, and there is no proof.
        Raises: SigningError: not this log's checkpoint. BehindError: another size than `old_size` was co-signed last.
            ForkError (`forked`): the same size was co-signed with another root; kept as evidence. UnprovenError:
            the proof does not hold, which proves nothing against the log: anybody may have made it. FolderError.
        """
        shown = Checkpoint.parse(note, verifier=log)
        plain = signed_by(note, verifier=log)  # what others signed is neither kept nor handed on
        with self._folder.locked():
            seen = self._folder.seen(log)
            size = seen.checkpoint.size if seen else 0
            if old_size != size:
                raise BehindError(size)
            if seen is not None:
                self._check(seen, shown, plain, proof)
            elif proof:
                raise UnprovenError("proof")
            time = max(int(self._clock().timestamp()), seen.time if seen else 0)
            self._folder.remember(log, plain, time)
            crash_at("witness.remembered")
            line = self._folder.signer.line(shown.body(), time=time)
        return Cosigned(shown.size, seen.checkpoint.size if seen else None, line, add_signature(plain, line))

    def accuse(self, reason: str, *, seen: Seen, shown: str, proof: Sequence[bytes] = ()) -> ForkError:
        """Keep the evidence of a fork, and answer what to raise. Raises: FolderError."""
        path = [b64encode(node).decode() for node in proof]
        return ForkError(
            reason, self._folder.keep_evidence(reason, seen=seen, shown=shown, proof=path, now=self._clock())
        )

    def _check(self, seen: Seen, shown: Checkpoint, plain: str, proof: Sequence[bytes]) -> None:
        old = seen.checkpoint
        if old.size == shown.size and old.root != shown.root:
            raise self.accuse("forked", seen=seen, shown=plain)
        try:
            verify_consistency(
                old_size=old.size, old_root=old.root, new_size=shown.size, new_root=shown.root, proof=proof
            )
        except ProofError as error:
            raise UnprovenError("proof") from error
