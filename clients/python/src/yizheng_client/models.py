"""What goes in and what comes out, as frozen values.

The hub's contract is additive: members unknown here are passed over, and words such as outcomes are text, compared with
the constants of `Outcome`. No `repr` shows a name, a number or a record.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Self

from yizheng_client.errors import ConfigurationError, VerificationError


class Outcome(StrEnum):
    """Answers that must never be mixed up: none, unknown and could not ask are three."""

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
"""Outcomes after which nothing is asked of the person."""


@dataclass(frozen=True, slots=True)
class Party:
    """A party of a case by role; a person without an ID has neither type nor number."""

    role: str
    name: str = field(repr=False)
    id_type: str | None = None
    id_number: str | None = field(default=None, repr=False)

    def as_json(self) -> dict[str, Any]:
        """As the API wants it."""
        number = {} if self.id_number is None else {"id_type": self.id_type, "id_number": self.id_number}
        return {"role": self.role, "name": self.name, **number}


@dataclass(frozen=True, slots=True)
class Operator:
    """The officer who handles the case."""

    id: str = field(repr=False)
    name: str = field(repr=False)

    def as_json(self) -> dict[str, str]:
        """As the API wants it."""
        return {"id": self.id, "name": self.name}


@dataclass(frozen=True, slots=True)
class Subject:
    """What a case is about: a project, a property unit, a vehicle."""

    kind: str
    code: str = field(repr=False)

    def as_json(self) -> dict[str, str]:
        """As the API wants it."""
        return {"kind": self.kind, "code": self.code}


@dataclass(frozen=True, slots=True)
class Corroboration:
    """What shows that a case is real. `at` has a time zone."""

    kind: str
    at: datetime
    reference: str = field(repr=False)

    def __post_init__(self) -> None:
        if self.at.tzinfo is None:
            raise ConfigurationError("the time of a corroboration needs a time zone")

    def as_json(self) -> dict[str, str]:
        """As the API wants it."""
        return {"kind": self.kind, "at": self.at.isoformat(), "reference": self.reference}


@dataclass(frozen=True, slots=True)
class Case:
    """A case as its own system sees it."""

    case_no: str
    external_no: str
    matter: str
    kind: str
    state: str
    opened_at: datetime
    closed_at: datetime | None

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Self:
        """From JSON."""
        return cls(
            case_no=text(given, "case_no"),
            external_no=text(given, "external_no"),
            matter=text(given, "matter"),
            kind=text(given, "kind"),
            state=text(given, "state"),
            opened_at=instant(given, "opened_at"),
            closed_at=instant(given, "closed_at") if given.get("closed_at") else None,
        )


@dataclass(frozen=True, slots=True)
class Why:
    """The reason of an outcome: a stable code, and words in the language asked for."""

    code: str
    text: str
    params: Mapping[str, Any]

    @classmethod
    def read(cls, given: Any) -> Self:
        """From JSON."""
        told = mapping(given)
        return cls(str(told.get("code", "")), str(told.get("text", "")), mapping(told.get("params")))


@dataclass(frozen=True, slots=True)
class Receipt:
    """The hub's signed promise that this answer is in its log. Keep `token`: a proof can be asked for at any time."""

    entry: str
    time: str
    log: str
    commitment: str
    issuer: str
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class QueryAnswer:
    """The answer of one source. Every member but `receipt` was read from under the hub's signature."""

    query_id: str
    case_no: str
    interface: str
    version: int
    outcome: str
    why: Why
    next_step: str | None
    records: Sequence[Mapping[str, Any]] = field(repr=False)
    grant: str
    source: Mapping[str, Any]
    obtained_at: datetime
    age_seconds: int
    cached: bool
    stale: bool
    audience: str
    request_hash: str
    receipt: Receipt
    raw: bytes = field(repr=False)
    """The answer as it came. File it: with the key set of its day, anyone can verify it."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A purpose copy. `claims` were read from under its signature; `token` is what to file with the case."""

    format: str
    token: str = field(repr=False)
    claims: Mapping[str, Any] = field(repr=False)
    source: Mapping[str, Any]
    certificate: Mapping[str, Any] = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class RequirementAnswer:
    """The answer to one requirement; its code, party and outcome were read from under the bundle's signature."""

    code: str
    party: str
    outcome: str
    title: str
    rung: str | None
    why: Why
    next_step: str | None
    evidence: tuple[Evidence, ...]
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class EvidenceAnswer:
    """The answer to a request for evidence. `still_needed` follows from the signed outcomes."""

    evidence_request_id: str
    case_no: str
    requirements: tuple[RequirementAnswer, ...]
    audience: str
    request_hash: str
    raw: bytes = field(repr=False)

    @property
    def still_needed(self) -> tuple[str, ...]:
        """Codes of what has to be asked of the person."""
        return tuple(item.code for item in self.requirements if item.outcome not in CLEARED)


def mapping(value: Any) -> dict[str, Any]:
    """An object as it is, anything else as an empty one: for what explains and decides nothing."""
    return dict(value) if isinstance(value, Mapping) else {}


def text(given: Mapping[str, Any], name: str) -> str:
    """A member that must be text. Raises: VerificationError."""
    value = given.get(name)
    if not isinstance(value, str):
        raise VerificationError(f"no_{name}")
    return value


def instant(given: Mapping[str, Any], name: str) -> datetime:
    """A member that must be an instant. Raises: VerificationError."""
    try:
        found = datetime.fromisoformat(text(given, name))
    except ValueError as error:
        raise VerificationError(f"no_{name}") from error
    if found.tzinfo is None:
        raise VerificationError(f"no_{name}")
    return found
