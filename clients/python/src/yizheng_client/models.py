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
"""Outcomes that prove, or rule out, what was wanted."""
OWED: Final = frozenset({Outcome.SOURCE_UNAVAILABLE})
"""Outcomes that a department or the hub owes: it comes later, and is never asked of the person."""
NOT_ASKED: Final = CLEARED | OWED | {Outcome.PENDING}
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
    """A copy. `claims` were read from under its signature; `token` is what to file with the case.

    `kind` says what it is of: `purpose_copy` of a licence, which `certificate` describes; `data_copy` of what a
    department's system said, through `interface`; `stand_in_copy` of what `stand_in` says, for want of a record. The
    other two of these three are empty.
    """

    format: str
    token: str = field(repr=False)
    claims: Mapping[str, Any] = field(repr=False)
    source: Mapping[str, Any]
    certificate: Mapping[str, Any] = field(repr=False)
    expires_at: datetime
    kind: str = "purpose_copy"
    interface: Mapping[str, Any] = field(default_factory=dict)
    stand_in: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CaseEvent:
    """Something that happened in a case, as webhooks tell it: no person and no value. `evidence` is where to fetch."""

    number: int
    event: str
    time: datetime
    code: str | None
    party: str | None
    material: str | None
    evidence: str | None

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Self:
        """From JSON."""
        names = ("code", "party", "material", "evidence")
        return cls(
            int(given["number"]), text(given, "event"), instant(given, "time"), *(given.get(name) for name in names)
        )


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
    question: Mapping[str, Any] | None = None
    """What would make an ambiguous answer a clear one: `choose` among its `choices`, or answer the `facts` it names."""
    material: str | None = None
    """The system's own code for it."""


@dataclass(frozen=True, slots=True)
class EvidenceAnswer:
    """The answer to a request for evidence. `still_needed` and `owed` follow from the signed outcomes."""

    evidence_request_id: str
    case_no: str
    requirements: tuple[RequirementAnswer, ...]
    audience: str
    request_hash: str
    raw: bytes = field(repr=False)

    @property
    def still_needed(self) -> tuple[str, ...]:
        """Codes of what has to be asked of the person, each once; of which party, `requirements` says."""
        return tuple(dict.fromkeys(item.code for item in self.requirements if item.outcome not in NOT_ASKED))

    @property
    def owed(self) -> tuple[str, ...]:
        """Codes of what is owed to the case: accept it without; `Client.close_case` says what becomes of it."""
        return tuple(item.code for item in self.requirements if item.outcome in OWED)

    @property
    def waiting(self) -> tuple[str, ...]:
        """Codes of what an officer was asked, and has promised an answer to: accept without, and ask again later."""
        return tuple(item.code for item in self.requirements if item.outcome == Outcome.PENDING)


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
