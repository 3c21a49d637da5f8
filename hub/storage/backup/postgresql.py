"""A consistent copy of a PostgreSQL database while others write to it, and its way back.

One transaction on one snapshot; each table as the server's own COPY text. Not pg_dump: the schema is ours and ships as
migrations, so only rows are needed, and the copy asks for no client program of the server's version.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql

from hub.storage.errors import ConflictError, MissingError, UnavailableError
from hub.storage.schema import METADATA

_PIECE: Final = 1024 * 1024
_TABLES: Final = (
    "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() AND tablename <> 'alembic_version'"
)


def copy_out(url: str, folder: Path) -> tuple[str, int, dict[str, int]]:
    """Write `TABLE.copy` into `folder` for every table, as of one instant; answers the schema's revision, the length of
    the log and the rows of each table. Raises: UnavailableError.
    """
    with _connected(url) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        revision, size = _head(connection)
        counts = {}
        for name in sorted(_tables(connection)):
            statement = sql.SQL("COPY {} TO STDOUT").format(_columns(connection, name))
            with connection.cursor() as cursor, (folder / f"{name}.copy").open("wb") as file:
                with cursor.copy(statement) as rows:
                    for piece in rows:
                        file.write(piece)
                counts[name] = cursor.rowcount
        return revision, size, counts


def holds_rows(url: str) -> bool:
    """Whether there is a table with a row in this database. Raises: UnavailableError."""
    with _connected(url) as connection:
        query = sql.SQL("SELECT EXISTS (SELECT FROM {})")
        found = (connection.execute(query.format(sql.Identifier(name))).fetchone() for name in _tables(connection))
        return any(row is not None and row[0] for row in found)


def copy_in(url: str, folder: Path, counts: dict[str, int]) -> None:
    """Fill the empty tables of a database of the copy's revision, all or nothing.

    Raises: ConflictError when rows do not fit or are not as many as were written, UnavailableError.
    """
    ordered = [table.name for table in METADATA.sorted_tables]  # what is referred to comes first
    names = [*(name for name in ordered if name in counts), *sorted(set(counts) - set(ordered))]
    with _connected(url) as connection:
        for name in names:
            with (folder / f"{name}.copy").open("rb") as file, connection.cursor() as cursor:
                with cursor.copy(sql.SQL("COPY {} FROM STDIN").format(_columns(connection, name))) as rows:
                    while piece := file.read(_PIECE):
                        rows.write(piece)
                if cursor.rowcount != counts[name]:
                    raise ConflictError(name)


def _head(connection: psycopg.Connection) -> tuple[str, int]:
    found = connection.execute("SELECT version_num, size FROM alembic_version, ledger_head").fetchone()
    if found is None:
        raise MissingError("no hub in this database")
    return str(found[0]), int(found[1])


def _tables(connection: psycopg.Connection) -> list[str]:
    return [str(row[0]) for row in connection.execute(_TABLES)]


def _columns(connection: psycopg.Connection, name: str) -> sql.Composable:
    """The table with its columns named, in an order that the copy's other end has too."""
    found = connection.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = %s"
        " ORDER BY column_name",
        (name,),
    )
    columns = sql.SQL(", ").join(sql.Identifier(str(row[0])) for row in found)
    return sql.SQL("{} ({})").format(sql.Identifier(name), columns)


@contextmanager
def _connected(url: str) -> Iterator[psycopg.Connection]:
    try:
        with psycopg.connect(url.replace("postgresql+psycopg://", "postgresql://", 1), connect_timeout=5) as connection:
            yield connection
    except psycopg.IntegrityError as error:
        raise ConflictError(str(error.diag.constraint_name)) from None
    except psycopg.Error as error:  # its text may hold values
        raise UnavailableError(type(error).__name__) from None
