"""Renditions: the files of a version, made when first asked for and kept.

intent → render and sign → result → file. The result holds the file until it lies in the object store. Of two who ask at
the same time one makes it and the other waits (`leases`); what a crash left is finished by the next who asks, or by
`finish`.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import structlog
from sqlalchemy import Connection

from certificates.rendering import store
from certificates.rendering.store import FILED, INTENDED, SIGNED, Rendition
from hub.clock import Clock
from hub.issuing.renditions.errors import NotRenderedYetError
from hub.issuing.renditions.leases import Leases, Request, place
from hub.issuing.renditions.source import RenditionSource
from hub.issuing.stamping import queue as stamping_queue
from hub.storage.crash import crash_at
from hub.storage.database import Database
from hub.storage.errors import (
    STORE_FAILED,
    ConflictError,
    IntegrityBrokenError,
    MissingError,
    SignerUnavailableError,
)
from hub.storage.objects.folder import ObjectStore
from hub.storage.objects.guarded import beside
from hub.storage.vault import DataKey, Vault
from signing.canonical import sha256

PATIENCE: Final = timedelta(seconds=12)
"""How long the second asker waits for the first."""
_LOOK_SECONDS: Final = 0.05
_PAGE: Final = 50
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Amended:
    """Another file of the same page; `renew_by` as in the row."""

    file: bytes = field(repr=False)
    renew_by: datetime | None


Amend = Callable[[bytes], Awaitable[Amended]]
Noted = Callable[[Connection], object]


class RenditionService:
    """Makes, keeps and gives out renditions. Who may have one is the caller's to decide, and to write down."""

    def __init__(
        self, database: Database, *, vault: Vault, objects: ObjectStore, source: RenditionSource, clock: Clock
    ) -> None:
        self._database = database
        self._leases = Leases(vault, clock, compromised=source.compromised)
        self._objects = objects
        self._source = source
        self._clock = clock

    async def get(self, request: Request) -> bytes:
        """The file; made now if nobody has made it.

        Raises: NotRenderedYetError, RenderingError, SigningKeyError, IntegrityBrokenError, StorageError.
        """
        until = self._clock() + PATIENCE
        while True:
            rendition, mine = await self._claim(request)
            if rendition.state == FILED:
                file = await self._read(rendition, request.key)
                if file is not None:
                    return file
            if mine:
                return await self._go_on(rendition, request.key)
            if self._clock() >= until:
                raise NotRenderedYetError
            await asyncio.sleep(_LOOK_SECONDS)

    async def finish(self) -> int:
        """Go on with everything that a crash left; answers how many. One that fails is an alarm, and stays as it is.

        Raises: StorageError when the store as a whole fails.
        """
        finished = 0
        for rendition in await self._database.read(partial(store.unfiled, limit=_PAGE, now=self._clock())):
            finished += await self._finished_alone(rendition)
        return finished

    async def _finished_alone(self, rendition: Rendition) -> bool:
        try:
            held = await self._database.write(lambda tx: self._leases.take(tx, rendition))
            if held is None:
                return False
            opened = await self._database.read(lambda tx: self._source.open(tx, held.version_id))
            self._leases.check(held)
            await self._go_on(held, opened.key)
        except STORE_FAILED:
            raise
        except SignerUnavailableError as error:  # the department has not answered, or is away: the next round asks
            _log.info("rendition_not_signed", rendition=rendition.id, reason=error.reason)
            return False
        except Exception as error:  # noqa: BLE001  # a damaged row must not keep the hub from starting
            _log.error("rendition_not_finished", alarm=True, rendition=rendition.id, error=type(error).__name__)
            return False
        return True

    async def _claim(self, request: Request) -> tuple[Rendition, bool]:
        """The rendition, and whether it is ours to make or to file."""
        try:
            return await self._database.write(lambda tx: self._leases.claimed(tx, request))
        except ConflictError:  # somebody wrote the same intent meanwhile
            return await self._database.write(lambda tx: self._leases.claimed(tx, request))

    async def amend(self, rendition_id: str, key: DataKey, amend: Amend, noted: Noted) -> bool:
        """Give a filed rendition another file of the same page, such as with a time-stamp more.

        Args:
            amend: the file as it is in, how it is to be out. Nothing is held while it works but the lease.
            noted: what else is written in the transaction that keeps the new file.
        False: it is in somebody's hands, or gone. Raises: what `amend` raises; IntegrityBrokenError, StorageError.
        """
        held = await self._database.write(lambda tx: self._leases.take_filed(tx, rendition_id))
        if held is None:
            return False
        file = await self._read(held, key)
        if file is None:
            return False
        amended = await amend(file)
        sealed = key.encrypt(place(held.id, "file"), amended.file)
        kept = replace(held, state=SIGNED, content=sealed, digest=sha256(amended.file), renew_by=amended.renew_by)
        kept = self._leases.guarded(kept)

        def unit(tx: Connection) -> bool:
            if not store.change_rendition(tx, kept, was=FILED):
                return False
            noted(tx)
            return True

        if not await self._database.write(unit):
            return False
        await self._go_on(kept, key)
        return True

    async def _go_on(self, rendition: Rendition, key: DataKey) -> bytes:
        """From wherever it is to the end; the same steps after a crash as before one."""
        crash_at("rendition.intended")
        if rendition.state == INTENDED:
            rendition = await self._make(rendition, key)
        file = _file(rendition, key, rendition.content)
        crash_at("rendition.stored")
        await beside(self._objects.put, _object(rendition.id), rendition.content)
        crash_at("rendition.put")
        filed = self._leases.guarded(replace(rendition, state=FILED, content=b"", lease_until=self._clock()))
        await self._database.write(lambda tx: store.change_rendition(tx, filed, was=SIGNED))
        return file

    async def _make(self, rendition: Rendition, key: DataKey) -> Rendition:
        plan = json.loads(key.decrypt(place(rendition.id, "plan"), rendition.content))
        try:
            made = await self._source.make(rendition, plan)
        except SignerUnavailableError as error:
            await self._park(rendition, error)
            raise
        crash_at("rendition.signed")
        signed = self._leases.guarded(
            replace(
                rendition,
                state=SIGNED,
                content=key.encrypt(place(rendition.id, "file"), made.file),
                digest=sha256(made.file),
                signing_kid=made.kid,
                code_kid=made.code_kid,
            )
        )

        def unit(tx: Connection) -> bool:
            self._source.check_usable(tx, made)
            if made.to_stamp is not None:
                stamping_queue.order(
                    tx, purpose=stamping_queue.RENDITION, reference=signed.id, digest=made.to_stamp, now=self._clock()
                )
            return store.change_rendition(tx, signed, was=INTENDED)

        if not await self._database.write(unit):
            raise NotRenderedYetError  # the lease lapsed while it was made: whoever took over has another file
        return signed

    async def _park(self, rendition: Rendition, error: SignerUnavailableError) -> None:
        """Let go of it until the department may have answered; whoever asks meanwhile is told at once."""
        await self._database.write(lambda tx: self._leases.park(tx, rendition, error))

    async def _read(self, rendition: Rendition, key: DataKey) -> bytes | None:
        """The filed bytes; None: they were replaced since the row was read. What lies in the object store is held
        against the row (threat S10).
        """
        try:
            stored = await beside(self._objects.get, _object(rendition.id))
            return _file(rendition, key, stored)
        except (IntegrityBrokenError, MissingError) as error:
            now = await self._database.read(lambda tx: store.rendition_by_id(tx, rendition.id))
            if now is not None and (now.state, now.digest) != (rendition.state, rendition.digest):
                return None
            _log.error("rendition_broken", alarm=True, rendition=rendition.id)
            raise IntegrityBrokenError("renditions") from error


def _file(rendition: Rendition, key: DataKey, sealed: bytes) -> bytes:
    file = key.decrypt(place(rendition.id, "file"), sealed)
    if sha256(file) != rendition.digest:
        raise IntegrityBrokenError("certificate_renditions")
    return file


def _object(rendition_id: str) -> str:
    return f"renditions/{rendition_id}"
