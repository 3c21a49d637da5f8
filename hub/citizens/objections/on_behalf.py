"""Objecting for somebody else 代为提出异议: for a company its legal representative, for a child a parent.

That he may is judged in the transaction that writes the objection, and his name stands in its entry under the key of
whom it is for. Delegates do not: what is wrong with somebody's data he says himself, or at a counter.
"""

from collections.abc import Callable

from sqlalchemy import Connection

from hub.citizens.acting.acting import ActingFor
from hub.citizens.acting.recording import told
from hub.citizens.acting.values import Acting, Scope
from hub.citizens.objections.raising import Agent, Objections
from hub.citizens.objections.reviewing import Reviewing
from hub.citizens.objections.values import Said, Told
from hub.citizens.once import Once
from hub.citizens.values import Holder


class ObjectingFor:
    """Use cases of a holder who acts. Raises, besides what each raises: NoLongerActsError, ScopeError, and MissingError
    for one who has not begun to act under this key.
    """

    def __init__(self, acting: ActingFor, objections: Objections, reviewing: Reviewing) -> None:
        self._acting = acting
        self._objections = objections
        self._reviewing = reviewing

    async def raise_(self, holder: Holder, key: str, said: Said, *, once: Once | None = None) -> str:
        """As `Objections.raise_`; answers its id."""
        whose = await self.looks(holder, key)
        return await self._objections.raise_(whose, said, once=once, agent=self._agent(whose))

    async def one(self, holder: Holder, key: str, objection_id: str) -> Told:
        """As `Objections.one`. The look is an entry of the principal's."""
        return await self._objections.one(await self.looks(holder, key), objection_id)

    async def withdraw(self, holder: Holder, key: str, objection_id: str) -> None:
        """As `Objections.withdraw`."""
        whose = await self.looks(holder, key)
        await self._objections.withdraw(whose, objection_id, agent=self._agent(whose))

    async def review(self, holder: Holder, key: str, objection_id: str, text: str, *, once: Once | None = None) -> str:
        """As `Reviewing.ask`."""
        whose = await self.looks(holder, key)
        return await self._reviewing.ask(whose, objection_id, text, once=once, agent=self._agent(whose))

    async def looks(self, holder: Holder, key: str) -> Acting:
        """For whom he objects: what he sees of it first is on the principal's ledger."""
        return await self._acting.act(holder, key, Scope.OBJECT, "objections")

    def _agent(self, whose: Acting) -> Agent:
        holder, principal = whose.holder, whose.principal

        async def act(unit: Callable[[Connection], str]) -> str:
            return await self._acting.within(holder, principal.key, Scope.OBJECT, lambda tx, _principal, _now: unit(tx))

        return Agent({"agent": told(holder.id, holder.identity), **principal.as_told()}, act)
