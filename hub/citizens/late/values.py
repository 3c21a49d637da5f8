"""Orders to show late, as values."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from hub.access.actors import Role
from hub.citizens.errors import CitizenError
from hub.clock import rfc3339
from hub.registry.meanings import Words
from signing.canonical import canonical

WAITS: Final = timedelta(days=3)
"""For its next signature; then it lapses."""
LEADERS: Final = frozenset({Role.OWNER_APPROVER, Role.DECIDER})
"""Who signs for a department."""


class Reason(StrEnum):
    """Why a person must not hear of it yet. A closed list: what is none of these is shown at once."""

    CRIME = "crime"
    DISCIPLINE = "discipline"
    TAX = "tax"
    SAFETY = "safety"


REASONS: Final[dict[Reason, Words]] = {
    Reason.CRIME: ("查办案件", "a crime is being investigated"),
    Reason.DISCIPLINE: ("监察调查", "a supervision inquiry"),
    Reason.TAX: ("税务稽查", "a tax inspection"),
    Reason.SAFETY: ("他人人身安全", "somebody else's safety"),
}


class State(StrEnum):
    """How an order stands. `proposed` waits for a second of the department, `seconded` for the auditor."""

    PROPOSED = "proposed"
    SECONDED = "seconded"
    LIVE = "live"
    REFUSED = "refused"
    LIFTED = "lifted"
    ENDED = "ended"
    EXTENDED = "extended"
    """Another order has taken its place, with the same beginning."""


OVER: Final = frozenset({State.LIFTED, State.ENDED, State.EXTENDED})


@dataclass(frozen=True, slots=True)
class Order:
    """One order, as its row says."""

    id: str
    lookup_hash: bytes = field(repr=False)
    department_id: str
    matter: str
    reason: Reason
    legal_basis: str
    state: State
    proposed_by: str
    seconded_by: str | None
    signed_by: str | None
    proposed_at: datetime
    since: datetime | None
    until: datetime
    ended_at: datetime | None
    extends: str | None
    row_version: int
    ledger_entry_id: str
    mac: bytes = field(repr=False)
    whom: bytes | None = field(default=None, repr=False)
    """For those who sign, see `hub.citizens.late.whom`. Nothing is judged by it, and its seal is bound to the row."""

    def meaning(self) -> bytes:
        """Everything the MAC covers."""
        content: dict[str, Any] = {
            "id": self.id,
            "lookup_hash": self.lookup_hash.hex(),
            "department_id": self.department_id,
            "matter": self.matter,
            "reason": self.reason.value,
            "legal_basis": self.legal_basis,
            "state": self.state.value,
            "by": [self.proposed_by, self.seconded_by, self.signed_by],
            "proposed_at": rfc3339(self.proposed_at),
            "since": rfc3339(self.since) if self.since else None,
            "until": rfc3339(self.until),
            "ended_at": rfc3339(self.ended_at) if self.ended_at else None,
            "extends": self.extends,
            "row_version": self.row_version,
            "ledger_entry_id": self.ledger_entry_id,
        }
        return b"late order\x1f" + canonical(content)

    def holds(self, now: datetime) -> bool:
        """Whether it is in force."""
        return self.state is State.LIVE and now < self.until

    def waits(self, now: datetime) -> bool:
        """Whether somebody may still sign it."""
        return self.state in {State.PROPOSED, State.SECONDED} and now < min(self.proposed_at + WAITS, self.until)


class OrderError(CitizenError):
    """A member that is missing or not acceptable. `rule` and `pointer`, never the value."""

    def __init__(self, rule: str, pointer: str) -> None:
        super().__init__(f"{pointer}: {rule}")
        self.rule = rule
        self.pointer = pointer


class OrderOverError(CitizenError):
    """It does not wait for this any more."""


class OneHandError(CitizenError):
    """Who has signed it, or one person behind two accounts, signs it again."""
