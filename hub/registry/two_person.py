"""The rule of two persons 双人复核: what one operator proposes, another confirms, and only then it happens.

Change, ledger entry and the state of the proposal commit together. What was proposed is under a MAC: nobody who can
write the database can have a second person confirm something else.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, insert, select, update

from catalog.errors import DefinitionError
from catalog.tables import table
from hub.access.actors import Actor, Role
from hub.clock import Clock, new_id, rfc3339
from hub.ledger.entries import Draft, append, seal
from hub.registry.notices import notify
from hub.registry.recording import digest_of, plain_json
from hub.registry.requests_errors import ProposalOverError, SameHandError, SamePersonError
from hub.registry.tables import ProposalRow
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.vault import DataKey, Vault
from signing.canonical import canonical

LIFE: Final = timedelta(days=3)
"""After that nobody remembers why it was proposed: propose again."""
_PROPOSALS: Final = table(ProposalRow)
_OPEN: Final = "open"
SameHand = Callable[[Connection, str, str], bool]
"""`(tx, staff_id, staff_id)`: whether one person may be behind both accounts."""
Unit = Callable[[Connection, dict[str, Any], Actor, datetime], dict[str, Any]]
"""`(tx, payload, confirmer, now)`: makes the change in the transaction that confirms it, answers what it made."""


@dataclass(frozen=True, slots=True)
class Action:
    """A change that takes two operators. `check` refuses a payload at once that `make` could never take; `tell`, in the
    transaction that proposes it, whoever should know before it is made.
    """

    check: Callable[[dict[str, Any]], object]
    make: Unit
    tell: Callable[[Connection, dict[str, Any], datetime], None] | None = None


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


class Proposals:
    """Proposes and confirms."""

    def __init__(
        self,
        database: Database,
        *,
        vault: Vault,
        log_key: DataKey,
        clock: Clock,
        actions: Mapping[str, Action],
        same_hand: SameHand,
    ) -> None:
        self._database = database
        self._same_hand = same_hand
        self._vault = vault
        self._log_key = log_key
        self._clock = clock
        self._actions = actions

    @property
    def actions(self) -> tuple[str, ...]:
        """What can be proposed."""
        return tuple(sorted(self._actions))

    async def propose(self, actor: Actor, action: str, payload: Mapping[str, Any], reason: str) -> Proposal:
        """Propose a change; it lapses after three days. Raises: DefinitionError, ForbiddenError."""
        actor.require(Role.OPERATOR)
        if action not in self._actions:
            raise DefinitionError(f"proposal: one of {list(self.actions)}")
        if not 0 < len(reason.strip()) <= 500:
            raise DefinitionError("proposal: a reason of at most 500 characters")
        plain = plain_json(payload)
        self._actions[action].check(plain)
        now = self._clock()
        return await self._database.write(lambda tx: self._propose(tx, actor, action, plain, reason.strip(), now))

    async def confirm(self, actor: Actor, proposal_id: str) -> Proposal:
        """Confirm as a second operator: the change is made, or its error is raised and the proposal stays open.

        Raises: SamePersonError, SameHandError, ProposalOverError, MissingError, ForbiddenError, IntegrityBrokenError;
        what the change itself raises.
        """
        actor.require(Role.OPERATOR)
        now = self._clock()
        return await self._database.write(lambda tx: self._confirm(tx, actor, proposal_id, now))

    async def reject(self, actor: Actor, proposal_id: str, reason: str) -> Proposal:
        """Reject, or take back one's own. Raises: ProposalOverError, MissingError, ForbiddenError."""
        actor.require(Role.OPERATOR)
        now = self._clock()
        return await self._database.write(lambda tx: self._reject(tx, actor, proposal_id, reason, now))

    async def list(self, actor: Actor, *, only_open: bool = False) -> list[Proposal]:
        """The newest 200. For operators and auditors."""
        actor.require(Role.OPERATOR, Role.AUDITOR)
        now = self._clock()
        query = select(_PROPOSALS).order_by(_PROPOSALS.c.id.desc()).limit(200)
        rows = await self._database.read(lambda tx: tx.execute(query).all())
        found = [_proposal(row, now) for row in rows]
        return [item for item in found if item.state == _OPEN or not only_open]

    def _propose(
        self, tx: Connection, actor: Actor, action: str, payload: dict[str, Any], reason: str, now: datetime
    ) -> Proposal:
        proposal_id = new_id()
        values = {
            "id": proposal_id,
            "action": action,
            "payload": payload,
            "reason": reason,
            "proposed_by": actor.as_json(),
            "state": _OPEN,
            "mac": self._vault.row_mac(_meaning(proposal_id, action, payload, actor.as_json())),
            "created_at": now,
            "expires_at": now + LIFE,
            "decided_by": {},
        }
        tx.execute(insert(_PROPOSALS).values(**values))
        if (tell := self._actions[action].tell) is not None:
            tell(tx, payload, now)
        detail = {"action": action, "payload": digest_of(payload), "reason": reason}
        self._record(tx, "proposal.made", proposal_id, 1, actor, detail, now)
        return self._found(tx, proposal_id, now)

    def _confirm(self, tx: Connection, actor: Actor, proposal_id: str, now: datetime) -> Proposal:
        row = self._open(tx, proposal_id, now)
        if dict(row.proposed_by) == actor.as_json():
            raise SamePersonError
        kinds = (row.proposed_by["kind"], actor.kind)
        if kinds == ("staff", "staff") and self._same_hand(tx, row.proposed_by["id"], actor.id):
            raise SameHandError
        result = self._actions[row.action].make(tx, dict(row.payload), actor, now)
        detail = {"action": row.action, "proposed_by": dict(row.proposed_by), "result": result}
        return self._end(tx, row, "executed", actor, detail, now)

    def _reject(self, tx: Connection, actor: Actor, proposal_id: str, reason: str, now: datetime) -> Proposal:
        row = self._open(tx, proposal_id, now)
        return self._end(tx, row, "rejected", actor, {"action": row.action, "reason": reason, "result": {}}, now)

    def _open(self, tx: Connection, proposal_id: str, now: datetime) -> Row[Any]:
        row = tx.execute(select(_PROPOSALS).where(_PROPOSALS.c.id == proposal_id).with_for_update()).one_or_none()
        if row is None:
            raise MissingError("proposal")
        meaning = _meaning(row.id, row.action, row.payload, row.proposed_by)
        self._vault.check_row_mac(meaning, row.mac, where="proposals")
        state = _state(row, now)
        if state != _OPEN:
            raise ProposalOverError(state)
        return row

    def _end(
        self, tx: Connection, row: Row[Any], state: str, actor: Actor, detail: dict[str, Any], now: datetime
    ) -> Proposal:
        values = {"state": state, "decided_by": actor.as_json() | {"result": detail["result"]}, "decided_at": now}
        tx.execute(update(_PROPOSALS).where(_PROPOSALS.c.id == row.id).values(**values))
        self._record(tx, f"proposal.{state}", row.id, 2, actor, detail, now)
        return self._found(tx, row.id, now)

    def _record(
        self,
        tx: Connection,
        kind: str,
        proposal_id: str,
        version: int,
        actor: Actor,
        detail: dict[str, Any],
        now: datetime,
    ) -> None:
        draft = Draft(
            kind=kind,
            detail={"actor": actor.as_json(), **detail},
            key=self._log_key,
            object_id=proposal_id,
            object_version=version,
        )
        append(tx, [seal(draft, now=now)])
        notify(tx, kind, department_id=None, role=Role.OPERATOR, about=("proposal", proposal_id), now=now)

    def _found(self, tx: Connection, proposal_id: str, now: datetime) -> Proposal:
        return _proposal(tx.execute(select(_PROPOSALS).where(_PROPOSALS.c.id == proposal_id)).one(), now)


def _state(row: Row[Any], now: datetime) -> str:
    return "expired" if row.state == _OPEN and now >= row.expires_at else str(row.state)


def _proposal(row: Row[Any], now: datetime) -> Proposal:
    decided = dict(row.decided_by)
    result = decided.pop("result", {})
    return Proposal(
        id=row.id,
        action=row.action,
        payload=row.payload,
        reason=row.reason,
        proposed_by=row.proposed_by,
        state=_state(row, now),
        created_at=row.created_at,
        expires_at=row.expires_at,
        decided_by=decided,
        decided_at=row.decided_at,
        result=result,
    )


def _meaning(proposal_id: str, action: str, payload: Mapping[str, Any], proposed_by: Mapping[str, str]) -> bytes:
    content = {"id": proposal_id, "action": action, "payload": dict(payload), "proposed_by": dict(proposed_by)}
    return b"proposal\x1f" + canonical(content)
