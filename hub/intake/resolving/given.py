"""Parties that nobody had named, from the answers that a matter declares to name them 由数据带出的当事人.

They live as long as one pull: nothing about them is kept in the case, and what is asked about them is checked as for
everybody, beginning with who they are.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from catalog.errors import IdentifierError
from catalog.identifiers import check, normalise_id
from catalog.matters.feeding import Gives
from catalog.matters.roles import MOST_PARTIES, PLAIN, keys_of, next_key
from catalog.matters.values import Matter
from hub.clock import new_id
from hub.intake.answers import case_key
from hub.intake.compose import Item
from hub.intake.outcomes import Outcome
from hub.intake.store import Case, Party, SealedIdentity, identity_place
from hub.issuing.plan import lookup_hash, name_hash
from hub.storage.vault import Vault
from signing.canonical import canonical

_LONGEST_NAME = 200


def party_in(record: Mapping[str, Any], gives: Gives, *, origin: str, case: Case, vault: Vault) -> Party | None:
    """The party that a record names; None where it names none, or with a number that is none."""
    number, name = record.get(gives.id_number), record.get(gives.name)
    if not isinstance(number, str) or not isinstance(name, str) or not 0 < len(name.strip()) <= _LONGEST_NAME:
        return None
    try:
        normalised = normalise_id(gives.id_type, number).value
        check(gives.id_type, normalised)
    except IdentifierError:
        return None
    party_id = new_id()
    plain = canonical({"id_number": normalised, "name": name})
    return Party(
        role=gives.role,
        id_type=gives.id_type,
        lookup_hash=lookup_hash(vault, gives.id_type, normalised),
        name_hash=name_hash(vault, name),
        sealed=SealedIdentity(party_id, case_key(vault, case).encrypt(identity_place(party_id), plain)),
        origin=origin,
    )


def names_somebody(record: Mapping[str, Any], gives: Gives) -> bool:
    """Whether there is a number or a name, be it one that nobody can read."""
    return bool(record.get(gives.id_number) or record.get(gives.name))


def says_who(item: Item, gives: Gives) -> bool:
    """Whether an answer that names nobody says that there is nobody: an alternative that never read the names, or what
    stands in for a record, does not.
    """
    resolution = item.resolution
    if item.foreseen is Outcome.SATISFIED:
        return False
    if resolution.outcome is not Outcome.SATISFIED:
        return True
    return any({gives.id_number, gives.name}.issubset(need.wanted) for need in resolution.disclosed())


def joined(matter: Matter, parties: Mapping[str, Party], found: Party) -> dict[str, Party] | None:
    """The parties with one more; None: the case, or another answer, names somebody else in a role of one."""
    role = found.role
    mine = keys_of(role, parties)
    known = [key for key in mine if parties[key].lookup_hash == found.lookup_hash]
    if known:
        same = all(parties[key].name_hash == found.name_hash for key in known)
        return dict(parties) if same else None
    rule = matter.rules.get(role, PLAIN)
    if rule.kinds and found.id_type not in rule.kinds:
        return None
    if mine and (not rule.many or len(parties) >= MOST_PARTIES):
        return None
    key = next_key(role, parties)
    return {**parties, key: replace(found, role=key)}
