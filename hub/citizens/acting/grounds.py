"""For whom somebody may act by law: computed from licences that are in force at this moment, never from what he says.

A licence that was replaced, suspended or revoked, or whose type is stopped, ties nobody to anybody from its commit on.
Whose office it is, a business licence in force must bear out: the company is in business under that name, and where the
licence names a legal representative it is he.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection

from certificates.profile import CIVIL_ZONE
from certificates.stores import certificates as library
from certificates.stores.holders import Subject
from certificates.stores.version import HeldVersion
from hub.citizens.acting.ties import SLUGS, Tie, is_minor, ties_of
from hub.citizens.acting.values import OF_GROUND, Ground, Principal
from hub.citizens.confirming import hold_licences
from hub.citizens.present import is_erased
from hub.citizens.values import Identity
from hub.intake.identity import certified_dead, identity_types, in_force, unconfirmed
from hub.intake.licences import Licences
from hub.intake.store import Party
from hub.issuing.plan import lookup_hash, name_hash
from hub.issuing.types.halts import stopped_types
from hub.issuing.types.registry import TypeInForce, TypeRegistry
from hub.ledger.guards import check_guards, settled
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import Vault


class Grounds:
    """Finds the principals of a person."""

    def __init__(self, *, vault: Vault, types: TypeRegistry) -> None:
        self._vault = vault
        self._types = types
        self._licences = Licences(vault)

    def of(
        self, tx: Connection, person_id: str, person: Identity, now: datetime, *, lock: bool = False
    ) -> list[Principal]:
        """Everybody for whom this person, whose subject and identity are confirmed, may act by law today.

        Args:
            lock: hold the licences that this rests on until the transaction ends (seam D6): none of them is changed
                between the judgement and what follows from it.
        Raises: IntegrityBrokenError: a licence, or who holds it, was written past the hub.
        """
        return settled(lambda: self._of(tx, person_id, person, now, lock=lock))

    def of_office(
        self, tx: Connection, person_id: str, person: Identity, company: str, now: datetime, *, lock: bool = False
    ) -> Principal | None:
        """The company, by its subject, if he is its legal representative at this moment. Raises: as `of`."""
        found = self.of(tx, person_id, person, now, lock=lock)
        mine = (item for item in found if item.id == company and item.ground is Ground.LEGAL_REPRESENTATIVE)
        return next(mine, None)

    def key(self, person_id: str, ground: Ground, about: str) -> str:
        """The name of one acting; nobody else's is like it."""
        return self._vault.lookup_hash("acting", person_id, ground.value, about).hex()[:32]

    def _of(self, tx: Connection, person_id: str, person: Identity, now: datetime, *, lock: bool) -> list[Principal]:
        today, types = now.astimezone(CIVIL_ZONE).date(), self._types.current()
        mine, ties = self._ties(tx, person, types, today)
        numbers = {self._number(tie.other): tie.other for tie in ties}
        subjects, held = library.held_by(tx, list(numbers), identity_types(types)) if numbers else ({}, [])
        check_guards(tx, self._vault, held=held)
        if lock:
            hold_licences(tx, [*mine, *held])
        self._licences.learn_keys(tx, {item.record.signing_kid for item in held})
        found: dict[str, Principal] = {}
        for tie in ties:
            other = subjects.get(self._number(tie.other))
            if other is None or other.id == person_id or not self._stands(tie, other, held, types, person, today):
                continue
            key = self.key(person_id, tie.ground, other.id)
            sources = {*(found[key].sources if key in found else ()), tie.source}
            found[key] = Principal(
                key=key,
                id=other.id,
                identity=tie.other,
                ground=tie.ground,
                scope=OF_GROUND[tie.ground],
                sources=tuple(sorted(sources)),
                said=tie.said,
            )
        return list(found.values())

    def _ties(
        self, tx: Connection, person: Identity, types: Mapping[str, TypeInForce], today: date
    ) -> tuple[Sequence[HeldVersion], Sequence[Tie]]:
        """The licences in force that tie him to somebody, and what they say."""
        stopped = stopped_types(tx, self._vault)
        slugs = {code: known.type.slug for code, known in types.items() if known.type.slug in SLUGS}
        wanted = [code for code in slugs if code not in stopped]
        if not wanted:
            return [], []
        mine = name_hash(self._vault, person.name)
        _, held = library.held_by(tx, [self._number(person)], wanted)
        held = [item for item in held if in_force(item, today=today) and _named(item) == mine]
        check_guards(tx, self._vault, held=held)
        self._licences.learn_keys(tx, {item.record.signing_kid for item in held})
        return held, [
            tie for item in held for tie in ties_of(slugs[item.record.type_code], item, self._read(tx, item), person)
        ]

    def _stands(
        self,
        tie: Tie,
        other: Subject,
        held: Collection[HeldVersion],
        types: Mapping[str, TypeInForce],
        person: Identity,
        today: date,
    ) -> bool:
        """Whether the other is today what the ground wants."""
        number, name = other.lookup_hash, name_hash(self._vault, tie.other.name)
        party = Party("principal", tie.other.id_type, number, name)
        if tie.ground is Ground.LEGAL_REPRESENTATIVE:
            known = unconfirmed(party, held, types, today=today) is None
            return known and self._borne_out(other, held, person, today)
        dead = certified_dead(party, held, types, today=today)
        if tie.ground is Ground.PARENT:
            return not dead and is_minor(tie.other.id_number, today)
        return dead and unconfirmed(party, held, types, today=today, deceased=True) is None

    def _borne_out(self, company: Subject, held: Collection[HeldVersion], person: Identity, today: date) -> bool:
        """Whether no licence of the company in force names another legal representative."""
        mine = name_hash(self._vault, person.name)
        for item in held:
            if item.record.subject_id != company.id or not in_force(item, today=today):
                continue
            named = self._claims(item).get("legal_representative")
            if isinstance(named, str) and name_hash(self._vault, named) != mine:
                return False
        return True

    def _claims(self, item: HeldVersion) -> Mapping[str, Any]:
        """What it says; one that is kept at its source alone ties nobody."""
        return self._licences.claims(item) if item.record.state == "issued" else {}

    def _read(self, tx: Connection, item: HeldVersion) -> Mapping[str, Any]:
        """The same of what ties him: nothing, where its principal holder was erased. Nobody reads it any more, and
        whoever is on it, too, acts for others by what still opens.
        """
        try:
            return self._claims(item)
        except IntegrityBrokenError:
            if not is_erased(tx, item.kept_by.id):
                raise
            return {}

    def _number(self, who: Identity) -> bytes:
        return lookup_hash(self._vault, who.id_type, who.id_number)


def _named(item: HeldVersion) -> bytes:
    """The hash of the name that the licence gives to this holder of it."""
    return item.record.name_hash if item.further is None else item.further.name_hash
