"""Agreeing for somebody else 代为同意: a company by its legal representative, a minor child by a parent. Nobody else
does: no delegate, and no heir.

Who acts is judged when the list is shown, and once more in the transaction that writes a word down. The word is the
principal's from then on, whoever comes into office later; the entry about him names who said it.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from sqlalchemy import Connection

from hub.citizens.acting.acting import ActingFor
from hub.citizens.acting.errors import NoLongerActsError
from hub.citizens.acting.recording import told
from hub.citizens.acting.values import Acting, Principal, Scope
from hub.citizens.authorising.asked import AskedOfHolder
from hub.citizens.authorising.hands import Hand
from hub.citizens.authorising.service import Authorisations
from hub.citizens.authorising.values import Asked, Decision, Lasts, Standing
from hub.citizens.notices.kinds import NoticeKind
from hub.citizens.values import BODIES, Holder

_BY_AGENT: Final = "_by_agent"
"""Of the kinds of entries."""


class AgreeingFor:
    """Use cases of a holder who acts. Raises, each: as `ActingFor.act`."""

    def __init__(
        self,
        *,
        acting: ActingFor,
        authorisations: Authorisations,
        asked: AskedOfHolder,
    ) -> None:
        self._acting = acting
        self._authorisations = authorisations
        self._asked = asked

    async def listed(self, holder: Holder, key: str) -> tuple[Acting, Sequence[Standing], Sequence[Asked]]:
        """For whom, who may use the principal's records, and what he is asked; the look is an entry about him."""
        whose = await self._acting.act(holder, key, Scope.AGREE, "agreements")
        person = _as_principal(holder, whose.principal)
        return whose, await self._authorisations.listed(person), await self._asked.listed(person)

    async def decide(
        self,
        holder: Holder,
        key: str,
        grant_id: str,
        decision: Decision,
        *,
        lasts: Lasts = Lasts.GRANT,
        place: Hand | None = None,
    ) -> None:
        """His standing word. `place`: where he says it, if that is not his own session.

        Raises besides: MissingError: no grant in force that reaches his records and rests on agreement.
        """
        principal = await self._principal(holder, key)
        person, hand = _as_principal(holder, principal), self._hand(holder, key, principal, place)
        await self._written(
            holder, key, lambda: self._authorisations.decide(person, grant_id, decision, lasts=lasts, hand=hand)
        )

    async def answer(
        self, holder: Holder, key: str, question_id: str, decision: Decision, *, place: Hand | None = None
    ) -> None:
        """His word for one case. Raises besides: MissingError: no question of the principal's that is open, which goes
        on the ledger as this person's try.
        """
        principal = await self._principal(holder, key)
        person, hand = _as_principal(holder, principal), self._hand(holder, key, principal, place)
        await self._written(holder, key, lambda: self._asked.decide(person, question_id, decision, hand=hand))

    async def _principal(self, holder: Holder, key: str) -> Principal:
        return await self._acting.within(holder, key, Scope.AGREE, lambda _tx, principal, _now: principal)

    async def _written(self, holder: Holder, key: str, write: Callable[[], Awaitable[None]]) -> None:
        try:
            await write()
        except NoLongerActsError:  # gone between the two judgements: judged once more, which puts it on the ledger
            await self._principal(holder, key)
            raise

    def _hand(self, holder: Holder, key: str, principal: Principal, place: Hand | None) -> Hand:
        said = {
            "agent": told(holder.id, holder.identity),
            "level": holder.level.name.lower(),
            "session": holder.session_id,
            **principal.as_told(),
            **(place.said if place is not None else {}),
        }

        def must_hold(tx: Connection) -> None:
            if place is not None:
                place.check(tx)
            self._acting.must_act(tx, holder, key, Scope.AGREE)

        return Hand(
            said,
            for_a_case=_BY_AGENT,
            standing=_BY_AGENT,
            must_hold=must_hold,
            # Nobody signs in as a company: its legal representative reads who acted in its entries.
            tells=None if principal.identity.id_type in BODIES else NoticeKind.DECIDED_FOR_HIM,
            whose=Acting(holder, principal),
            tells_agent=(holder.id, place.tells) if place is not None and place.tells is not None else None,
        )


def _as_principal(holder: Holder, principal: Principal) -> Holder:
    return Holder(principal.id, holder.session_id, principal.identity, holder.level, "acting", "")
