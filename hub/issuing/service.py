"""Issuing: prepare → commit the intent → sign → commit the result. A restart finishes what a crash left, by `finish`.

The ledger row is committed with the intent and commits to the unsigned payload; so every licence that exists was on the
ledger before it was signed, and a licence signed twice after a crash has the same number, index and claims.

Two processes may meet on one record, one status list, or one licence that is being revoked: the second write is refused
by a unique key, rolled back whole, and decided again on what the first one left.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final, TypeVar

from sqlalchemy import Connection

from catalog.store import Department
from certificates.definitions.certificate_type import Custody
from certificates.errors import ActError
from certificates.stores import certificates as store
from certificates.stores import further_holders as further_store
from certificates.stores import holders as holder_store
from certificates.stores import status as status_store
from certificates.stores import writing
from certificates.stores.holders import Subject
from certificates.stores.version import VersionRecord
from hub.clock import BEIJING, Clock
from hub.issuing.completing import Completing, Heard, Tied, Whole, decided_again
from hub.issuing.drafting import Desk, Intent, draft, version_row
from hub.issuing.drafts import Ahead, Drafts, Intended, Ready, tie_fitting, unsigned
from hub.issuing.ending import end_licences
from hub.issuing.finishing import Finishing
from hub.issuing.keys.desk import Certified, SigningDesk
from hub.issuing.parts import Making, Part
from hub.issuing.plan import Decision, Effect, Ending, Keyed, Record, Weighed, keyed
from hub.issuing.sheaves import untie_of
from hub.issuing.single_instance import HOLDER_HAS_ONE, OneEach, one_each
from hub.issuing.subjects import subject_rows
from hub.issuing.transitions.superseding import supersede
from hub.issuing.types.halts import refuse_halted
from hub.issuing.types.registry import TypeInForce
from hub.issuing.weighing import SIGNED, decided, hold, seen_again, under_his_key
from hub.ledger.entries import append, seal
from hub.storage.crash import crash_at
from hub.storage.database import Database, Unit
from hub.storage.keystore.port import Place
from hub.storage.vault import Vault

T = TypeVar("T")
_FINISH_BATCH: Final = 500
Alongside = Callable[[Connection, Sequence[Decision]], None]


class IssuingService:
    """Issues batches of licences of one type for one department."""

    def __init__(
        self,
        database: Database,
        *,
        vault: Vault,
        desk: SigningDesk,
        clock: Clock,
        public_url: str,
        heard: Heard | None = None,
    ) -> None:
        """`heard` is told of what becomes current, in the transaction that makes it so."""
        self._database = database
        self._vault = vault
        self._desk = desk
        self._clock = clock
        self._public_url = public_url
        self._completing = Completing(database, vault=vault, desk=desk, clock=clock, heard=heard)
        self._finishing = Finishing(database, vault=vault, desk=desk, clock=clock, completing=self._completing)

    async def issue(
        self,
        records: Sequence[Record],
        *,
        issued: TypeInForce,
        issuer: Department,
        alongside: Alongside | None = None,
        making: Making | None = None,
        origin: str | None = None,
    ) -> list[Decision]:
        """Issue, update or leave each record; answers in the same order, after everything is signed and stored.

        Two records with the same key in one batch: the second is weighed against the first.

        Args:
            alongside: runs in the transaction of the intents (a collection's progress commits with its rows); like any
                unit of work it may run again.
            making: decides instead of the register, about the one record there then is.
            origin: what brings the records in, to find what it made again: `run:ID`, `batch:ID`, `source:CODE`.
        Raises: TypeHaltedError; StorageError; what `making` raises; ActError where it would give a holder a second
        certificate of a type of which he has one. What was intended before a failure is finished by `finish`.
        """
        rows = [keyed(record, issued.type, issuer.code, self._vault) for record in records]
        intended = await self.intend(
            rows, issued=issued, issuer=issuer, alongside=alongside, making=making, origin=origin
        )
        await self.complete(intended)
        return intended.decisions

    async def look_ahead(
        self, rows: Sequence[Weighed], *, issued: TypeInForce, issuer: Department, origin: str | None = None
    ) -> Ahead:
        """What drafts made beforehand need; nothing is decided yet. Records known already get no index.

        Raises: StorageError, SigningKeyError.
        """

        def look(tx: Connection) -> tuple[Certified, set[bytes], dict[bytes, Subject]]:
            return (
                self._desk.issuer(tx, issuer.code, type_code=issued.type.code),
                store.known_records(tx, issued.type.code, issuer.id, {row.record_hash for row in rows}),
                holder_store.find_subjects(tx, {hashed for row in rows for hashed in row.holder_hashes()}),
            )

        certified, known, subjects = await self._database.read(look)
        desk = self._desk_for(certified, issued, issuer, origin)
        places = [
            place for place, row in enumerate(rows) if row.record_hash not in known and not isinstance(row, Ending)
        ]
        if not places or certified.place is not Place.FILE or issued.type.custody is Custody.INDEX:
            return Ahead(desk, (), {})
        counters = await self._database.write(
            lambda tx: status_store.take_status_counters(tx, len(places), now=desk.now)
        )
        return Ahead(desk, tuple(zip(places, counters, strict=True)), subjects)

    async def intend(
        self,
        rows: Sequence[Weighed],
        *,
        issued: TypeInForce,
        issuer: Department,
        alongside: Alongside | None = None,
        making: Making | None = None,
        origin: str | None = None,
        drafts: Drafts | None = None,
    ) -> Intended:
        """Decide and commit the intents; nothing is signed. The first half of `issue`."""

        def unit(tx: Connection) -> Intended:
            return self._intended(tx, rows, issued, issuer, alongside, making, drafts, origin)

        return await self._committed(unit, lambda tx: untie_of(tx, issued.type.code, issuer.id))

    async def issue_together(self, parts: Sequence[Part], *, issuer: Department, then: Unit[None]) -> None:
        """Make several licences by one act: all intents and what `then` writes in one transaction, or nothing. Signed
        and stored after it; what a failure leaves unsigned is finished by `finish`.

        Raises: as `issue`; what `then` raises.
        """
        rows = [keyed(part.record, part.issued.type, issuer.code, self._vault) for part in parts]

        def unit(tx: Connection) -> list[Intended]:
            made = [
                self._intended(tx, [row], part.issued, issuer, None, part.making, None, None)
                for row, part in zip(rows, parts, strict=True)
            ]
            then(tx)
            return made

        def apart(tx: Connection) -> int:
            return sum(untie_of(tx, part.issued.type.code, issuer.id) for part in parts)

        for intended in await self._committed(unit, apart):
            await self.complete(intended)

    async def _committed(self, unit: Unit[T], untie: Unit[int]) -> T:
        made = await decided_again(self._database, unit, untie=untie)
        crash_at("issue.intended")
        return made

    def _intended(
        self,
        tx: Connection,
        rows: Sequence[Weighed],
        issued: TypeInForce,
        issuer: Department,
        alongside: Alongside | None,
        making: Making | None,
        drafts: Drafts | None,
        origin: str | None,
    ) -> Intended:
        # In the transaction of the intents: from the commit of a rotation on, no intent names the old key.
        refuse_halted(tx, self._vault, [issued.type.code])
        certified = self._desk.issuer(tx, issuer.code, type_code=issued.type.code)
        desk = self._desk_for(certified, issued, issuer, "act" if making is not None else origin)
        decisions, intents, ready = self._intend(tx, desk, rows, alongside, making, drafts)
        return Intended(decisions, unsigned(intents), ready, (issuer.code, issued.type.code), certified, drafts)

    async def complete(self, intended: Intended) -> None:
        """Sign what was intended, and store it. The second half of `issue`."""
        tied = None
        if intended.drafts is not None and intended.ready is not None:
            intended.certified.check_type(intended.of[1])
            signed = await intended.drafts.sign(intended.ready.places, intended.certified)
            tied = Tied(intended.ready, signed)
        await self._completing.complete(intended.unsigned, {intended.of: intended.certified}, tied=tied)

    async def finish(self, *, older_than: timedelta = timedelta()) -> int:
        """Sign every intent that a crash left unsigned, as `hub.issuing.finishing` says; answers how many.

        Args:
            older_than: spares those that another process may have in hand.
        Raises: StorageError when the store as a whole fails.
        """
        return await self._finishing.finish(older_than)

    def _desk_for(self, certified: Certified, issued: TypeInForce, issuer: Department, origin: str | None) -> Desk:
        return Desk(
            issued=issued,
            issuer=issuer,
            issuer_uri=self._desk.issuer_uri(issuer.code),
            status_base=f"{self._public_url}/status-lists",
            vault=self._vault,
            signing_kid=certified.signer.kid,
            now=self._clock(),
            origin=origin,
        )

    def _intend(
        self,
        tx: Connection,
        desk: Desk,
        rows: Sequence[Weighed],
        alongside: Alongside | None,
        making: Making | None,
        drafts: Drafts | None,
    ) -> tuple[list[Decision], list[Intent], Ready | None]:
        known = store.latest_by_record(tx, desk.issued.type.code, desk.issuer.id, {row.record_hash for row in rows})
        decisions = (
            decided(rows, known) if making is None else [making.decided(tx, known.get(row.record_hash)) for row in rows]
        )
        end_licences(tx, self._vault, rows, decisions, kind=desk.issued.type, now=desk.now, origin=desk.origin)
        one = one_each(tx, desk.issued.type, desk.issuer.id, rows, decisions, today=desk.now.astimezone(BEIJING).date())
        decisions = one.decisions
        if making is not None and any(decision.reason == HOLDER_HAS_ONE for decision in decisions):
            raise ActError("claims", HOLDER_HAS_ONE)
        hold(tx, [decision.previous for decision in decisions if decision.effect is Effect.UPDATED])
        chosen = [
            (place, row, decision)
            for place, (row, decision) in enumerate(zip(rows, decisions, strict=True))
            if decision.effect in SIGNED
        ]
        writing.touch_as_of(tx, seen_again(rows, decisions, self._vault))
        ready = tie_fitting(tx, drafts, desk, chosen)
        tied = frozenset(ready.places if ready is not None else ())
        others = [(row.whole(), decision) for place, row, decision in chosen if place not in tied]
        if one.unlocked:
            one = one.without({hashed for place in tied for hashed in rows[place].holder_hashes()})
        intents = self._drafted_here(tx, desk, others, making, one) if others else []
        if alongside is not None:
            alongside(tx, decisions)
        crash_at("issue.intending")
        return decisions, intents, ready

    def _drafted_here(
        self,
        tx: Connection,
        desk: Desk,
        chosen: Sequence[tuple[Keyed, Decision]],
        making: Making | None,
        one: OneEach,
    ) -> list[Intent]:
        """Draft these in this transaction, and write them."""
        intents: list[Intent] = []
        retired: list[tuple[VersionRecord, VersionRecord]] = []
        brought = subject_rows([row for row, _ in chosen], self._vault, now=desk.now)
        subjects = holder_store.upsert_subjects(tx, brought)
        one.check_new(brought, subjects)
        counters = status_store.take_status_counters(tx, len(chosen), now=desk.now)
        for (row, decision), counter in zip(chosen, counters, strict=True):
            subject = subjects[row.lookup_hash]
            ruled = under_his_key(decision, subject)
            intents.append(draft(desk, row, ruled, subject, counter, subjects))
            if ruled.new_serial and ruled.previous is not None:
                retired += self._retired(tx, ruled.previous, by=intents[-1].record)
        append(tx, [seal(intent.entry, now=desk.now) for intent in intents])
        writing.add_certificates(tx, [intent.certificate_row for intent in intents if intent.certificate_row])
        writing.add_versions(tx, [version_row(intent.record) for intent in intents])
        further_store.add_further(tx, [holder for intent in intents for holder in intent.further])
        if making is not None:
            for intent in intents:
                making.born(tx, intent.record)
        supersede(tx, self._vault, retired, now=desk.now)
        self._completing.stand(tx, [Whole.of(intent.record) for intent in intents if intent.prepared is None], desk.now)
        return intents

    def _retired(
        self, tx: Connection, last: VersionRecord, *, by: VersionRecord
    ) -> list[tuple[VersionRecord, VersionRecord]]:
        """The record goes on under a new serial. Not with the result: a restart would not know of the old one."""
        writing.retire_record(tx, last.certificate_id, self._vault.lookup_hash("retired", last.id))
        return [(version, by) for version in store.versions_of(tx, last.certificate_id)]
