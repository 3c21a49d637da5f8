"""What may stand between a case and its archive.

ArchivingError
├── CaseOpenError           an open case has no archive
├── ArchiveNotReadyError    it is being made: the ledger, an answer or a time-stamp is waited for
└── ArchiveFaultyError      what was put together does not verify, and is not kept
"""

from hub.storage.errors import IntegrityBrokenError


class ArchivingError(Exception):
    """Root of the errors of archives."""


class CaseOpenError(ArchivingError):
    """Nothing is archived before the case is closed."""


class ArchiveNotReadyError(ArchivingError):
    """`reason` is a code: `ledger`, `answers`, `time_stamp`, `made`."""

    def __init__(self, reason: str = "made") -> None:
        super().__init__(f"the archive is not ready: {reason}")
        self.reason = reason


class ArchiveFaultyError(ArchivingError):
    """`findings` are reasons with names of files, never contents."""

    def __init__(self, *findings: str) -> None:
        super().__init__(f"the archive does not verify: {', '.join(findings)}")
        self.findings = findings


class ScanGoneError(IntegrityBrokenError):
    """A scan that an intent names was withdrawn, erased or deleted by age since."""

    def __init__(self) -> None:
        super().__init__("sealed_copies")
