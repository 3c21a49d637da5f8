"""Somebody else's dossier 代办人打开证照、代为归集: a company's, opened by its legal representative, a minor child's by
a parent, that of one who let somebody open it by this delegate; never a dead person's.

The same services as the holder's own pages. That he may is judged when he comes, and once more in the transaction that
writes down what he opens, before it is shown. The entry stands under the principal's key and names him; he has one of
his own.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar, Final, TypeVar

from sqlalchemy import Connection

from certificates.stores.holders import subject_by_id
from hub.citizens.acting.acting import ActingFor
from hub.citizens.acting.errors import NoLongerActsError, ScopeError
from hub.citizens.acting.recording import record, told
from hub.citizens.acting.values import Acting, Principal, Scope
from hub.citizens.dossier.folder import OWN, Leaf
from hub.citizens.dossier.hands import Hand
from hub.citizens.dossier.ways import Lacks, Services, Way
from hub.citizens.values import Holder
from hub.ledger.entries import Draft, append, seal
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import Vault

T = TypeVar("T")
Place = Callable[[Connection], None]
_HIS: Final[Mapping[str, str]] = {OWN: "acting.opened", "collection.own": "acting.collected"}
"""What he who acts reads among his own, by the kind of the principal's entry."""
_TOLD_HIM: Final = ("identifier", "format")


class AgentsHand(Hand):
    """Of somebody who acts, for one act."""

    purpose: ClassVar[str] = "代办人查看"

    def __init__(
        self,
        acting: ActingFor,
        vault: Vault,
        holder: Holder,
        principal: Principal,
        scope: Scope,
        place: Place | None = None,
    ) -> None:
        """`principal`: as he was judged a moment ago."""
        super().__init__({"kind": "agent", "id": holder.id, "for": principal.id})
        self._acting = acting
        self._vault = vault
        self._holder = holder
        self._principal = principal
        self._scope = scope
        self._place = place

    def check(self, tx: Connection) -> None:
        """Judge him in this transaction, and hold what that rests on. Raises: as `ActingFor.must_act`."""
        if self._place is not None:
            self._place(tx)
        self._principal = self._acting.must_act(tx, self._holder, self._principal.key, self._scope)

    def write(self, tx: Connection, draft: Draft, now: datetime) -> None:
        """The principal's entry, with who acted, and one of his own for him to whom something was shown."""
        kind, principal = draft.kind, self._principal
        if draft.subject_id != principal.id:  # of a licence that he holds with somebody, who is told as ever
            append(tx, [seal(draft, now=now)])
            kind = OWN
        record(tx, self._vault, f"{kind}_by_agent", self._holder, principal, draft.detail, now)
        if kind in _HIS:
            said: dict[str, Any] = {name: draft.detail[name] for name in _TOLD_HIM if name in draft.detail}
            said |= {"principal": told(principal.id, principal.identity), "ground": principal.ground.value}
            self._tell(tx, _HIS[kind], said, now)

    def _tell(self, tx: Connection, kind: str, detail: dict[str, Any], now: datetime) -> None:
        subject = subject_by_id(tx, self._holder.id)
        key = self._vault.data_key(subject.data_key, subject.kek_kid)
        append(tx, [seal(Draft(kind=kind, detail=detail, key=key, subject_id=subject.id), now=now)])


class WayForOther(Way):
    """His who acts, into the principal's. Raises besides, each: as `ActingFor.act`."""

    acting: Acting

    def __init__(
        self,
        services: Services,
        *,
        acting: ActingFor,
        vault: Vault,
        holder: Holder,
        principal: Principal,
        place: Place | None = None,
    ) -> None:
        hand = AgentsHand(acting, vault, holder, principal, Scope.OPEN)
        self.acting = Acting(holder, principal)
        super().__init__(services, self.acting, principal.identity, hand)
        self._judging = acting
        self._vault = vault
        self._place = place

    async def leaf(self, identifier: str, *, opened: bool = False) -> Leaf:
        """The look is an entry of the principal's."""
        found = await super().leaf(identifier)
        if not opened:
            await self._looked("acting.saw_licence", Scope.OPEN, {"identifier": identifier})
        return found if Scope.FILES in self.acting.principal.scope else replace(found, formats=())

    async def lacks(self) -> Lacks:
        """The look is an entry of the principal's."""
        found = await super().lacks()
        await self._looked("acting.saw_collection", Scope.COLLECT, {})
        return found

    async def _looked(self, kind: str, scope: Scope, detail: dict[str, Any]) -> None:
        holder = self.acting.holder

        def unit(tx: Connection, principal: Principal, now: datetime) -> None:
            record(tx, self._vault, kind, holder, principal, detail, now)

        await self._judging.within(holder, self.acting.principal.key, scope, unit)

    async def _through(self, scope: Scope, act: Callable[[Hand], Awaitable[T]]) -> T:
        holder, principal = self.acting.holder, self.acting.principal
        try:
            principal.require(scope)
            return await act(AgentsHand(self._judging, self._vault, holder, principal, scope, self._place))
        except (NoLongerActsError, ScopeError, IntegrityBrokenError):
            # Judged once more, which puts it on the ledger. Of who was erased a moment ago nothing opens any more.
            await self._judging.within(holder, principal.key, scope, lambda _tx, _principal, _now: None)
            raise


class DossiersOfOthers:
    """Ways of somebody who acts."""

    def __init__(self, services: Services, *, acting: ActingFor, vault: Vault) -> None:
        self._services = services
        self._acting = acting
        self._vault = vault

    async def way(
        self, holder: Holder, key: str, scope: Scope = Scope.OPEN, *, place: Place | None = None
    ) -> WayForOther:
        """Into the dossier of whom he acts for under this key. `place` raises, in the transaction that writes down what
        he opens, where he is not there any more. Raises: as `ActingFor.act`.
        """
        principal = await self._acting.within(holder, key, scope, lambda _tx, principal, _now: principal)
        return WayForOther(
            self._services, acting=self._acting, vault=self._vault, holder=holder, principal=principal, place=place
        )
