"""The port of every kind of source: one question in, raw rows out. A hostile answer stops here.

An adapter is opened from a connection (data without secrets), prepares operations (data, checked once), and asks. It
knows no grant, no case, no mapping: rows leave as the source wrote them and are mapped and checked by the hub.

Every implementation promises, and `tests/adapters/contract.py` proves over real servers:
- parameters are bound, never spliced into a statement, a path, a header or a document;
- an answer ends within `Budget.total_seconds` and holds at most `max_bytes`, `max_rows`, `max_depth`, or is an error;
- cancelling `ask` frees its connection; errors are those of `adapters.errors`, and carry no value;
- secrets are fetched by reference at the moment of use and stand in no error, log line, `repr` or answer.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Protocol

from adapters.egress import Egress

Row = Mapping[str, Any]
"""One record as the source spells it: column or member name → JSON value. Dates and decimals arrive as text."""
Value = str | int | bool | None
SECRET_PREFIX: Final = "secret:"  # noqa: S105  # the scheme of a reference


class Secrets(Protocol):
    """Secrets of one source by name. Values can be used and replaced, never shown."""

    def secret(self, name: str) -> str:
        """The value. Raises DefinitionFaultError(`/secrets/<name>`, "missing")."""
        ...


@dataclass(frozen=True, slots=True)
class Budget:
    """How much one question may take. Declared per source, never above the operator's ceiling."""

    connect_seconds: float = 2.0
    read_seconds: float = 5.0
    total_seconds: float = 10.0
    max_bytes: int = 1_048_576
    max_rows: int = 100
    max_depth: int = 16


@dataclass(frozen=True, slots=True)
class Context:
    """Why a question is asked, for sources that want to be told (`additional` of the provincial gateway).

    Personal values stand in it: it is never logged.
    """

    case_no: str = ""
    matter: str = ""
    material: str = ""
    purpose: str = ""
    operator_id: str = ""
    applicant_name: str = field(default="", repr=False)
    applicant_code: str = field(default="", repr=False)


class Prepared(Protocol):
    """An operation that was checked; opaque, immutable, good for as long as its source is open."""

    @property
    def params(self) -> frozenset[str]:
        """Names of the parameters it takes; exactly these must be given."""
        ...

    @property
    def safe(self) -> bool:
        """Whether asking twice is the same as asking once."""
        ...


@dataclass(frozen=True, slots=True)
class RowFacts:
    """What a listing says of one row: when it stood so, and whether it is `gone`: then the row is its key alone."""

    as_of: datetime
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What a source said. `rows` is empty when it answered that there is none. `as_of`: when its data stood so.

    `facts`: one for each row, where the rows of a listing have dates of their own; otherwise none.
    """

    rows: Sequence[Row]
    as_of: datetime | None = None
    facts: Sequence[RowFacts] = ()


@dataclass(frozen=True, slots=True)
class Probe:
    """The health of a source: whether it answers, in how long, and otherwise why not."""

    ok: bool
    seconds: float
    code: str = ""


class Source(Protocol):
    """An opened source. Safe for concurrent questions of one event loop."""

    def prepare(self, operation: Mapping[str, Any]) -> Prepared:
        """Check an operation. Raises: DefinitionFaultError. Asks nothing."""
        ...

    async def ask(self, prepared: Prepared, params: Mapping[str, Value], *, budget: Budget, context: Context) -> Answer:
        """Ask once. Raises: SourceError and nothing else but cancellation."""
        ...

    async def probe(self, budget: Budget) -> Probe:
        """Reach the source as a question would, without naming a person. Never raises SourceError."""
        ...

    async def close(self) -> None:
        """Give connections back. Questions under way fail with UnreachableError(`closed`)."""
        ...


Lookup = Callable[[str, Mapping[str, Value], int], Awaitable[Answer]]
"""Rows that the hub itself keeps for a `push` source: dataset, key values, most rows → answer."""
Listing = Callable[[str, int, int, bool], Awaitable[Answer]]
"""The same rows, one after another: dataset, behind which number, most rows, those that are gone too → answer."""
Dispatch = Callable[[Mapping[str, Any], Mapping[str, Value], Budget, Context], Awaitable[Answer]]
"""A question carried to the agent beside the source: operation, parameters, budget, context → answer."""


@dataclass(frozen=True, slots=True)
class Environment:
    """What the opener hands to an adapter. Adapters read no clock, no setting and no environment of their own."""

    secrets: Secrets
    egress: Egress
    clock: Callable[[], datetime]
    folders: tuple[Path, ...] | None = None
    """Folders of this machine that sources may read; elsewhere a path counts only without links. None: anywhere."""
    lookup: Lookup | None = None
    listing: Listing | None = None
    dispatch: Dispatch | None = None
