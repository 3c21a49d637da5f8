"""The rule of two persons 双人复核: what one operator proposes, another confirms, and only then it happens.

Change, ledger entry and the state of the proposal commit together. What was proposed is under a MAC, when and why
stands on the ledger: nobody who can write the database can have a second person confirm something else.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, insert, select, update

from catalog.errors import DefinitionError
from catalog.tables import table
from hub.access.actors import Actor, Role
from hub.access.errors import ForbiddenError
from hub.clock import Clock, new_id
from hub.ledger.entries import Draft, append, seal
from hub.registry.notices import notify
from hub.registry.proposal import MADE, OPEN, Action, Proposal, made_at, meaning_of, proposal_of, state_of
from hub.registry.recording import digest_of, plain_json
from hub.registry.requests.errors import ProposalOverError, SameHandError, SamePersonError
from hub.registry.tables import ProposalRow
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.vault import DataKey, Vault

LIFE: Final = timedelta(days=3)
"""After that nobody remembers why it was proposed: propose again."""
_PROPOSALS: Final = table(ProposalRow)
_LISTED: Final = 200
SameHand = Callable[[Connection, str, str], bool]
"""`(tx, staff_id, staff_id)`: whether one person may be behind both accounts."""


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
        if action not in self._actions or self._actions[action].owner is None:
            actor.require(Role.OPERATOR)
        if action not in self._actions:
            raise DefinitionError(f"proposal: one of {list(self.actions)}")
        if not 0 < len(reason.strip()) <= 500:
            raise DefinitionError("proposal: a reason of at most 500 characters")
        plain = plain_json(payload)
        await asyncio.to_thread(self._actions[action].check, plain)  # a matter's YAML takes a tenth of a second
        await self._try_out(action, plain)
        now = self._clock()
        return await self._database.write(lambda tx: self._propose(tx, actor, action, plain, reason.strip(), now))

    async def confirm(self, actor: Actor, proposal_id: str) -> Proposal:
        """Confirm as a second person: the change is made, or its error is raised and the proposal stays open.

        Raises: SamePersonError, SameHandError, ProposalOverError, MissingError, ForbiddenError, IntegrityBrokenError;
        what the change itself raises.
        """
        actor.require(Role.OPERATOR, Role.OWNER_APPROVER)
        now = self._clock()
        proposed = await self._database.read(lambda tx: self._open(tx, actor, proposal_id, now, held=False))
        await self._try_out(proposed.action, dict(proposed.payload))
        made = await self._database.write(lambda tx: self._confirm(tx, actor, proposal_id, now))
        if (after := self._actions[made.action].after) is not None:
            await after()
        return made

    async def reject(self, actor: Actor, proposal_id: str, reason: str) -> Proposal:
        """Reject, or take back one's own. Raises: ProposalOverError, MissingError, ForbiddenError."""
        actor.require(Role.OPERATOR, Role.OWNER_ENGINEER, Role.OWNER_APPROVER)
        now = self._clock()
        return await self._database.write(lambda tx: self._reject(tx, actor, proposal_id, reason, now))

    async def list(self, actor: Actor, *, only_open: bool = False) -> list[Proposal]:
        """The newest 200. For operators and auditors."""
        actor.require(Role.OPERATOR, Role.AUDITOR)
        now = self._clock()
        query = select(_PROPOSALS).order_by(_PROPOSALS.c.id.desc()).limit(_LISTED)
        rows = await self._database.read(lambda tx: tx.execute(query).all())
        found = [proposal_of(row, now) for row in rows]
        return [item for item in found if item.state == OPEN or not only_open]

    async def waiting_on(self, actor: Actor) -> Sequence[Proposal]:
        """Open proposals about what the actor's own department owns. For its engineers and approvers."""
        actor.require(Role.OWNER_ENGINEER, Role.OWNER_APPROVER)
        now = self._clock()
        owned = [name for name, action in self._actions.items() if action.owner is not None]
        query = select(_PROPOSALS).where(_PROPOSALS.c.action.in_(owned), _PROPOSALS.c.state == OPEN)

        def unit(tx: Connection) -> Sequence[Row[Any]]:
            rows = tx.execute(query.order_by(_PROPOSALS.c.id.desc()).limit(_LISTED)).all()
            return [row for row in rows if self._owned(tx, actor, row.action, row.payload)]

        found = [proposal_of(row, now) for row in await self._database.read(unit)]
        return [item for item in found if item.state == OPEN]

    async def _try_out(self, action: str, payload: dict[str, Any]) -> None:
        if (try_out := self._actions[action].try_out) is not None:
            await try_out(payload)

    def _owned(self, tx: Connection, actor: Actor, action: str, payload: Mapping[str, Any]) -> bool:
        """Whether it is about something of the actor's own department."""
        known = self._actions.get(action)
        if actor.department_id is None or known is None or known.owner is None:
            return False
        theirs = {known.owner(tx, dict(payload)), known.seconder(tx, dict(payload)) if known.seconder else None}
        return actor.department_id in theirs

    def _propose(
        self, tx: Connection, actor: Actor, action: str, payload: dict[str, Any], reason: str, now: datetime
    ) -> Proposal:
        known = self._actions[action]
        if Role.OPERATOR not in actor.roles or known.seconder is not None:
            actor.require(*known.proposers)
            if known.owner is None or actor.department_id not in {known.owner(tx, payload)} - {None}:
                raise ForbiddenError((Role.OPERATOR,) if known.seconder is None else known.proposers)
        proposal_id = new_id()
        values = {
            "id": proposal_id,
            "action": action,
            "payload": payload,
            "reason": reason,
            "proposed_by": actor.as_json(),
            "state": OPEN,
            "mac": self._vault.row_mac(meaning_of(proposal_id, action, payload, actor.as_json())),
            "created_at": now,
            "expires_at": now + LIFE,
            "decided_by": {},
        }
        tx.execute(insert(_PROPOSALS).values(**values))
        if (tell := self._actions[action].tell) is not None:
            tell(tx, payload, now)
        detail = {"action": action, "payload": digest_of(payload), "reason": reason}
        self._record(tx, "proposal.made", proposal_id, MADE, actor, detail, now)
        return self._found(tx, proposal_id, now)

    def _confirm(self, tx: Connection, actor: Actor, proposal_id: str, now: datetime) -> Proposal:
        row = self._open(tx, actor, proposal_id, now)
        seconder = self._actions[row.action].seconder
        if seconder is not None and seconder(tx, dict(row.payload)) != actor.department_id:
            raise ForbiddenError((Role.OWNER_APPROVER,))
        if dict(row.proposed_by) == actor.as_json():
            raise SamePersonError
        kinds = (row.proposed_by["kind"], actor.kind)
        if kinds == ("staff", "staff") and self._same_hand(tx, row.proposed_by["id"], actor.id):
            raise SameHandError
        result = self._actions[row.action].make(tx, dict(row.payload), actor, now)
        detail = {"action": row.action, "proposed_by": dict(row.proposed_by), "result": result}
        return self._end(tx, row, "executed", actor, detail, now)

    def _reject(self, tx: Connection, actor: Actor, proposal_id: str, reason: str, now: datetime) -> Proposal:
        row = self._open(tx, actor, proposal_id, now)
        return self._end(tx, row, "rejected", actor, {"action": row.action, "reason": reason, "result": {}}, now)

    def _open(self, tx: Connection, actor: Actor, proposal_id: str, now: datetime, *, held: bool = True) -> Row[Any]:
        wanted = select(_PROPOSALS).where(_PROPOSALS.c.id == proposal_id)
        row = tx.execute(wanted.with_for_update() if held else wanted).one_or_none()
        if Role.OPERATOR not in actor.roles and (row is None or not self._owned(tx, actor, row.action, row.payload)):
            raise ForbiddenError((Role.OPERATOR,))
        if row is None:
            raise MissingError("proposal")
        meaning = meaning_of(row.id, row.action, row.payload, row.proposed_by)
        self._vault.check_row_mac(meaning, row.mac, where="proposals")
        state = state_of(row, now)
        if state != OPEN:
            raise ProposalOverError(state)
        if now >= made_at(tx, row, self._log_key) + LIFE:
            raise ProposalOverError("expired")
        return row

    def _end(
        self, tx: Connection, row: Row[Any], state: str, actor: Actor, detail: dict[str, Any], now: datetime
    ) -> Proposal:
        values = {"state": state, "decided_by": actor.as_json() | {"result": detail["result"]}, "decided_at": now}
        tx.execute(update(_PROPOSALS).where(_PROPOSALS.c.id == row.id).values(**values))
        self._record(tx, f"proposal.{state}", row.id, MADE + 1, actor, detail, now)
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
        return proposal_of(tx.execute(select(_PROPOSALS).where(_PROPOSALS.c.id == proposal_id)).one(), now)
