"""Errors of sources. None carries a value of a question or an answer; each says in which of these ways it failed.

    SourceError
    ├── DefinitionFaultError   the connection or operation is not acceptable; `pointer` and `rule` name the place
    ├── UnreachableError       nobody answered: DNS, refused, TLS, egress rule, breaker open, too many, not at this hour
    ├── TimedOutError          it answered too slowly: `connect`, `read` or `total`
    ├── DeniedError            the source does not accept the hub's own credentials
    └── FaultyAnswerError      it answered something that is no answer: too large, not the format, an error body, …

`retryable` says whether asking again may help; only questions that are safe to repeat are ever repeated.
"""

from typing import ClassVar, Literal

UnreachableReason = Literal[
    "dns",
    "refused",
    "tls",
    "egress",
    "breaker_open",
    "busy",
    "load_limit",
    "outside_window",
    "agent_absent",
    "hub_absent",
    "closed",
]
TlsCheck = Literal["name", "expired", "not_yet", "authority"]
TimeoutPhase = Literal["connect", "read", "total"]


class SourceError(Exception):
    """Root. `code` is stable, fit for logs, metrics and reasons."""

    code: str
    retryable: ClassVar[bool] = False


class DefinitionFaultError(SourceError):
    """A connection or an operation cannot be used. Raised before anything is asked."""

    code = "definition"

    def __init__(self, pointer: str, rule: str) -> None:
        super().__init__(f"{pointer or '/'}: {rule}")
        self.pointer = pointer
        self.rule = rule


class UnreachableError(SourceError):
    """No answer began."""

    retryable = True

    def __init__(self, reason: UnreachableReason, *, failed: TlsCheck | None = None) -> None:
        """`failed`: with `tls`, what is wrong with the certificate that was shown; None for any other fault of TLS."""
        super().__init__(f"unreachable: {reason}")
        self.code = f"unreachable_{reason}"
        self.reason = reason
        self.failed = failed


class TimedOutError(SourceError):
    """No whole answer in time."""

    retryable = True

    def __init__(self, phase: TimeoutPhase) -> None:
        super().__init__(f"timed out: {phase}")
        self.code = f"timed_out_{phase}"
        self.phase = phase


class DeniedError(SourceError):
    """The source refused the hub's credentials; the owner must renew them. Says nothing about a person."""

    code = "denied"


class FaultyAnswerError(SourceError):
    """What came is no answer. `reason` is a short code.

    Of all kinds: `too_large` (bytes), `too_many` (rows), `too_deep`, `shape`. Of HTTP: `status_<code>`, `error_body`,
    `not_json`, `charset`, `encoding`, `redirect`, `protocol`, `cut_off`, `pages`, `token`. Of the guard:
    `unexpected_<class>`, for an error that an adapter let through.
    """

    def __init__(self, reason: str, *, retryable: bool = False) -> None:
        super().__init__(f"faulty answer: {reason}")
        self.code = f"faulty_{reason}"
        self.reason = reason
        self._retryable = retryable

    @property
    def may_retry(self) -> bool:
        """A gateway's 502 or 503 may pass; a wrong format will not."""
        return self._retryable


def may_retry(error: SourceError) -> bool:
    """Whether the same safe question may be asked again."""
    return error.may_retry if isinstance(error, FaultyAnswerError) else error.retryable
