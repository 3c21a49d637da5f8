"""Whether somebody is who the case says: type, number and normalised name match a current record (design §2). Pure."""

from collections.abc import Iterable, Mapping
from datetime import date

from certificates.store import HeldVersion
from hub.intake.store import Party
from hub.issuing.types import TypeInForce


def identity_types(types: Mapping[str, TypeInForce]) -> tuple[str, ...]:
    """Types of which a current record confirms who somebody is."""
    return tuple(sorted(code for code, known in types.items() if known.type.confirms_identity))


def identity_confirmed(
    party: Party, held: Iterable[HeldVersion], types: Mapping[str, TypeInForce], *, today: date
) -> bool:
    """Whether one of these records is the party's, names it so, and is in force today."""
    codes = identity_types(types)
    return any(
        item.record.type_code in codes
        and item.subject.lookup_hash == party.lookup_hash
        and item.record.name_hash == party.name_hash
        and in_force(item, today=today)
        for item in held
    )


def in_force(held: HeldVersion, *, today: date) -> bool:
    """Whether a certificate is issued, not revoked or suspended, and valid on this civil day (inclusive end)."""
    record = held.record
    ends = record.valid_until
    if today < date.fromisoformat(record.valid_from):
        return False
    return record.state == "issued" and record.status == "valid" and (ends is None or today <= date.fromisoformat(ends))
