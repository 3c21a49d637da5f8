"""Holders of a campaign 对象: who they are, what the library holds of them, and what of that may be told still."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from catalog.store import lock_grants
from certificates.stores import certificates as library
from certificates.stores.version import HeldVersion
from hub.exchange.bulk.files import opened
from hub.exchange.bulk.matter_ground import MatterGround, MatterStanding
from hub.exchange.bulk.matter_judging import Held, Judged
from hub.exchange.bulk.order import BulkOrder
from hub.exchange.bulk.subject_store import Subject
from hub.exchange.question import Identity
from hub.intake.calls import Claimed
from hub.intake.deciding import rechecked
from hub.intake.facts import fed, values_of
from hub.intake.identity import identity_types
from hub.intake.licences import Licences
from hub.intake.resolving.holding import interfaces_hold
from hub.intake.resolving.telling import told_by
from hub.intake.store import Party, SealedIdentity, identity_place
from hub.issuing.plan import lookup_hash, name_hash
from hub.issuing.types.halts import stopped_types, written_halts
from hub.issuing.types.registry import TypeRegistry
from hub.ledger.guards import check_guards, settled
from hub.storage.vault import DataKey, Vault
from signing.canonical import canonical


class MatterHolders:
    """Reads holders. In the transaction of whoever decides about them."""

    def __init__(self, *, vault: Vault, types: TypeRegistry, ground: MatterGround) -> None:
        self._vault = vault
        self._licences = Licences(vault)
        self._types = types
        self._ground = ground

    def of(
        self,
        tx: Connection,
        standing: MatterStanding,
        order: BulkOrder,
        key: DataKey,
        subjects: Sequence[Subject],
        now: datetime,
    ) -> list[Held]:
        """These holders as the hub knows them now. Raises: IntegrityBrokenError."""
        parties = [self._party(key, subject) for subject in subjects]
        hashes = sorted({party.lookup_hash for party in parties if party.lookup_hash})
        codes = {code for item in standing.requirements for code in item.type_codes()}
        codes |= set(identity_types(self._types.current()))

        def look() -> tuple[dict[bytes, Any], list[HeldVersion]]:
            people, held = library.held_by(tx, hashes, sorted(codes))
            check_guards(tx, self._vault, held=held, counted=written_halts(tx, self._vault))
            return people, held

        people, held = settled(look)
        self._types.learn(tx, {(item.record.type_code, item.record.type_version) for item in held})
        case, matter = standing.case, standing.matter
        empty = self._ground.question(case, matter, order, now, standing.answering)
        types = self._types.current()
        told = told_by(tx, self._licences, standing.requirements, held, types)
        empty = replace(empty, grants=standing.grants, types=types, told=told)
        found = []
        for subject, party in zip(subjects, parties, strict=True):
            mine = [item for item in held if item.subject.lookup_hash == party.lookup_hash]
            named = {standing.role: party}
            values = fed(matter, values_of(self._vault, case, matter, named)) if matter.ruled else {}
            question = replace(empty, parties=named, held=mine, values=values)
            claimed = Claimed(subject.id, "", case, matter, named, people, (), question)
            found.append(Held(subject, people.get(party.lookup_hash) if party.lookup_hash else None, claimed))
        return found

    def as_held(
        self, tx: Connection, standing: MatterStanding, judged: Sequence[Judged], now: datetime
    ) -> list[Judged]:
        """As they may be told now that grants, licences and interfaces are locked, in this order (seam D6)."""
        sources = [source for one in judged for item in one.items for source in item.resolution.sources]
        grants = lock_grants(tx, sorted(grant.id for grant in standing.grants))
        versions = library.lock_versions(tx, sorted({source.held.record.id for source in sources})) if sources else {}
        stopped = stopped_types(tx, self._vault) if sources else set[str]()
        held = [rechecked(item, grants, versions, stopped, now) for one in judged for item in one.items]
        each = iter(interfaces_hold(tx, held, now))
        return [replace(one, items=tuple(next(each) for _ in one.items), before=one.items) for one in judged]

    def _party(self, key: DataKey, subject: Subject) -> Party:
        who = Identity(**opened(key, subject.id, "sealed", subject.sealed))
        hashed = lookup_hash(self._vault, who.id_type, who.id_number) if who.id_type and who.id_number else None
        plain = canonical({"id_number": who.id_number, "name": who.name})
        sealed = SealedIdentity(subject.id, key.encrypt(identity_place(subject.id), plain))
        return Party("subject", who.id_type, hashed, name_hash(self._vault, who.name), sealed)
