"""Where packages lie: in the object store, under the case's own key, each under its digest.

The row says which one counts. So of two workers on one archive the loser's package is deleted and not the winner's, and
a package that somebody put back is noticed.
"""

import asyncio
from typing import Any

import structlog
from sqlalchemy import Connection

from hub.archive import store
from hub.archive.making import Packed
from hub.archive.store import FILED, Archive
from hub.clock import Clock
from hub.intake.answers import case_key
from hub.intake.store import Case
from hub.ledger.entries import Draft, append, seal
from hub.storage.crash import crash_at
from hub.storage.database import Database
from hub.storage.errors import IntegrityBrokenError, MissingError
from hub.storage.objects.folder import ObjectStore
from hub.storage.objects.guarded import beside
from hub.storage.vault import Vault
from signing.canonical import sha256

_log = structlog.get_logger(__name__)


class ArchiveShelf:
    """Keeps packages and gives them back."""

    def __init__(self, database: Database, *, vault: Vault, objects: ObjectStore, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._objects = objects
        self._clock = clock

    async def keep(
        self, case: Case, archive: Archive, packed: Packed, kind: str | None, detail: dict[str, Any]
    ) -> None:
        """File a package: first the object, then the row that names it; then what no row names goes."""
        digest, key = sha256(packed.data), case_key(self._vault, case)
        name = _object(archive, digest)
        sealed = await asyncio.to_thread(key.encrypt, _place(archive), packed.data)
        await beside(self._objects.put, name, sealed)
        crash_at("archive.put")
        now = self._clock()
        values = {
            "state": FILED,
            "digest": digest,
            "size": len(packed.data),
            "stamps": packed.stamps,
            "stamped_at": packed.stamp.time,
            "stamp_ends_at": packed.stamp.not_after,
            "filed_at": archive.filed_at or now,
        }

        def unit(tx: Connection) -> bool:
            if not store.change_archive(tx, archive, **values):
                return False
            if kind is not None:
                told = {"archive": archive.id, "digest": digest.hex(), **detail}
                append(tx, [seal(Draft(kind=kind, detail=told, key=key, case_id=case.id), now=now)])
            return True

        await self._database.write(unit)
        standing = await self._database.read(lambda tx: store.find_archive(tx, archive.case_id))
        for stale in {archive.digest, digest} - {None, standing and standing.digest}:
            await beside(self._objects.delete, _object(archive, stale or b""))

    async def package(self, case: Case, archive: Archive) -> bytes:
        """The filed bytes, held against the row (threat S10)."""
        if archive.digest is None:
            raise IntegrityBrokenError("case_archives")
        try:
            sealed = await beside(self._objects.get, _object(archive, archive.digest))
        except MissingError as error:
            _log.error("archive_missing", alarm=True, archive=archive.id)
            raise IntegrityBrokenError("archives") from error
        package = await asyncio.to_thread(case_key(self._vault, case).decrypt, _place(archive), sealed)
        if sha256(package) != archive.digest:
            raise IntegrityBrokenError("archives")
        return package


def _place(archive: Archive) -> str:
    return f"case_archives:{archive.id}:package"


def _object(archive: Archive, digest: bytes) -> str:
    return f"archives/{archive.id}/{digest.hex()[:40]}"
