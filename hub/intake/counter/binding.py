"""A network ID bound at the counter: by a card that a signing reader just read, for who has no other way to sign in."""

from sqlalchemy import Connection

from hub.access.actors import Actor
from hub.access.service import Caller
from hub.citizens.identities.binding import Binder, Bindings
from hub.citizens.identities.vouching import Voucher
from hub.citizens.values import Identity, Level
from hub.intake.counter.card_reads import read_token
from hub.intake.counter.readers import CardReaders
from hub.intake.parties import PartyInput


class CardBinding:
    """What a clerk types in is not enough here: the card itself must have been read."""

    def __init__(self, *, readers: CardReaders, bindings: Bindings) -> None:
        self._readers = readers
        self._bindings = bindings

    async def bind(self, actor: Actor, caller: Caller, token: str, voucher: Voucher) -> None:
        """Bind what a voucher leads to, to whose card a reader of this department has read.

        Raises: PartyError (`reader_refused`), BindingError, ProviderError.
        """
        said = read_token(token)
        party = PartyInput("holder", said.name, said.id_type, said.id_number)
        signed, used = await self._readers.read(caller, token, party)
        how = {"by": actor.as_json(), "department_id": caller.department_id, "reference": signed["reference"]}
        binder = Binder(Identity(said.id_type, said.id_number, said.name), Level.SUBSTANTIAL, said.trial, how)

        def use_up(tx: Connection) -> None:
            used(tx, None, "")

        await self._bindings.bind_by_card(binder, voucher, use_up)
