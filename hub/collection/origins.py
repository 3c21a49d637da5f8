"""What brings records in, by the names under which licences and acts keep it: a run, a batch, a source."""

import uuid
from typing import Final

from sqlalchemy import Column, Connection, select

from catalog.tables import SourceRow, table
from hub.collection.tables import CollectionBatchRow, CollectionRunRow

_NAMED: Final[dict[str, Column[str]]] = {
    "run": table(CollectionRunRow).c.id,
    "batch": table(CollectionBatchRow).c.id,
    "source": table(SourceRow).c.code,
}


def is_known(tx: Connection, origin: str) -> bool:
    """Whether there is or was such a run, batch or source: `run:ID`, `batch:ID`, `source:CODE`."""
    kind, _, name = origin.partition(":")
    column = _NAMED.get(kind)
    if column is None or (kind == "batch" and not _is_uuid(name)):
        return False
    return tx.execute(select(column).where(column == name)).first() is not None


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False
