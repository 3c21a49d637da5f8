"""A delegation as it is written, and whether it may be: each fault by its place."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

from sqlalchemy import Connection, select

from catalog.errors import IdentifierError
from catalog.identifiers import CITIZEN_ID, check, normalise_id
from catalog.tables import MatterRow, table
from certificates.profile import CIVIL_ZONE
from hub.citizens.acting.errors import DelegationError
from hub.citizens.acting.values import DELEGABLE, Scope
from hub.citizens.values import Identity
from hub.intake.families.tables import LifeEventRow

MOST_REASON: Final = 200
MOST_MATTERS: Final = 50
GIVEN_PER_MINUTE: Final = 6
"""Of one person: each says whether a number and a name belong together."""
_MATTERS: Final = table(MatterRow)
_EVENTS: Final = table(LifeEventRow)


@dataclass(frozen=True, slots=True)
class Proposed:
    """A delegation as it is written. `matters` None: all; they count for filing and for showing."""

    id_number: str = field(repr=False)
    name: str = field(repr=False)
    scope: frozenset[Scope]
    matters: frozenset[str] | None
    until: date
    reason: str = field(repr=False)


def day_of(text: str) -> date:
    """A day as 2026-01-31. Raises: DelegationError."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise DelegationError("kind", "/until") from None


def checked(proposed: Proposed, now: datetime) -> Identity:
    """To whom, with a number that can be one; the rest of it can be kept. Raises: DelegationError."""
    today = now.astimezone(CIVIL_ZONE).date()
    number = normalise_id(CITIZEN_ID, proposed.id_number[:100]).value
    try:
        check(CITIZEN_ID, number)
    except IdentifierError as error:
        raise DelegationError(error.reason, "/to/id_number") from error
    if not proposed.name.strip():
        raise DelegationError("missing", "/to/name")
    if not proposed.scope:
        raise DelegationError("missing", "/scope")
    if not proposed.scope <= DELEGABLE:
        raise DelegationError("not_delegable", "/scope")
    if Scope.OPEN in proposed.scope and Scope.LICENCES not in proposed.scope:
        raise DelegationError("without_list", "/scope")
    if proposed.matters is not None and not proposed.matters:
        raise DelegationError("missing", "/matters")
    if proposed.matters is not None and len(proposed.matters) > MOST_MATTERS:
        raise DelegationError("too_many", "/matters")
    if not today <= proposed.until <= _a_year_after(today):
        raise DelegationError("out_of_range", "/until")
    if not 0 < len(proposed.reason.strip()) <= MOST_REASON:
        raise DelegationError("missing" if not proposed.reason.strip() else "too_long", "/reason")
    return Identity(CITIZEN_ID, number, proposed.name.strip()[:100])


def _a_year_after(day: date) -> date:
    try:
        return day.replace(year=day.year + 1)
    except ValueError:  # 29 February
        return day.replace(year=day.year + 1, day=28)


def check_matters(tx: Connection, codes: frozenset[str] | None) -> None:
    """Refuse codes that no matter and no life event has. Raises: DelegationError."""
    if not codes:
        return
    known = set(tx.execute(select(_MATTERS.c.code).where(_MATTERS.c.code.in_(codes))).scalars())
    known |= set(tx.execute(select(_EVENTS.c.code).where(_EVENTS.c.code.in_(codes))).scalars())
    if codes - known:
        raise DelegationError("unknown_matter", "/matters")
