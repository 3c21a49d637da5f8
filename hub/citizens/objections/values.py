"""What somebody may object to, and what becomes of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from hub.access.actors import Role
from hub.registry.meanings import Words

TEXT_MOST: Final = 1000
RUNNING_MOST: Final = 20
"""Of one person at a time: each costs an officer an hour."""


class Kind(StrEnum):
    """What it is about."""

    LICENCE = "licence"
    CLAIM = "claim"
    NOT_LOADING = "not_loading"
    MISSING = "missing"
    FIELD = "field"
    """A value that a department gave by an interface, in a look that the person sees."""
    ACCESS = "access"
    """A look at his data that the person does not know: a question, and no data are disputed by it."""
    RATING = "rating"
    """The hub's own, for a bad rating: nobody raises it by hand."""


class State(StrEnum):
    """Where it stands. It ends once."""

    RUNNING = "running"
    CORRECTED = "corrected"
    REFUSED = "refused"
    UPHELD = "upheld"
    """By a superior: the department is to correct it, which is a running one of its own."""
    ANSWERED = "answered"
    WITHDRAWN = "withdrawn"
    ERASED = "erased"


OF_LICENCE: Final = frozenset({Kind.LICENCE, Kind.CLAIM, Kind.NOT_LOADING})
"""Kinds that mark a licence as disputed while they run."""
OF_DATA: Final = OF_LICENCE | {Kind.MISSING, Kind.FIELD}
REVIEW: Final = "review:"
"""What the key of a target begins with that is an objection which was refused."""
ORDERED: Final = "ordered:"
"""What the key of a target begins with that is a review which a superior upheld."""
LINE: Final = "\n——\n"
"""Between what was said one after the other."""
OVER_BY_ANSWER: Final = frozenset({State.CORRECTED, State.REFUSED, State.UPHELD, State.ANSWERED})


def results(kind: Kind, key: str, department_id: str | None) -> tuple[State, ...]:
    """How it may be answered. `key`: of its target; `department_id`: who answers.

    A superior does not correct himself what is another's: he upholds, or refuses. What he upheld can only be corrected.
    """
    if kind not in OF_DATA:
        return (State.ANSWERED,)
    if key.startswith(ORDERED):
        return (State.CORRECTED,)
    if key.startswith(REVIEW) and department_id is not None:
        return (State.UPHELD, State.REFUSED)
    return (State.CORRECTED, State.REFUSED)


def answerers(kind: Kind) -> tuple[Role, ...]:
    """Who answers in the department: its officers for data, its supervisors for what its staff did."""
    return (Role.OWNER_ENGINEER, Role.OWNER_APPROVER) if kind in OF_DATA else (Role.OWNER_APPROVER, Role.DECIDER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a person says. Which members are wanted goes by the kind.

    Attributes:
        identifier: of his licence. `claim`: the name of one of its claims.
        type_code, department: what is missing, and whose it would be; code of a type, code of a department.
        entry: id of the entry of the ledger that he does not know, or in which a wrong value was given; of this `claim`
            is then the field, or `interface/field`.
        scan: a file as it came, not checked yet.
    """

    kind: Kind
    text: str = field(repr=False)
    identifier: str = ""
    claim: str = ""
    type_code: str = ""
    department: str = ""
    entry: str = ""
    scan: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Target:
    """What it is about, looked up. `department_id` None: the operator of the hub answers.

    Attributes:
        key: names what it is about among one person's: there is one that runs for each.
        what: the kind of licence, or what was done. `part`: the claim.
        by: the id of the member of staff who did it, who does not answer for himself.
        shared: of a value that an interface gave: `interface`, `field`, and `entry`, the look in which it was.
        asked: what a counter asked to have put right, in its own words: then one runs for each of these, not of `key`.
    """

    department_id: str | None
    key: str
    what: Words
    part: Words = ("", "")
    certificate_id: str | None = None
    identifier: str = ""
    by: str = ""
    shared: Mapping[str, str] = field(default_factory=dict)
    asked: str = field(repr=False, default="")


@dataclass(frozen=True, slots=True)
class Answer:
    """What whoever answers says. `next`: where a person goes who is refused and does not agree."""

    result: str
    reason: str = field(repr=False)
    next: str = ""


@dataclass(frozen=True, slots=True)
class Objection:
    """A stored one."""

    id: str
    subject_id: str
    kind: Kind
    department_id: str | None
    certificate_id: str | None
    state: State
    channel: str
    content: bytes = field(repr=False)
    answer: bytes | None = field(repr=False)
    token: bytes | None = field(repr=False)
    signed_by: str | None
    raised_at: datetime
    due_at: datetime
    ended_at: datetime | None
    seen_at: datetime | None
    row_version: int
    mac: bytes = field(repr=False)
    department: Mapping[str, str]
    """Its code, zh and en; empty for the operator."""
    data_key: bytes = field(repr=False)
    kek_kid: str


@dataclass(frozen=True, slots=True)
class Told:
    """One as it is shown to its holder, and to whoever answers it. `file` is the kind of the scan, if there is one."""

    id: str
    kind: Kind
    state: State
    channel: str
    what: Words
    part: Words
    identifier: str
    text: str = field(repr=False)
    file: str
    department: Mapping[str, str]
    raised_at: datetime
    due_at: datetime
    overdue: bool
    ended_at: datetime | None
    unseen: bool
    review: bool = False
    """Whether it is a second look at one that was refused: by the department's superior, or by the operator."""
    ordered: bool = False
    """Whether a superior has said that it is to be corrected."""
    results: tuple[State, ...] = ()
    scan: str = ""
    """Whose scan it is that came with it: its own id, or of the first of those that belong together."""
    answer: Mapping[str, Any] = field(repr=False, default_factory=dict)


@dataclass(frozen=True, slots=True)
class Page:
    """Some of a person's, and behind which id the next go on."""

    items: Sequence[Told]
    behind: str | None
