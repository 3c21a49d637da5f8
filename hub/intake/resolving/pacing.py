"""What goes first in a pull, and how long it may take."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from hub.intake.calls import Waiting
from hub.intake.outcomes import Outcome, Why
from hub.intake.resolver import Open, Resolution

MOMENT: Final = 0.004
"""Seconds that it takes to send a handful of questions."""


def behind(
    found: Mapping[str, Sequence[Resolution | Open | Waiting]], after: Mapping[str, frozenset[str]]
) -> frozenset[str]:
    """What no other waits for, while others wait for a source: it goes second, so that neither its question nor its
    answer holds up those that the pull takes as long as.
    """
    asking = {code for code, items in found.items() if any(isinstance(item, Open) for item in items)}
    awaited = {code for one in found for code in after.get(one, frozenset())}
    return frozenset(asking - awaited if asking & awaited else ())


class Late:
    """A source that did not answer in time."""

    outcome = Outcome.SOURCE_UNAVAILABLE
    records: tuple[Mapping[str, Any], ...] = ()
    obtained_at = None
    as_of = None
    marks: tuple[str, ...] = ()

    def __init__(self, why: Why) -> None:
        self.why = why
