"""Whether somebody is who he says: by the rules of every case (design §2), and for natural persons alone."""

from datetime import datetime

from sqlalchemy import Connection

from certificates.profile import CIVIL_ZONE
from certificates.stores import certificates as library
from certificates.stores.holders import Subject
from hub.citizens.values import BODIES, Identity
from hub.intake.identity import identity_types, unconfirmed
from hub.intake.store import Party
from hub.issuing.plan import lookup_hash, name_hash
from hub.issuing.types.registry import TypeRegistry
from hub.storage.vault import Vault


class Confirming:
    """Finds the person behind a number and a name."""

    def __init__(self, *, vault: Vault, types: TypeRegistry) -> None:
        self._vault = vault
        self._types = types

    def find(self, tx: Connection, given: Identity, now: datetime) -> Subject | None:
        """The subject, if a current record confirms him and none says that he has died. An unknown number takes the
        same statement as a known one.
        """
        number = lookup_hash(self._vault, given.id_type, given.id_number)
        return self.party(tx, Party("holder", given.id_type, number, name_hash(self._vault, given.name)), now)

    def party(self, tx: Connection, party: Party, now: datetime) -> Subject | None:
        """The same of a party of a case; None also of one without a number."""
        if party.lookup_hash is None:
            return None
        types = self._types.current()
        known, held = library.held_by(tx, [party.lookup_hash], identity_types(types))
        why = unconfirmed(party, held, types, today=now.astimezone(CIVIL_ZONE).date())
        return known.get(party.lookup_hash) if why is None and party.id_type not in BODIES else None
