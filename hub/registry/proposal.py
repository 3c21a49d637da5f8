"""A change that takes two persons, and a proposal of one: as a value, and out of its row."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, select

from catalog.tables import table
from hub.access.actors import Actor, Role
from hub.clock import rfc3339
from hub.ledger.entries import open_detail
from hub.ledger.tables import LedgerEntryRow
from hub.registry.tables import ProposalRow
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import DataKey, Vault
from signing.canonical import canonical

_PROPOSALS: Final = table(ProposalRow)
_ENTRIES: Final = table(LedgerEntryRow)
OPEN: Final = "open"
MADE: Final = 1
"""Number of the entry that it was proposed; its end is the next."""
Unit = Callable[[Connection, dict[str, Any], Actor, datetime], dict[str, Any]]
"""`(tx, payload, confirmer, now)`: makes the change in the transaction that confirms it, answers what it made."""


@dataclass(frozen=True, slots=True)
class Action:
    """A change that takes two operators. `check` refuses a payload at once that `make` could never take; `tell`, in the
    transaction that proposes it, whoever should know before it is made. `owner` names the department whose own people
    may do it too, an engineer or approver proposing and an approver confirming. `try_out` looks at a payload for longer
    than a transaction may last, before it is proposed and before it is confirmed. `after` runs when the change is made.
    """

    check: Callable[[dict[str, Any]], object]
    make: Unit
    tell: Callable[[Connection, dict[str, Any], datetime], None] | None = None
    owner: Callable[[Connection, dict[str, Any]], str | None] | None = None
    after: Callable[[], Awaitable[None]] | None = None
    try_out: Callable[[dict[str, Any]], Awaitable[None]] | None = None
    proposers: tuple[Role, ...] = (Role.OWNER_ENGINEER, Role.OWNER_APPROVER)
    """Who of the owner's people proposes it."""
    seconder: Callable[[Connection, dict[str, Any]], str | None] | None = None
    """Names the department whose approver confirms it, where that is another one; then an operator can do neither."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A proposal as shown."""

    id: str
    action: str
    payload: Mapping[str, Any]
    reason: str
    proposed_by: Mapping[str, str]
    state: str
    created_at: datetime
    expires_at: datetime
    decided_by: Mapping[str, str]
    decided_at: datetime | None
    result: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        """Additive only: a contract of `--json` and the console."""
        return {
            "id": self.id,
            "action": self.action,
            "payload": dict(self.payload),
            "reason": self.reason,
            "proposed_by": dict(self.proposed_by),
            "state": self.state,
            "created_at": rfc3339(self.created_at),
            "expires_at": rfc3339(self.expires_at),
            "decided_by": dict(self.decided_by) or None,
            "decided_at": rfc3339(self.decided_at) if self.decided_at else None,
            "result": dict(self.result),
        }


def executed(tx: Connection, action: str, decided_at: Sequence[datetime], *, vault: Vault) -> list[Proposal]:
    """Proposals of an action that were carried out at these times. Raises: IntegrityBrokenError."""
    done = (_PROPOSALS.c.action == action, _PROPOSALS.c.state == "executed", _PROPOSALS.c.decided_at.in_(decided_at))
    rows = tx.execute(select(_PROPOSALS).where(*done)).all()
    for row in rows:
        vault.check_row_mac(meaning_of(row.id, row.action, row.payload, row.proposed_by), row.mac, where="proposals")
    return [proposal_of(row, row.decided_at) for row in rows]


def state_of(row: Row[Any], now: datetime) -> str:
    """What it is shown as: one that nobody confirmed in time has lapsed, whatever its row says."""
    return "expired" if row.state == OPEN and now >= row.expires_at else str(row.state)


def made_at(tx: Connection, row: Row[Any], key: DataKey) -> datetime:
    """When it was proposed, as the ledger says, and for the reason that its row says: whoever writes the database has
    nobody confirm it later, or for another reason. Raises: IntegrityBrokenError.
    """
    columns = (_ENTRIES.c.id, _ENTRIES.c.detail, _ENTRIES.c.commitment, _ENTRIES.c.recorded_at)
    made = (_ENTRIES.c.object_id == row.id) & (_ENTRIES.c.object_version == MADE)
    entry = tx.execute(select(*columns).where(made)).one_or_none()
    try:
        said = open_detail(entry.id, entry.detail, entry.commitment, key=key) if entry else None
    except ValueError:
        said = None
    if entry is None or said is None or (said["object_id"], said["detail"]["reason"]) != (row.id, row.reason):
        raise IntegrityBrokenError("proposals")
    # Entries of earlier releases do not repeat their time.
    return datetime.fromisoformat(said["recorded_at"]) if "recorded_at" in said else entry.recorded_at


def proposal_of(row: Row[Any], now: datetime) -> Proposal:
    """The value of a row; its MAC is not looked at."""
    decided = dict(row.decided_by)
    result = decided.pop("result", {})
    return Proposal(
        id=row.id,
        action=row.action,
        payload=row.payload,
        reason=row.reason,
        proposed_by=row.proposed_by,
        state=state_of(row, now),
        created_at=row.created_at,
        expires_at=row.expires_at,
        decided_by=decided,
        decided_at=row.decided_at,
        result=result,
    )


def meaning_of(proposal_id: str, action: str, payload: Mapping[str, Any], proposed_by: Mapping[str, str]) -> bytes:
    """Everything the MAC covers: what would be done, and who proposed it."""
    content = {"id": proposal_id, "action": action, "payload": dict(payload), "proposed_by": dict(proposed_by)}
    return b"proposal\x1f" + canonical(content)
