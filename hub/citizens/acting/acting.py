"""Acting for somebody else: the list, beginning, ending, and each act, judged and written down in one transaction.

Nothing of the ground is remembered between two requests. An act's ledger entry is committed with the judgement that
allowed it, and before anything of the principal leaves.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Connection

from certificates.stores.holders import subject_by_id
from hub.citizens.acting import begun as store
from hub.citizens.acting.begun import Begun
from hub.citizens.acting.errors import NoLongerActsError, ScopeError
from hub.citizens.acting.recording import record, told
from hub.citizens.acting.standing import Standing
from hub.citizens.acting.values import Acting, Principal, Scope
from hub.citizens.errors import HolderSignInNeededError
from hub.citizens.once import Once
from hub.citizens.present import lock_all, lock_holder
from hub.citizens.presentations import Presentations, refuse_other
from hub.citizens.values import SEES_OWN, SHOWS, Holder
from hub.clock import Clock
from hub.ledger.entries import Draft, append, seal
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.idempotency import write_once
from hub.storage.vault import DataKey, Vault

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Listed:
    """A principal, and whether this session has begun to act for him."""

    principal: Principal
    begun: bool


class ActingFor:
    """Use cases of a holder who acts. Raises LevelError for one who is not signed in surely enough."""

    def __init__(
        self,
        database: Database,
        *,
        vault: Vault,
        standing: Standing,
        presentations: Presentations,
        log_key: DataKey,
        clock: Clock,
    ) -> None:
        self._database = database
        self._vault = vault
        self._standing = standing
        self._presentations = presentations
        self._log_key = log_key
        self._clock = clock

    async def listed(self, holder: Holder) -> Sequence[Listed]:
        """Everybody for whom he may act at this moment."""
        holder.require(SEES_OWN)
        now = self._clock()

        def unit(tx: Connection) -> list[Listed]:
            begun = store.keys_of(tx, holder.session_id)
            found = self._standing.principals(tx, holder.id, holder.identity, now)
            return [Listed(item, item.key in begun) for item in found]

        return await self._database.read(unit)

    async def begin(self, holder: Holder, key: str) -> Principal:
        """Begin to act, in this session alone. Begun already is nothing.

        Raises: MissingError: for nobody of this key, which goes on the ledger.
        """
        holder.require(SEES_OWN)
        now = self._clock()
        found = await self._database.write(lambda tx: self._begin(tx, holder, key, now))
        if found is None:
            await refuse_other(self._database, self._log_key, holder, "acting", now)
            raise MissingError("acting")
        return found

    async def end(self, holder: Holder, key: str) -> None:
        """End it. One that was not begun is nothing."""
        now = self._clock()
        await self._database.write(lambda tx: self._end(tx, holder, key, now))

    async def act(self, holder: Holder, key: str, scope: Scope, what: str) -> Acting:
        """He looks at `licences`, `accesses` or `objections` of the principal's.

        Raises: NoLongerActsError: the ground is gone; ScopeError: either goes on the ledger; MissingError: he has not
            begun, or there is nobody of this key.
        """
        return await self._looked(holder, key, lambda principal: principal.require(scope), what)

    async def look(self, holder: Holder, key: str, scope: Scope | None = None) -> Acting:
        """Whom he acts for, without an act; with `scope`, if he may do that. Raises: as `act`."""
        return await self._looked(holder, key, lambda principal: principal.require(scope) if scope else None)

    async def in_office(self, holder: Holder, key: str, *, looks: bool = False) -> Acting:
        """He stands for the company as its legal representative, before its delegations. `looks`: at those that there
        are, which goes on the ledger. Raises: as `act`; ScopeError: he acts on another ground.
        """
        return await self._looked(holder, key, Principal.require_office, "delegations" if looks else None)

    async def present(self, holder: Holder, key: str, department: str | None, *, once: Once | None = None) -> str:
        """A code to show that opens a case of the principal's, with this person as who acts for him; answers its id.
        The same key of his is the same code within a day.

        Raises: as `act`; MissingError: no such department; HolderSignInNeededError, IdempotencyError.
        """

        def unit(tx: Connection, principal: Principal, now: datetime) -> str:
            made, new = self._presentations.make_in(tx, holder, department, now, principal=principal, once=once)
            if new:
                detail = {"presentation": made, "department": department}
                record(tx, self._vault, "acting.presented", holder, principal, detail, now)
            return made

        return await self.within(holder, key, Scope.FILE, unit)

    def must_act(self, tx: Connection, holder: Holder, key: str, scope: Scope) -> Principal:
        """That he may do this for the principal, whom he has begun to act for, in a transaction that holds both from
        here on; answers for whom.

        Raises: NoLongerActsError, ScopeError, neither of which is on the ledger yet; HolderSignInNeededError.
        """
        principal = self._held(tx, holder, key)
        principal.require(scope)
        return principal

    def must_hold_office(self, tx: Connection, holder: Holder, key: str) -> Principal:
        """The same of a company's legal representative, before its delegations. Raises: as `must_act`."""
        principal = self._held(tx, holder, key)
        principal.require_office()
        return principal

    async def within(
        self, holder: Holder, key: str, scope: Scope, unit: Callable[[Connection, Principal, datetime], T]
    ) -> T:
        """An act of another room's, in the transaction that judges that he may do it, and holds both. The room writes
        it down. It may run twice, where what carries the same Idempotency-Key was committed meanwhile.

        Raises: as `act`; HolderSignInNeededError; what the unit raises.
        """
        holder.require(SHOWS)
        return await self._acted(holder, key, lambda tx, now: unit(tx, self.must_act(tx, holder, key, scope), now))

    async def _looked(
        self, holder: Holder, key: str, may: Callable[[Principal], None], what: str | None = None
    ) -> Acting:
        holder.require(SEES_OWN)

        def unit(tx: Connection, now: datetime) -> Acting:
            principal = self._judged(tx, holder, key, now)
            may(principal)
            if what is not None:
                record(tx, self._vault, f"acting.saw_{what}", holder, principal, {}, now)
            return Acting(holder, principal)

        return await self._acted(holder, key, unit)

    async def _acted(self, holder: Holder, key: str, unit: Callable[[Connection, datetime], T]) -> T:
        """What a unit answers that judges by itself; what it refuses goes on the ledger."""
        now = self._clock()
        begun = await self._database.read(lambda tx: self._begun(tx, holder, key))
        if begun is None:
            await refuse_other(self._database, self._log_key, holder, "acting", now)
            raise MissingError("acting")
        try:
            return await write_once(self._database, lambda tx: unit(tx, now))
        except ScopeError:
            await self._refuse(holder, begun, "outside_scope", now)
            raise
        except NoLongerActsError:
            await self._refuse(holder, begun, "no_longer_acts", now)
            raise

    def _held(self, tx: Connection, holder: Holder, key: str) -> Principal:
        """As `_judged`, with both held until the transaction ends, behind whatever is done to either.

        Raises: NoLongerActsError; HolderSignInNeededError: he was erased himself.
        """
        begun = self._begun(tx, holder, key)
        gone = lock_all(tx, {holder.id, begun.subject_id} if begun else {holder.id})
        if holder.id in gone:
            raise HolderSignInNeededError
        if gone:
            raise NoLongerActsError
        return self._judged(tx, holder, key, self._clock())

    def _judged(self, tx: Connection, holder: Holder, key: str, now: datetime) -> Principal:
        """The principal, if he has begun to act for him and may now. Raises: NoLongerActsError."""
        begun = self._begun(tx, holder, key) is not None
        principal = self._standing.one(tx, holder.id, holder.identity, key, now) if begun else None
        if principal is None:
            raise NoLongerActsError
        return principal

    def _begun(self, tx: Connection, holder: Holder, key: str) -> Begun | None:
        return store.find(tx, self._vault, holder.session_id, key)

    def _begin(self, tx: Connection, holder: Holder, key: str, now: datetime) -> Principal | None:
        lock_holder(tx, holder.id)  # two tabs: one row, one entry
        principal = self._standing.one(tx, holder.id, holder.identity, key, now)
        if principal is None or self._begun(tx, holder, key) is not None:
            return principal
        store.add(tx, self._vault, holder.session_id, principal, now)
        record(tx, self._vault, "acting.begun", holder, principal, {}, now)
        return principal

    def _end(self, tx: Connection, holder: Holder, key: str, now: datetime) -> None:
        begun = self._begun(tx, holder, key)
        if begun is not None and store.end(tx, holder.session_id, key):
            self._tell(tx, "acting.ended", holder, begun, {}, now)

    async def _refuse(self, holder: Holder, begun: Begun, reason: str, now: datetime) -> None:
        """The principal is told before the person hears of it."""
        await self._database.write(lambda tx: self._tell(tx, "acting.refused", holder, begun, {"reason": reason}, now))

    def _tell(
        self, tx: Connection, kind: str, holder: Holder, begun: Begun, detail: dict[str, str], now: datetime
    ) -> None:
        """An entry about whom it began for, whether or not the ground still stands."""
        subject = subject_by_id(tx, begun.subject_id)
        key = self._vault.data_key(subject.data_key, subject.kek_kid)
        said = {"agent": told(holder.id, holder.identity), "ground": begun.ground, "session": holder.session_id}
        append(tx, [seal(Draft(kind=kind, detail=said | detail, key=key, subject_id=subject.id), now=now)])
