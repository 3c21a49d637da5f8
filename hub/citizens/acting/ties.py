"""What a licence says of who belongs to whom: an office in a company, a child, a parent, a spouse. Pure.

Names alone tie nobody to anybody: only what gives the other's number does. So the household register, which names its
head, and a business licence, which names its legal representative, are no ground; the page of a birth certificate is
none either, because the child has no number yet.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from catalog.errors import IdentifierError
from catalog.identifiers import CITIZEN_ID, USCC, check
from certificates.stores.version import HeldVersion
from hub.citizens.acting.values import Ground
from hub.citizens.values import Identity

REGISTRATION: Final = "legal_representative_registration"
BIRTH: Final = "newborn_registration"
KINSHIP: Final = "kinship_proof"
MARRIAGE: Final = "marriage_certificate"
SLUGS: Final = frozenset({REGISTRATION, BIRTH, KINSHIP, MARRIAGE})
"""Slugs of the types that tie somebody to somebody else."""
OF_AGE: Final = 18
_PARENTS: Final = frozenset({"母", "父"})
_DESCENT: Final = frozenset({"父子", "父女", "母子", "母女"})
_SPOUSES: Final = "夫妻"


@dataclass(frozen=True, slots=True)
class Tie:
    """That a person may act for another, if the other is what the ground wants: in business, a minor, dead."""

    other: Identity
    ground: Ground
    said: str
    source: str


def ties_of(slug: str, held: HeldVersion, claims: Mapping[str, Any], person: Identity) -> list[Tie]:
    """What one licence in force says of this person, who holds it; nothing, where it does not name the other.

    Not checked here: whether the other lives, is a minor, or is in business.
    """
    source, mine = held.record.identifier, held.further is None
    if slug == REGISTRATION:
        if mine or held.further is None or held.further.role != "legal_representative":
            return []
        company = _identity(USCC, claims.get("uscc"), claims.get("enterprise_name"))
        return [Tie(company, Ground.LEGAL_REPRESENTATIVE, "", source)] if company else []
    if slug == BIRTH:
        return _birth(claims, source, mine=mine)
    if slug == KINSHIP:
        return _kinship(claims, source, person, mine=mine)
    spouse = _identity(CITIZEN_ID, claims.get("spouse_id_number"), claims.get("spouse_name"))
    return [Tie(spouse, Ground.HEIR, _SPOUSES, source)] if slug == MARRIAGE and mine and spouse else []


def is_minor(number: str, today: date) -> bool:
    """Whether who has this citizen's number is under eighteen on this civil day: of age on the birthday itself, and
    who was born on 29 February on 1 March.
    """
    born = born_on(number)
    if born is None:
        return False
    years = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
    return years < OF_AGE


def born_on(number: str) -> date | None:
    """The day of birth in a citizen's number."""
    try:
        check(CITIZEN_ID, number)
        return date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except (IdentifierError, ValueError):
        return None


def _birth(claims: Mapping[str, Any], source: str, *, mine: bool) -> list[Tie]:
    said = str(claims.get("relationship", ""))
    if mine:
        guardian = _identity(CITIZEN_ID, claims.get("guardian_id"), claims.get("guardian_name"))
        return [Tie(guardian, Ground.HEIR, said, source)] if guardian and said in _PARENTS else []
    child = _identity(CITIZEN_ID, claims.get("citizen_id"), claims.get("name"))
    grounds = [Ground.PARENT, *([Ground.HEIR] if said in _PARENTS else [])]
    return [Tie(child, ground, said, source) for ground in grounds] if child else []


def _kinship(claims: Mapping[str, Any], source: str, person: Identity, *, mine: bool) -> list[Tie]:
    """Of parent and child the proof does not say who is which: the numbers do."""
    number, name = ("relative_id", "relative_name") if mine else ("citizen_id", "name")
    other, said = _identity(CITIZEN_ID, claims.get(number), claims.get(name)), str(claims.get("relationship", ""))
    if other is None or said not in _DESCENT | {_SPOUSES}:
        return []
    heir = Tie(other, Ground.HEIR, said, source)
    older, younger = born_on(person.id_number), born_on(other.id_number)
    if said in _DESCENT and older is not None and younger is not None and older < younger:
        return [Tie(other, Ground.PARENT, said, source), heir]
    return [heir]


def _identity(id_type: str, number: object, name: object) -> Identity | None:
    if not isinstance(number, str) or not isinstance(name, str):
        return None
    try:
        check(id_type, number)
    except IdentifierError:
        return None
    return Identity(id_type, number, name)
