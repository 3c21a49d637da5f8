"""Writing back by one parameterised INSERT, with a column that carries the delivery's id.

The user of this connection needs INSERT and SELECT on the one table. The id column should be unique: then the effect is
once even if two agents write at the same time; without that, this agent looks before it writes.
"""

from collections.abc import Mapping
from contextlib import closing
from typing import Any, Final

from sqlalchemy import URL, Engine, column, create_engine, insert, select, table
from sqlalchemy.exc import IntegrityError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from adapters.errors import DefinitionFaultError, DeniedError, FaultyAnswerError, UnreachableError
from adapters.port import Secrets, Value

_DRIVERS: Final = {
    "postgresql": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
    "sqlite": "sqlite",
}
_TIMEOUTS: Final[Mapping[str, Mapping[str, Any]]] = {
    "postgresql": {"connect_timeout": 5, "options": "-c statement_timeout=10000 -c lock_timeout=5000"},
    "mysql": {"connect_timeout": 5, "read_timeout": 10, "write_timeout": 10, "charset": "utf8mb4"},
    "mariadb": {"connect_timeout": 5, "read_timeout": 10, "write_timeout": 10, "charset": "utf8mb4"},
    "sqlite": {"timeout": 10},
}


class InsertWriter:
    """One table of the department's database."""

    def __init__(self, item: Mapping[str, Any], secrets: Secrets) -> None:
        self._connection = item["connection"]
        self._secrets = secrets
        self._columns: Mapping[str, str] = item["columns"]
        self._id = item["idempotency_column"]
        self._table = table(
            item["table"], *(column(name) for name in {*self._columns, self._id}), schema=item.get("schema")
        )
        self.fields = frozenset(self._columns.values())

    def write(self, delivery_id: str, fields: Mapping[str, Value]) -> None:
        """Insert, unless a row has this id. Raises: SourceError."""
        values = {name: fields[field] for name, field in self._columns.items()} | {self._id: delivery_id}
        engine = self._engine()
        try:
            with closing(engine.connect()) as session, session.begin():
                if session.execute(self._known(delivery_id)).first() is None:
                    session.execute(insert(self._table).values(values))
        except IntegrityError:
            self._after_conflict(engine, delivery_id)
        except OperationalError:
            raise UnreachableError("refused") from None
        except SQLAlchemyError:
            raise FaultyAnswerError("insert") from None
        finally:
            engine.dispose()

    def _after_conflict(self, engine: Engine, delivery_id: str) -> None:
        """Either somebody wrote it in the same moment, or the table does not take such a row."""
        with closing(engine.connect()) as session:
            if session.execute(self._known(delivery_id)).first() is None:
                raise FaultyAnswerError("constraint") from None

    def _known(self, delivery_id: str) -> Any:
        own = self._table.c[self._id]
        return select(own).where(own == delivery_id)

    def _engine(self) -> Engine:
        declared = self._connection
        dialect = declared["dialect"]
        password = declared.get("password")
        try:
            secret = self._secrets.secret(password.removeprefix("secret:")) if password else None
        except DefinitionFaultError:
            raise DeniedError("denied") from None
        url = URL.create(
            _DRIVERS[dialect],
            username=declared.get("user"),
            password=secret,
            host=declared.get("host"),
            port=declared.get("port"),
            database=declared["database"],
        )
        # A connection each: deliveries are few, and a password may have changed.
        return create_engine(url, poolclass=NullPool, connect_args=dict(_TIMEOUTS[dialect]), hide_parameters=True)
