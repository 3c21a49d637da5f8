"""Who stands before the clerk, and what shows it: codes and network IDs, cards that a reader read, faces compared, and
what the clerk says that he saw.
"""

from hub.access.actors import Actor
from hub.access.service import Caller
from hub.citizens.identities.taking import NetworkTaking
from hub.citizens.taking import Taking
from hub.clock import Clock
from hub.intake.counter.faces import Faces
from hub.intake.counter.readers import CardReaders
from hub.intake.counter.showing import Shown, both, seen_by, shown
from hub.intake.counter.values import CounterOpening


class Presenting:
    """Looks at what is shown. `network` None: the hub asks no network-ID service."""

    def __init__(
        self, *, taking: Taking, network: NetworkTaking | None, readers: CardReaders, faces: Faces, clock: Clock
    ) -> None:
        self.readers = readers
        self._taking = taking
        self._network = network
        self._faces = faces
        self._clock = clock

    async def present(self, actor: Actor, caller: Caller, opening: CounterOpening) -> Shown:
        """The parties with whoever shows a code named, and what corroborates that they are here. `also` uses up what is
        good once, in the transaction that opens the case.

        Raises: PresentationRefusedError, LockedOutError, ServiceAwayError; PartyError: no device of the department
            signed that, or its comparison of faces says that it is somebody else.
        """
        now = self._clock()
        found = await shown(
            self._taking, actor, caller, opening.parties, opening.codes, matter=opening.code, now=now,
            network=self._network,
        )  # fmt: skip
        card = opening.card_read and not opening.reader
        seen = seen_by(actor, card=card, mandate=opening.mandate, second_document=opening.second_document, now=now)
        also = found.also
        if opening.reader:
            signed, use_up = await self.readers.read(caller, opening.reader, found.parties[0])
            seen, also = [signed, *seen], both(also, use_up)
        if opening.face:
            signed, use_up = await self._faces.compared(actor, caller, opening.face, found.parties[0])
            seen, also = [signed, *seen], both(also, use_up)
        elif found.parties and not opening.second_document:
            await self._faces.needed(caller, found.parties[0])
        return Shown(found.parties, [*seen, *found.corroboration], also, found.agents)
