"""What one family of databases gives to kind `sql`: sessions that one thread uses and any thread may stop."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Protocol

from adapters.errors import SourceError
from adapters.sql_statement import Statement, Syntax

Rows = Generator[Sequence[Any], None, None]
"""Column names first, then rows, as they arrive."""
Bound = str | int | bool | Decimal | date | None
"""A value as it is bound: never text of a statement."""


@dataclass(frozen=True, slots=True)
class Opening:
    """The secrets of one connection attempt, fetched for it and dropped after it."""

    password: str = field(default="", repr=False)
    ca: str = field(default="", repr=False)
    client_cert: str = field(default="", repr=False)
    client_key: str = field(default="", repr=False)


@dataclass(slots=True)
class Progress:
    """How far a question is. `answering` is set by the session's thread when the database has begun to answer."""

    seconds: float
    max_bytes: int
    answering: bool = False


class Session(Protocol):
    """One connection. `rows`, `ping` and `close` run in one thread at a time; `cancel` and `abort` from another."""

    def rows(self, statement: Statement, values: Mapping[str, Bound], progress: Progress) -> Rows:
        """Ask. Raises what the driver raises, while it is iterated."""
        ...

    def ping(self, seconds: float) -> None:
        """Ask for nothing. `seconds` is how long whoever asks will wait. Raises what the driver raises."""
        ...

    def cancel(self) -> None:
        """Stop the running question at the server, waiting two seconds at most. Raises nothing."""
        ...

    def abort(self) -> None:
        """Cut the connection, so that whoever waits on it wakes up. Raises nothing."""
        ...

    def close(self) -> None:
        """Give the connection back. Raises nothing."""
        ...


class Dialect(Protocol):
    """A family of databases, bound to one connection definition."""

    @property
    def syntax(self) -> Syntax:
        """How statements are written."""
        ...

    @property
    def host(self) -> tuple[str, int] | None:
        """Host and port to resolve and check; None for a database without an address."""
        ...

    def opening(self) -> Opening:
        """Fetch the secrets. Raises: DefinitionFaultError."""
        ...

    def connect(self, opening: Opening, address: str, seconds: float) -> Session:
        """Connect to a checked address and make the session read-only. Raises what the driver raises."""
        ...

    def fault(self, error: Exception) -> SourceError:
        """What an exception of the driver means. Texts of drivers hold values and are never repeated."""
        ...

    def close(self) -> None:
        """Remove what was written for the driver."""
        ...
