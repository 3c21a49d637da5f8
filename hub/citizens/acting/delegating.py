"""Delegations 授权代办: a person, or a company by its legal representative, lets another person act, for a scope and a
time; both see it and every use of it, and either ends it at once.

Nobody delegates what was delegated to him, and no parent and no heir delegates. The delegate is confirmed as parties
are; one that is unknown and one whose name is another sound alike, and either is on the ledger.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from certificates.profile import CIVIL_ZONE
from hub.citizens.acting import delegations as store
from hub.citizens.acting.acting import ActingFor
from hub.citizens.acting.delegations import Delegation, Terms
from hub.citizens.acting.errors import DelegationError, NoLongerActsError
from hub.citizens.acting.proposed import Proposed, check_matters, checked
from hub.citizens.acting.standing import Standing
from hub.citizens.acting.uses import Use, uses_told
from hub.citizens.acting.values import Acting, Ground
from hub.citizens.acting.writing import At, end, write
from hub.citizens.confirming import Confirming
from hub.citizens.errors import HolderSignInNeededError
from hub.citizens.once import Once
from hub.citizens.present import lock_all
from hub.citizens.presentations import refuse_other
from hub.citizens.values import SEES_OWN, SHOWS, Holder, Identity
from hub.clock import Clock
from hub.intake.errors import IdempotencyError
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.idempotency import write_once
from hub.storage.vault import DataKey, Vault

MOST_LIVE: Final = 50
"""Of one principal at a time."""


@dataclass(frozen=True, slots=True)
class Told:
    """A delegation as one side is told of it. `stands`: it lets the delegate act at this moment."""

    delegation: Delegation
    stands: bool
    given: bool
    uses: Sequence[Use] = ()


class Delegating:
    """Use cases of both sides. Raises LevelError for one who is not signed in surely enough."""

    def __init__(
        self,
        database: Database,
        *,
        vault: Vault,
        acting: ActingFor,
        standing: Standing,
        confirming: Confirming,
        log_key: DataKey,
        clock: Clock,
    ) -> None:
        self._database = database
        self._vault = vault
        self._acting = acting
        self._standing = standing
        self._confirming = confirming
        self._log_key = log_key
        self._clock = clock

    async def give(
        self,
        holder: Holder,
        proposed: Proposed,
        *,
        acting: Acting | None = None,
        once: Once | None = None,
        at_counter: Mapping[str, Any] | None = None,
    ) -> str:
        """Write it, for himself or for the company that he acts for; answers its id. `at_counter`: what the entry says
        of a clerk who writes it down for him.

        Raises: DelegationError; ScopeError: he acts on another ground than his office; NoLongerActsError;
            IdempotencyError; HolderSignInNeededError.
        """
        holder.require(SHOWS)
        now = self._clock()
        to = checked(proposed, now)

        def unit(tx: Connection) -> str:
            return self._give(tx, holder, proposed, to, acting, once, at_counter, now)

        try:
            return await write_once(self._database, unit)
        except DelegationError as error:
            if error.rule == "unconfirmed":
                await refuse_other(self._database, self._log_key, holder, "delegate", now)
            raise
        except NoLongerActsError:
            await self._refused(holder, acting)
            raise

    async def withdraw(
        self,
        holder: Holder,
        delegation_id: str,
        *,
        acting: Acting | None = None,
        where: At | None = None,
    ) -> None:
        """End it at once, from either side; one that has ended stays as it is. `where`: if not in his own session.

        Raises: MissingError: none of his, which goes on the ledger; NoLongerActsError; HolderSignInNeededError; what
            `where` does.
        """
        holder.require(SEES_OWN)
        now = self._clock()
        try:
            his = await self._database.write(lambda tx: self._withdraw(tx, holder, delegation_id, acting, where, now))
        except NoLongerActsError:
            await self._refused(holder, acting)
            raise
        if not his:
            await refuse_other(self._database, self._log_key, holder, "delegation", now)
            raise MissingError("delegation")

    async def listed(self, holder: Holder, *, acting: Acting | None = None) -> list[Told]:
        """What was given, and, of the person himself, what he was given; the newest first.

        Raises: ScopeError: he acts on another ground than his office.
        """
        holder.require(SEES_OWN)
        if acting is not None:
            acting.principal.require_office()
        now, whose = self._clock(), acting or holder

        def unit(tx: Connection) -> list[Told]:
            found = [(item, True) for item in store.given_by(tx, self._vault, whose.id)]
            if acting is None:
                found += [(item, False) for item in store.received_by(tx, self._vault, holder.id)]
            stands = self._standing.each(tx, [item for item, _ in found], now)
            return [Told(item, whom is not None, given) for (item, given), whom in zip(found, stands, strict=True)]

        return await self._database.read(unit)

    async def one(self, holder: Holder, delegation_id: str, *, acting: Acting | None = None) -> Told:
        """One of them with its uses, the newest hundred. Raises: MissingError, which goes on the ledger."""
        holder.require(SEES_OWN)
        now = self._clock()

        def unit(tx: Connection) -> Told | None:
            found = store.find(tx, self._vault, delegation_id)
            if found is None or not _concerns(found, holder, acting):
                return None
            stands = self._standing.stands(tx, found, now) is not None
            return Told(found, stands, found.to_id != holder.id, uses_told(tx, self._vault, found))

        told_ = await self._database.read(unit)
        if told_ is None:
            await refuse_other(self._database, self._log_key, holder, "delegation", now)
            raise MissingError("delegation")
        return told_

    def _give(
        self,
        tx: Connection,
        holder: Holder,
        proposed: Proposed,
        to: Identity,
        acting: Acting | None,
        once: Once | None,
        at_counter: Mapping[str, Any] | None,
        now: datetime,
    ) -> str:
        whose: Acting | Holder = acting or holder
        if once is not None and (known := self._made_before(tx, whose.id, once)) is not None:
            return known
        delegate = self._confirming.find(tx, to, now)
        gone = lock_all(tx, {holder.id, whose.id, *([delegate.id] if delegate else ())})
        if holder.id in gone:
            raise HolderSignInNeededError
        principal = holder.identity
        if acting is not None:
            principal = self._acting.must_hold_office(tx, holder, acting.principal.key).identity
        # All that is wrong otherwise comes first. Whoever is confirmed gets a delegation, and hears of it: a number and
        # a name are tried in secret by nobody.
        check_matters(tx, proposed.matters)
        today = now.astimezone(CIVIL_ZONE).date()
        if sum(item.runs(today) for item in store.given_by(tx, self._vault, whose.id)) >= MOST_LIVE:
            raise DelegationError("too_many", "")
        if delegate is None or delegate.id in gone:
            raise DelegationError("unconfirmed", "/to")
        if delegate.id == holder.id:
            raise DelegationError("self", "/to")
        terms = Terms(principal, holder.identity, to, proposed.scope, proposed.matters, proposed.reason.strip())
        named = (self._once(whose.id, once), once.request_hash) if once else (None, None)
        between = (whose.id, delegate)
        return write(
            tx, self._vault, holder, terms, between, until=proposed.until, once=named, at_counter=at_counter, now=now
        )

    def _withdraw(
        self,
        tx: Connection,
        holder: Holder,
        delegation_id: str,
        acting: Acting | None,
        where: At | None,
        now: datetime,
    ) -> bool:
        found = store.find(tx, self._vault, delegation_id)
        if found is None or not _concerns(found, holder, acting):
            return False
        lock_all(tx, {found.subject_id, found.to_id, holder.id})  # after whatever is being done under it
        found = store.find(tx, self._vault, delegation_id, lock=True)
        if found is None or found.state != store.LIVE:
            return found is not None
        if acting is not None:
            self._acting.must_hold_office(tx, holder, acting.principal.key)
        if where is not None and where.must_hold is not None:
            where.must_hold(tx)
        end(tx, self._vault, holder, found, now, where=where)
        return True

    async def _refused(self, holder: Holder, acting: Acting | None) -> None:
        """His office has ended since he came: judged once more, which puts it on the ledger."""
        if acting is not None:
            await self._acting.in_office(holder, acting.principal.key)

    def _made_before(self, tx: Connection, subject_id: str, once: Once) -> str | None:
        known = store.by_once(tx, self._once(subject_id, once))
        if known is not None and known[1] != once.request_hash:
            raise IdempotencyError
        return known[0] if known is not None else None

    def _once(self, subject_id: str, once: Once) -> str:
        return self._vault.lookup_hash("delegation-once", subject_id, once.key).hex()


def _concerns(found: Delegation, holder: Holder, acting: Acting | None) -> bool:
    """Whether he is one of its sides: himself, or by his office in the company that gave it."""
    if acting is not None:
        return found.subject_id == acting.id and acting.principal.ground is Ground.LEGAL_REPRESENTATIVE
    return holder.id in {found.subject_id, found.to_id}
