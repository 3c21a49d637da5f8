"""Kind `sql`: one SELECT with bound parameters, in a read-only session of the department's own database.

Databases: PostgreSQL, MariaDB and MySQL, SQLite; as extras KingbaseES, openGauss, Oracle, SQL Server, Dameng. What was
tested with which is told in docs/sources-sql-files.md. Writing is kept out three times: by the user that the
department gives (it should hold SELECT and nothing else), by the session, by `adapters.sql_statement`.
"""

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from time import perf_counter
from types import MappingProxyType
from typing import Any, Final

from adapters.definition import check_definition, check_params
from adapters.errors import DefinitionFaultError, SourceError
from adapters.port import Answer, Budget, Context, Environment, Prepared, Probe, Row, Value
from adapters.sql_dialects import open_dialect
from adapters.sql_pool import SessionPool
from adapters.sql_schema import CONNECTION_SCHEMA, OPERATION_SCHEMA
from adapters.sql_session import Bound, Progress, Session
from adapters.sql_statement import Statement, read_statement
from adapters.sql_values import bound, collect

__all__ = ["CONNECTION_SCHEMA", "OPERATION_SCHEMA", "SqlSource", "open_source"]
_DEFAULT_POOL: Final = 8
_DEFAULT_AGE_SECONDS: Final = 1800


@dataclass(frozen=True, slots=True)
class _Query:
    """A checked statement. `types` holds the parameters that are converted before they are bound."""

    statement: Statement = field(repr=False)
    types: Mapping[str, str]
    params: frozenset[str]
    safe: bool = True


class SqlSource:
    """A database. Questions run in threads, at most `pool_size` at once; more wait, then are `unreachable_busy`."""

    def __init__(self, connection: Mapping[str, Any], environment: Environment) -> None:
        self._clock = environment.clock
        self._dialect = open_dialect(connection, environment)
        self._decode: Callable[[bytes], str] | None = None
        if charset := connection.get("charset"):
            self._decode = lambda text: text.decode(charset)
        self._pool = SessionPool(
            self._dialect,
            environment.egress,
            size=connection.get("pool_size", _DEFAULT_POOL),
            max_age_seconds=connection.get("max_age_seconds", _DEFAULT_AGE_SECONDS),
        )

    def prepare(self, operation: Mapping[str, Any]) -> Prepared:
        """Read the statement; whether its tables exist, the first question tells. Raises: DefinitionFaultError."""
        check_definition(OPERATION_SCHEMA, operation)
        statement = read_statement(operation["statement"], self._dialect.syntax)
        types = dict(operation.get("params", {}))
        params = frozenset(statement.names)
        for name in sorted(types.keys() - params):
            raise DefinitionFaultError(f"/params/{name}", "unknown")
        return _Query(statement, MappingProxyType(types), params)

    async def ask(self, prepared: Prepared, params: Mapping[str, Value], *, budget: Budget, context: Context) -> Answer:
        """Ask once. `as_of` is the moment the question was sent: the database is the register itself."""
        del context
        if not isinstance(prepared, _Query):
            raise DefinitionFaultError("", "foreign")
        check_params(prepared.params, params)
        values = {name: bound(name, value, prepared.types.get(name)) for name, value in params.items()}
        as_of = self._clock()

        def work(session: Session, progress: Progress) -> list[Row]:
            return self._collect(session, prepared.statement, values, progress, budget)

        return Answer(await self._pool.run(work, budget), as_of)

    def _collect(
        self,
        session: Session,
        statement: Statement,
        values: Mapping[str, Bound],
        progress: Progress,
        budget: Budget,
    ) -> list[Row]:
        with closing(session.rows(statement, values, progress)) as rows:
            return collect(rows, budget, self._decode)

    async def probe(self, budget: Budget) -> Probe:
        """Connect and ask for nothing."""
        began = perf_counter()
        try:
            await self._pool.run(_ping, budget)
        except SourceError as error:
            return Probe(ok=False, seconds=perf_counter() - began, code=error.code)
        return Probe(ok=True, seconds=perf_counter() - began)

    async def close(self) -> None:
        """Stop what is under way at the server and give all connections back."""
        await self._pool.close()


def _ping(session: Session, progress: Progress) -> None:
    session.ping(progress.seconds)


def open_source(connection: Mapping[str, Any], environment: Environment) -> SqlSource:
    """Open a database. Nothing is reached yet. Raises: DefinitionFaultError."""
    check_definition(CONNECTION_SCHEMA, connection)
    return SqlSource(connection, environment)
