"""The real register in a real PostgreSQL and a real MariaDB, each under a name of its own."""

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pymysql
from psycopg import sql

from tests.support import POSTGRES, new_database

SHARED = Path(__file__).parents[3] / "shared" / "data" / "quzhou_enterprises.csv"


def rows() -> tuple[list[str], list[list[str]]]:
    """Columns and rows of the register as it was published."""
    with SHARED.open(encoding="utf-8-sig", newline="") as file:
        columns, *found = csv.reader(file)
    return columns, found


@contextmanager
def in_postgres(makes: Sequence[str], user: str) -> Iterator[str]:
    """A database that holds the register, and the reader that the manual makes. Yields its name."""
    columns, found = rows()
    with new_database() as url, psycopg.connect(url, autocommit=True) as link:
        names = sql.SQL(", ").join(sql.SQL("{} text").format(sql.Identifier(name)) for name in columns)
        link.execute(sql.SQL("CREATE TABLE enterprise ({})").format(names))
        with link.cursor().copy("COPY enterprise FROM STDIN") as copy:
            for row in found:
                copy.write_row(row)
        # The tests' server asks only members of this role for a password.
        link.execute("DO $$ BEGIN CREATE ROLE readers; EXCEPTION WHEN duplicate_object OR unique_violation THEN END $$")
        for statement in makes:
            link.execute(statement.encode())
        link.execute(sql.SQL("GRANT readers TO {}").format(sql.Identifier(user)))
        try:
            yield url.rsplit("/", 1)[1]
        finally:
            link.execute(sql.SQL("DROP OWNED BY {0} CASCADE").format(sql.Identifier(user)))
            link.execute(sql.SQL("DROP ROLE {0}").format(sql.Identifier(user)))


@contextmanager
def in_mariadb(url: str, makes: Sequence[str], database: str, user: str) -> Iterator[None]:
    """The same in MariaDB."""
    columns, found = rows()
    place = urlsplit(url)
    link = pymysql.connect(host=place.hostname, port=place.port or 0, user=place.username, autocommit=True)
    with link, link.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {database} CHARACTER SET utf8mb4")
        try:
            cursor.execute(f"CREATE TABLE {database}.enterprise ({', '.join(f'`{name}` TEXT' for name in columns)})")
            marks = ", ".join(["%s"] * len(columns))
            cursor.executemany(f"INSERT INTO {database}.enterprise VALUES ({marks})", found)
            for statement in makes:
                cursor.execute(statement)
            yield
        finally:
            cursor.execute(f"DROP USER IF EXISTS {user}@'%'")
            cursor.execute(f"DROP DATABASE {database}")


def address(url: str | None) -> tuple[str, int]:
    """Host and port of a server."""
    place = urlsplit(url or POSTGRES or "")
    assert place.hostname is not None
    assert place.port is not None
    return place.hostname, place.port
