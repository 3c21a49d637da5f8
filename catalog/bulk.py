"""Many rows into one table: COPY where PostgreSQL is reached by its own driver, one `executemany` elsewhere.

Rows can be encoded beforehand, also in another process: what is encoded goes to the driver as it stands.
"""

import struct
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, cast
from uuid import UUID

import psycopg
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Insert,
    Integer,
    LargeBinary,
    String,
    Table,
    Uuid,
    func,
    insert,
    literal,
    select,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.util import await_only

from catalog.tables import Instant

HASH_BYTES: Final = 32
COPY_FROM: Final = 20
"""Fewer rows are quicker as statements that the server has prepared."""
_HEADER: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER: Final = b"\xff\xff"
_NULL: Final = b"\xff\xff\xff\xff"
_COUNT: Final = struct.Struct(">h")
_LENGTH: Final = struct.Struct(">i")
_INT4: Final = struct.Struct(">ii")
_INT8: Final = struct.Struct(">iq")
_UUID_FIELD: Final = struct.Struct(">i16s")
_INSTANT: Final = Instant()

Encoded = Sequence[Any]
"""Of PostgreSQL, one piece of a binary COPY a row; of SQLite, one tuple of parameters a row."""


def insert_rows(tx: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that name every column they fill, all the same ones. Nothing happens without rows.

    Raises: DBAPIError, as the statement would.
    """
    if not rows:
        return
    if tx.dialect.name == "postgresql" and (len(rows) < COPY_FROM or not tx.dialect.is_async):
        tx.execute(_insert(table), list(rows))
        return
    columns = tuple(rows[0])
    insert_encoded(tx, table, columns, encode(tx.dialect.name, table, columns, rows))


def one_of(tx: Connection, column: Column[Any], hashes: Collection[bytes]) -> ColumnElement[bool]:
    """`column` is one of these hashes, of 32 bytes each.

    On PostgreSQL they travel as one parameter and are joined. A list of five hundred is dear to write and to read, and
    where the table's statistics are old each row is held against all of it.
    """
    if tx.dialect.name != "postgresql":
        return column.in_(list(hashes))
    if any(len(item) != HASH_BYTES for item in hashes):
        raise ValueError("a hash has 32 bytes")
    joined = literal(b"".join(hashes), LargeBinary())
    number = func.generate_series(0, len(hashes) - 1).column_valued("number")
    return column.in_(select(func.substr(joined, number * HASH_BYTES + 1, HASH_BYTES, type_=LargeBinary())))


def encode(
    dialect: str, table: Table, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]
) -> list[bytes] | list[tuple[Any, ...]]:
    """Rows as `insert_encoded` takes them. Raises: TypeError for a column type that is not foreseen."""
    if not rows:
        return []
    makers = _makers(dialect, table, tuple(columns))
    made = [_column(make, [row[name] for row in rows]) for name, make in makers]
    if dialect == "postgresql":
        count = _COUNT.pack(len(makers))
        return [count + b"".join(fields) for fields in zip(*made, strict=True)]
    return list(zip(*made, strict=True))


def _column(make: Callable[[Any], Any], values: list[Any]) -> list[Any]:
    """One column of all rows: half of them say the same in every row of a batch, and are made once."""
    first = values[0]
    if values.count(first) == len(values):
        return [make(first)] * len(values)
    return [make(value) for value in values]


def decode(table: Table, columns: Sequence[str], data: bytes) -> list[dict[str, Any]]:
    """The rows of pieces that `encode` made for PostgreSQL, put together; on any database.

    Raises: ValueError for anything else; TypeError for a column type that is not foreseen.
    """
    readers = [(name, _reader(table.c[name].type)) for name in columns]
    rows, at = [], 0
    try:
        while at < len(data):
            (count,) = _COUNT.unpack_from(data, at)
            at += _COUNT.size
            if count != len(readers):
                raise ValueError("other columns")
            row: dict[str, Any] = {}
            for name, read in readers:
                (length,) = _LENGTH.unpack_from(data, at)
                at += _LENGTH.size
                row[name] = None if length < 0 else read(data[at : at + length])
                at += max(length, 0)
            rows.append(row)
    except struct.error as error:
        raise ValueError("no rows") from error
    if at != len(data):
        raise ValueError("cut off")
    return rows


def insert_encoded(tx: Connection, table: Table, columns: Sequence[str], rows: Encoded) -> None:
    """Insert what `encode` made for this dialect, table and columns. Raises: DBAPIError."""
    if not rows:
        return
    if tx.dialect.name != "postgresql":
        tx.exec_driver_sql(_insert_sql(table, tuple(columns)), list(rows))
        return
    copy_binary(tx, _copy_sql(table, tuple(columns)), b"".join((_HEADER, *rows, _TRAILER)))


def copy_binary(tx: Connection, sql: str, data: bytes) -> None:
    """Run a COPY … FROM STDIN. Raises: DBAPIError."""
    connection = cast("psycopg.AsyncConnection[Any]", tx.connection.driver_connection)

    async def send() -> None:
        async with connection.cursor() as cursor, cursor.copy(sql.encode()) as copy:
            await copy.write(data)

    try:
        await_only(send())
    except psycopg.Error as error:
        # As SQLAlchemy tells of any other statement; parameters, which are personal data, stay out of it.
        raise DBAPIError.instance(sql, None, error, psycopg.Error, hide_parameters=True, dialect=tx.dialect) from None


@lru_cache(64)
def _insert(table: Table) -> Insert:
    return insert(table)


@lru_cache(64)
def _copy_sql(table: Table, columns: tuple[str, ...]) -> str:
    return f"COPY {table.name} ({', '.join(columns)}) FROM STDIN (FORMAT BINARY)"


@lru_cache(64)
def _insert_sql(table: Table, columns: tuple[str, ...]) -> str:
    return f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608


@lru_cache(64)
def _makers(dialect: str, table: Table, columns: tuple[str, ...]) -> list[tuple[str, Callable[[Any], Any]]]:
    choose = _binary if dialect == "postgresql" else _plain
    return [(name, choose(table.c[name].type)) for name in columns]


def _plain(kind: Any) -> Callable[[Any], Any]:
    return _micros if isinstance(kind, Instant) else _same


def _binary(kind: Any) -> Callable[[Any], bytes]:
    """The most special type first: an instant is a big integer, and that an integer."""
    for wanted, make in _BINARY.items():
        if isinstance(kind, wanted):
            return make
    raise TypeError(f"no binary form for {kind!r}")


def _same(value: Any) -> Any:
    return value


def _micros(value: datetime | None) -> int | None:
    return _INSTANT.process_bind_param(value, cast("Any", None))


def _field(data: bytes) -> bytes:
    return _LENGTH.pack(len(data)) + data


def _text(value: str | None) -> bytes:
    return _NULL if value is None else _field(value.encode())


def _bytes(value: bytes | None) -> bytes:
    return _NULL if value is None else _field(value)


def _uuid(value: str | None) -> bytes:
    if value is None:
        return _NULL
    raw = bytes.fromhex(value.replace("-", ""))  # a fifth of what UUID() takes, which reads other spellings too
    return _UUID_FIELD.pack(16, raw if len(raw) == 16 else UUID(value).bytes)


def _int4(value: int | None) -> bytes:
    return _NULL if value is None else _INT4.pack(4, value)


def _int8(value: int | None) -> bytes:
    return _NULL if value is None else _INT8.pack(8, value)


def _instant(value: datetime | None) -> bytes:
    return _int8(_micros(value))


_BINARY: Final[Mapping[type, Callable[[Any], bytes]]] = {
    Instant: _instant,
    Uuid: _uuid,
    LargeBinary: _bytes,
    BigInteger: _int8,
    Integer: _int4,
    String: _text,
}


def _reader(kind: Any) -> Callable[[bytes], Any]:
    for wanted, read in _READ.items():
        if isinstance(kind, wanted):
            return read
    raise TypeError(f"no binary form for {kind!r}")


def _read_integer(data: bytes) -> int:
    return int.from_bytes(data, signed=True)


_READ: Final[Mapping[type, Callable[[bytes], Any]]] = {
    Instant: lambda data: _INSTANT.process_result_value(_read_integer(data), cast("Any", None)),
    Uuid: lambda data: str(UUID(bytes=data)),
    LargeBinary: bytes,
    Integer: _read_integer,
    String: bytes.decode,
}
