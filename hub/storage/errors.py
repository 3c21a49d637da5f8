"""What a store can do to a caller.

StorageError
├── BusyError            the store is locked or overloaded: nothing was written, try again later
├── CommitUnknownError   the connection was lost after COMMIT was sent: re-read by key, never guess
├── UnavailableError     the store cannot be reached or refuses to work: nothing was written
├── IntegrityBrokenError stored bytes are not what was stored (MAC, tag or hash is wrong)
├── MissingError         no such object or key
├── SignerUnavailableError  a key outside this process (token, department) does not answer: nothing was signed
│   ├── SignatureWaitingError  the department has not approved yet
│   └── SignatureRefusedError  the department said no
└── ConflictError        a uniqueness rule was broken by this write; the transaction was rolled back
    └── RepeatedKeyError the rule is that of an Idempotency-Key: a request with it came before
"""


class StorageError(Exception):
    """Root of everything a store raises."""


class BusyError(StorageError):
    """Another writer held the store longer than the bound."""

    def __init__(self, retry_after_seconds: int = 1) -> None:
        super().__init__("the store is busy")
        self.retry_after_seconds = retry_after_seconds


class CommitUnknownError(StorageError):
    """The commit was sent and its answer lost."""


class UnavailableError(StorageError):
    """The store does not answer."""


class IntegrityBrokenError(StorageError):
    """A stored value failed its check. `where` names table, row and column, never the value."""

    def __init__(self, where: str) -> None:
        super().__init__(f"stored value failed its integrity check: {where}")
        self.where = where


class MissingError(StorageError):
    """Nothing is stored under this name."""


class SignerUnavailableError(StorageError):
    """A token or a department's signer does not answer; `reason` is a code, never a PIN or an address."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the signing key cannot be reached: {reason}")
        self.reason = reason


class SignatureWaitingError(SignerUnavailableError):
    """The department has not approved yet. Ask again: the same question gets the answer."""

    def __init__(self) -> None:
        super().__init__("approval_pending")


class SignatureRefusedError(SignerUnavailableError):
    """The department said no."""

    def __init__(self) -> None:
        super().__init__("approval_refused")


class ConflictError(StorageError):
    """A unique or foreign key refused the write. `constraint` is the database's word for it, without values."""

    def __init__(self, constraint: str) -> None:
        super().__init__(f"a constraint refused the write: {constraint}")
        self.constraint = constraint


class RepeatedKeyError(ConflictError):
    """Told apart from other conflicts: the repeat of a request has an answer, any other conflict is nobody's repeat."""


STORE_FAILED = (BusyError, CommitUnknownError, UnavailableError)
"""The store as a whole: whoever goes through rows one by one stops at these, and goes on after any other."""
