"""What a person who is erased had objected to ends with him: nothing of it opens any more, and no licence is marked.

Scans are deleted with him; and those that a process left behind which died before it wrote their row.
"""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from hub.citizens.objections import store
from hub.citizens.objections.sealing import object_name
from hub.storage.database import Database
from hub.storage.jobs import enqueue
from hub.storage.objects.folder import ObjectStore
from hub.storage.vault import Vault

DELETE: Final = "objection.delete"
"""The kind of job that deletes a scan."""
UNFILED: Final = "objection.unfiled"
"""The kind of job that deletes a scan whose row never came."""
FILING_TIME: Final = timedelta(hours=1)
"""More than any request takes from its scan to its row."""


class Ending:
    """Ends them."""

    def __init__(self, database: Database, *, vault: Vault, objects: ObjectStore) -> None:
        self._database = database
        self._vault = vault
        self._objects = objects

    def forget(self, tx: Connection, subject_id: str, now: datetime) -> None:
        """In the transaction that erases him. An answer, or a step to another department, on its way ends first."""
        for found in store.of_holders(tx, [subject_id], lock=True):
            store.erase(tx, self._vault, found, now)
            enqueue(tx, DELETE, {"objection": found.id}, now=now)

    async def delete(self, payload: Mapping[str, Any]) -> None:
        """The handler of `DELETE`. Running it twice is harmless."""
        await asyncio.to_thread(self._objects.delete, object_name(str(payload["objection"])))

    async def unfiled(self, payload: Mapping[str, Any]) -> None:
        """The handler of `UNFILED`, long after the row was to be written. Running it twice is harmless."""
        if await self._database.read(lambda tx: store.find(tx, str(payload["objection"]))) is None:
            await self.delete(payload)
