"""What the reader of a terminal has read: believed if it is its own, signed just now; a refusal is on the ledger."""

from datetime import datetime

from sqlalchemy import Connection

from catalog.identifiers import normalise_name
from hub.citizens.kiosk.devices import Kiosk
from hub.citizens.kiosk.errors import KioskRefusedError
from hub.citizens.kiosk.one_read import OneRead
from hub.citizens.kiosk.standing import Visit
from hub.citizens.values import Identity
from hub.clock import Clock
from hub.intake.counter.card_reads import CardRead, check_read, read_token
from hub.intake.counter.readers import CARD, CardReaders, read_id
from hub.intake.errors import PartyError
from hub.intake.parties import PartyInput
from hub.ledger.entries import Draft, append, seal
from hub.storage.database import Database
from hub.storage.vault import DataKey, Vault


class KioskReads:
    """Reads of terminals' own readers. Each is KioskRefusedError where it was not read here and now."""

    def __init__(
        self, database: Database, *, vault: Vault, readers: CardReaders, log_key: DataKey, clock: Clock
    ) -> None:
        self._database = database
        self._vault = vault
        self._readers = readers
        self._log_key = log_key
        self._clock = clock

    async def one(self, kiosk: Kiosk, token: str) -> tuple[Identity, OneRead]:
        """Whom the card names, confirmed by nobody yet, and the read, not used yet."""
        try:
            said = read_token(token.strip())
            await self._check(kiosk, said)
        except PartyError:
            await self.refused(kiosk, "not_read_here")
            raise KioskRefusedError from None
        read = OneRead(said.device, said.at, said.digest, read_id(self._vault, said))
        return Identity(said.id_type, said.id_number, said.name), read

    async def again(self, visit: Visit, token: str) -> OneRead:
        """The same of the very person who stands there. Raises KioskRefusedError for another's card, too."""
        named, read = await self.one(visit.kiosk, token)
        if _person(named) != _person(visit.holder.identity):
            await self.refused(visit.kiosk, "other_card")
            raise KioskRefusedError
        return read

    async def refused(self, kiosk: Kiosk, why: str) -> None:
        """The entry of a refusal, alone."""
        now = self._clock()
        await self._database.write(lambda tx: self.refuse(tx, kiosk, why, now))

    def refuse(self, tx: Connection, kiosk: Kiosk, why: str, now: datetime) -> None:
        """The entry of a refusal. Commits nothing."""
        detail = {"by": kiosk.as_json(), "department_id": kiosk.department_id, "reason": f"kiosk_{why}"}
        append(tx, [seal(Draft(kind="refusal", detail=detail, key=self._log_key), now=now)])

    async def _check(self, kiosk: Kiosk, said: CardRead) -> None:
        """Raises: PartyError: another device signed it, or none, or not just now."""
        key = await self._readers.key(kiosk.department_id, said.device, CARD)
        if key is None or said.device != kiosk.reader_kid or (self._readers.production and said.trial):
            raise PartyError("/card", "reader_refused")
        check_read(said, key, PartyInput("applicant", said.name, said.id_type, said.id_number), self._clock())


def _person(who: Identity) -> tuple[str, str, str]:
    return who.id_type, who.id_number, normalise_name(who.name)
