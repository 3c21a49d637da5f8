"""Certificates and their versions. Queries take the caller's connection, never commit; rows become values here."""

from collections.abc import Collection
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import (
    CompoundSelect,
    Connection,
    Row,
    Select,
    and_,
    func,
    literal,
    null,
    select,
    type_coerce,
    union_all,
)

from catalog.bulk import one_of
from catalog.tables import among, numbered, table
from certificates.stores.further_holders import FurtherHolder
from certificates.stores.holders import Subject
from certificates.stores.version import HeldVersion, RecordOfHolder, VersionRecord
from certificates.tables import CertificateHolderRow, CertificateRow, CertificateVersionRow, SubjectRow

_SUBJECTS: Final = table(SubjectRow)
_CERTIFICATES: Final = table(CertificateRow)
_VERSIONS: Final = table(CertificateVersionRow)
_FURTHERS: Final = table(CertificateHolderRow)
_KEEPERS: Final = _SUBJECTS.alias("keepers")


_COLUMNS: Final = (
    *(column for column in _VERSIONS.c if column.name not in {"type_version", "origin", "signing_mac", "seen_mac"}),
    _CERTIFICATES.c.subject_id,
    _CERTIFICATES.c.type_code,
    func.coalesce(_VERSIONS.c.type_version, _CERTIFICATES.c.type_version).label("type_version"),
    _CERTIFICATES.c.issuer_code,
    _CERTIFICATES.c.serial,
    _CERTIFICATES.c.owner_department_id,
    _CERTIFICATES.c.record_hash,
    _CERTIFICATES.c.current_version,
    _VERSIONS.c.type_version.label("own_type_version"),
    _VERSIONS.c.origin,
    _VERSIONS.c.signing_mac,
    _VERSIONS.c.seen_mac,
)
_JOINED: Final = select(*_COLUMNS).join(_CERTIFICATES, _CERTIFICATES.c.id == _VERSIONS.c.certificate_id)
_BARE: Final = select(
    *(literal(b"").label("document") if column is _VERSIONS.c.document else column for column in _COLUMNS)
).join(_CERTIFICATES, _CERTIFICATES.c.id == _VERSIONS.c.certificate_id)
_CURRENT: Final = _VERSIONS.c.version == _CERTIFICATES.c.current_version
_KEY: Final = ("id", "lookup_hash", "data_key", "kek_kid")
_HOLDER: Final = tuple(_SUBJECTS.c[name].label(f"holder_{name}") for name in _KEY)
_FURTHER: Final = tuple(_FURTHERS.c[name] for name in FurtherHolder.__dataclass_fields__)
_NOBODY: Final = tuple(type_coerce(null(), column.type) for column in _FURTHER)


@lru_cache(256)
def _of_holders(hashes: int, codes: int) -> CompoundSelect[Any]:
    """The versions that these persons and bodies hold as principal holders, and then those that they hold too.

    One statement of two parts, each led by an index: one part with OR would read the whole table on PostgreSQL.
    """
    types = among(_CERTIFICATES.c.type_code, "code", codes)
    found = among(_SUBJECTS.c.lookup_hash, "hash", hashes)
    principal = (
        select(*_COLUMNS, *_HOLDER, *(_SUBJECTS.c[name] for name in _KEY), *_NOBODY)
        .select_from(_SUBJECTS)
        .outerjoin(_CERTIFICATES, and_(_CERTIFICATES.c.subject_id == _SUBJECTS.c.id, types))
        .outerjoin(_VERSIONS, and_(_VERSIONS.c.certificate_id == _CERTIFICATES.c.id, _CURRENT))
        .where(found)
    )
    further = (
        select(*_COLUMNS, *_HOLDER, *(_KEEPERS.c[name] for name in _KEY), *_FURTHER)
        .select_from(_SUBJECTS)
        .join(_FURTHERS, _FURTHERS.c.subject_id == _SUBJECTS.c.id)
        .join(_VERSIONS, _VERSIONS.c.id == _FURTHERS.c.version_id)
        .join(_CERTIFICATES, and_(_CERTIFICATES.c.id == _VERSIONS.c.certificate_id, types, _CURRENT))
        .join(_KEEPERS, _KEEPERS.c.id == _CERTIFICATES.c.subject_id)
        .where(found)
    )
    return union_all(principal, further)


@lru_cache(64)
def _versions_shared(count: int) -> Select[tuple[str, int, str]]:
    return (
        select(_VERSIONS.c.id, _VERSIONS.c.row_version, _VERSIONS.c.status)
        .where(among(_VERSIONS.c.id, "id", count))
        .order_by(_VERSIONS.c.id)
        .with_for_update(read=True)
    )


def latest_by_record(
    tx: Connection, type_code: str, department_id: str, hashes: Collection[bytes]
) -> dict[bytes, VersionRecord]:
    """The newest version of each record, whether its signature is stored yet or not."""
    rows = tx.execute(
        _JOINED.where(
            and_(
                _CERTIFICATES.c.type_code == type_code,
                _CERTIFICATES.c.owner_department_id == department_id,
                one_of(tx, _CERTIFICATES.c.record_hash, hashes),
            )
        ).order_by(_VERSIONS.c.version)
    )
    return {row.record_hash: record(row) for row in rows}


def known_records(tx: Connection, type_code: str, department_id: str, hashes: Collection[bytes]) -> set[bytes]:
    """Those of these records that there is a certificate of."""
    of = and_(_CERTIFICATES.c.type_code == type_code, _CERTIFICATES.c.owner_department_id == department_id)
    found = select(_CERTIFICATES.c.record_hash).where(and_(of, one_of(tx, _CERTIFICATES.c.record_hash, hashes)))
    return set(tx.execute(found).scalars())


def standing_records(
    tx: Connection, type_code: str, department_id: str, *, after: str, limit: int
) -> list[VersionRecord]:
    """A page of the current versions of a department's certificates of one type, behind this certificate id. Those that
    a new serial has replaced are not among them.
    """
    of = and_(_CERTIFICATES.c.type_code == type_code, _CERTIFICATES.c.owner_department_id == department_id)
    found = _JOINED.where(and_(of, _CURRENT, _VERSIONS.c.status != "superseded", _CERTIFICATES.c.id > after))
    return [record(row) for row in tx.execute(found.order_by(_CERTIFICATES.c.id).limit(limit))]


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
    columns = len(_COLUMNS)
    for row in tx.execute(statement, numbered("hash", hashes) | numbered("code", codes)):
        holder = Subject(*row[columns : columns + 4])
        subject = subjects.setdefault(holder.lookup_hash, holder)
        if row[0] is None:
            continue
        if row[-1] is None:
            held.append(HeldVersion(record(row), subject))
        else:
            keeper = Subject(*row[columns + 4 : columns + 8])
            held.append(HeldVersion(record(row), subject, keeper, FurtherHolder(*row[columns + 8 :])))
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


def held_of(tx: Connection, subject_id: str, type_code: str) -> list[VersionRecord]:
    """All versions of the certificates of this type whose principal holder this is, of every department."""
    where = and_(_CERTIFICATES.c.subject_id == subject_id, _CERTIFICATES.c.type_code == type_code)
    return [record(row) for row in tx.execute(_JOINED.where(where))]


def newest_of_holders(tx: Connection, lookup_hashes: Collection[bytes], type_code: str) -> list[RecordOfHolder]:
    """The certificates of this type whose principal holders these are, of every department, with their newest version,
    whether its signature is stored yet or not.
    """
    found = (
        select(
            _CERTIFICATES.c.id, _SUBJECTS.c.lookup_hash, _CERTIFICATES.c.owner_department_id,
            _CERTIFICATES.c.record_hash, _VERSIONS.c.status, _VERSIONS.c.valid_until,
        )
        .select_from(_SUBJECTS)
        .join(_CERTIFICATES, _CERTIFICATES.c.subject_id == _SUBJECTS.c.id)
        .outerjoin(_VERSIONS, _VERSIONS.c.certificate_id == _CERTIFICATES.c.id)
        .where(and_(one_of(tx, _SUBJECTS.c.lookup_hash, lookup_hashes), _CERTIFICATES.c.type_code == type_code))
        .order_by(_VERSIONS.c.version)
    )  # fmt: skip
    return list({row.id: RecordOfHolder(*row[1:]) for row in tx.execute(found)}.values())


def read_versions(tx: Connection, ids: Collection[str]) -> list[VersionRecord]:
    """These versions, in no order."""
    return [record(row) for row in tx.execute(_JOINED.where(_VERSIONS.c.id.in_(list(ids))))]


def has_origin(tx: Connection, origin: str) -> bool:
    """Whether any version was brought in by it. Without an index, in one pass at most."""
    return tx.execute(select(_VERSIONS.c.id).where(_VERSIONS.c.origin == origin).limit(1)).first() is not None


def scan_versions(tx: Connection, after: str | None, limit: int) -> list[VersionRecord]:
    """The next versions behind the row `after`, oldest first, without their documents: for reading the library once."""
    behind = _BARE if after is None else _BARE.where(_VERSIONS.c.id > after)
    return [record(row) for row in tx.execute(behind.order_by(_VERSIONS.c.id).limit(limit))]


def intended(
    tx: Connection, limit: int, *, after: str | None = None, before: datetime | None = None
) -> list[VersionRecord]:
    """Versions whose signature is not stored yet, oldest first; the page behind the row `after`, made by `before`."""
    found = _JOINED.where(_VERSIONS.c.state == "intended")
    if before is not None:
        found = found.where(_VERSIONS.c.created_at <= before)
    if after is not None:
        found = found.where(_VERSIONS.c.id > after)
    return [record(row) for row in tx.execute(found.order_by(_VERSIONS.c.id).limit(limit))]


def record(row: Row[Any]) -> VersionRecord:
    """A version record out of a joined row."""
    return VersionRecord(*row[: len(_COLUMNS)])
