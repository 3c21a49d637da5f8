"""Issuing: prepare → commit the intent → sign → commit the result. A restart finishes what a crash left, by `finish`.

The ledger row is committed with the intent and commits to the unsigned payload; so every licence that exists was on the
ledger before it was signed, and a licence signed twice after a crash has the same number, index and claims.

Two processes may meet on one record, one status list, or one licence that is being revoked: the second write is refused
by a unique key, rolled back whole, and decided again on what the first one left.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, Final, TypeVar

import structlog
from sqlalchemy import Connection

from catalog.store import Department
from certificates import store
from certificates.store import VersionRecord
from hub.clock import Clock, new_id
from hub.exchange.uses import Event, announce, of_certificate
from hub.issuing.desk import Certified, SigningDesk
from hub.issuing.drafting import Desk, Intent, document_place, draft, version_row
from hub.issuing.plan import Decision, Effect, Keyed, Record, decide, keyed
from hub.issuing.types import TypeInForce
from hub.ledger.entries import Draft, append, seal
from hub.ledger.guards import check_guards, version_mac
from hub.storage.crash import crash_at
from hub.storage.database import Database, Unit
from hub.storage.errors import STORE_FAILED, ConflictError
from hub.storage.jobs import enqueue
from hub.storage.vault import DataKey, Vault
from signing import sd_jwt

PUBLISH_STATUS: Final = "status_list.publish"
T = TypeVar("T")
_FINISH_BATCH: Final = 500
_MEETINGS: Final = 20
Alongside = Callable[[Connection, Sequence[Decision]], None]
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Unsigned:
    """A committed intent on its way to its signature."""

    version_id: str
    certificate_id: str
    version: int
    issuer_code: str
    prepared: sd_jwt.Prepared
    key: DataKey


class IssuingService:
    """Issues batches of licences of one type for one department."""

    def __init__(self, database: Database, *, vault: Vault, desk: SigningDesk, clock: Clock, public_url: str) -> None:
        self._database = database
        self._vault = vault
        self._desk = desk
        self._clock = clock
        self._public_url = public_url

    async def issue(
        self, records: Sequence[Record], *, issued: TypeInForce, issuer: Department, alongside: Alongside | None = None
    ) -> list[Decision]:
        """Issue, update or leave each record; answers in the same order, after everything is signed and stored.

        Two records with the same key in one batch: the second is weighed against the first.

        Args:
            alongside: runs in the transaction of the intents (a collection's progress commits with its rows); like any
                unit of work it may run again.
        Raises: StorageError. What was intended before a failure is finished by `finish`.
        """
        rows = [keyed(record, issued.type, issuer.code, self._vault) for record in records]
        certified = await self._database.read(lambda tx: self._desk.issuer(tx, issuer.code))
        desk = Desk(
            issued=issued,
            issuer=issuer,
            issuer_uri=self._desk.issuer_uri(issuer.code),
            status_base=f"{self._public_url}/status-lists",
            vault=self._vault,
            signing_kid=certified.signer.kid,
            now=self._clock(),
        )
        decisions, intents = await self._decided_again(lambda tx: self._intend(tx, desk, rows, alongside))
        crash_at("issue.intended")
        await self._complete([_unsigned(intent) for intent in intents], {issuer.code: certified})
        return decisions

    async def finish(self) -> int:
        """Sign every intent that a crash left unsigned; answers how many. Safe to run at any time, from any process.

        One that cannot be read or signed is an alarm and stays as it is: it keeps neither the others nor the hub.

        Raises: StorageError when the store as a whole fails.
        """
        finished, last = 0, None
        while found := await self._database.read(partial(store.intended, limit=_FINISH_BATCH, after=last)):
            last = found[-1].id
            try:
                await self._finish(found)
                finished += len(found)
            except STORE_FAILED:
                raise
            except Exception:  # noqa: BLE001  # one of them; which, and why, is told below
                finished += sum([await self._finished_alone(version) for version in found])
        return finished

    async def _finish(self, versions: Sequence[VersionRecord]) -> None:
        items = await self._database.read(lambda tx: self._reopened(tx, versions))
        signers = await self._database.read(partial(self._signers, {item.issuer_code for item in items}))
        await self._complete(items, signers)

    async def _finished_alone(self, version: VersionRecord) -> bool:
        try:
            await self._finish([version])
        except STORE_FAILED:
            raise
        except Exception as error:  # noqa: BLE001  # a damaged row must not keep the hub from starting
            _log.error("intent_not_finished", alarm=True, version=version.id, error=type(error).__name__)
            return False
        return True

    async def _decided_again(self, unit: Unit[T]) -> T:
        """Write; whoever meets another process on a row starts over. Raises ConflictError when that does not end."""
        for _ in range(_MEETINGS):
            try:
                return await self._database.write(unit)
            except ConflictError:
                continue
        return await self._database.write(unit)

    def _intend(
        self, tx: Connection, desk: Desk, rows: Sequence[Keyed], alongside: Alongside | None
    ) -> tuple[list[Decision], list[Intent]]:
        known = store.latest_by_record(tx, desk.issued.type.code, desk.issuer.id, {row.record_hash for row in rows})
        decisions = self._decide(rows, known)
        _hold(tx, [decision.previous for decision in decisions if decision.effect is Effect.UPDATED])
        chosen = [(row, decision) for row, decision in zip(rows, decisions, strict=True) if decision.effect in _SIGNED]
        store.touch_as_of(tx, _seen_again(rows, decisions))
        intents: list[Intent] = []
        if chosen:
            subjects = store.upsert_subjects(tx, self._subject_rows([row for row, _ in chosen], desk.now))
            counters = store.take_status_counters(tx, len(chosen), now=desk.now)
            for (row, decision), counter in zip(chosen, counters, strict=True):
                intents.append(draft(desk, row, decision, subjects[row.lookup_hash], counter))
                if decision.new_serial and decision.previous is not None:
                    self._retire(tx, decision.previous, by=intents[-1].record, now=desk.now)
            append(tx, [seal(intent.entry, now=desk.now) for intent in intents])
            store.add_certificates(tx, [intent.certificate_row for intent in intents if intent.certificate_row])
            store.add_versions(tx, [version_row(intent.record) for intent in intents])
        if alongside is not None:
            alongside(tx, decisions)
        crash_at("issue.intending")
        return decisions, intents

    def _retire(self, tx: Connection, last: VersionRecord, *, by: VersionRecord, now: datetime) -> None:
        """The record goes on under a new serial. Not with the result: a restart would not know of the old one."""
        store.retire_record(tx, last.certificate_id, self._vault.lookup_hash("retired", last.id))
        _supersede(tx, self._vault, [(version, by) for version in store.versions_of(tx, last.certificate_id)], now=now)

    def _decide(self, rows: Sequence[Keyed], known: Mapping[bytes, VersionRecord]) -> list[Decision]:
        decisions: list[Decision] = []
        seen: dict[bytes, bytes] = {}
        for row in rows:
            if row.record_hash in seen:
                same = seen[row.record_hash] == row.fingerprint
                decisions.append(
                    Decision(Effect.UNCHANGED if same else Effect.REFUSED, reason=None if same else "conflicting_rows")
                )
                continue
            seen[row.record_hash] = row.fingerprint
            decisions.append(decide(row, known.get(row.record_hash)))
        return decisions

    def _subject_rows(self, rows: Sequence[Keyed], now: datetime) -> list[dict[str, Any]]:
        unique = {row.lookup_hash: row for row in rows}
        return [self._subject_row(row, now) for row in unique.values()]

    def _subject_row(self, row: Keyed, now: datetime) -> dict[str, Any]:
        key = self._vault.new_data_key()
        subject_id = new_id()
        return {
            "id": subject_id,
            "id_type": row.holder.id_type,
            "lookup_hash": row.lookup_hash,
            "lookup_kid": self._vault.lookup_kid,
            "data_key": key.wrapped,
            "kek_kid": key.kek_kid,
            "id_number": key.encrypt(f"subjects:{subject_id}:id_number", row.holder.id_number.encode()),
            "created_at": now,
        }

    async def _complete(self, items: Sequence[Unsigned], signers: Mapping[str, Certified]) -> None:
        if not items:
            return
        results = []
        for item in items:
            certified = signers[item.issuer_code]
            token = sd_jwt.sign(item.prepared, signer=certified.signer, header=certified.header)
            sealed = item.key.encrypt(document_place(item.version_id), token.encode())
            results.append({"row": item.version_id, "token": sealed, "kid": certified.signer.kid})
        crash_at("issue.signed")
        now = self._clock()
        await self._decided_again(lambda tx: self._store(tx, items, results, now))
        crash_at("issue.committed")

    def _store(self, tx: Connection, items: Sequence[Unsigned], results: list[dict[str, Any]], now: datetime) -> None:
        store.store_results(tx, results)
        store.make_current(tx, [{"certificate": item.certificate_id, "to": item.version} for item in items])
        renewed = {item.certificate_id for item in items if item.version > 1}
        if renewed:
            _supersede(tx, self._vault, _older(tx, renewed), now=now)
        crash_at("issue.storing")

    def _signers(self, codes: set[str], tx: Connection) -> dict[str, Certified]:
        return {code: self._desk.issuer(tx, code) for code in codes}

    def _reopened(self, tx: Connection, versions: Sequence[VersionRecord]) -> list[Unsigned]:
        check_guards(tx, self._vault, versions=versions)
        return [self._reopen(tx, version) for version in versions]

    def _reopen(self, tx: Connection, version: VersionRecord) -> Unsigned:
        subject = store.subject_by_id(tx, version.subject_id)
        key = self._vault.data_key(subject.data_key, subject.kek_kid)
        prepared = sd_jwt.Prepared.from_bytes(key.decrypt(document_place(version.id), version.document))
        return Unsigned(version.id, version.certificate_id, version.version, version.issuer_code, prepared, key)


_SIGNED: Final = frozenset({Effect.ISSUED, Effect.UPDATED})


def _hold(tx: Connection, versions: Sequence[VersionRecord | None]) -> None:
    """Share-lock the versions about to be replaced; one that changed since it was read is decided on again."""
    expected = {version.id: (version.row_version, version.status) for version in versions if version is not None}
    if expected and store.lock_versions(tx, sorted(expected)) != expected:
        raise ConflictError("certificate_versions")


def _older(tx: Connection, certificate_ids: set[str]) -> list[tuple[VersionRecord, VersionRecord]]:
    """Every version but the newest, with the newest."""
    found = (store.versions_of(tx, certificate_id) for certificate_id in sorted(certificate_ids))
    return [(version, versions[-1]) for versions in found for version in versions[:-1]]


def _supersede(
    tx: Connection, vault: Vault, pairs: Sequence[tuple[VersionRecord, VersionRecord]], *, now: datetime
) -> None:
    """Mark every version that still counts as superseded by its successor, each with its own ledger entry.

    A version that somebody revokes meanwhile already has the entry of this number: ConflictError.
    """
    lists: set[int] = set()
    marks: list[str] = []
    for version, by in pairs:
        if version.status not in {"valid", "suspended"}:
            continue
        subject = store.subject_by_id(tx, version.subject_id)
        entry = Draft(
            kind="certificate.supersede",
            detail={"identifier": version.identifier, "by": by.identifier},
            key=vault.data_key(subject.data_key, subject.kek_kid),
            subject_id=version.subject_id,
            object_id=version.id,
            object_version=version.row_version + 1,
        )
        append(tx, [seal(entry, now=now)])
        changed = version.with_status("superseded", ledger_entry_id=entry.id)
        changed = replace(changed, mac=version_mac(changed, vault))
        transition = {
            "id": new_id(),
            "operation": "supersede",
            "from_status": version.status,
            "reason": "a newer version was issued",
            "legal_basis": "",
            "effective_at": now,
            "detail": {},
        }
        store.change_status(tx, changed, transition=transition, now=now)
        lists.add(version.status_list)
        marks.append(of_certificate(version.id))
    for number in sorted(lists):
        enqueue(tx, PUBLISH_STATUS, {"number": number}, now=now)
    announce(tx, Event.SUPERSEDED, marks, now=now)


def _unsigned(intent: Intent) -> Unsigned:
    record = intent.record
    return Unsigned(record.id, record.certificate_id, record.version, record.issuer_code, intent.prepared, intent.key)


def _seen_again(rows: Sequence[Keyed], decisions: Sequence[Decision]) -> list[dict[str, Any]]:
    return [
        {"row": decision.previous.id, "seen": row.record.as_of}
        for row, decision in zip(rows, decisions, strict=True)
        if decision.effect is Effect.UNCHANGED
        and decision.previous is not None
        and decision.reason is None
        and row.record.as_of > decision.previous.as_of
    ]
