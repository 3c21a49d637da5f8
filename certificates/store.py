"""Queries over the library. Each takes the caller's connection and never commits; rows become values here."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, and_, bindparam, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from catalog.tables import among, numbered, table
from certificates.tables import (
    CertificateRow,
    CertificateTypeRow,
    CertificateVersionRow,
    StatusListRow,
    SubjectRow,
    TransitionRow,
)

_TYPES: Final = table(CertificateTypeRow)
_SUBJECTS: Final = table(SubjectRow)
_CERTIFICATES: Final = table(CertificateRow)
_VERSIONS: Final = table(CertificateVersionRow)
_LISTS: Final = table(StatusListRow)
_TRANSITIONS: Final = table(TransitionRow)
LIST_SIZE: Final = 1 << 20

_COLUMNS: Final = (
    *_VERSIONS.c,
    _CERTIFICATES.c.subject_id,
    _CERTIFICATES.c.type_code,
    _CERTIFICATES.c.type_version,
    _CERTIFICATES.c.issuer_code,
    _CERTIFICATES.c.serial,
    _CERTIFICATES.c.owner_department_id,
    _CERTIFICATES.c.record_hash,
    _CERTIFICATES.c.current_version,
)
_JOINED: Final = select(*_COLUMNS).join(_CERTIFICATES, _CERTIFICATES.c.id == _VERSIONS.c.certificate_id)
_CURRENT: Final = _VERSIONS.c.version == _CERTIFICATES.c.current_version
_STORE_RESULT: Final = (
    update(_VERSIONS)
    .where(and_(_VERSIONS.c.id == bindparam("row"), _VERSIONS.c.state == "intended"))
    .values(state="issued", document=bindparam("token"), signing_kid=bindparam("kid"))
)


@lru_cache(256)
def _of_holders(hashes: int, codes: int) -> Select[Any]:
    types = among(_CERTIFICATES.c.type_code, "code", codes)
    return (
        select(
            *_COLUMNS,
            _SUBJECTS.c.id.label("holder_id"),
            _SUBJECTS.c.lookup_hash,
            _SUBJECTS.c.data_key,
            _SUBJECTS.c.kek_kid,
        )
        .select_from(_SUBJECTS)
        .outerjoin(_CERTIFICATES, and_(_CERTIFICATES.c.subject_id == _SUBJECTS.c.id, types))
        .outerjoin(_VERSIONS, and_(_VERSIONS.c.certificate_id == _CERTIFICATES.c.id, _CURRENT))
        .where(among(_SUBJECTS.c.lookup_hash, "hash", hashes))
    )


@lru_cache(64)
def _versions_shared(count: int) -> Select[tuple[str, int, str]]:
    return (
        select(_VERSIONS.c.id, _VERSIONS.c.row_version, _VERSIONS.c.status)
        .where(among(_VERSIONS.c.id, "id", count))
        .order_by(_VERSIONS.c.id)
        .with_for_update(read=True)
    )


@dataclass(frozen=True, slots=True)
class Subject:
    """A holder the hub knows, with the wrapped data key."""

    id: str
    lookup_hash: bytes
    data_key: bytes
    kek_kid: str


@dataclass(frozen=True, slots=True)
class VersionRecord:
    """One version of a certificate with what its certificate says. `document` is ciphertext."""

    id: str
    certificate_id: str
    version: int
    identifier: str
    state: str
    status: str
    status_list: int
    status_index: int
    name_hash: bytes
    fingerprint: bytes
    as_of: datetime
    issued_on: str
    valid_from: str
    valid_until: str | None
    document: bytes
    payload_digest: bytes
    signing_kid: str
    row_version: int
    ledger_entry_id: str
    mac: bytes
    created_at: datetime
    subject_id: str
    type_code: str
    type_version: int
    issuer_code: str
    serial: str
    owner_department_id: str
    record_hash: bytes
    current_version: int

    def meaning(self) -> bytes:
        """Everything the MAC covers: who holds what, its status, and the ledger entry that last changed it."""
        return "\x1f".join(
            (
                self.id, self.certificate_id, str(self.version), self.identifier, self.subject_id, self.type_code,
                self.status, str(self.status_list), str(self.status_index), self.name_hash.hex(), self.valid_from,
                self.valid_until or "", self.payload_digest.hex(), str(self.row_version), self.ledger_entry_id,
            )
        ).encode()  # fmt: skip

    def is_current(self) -> bool:
        """Nothing newer has been issued in its place."""
        return self.version == self.current_version

    def with_status(self, status: str, *, ledger_entry_id: str) -> "VersionRecord":
        """The same version after a change of status; the MAC is still the old one."""
        return replace(self, status=status, row_version=self.row_version + 1, ledger_entry_id=ledger_entry_id)


@dataclass(frozen=True, slots=True)
class HeldVersion:
    """A current version and whose it is."""

    record: VersionRecord
    subject: Subject


def upsert_subjects(tx: Connection, rows: Sequence[dict[str, Any]]) -> dict[bytes, Subject]:
    """Make sure each look-up hash has a subject; answers the stored ones by hash. An existing row is left as it is."""
    dialect_insert = postgresql.insert if tx.dialect.name == "postgresql" else sqlite.insert
    tx.execute(dialect_insert(_SUBJECTS).on_conflict_do_nothing(index_elements=["lookup_hash"]), rows)
    return find_subjects(tx, [row["lookup_hash"] for row in rows])


def find_subjects(tx: Connection, hashes: Collection[bytes]) -> dict[bytes, Subject]:
    """The known subjects among these look-up hashes."""
    columns = (_SUBJECTS.c.id, _SUBJECTS.c.lookup_hash, _SUBJECTS.c.data_key, _SUBJECTS.c.kek_kid)
    rows = tx.execute(select(*columns).where(_SUBJECTS.c.lookup_hash.in_(list(hashes))))
    return {row.lookup_hash: Subject(*row) for row in rows}


def subject_by_id(tx: Connection, subject_id: str) -> Subject:
    """The subject of a stored row."""
    columns = (_SUBJECTS.c.id, _SUBJECTS.c.lookup_hash, _SUBJECTS.c.data_key, _SUBJECTS.c.kek_kid)
    return Subject(*tx.execute(select(*columns).where(_SUBJECTS.c.id == subject_id)).one())


def latest_by_record(
    tx: Connection, type_code: str, department_id: str, hashes: Collection[bytes]
) -> dict[bytes, VersionRecord]:
    """The newest version of each record, whether its signature is stored yet or not."""
    rows = tx.execute(
        _JOINED.where(
            and_(
                _CERTIFICATES.c.type_code == type_code,
                _CERTIFICATES.c.owner_department_id == department_id,
                _CERTIFICATES.c.record_hash.in_(list(hashes)),
            )
        ).order_by(_VERSIONS.c.version)
    )
    return {row.record_hash: record(row) for row in rows}


def held_by(
    tx: Connection, lookup_hashes: Collection[bytes], type_codes: Collection[str]
) -> tuple[dict[bytes, Subject], list[HeldVersion]]:
    """The known subjects among these look-up hashes, and their current versions of these types, any status.

    One query whatever is found: an unknown person takes the same way as a known one.
    """
    subjects: dict[bytes, Subject] = {}
    held: list[HeldVersion] = []
    hashes, codes = list(lookup_hashes), list(type_codes)
    statement = _of_holders(len(hashes), len(codes))
    for row in tx.execute(statement, numbered("hash", hashes) | numbered("code", codes)):
        subject = subjects.setdefault(
            row.lookup_hash, Subject(row.holder_id, row.lookup_hash, row.data_key, row.kek_kid)
        )
        if row.id is not None:
            held.append(HeldVersion(record(row), subject))
    return subjects, held


def lock_versions(tx: Connection, ids: Collection[str]) -> dict[str, tuple[int, str]]:
    """Row version and status of these versions, share-locked in id order until the transaction ends (seam D6)."""
    wanted = list(ids)
    rows = tx.execute(_versions_shared(len(wanted)), numbered("id", wanted))
    return {row.id: (row.row_version, row.status) for row in rows}


def find_version(tx: Connection, identifier: str, *, for_update: bool = False) -> VersionRecord | None:
    """The version of this public identifier."""
    statement = _JOINED.where(_VERSIONS.c.identifier == identifier)
    row = tx.execute(statement.with_for_update(of=_VERSIONS) if for_update else statement).one_or_none()
    return None if row is None else record(row)


def versions_of(tx: Connection, certificate_id: str) -> list[VersionRecord]:
    """All versions of a certificate, oldest first."""
    rows = tx.execute(_JOINED.where(_VERSIONS.c.certificate_id == certificate_id).order_by(_VERSIONS.c.version))
    return [record(row) for row in rows]


def read_versions(tx: Connection, ids: Collection[str]) -> list[VersionRecord]:
    """These versions, in no order."""
    return [record(row) for row in tx.execute(_JOINED.where(_VERSIONS.c.id.in_(list(ids))))]


def intended(tx: Connection, limit: int, *, after: str | None = None) -> list[VersionRecord]:
    """Versions whose signature is not stored yet, oldest first; the page behind the row `after`."""
    found = _JOINED.where(_VERSIONS.c.state == "intended")
    if after is not None:
        found = found.where(_VERSIONS.c.id > after)
    return [record(row) for row in tx.execute(found.order_by(_VERSIONS.c.id).limit(limit))]


def add_certificates(tx: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Write certificate rows."""
    if rows:
        tx.execute(insert(_CERTIFICATES), list(rows))


def add_versions(tx: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Write version rows, as intents."""
    if rows:
        tx.execute(insert(_VERSIONS), list(rows))


def store_results(tx: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Store signed documents: `row`, `token` (ciphertext), `kid`. A version that already has one keeps it."""
    tx.execute(_STORE_RESULT, list(rows))


def make_current(tx: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Point certificates at their newly issued version: `certificate`, `to`. Never backwards."""
    tx.execute(
        update(_CERTIFICATES)
        .where(and_(_CERTIFICATES.c.id == bindparam("certificate"), _CERTIFICATES.c.current_version < bindparam("to")))
        .values(current_version=bindparam("to")),
        list(rows),
    )


def touch_as_of(tx: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Remember that an unchanged record was seen again: `row`, `seen`."""
    if rows:
        tx.execute(
            update(_VERSIONS).where(_VERSIONS.c.id == bindparam("row")).values(as_of=bindparam("seen")), list(rows)
        )


def change_status(tx: Connection, changed: VersionRecord, *, transition: dict[str, Any], now: datetime) -> None:
    """Write a changed status with its guard and its transition. The caller holds the row's lock."""
    values = {name: getattr(changed, name) for name in ("status", "row_version", "ledger_entry_id", "mac")}
    tx.execute(update(_VERSIONS).where(_VERSIONS.c.id == changed.id).values(**values))
    tx.execute(insert(_TRANSITIONS).values(version_id=changed.id, to_status=changed.status, **transition))
    tx.execute(update(_LISTS).where(_LISTS.c.number == changed.status_list).values(changed_at=now))


def transitions_of(tx: Connection, version_id: str) -> list[Row[Any]]:
    """The history of a version, oldest first."""
    return list(
        tx.execute(
            select(_TRANSITIONS).where(_TRANSITIONS.c.version_id == version_id).order_by(_TRANSITIONS.c.id)
        ).all()
    )


def take_status_counters(tx: Connection, count: int, *, now: datetime) -> list[tuple[int, int]]:
    """Reserve `count` (list, counter) pairs; opens the next list when one is full. Never gives a pair twice."""
    taken: list[tuple[int, int]] = []
    while len(taken) < count:
        row = tx.execute(select(_LISTS).order_by(_LISTS.c.number.desc()).limit(1).with_for_update()).one_or_none()
        if row is None or row.next_counter >= row.size:
            number = 0 if row is None else row.number + 1
            tx.execute(insert(_LISTS).values(number=number, size=LIST_SIZE, next_counter=0, changed_at=now))
            continue
        some = min(count - len(taken), row.size - row.next_counter)
        tx.execute(update(_LISTS).where(_LISTS.c.number == row.number).values(next_counter=row.next_counter + some))
        taken += [(row.number, counter) for counter in range(row.next_counter, row.next_counter + some)]
    return taken


def list_numbers(tx: Connection) -> list[int]:
    """The numbers of all status lists."""
    return list(tx.execute(select(_LISTS.c.number).order_by(_LISTS.c.number)).scalars())


def list_exists(tx: Connection, number: int) -> bool:
    """Whether there is a status list of this number."""
    return tx.execute(select(_LISTS.c.number).where(_LISTS.c.number == number)).scalar() is not None


def on_list(number: int) -> Select[tuple[str]]:
    """The ids of the versions on a status list, to be used inside another query."""
    return select(_VERSIONS.c.id).where(_VERSIONS.c.status_list == number)


def not_plainly_valid(tx: Connection, number: int) -> list[str]:
    """The ids of the versions on a list whose row says anything but valid."""
    return list(tx.execute(on_list(number).where(_VERSIONS.c.status != "valid")).scalars())


def add_type(tx: Connection, **values: Any) -> None:
    """Write the next version of a type and make it current."""
    same = _TYPES.c.code == values["code"]
    version = len(tx.execute(select(_TYPES.c.id).where(same)).all()) + 1
    tx.execute(update(_TYPES).where(same).values(current=False))
    tx.execute(insert(_TYPES).values(version=version, current=True, **values))


def type_definitions(tx: Connection) -> list[tuple[str, str, int, bool, str]]:
    """Code, slug, version, whether current, and definition of every type version."""
    columns = (_TYPES.c.code, _TYPES.c.slug, _TYPES.c.version, _TYPES.c.current, _TYPES.c.definition)
    return [
        (row.code, row.slug, row.version, row.current, row.definition)
        for row in tx.execute(select(*columns).order_by(_TYPES.c.code, _TYPES.c.version))
    ]


def record(row: Row[Any]) -> VersionRecord:
    """A version record out of a joined row."""
    return VersionRecord(*row[: len(_COLUMNS)])


def retire_record(tx: Connection, certificate_id: str, retired_hash: bytes) -> None:
    """Let a certificate that has used up its versions go, so that its record may start a new serial."""
    tx.execute(update(_CERTIFICATES).where(_CERTIFICATES.c.id == certificate_id).values(record_hash=retired_hash))
