"""The answers to a requirement, and reasons for them. Values only: everything else of the intake may import this."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Protocol


class Outcome(StrEnum):
    """The eleven answers, never mixed up."""

    SATISFIED = "satisfied"
    NOT_APPLICABLE = "not_applicable"
    DECLARED_NONE = "declared_none"
    NO_SOURCE = "no_source"
    SOURCE_UNAVAILABLE = "source_unavailable"
    NOT_GRANTED = "not_granted"
    IDENTITY_UNCONFIRMED = "identity_unconfirmed"
    AMBIGUOUS = "ambiguous"
    HOLDER_DECISION_NEEDED = "holder_decision_needed"
    PENDING = "pending"
    REFUSED = "refused"


CLEARED: Final = frozenset({Outcome.SATISFIED, Outcome.NOT_APPLICABLE, Outcome.DECLARED_NONE})
"""Outcomes after which the person is not asked for the paper."""

OWED: Final = frozenset({Outcome.SOURCE_UNAVAILABLE})
"""Outcomes that are a department's or the hub's own failing: a debt to the case, never asked of the person."""

ASKED: Final = frozenset(Outcome) - CLEARED - OWED - {Outcome.PENDING}
"""Outcomes after which the person is still asked for something."""


GIVEN: Final = "given"
"""What a holder decided of a grant that rests on his agreement; any other word of his is a no."""
SILENT: Final = "silent"
"""He was asked for one case, and had not answered when the time was over: no word of his, and nobody waits for one."""


@dataclass(frozen=True, slots=True)
class Why:
    """A reason as a code with parameters; its text is made per language."""

    code: str
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Failed:
    """Who did not give what there is: a department by its code, None for the hub itself; of which type, or by which
    interface.
    """

    department: str | None
    type_code: str
    interface: str = ""


Objection = tuple[Outcome, Why, Failed | None]
"""How one way of meeting a requirement failed."""


class Fetched(Protocol):
    """What a source said."""

    @property
    def outcome(self) -> Outcome:
        """Satisfied, or how the source failed."""
        ...

    @property
    def why(self) -> Why:
        """The reason, as a caller is told."""
        ...

    @property
    def records(self) -> tuple[Mapping[str, Any], ...]:
        """Wanted fields only; at least one record when satisfied."""
        ...

    @property
    def obtained_at(self) -> datetime | None:
        """When the source said so."""
        ...

    @property
    def as_of(self) -> datetime | None:
        """What the source says its data are of."""
        ...

    @property
    def marks(self) -> tuple[str, ...]:
        """By which its use is remembered, so that whoever used it can be told when it changes."""
        ...


def entry_kind(outcome: Outcome) -> str:
    """A disclosure, an answer that discloses no record, or a refusal."""
    if outcome is Outcome.SATISFIED:
        return "disclosure"
    return "answer" if outcome in CLEARED else "refusal"
