"""Queries over sources and their credentials. Each takes the caller's connection and never commits."""

import json
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Connection, Row, and_, bindparam, insert, select, update

from catalog.sources import SourceDefinition, read_source
from catalog.tables import SourceRow, SourceSecretRow, table

_SOURCES: Final = table(SourceRow)
_SECRETS: Final = table(SourceSecretRow)
_SOURCE_BY_ID: Final = select(_SOURCES).where(_SOURCES.c.id == bindparam("source_id"))


@dataclass(frozen=True, slots=True)
class StoredSource:
    """A source as stored. `row_version` rises with every change: an opened adapter of an older one is closed."""

    id: str
    owner_department_id: str
    state: str
    row_version: int
    definition: SourceDefinition
    declared: dict[str, Any]
    changed_at: datetime
    mac: bytes

    def meaning(self) -> dict[str, Any]:
        """Everything the MAC covers: where the hub connects, and whose source it is."""
        return {
            "id": self.id,
            "owner_department_id": self.owner_department_id,
            "state": self.state,
            "row_version": self.row_version,
            "definition": self.declared,
        }


@dataclass(frozen=True, slots=True)
class SealedSecret:
    """A stored credential."""

    id: str
    name: str
    sealed: bytes
    data_key: bytes
    kek_kid: str


def add_source(tx: Connection, **values: Any) -> None:
    """Write a source row; it is not believed until it has its MAC (`set_source_mac`)."""
    tx.execute(insert(_SOURCES).values(mac=b"", **values))


def change_source(tx: Connection, source_id: str, *, row_version: int, **values: Any) -> bool:
    """Change a source that is still at `row_version`; False when somebody was faster."""
    where = and_(_SOURCES.c.id == source_id, _SOURCES.c.row_version == row_version)
    return tx.execute(update(_SOURCES).where(where).values(row_version=row_version + 1, **values)).rowcount == 1


def set_source_mac(tx: Connection, source_id: str, mac: bytes) -> None:
    """Guard a source as it stands."""
    tx.execute(update(_SOURCES).where(_SOURCES.c.id == source_id).values(mac=mac))


def find_source(tx: Connection, code: str) -> StoredSource | None:
    """The source of this code."""
    return _source(tx.execute(select(_SOURCES).where(_SOURCES.c.code == code)).one_or_none())


def source_by_id(tx: Connection, source_id: str) -> StoredSource | None:
    """The source of a stored row."""
    return _source(tx.execute(_SOURCE_BY_ID, {"source_id": source_id}).one_or_none())


def list_sources(tx: Connection, owner_department_id: str | None = None) -> list[StoredSource]:
    """Sources of a department, or of all, by code."""
    query = select(_SOURCES).order_by(_SOURCES.c.code)
    if owner_department_id is not None:
        query = query.where(_SOURCES.c.owner_department_id == owner_department_id)
    return [found for row in tx.execute(query) if (found := _source(row)) is not None]


def put_secret(tx: Connection, source_id: str, name: str, **values: Any) -> None:
    """Write or replace a credential."""
    where = and_(_SECRETS.c.source_id == source_id, _SECRETS.c.name == name)
    tx.execute(_SECRETS.delete().where(where))
    tx.execute(insert(_SECRETS).values(source_id=source_id, name=name, **values))


def secrets_of(tx: Connection, source_id: str) -> list[SealedSecret]:
    """The credentials of a source, sealed."""
    rows = tx.execute(select(_SECRETS).where(_SECRETS.c.source_id == source_id).order_by(_SECRETS.c.name))
    return [SealedSecret(row.id, row.name, row.sealed, row.data_key, row.kek_kid) for row in rows]


def definition_text(definition: dict[str, Any]) -> str:
    """What the caches know a definition by: its content. By id and version of the row, one that was written past the
    hub and read by a list would be what later readers get, though the row they check is right again.
    """
    return json.dumps(definition, ensure_ascii=False)


def _source(row: Row[Any] | None) -> StoredSource | None:
    if row is None:
        return None
    return StoredSource(
        id=row.id,
        owner_department_id=row.owner_department_id,
        state=row.state,
        row_version=row.row_version,
        definition=_parsed_source(definition_text(row.definition)),
        declared=row.definition,
        changed_at=row.changed_at,
        mac=row.mac,
    )


@lru_cache(4096)
def _parsed_source(definition: str) -> SourceDefinition:
    return read_source(json.loads(definition))
