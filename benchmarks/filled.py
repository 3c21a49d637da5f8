"""The two databases as `benchmarks.filling` fills them: without waiting for the disk; PostgreSQL without indexes."""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol, cast

import psycopg

_FOREIGN: Final = """
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), contype::text FROM pg_constraint
WHERE (conrelid::regclass::text = ANY(%(names)s) AND contype IN ('p', 'u', 'f'))
   OR (confrelid::regclass::text = ANY(%(names)s))
ORDER BY contype <> 'f', conname
"""
_INDEXES: Final = """
SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index
WHERE indrelid::regclass::text = ANY(%(names)s) AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = indexrelid)
"""


class Filled(Protocol):
    """One database, opened for filling, and the few words that differ."""

    words: Mapping[str, str]

    def run(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a statement, if it has any."""
        ...

    def start(self, tables: Sequence[str], *, logged: bool) -> None:
        """Make writing to these tables quick. Unless `logged`, they stay without log and foreign keys."""
        ...

    def finish(self, tell: Callable[[str], None]) -> None:
        """Make them tables to read from again; `tell` is told what is done."""
        ...

    def close(self) -> None:
        """Hang up."""
        ...


def opened(database: str) -> Filled:
    """A `postgresql://` URL, or the path of an SQLite file."""
    return _Postgres(database) if database.startswith("postgresql://") else _Sqlite(database)


class _Postgres:
    words: Mapping[str, str] = {
        "numbers": "WITH numbers AS (SELECT n FROM generate_series({first}::bigint, {last}::bigint) AS n)",
        "uuid": "overlay(gen_random_uuid()::text PLACING '{beginning}' FROM 1 FOR 15)::uuid",
        "key columns": "n bigint, subject uuid, certificate uuid, version uuid, entry uuid, serial text",
        "letters": "upper(substr(translate(encode(uuid_send(gen_random_uuid()), 'base64'), '+/', '09'), 1, 12))",
        "hash": "uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())",
        "bytes": "'\\x{bytes}'::bytea",
        "empty": "TRUNCATE {table}",
        "columns": "SELECT column_name FROM information_schema.columns WHERE table_name = '{table}'"
        " ORDER BY ordinal_position",
    }

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url, autocommit=True)
        self._tables: Sequence[str] = ()
        self._again: list[tuple[str, str]] = []

    def run(self, sql: str) -> list[tuple[Any, ...]]:
        cursor = self._connection.execute(cast("Any", sql))
        return cursor.fetchall() if cursor.description else []

    def start(self, tables: Sequence[str], *, logged: bool) -> None:
        self._tables = tables
        for setting in ("maintenance_work_mem = '768MB'", "work_mem = '64MB'", "synchronous_commit = off", "jit = off"):
            self.run(f"SET {setting}")
        names = {"names": list(tables)}
        constraints = self._connection.execute(cast("Any", _FOREIGN), names).fetchall()
        indexes = self._connection.execute(cast("Any", _INDEXES), names).fetchall()
        foreign: list[tuple[str, str]] = []
        for table, name, definition, kind in constraints:  # foreign keys first: they hang on the others
            self.run(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
            if kind != "f":
                self._again.append((name, f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition}'))
            elif logged:
                foreign.append((name, f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition} NOT VALID'))
        for name, definition in indexes:
            self.run(f"DROP INDEX {name}")
            self._again.append((name, definition))
        self._again += foreign
        for table in tables:
            self.run(f"ALTER TABLE {table} SET (autovacuum_enabled = off)")
            if not logged:
                self.run(f"ALTER TABLE {table} SET UNLOGGED")

    def finish(self, tell: Callable[[str], None]) -> None:
        for number, (name, statement) in enumerate(self._again, 1):
            tell(f"index {number} of {len(self._again)}, {name}")
            self.run(statement)
        for table in self._tables:
            tell(f"statistics of {table}")
            self.run(f"VACUUM (ANALYZE) {table}")
        self.run("CHECKPOINT")

    def close(self) -> None:
        self._connection.close()


class _Sqlite:
    words: Mapping[str, str] = {
        "numbers": "WITH RECURSIVE numbers (n) AS"
        " (SELECT {first} UNION ALL SELECT n + 1 FROM numbers WHERE n < {last})",
        "uuid": "printf('{beginning}%.3s-8%.3s-%s', lower(hex(randomblob(2))), lower(hex(randomblob(2))),"
        " lower(hex(randomblob(6))))",
        "key columns": "n integer, subject text, certificate text, version text, entry text, serial text",
        "letters": "hex(randomblob(8))",
        "hash": "randomblob(32)",
        "bytes": "x'{bytes}'",
        "empty": "DELETE FROM {table}",
        "columns": "SELECT name FROM pragma_table_info('{table}')",
    }

    def __init__(self, path: str) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)

    def run(self, sql: str) -> list[tuple[Any, ...]]:
        return self._connection.execute(sql).fetchall()

    def start(self, tables: Sequence[str], *, logged: bool) -> None:
        """Indexes stay: those of a constraint cannot be dropped."""
        del tables, logged
        for setting in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -2097152", "foreign_keys = OFF"):
            self.run(f"PRAGMA {setting}")

    def finish(self, tell: Callable[[str], None]) -> None:
        tell("journal")
        self.run("PRAGMA journal_mode = WAL")

    def close(self) -> None:
        self._connection.close()
