"""For what and for whom something is printed at a terminal."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from hub.registry.meanings import Words

LASTS: Final = timedelta(days=30)
"""Of a print: long enough for an office that sees one a week, too short to be kept for another purpose."""
PURPOSES: Final[Mapping[str, Words]] = {
    "matter": ("办理政务事项", "A matter at an office"),
    "school": ("入学", "School"),
    "work": ("入职", "A job"),
    "bank": ("银行业务", "Bank"),
    "home": ("租房购房", "Renting or buying a home"),
    "travel": ("出行住宿", "Travel and hotels"),
    "court": ("诉讼仲裁", "Court or arbitration"),
    "own": ("本人留存", "To keep for myself"),
}
"""A list, since nobody types at a terminal. What is printed says it across the page, in Chinese."""
OTHERS: Final[Mapping[str, Words]] = {
    "bank": ("银行", "a bank"),
    "school": ("学校", "a school"),
    "employer": ("用人单位", "an employer"),
    "landlord": ("出租人或中介", "a landlord or agent"),
    "court": ("法院或仲裁机构", "a court"),
    "self": ("持证人本人", "myself"),
}
"""Receivers beside the departments of the catalogue, by a code that is nobody's USCC."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What is printed: a licence by its identifier, a purpose of `PURPOSES`, and a receiver: a department's code, or
    one of `OTHERS`.
    """

    identifier: str
    purpose: str
    receiver: str
