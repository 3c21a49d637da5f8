"""Errors of the licence rules.

    CertificateError
    ├── NumberingError             an identifier breaks GB/T 36904
    │   └── VersionExhaustedError  version 999 has no successor: take a new serial
    ├── TypeDefinitionError        the description of a certificate type contradicts itself
    ├── ClaimsError                claims do not fit their type
    ├── TransitionError            the life cycle does not allow this step
    ├── GrantedClaimsError         a purpose copy would carry what the licence does not show
    └── TrustPackError             a trust pack is not one, or nobody vouches for it

Errors carry reason codes and names of claims, never the values of a person's record.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from certificates.claims import ClaimProblem


class CertificateError(Exception):
    """Root of everything the licence rules refuse."""


class NumberingError(CertificateError):
    """A text is no GB/T 36904 identifier; `reason` names the faulty part."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"certificate identifier refused: {reason}")
        self.reason = reason


class VersionExhaustedError(NumberingError):
    """The three digits of the version are used up; the next certificate needs a new serial."""

    def __init__(self) -> None:
        super().__init__("version_exhausted")


class TypeDefinitionError(CertificateError):
    """A certificate type's description is faulty: `where` is a path in it, `reason` the broken rule."""

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(f"certificate type refused at {where or 'the top'}: {reason}")
        self.where = where
        self.reason = reason


class ClaimsError(CertificateError):
    """Claims do not fit their type; `problems` names each claim and the rule it breaks."""

    def __init__(self, problems: "Sequence[ClaimProblem]") -> None:
        super().__init__("claims refused: " + ", ".join(f"{problem.claim} ({problem.rule})" for problem in problems))
        self.problems = tuple(problems)


class TransitionError(CertificateError):
    """The life cycle has no such step; nothing changes."""

    def __init__(self, status: str, operation: str) -> None:
        super().__init__(f"a {status} certificate cannot be changed by {operation}")
        self.status = status
        self.operation = operation


class GrantedClaimsError(CertificateError):
    """A purpose copy was asked for claims that the licence does not hold; `claims` names them."""

    def __init__(self, claims: Sequence[str]) -> None:
        super().__init__("not in the licence: " + ", ".join(claims))
        self.claims = tuple(claims)


class TrustPackError(CertificateError):
    """A trust pack cannot be used; `reason` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"trust pack refused: {reason}")
        self.reason = reason
