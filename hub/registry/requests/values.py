"""A request for access 授权申请 as values: what is asked, its states, its clock, and what may follow what."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from catalog.clocks import Limit
from catalog.grants import CaseKind, ResourceKind


class State(StrEnum):
    """Where a request stands. `more_asked` waits for the asker, `submitted` for the owner; the others are over."""

    SUBMITTED = "submitted"
    MORE_ASKED = "more_asked"
    GRANTED = "granted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"


class Step(StrEnum):
    """What somebody does with a request."""

    FILE = "file"
    ASK_MORE = "ask_more"
    SUPPLY = "supply"
    EXTEND = "extend"
    APPROVE = "approve"
    REFUSE = "refuse"
    WITHDRAW = "withdraw"
    LAPSE = "lapse"
    REOPEN = "reopen"


TRANSITIONS: Final[Mapping[tuple[State | None, Step], State]] = MappingProxyType(
    {
        (None, Step.FILE): State.SUBMITTED,
        (State.SUBMITTED, Step.ASK_MORE): State.MORE_ASKED,
        (State.MORE_ASKED, Step.SUPPLY): State.SUBMITTED,
        (State.SUBMITTED, Step.EXTEND): State.SUBMITTED,
        (State.SUBMITTED, Step.APPROVE): State.GRANTED,
        (State.SUBMITTED, Step.REFUSE): State.REFUSED,
        (State.SUBMITTED, Step.WITHDRAW): State.WITHDRAWN,
        (State.MORE_ASKED, Step.WITHDRAW): State.WITHDRAWN,
        (State.MORE_ASKED, Step.LAPSE): State.LAPSED,
        # A dispute was settled or decided for the asker: the owner answers once more.
        (State.REFUSED, Step.REOPEN): State.SUBMITTED,
        (State.GRANTED, Step.REOPEN): State.SUBMITTED,
    }
)
"""The one transition table."""

OPEN: Final = (State.SUBMITTED, State.MORE_ASKED)


@dataclass(frozen=True, slots=True)
class Filing:
    """What is asked, and why. Members that were left out are empty or None: `requests_check` names them all at once."""

    system: str
    resource_kind: ResourceKind
    resource: str
    fields: tuple[str, ...]
    matters: tuple[str, ...]
    purpose: str
    legal_basis: str
    scene: str
    """使用场景: the step of which service in which the data is used."""
    kind: CaseKind
    quota_per_day: int | None
    valid_from: datetime | None
    valid_until: datetime | None
    corroboration: tuple[str, ...]
    officers: tuple[str, ...]
    contact: str
    bulk_subjects: int | None = None
    """The most subjects of one bulk run; None asks for no bulk."""

    @property
    def word(self) -> str:
        """What definitions call the resource: `type` or `interface`."""
        return "type" if self.resource_kind is ResourceKind.CERTIFICATE_TYPE else "interface"

    def as_json(self) -> dict[str, Any]:
        """The stored form, as `requests_reading.read_filing` reads it."""
        bulk = {} if self.bulk_subjects is None else {"bulk": True, "bulk_subjects": self.bulk_subjects}
        return bulk | {
            "system": self.system,
            self.word: self.resource,
            "fields": list(self.fields),
            "matters": list(self.matters),
            "purpose": self.purpose,
            "legal_basis": self.legal_basis,
            "scene": self.scene,
            "kind": self.kind.value,
            "quota_per_day": self.quota_per_day,
            "valid_from": self.valid_from.isoformat() if self.valid_from else None,
            "valid_until": self.valid_until.isoformat() if self.valid_until else None,
            "corroboration": list(self.corroboration),
            "officers": list(self.officers),
            "contact": self.contact,
        }


@dataclass(frozen=True, slots=True)
class Clock:
    """A running time limit: so many working days after the day of `start`.

    `left`: the days that the owner still had when this clock of the asker began.
    """

    limit: Limit
    start: datetime
    days: int
    left: int | None = None

    def as_json(self) -> dict[str, Any]:
        """The stored form."""
        return {"limit": self.limit.value, "start": self.start.isoformat(), "days": self.days, "left": self.left}


def read_clock(value: Mapping[str, Any]) -> Clock:
    """A stored clock."""
    return Clock(Limit(value["limit"]), datetime.fromisoformat(value["start"]), value["days"], value["left"])


@dataclass(frozen=True, slots=True)
class GrantRequest:
    """A request as stored."""

    id: str
    owner_department_id: str
    asking_department_id: str
    system_id: str
    filing: Filing
    state: State
    row_version: int
    asked_by: Mapping[str, str]
    """Who filed it: kind and id of an actor."""
    filed_at: datetime
    clock: Clock
    due_at: datetime | None
    """None when nobody's clock runs."""
    due_assumed: bool
    asks: int
    extensions: int
    decision: Mapping[str, Any]
    grant_id: str | None
    changed_at: datetime
    owner_code: str = ""
    asking_code: str = ""


@dataclass(frozen=True, slots=True)
class StepTaken:
    """One line of a request's history."""

    step: str
    state: str
    actor: Mapping[str, str]
    reason: str
    detail: Mapping[str, Any]
    at: datetime
    ledger_entry_id: str
