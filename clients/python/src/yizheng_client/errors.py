"""What can go wrong, so that a program can tell who must act.

YizhengError
├── ConfigurationError   the client was given something that cannot work; nothing was sent
├── NetworkError         no answer of the hub: nobody knows whether the work was done
├── VerificationError    an answer came and must not be believed
│   └── UnknownKeyError  it is signed with a key that the hub does not publish
└── ProblemError         the hub refused, as a problem document (RFC 9457)
    ├── InvalidRequestError  400, 413, 422
    ├── AuthenticationError  401
    ├── NotPermittedError    403
    ├── NotFoundError        404
    ├── ConflictError        409
    ├── RateLimitedError     429
    └── HubError             5xx

No text of these errors holds a value of a request or an answer: they may be logged.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any


class YizhengError(Exception):
    """Root of everything this package raises on purpose.

    `idempotency_key`: send it again to get the same effect. `attempts`: how often the request was sent.
    """

    idempotency_key: str | None = None
    attempts: int = 1


class ConfigurationError(YizhengError):
    """Nothing was sent; the message says what to change."""


class NetworkError(YizhengError):
    """No answer of the hub. `reason`: connect, timeout, broken, too_large, not_the_hub."""

    def __init__(self, reason: str, status: int | None = None) -> None:
        super().__init__(reason if status is None else f"{reason}: status {status}")
        self.reason = reason
        self.status = status


class VerificationError(YizhengError):
    """An answer must not be believed; `reason` is a stable code."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class UnknownKeyError(VerificationError):
    """No key of this `kid` in the key set."""

    def __init__(self) -> None:
        super().__init__("unknown_key")


@dataclass(frozen=True, slots=True)
class Fault:
    """Where in a request (a JSON pointer) which rule is broken; never the value."""

    pointer: str
    rule: str
    zh: str | None = None
    en: str | None = None


class ProblemError(YizhengError):
    """A refusal. `slug` ends `type` and is stable; `members` holds the whole document."""

    def __init__(self, document: Mapping[str, Any], *, status: int, retry_after: float | None = None) -> None:
        self.type = str(document.get("type", "about:blank"))
        self.slug = self.type.rpartition("/")[2]
        self.status = status
        self.who_must_act = str(document.get("who_must_act", "operator"))
        self.retryable = document.get("retryable") is True
        self.retry_after = retry_after
        self.errors = _faults(document.get("errors"))
        self.instance = str(document.get("instance", ""))
        self.members: Mapping[str, Any] = MappingProxyType(dict(document))
        super().__init__(self._text())

    def _text(self) -> str:
        faults = "".join(f"; {fault.pointer or '/'} {fault.rule}" for fault in self.errors)
        return f"{self.slug} ({self.status}), to act: {self.who_must_act}{faults}; {self.instance}"


class InvalidRequestError(ProblemError):
    """The request breaks a rule; `errors` says which and where."""


class AuthenticationError(ProblemError):
    """The client's key, its assertion or its token is not accepted."""


class NotPermittedError(ProblemError):
    """No grant covers this."""


class NotFoundError(ProblemError):
    """There is no such thing, or it is somebody else's."""


class ConflictError(ProblemError):
    """Not possible as things stand: closed, in flight, used before."""


class RateLimitedError(ProblemError):
    """Too many requests."""


class HubError(ProblemError):
    """The hub or one of its stores failed."""


_BY_STATUS: Mapping[int, type[ProblemError]] = {
    400: InvalidRequestError,
    401: AuthenticationError,
    403: NotPermittedError,
    404: NotFoundError,
    409: ConflictError,
    413: InvalidRequestError,
    422: InvalidRequestError,
    429: RateLimitedError,
}


def problem_error(document: Mapping[str, Any], *, status: int, retry_after: float | None) -> ProblemError:
    """The error of a problem document, by its status."""
    kind = _BY_STATUS.get(status, HubError if status >= 500 else ProblemError)
    return kind(document, status=status, retry_after=retry_after)


def _faults(given: Any) -> tuple[Fault, ...]:
    if not isinstance(given, Sequence) or isinstance(given, str):
        return ()
    return tuple(
        Fault(str(item.get("pointer", "")), str(item.get("rule", "")), item.get("zh"), item.get("en"))
        for item in given
        if isinstance(item, Mapping)
    )
