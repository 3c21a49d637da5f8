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
from hub.issuing.plan import Decision, Effect, Keyed
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
    supersedes: VersionRecord | None


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
    record, certificate_type = keyed.record, desk.issued.type
    previous = decision.previous if decision.effect is Effect.UPDATED else None
    continues = previous is not None and not decision.new_serial
    certificate_id = previous.certificate_id if previous is not None and continues else new_id()
    identifier = Identifier(
        certificate_type.code,
        desk.issuer.code,
        previous.serial if previous is not None and continues else new_serial(record.issued_on),
        previous.version + 1 if previous is not None and continues else 1,
    )
    list_number, counter = status
    index = permute(counter, key=desk.vault.permutation_key)
    valid_until = certificate_type.validity.valid_until(record.issued_on, record.claims)
    claims, disclosable = licence_claims(
        type=certificate_type,
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
    digest = sha256(payload)
    key = desk.vault.data_key(subject.data_key, subject.kek_kid)
    version_id = new_id()
    entry = Draft(
        kind="certificate.issue",
        detail={
            "identifier": identifier.text,
            "type": certificate_type.code,
            "issuer": desk.issuer.code,
            "payload_digest": digest.hex(),
            "as_of": round(record.as_of.timestamp()),
        },
        key=key,
        subject_id=subject.id,
        object_id=version_id,
        object_version=1,
    )
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
        payload_digest=digest,
        signing_kid=desk.signing_kid,
        row_version=1,
        ledger_entry_id=entry.id,
        mac=b"",
        created_at=desk.now,
        subject_id=subject.id,
        type_code=certificate_type.code,
        type_version=desk.issued.version,
        issuer_code=desk.issuer.code,
        serial=identifier.serial,
        owner_department_id=desk.issuer.id,
        record_hash=keyed.record_hash,
        current_version=0,
    )
    return Intent(
        record=_guarded(version, desk.vault),
        certificate_row=None if continues else _certificate_row(version, desk.now),
        entry=entry,
        prepared=prepared,
        key=key,
        supersedes=previous,
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
