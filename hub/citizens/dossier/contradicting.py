"""Whether what a source says of a licence contradicts the index that the hub keeps of it. Pure.

What is compared is what the index knows: whose it is, its number, its last day. What the licence says besides may have
changed since the register was last read, and is no contradiction.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

from catalog.identifiers import ID_TYPES, normalise_id
from certificates.definitions.certificate_type import CertificateType
from certificates.stores.holders import Subject
from certificates.stores.version import VersionRecord
from hub.issuing.plan import lookup_hash, name_hash
from hub.storage.vault import Vault


def contradiction(
    kind: CertificateType,
    version: VersionRecord,
    subject: Subject,
    number: str | int,
    claims: Mapping[str, Any],
    vault: Vault,
) -> str:
    """In what they differ, as a code; empty: in nothing that both say. `claims` fit the type, as far as there are any.

    Codes: `other_record` (another holder), `other_number`, `ended` (the source says that it is in force no more),
    `other_end` (another last day).
    """
    if not _is_his(kind, version, subject, claims, vault):
        return "other_record"
    if kind.record_key in claims and str(claims[kind.record_key]) != str(number):
        return "other_number"
    told, ended = (kind.source.claims, kind.source.ended) if kind.source else ({}, {})
    if any(str(claims[name]) in values for name, values in ended.items() if name in claims):
        return "ended"
    if kind.validity.claim not in told and kind.validity.start not in claims:
        return ""  # the source does not say on what the last day rests
    ends = kind.validity.valid_until(date.fromisoformat(version.issued_on), claims)
    return "" if (ends.isoformat() if ends else None) == version.valid_until else "other_end"


def _is_his(
    kind: CertificateType, version: VersionRecord, subject: Subject, claims: Mapping[str, Any], vault: Vault
) -> bool:
    rule = kind.holder  # each by itself: a source that leaves out the name has still said whose number it is
    if rule.name in claims and name_hash(vault, str(claims[rule.name])) != version.name_hash:
        return False
    if rule.id not in claims or (rule.id_type_claim is not None and rule.id_type_claim not in claims):
        return True
    id_type = str(rule.id_type if rule.id_type_claim is None else claims[rule.id_type_claim])
    if id_type not in ID_TYPES:
        return False
    return lookup_hash(vault, id_type, normalise_id(id_type, str(claims[rule.id])).value) == subject.lookup_hash
