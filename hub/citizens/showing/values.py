"""What is shown, by whom it is taken, and what everybody is told of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

from hub.access.service import Caller
from hub.citizens.presentation_store import Department
from hub.citizens.showing.behalf import Behalf

WITHDRAWN: Final = "withdrawn"
OFFLINE: Final = "offline"
MOST_LICENCES: Final = 10
MOST_WORDS: Final = 60
"""Characters of a purpose, and of what somebody calls himself."""


@dataclass(frozen=True, slots=True)
class Pick:
    """One licence, and the names of the claims of it that are shown. None of them: that it is in force, and no more."""

    identifier: str
    claims: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """What a holder shows. `department`: the only one that may take it, by its code; None: whoever scans it."""

    picks: Sequence[Pick]
    department: str | None = None
    purpose: str = ""


@dataclass(frozen=True, slots=True)
class Showing:
    """A showing as its holder is told of it; the code is not here.

    Attributes:
        taken_as: `staff`, `system` or `public`; `taken_by` is the department of the first two.
        called: what somebody at the public page called himself; nobody has checked it.
        picks: empty for one that ended unused.
        asked: it answers a request, and waits for whoever asked.
        behalf: who shows it for whom, where that is somebody else. `mine`: whoever looks at it made it.
    """

    id: str
    subject_id: str
    state: str
    made_at: datetime
    expires_at: datetime
    made_for: Department | None
    ended_at: datetime | None
    taken_as: str | None
    taken_by: Department | None
    refused_at: datetime | None
    refused_by: Department | None
    picks: tuple[Pick, ...] = ()
    purpose: str = ""
    called: str = field(default="", repr=False)
    asked: bool = False
    behalf: Behalf | None = field(default=None, repr=False)
    mine: bool = True


@dataclass(frozen=True, slots=True)
class Live:
    """A live one, with the digits of its code."""

    showing: Showing
    code: str = field(repr=False)
    seconds_left: int


@dataclass(frozen=True, slots=True)
class OfflineLive:
    """An offline code that has not ended, signed: whoever sees it can check it, and the hub does not learn who."""

    showing: Showing
    code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Receiver:
    """Who takes a showing.

    Attributes:
        by: as a ledger entry names him.
        called: what somebody at the public page calls himself.
        system: a system gets copies bound to its key; a page shows what it shows.
    """

    kind: Literal["staff", "system", "public"]
    by: Mapping[str, str]
    department_id: str | None = None
    called: str = field(default="", repr=False)
    system: Caller | None = None

    @property
    def audience(self) -> str:
        """For whom it is, in what the ledger commits to."""
        return self.system.client_id if self.system else f"{self.kind}:{self.department_id or ''}"


@dataclass(frozen=True, slots=True)
class Received:
    """One licence as its receiver sees it: the verdict first. `claims` is empty unless it passed.

    Attributes:
        type: the type as it was when the licence was issued; `claims` in its order.
        copy: of systems, the purpose copy, signed.
    """

    licence: Mapping[str, Any] = field(repr=False)
    verdict: Mapping[str, Any]
    claims: Mapping[str, Any] = field(repr=False)
    titles: Mapping[str, tuple[str, str]]
    copy: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Taken:
    """What a receiver gets, once. `entry`: of the ledger, which commits to it. `behalf`: who showed it for whom."""

    showing_id: str
    at: datetime
    purpose: str
    items: Sequence[Received]
    entry: str
    behalf: Behalf | None = None


class ChoiceError(Exception):
    """What was picked cannot be shown: `why` is "none", "too_many", "twice", "state", "custody", "halted", "claim",
    "purpose"; of an answer "needed" or "not_asked"; of an offline code "room" or "life". `place` which pick, `claim`
    which of its claims, both from 0.
    """

    def __init__(self, why: str, place: int | None = None, claim: int | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.place = place
        self.claim = claim
