"""Drafting: the rows of an intent. Pure but for randomness; nothing is signed and nothing is written here."""

import secrets
import string
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final

from catalog.store import Department
from certificates.numbering import Identifier
from certificates.profile import licence_claims
from certificates.store import Subject, VersionRecord
from hub.clock import new_id
from hub.issuing.plan import Decision, Effect, Keyed, Record
from hub.issuing.types import TypeInForce
from hub.ledger.entries import Draft
from hub.ledger.guards import version_mac
from hub.storage.vault import DataKey, Vault
from signing import sd_jwt
from signing.canonical import sha256
from signing.status_list import permute

SERIAL_ALPHABET: Final = string.digits + string.ascii_uppercase
_SERIAL_RANDOM: Final = 12


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


@dataclass(frozen=True, slots=True)
class Intent:
    """One licence about to be signed: its rows, its ledger entry, and the exact object of the signature."""

    record: VersionRecord
    certificate_row: dict[str, Any] | None
    entry: Draft
    prepared: sd_jwt.Prepared
    key: DataKey


def document_place(version_id: str) -> str:
    """Where a licence's document is stored, for its encryption."""
    return f"certificate_versions:{version_id}:document"


def new_serial(issued_on: date) -> str:
    """A serial: the issue year and 12 random characters (62 bits), unguessable; a clash is refused by the row."""
    return f"{issued_on.year}" + "".join(secrets.choice(SERIAL_ALPHABET) for _ in range(_SERIAL_RANDOM))


def draft(desk: Desk, keyed: Keyed, decision: Decision, subject: Subject, status: tuple[int, int]) -> Intent:
    """Put one licence together.

    Args:
        status: the reserved (list, counter) pair; its index is the keyed permutation of the counter.
    Raises: MalformedError when the licence would not fit a token.
    """
    record = keyed.record
    previous = decision.previous if decision.effect is Effect.UPDATED else None
    continued = None if decision.new_serial else previous
    certificate_id = new_id() if continued is None else continued.certificate_id
    identifier = _identifier(desk, record.issued_on, continued)
    list_number, counter = status
    index = permute(counter, key=desk.vault.permutation_key)
    valid_until = desk.issued.type.validity.valid_until(record.issued_on, record.claims)
    claims, disclosable = licence_claims(
        type=desk.issued.type,
        identifier=identifier,
        issuer_uri=desk.issuer_uri,
        issuer_name=desk.issuer.name_zh,
        issuer_code=desk.issuer.code,
        claims=record.claims,
        valid_from=record.issued_on,
        valid_until=valid_until,
        issued_on=record.issued_on,
        issued_at=desk.now,
        status_uri=f"{desk.status_base}/{list_number}",
        status_index=index,
    )
    prepared = sd_jwt.prepare(claims, disclosable)
    payload = prepared.to_bytes()
    key = desk.vault.data_key(subject.data_key, subject.kek_kid)
    entry = _entry(desk, identifier, record, sha256(payload), subject, key)
    version_id = str(entry.object_id)
    version = VersionRecord(
        id=version_id,
        certificate_id=certificate_id,
        version=identifier.version,
        identifier=identifier.text,
        state="intended",
        status="valid",
        status_list=list_number,
        status_index=index,
        name_hash=keyed.name_hash,
        fingerprint=keyed.fingerprint,
        as_of=record.as_of,
        issued_on=record.issued_on.isoformat(),
        valid_from=record.issued_on.isoformat(),
        valid_until=valid_until.isoformat() if valid_until else None,
        document=key.encrypt(document_place(version_id), payload),
        payload_digest=sha256(payload),
        signing_kid=desk.signing_kid,
        row_version=1,
        ledger_entry_id=entry.id,
        mac=b"",
        created_at=desk.now,
        subject_id=subject.id,
        type_code=desk.issued.type.code,
        type_version=desk.issued.version,
        issuer_code=desk.issuer.code,
        serial=identifier.serial,
        owner_department_id=desk.issuer.id,
        record_hash=keyed.record_hash,
        current_version=0,
    )
    return Intent(
        record=_guarded(version, desk.vault),
        certificate_row=_certificate_row(version, desk.now) if continued is None else None,
        entry=entry,
        prepared=prepared,
        key=key,
    )


def _identifier(desk: Desk, issued_on: date, continued: VersionRecord | None) -> Identifier:
    """A new serial, or the next version under the serial of the licence that goes on."""
    if continued is None:
        return Identifier(desk.issued.type.code, desk.issuer.code, new_serial(issued_on), 1)
    return Identifier(desk.issued.type.code, desk.issuer.code, continued.serial, continued.version + 1)


def _entry(desk: Desk, identifier: Identifier, record: Record, digest: bytes, subject: Subject, key: DataKey) -> Draft:
    return Draft(
        kind="certificate.issue",
        detail={
            "identifier": identifier.text,
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
        "row_version", "ledger_entry_id", "mac", "created_at",
    )  # fmt: skip
    return {name: getattr(version, name) for name in names}


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


def _guarded(version: VersionRecord, vault: Vault) -> VersionRecord:
    return replace(version, mac=version_mac(version, vault))
