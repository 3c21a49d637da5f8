"""Whether somebody is who the case says: type, number and normalised name match a current record (design §2). Pure."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from certificates.stores.version import HeldVersion
from hub.intake.store import Party
from hub.issuing.types.registry import TypeInForce

DEATH: Final = "death_certificate"
"""The slug of the type whose current record says that somebody has died."""


def identity_types(types: Mapping[str, TypeInForce]) -> tuple[str, ...]:
    """Types whose current record confirms, or ends, who somebody is. They are read together, of everybody: a statement
    more for the dead would tell of them.
    """
    return tuple(sorted(set(_confirming(types)) | set(_ending(types))))


def unconfirmed(
    party: Party,
    held: Collection[HeldVersion],
    types: Mapping[str, TypeInForce],
    *,
    today: date,
    deceased: bool = False,
) -> str | None:
    """Why the party is not confirmed, as a reason's code; None: it is.

    Of somebody whose death is certified that is told to nobody who does not name him as the records do. With
    `deceased`, in the role of a dead person, the certificate of his death confirms who he was.
    """
    mine = [
        item
        for item in held
        if item.subject.lookup_hash == party.lookup_hash
        and _his_own(item)
        and item.record.name_hash == party.name_hash
        and in_force(item, today=today)
    ]
    found, ends = {item.record.type_code for item in mine}, set(_ending(types))
    if found & ends:
        return None if deceased else "holder_dead"
    dead = certified_dead(party, held, types, today=today)
    one = found & set(_confirming(types)) and not _is_two(party, held, types, today=today)
    return None if one and not dead else "identity_unconfirmed"


def certified_dead(
    party: Party, held: Collection[HeldVersion], types: Mapping[str, TypeInForce], *, today: date
) -> bool:
    """Whether a current record says that who has this number has died, by whatever name: no source may say that he
    lives.
    """
    ends = set(_ending(types))
    return any(
        item.record.type_code in ends
        and item.subject.lookup_hash == party.lookup_hash
        and _his_own(item)
        and in_force(item, today=today)
        for item in held
    )


def _is_two(party: Party, held: Collection[HeldVersion], types: Mapping[str, TypeInForce], *, today: date) -> bool:
    """Whether current records give this number to people of different names: which of them he is, nobody can say."""
    confirming = set(_confirming(types))
    return any(
        item.record.type_code in confirming
        and _his_own(item)
        and item.subject.lookup_hash == party.lookup_hash
        and item.record.name_hash != party.name_hash
        and in_force(item, today=today)
        for item in held
    )


def _his_own(item: HeldVersion) -> bool:
    """Whether the record is about its holder: whoever is on it too, such as who reported a death, is somebody else."""
    return item.record.subject_id == item.subject.id


@dataclass(frozen=True, slots=True)
class Standing:
    """What the library says of who somebody is. `dead` is the reason to tell where his death is certified: no source
    may confirm him then, whatever it says.
    """

    confirmed: bool
    dead: str = ""


def standing_of(
    party: Party,
    held: Collection[HeldVersion],
    types: Mapping[str, TypeInForce],
    *,
    today: date,
    deceased: Callable[[], bool],
) -> Standing:
    """`deceased` says whether the party has the role of a dead person; it is asked of the dead alone."""
    why = unconfirmed(party, held, types, today=today)
    if why == "holder_dead" and deceased():
        why = None
    if why is None:
        return Standing(confirmed=True)
    return Standing(confirmed=False, dead=why if certified_dead(party, held, types, today=today) else "")


def _confirming(types: Mapping[str, TypeInForce]) -> list[str]:
    return [code for code, known in types.items() if known.type.confirms_identity]


def _ending(types: Mapping[str, TypeInForce]) -> list[str]:
    return [code for code, known in types.items() if known.type.slug == DEATH]


def in_force(held: HeldVersion, *, today: date) -> bool:
    """Whether a certificate is issued, not revoked or suspended, and valid on this civil day (inclusive end)."""
    record = held.record
    ends = record.valid_until
    if today < date.fromisoformat(record.valid_from):
        return False
    return record.is_whole() and record.status == "valid" and (ends is None or today <= date.fromisoformat(ends))
