"""What a record that comes in means for the library: a new certificate, a new version, or nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from catalog.identifiers import normalise_name
from certificates.numbering import LAST_VERSION
from certificates.store import VersionRecord
from certificates.types import CertificateType, Holder
from hub.issuing.fingerprint import fingerprint
from hub.storage.vault import Vault


class Effect(StrEnum):
    """What became of a record. `refused` comes with a reason and leaves the library as it was."""

    ISSUED = "issued"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Record:
    """A checked record of a register. `as_of` is the instant at which the register said so."""

    claims: Mapping[str, str | int]
    as_of: datetime
    issued_on: date


@dataclass(frozen=True, slots=True)
class Keyed:
    """A record with the keyed hashes by which its certificate, holder and content are found again."""

    record: Record
    holder: Holder
    record_hash: bytes
    lookup_hash: bytes
    name_hash: bytes
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class Decision:
    """The effect of one record; `previous` is the version it leaves behind or meets."""

    effect: Effect
    previous: VersionRecord | None = None
    reason: str | None = None
    new_serial: bool = False


NEW: Final = Decision(Effect.ISSUED)


def lookup_hash(vault: Vault, id_type: str, id_number: str) -> bytes:
    """The hash by which a holder is found. The number must be normalised."""
    return vault.lookup_hash("holder", id_type, id_number)


def name_hash(vault: Vault, name: str) -> bytes:
    """The hash by which two spellings of one name are found equal."""
    return vault.lookup_hash("name", normalise_name(name))


def keyed(record: Record, certificate_type: CertificateType, issuer_code: str, vault: Vault) -> Keyed:
    """Hash a record's key, holder and content."""
    holder = certificate_type.holder_of(record.claims)
    key = str(record.claims[certificate_type.record_key])
    return Keyed(
        record=record,
        holder=holder,
        record_hash=vault.lookup_hash("record", certificate_type.code, issuer_code, key),
        lookup_hash=lookup_hash(vault, holder.id_type, holder.id_number),
        name_hash=name_hash(vault, holder.name),
        fingerprint=fingerprint(record.claims, vault.fingerprint_key()),
    )


def decide(incoming: Keyed, known: VersionRecord | None) -> Decision:
    """Weigh a record against the newest version of its certificate.

    An older extract never overwrites a newer one. A revoked or suspended licence is not revived by a register row:
    lifting it is an act of its own, with a reason.
    """
    if known is None:
        return NEW
    if known.fingerprint == incoming.fingerprint:
        return Decision(Effect.UNCHANGED, known)
    if incoming.record.as_of < known.as_of:
        return Decision(Effect.UNCHANGED, known, reason="older_extract")
    if known.status in {"revoked", "suspended"}:
        return Decision(Effect.REFUSED, known, reason=f"certificate_{known.status}")
    return Decision(Effect.UPDATED, known, new_serial=known.version >= LAST_VERSION)
