"""A delegation written down at a counter 窗口代为登记授权: for somebody without a phone, who is there with his card.

A delegation opens somebody's list and acts in his name, so a card is wanted that a reader signed: what a clerk types or
attests is never enough. The delegate is confirmed as online, with the same answer for who is unknown and who is called
otherwise; wrong ones are counted. The look at the list is an entry, each word of the person's another, and of each word
he is told. No more is written than he could write himself.
"""

from collections.abc import Sequence
from typing import Final

from hub.access.actors import Actor, Role
from hub.access.staff_throttle import Throttle
from hub.citizens.acting.delegating import Delegating, Told
from hub.citizens.acting.proposed import Proposed, checked
from hub.citizens.acting.writing import At
from hub.citizens.by_card import ByCard, Shown
from hub.citizens.confirming import Confirming
from hub.citizens.errors import HolderSignInNeededError
from hub.citizens.values import Holder, Identity
from hub.clock import Clock
from hub.intake.counter.card_reads import CARD_READ
from hub.intake.errors import PartyError
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.vault import DataKey, Vault

_CARD: Final = "/parties/0/id_number"
_OPENS: Final = ("delegation.read_at_counter", "delegations_unconfirmed")


class CounterDelegations:
    """Use cases of a clerk. Each wants the card anew. Raises: ForbiddenError; PartyError (`reader_needed`);
    MissingError ("person"): somebody whom no record confirms.
    """

    def __init__(
        self,
        database: Database,
        *,
        vault: Vault,
        confirming: Confirming,
        delegating: Delegating,
        log_key: DataKey,
        clock: Clock,
    ) -> None:
        self._database = database
        self._delegating = delegating
        self._by_card = ByCard(*_OPENS, vault=vault, confirming=confirming, log_key=log_key)
        self._clock = clock
        self._throttle = Throttle(vault)

    async def listed(self, actor: Actor, card: Identity, shown: Shown) -> Sequence[Told]:
        """What he gave and was given, as it stands."""
        person = await self._person(actor, card, shown)
        return await self._delegating.listed(person)

    async def give(self, actor: Actor, card: Identity, shown: Shown, proposed: Proposed) -> Told:
        """He lets somebody act. Raises: DelegationError; LockedOutError: too many delegates of this clerk's who were
        not confirmed.
        """
        person, now = await self._person(actor, card, shown), self._clock()
        checked(proposed, now)  # what is merely written wrong is no guess
        names = {"user_name": f"delegates {actor.id} {person.id}", "peer": f"delegates:{actor.id}"}
        await self._database.write(lambda tx: self._throttle.claim(tx, **names, now=now))
        try:
            made = await self._delegating.give(person, proposed, at_counter=shown.said(actor))
        except HolderSignInNeededError:  # erased a moment ago
            raise MissingError("person") from None
        await self._database.write(lambda tx: self._throttle.succeeded(tx, **names, now=now))
        return await self._delegating.one(person, made)

    async def withdraw(self, actor: Actor, card: Identity, shown: Shown, delegation_id: str) -> Told:
        """He ends one, from either side, at once. Raises: MissingError ("delegation"): none of his."""
        person = await self._person(actor, card, shown)
        await self._delegating.withdraw(person, delegation_id, where=At("counter", shown.said(actor)))
        return await self._delegating.one(person, delegation_id)

    async def _person(self, actor: Actor, card: Identity, shown: Shown) -> Holder:
        actor.require(Role.CLERK)
        if shown.how != CARD_READ:
            raise PartyError(_CARD, "reader_needed")
        now = self._clock()
        try:
            person = await self._database.write(lambda tx: self._by_card.open(tx, actor, card, shown, now))
        except HolderSignInNeededError:
            person = None
        if person is None:
            raise MissingError("person")
        return person
