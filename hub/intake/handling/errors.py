"""Why a step of a case's handling is refused.

HandlingError
├── CaseChangedError    somebody amended the case since it was read
├── StageError          not what may follow now
├── MandateMissingError the department may not accept for the one that decides
├── NotApprovingError   another department decides
├── AskedAlreadyError   the one notice of what is missing was given
├── AskError            the notice does not name everything that is missing, or names what is not
└── DeadEndError        the case is on the desk already
"""

from collections.abc import Sequence
from datetime import datetime

from hub.intake.errors import IntakeError


class HandlingError(IntakeError):
    """Root of these refusals."""


class CaseChangedError(HandlingError):
    """`changed_at` and `operator_id` say when and by whom; `change_no` is the number that stands now."""

    def __init__(self, change_no: int, changed_at: datetime | None, operator_id: str | None) -> None:
        super().__init__("the case was changed")
        self.change_no = change_no
        self.changed_at = changed_at
        self.operator_id = operator_id


class StageError(HandlingError):
    """`stage` is the one in which the case is."""

    def __init__(self, stage: str) -> None:
        super().__init__(f"not in stage {stage}")
        self.stage = stage


class MandateMissingError(HandlingError):
    """No mandate of the deciding department covers the matter today."""


class NotApprovingError(HandlingError):
    """The case is the caller's, its decision is not."""


class AskedAlreadyError(HandlingError):
    """`asked_at` is when."""

    def __init__(self, asked_at: datetime) -> None:
        super().__init__("what is missing was asked for once")
        self.asked_at = asked_at


class AskError(HandlingError):
    """`faults` are places and rules, all at once; never a word of the sender's."""

    def __init__(self, faults: Sequence[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{pointer}: {rule}" for pointer, rule in faults))
        self.faults = tuple(faults)


class DeadEndError(HandlingError):
    """`dead_end` is its id."""

    def __init__(self, dead_end: str) -> None:
        super().__init__("the case is on the desk already")
        self.dead_end = dead_end
