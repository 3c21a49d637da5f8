"""Why a case or a request for evidence is refused as a whole.

IntakeError
├── UnknownMatterError       no such matter
├── PartyError               the parties do not fit the matter, or an identifier is not one
├── FactError                a fact is none that the matter asks for, or not of its kind
├── CaseNotFoundError        no such case, or somebody else's: the caller cannot tell
├── CaseClosedError          the case has been closed
├── DebtsOpenError           the case cannot close: something is owed to it
├── StillOwedError           what was owed was asked for again, in vain
├── DuplicateCaseError       the system already has a case under this number of its own
├── UnlistedRequirementError the matter does not list the requirement
├── IdempotencyError         the Idempotency-Key was used for another request
├── FormAnswerError          an answer fits no field of the form
├── FormSignedError          the form is signed: nothing changes it
├── FormChangedError         the form is not what the caller saw
├── FormOpenError            the form still asks for something
├── FormSignatureError       a signature is not of this form, or none
├── UnknownEventError        no such life event
├── FamilyNotFoundError      no such family, or somebody else's
├── InFlightError            the same request is being handled; ask again
├── NoCounterError           no system of the department is its counter
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


class FactError(IntakeError):
    """`pointer` says where, `rule` what; never the value."""

    def __init__(self, pointer: str, rule: str) -> None:
        super().__init__(f"{pointer}: {rule}")
        self.pointer = pointer
        self.rule = rule


class CaseNotFoundError(IntakeError):
    """No such case for this system."""


class CaseClosedError(IntakeError):
    """Nothing more is disclosed for it."""


class DebtsOpenError(IntakeError):
    """Whoever closes it says what becomes of them."""


class StillOwedError(IntakeError):
    """`cause` is the reason of this time; nothing was decided."""

    def __init__(self, cause: str) -> None:
        super().__init__("still owed")
        self.cause = cause


class DuplicateCaseError(IntakeError):
    """`case_no` is the case that has the number."""

    def __init__(self, case_no: str) -> None:
        super().__init__("the system already has a case under this number")
        self.case_no = case_no


class UnlistedRequirementError(IntakeError):
    """`places` are where in the request's `member` the unlisted ones stand; never their text."""

    def __init__(self, places: tuple[int, ...], *, member: str = "requirements") -> None:
        super().__init__("the matter does not list the requirement")
        self.member = member
        self.places = places


class IdempotencyError(IntakeError):
    """Same key, other request."""


class InFlightError(IntakeError):
    """`retry_after_seconds` is when the first handling must have ended."""

    def __init__(self, retry_after_seconds: int = 2) -> None:
        super().__init__("the request is being handled")
        self.retry_after_seconds = retry_after_seconds


class NoCounterError(IntakeError):
    """No system of the department is its counter, or the counter or its key is out of use."""


class RequestNotFoundError(IntakeError):
    """No such evidence request for this system."""


class GrantEndedError(IntakeError):
    """The stored answer is not given out again."""


class FormAnswerError(IntakeError):
    """`pointer` says where, `rule` what; never the value."""

    def __init__(self, pointer: str, rule: str) -> None:
        super().__init__(f"{pointer}: {rule}")
        self.pointer = pointer
        self.rule = rule


class FormSignedError(IntakeError):
    """Nothing changes it any more."""


class FormChangedError(IntakeError):
    """Somebody answered, or the records say something else by now: look at it again."""


class FormOpenError(IntakeError):
    """`fields` are the keys that are still asked, or about which the records differ."""

    def __init__(self, fields: tuple[str, ...]) -> None:
        super().__init__("the form is not complete")
        self.fields = fields


class FormSignatureError(IntakeError):
    """`rule` says why."""

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule


class FamilyNotFoundError(IntakeError):
    """No such family of this system."""


class UnknownEventError(IntakeError):
    """No life event has this code."""
