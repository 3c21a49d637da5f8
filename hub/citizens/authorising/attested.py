"""A yes or a no for one case, written down at the counter 窗口代为登记: for somebody who stands there without a phone.

Only what this very case of the counter has asked for, of one of its parties, and with his card read anew: a clerk
learns of no other question, and opens nothing for later cases. The text is read out and printed; what was written down
is an entry that the person sees, and may ask about.
"""

from sqlalchemy import Connection

from hub.access.actors import Actor, Role
from hub.citizens.authorising.asked import AskedOfHolder
from hub.citizens.authorising.hands import clerk
from hub.citizens.authorising.values import Asked, Decision
from hub.citizens.confirming import Confirming
from hub.citizens.values import SHOWS, Holder, Identity
from hub.clock import Clock
from hub.intake import store as cases
from hub.intake.store import Case
from hub.issuing.plan import lookup_hash
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.vault import Vault


class AttestedDecisions:
    """Use cases of a clerk, over a case which the caller has found to be his counter's."""

    def __init__(
        self, database: Database, *, vault: Vault, asked: AskedOfHolder, confirming: Confirming, clock: Clock
    ) -> None:
        self._database = database
        self._vault = vault
        self._asked = asked
        self._confirming = confirming
        self._clock = clock

    async def listed(self, actor: Actor, case: Case) -> list[Asked]:
        """What its confirmed parties are asked in this case, and may still answer or take back.

        Raises: ForbiddenError.
        """
        actor.require(Role.CLERK)
        now = self._clock()

        def unit(tx: Connection) -> list[Holder]:
            parties = cases.parties_of(tx, case.id).values()
            found = [(party.id_type or "", self._confirming.party(tx, party, now)) for party in parties]
            return [_standing(subject.id, Identity(kind, "", ""), case) for kind, subject in found if subject]

        people = await self._database.read(unit)
        asked = [item for person in people for item in await self._asked.listed(person)]
        return [item for item in asked if item.case_no == case.case_no and item.open]

    async def decide(
        self,
        actor: Actor,
        case: Case,
        question_id: str,
        decision: Decision,
        card: Identity,
        *,
        seen: str,
        reference: str = "",
    ) -> Asked:
        """What he said, for whoever the card names; answers the question as it stands now.

        Raises: ForbiddenError; MissingError: the card is of no party whom a record confirms, or the question is not
            his, not of this case, or was answered.
        """
        actor.require(Role.CLERK)
        now = self._clock()

        def unit(tx: Connection) -> Holder:
            number = lookup_hash(self._vault, card.id_type, card.id_number)
            parties = cases.parties_of(tx, case.id).values()
            subject = self._confirming.find(tx, card, now)
            if subject is None or number not in {party.lookup_hash for party in parties}:
                raise MissingError("party")
            return _standing(subject.id, card, case)

        person = await self._database.read(unit)
        if (await self._asked.one(person, question_id)).case_no != case.case_no:
            raise MissingError("question")
        await self._asked.decide(person, question_id, decision, hand=clerk(actor.as_json(), seen, reference))
        return await self._asked.one(person, question_id)


def _standing(subject_id: str, identity: Identity, case: Case) -> Holder:
    return Holder(subject_id, f"counter:{case.case_no}", identity, SHOWS, "counter", "")
