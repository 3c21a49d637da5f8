"""Why a request for access, a dispute or a proposal does not go on.

RequestError
├── IncompleteError     faults, all of them at once
├── StepError           not what may follow now; somebody may have been faster
├── OwnRequestError     somebody who asked may not decide
└── ProposalError
    ├── SamePersonError   whoever proposed may not confirm
    │   └── SameHandError nor by an account that he may have opened himself
    ├── NoSecondPersonError there is nobody who could confirm
    └── ProposalOverError confirmed, rejected or expired already
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong and where, as a code, a JSON pointer into the definition, and words in both languages."""

    code: str
    pointer: str
    zh: str
    en: str
    params: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """As problem documents and `--json` show it. `rule` is the code, as in every other problem."""
        return {"pointer": self.pointer, "rule": self.code, "zh": self.zh, "en": self.en, "params": dict(self.params)}


class RequestError(Exception):
    """Root of this file."""


class IncompleteError(RequestError):
    """Everything that is missing or wrong; nothing was stored."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(f"{fault.pointer} {fault.code}" for fault in faults))
        self.faults = tuple(faults)


class StepError(RequestError):
    """`step` may not follow in `state`; `why` is a code."""

    def __init__(self, step: str, state: str, why: str = "not_in_this_state") -> None:
        super().__init__(f"{step} in state {state}: {why}")
        self.step = step
        self.state = state
        self.why = why


class OwnRequestError(RequestError):
    """The person who asked does not decide, even in his own department."""


class ProposalError(RequestError):
    """Root of the errors of proposals."""


class NoSecondPersonError(ProposalError):
    """The department has no other approver: nothing is kept waiting for nobody."""

    def __init__(self) -> None:
        super().__init__("the department has no second approver; the operator appoints one")


class SamePersonError(ProposalError):
    """A second person confirms."""


class SameHandError(SamePersonError):
    """A link of one of the two operators opened the other's account, or one link-maker opened both: a new link for the
    confirmer, by the command line or by two others, makes him somebody else.
    """


class ProposalOverError(ProposalError):
    """`state` is what became of it."""

    def __init__(self, state: str) -> None:
        super().__init__(f"the proposal is {state}")
        self.state = state
