"""A demand 供需对接 as values: what is wanted, its states, and what may follow what."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from hub.registry.requests.errors import Fault, IncompleteError, StepError


class State(StrEnum):
    """Where a demand stands. `unassigned` waits for the operator, `assigned` for a department; the others are over."""

    UNASSIGNED = "unassigned"
    ASSIGNED = "assigned"
    PUBLISHED = "published"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class Step(StrEnum):
    """What somebody does with a demand."""

    FILE = "file"
    FILE_UNCLEAR = "file_unclear"
    """Filed, and nobody it could concern was found."""
    PUBLISH = "publish"
    FORWARD = "forward"
    """Not ours: on to the next candidate."""
    GIVE_UP = "give_up"
    """Not ours, and there is no further candidate."""
    REFUSE = "refuse"
    ASSIGN = "assign"
    WITHDRAW = "withdraw"


TRANSITIONS: Final[Mapping[tuple[State | None, Step], State]] = MappingProxyType(
    {
        (None, Step.FILE): State.ASSIGNED,
        (None, Step.FILE_UNCLEAR): State.UNASSIGNED,
        (State.ASSIGNED, Step.PUBLISH): State.PUBLISHED,
        (State.ASSIGNED, Step.FORWARD): State.ASSIGNED,
        (State.ASSIGNED, Step.GIVE_UP): State.UNASSIGNED,
        (State.ASSIGNED, Step.REFUSE): State.REFUSED,
        (State.ASSIGNED, Step.ASSIGN): State.ASSIGNED,
        (State.ASSIGNED, Step.WITHDRAW): State.WITHDRAWN,
        (State.UNASSIGNED, Step.ASSIGN): State.ASSIGNED,
        (State.UNASSIGNED, Step.REFUSE): State.REFUSED,
        (State.UNASSIGNED, Step.WITHDRAW): State.WITHDRAWN,
    }
)
"""The one transition table."""
OPEN: Final = (State.UNASSIGNED, State.ASSIGNED)
MAX_FIELDS: Final = 50
_LENGTHS: Final[Mapping[str, tuple[int, bool]]] = MappingProxyType(
    {
        "what": (200, True),
        "legal_basis": (500, True),
        "matter": (64, False),
        "contact": (200, True),
        "note": (2000, False),
    }
)
_LACKING: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "what": ("未写明需要什么数据", "say what is wanted"),
        "legal_basis": ("未写明使用依据", "no legal basis"),
        "contact": ("未写明联系部门和电话", "no office to write to"),
    }
)


@dataclass(frozen=True, slots=True)
class Demand:
    """A demand as stored."""

    id: str
    asking_department_id: str
    system_id: str | None
    owner_department_id: str | None
    state: State
    wanted: Mapping[str, Any]
    candidates: tuple[str, ...]
    answer: Mapping[str, Any]
    row_version: int
    filed_at: datetime
    due_at: datetime | None
    changed_at: datetime

    def after(self, step: Step) -> State:
        """The state that a step leads to. Raises: StepError."""
        found = TRANSITIONS.get((self.state, step))
        if found is None:
            raise StepError(step.value, self.state.value)
        return found


def read_wanted(definition: Mapping[str, Any]) -> dict[str, Any]:
    """What is wanted: `what`, `legal_basis`, `contact`; optionally `matter`, `fields`, `note`.

    Whether the matter exists is not checked. Raises: IncompleteError naming every fault at once.
    """
    faults: list[Fault] = [
        Fault("member_unknown", f"/{name}", "含有未定义的项", "a member that is not known")
        for name in sorted(definition.keys() - _LENGTHS.keys() - {"fields"})
    ]
    found: dict[str, Any] = {}
    for name, (length, required) in _LENGTHS.items():
        value = definition.get(name)
        if isinstance(value, str) and value.strip() and len(value) <= length:
            found[name] = value.strip()
        elif value not in (None, ""):
            faults.append(Fault("malformed", f"/{name}", "格式不对或过长", "not a text, or too long", {"most": length}))
        elif required:
            faults.append(Fault(f"{name}_missing", f"/{name}", *_LACKING[name]))
    fields = definition.get("fields", [])
    if not isinstance(fields, list) or len(fields) > MAX_FIELDS or not all(_is_name(item) for item in fields):
        faults.append(Fault("malformed", "/fields", "信息项应为名称列表", "a list of names", {"most": MAX_FIELDS}))
    else:
        found["fields"] = list(dict.fromkeys(item.strip() for item in fields))
    if faults:
        raise IncompleteError(faults)
    return found


def _is_name(item: object) -> bool:
    return isinstance(item, str) and 0 < len(item.strip()) <= 100
