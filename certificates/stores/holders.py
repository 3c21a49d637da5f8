"""Holders the hub knows, by keyed hash, with their wrapped keys. Queries take the caller's connection, never commit."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from catalog.bulk import one_of
from catalog.tables import table
from certificates.tables import SubjectRow

_SUBJECTS: Final = table(SubjectRow)


@dataclass(frozen=True, slots=True)
class Subject:
    """A holder the hub knows, with the wrapped data key."""

    id: str
    lookup_hash: bytes
    data_key: bytes
    kek_kid: str


def upsert_subjects(tx: Connection, rows: Sequence[dict[str, Any]]) -> dict[bytes, Subject]:
    """Make sure each look-up hash has a subject; answers the stored ones by hash. An existing row is left as it is,
    and so is one that another transaction writes meanwhile: two that issue to the same person need not start over.
    """
    known = find_subjects(tx, [row["lookup_hash"] for row in rows])
    missing = [row for row in rows if row["lookup_hash"] not in known]
    if not missing:
        return known
    dialect_insert = postgresql.insert if tx.dialect.name == "postgresql" else sqlite.insert
    tx.execute(dialect_insert(_SUBJECTS).on_conflict_do_nothing(index_elements=["lookup_hash"]), missing)
    return known | find_subjects(tx, [row["lookup_hash"] for row in missing])


def find_subjects(tx: Connection, hashes: Collection[bytes]) -> dict[bytes, Subject]:
    """The known subjects among these look-up hashes."""
    columns = (_SUBJECTS.c.id, _SUBJECTS.c.lookup_hash, _SUBJECTS.c.data_key, _SUBJECTS.c.kek_kid)
    rows = tx.execute(select(*columns).where(one_of(tx, _SUBJECTS.c.lookup_hash, hashes)))
    return {row.lookup_hash: Subject(*row) for row in rows}


def lock_subjects(tx: Connection, hashes: Collection[bytes]) -> set[bytes]:
    """Lock the known subjects among these look-up hashes until the transaction ends, in one order, against others who
    lock them; answers which there are. Whoever writes rows that refer to them is not held up.
    """
    found = select(_SUBJECTS.c.lookup_hash).where(one_of(tx, _SUBJECTS.c.lookup_hash, hashes))
    return set(tx.execute(found.order_by(_SUBJECTS.c.lookup_hash).with_for_update(key_share=True)).scalars())


def subject_by_id(tx: Connection, subject_id: str) -> Subject:
    """The subject of a stored row."""
    columns = (_SUBJECTS.c.id, _SUBJECTS.c.lookup_hash, _SUBJECTS.c.data_key, _SUBJECTS.c.kek_kid)
    return Subject(*tx.execute(select(*columns).where(_SUBJECTS.c.id == subject_id)).one())
