"""The life cycle of a version: its states, and the one table of what may follow what.

Source: states 01 to 07 and 99 and operations 01 to 10 of the certificates of the housing ministry, the two of real
estate; 行政许可法 art. 69 (撤销) and 70 (注销). Who may do what, and why: `certificates.lifecycle.rules`.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from certificates.errors import TransitionError
from signing import status_list


class Status(StrEnum):
    """State of a version."""

    VALID = "valid"
    """有效"""
    SUSPENDED = "suspended"
    """暂扣"""
    SUPERSEDED = "superseded"
    """已更新: a newer version stands in its place"""
    REVOKED = "revoked"
    """撤销: it should not have been granted"""
    WITHDRAWN = "withdrawn"
    """吊销: taken as a punishment"""
    CANCELLED = "cancelled"
    """注销: given up, or its holder is no more"""
    EXPIRED = "expired"
    """失效: its last day is past"""
    TRANSFERRING = "transferring"
    """办理转出: on its way to another authority, and may come back"""
    TRANSFERRED = "transferred"
    """已转出: the other authority's licence stands in its place"""
    OTHER = "other"
    """其他: a state that the law of its type knows and this table does not; the reason says which"""


class Operation(StrEnum):
    """What may be done. The first five make a new version; the others change one."""

    ISSUE = "issue"
    RENEW = "renew"
    CHANGE = "change"
    CORRECT = "correct"
    TRANSFER_IN = "transfer_in"
    SUPERSEDE = "supersede"
    SUSPEND = "suspend"
    RESUME = "resume"
    REVOKE = "revoke"
    WITHDRAW = "withdraw"
    CANCEL = "cancel"
    EXPIRE = "expire"
    TRANSFER_OUT = "transfer_out"
    CANCEL_TRANSFER = "cancel_transfer"
    COMPLETE_TRANSFER = "complete_transfer"
    OTHER = "other"


STANDING: Final = frozenset({Status.VALID, Status.SUSPENDED, Status.EXPIRED, Status.TRANSFERRING, Status.OTHER})
"""States that something may still follow in the ordinary course; the others are final but for an error found later."""

STOPPED: Final = frozenset(Status) - {Status.VALID, Status.SUPERSEDED, Status.EXPIRED}
"""States by an act of an authority: no register row lifts them, and whoever asks is told which."""

_FROM: Final[Mapping[Operation, tuple[frozenset[Status], Status]]] = {
    Operation.RENEW: (frozenset({Status.VALID, Status.EXPIRED}), Status.SUPERSEDED),
    Operation.CHANGE: (frozenset({Status.VALID}), Status.SUPERSEDED),
    # Not "superseded": the erroneous one never was the truth.
    Operation.CORRECT: (frozenset({Status.VALID, Status.SUSPENDED, Status.EXPIRED}), Status.REVOKED),
    Operation.SUPERSEDE: (frozenset({Status.VALID, Status.SUSPENDED, Status.EXPIRED}), Status.SUPERSEDED),
    Operation.SUSPEND: (frozenset({Status.VALID}), Status.SUSPENDED),
    Operation.RESUME: (frozenset({Status.SUSPENDED, Status.OTHER}), Status.VALID),
    # What has been replaced can turn out never to have been right: a key was stolen, an applicant lied.
    Operation.REVOKE: (STANDING | {Status.SUPERSEDED}, Status.REVOKED),
    Operation.WITHDRAW: (STANDING - {Status.EXPIRED}, Status.WITHDRAWN),
    Operation.CANCEL: (STANDING, Status.CANCELLED),
    Operation.EXPIRE: (STANDING - {Status.EXPIRED}, Status.EXPIRED),
    Operation.TRANSFER_OUT: (frozenset({Status.VALID}), Status.TRANSFERRING),
    Operation.CANCEL_TRANSFER: (frozenset({Status.TRANSFERRING}), Status.VALID),
    Operation.COMPLETE_TRANSFER: (frozenset({Status.TRANSFERRING}), Status.TRANSFERRED),
    Operation.OTHER: (frozenset({Status.VALID, Status.SUSPENDED}), Status.OTHER),
}
TRANSITIONS: Final[Mapping[tuple[Status, Operation], Status]] = {
    (status, operation): after for operation, (before, after) in _FROM.items() for status in Status if status in before
}
"""State of the version an operation is done to × operation → its state afterwards. An operation that makes a new
version stands here with what becomes of the one it replaces; `issue` and `transfer_in` replace none of this hub's."""

MAKING: Final = frozenset(
    {Operation.ISSUE, Operation.RENEW, Operation.CHANGE, Operation.CORRECT, Operation.TRANSFER_IN}
)
"""Operations that make a version, valid from the start."""

STATUS_BITS: Final[Mapping[Status, int]] = {
    Status.VALID: status_list.VALID,
    Status.SUSPENDED: status_list.SUSPENDED,
    Status.SUPERSEDED: status_list.SUPERSEDED,
    Status.REVOKED: status_list.INVALID,
    Status.WITHDRAWN: status_list.INVALID,
    Status.CANCELLED: status_list.INVALID,
    # Its own `exp` says so to everybody; a list that said "invalid" would call it revoked, which is another thing.
    Status.EXPIRED: status_list.VALID,
    Status.TRANSFERRING: status_list.SUSPENDED,
    Status.TRANSFERRED: status_list.INVALID,
    Status.OTHER: status_list.SUSPENDED,
}
"""What a status list says of each state: two bits, which cannot tell 撤销 from 吊销; the hub's own verdict does."""

LISTED: Final[Mapping[int, Status]] = {
    status_list.VALID: Status.VALID,
    status_list.INVALID: Status.REVOKED,
    status_list.SUSPENDED: Status.SUSPENDED,
    status_list.SUPERSEDED: Status.SUPERSEDED,
}
"""How somebody who has only the list reads it."""


def transition(status: Status, operation: Operation) -> Status:
    """The state after an operation. Raises: TransitionError for what the table does not list."""
    try:
        return TRANSITIONS[status, operation]
    except KeyError:
        raise TransitionError(status, operation) from None
