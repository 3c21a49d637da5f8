"""Which of the entries about him somebody wants to read: of a class, of some days, of a department.

Class and days are asked of the database. Whose an entry is, only the opened entry says, so that a page of one
department opens more than it shows; how many at most, `Accesses` says.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement

from catalog.tables import table
from hub.citizens.access_words import CHANGE, KINDS, LOOK, NOTHING, OWN
from hub.clock import BEIJING
from hub.ledger.kinds import SANDBOX
from hub.ledger.tables import LedgerEntryRow

CLASSES: Final = (LOOK, NOTHING, OWN, CHANGE)
FIRST_DAY: Final = date(1970, 1, 1)
LAST_DAY: Final = date(2999, 12, 31)
"""Days beyond these are nobody's, and near the ends of the calendar a midnight cannot be told."""
_ENTRIES: Final = table(LedgerEntryRow)


@dataclass(frozen=True, slots=True)
class Wanted:
    """All of it, where nothing is said.

    Attributes:
        look: `look`, `nothing` (asked or tried, and refused or given nothing), `own`, `change`.
        department: its code.
        since, until: civil days of Beijing, both included, from `FIRST_DAY` to `LAST_DAY`.
    """

    look: str = ""
    department: str = ""
    since: date | None = None
    until: date | None = None

    def conditions(self) -> Sequence[ColumnElement[bool]]:
        """What can be asked of the rows of entries."""
        found: list[ColumnElement[bool]] = []
        if self.look == CHANGE:  # what nobody has named is shown as a change: by what it is not
            found.append(_ENTRIES.c.kind.not_in(_kinds(LOOK, NOTHING, OWN)))
        elif self.look:
            found.append(_ENTRIES.c.kind.in_(_kinds(self.look)))
        if self.since is not None:
            found.append(_ENTRIES.c.recorded_at >= _midnight(self.since))
        if self.until is not None:
            found.append(_ENTRIES.c.recorded_at < _midnight(self.until + timedelta(days=1)))
        return found

    def as_json(self) -> dict[str, Any]:
        """As a file says what it was asked for."""
        return {
            "class": self.look or None,
            "department": self.department or None,
            "since": self.since.isoformat() if self.since else None,
            "until": self.until.isoformat() if self.until else None,
        }


EVERYTHING: Final = Wanted()


def _kinds(*looks: str) -> list[str]:
    plain = [kind for kind, (look, _) in KINDS.items() if look in looks]
    return plain + [SANDBOX + kind for kind in plain]


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), BEIJING).astimezone(UTC)
