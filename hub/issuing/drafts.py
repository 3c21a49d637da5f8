"""Drafts made beforehand, outside the transaction of their intents and perhaps in another process.

Nothing is decided by them: the transaction decides as it always does, takes a draft where it fits what it found, and
makes one itself where it does not. What a draft reserved and nobody used, an index of a status list, stays unused.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any, Final, Protocol

from sqlalchemy import Connection, Table

from catalog.bulk import decode, encode, insert_encoded, insert_rows
from catalog.tables import table
from certificates.stores.holders import Subject, find_subjects
from certificates.stores.version import VersionRecord
from certificates.tables import CertificateRow, SubjectRow
from hub.clock import new_id
from hub.issuing.drafting import Desk, Intent, version_row
from hub.issuing.keys.desk import Certified
from hub.issuing.plan import NEW, Decision, Weighed
from hub.issuing.sheaves import HOLDERS, VERSIONS, Sheaf, tie
from hub.issuing.signing_room import Unsigned
from hub.ledger.entries import Sealed
from hub.ledger.tables import LedgerEntryRow
from hub.storage.vault import DataKey
from signing import sd_jwt

_SUBJECTS: Final = table(SubjectRow)
_ENTRIES: Final = table(LedgerEntryRow)
_CERTIFICATES: Final = table(CertificateRow)
SHEAF_DIALECT: Final = "postgresql"
"""A sheaf has the same form on every database."""
_Holders = tuple[tuple[bytes, str | None], ...]


@dataclass(frozen=True, slots=True)
class Encoded:
    """Rows of one table, ready to be written; `of` names the item of each where it is not one row an item."""

    columns: tuple[str, ...]
    rows: Sequence[Any]
    of: Sequence[int] = ()

    def kept(self, chosen: Sequence[bool]) -> list[Any]:
        """The rows of the items chosen."""
        if self.of:
            return [row for row, item in zip(self.rows, self.of, strict=True) if chosen[item]]
        return list(compress(self.rows, chosen))


@dataclass(frozen=True, slots=True)
class Drafted:
    """New licences of one batch, ready to be written, in step with `places`.

    Attributes:
        places: the place of each record in its batch.
        holders: the subjects each was drafted for, by look-up hash; those that the batch brings along have no id here.
        subjects: the rows that it brings along, in the order of `brought`, their look-up hashes.
    """

    places: tuple[int, ...]
    holders: tuple[_Holders, ...]
    brought: tuple[bytes, ...]
    subjects: Encoded
    entries: Encoded
    certificates: Encoded
    versions: Encoded
    further: Encoded

    def fitting(self, decisions: Mapping[int, Decision], found: Mapping[bytes, Subject]) -> list[bool]:
        """Which of them are what was decided, for the holders that there are."""
        return [
            decisions.get(place) is NEW
            and all((found[hashed].id if hashed in found else None) == known for hashed, known in holders)
            for place, holders in zip(self.places, self.holders, strict=True)
        ]


class Drafts(Protocol):
    """The drafts of one batch, and whoever can sign them."""

    drafted: Drafted | None
    kid: str
    """The key that they name."""

    async def sign(self, places: Sequence[int], certified: Certified) -> "SignedVersions":
        """Sign those whose intents are committed."""
        ...


@dataclass(frozen=True, slots=True)
class SignedVersions:
    """Versions with their documents, whole as they stand, encoded for one database."""

    columns: tuple[str, ...]
    versions: Sequence[Any]
    kid: str

    def rows(self) -> list[dict[str, Any]]:
        """The same, to be read here."""
        if self.versions and isinstance(self.versions[0], bytes):
            return decode(VERSIONS, self.columns, b"".join(self.versions))
        return [dict(zip(self.columns, row, strict=True)) for row in self.versions]


@dataclass(frozen=True, slots=True)
class Ahead:
    """What a batch looks like before its transaction: where new licences would be, with an index reserved for each."""

    desk: Desk
    places: tuple[tuple[int, tuple[int, int]], ...]
    subjects: Mapping[bytes, Subject]


@dataclass(frozen=True, slots=True)
class Ready:
    """Drafts whose intents are committed, in a sheaf: their places, and their further holders, encoded."""

    sheaf_id: str
    places: tuple[int, ...]
    holder_columns: tuple[str, ...]
    holders: bytes


@dataclass(frozen=True, slots=True)
class Intended:
    """A batch whose intents are committed. `ready`: those that were drafted beforehand."""

    decisions: list[Decision]
    unsigned: list[Unsigned]
    ready: Ready | None
    of: tuple[str, str]
    certified: Certified
    drafts: Drafts | None


def encoded(
    dialect: str,
    items: Sequence[tuple[int, Intent, Sealed]],
    new: Mapping[bytes, dict[str, Any]],
    holders: Sequence[_Holders],
) -> Drafted:
    """Drafts of new licences. `new`: subject rows that they bring along, by look-up hash."""

    def made(dialect: str, of: Table, rows: Sequence[dict[str, Any]], items: Sequence[int] = ()) -> Encoded:
        columns = tuple(rows[0]) if rows else ()
        return Encoded(columns, encode(dialect, of, columns, rows), items)

    intents = [intent for _, intent, _ in items]
    further = [(number, item) for number, intent in enumerate(intents) for item in intent.further]
    rows = [{name: getattr(item, name) for name in type(item).__dataclass_fields__} for _, item in further]
    return Drafted(
        places=tuple(place for place, _, _ in items),
        holders=tuple(holders),
        brought=tuple(new),
        subjects=made(dialect, _SUBJECTS, list(new.values())),
        entries=made(dialect, _ENTRIES, [sealed.row for _, _, sealed in items]),
        certificates=made(dialect, _CERTIFICATES, [_standing(intent) for intent in intents]),
        versions=made(SHEAF_DIALECT, VERSIONS, [version_row(intent.record) for intent in intents]),
        further=made(SHEAF_DIALECT, HOLDERS, rows, [number for number, _ in further]),
    )


def tie_fitting(
    tx: Connection, drafts: Drafts | None, desk: Desk, chosen: Collection[tuple[int, Weighed, Decision]]
) -> Ready | None:
    """Write those drafts that are what was decided now, and would be signed by this key, as a sheaf."""
    drafted = drafts.drafted if drafts is not None and drafts.kid == desk.signing_kid else None
    if drafted is None or not chosen:
        return None
    found = find_subjects(tx, {hashed for holders in drafted.holders for hashed, _ in holders})
    fits = drafted.fitting({place: decision for place, _, decision in chosen}, found)
    if not any(fits):
        return None
    _write(tx, drafted, fits)
    holders = b"".join(drafted.further.kept(fits))
    sheaf = Sheaf(
        id=new_id(),
        type_code=desk.issued.type.code,
        owner_department_id=desk.issuer.id,
        version_columns=list(drafted.versions.columns),
        versions=b"".join(drafted.versions.kept(fits)),
        holder_columns=list(drafted.further.columns),
        holders=holders,
        created_at=desk.now,
    )
    tie(tx, sheaf)
    return Ready(sheaf.id, tuple(compress(drafted.places, fits)), drafted.further.columns, holders)


def _write(tx: Connection, drafted: Drafted, fits: Sequence[bool]) -> None:
    """Holders, ledger entries and certificates, in the order in which one refers to another."""
    needed = {hashed for holders in compress(drafted.holders, fits) for hashed, known in holders if known is None}
    subjects = list(compress(drafted.subjects.rows, (hashed in needed for hashed in drafted.brought)))
    insert_encoded(tx, _SUBJECTS, drafted.subjects.columns, subjects)
    insert_encoded(tx, _ENTRIES, drafted.entries.columns, drafted.entries.kept(fits))
    insert_encoded(tx, _CERTIFICATES, drafted.certificates.columns, drafted.certificates.kept(fits))


def _standing(intent: Intent) -> dict[str, Any]:
    assert intent.certificate_row is not None  # noqa: S101  # only new licences are drafted beforehand
    return intent.certificate_row | {"current_version": 1}


def store_signed(tx: Connection, ready: Ready, signed: SignedVersions) -> None:
    """Write the versions of a sheaf that was taken, and their further holders."""
    insert_encoded(tx, VERSIONS, signed.columns, signed.versions)
    if ready.holders:
        insert_rows(tx, HOLDERS, decode(HOLDERS, ready.holder_columns, ready.holders))


def unsigned(intents: Sequence[Intent]) -> list[Unsigned]:
    """Those that are to be signed: an index record is whole as it stands."""
    return [
        unsigned_of(intent.record, intent.prepared, intent.key) for intent in intents if intent.prepared is not None
    ]


def unsigned_of(version: VersionRecord, prepared: sd_jwt.Prepared, key: DataKey) -> Unsigned:
    """A committed intent, to be signed."""
    return Unsigned(
        version_id=version.id,
        certificate_id=version.certificate_id,
        version=version.version,
        identifier=version.identifier,
        issuer_code=version.issuer_code,
        type_code=version.type_code,
        prepared=prepared,
        key=key,
    )
