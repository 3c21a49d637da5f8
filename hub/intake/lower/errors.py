"""Why something on a lower rung is refused.

LowerRungError
├── StandInRefusedError   nothing of this kind stands in for this requirement, or not now; `rule` says why
├── PaperRefusedError     the file is none that is sealed; `rule` says why
├── AnswerError           an officer's answer does not fit the form
├── TaskOverError         the question was answered, or nobody wants the answer any more
├── CopyStateError        the copy was withdrawn already
├── ScanDeletedError      its scan was deleted when its time was over; seal and digest are there
└── PromiseStateError     the promise is not where this step begins
"""

from hub.intake.errors import IntakeError


class LowerRungError(IntakeError):
    """Root of the refusals here. `rule`: what; `pointer`: where; never a value."""

    def __init__(self, rule: str, pointer: str = "") -> None:
        super().__init__(f"{pointer}: {rule}" if pointer else rule)
        self.rule = rule
        self.pointer = pointer


class StandInRefusedError(LowerRungError):
    """Of this requirement, or at this moment."""


class PaperRefusedError(LowerRungError):
    """Type, size, or what is inside."""


class AnswerError(LowerRungError):
    """Missing, unknown, or of another kind."""


class TaskOverError(LowerRungError):
    """Nothing is told, and nothing disclosed."""


class CopyStateError(LowerRungError):
    """Nothing changes."""


class ScanDeletedError(LowerRungError):
    """The page is nowhere any more but in the archive of its case."""

    def __init__(self) -> None:
        super().__init__("scan_deleted")


class PromiseStateError(LowerRungError):
    """Nothing changes."""
