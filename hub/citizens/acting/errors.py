"""Errors of acting for somebody else.

ActingError
├── NoLongerActsError   was there when he began, and is no more
├── ScopeError          may act, and not do this
└── DelegationError     what was written into a delegation is not acceptable
"""

from hub.citizens.errors import CitizenError


class ActingError(CitizenError):
    """Base of errors around acting for somebody else."""


class NoLongerActsError(ActingError):
    """He had begun to act for somebody, and the ground is gone: another licence, a birthday, a withdrawal, a day."""


class ScopeError(ActingError):
    """He may act for the principal, and not do this."""


class DelegationError(ActingError):
    """`pointer` names the member, `rule` what is wrong with it."""

    def __init__(self, rule: str, pointer: str) -> None:
        super().__init__(f"{pointer}: {rule}")
        self.rule = rule
        self.pointer = pointer
