"""Why a step in the catalogue is refused although its definition could be read.

RegistryError
├── StateError        the object is not in a state from which this step goes
├── NotReadyError     something that must come before publishing is missing or failed; all of it is named
├── NoticeError       a deprecated version must go on answering for longer
└── TwoPersonsError   whoever wrote it cannot also approve it
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime


class RegistryError(Exception):
    """Root of the registry's refusals."""


class StateError(RegistryError):
    """`state` is where it stands, `wanted` where it was to go."""

    def __init__(self, state: str, wanted: str) -> None:
        super().__init__(f"not from {state} to {wanted}")
        self.state = state
        self.wanted = wanted


@dataclass(frozen=True, slots=True)
class Lack:
    """What is missing: a JSON pointer into the definition or the name of a step, and a rule. Never a value."""

    pointer: str
    rule: str


class NotReadyError(RegistryError):
    """Not to be published yet. `lacks` names everything at once."""

    def __init__(self, lacks: Iterable[Lack]) -> None:
        self.lacks = tuple(lacks)
        super().__init__("; ".join(f"{lack.pointer}: {lack.rule}" for lack in self.lacks))


class NoticeError(RegistryError):
    """Consumers need time to move: it may not end before `earliest`."""

    def __init__(self, earliest: datetime) -> None:
        super().__init__(f"it must answer until {earliest.isoformat()} at least")
        self.earliest = earliest


class TwoPersonsError(RegistryError):
    """Writing and approving take two people of the department."""

    def __init__(self) -> None:
        super().__init__("whoever wrote it cannot approve it")
