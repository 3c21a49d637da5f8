"""A mapped row with the keyed hashes by which the library weighs it: of a record that stands, or that has ended."""

from datetime import date, datetime

from certificates.definitions.certificate_type import CertificateType
from hub.collection.mapping import Mapped
from hub.issuing.plan import Ending, Keyed, Record, keyed, lookup_hash, record_hash
from hub.storage.vault import Vault


def weighed(
    mapped: Mapped, kind: CertificateType, issuer_code: str, vault: Vault, *, as_of: datetime, today: date
) -> Keyed | Ending:
    """Hash a row. `as_of` is the instant at which the register said so."""
    if mapped.ended is None:
        return keyed(Record(mapped.claims, as_of, today), kind, issuer_code, vault)
    return Ending(
        record_hash(kind, issuer_code, mapped.claims, vault),
        as_of,
        mapped.ended.operation,
        mapped.ended.since,
        today,
        _named(mapped, kind, vault),
        gone=kind.register_driven.on_missing if mapped.ended.gone else None,
    )


def _named(mapped: Mapped, kind: CertificateType, vault: Vault) -> tuple[bytes, ...]:
    try:
        holders = kind.holders_of(mapped.claims)
    except KeyError:  # a row that ended may name nobody any more
        return ()
    return tuple(lookup_hash(vault, item.id_type, item.id_number) for item in holders)
