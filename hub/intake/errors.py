"""Why a case or a request for evidence is refused as a whole.

IntakeError
├── UnknownMatterError       no such matter
├── PartyError               the parties do not fit the matter, or an identifier is not one
├── CaseNotFoundError        no such case, or somebody else's: the caller cannot tell
├── CaseClosedError          the case has been closed
├── DuplicateCaseError       the system already has a case under this number of its own
├── UnlistedRequirementError the matter does not list the requirement
├── IdempotencyError         the Idempotency-Key was used for another request
├── InFlightError            the same request is being handled; ask again
└── RequestNotFoundError     no such evidence request, or somebody else's
"""


class IntakeError(Exception):
    """Root of the intake's refusals."""


class UnknownMatterError(IntakeError):
    """No current matter has this code."""


class PartyError(IntakeError):
    """`pointer` says where, `rule` what; never the value."""

    def __init__(self, pointer: str, rule: str) -> None:
        super().__init__(f"{pointer}: {rule}")
        self.pointer = pointer
        self.rule = rule


class CaseNotFoundError(IntakeError):
    """No such case for this system."""


class CaseClosedError(IntakeError):
    """Nothing more is disclosed for it."""


class DuplicateCaseError(IntakeError):
    """`case_no` is the case that has the number."""

    def __init__(self, case_no: str) -> None:
        super().__init__("the system already has a case under this number")
        self.case_no = case_no


class UnlistedRequirementError(IntakeError):
    """`places` are where in the request the unlisted ones stand; never their text."""

    def __init__(self, places: tuple[int, ...]) -> None:
        super().__init__("the matter does not list the requirement")
        self.places = places


class IdempotencyError(IntakeError):
    """Same key, other request."""


class InFlightError(IntakeError):
    """`retry_after_seconds` is when the first handling must have ended."""

    def __init__(self, retry_after_seconds: int = 2) -> None:
        super().__init__("the request is being handled")
        self.retry_after_seconds = retry_after_seconds


class RequestNotFoundError(IntakeError):
    """No such evidence request for this system."""


class GrantEndedError(IntakeError):
    """The stored answer is not given out again."""
