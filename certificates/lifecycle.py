"""The life cycle of a version: four states, one transition table."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from certificates.errors import TransitionError
from signing import status_list


class Status(StrEnum):
    """State of a version: 有效, 暂扣, 已更新 (a newer version stands in its place), 已撤销."""

    VALID = "valid"
    SUSPENDED = "suspended"
    SUPERSEDED = "superseded"
    REVOKED = "revoked"


class Operation(StrEnum):
    """What may be done to a version."""

    SUSPEND = "suspend"
    RESUME = "resume"
    REVOKE = "revoke"
    SUPERSEDE = "supersede"


TRANSITIONS: Final[Mapping[tuple[Status, Operation], Status]] = {
    (Status.VALID, Operation.SUSPEND): Status.SUSPENDED,
    (Status.VALID, Operation.REVOKE): Status.REVOKED,
    (Status.VALID, Operation.SUPERSEDE): Status.SUPERSEDED,
    (Status.SUSPENDED, Operation.RESUME): Status.VALID,
    (Status.SUSPENDED, Operation.REVOKE): Status.REVOKED,
    (Status.SUSPENDED, Operation.SUPERSEDE): Status.SUPERSEDED,
}

STATUS_BITS: Final[Mapping[Status, int]] = {
    Status.VALID: status_list.VALID,
    Status.REVOKED: status_list.INVALID,
    Status.SUSPENDED: status_list.SUSPENDED,
    Status.SUPERSEDED: status_list.SUPERSEDED,
}


def transition(status: Status, operation: Operation) -> Status:
    """The state after an operation. Raises: TransitionError for what the table does not list."""
    try:
        return TRANSITIONS[status, operation]
    except KeyError:
        raise TransitionError(status, operation) from None
