"""Showing licences for somebody else 代为亮证: the same showings, answers and offline codes, each made in the
transaction that judges that this person may do it for the principal now.
"""

from collections.abc import Sequence

from sqlalchemy import Connection

from hub.citizens.acting.acting import ActingFor
from hub.citizens.acting.errors import ScopeError
from hub.citizens.acting.values import Acting, Principal, Scope
from hub.citizens.asked.answering import Answering, Pending
from hub.citizens.asked.values import Asked
from hub.citizens.once import Once
from hub.citizens.presentations import refuse_other
from hub.citizens.showing.making import Showings
from hub.citizens.showing.offline import OfflineShowings
from hub.citizens.showing.values import Choice, Pick
from hub.citizens.values import Holder
from hub.clock import Clock
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.vault import DataKey


class ShowingForOthers:
    """Use cases of a holder who acts; `key` names his acting. What was made is his to look at, as what he shows of his
    own, and the principal sees it too. Raises: as `ActingFor.act`; and as each does for oneself.
    """

    def __init__(
        self,
        database: Database,
        *,
        acting: ActingFor,
        showings: Showings,
        offline: OfflineShowings,
        answering: Answering,
        log_key: DataKey,
        clock: Clock,
    ) -> None:
        self._database = database
        self._acting = acting
        self._showings = showings
        self._offline = offline
        self._answering = answering
        self._log_key = log_key
        self._clock = clock

    async def licences(self, holder: Holder, key: str) -> Acting:
        """He sees what there is to be shown, which goes on the ledger."""
        return await self._acting.act(holder, key, Scope.SHOW, "licences")

    async def make(self, holder: Holder, key: str, choice: Choice, *, once: Once | None = None) -> str:
        """As `Showings.make`."""

        def unit(tx: Connection, principal: Principal, _: object) -> str | None:
            _require(principal, None)
            return self._showings.make_in(tx, holder, choice, once, self._clock(), principal)

        return await self._found(holder, key, await self._acting.within(holder, key, Scope.SHOW, unit))

    async def make_offline(
        self, holder: Holder, key: str, pick: Pick, *, life: str, purpose: str = "", once: Once | None = None
    ) -> str:
        """As `OfflineShowings.make`."""

        def may(_tx: Connection, principal: Principal, _: object) -> Acting:
            _require(principal, None)
            return Acting(holder, principal)

        whose = await self._acting.within(holder, key, Scope.SHOW, may)
        licence = await self._offline.judged(whose, pick, life=life, purpose=purpose)

        def unit(tx: Connection, principal: Principal, _: object) -> str:
            _require(principal, None)
            return self._offline.make_in(tx, holder, pick, licence, life, purpose, once, self._clock(), principal)

        return await self._acting.within(holder, key, Scope.SHOW, unit)

    async def look(self, holder: Holder, key: str, text: str, *, peer: str) -> tuple[Acting, Asked]:
        """As `Answering.look`: with the principal's licences, which goes on the ledger."""
        asked = await self._answering.found(holder, text, peer=peer)
        whose = await self.licences(holder, key)
        return whose, await self._answering.told(whose, asked)

    async def give(self, holder: Holder, key: str, text: str, picks: Sequence[Pick], *, peer: str) -> str:
        """As `Answering.give`."""
        asked = await self._answering.found(holder, text, peer=peer)

        def unit(tx: Connection, principal: Principal, _: object) -> str | None:
            _require(principal, asked)
            return self._answering.give_in(tx, holder, asked, picks, principal)

        return await self._found(holder, key, await self._acting.within(holder, key, Scope.SHOW, unit))

    async def decline(self, holder: Holder, key: str, text: str, *, peer: str) -> None:
        """As `Answering.decline`."""
        asked = await self._answering.found(holder, text, peer=peer)

        def unit(tx: Connection, principal: Principal, _: object) -> None:
            self._answering.decline_in(tx, holder, asked, principal)

        await self._acting.within(holder, key, Scope.SHOW, unit)

    async def _found(self, holder: Holder, key: str, made: str | None) -> str:
        if made is None:
            whose = await self._acting.look(holder, key)
            await refuse_other(self._database, self._log_key, whose, "certificate", self._clock())
            raise MissingError("certificate")
        return made


def _require(principal: Principal, asked: Pending | None) -> None:
    """Raises: ScopeError: he was let act in other matters."""
    if not principal.may_show(asked.content.wanted.matter if asked else None):
        raise ScopeError(Scope.SHOW.value)
