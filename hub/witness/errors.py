"""What a witness says no to.

WitnessError
├── FolderError      the witness's own folder: missing, made already, unreadable, in use
├── ForkError        the log signed what cannot be the continuation of what it had signed before: evidence
├── BehindError      asked about another size than the one last co-signed; says which that is
└── UnprovenError    no proof was to be had, or the one given proves nothing: ask again
"""

from pathlib import Path


class WitnessError(Exception):
    """Root of the witness's errors."""


class FolderError(WitnessError):
    """The folder cannot be used."""


class ForkError(WitnessError):
    """`reason`: `shrank` (fewer entries than before), `forked` (other entries), `groundless` (the tiles that the hub
    serves are not those of its checkpoint). `evidence` is the folder with both checkpoints, once they are kept.
    """

    def __init__(self, reason: str, evidence: Path | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.evidence = evidence


class BehindError(WitnessError):
    """The proof begins at another size than `size`, the one last co-signed."""

    def __init__(self, size: int) -> None:
        super().__init__("another size was co-signed last")
        self.size = size


class UnprovenError(WitnessError):
    """`reason` is a code. Nothing was signed, and nothing is proven against the log."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
