"""A delegation written down at a counter 窗口代为登记授权: for somebody without a phone, who is there with his card.

A delegation opens somebody's list and acts in his name, so a card is wanted that a reader signed: what a clerk types or
attests is never enough. The delegate is confirmed as online, with the same answer for who is unknown and who is called
otherwise; wrong ones are counted. The look at the list is an entry, each word of the person's another, and of each word
he is told. No more is written than he could write himself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from hub.access.actors import Actor, Role
from hub.access.staff_throttle import Throttle
from hub.citizens.acting.asked import Asked, checked
from hub.citizens.acting.delegating import Delegating, Told
from hub.citizens.acting.writing import At
from hub.citizens.confirming import Confirming
from hub.citizens.errors import HolderSignInNeededError
from hub.citizens.present import lock_holder
from hub.citizens.values import SHOWS, Holder, Identity
from hub.clock import Clock
from hub.intake.counter.card_reads import CARD_READ
from hub.intake.errors import PartyError
from hub.ledger.entries import Draft, append, seal
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.vault import DataKey, Vault

_CARD: Final = "/parties/0/id_number"


@dataclass(frozen=True, slots=True)
class Presented:
    """A clerk, and how he saw the person's card: `card_read`, and by which device."""

    actor: Actor
    how: str
    reference: str

    def said(self) -> dict[str, Any]:
        """As an entry says it."""
        by = {"by": self.actor.as_json(), "department_id": self.actor.department_id}
        return by | {"seen": self.how, "reference": self.reference}


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
        self._vault = vault
        self._confirming = confirming
        self._delegating = delegating
        self._log_key = log_key
        self._clock = clock
        self._throttle = Throttle(vault)

    async def listed(self, presented: Presented, card: Identity) -> Sequence[Told]:
        """What he gave and was given, as it stands."""
        person = await self._person(presented, card)
        return await self._delegating.listed(person)

    async def give(self, presented: Presented, card: Identity, asked: Asked) -> Told:
        """He lets somebody act. Raises: DelegationError; LockedOutError: too many delegates of this clerk's who were
        not confirmed.
        """
        person, now = await self._person(presented, card), self._clock()
        checked(asked, now)  # what is merely written wrong is no guess
        names = {"user_name": f"delegates {presented.actor.id} {person.id}", "peer": f"delegates:{presented.actor.id}"}
        await self._database.write(lambda tx: self._throttle.claim(tx, **names, now=now))
        try:
            made = await self._delegating.give(person, asked, at_counter=presented.said())
        except HolderSignInNeededError:  # erased a moment ago
            raise MissingError("person") from None
        await self._database.write(lambda tx: self._throttle.succeeded(tx, **names, now=now))
        return await self._delegating.one(person, made)

    async def withdraw(self, presented: Presented, card: Identity, delegation_id: str) -> Told:
        """He ends one, from either side, at once. Raises: MissingError ("delegation"): none of his."""
        person = await self._person(presented, card)
        await self._delegating.withdraw(person, delegation_id, where=At("counter", presented.said()))
        return await self._delegating.one(person, delegation_id)

    async def _person(self, presented: Presented, card: Identity) -> Holder:
        presented.actor.require(Role.CLERK)
        if presented.how != CARD_READ:
            raise PartyError(_CARD, "reader_needed")
        now = self._clock()
        try:
            person = await self._database.write(lambda tx: self._entered(tx, presented, card, now))
        except HolderSignInNeededError:
            person = None
        if person is None:
            raise MissingError("person")
        return person

    def _entered(self, tx: Connection, presented: Presented, card: Identity, now: datetime) -> Holder | None:
        """Who the card names, after the entry that a clerk opened his list; None: nobody whom a record confirms."""
        subject, said = self._confirming.find(tx, card, now), presented.said()
        if subject is None:
            refused = said | {"reason": "delegations_unconfirmed"}
            append(tx, [seal(Draft(kind="refusal", detail=refused, key=self._log_key), now=now)])
            return None
        lock_holder(tx, subject.id)
        key = self._vault.data_key(subject.data_key, subject.kek_kid)
        draft = Draft(kind="delegation.read_at_counter", detail=said, key=key, subject_id=subject.id)
        append(tx, [seal(draft, now=now)])
        return Holder(subject.id, f"counter:{presented.actor.id}", card, SHOWS, "counter", "")
