"""What whoever decides one case of a family sees of the others: which come first, which wait for it, their stages."""

from dataclasses import dataclass

from sqlalchemy import Connection

from hub.intake import store as cases
from hub.intake.families.reading import FamilyReader
from hub.intake.families.store import family_by_id, family_id_of


@dataclass(frozen=True, slots=True)
class Kin:
    """Another case of the family. `first`: it is decided before this one; `then`: it waits for this one."""

    name_zh: str
    name_en: str
    stage: str
    decision: str | None
    first: bool
    then: bool


@dataclass(frozen=True, slots=True)
class Kinship:
    """The life event of a case, and its other cases that it depends on or that depend on it."""

    family_no: str
    title_zh: str
    title_en: str
    kin: tuple[Kin, ...]


def kinship(tx: Connection, reader: FamilyReader, case: cases.Case) -> Kinship | None:
    """None where the case is of no family. Nobody's name, and no case that this one has nothing to do with.

    Raises: IntegrityBrokenError.
    """
    family_id = family_id_of(tx, case.id)
    family = family_by_id(tx, family_id) if family_id else None
    if family is None:
        return None
    whole = reader.whole(tx, family)
    mine = whole.first.get(case.matter_code, ())
    found = []
    for item in whole.members:
        first = item.matter.code in mine
        then = case.matter_code in whole.first.get(item.matter.code, ())
        if first or then:
            stage = "closed" if item.case.state == cases.CLOSED else item.case.stage
            matter = item.matter
            found.append(Kin(matter.name_zh, matter.name_en, stage, item.case.decision, first, then))
    return Kinship(family.family_no, whole.event.title_zh, whole.event.title_en, tuple(found))
