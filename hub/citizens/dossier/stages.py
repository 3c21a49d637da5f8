"""Stages of life 人生阶段: their words, and which of them a person of some age is past, in, or not yet at."""

from collections.abc import Mapping
from datetime import date
from typing import Final

from catalog.identifiers import CITIZEN_ID
from certificates.definitions.parts import Stage
from hub.registry.meanings import Words

STAGES: Final[Mapping[Stage, Words]] = {
    Stage.IDENTITY: ("身份户籍", "Identity"),
    Stage.BIRTH: ("出生", "Birth"),
    Stage.SCHOOL: ("上学", "School"),
    Stage.WORK: ("就业", "Work"),
    Stage.FAMILY: ("婚育", "Family"),
    Stage.HOUSING: ("住房", "Home"),
    Stage.TRAVEL: ("出行", "On the road"),
    Stage.WELFARE: ("社保医疗", "Social insurance and health"),
    Stage.RETIREMENT: ("退休", "Retirement"),
    Stage.FOUNDING: ("开办", "Founding"),
    Stage.PERMITS: ("经营许可", "Permits"),
    Stage.QUALIFICATION: ("资质", "Qualifications"),
    Stage.TAX: ("纳税信用", "Tax and credit"),
    Stage.CHANGE: ("变更", "Changes"),
    Stage.CLOSING: ("注销", "Closing"),
    Stage.AFTER: ("身后", "After"),
    Stage.OTHER: ("其他", "Others"),
}
"""Every stage, in the order of a dossier."""
RANKS: Final[Mapping[Stage, int]] = {stage: place for place, stage in enumerate(STAGES)}
_OF_BODY: Final[Mapping[Stage, Words]] = {
    Stage.FOUNDING: STAGES[Stage.FOUNDING],
    Stage.PERMITS: STAGES[Stage.PERMITS],
    Stage.QUALIFICATION: STAGES[Stage.QUALIFICATION],
    Stage.WORK: ("用工", "Staff"),
    Stage.WELFARE: ("社会保险", "Social insurance"),
    Stage.HOUSING: ("不动产", "Property"),
    Stage.TRAVEL: ("车辆", "Vehicles"),
    Stage.TAX: STAGES[Stage.TAX],
    Stage.CHANGE: STAGES[Stage.CHANGE],
    Stage.CLOSING: STAGES[Stage.CLOSING],
}
STAGES_OF_BODY: Final[Mapping[Stage, Words]] = {**_OF_BODY, **{k: v for k, v in STAGES.items() if k not in _OF_BODY}}
"""The same of a company: in the order in which one lives, and in its words. A company has no home and goes nowhere."""

_AGES: Final[Mapping[Stage, tuple[int, int]]] = {
    Stage.BIRTH: (0, 18),
    Stage.SCHOOL: (3, 35),
    Stage.WORK: (16, 70),
    Stage.FAMILY: (20, 200),
    Stage.TRAVEL: (16, 200),
    Stage.TAX: (16, 200),
    Stage.RETIREMENT: (50, 200),
}
"""Years of age, both inclusive, at which people usually have what belongs to a stage; others at any age."""
_NEVER: Final = frozenset({Stage.AFTER, Stage.CLOSING})
"""Nobody is told that he lacks a certificate of his death."""


def usual(stage: Stage, age: int | None) -> bool:
    """Whether somebody of this age is likely to have what belongs to a stage; of whom no age is known, anything."""
    if stage in _NEVER:
        return False
    first, last = _AGES.get(stage, (0, 200))
    return age is None or first <= age <= last


def age_of(id_type: str, id_number: str, today: date) -> int | None:
    """Whole years on a civil day, by a citizen's number (GB 11643); None for numbers that do not say."""
    if id_type != CITIZEN_ID:
        return None
    born = date(int(id_number[6:10]), int(id_number[10:12]), int(id_number[12:14]))
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))
