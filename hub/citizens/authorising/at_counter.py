"""The one list at a counter 窗口代看、代登记: standing agreements, and questions for single cases, of somebody without
a phone who stands there with his card.

The list tells which kinds of licence a person holds, so a card is wanted that a reader signed: a number that a clerk
types would let him look anybody up. Where the operator lets a clerk's word do, tries are counted. Whoever is unknown,
called otherwise or dead is not recognised, alike for each. The look is an entry before anything is shown, each word of
the person's another, and of each word he is told.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from hub.access.actors import Actor, Role
from hub.access.staff_throttle import Throttle
from hub.citizens.authorising.asked import AskedOfHolder
from hub.citizens.authorising.hands import clerk
from hub.citizens.authorising.service import Authorisations
from hub.citizens.authorising.values import Asked, Decision, Lasts, Standing
from hub.citizens.by_card import ByCard, Shown
from hub.citizens.confirming import Confirming
from hub.citizens.errors import HolderSignInNeededError
from hub.citizens.values import Holder, Identity
from hub.clock import Clock
from hub.intake.counter.card_reads import CARD_READ
from hub.intake.errors import PartyError
from hub.issuing.plan import lookup_hash
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.vault import DataKey, Vault

_CARD: Final = "/parties/0/id_number"
_OPENS: Final = ("authorisation.read_at_counter", "agreements_unconfirmed")


@dataclass(frozen=True, slots=True)
class Word:
    """What the person says to a grant, or to a question for one case (`asked`)."""

    id: str
    decision: Decision
    lasts: Lasts = Lasts.GRANT
    asked: bool = False


@dataclass(frozen=True, slots=True)
class Opened:
    """His list. `said`: ids of the grants and questions whose word was written down just now."""

    standing: Sequence[Standing]
    asked: Sequence[Asked]
    said: frozenset[str] = frozenset()


class CounterAgreements:
    """Use cases of a clerk. `attested`: whether his word that he has seen the card is enough."""

    def __init__(
        self,
        database: Database,
        *,
        vault: Vault,
        confirming: Confirming,
        authorisations: Authorisations,
        asked: AskedOfHolder,
        log_key: DataKey,
        attested: bool,
        clock: Clock,
    ) -> None:
        self._database = database
        self._vault = vault
        self._authorisations = authorisations
        self._asked = asked
        self._by_card = ByCard(*_OPENS, vault=vault, confirming=confirming, log_key=log_key)
        self._attested = attested
        self._clock = clock
        self._throttle = Throttle(vault)

    async def open(self, actor: Actor, card: Identity, shown: Shown, words: Sequence[Word] = ()) -> Opened:
        """Write down what he says, if he says anything, and answer the list as it stands then.

        A word to what is not in his list, or is over, is left out: it was on a page from before.

        Raises: ForbiddenError; PartyError (`reader_needed`); LockedOutError: too many by this clerk; MissingError: a
            person whom no record confirms.
        """
        actor.require(Role.CLERK)
        if shown.how != CARD_READ and not self._attested:
            raise PartyError(_CARD, "reader_needed")
        now = self._clock()
        if shown.how != CARD_READ:
            await self._database.write(lambda tx: self._count(tx, actor, card, now))
        try:
            person = await self._database.write(lambda tx: self._by_card.open(tx, actor, card, shown, now))
            if person is None:
                raise MissingError("person")
            return await self._write(actor, person, shown, words)
        except HolderSignInNeededError:  # erased a moment ago
            raise MissingError("person") from None

    async def _write(self, actor: Actor, person: Holder, shown: Shown, words: Sequence[Word]) -> Opened:
        mine = {item.grant_id for item in await self._authorisations.listed(person) if item.agreement}
        waiting = {item.id for item in await self._asked.listed(person) if item.open}
        hand, said = clerk(actor.as_json(), shown.how, shown.reference), set()
        for word in words:
            if word.id not in (waiting if word.asked else mine):
                continue
            try:
                if word.asked:
                    await self._asked.decide(person, word.id, word.decision, hand=hand)
                else:
                    await self._authorisations.decide(person, word.id, word.decision, lasts=word.lasts, hand=hand)
            except MissingError:  # over since the line before
                continue
            said.add(word.id)
        standing, asked = await self._authorisations.listed(person), await self._asked.listed(person)
        return Opened(standing, [item for item in asked if item.open or item.id in said], frozenset(said))

    def _count(self, tx: Connection, actor: Actor, card: Identity, now: datetime) -> None:
        """Five about one person, twenty altogether, then ever slower."""
        number = lookup_hash(self._vault, card.id_type, card.id_number).hex()
        about, all_of_his = f"agreements {actor.id} {number}", f"agreements:{actor.id}"
        self._throttle.claim(tx, user_name=about, peer=all_of_his, now=now)
