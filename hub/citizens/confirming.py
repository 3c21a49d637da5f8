"""Whether somebody is who he says: by the rules of every case (design §2), and for natural persons alone."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from certificates.profile import CIVIL_ZONE
from certificates.stores import certificates as library
from certificates.stores.holders import Subject
from certificates.stores.version import HeldVersion
from hub.citizens.values import BODIES, Identity
from hub.intake.identity import certified_dead, identity_types, unconfirmed
from hub.intake.store import Party
from hub.issuing.plan import lookup_hash, name_hash
from hub.issuing.types.registry import TypeRegistry
from hub.ledger.guards import check_guards, latest_changes, settled
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import Vault

_NOTHING: Final = "00000000-0000-0000-0000-000000000000"


class Confirming:
    """Finds the person behind a number and a name."""

    def __init__(self, *, vault: Vault, types: TypeRegistry) -> None:
        self._vault = vault
        self._types = types

    def find(self, tx: Connection, given: Identity, now: datetime, *, lock: bool = False) -> Subject | None:
        """The subject, if a current record confirms him and none says that he has died. An unknown number takes the
        same statements as a known one. `lock`: hold the records until the transaction ends (seam D6).

        Raises: IntegrityBrokenError: one of these records was written past the hub.
        """
        number = lookup_hash(self._vault, given.id_type, given.id_number)
        party = Party("holder", given.id_type, number, name_hash(self._vault, given.name))
        return self.party(tx, party, now, lock=lock)

    def all(self, tx: Connection, given: Collection[Identity], now: datetime) -> Mapping[Identity, Subject]:
        """`find` of many, in as many statements as of one; who is not confirmed is not in it. Raises: as `find`."""
        types, today = self._types.current(), now.astimezone(CIVIL_ZONE).date()
        numbers = {
            who: lookup_hash(self._vault, who.id_type, who.id_number) for who in given if who.id_type not in BODIES
        }
        if not numbers:
            return {}
        known, held = settled(lambda: self._held(tx, sorted(set(numbers.values())), identity_types(types)))
        records: dict[bytes, list[HeldVersion]] = {number: [] for number in numbers.values()}
        for item in held:
            records.setdefault(item.subject.lookup_hash, []).append(item)
        parties = {
            who: Party("holder", who.id_type, number, name_hash(self._vault, who.name))
            for who, number in numbers.items()
        }
        return {
            who: known[numbers[who]]
            for who, party in parties.items()
            if unconfirmed(party, records[numbers[who]], types, today=today) is None
        }

    def party(self, tx: Connection, party: Party, now: datetime, *, lock: bool = False) -> Subject | None:
        """`find` of a party of a case; None also of one without a number."""
        if party.lookup_hash is None:
            return None
        types, number = self._types.current(), party.lookup_hash
        known, held = settled(lambda: self._held(tx, [number], identity_types(types), lock=lock))
        why = unconfirmed(party, held, types, today=now.astimezone(CIVIL_ZONE).date())
        return known.get(number) if why is None and party.id_type not in BODIES else None

    def died(self, tx: Connection, subject: Subject, now: datetime) -> bool:
        """Whether a current record says that he has died, by whatever name. Raises: IntegrityBrokenError."""
        types, number = self._types.current(), subject.lookup_hash
        _, held = settled(lambda: self._held(tx, [number], identity_types(types)))
        return certified_dead(Party("holder", None, number, None), held, types, today=now.astimezone(CIVIL_ZONE).date())

    def _held(
        self, tx: Connection, numbers: Sequence[bytes], codes: Sequence[str], *, lock: bool = False
    ) -> tuple[Mapping[bytes, Subject], Sequence[HeldVersion]]:
        known, held = library.held_by(tx, numbers, codes)
        check_guards(tx, self._vault, held=held)
        if lock:
            hold_licences(tx, held)
        if not held:  # a statement less would tell that nobody has such a number (threat S14)
            latest_changes(tx, [_NOTHING])
        return known, held


def hold_licences(tx: Connection, held: Sequence[HeldVersion]) -> None:
    """Share-lock them until the transaction ends. Raises: IntegrityBrokenError: one was changed since it was read, and
    is to be read again.
    """
    now = library.lock_versions(tx, {item.record.id for item in held})
    if any(now.get(item.record.id) != (item.record.row_version, item.record.status) for item in held):
        raise IntegrityBrokenError("certificate_versions")
