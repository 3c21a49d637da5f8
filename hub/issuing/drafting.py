"""Drafting: the rows of an intent. Pure but for randomness; nothing is signed and nothing is written here."""

import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, Final

from catalog.store import Department
from certificates.definitions.certificate_type import Custody
from certificates.numbering import Identifier
from certificates.profile import licence_claims
from certificates.stores.further_holders import FurtherHolder
from certificates.stores.holders import Subject
from certificates.stores.version import VersionRecord
from hub.clock import new_id
from hub.issuing.plan import Decision, Effect, Keyed, Record
from hub.issuing.types.registry import TypeInForce
from hub.ledger.entries import Draft
from hub.ledger.guards import guarded_holder, seen_mac, version_mac
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import DataKey, Vault
from signing import sd_jwt
from signing.canonical import canonical, sha256, strict_loads
from signing.status_list import permute

SERIAL_ALPHABET: Final = string.digits + string.ascii_uppercase
_SERIAL_RANDOM: Final = 12
_SERIALS: Final = len(SERIAL_ALPHABET) ** _SERIAL_RANDOM
_SERIAL_BYTES: Final = 24
"""So many that the remainder of a division favours no serial: by 2^-130."""
INTENDED: Final = "intended"
INDEXED: Final = "indexed"
"""The state of a version without a document: its claims are asked from their source when they are used."""
NOBODY: Final[Mapping[bytes, Subject]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Desk:
    """Everything a draft needs that is the same for a whole batch."""

    issued: TypeInForce
    issuer: Department
    issuer_uri: str
    status_base: str
    vault: Vault
    signing_kid: str
    now: datetime
    origin: str | None = None
    """What brings the batch in."""


@dataclass(frozen=True, slots=True)
class Intent:
    """One licence about to be signed: its rows, its ledger entry, and the exact object of the signature; None for an
    index record, which has no document and is whole as it stands.
    """

    record: VersionRecord
    certificate_row: dict[str, Any] | None
    entry: Draft
    prepared: sd_jwt.Prepared | None
    key: DataKey
    further: tuple[FurtherHolder, ...] = ()


def document_place(version_id: str) -> str:
    """Where a licence's document is stored, for its encryption."""
    return f"certificate_versions:{version_id}:document"


def new_serial(issued_on: date) -> str:
    """A serial: the issue year and 12 random characters (62 bits), unguessable; a clash is refused by the row."""
    number = int.from_bytes(secrets.token_bytes(_SERIAL_BYTES)) % _SERIALS
    characters = []
    for _ in range(_SERIAL_RANDOM):
        number, place = divmod(number, len(SERIAL_ALPHABET))
        characters.append(SERIAL_ALPHABET[place])
    return f"{issued_on.year}" + "".join(characters)


def draft(
    desk: Desk,
    keyed: Keyed,
    decision: Decision,
    subject: Subject,
    status: tuple[int, int],
    others: Mapping[bytes, Subject] = NOBODY,
) -> Intent:
    """Put one licence together.

    Args:
        others: the subjects of further holders, by look-up hash.
        status: the reserved (list, counter) pair; its index is the keyed permutation of the counter.
    Raises: MalformedError when the licence would not fit a token.
    """
    previous = decision.previous if decision.effect is Effect.UPDATED else None
    continued = None if decision.new_serial else previous
    place = status[0], permute(status[1], key=desk.vault.permutation_key)
    identifier = _identifier(desk, keyed.record.issued_on, continued)
    content = _content(desk, keyed, identifier, place)
    key = desk.vault.data_key(subject.data_key, subject.kek_kid)
    entry = _entry(desk, content.identifier, keyed.record, content.digest, subject, key)
    version = _version(desk, keyed, continued, content, place, entry, subject, key)
    return Intent(
        record=replace(
            version,
            mac=version_mac(version, desk.vault),
            seen_mac=seen_mac(version.id, version.as_of, desk.vault),
        ),
        certificate_row=_certificate_row(version, desk.now) if continued is None else None,
        entry=entry,
        prepared=content.prepared,
        key=key,
        further=_further(desk.vault, keyed, version.id, others) if keyed.further else (),
    )


@dataclass(frozen=True, slots=True)
class _Content:
    """What a licence says, and its bytes: the exact object of the signature, or an index record."""

    identifier: str
    parts: Identifier
    valid_until: date | None
    prepared: sd_jwt.Prepared | None
    payload: bytes
    digest: bytes


def _content(desk: Desk, keyed: Keyed, identifier: Identifier, place: tuple[int, int]) -> _Content:
    record, kind = keyed.record, desk.issued.type
    valid_until = kind.validity.valid_until(record.issued_on, record.claims)
    claims, disclosable = licence_claims(
        type=kind,
        identifier=identifier,
        issuer_uri=desk.issuer_uri,
        issuer_name=desk.issuer.name_zh,
        issuer_code=desk.issuer.code,
        claims=record.claims,
        valid_from=record.issued_on,
        valid_until=valid_until,
        issued_on=record.issued_on,
        issued_at=desk.now,
        status_uri=f"{desk.status_base}/{place[0]}",
        status_index=place[1],
    )
    described = claims["certificate"]
    prepared = None if kind.custody is Custody.INDEX else sd_jwt.prepare(claims, disclosable)
    payload = _index(described, keyed, desk) if prepared is None else prepared.to_bytes()
    return _Content(described["identifier"], identifier, valid_until, prepared, payload, sha256(payload))


def _version(
    desk: Desk,
    keyed: Keyed,
    continued: VersionRecord | None,
    content: _Content,
    place: tuple[int, int],
    entry: Draft,
    subject: Subject,
    key: DataKey,
) -> VersionRecord:
    """The version without its MAC."""
    version_id = str(entry.object_id)
    issued_on = keyed.record.issued_on.isoformat()
    indexed = content.prepared is None
    return VersionRecord(
        id=version_id,
        certificate_id=new_id() if continued is None else continued.certificate_id,
        version=content.parts.version,
        identifier=content.identifier,
        state=INDEXED if indexed else INTENDED,
        status="valid",
        status_list=place[0],
        status_index=place[1],
        name_hash=keyed.name_hash,
        fingerprint=keyed.fingerprint,
        as_of=keyed.record.as_of,
        issued_on=issued_on,
        valid_from=issued_on,
        valid_until=content.valid_until.isoformat() if content.valid_until else None,
        document=key.encrypt(document_place(version_id), content.payload),
        payload_digest=content.digest,
        signing_kid="" if indexed else desk.signing_kid,
        row_version=1,
        ledger_entry_id=entry.id,
        mac=b"",
        created_at=desk.now,
        subject_id=subject.id,
        type_code=desk.issued.type.code,
        type_version=desk.issued.version,
        issuer_code=desk.issuer.code,
        serial=content.parts.serial,
        owner_department_id=desk.issuer.id,
        record_hash=keyed.record_hash,
        current_version=0,
        own_type_version=desk.issued.version,
        origin=desk.origin,
    )


def _further(vault: Vault, keyed: Keyed, version_id: str, others: Mapping[bytes, Subject]) -> tuple[FurtherHolder, ...]:
    return tuple(
        guarded_holder(
            FurtherHolder(version_id, place, others[item.lookup_hash].id, item.holder.role, item.name_hash, b""), vault
        )
        for place, item in enumerate(keyed.further, 1)
    )


@dataclass(frozen=True, slots=True)
class IndexRecord:
    """What the hub keeps of a licence whose claims stay at their source: what it is, and the number to ask by."""

    described: Mapping[str, Any]
    number: str | int = field(repr=False)


def _index(described: Mapping[str, Any], row: Keyed, desk: Desk) -> bytes:
    return canonical({"certificate": described, "number": row.record.claims[desk.issued.type.record_key]})


def read_index(key: DataKey, version: VersionRecord) -> IndexRecord:
    """The index record of a version in the state `indexed`. Raises: IntegrityBrokenError."""
    plain = key.decrypt(document_place(version.id), version.document)
    if version.state != INDEXED or sha256(plain) != version.payload_digest:
        raise IntegrityBrokenError("certificate_versions")
    read = strict_loads(plain, max_bytes=len(plain))
    return IndexRecord(read["certificate"], read["number"])


def _identifier(desk: Desk, issued_on: date, continued: VersionRecord | None) -> Identifier:
    """A new serial, or the next version under the serial of the licence that goes on."""
    if continued is None:
        return Identifier(desk.issued.type.code, desk.issuer.code, new_serial(issued_on), 1)
    return Identifier(desk.issued.type.code, desk.issuer.code, continued.serial, continued.version + 1)


def _entry(desk: Desk, identifier: str, record: Record, digest: bytes, subject: Subject, key: DataKey) -> Draft:
    return Draft(
        kind="certificate.issue",
        detail={
            "identifier": identifier,
            "type": desk.issued.type.code,
            "issuer": desk.issuer.code,
            "payload_digest": digest.hex(),
            "as_of": round(record.as_of.timestamp()),
        },
        key=key,
        subject_id=subject.id,
        object_id=new_id(),
        object_version=1,
    )


def version_row(version: VersionRecord) -> dict[str, Any]:
    """The row of a version."""
    names = (
        "id", "certificate_id", "version", "identifier", "state", "status", "status_list", "status_index", "name_hash",
        "fingerprint", "as_of", "issued_on", "valid_from", "valid_until", "document", "payload_digest", "signing_kid",
        "row_version", "ledger_entry_id", "mac", "seen_mac", "created_at", "origin",
    )  # fmt: skip
    return {name: getattr(version, name) for name in names} | {"type_version": version.own_type_version}


def _certificate_row(version: VersionRecord, now: datetime) -> dict[str, Any]:
    return {
        "id": version.certificate_id,
        "owner_department_id": version.owner_department_id,
        "type_code": version.type_code,
        "type_version": version.type_version,
        "issuer_code": version.issuer_code,
        "serial": version.serial,
        "subject_id": version.subject_id,
        "record_hash": version.record_hash,
        "current_version": 0,
        "created_at": now,
    }
