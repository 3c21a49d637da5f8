"""Delegations 授权代办: a person, or a company by its legal representative, lets another person act, for a scope and a
time; both see it and every use of it, and either ends it at once.

Nobody delegates what was delegated to him, and no parent and no heir delegates. The delegate is confirmed as parties
are; one that is unknown and one whose name is another sound alike, and either is on the ledger.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Connection

from certificates.profile import CIVIL_ZONE
from certificates.stores.holders import Subject, subject_by_id
from hub.citizens.acting import delegations as store
from hub.citizens.acting.asked import Asked, check_matters, checked
from hub.citizens.acting.delegations import Delegation, Terms
from hub.citizens.acting.errors import DelegationError, NoLongerActsError, ScopeError
from hub.citizens.acting.recording import told
from hub.citizens.acting.standing import Standing
from hub.citizens.acting.uses import Use, uses_told
from hub.citizens.acting.values import Acting, Ground
from hub.citizens.confirming import Confirming
from hub.citizens.notices.kinds import NoticeKind
from hub.citizens.notices.notify import notify
from hub.citizens.once import Once
from hub.citizens.present import lock_holder
from hub.citizens.presentations import refuse_other
from hub.citizens.values import SEES_OWN, SHOWS, Holder, Identity
from hub.clock import Clock, new_id
from hub.intake.errors import IdempotencyError
from hub.ledger.entries import Draft, append, seal
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
        standing: Standing,
        confirming: Confirming,
        log_key: DataKey,
        clock: Clock,
    ) -> None:
        self._database = database
        self._vault = vault
        self._standing = standing
        self._confirming = confirming
        self._log_key = log_key
        self._clock = clock

    async def give(
        self, holder: Holder, asked: Asked, *, acting: Acting | None = None, once: Once | None = None
    ) -> str:
        """Write it, for himself or for the company that he acts for; answers its id.

        Raises: DelegationError; ScopeError: he acts on another ground than his office; NoLongerActsError;
            IdempotencyError; HolderSignInNeededError.
        """
        holder.require(SHOWS)
        if acting is not None and acting.principal.ground is not Ground.LEGAL_REPRESENTATIVE:
            raise ScopeError("delegate")
        now = self._clock()
        to = checked(asked, now)
        try:
            return await write_once(self._database, lambda tx: self._give(tx, holder, asked, to, acting, once, now))
        except DelegationError as error:
            if error.rule == "unconfirmed":
                await refuse_other(self._database, self._log_key, holder, "delegate", now)
            raise

    async def withdraw(self, holder: Holder, delegation_id: str, *, acting: Acting | None = None) -> None:
        """End it at once, from either side; one that has ended stays as it is.

        Raises: MissingError: none of his, which goes on the ledger.
        """
        holder.require(SEES_OWN)
        now = self._clock()
        if not await self._database.write(lambda tx: self._withdraw(tx, holder, delegation_id, acting, now)):
            await refuse_other(self._database, self._log_key, holder, "delegation", now)
            raise MissingError("delegation")

    async def listed(self, holder: Holder, *, acting: Acting | None = None) -> list[Told]:
        """What was given, and, of the person himself, what he was given; the newest first."""
        holder.require(SEES_OWN)
        now, whose = self._clock(), acting or holder

        def unit(tx: Connection) -> list[Told]:
            found = [(item, True) for item in store.given_by(tx, self._vault, whose.id)]
            if acting is None:
                found += [(item, False) for item in store.received_by(tx, self._vault, holder.id)]
            return [Told(item, self._standing.stands(tx, item, now) is not None, given) for item, given in found]

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
        asked: Asked,
        to: Identity,
        acting: Acting | None,
        once: Once | None,
        now: datetime,
    ) -> str:
        whose: Acting | Holder = acting or holder
        if once is not None and (known := self._made_before(tx, whose.id, once)) is not None:
            return known
        for subject_id in sorted({holder.id, whose.id}):
            lock_holder(tx, subject_id)
        principal = holder.identity
        if acting is not None:
            found = self._standing.one(tx, holder.id, holder.identity, acting.principal.key, now)
            if found is None:
                raise NoLongerActsError
            principal = found.identity
        delegate = self._confirming.find(tx, to, now)
        if delegate is None:
            raise DelegationError("unconfirmed", "/to")
        if delegate.id == holder.id:
            raise DelegationError("self", "/to")
        check_matters(tx, asked.matters)
        today = now.astimezone(CIVIL_ZONE).date()
        if sum(item.runs(today) for item in store.given_by(tx, self._vault, whose.id)) >= MOST_LIVE:
            raise DelegationError("too_many", "")
        terms = Terms(principal, holder.identity, to, asked.scope, asked.matters, asked.reason.strip())
        return self._write(tx, holder, terms, (whose.id, delegate), asked.until, once, now)

    def _write(
        self,
        tx: Connection,
        holder: Holder,
        terms: Terms,
        between: tuple[str, Subject],
        until: date,
        once: Once | None,
        now: datetime,
    ) -> str:
        delegation_id, (subject_id, delegate) = new_id(), between
        subject = subject_by_id(tx, subject_id)
        detail: dict[str, Any] = {
            "delegation": delegation_id,
            "scope": sorted(terms.scope),
            "matters": None if terms.matters is None else sorted(terms.matters),
            "until": until.isoformat(),
            "reason": terms.reason,
            "session": holder.session_id,
            "agent": told(delegate.id, terms.to),
            "given_by": told(holder.id, terms.giver),
        }
        entry = self._enter(tx, "delegation.given", subject, detail, now, of=(delegation_id, 1))
        own = {name: detail[name] for name in ("delegation", "scope", "matters", "until", "reason")}
        own["principal"] = told(subject.id, terms.principal)
        self._enter(tx, "delegation.received", delegate, own, now)
        notify(tx, delegate.id, NoticeKind.DELEGATION_GIVEN, about=delegation_id, now=now)
        values = {
            "id": delegation_id,
            "subject_id": subject.id,
            "given_by": holder.id,
            "to_id": delegate.id,
            "valid_until": until.isoformat(),
            "state": store.LIVE,
            "once": self._once(subject.id, once) if once else None,
            "once_hash": once.request_hash if once else None,
            "made_at": now,
            "row_version": 1,
            "ledger_entry_id": entry,
        }
        store.add(tx, self._vault, self._vault.data_key(subject.data_key, subject.kek_kid), terms, values)
        return delegation_id

    def _withdraw(
        self, tx: Connection, holder: Holder, delegation_id: str, acting: Acting | None, now: datetime
    ) -> bool:
        found = store.find(tx, self._vault, delegation_id)
        if found is None or not _concerns(found, holder, acting):
            return False
        for subject_id in sorted({found.subject_id, found.to_id}):  # after whatever is being done under it
            lock_holder(tx, subject_id)
        found = store.find(tx, self._vault, delegation_id, lock=True)
        if found is None or found.state != store.LIVE:
            return found is not None
        detail: dict[str, Any] = {"delegation": found.id, "session": holder.session_id}
        detail |= {"agent": told(found.to_id, found.terms.to), "by": told(holder.id, holder.identity)}
        subject, delegate = subject_by_id(tx, found.subject_id), subject_by_id(tx, found.to_id)
        of = (found.id, found.row_version + 1)
        entry = self._enter(tx, "delegation.withdrawn", subject, detail, now, of=of)
        self._enter(tx, "delegation.ended", delegate, {"delegation": found.id}, now)
        for other in sorted({subject.id, delegate.id} - {holder.id}):
            notify(tx, other, NoticeKind.DELEGATION_WITHDRAWN, about=found.id, now=now)
        store.end(tx, self._vault, found, now, ledger_entry_id=entry)
        return True

    def _enter(
        self,
        tx: Connection,
        kind: str,
        subject: Subject,
        detail: dict[str, Any],
        now: datetime,
        *,
        of: tuple[str | None, int | None] = (None, None),
    ) -> str:
        key = self._vault.data_key(subject.data_key, subject.kek_kid)
        draft = Draft(kind=kind, detail=detail, key=key, subject_id=subject.id, object_id=of[0], object_version=of[1])
        append(tx, [seal(draft, now=now)])
        return draft.id

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
