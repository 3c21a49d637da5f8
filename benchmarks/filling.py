"""A library of very many licences, filled by the database itself: ten million of them in minutes.

Rows have the columns, keys and widths of a licence that the hub issued, which they are copied from; only keys differ,
and these are as random, or as ordered by time, as the hub makes them. Two columns are shorter. A document takes the 18
bytes that PostgreSQL keeps of one beside the row, and the detail of a ledger entry 64: no look-up reads another
licence's. Guards of such rows are not right, so none of them can be asked for: what is asked for are the licences that
the hub issued before, which come to lie spread among them, in the tables and in every index.

On PostgreSQL indexes are dropped, and built when all rows are there: they are denser than ones that grew. Unless they
are to be `logged`, the filled tables then have no foreign keys and leave no log. Such a library is for reading.
"""

# ruff: noqa: S608  # every name in these statements stands in this package
import time
from collections.abc import Callable
from contextlib import closing
from typing import Final

from benchmarks.filled import Filled, opened
from benchmarks.shelf import index_in_sql
from certificates.stores.status import LIST_SIZE

Progress = Callable[[int, str], None]
"""Is told how many licences lie there by now, and what is being done."""

_KEPT: Final = {
    "ledger_entries": "object_id IN (SELECT id FROM certificate_versions)",
    "certificate_versions": "1 = 1",
    "subjects": "id IN (SELECT subject_id FROM certificates)",
    "certificates": "1 = 1",
}
"""What the hub issued; in this order it is taken out."""
_OWN: Final = {
    "subjects": ("id", "subject"),
    "certificates": ("id", "certificate"),
    "certificate_versions": ("id", "version"),
    "ledger_entries": ("object_id", "version"),
}
"""By which column a row is found, and under which of the keys."""
_MOST_SLICES: Final = 400


def fill(
    database: str,
    licences: int,
    *,
    first_list: int = 1,
    logged: bool = False,
    progress: Progress = lambda _done, _what: None,
) -> None:
    """Put so many licences beside those that a closed hub has issued, each of these behind a part of them.

    Args:
        database: a `postgresql://` URL, or the path of an SQLite file. Nobody else may use it meanwhile.
        first_list: status lists from here on are taken; there must be none of them.
        logged: leave the tables as they were found, foreign keys and all, for writing to them afterwards.
    """
    with closing(opened(database)) as shelf:
        began = time.monotonic()
        shelf.start(tuple(_OWN), logged=logged)
        real = _set_aside(shelf)
        window = _window(shelf)
        slices = max(1, min(real, _MOST_SLICES))
        columns = {name: _columns(shelf, name) for name in _OWN}
        for number in range(slices):
            first, end = licences * number // slices, licences * (number + 1) // slices
            progress(first, f"rows, {time.monotonic() - began:.0f} s")
            _keys(shelf, first, end, window[0] + (window[1] - window[0]) * number // slices)
            for name in _OWN:
                _copies(shelf, name, columns[name], first_list)
                _put_back(shelf, name, number, slices)
        for number in range(first_list, first_list + -(-licences // LIST_SIZE)):
            shelf.run(
                "INSERT INTO status_lists (number, size, next_counter, changed_at)"
                f" VALUES ({number}, {LIST_SIZE}, {LIST_SIZE}, 0)"
            )
        for name in ("keys_of_slice", "kept", *(f"{kind}_{name}" for kind in ("kept", "model") for name in _OWN)):
            shelf.run(f"DROP TABLE {name}")
        shelf.finish(lambda what: progress(licences, f"{what}, {time.monotonic() - began:.0f} s"))


def _set_aside(shelf: Filled) -> int:
    """Take out what the hub issued, and keep its first licence as the model of all others; answers how many."""
    shelf.run(
        "CREATE TABLE kept AS SELECT v.id AS version, c.id AS certificate, c.subject_id AS subject,"
        " row_number() OVER (ORDER BY v.id) - 1 AS place"
        " FROM certificate_versions v JOIN certificates c ON c.id = v.certificate_id"
    )
    for name, where in _KEPT.items():
        shelf.run(f"CREATE TABLE kept_{name} AS SELECT * FROM {name} WHERE {where}")
    for name, where in _KEPT.items():
        own, key = _OWN[name]
        found = f"{own} = (SELECT {key} FROM kept WHERE place = 0)"
        shelf.run(f"CREATE TABLE model_{name} AS SELECT * FROM kept_{name} WHERE {found}")
        shelf.run(f"DELETE FROM {name} WHERE {where}")
    return int(shelf.run("SELECT count(*) FROM kept")[0][0])


def _window(shelf: Filled) -> tuple[int, int]:
    """The milliseconds in which the hub made its ids: the others' are of the same, so that its own lie among them."""
    first, last = shelf.run("SELECT min(CAST(version AS text)), max(CAST(version AS text)) FROM kept")[0]
    return int(first.replace("-", "")[:12], 16), int(last.replace("-", "")[:12], 16)


def _keys(shelf: Filled, first: int, end: int, millisecond: int) -> None:
    words, beginning = shelf.words, f"{millisecond:012x}"
    table = "keys_of_slice"
    shelf.run(words["empty"].format(table=table) if first else f"CREATE TABLE {table} ({words['key columns']})")
    ids = ", ".join([words["uuid"].format(beginning=f"{beginning[:8]}-{beginning[8:]}-7")] * 4)
    shelf.run(
        f"{words['numbers'].format(first=first, last=end - 1)} INSERT INTO keys_of_slice"
        f" SELECT n, {ids}, '2026' || {words['letters']} FROM numbers WHERE n < {end}"
    )


def _columns(shelf: Filled, name: str) -> list[str]:
    return [row[0] for row in shelf.run(shelf.words["columns"].format(table=name))]


def _copies(shelf: Filled, name: str, columns: list[str], first_list: int) -> None:
    random = shelf.words["hash"]
    place = f"{first_list} + k.n / {LIST_SIZE}"
    new = {
        "subjects": {"id": "k.subject", "lookup_hash": random},
        "certificates": {
            "id": "k.certificate", "subject_id": "k.subject", "serial": "k.serial",
            "record_hash": random,
        },
        "certificate_versions": {
            "id": "k.version", "certificate_id": "k.certificate", "ledger_entry_id": "k.entry",
            "identifier": "replace(m.identifier, c.serial, k.serial)", "status_list": place,
            "status_index": index_in_sql("k.n"),
            "document": shelf.words["bytes"].format(bytes="00" * 18),
        },
        "ledger_entries": {
            "id": "k.entry", "object_id": "k.version", "position": "1000000 + k.n",
            "subject_id": "CASE WHEN m.subject_id IS NULL THEN NULL ELSE k.subject END",
            "detail": shelf.words["bytes"].format(bytes="00" * 64),
        },
    }[name]  # fmt: skip
    values = ", ".join(new.get(column, f"m.{column}") for column in columns)
    shelf.run(
        f"INSERT INTO {name} ({', '.join(columns)}) SELECT {values}"
        f" FROM keys_of_slice k CROSS JOIN model_{name} m CROSS JOIN model_certificates c"
    )


def _put_back(shelf: Filled, name: str, number: int, slices: int) -> None:
    own, key = _OWN[name]
    here = f"SELECT {key} FROM kept WHERE place % {slices} = {number}"
    shelf.run(f"INSERT INTO {name} SELECT * FROM kept_{name} WHERE {own} IN ({here})")
