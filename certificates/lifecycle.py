"""The life of one certificate version: four states and one table of steps."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from certificates.errors import TransitionError
from signing.status_list import INVALID, SUPERSEDED, SUSPENDED, VALID


class Status(StrEnum):
    """Where a version stands. Revoked and superseded are final."""

    VALID = "valid"
    SUSPENDED = "suspended"
    SUPERSEDED = "superseded"
    REVOKED = "revoked"


class Operation(StrEnum):
    """What can happen to a version."""

    SUSPEND = "suspend"
    RESUME = "resume"
    SUPERSEDE = "supersede"
    REVOKE = "revoke"


# A suspended version cannot be superseded: a new version would lift the suspension without anybody deciding so.
TRANSITIONS: Final[Mapping[tuple[Status, Operation], Status]] = MappingProxyType(
    {
        (Status.VALID, Operation.SUSPEND): Status.SUSPENDED,
        (Status.VALID, Operation.SUPERSEDE): Status.SUPERSEDED,
        (Status.VALID, Operation.REVOKE): Status.REVOKED,
        (Status.SUSPENDED, Operation.RESUME): Status.VALID,
        (Status.SUSPENDED, Operation.REVOKE): Status.REVOKED,
    }
)

STATUS_BITS: Final[Mapping[Status, int]] = MappingProxyType(
    {
        Status.VALID: VALID,
        Status.REVOKED: INVALID,
        Status.SUSPENDED: SUSPENDED,
        Status.SUPERSEDED: SUPERSEDED,
    }
)
"""Value of each status in a published status list."""

STATUS_OF_BITS: Final[Mapping[int, Status]] = MappingProxyType({bits: status for status, bits in STATUS_BITS.items()})


def transition(status: Status, operation: Operation) -> Status:
    """Say where a step leads.

    Raises: TransitionError: the table has no such step.
    """
    try:
        return TRANSITIONS[status, operation]
    except KeyError:
        raise TransitionError(status, operation) from None
