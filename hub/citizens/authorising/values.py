"""Standing grants as a holder is told of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from hub.intake.outcomes import GIVEN
from hub.registry.meanings import Words


class Decision(StrEnum):
    """What a holder may say to a grant that rests on his agreement."""

    GIVE = "give"
    REFUSE = "refuse"


class Lasts(StrEnum):
    """How long a standing yes is one, unless it is taken back before."""

    DAY = "day"
    DAYS_30 = "30_days"
    YEAR = "year"
    GRANT = "grant"


TERMS: Final[Mapping[Lasts, timedelta | None]] = {
    Lasts.DAY: timedelta(days=1),
    Lasts.DAYS_30: timedelta(days=30),
    Lasts.YEAR: timedelta(days=365),
    Lasts.GRANT: None,
}
"""Counted from the word to the second; None: as long as the grant is in force."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One grant: who may use which of his records, what of them, in which matters, for what, how long, on what ground.

    Attributes:
        agreement: it rests on his agreement, and `state` is his word: `undecided`, `given`, `refused`, `withdrawn`,
            `ended` for a yes whose end has come; else on the law alone, which `legal_basis` names, and `state` is
            `law`.
        given_until: when a yes ends by itself, or did.
    """

    grant_id: str
    agreement: bool
    state: str
    department: Words
    system: Words
    resource: Words
    fields: Sequence[Words]
    matters: Sequence[Words]
    purpose: str
    legal_basis: str
    ex_officio: bool
    valid_until: datetime
    decided_at: datetime | None = None
    given_until: datetime | None = None
    interface: bool = False
    """Over a source that is asked, and not over a licence."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question for his yes for one case alone.

    Attributes:
        state: `asked`, `given`, `refused`, `withdrawn`, `silent` when the time was over; `ended` with the case.
        wanted: what the case wants it for, as the matter calls it, or what was queried: what he may hand in himself
            instead.
    """

    id: str
    state: str
    case_no: str
    matter: Words
    wanted: Words
    department: Words
    system: Words
    resource: Words
    fields: Sequence[Words]
    purpose: str
    legal_basis: str
    asked_at: datetime
    answer_by: datetime
    decided_at: datetime | None
    runs: bool
    """Whether its case is open still."""

    @property
    def open(self) -> bool:
        """Whether he may say yes or no, or take a yes back."""
        return self.runs and self.state in {"asked", GIVEN}
