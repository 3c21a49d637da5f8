"""Errors of the licence rules.

    CertificateError
    ├── NumberingError             an identifier breaks GB/T 36904
    │   └── VersionExhaustedError  version 999 has no successor: take a new serial
    ├── TypeDefinitionError        the description of a certificate type contradicts itself
    ├── TypeChangeError            what was meant as a type's next version is a type of its own
    ├── TypeRetiredError           nothing is issued under a retired type
    ├── ClaimsError                claims do not fit their type
    ├── TransitionError            the life cycle does not allow this step
    ├── TypeHaltedError            the type is stopped: nothing of it is issued or disclosed
    ├── ActError                   an act lacks what its operation needs, or is not for whoever does it
    ├── GrantedClaimsError         a purpose copy would carry what the licence does not show
    ├── TrustPackError             a trust pack is not one, or nobody vouches for it
    ├── ArchiveError               an archive cannot be read or written
    ├── ProofRefusedError          a proof beside a licence does not hold, or is of another
    └── RenderingError             a face cannot be set
        └── TemplateError          its template is faulty

Errors carry reason codes and names of claims, never the values of a person's record.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from certificates.claims import ClaimProblem
    from certificates.definitions.obstacles import Obstacle


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


class TypeChangeError(CertificateError):
    """A description cannot be the next version of its type; `obstacles` names every reason."""

    def __init__(self, obstacles: "Sequence[Obstacle]") -> None:
        super().__init__("no next version: " + ", ".join(f"{item.where} ({item.reason})" for item in obstacles))
        self.obstacles = tuple(obstacles)


class TypeRetiredError(CertificateError):
    """The type is retired: its licences stay as they are, and no new one is issued."""

    def __init__(self, code: str) -> None:
        super().__init__(f"the type {code} is retired")
        self.code = code


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


class TypeHaltedError(CertificateError):
    """Somebody has stopped this type; it goes on when two persons say so."""

    def __init__(self, type_code: str) -> None:
        super().__init__(f"certificate type {type_code} is stopped")
        self.type_code = type_code


class ActError(CertificateError):
    """An act on a certificate cannot be taken as it is: `where` names the member, `rule` what it breaks."""

    def __init__(self, where: str, rule: str) -> None:
        super().__init__(f"the act is refused: {where} ({rule})")
        self.where = where
        self.rule = rule


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


class ArchiveError(CertificateError):
    """An archive cannot be read or written; `files` are the names concerned."""

    def __init__(self, reason: str, *files: str) -> None:
        super().__init__(f"archive refused: {reason} {' '.join(files)}".rstrip())
        self.reason = reason
        self.files = files


class ProofRefusedError(CertificateError):
    """What came along as proof of a licence's time proves nothing; `reason` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"proof refused: {reason}")
        self.reason = reason


class RenderingError(CertificateError):
    """A face cannot be set; `reason` says why. `characters` are those that no font draws, for the operator alone: they
    come from a person's data.
    """

    def __init__(self, reason: str, *, characters: Sequence[str] = ()) -> None:
        super().__init__(f"face not set: {reason}")
        self.reason = reason
        self.characters = tuple(characters)


@dataclass(frozen=True, slots=True)
class TemplateProblem:
    """Why a template cannot be set. Lines and columns count from 1, in the template's own text."""

    message: str
    line: int | None = None
    column: int | None = None
    hint: str | None = None

    def as_json(self) -> dict[str, Any]:
        """As problem documents tell a fault."""
        place = {"line": self.line, "column": self.column, "hint": self.hint}
        told = {name: value for name, value in place.items() if value is not None}
        return {"pointer": "/template", "rule": self.message, "params": told}


class TemplateError(RenderingError):
    """A face's template is faulty; `problems` say where."""

    def __init__(self, problems: Sequence[TemplateProblem]) -> None:
        super().__init__("template")
        self.problems = tuple(problems)
