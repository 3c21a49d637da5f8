"""What the edge refuses.

EdgeError
├── BadRequestError    not a request we read: encoding, JSON, headers, lengths
├── BodyTooLargeError  more bytes than the route takes
├── InvalidBodyError   readable, and breaks a rule of the route
└── RateLimitedError   too many
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """Where (JSON pointer or header name) and which rule; never the value."""

    pointer: str
    rule: str


class EdgeError(Exception):
    """Root of the edge's refusals."""


class BadRequestError(EdgeError):
    """The request cannot be read."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__("; ".join(f"{fault.pointer}: {fault.rule}" for fault in faults))
        self.faults = faults


class BodyTooLargeError(EdgeError):
    """Counted on the wire, whatever Content-Length said (pitfall F3)."""


class InvalidBodyError(EdgeError):
    """The body is JSON, and not what the route takes."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__("; ".join(f"{fault.pointer}: {fault.rule}" for fault in faults))
        self.faults = faults


class RateLimitedError(EdgeError):
    """Try again after `retry_after_seconds`."""

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__("rate limited")
        self.retry_after_seconds = retry_after_seconds
