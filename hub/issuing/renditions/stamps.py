"""Time-stamps that pages get after they were made: the one that was pending, and those that keep them provable.

A page made while the authority was away has room for its stamp, which is put in when it arrives. A stored PDF gets a
stamp over all of it, and another before the certificate of the last one ends (B-LTA): signatures outlive their keys.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import structlog
from sqlalchemy import Connection

from certificates.rendering import store
from certificates.rendering.store import Rendition
from hub.clock import Clock
from hub.issuing.keys.desk import SigningDesk, find_key_certificate
from hub.issuing.renditions.service import Amended, RenditionService
from hub.issuing.renditions.source import OFD, Opened, RenditionSource
from hub.issuing.stamping import queue as stamping_queue
from hub.issuing.stamping.queue import StampOrder
from hub.issuing.stamping.service import StampUnavailableError, TimeStamps
from hub.ledger.entries import Draft, append, seal
from hub.storage.database import Database
from hub.storage.errors import STORE_FAILED, MissingError
from signing.errors import SigningError

_PAGE: Final = 50
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Renewed:
    """How many files were stamped, and how many could not be: each of these is in the log."""

    stamped: int
    failed: int


@dataclass(frozen=True, slots=True)
class _Trust:
    """What a file is checked with before it is stamped, and after."""

    path: tuple[bytes, ...]
    anchors: tuple[bytes, ...]
    stamp_anchors: tuple[bytes, ...]
    crls: tuple[bytes, ...]


class RenditionStamps:
    """Stamps stored pages."""

    def __init__(
        self,
        database: Database,
        *,
        renditions: RenditionService,
        source: RenditionSource,
        desk: SigningDesk,
        stamps: TimeStamps,
        clock: Clock,
    ) -> None:
        self._database = database
        self._renditions = renditions
        self._source = source
        self._desk = desk
        self._stamps = stamps
        self._clock = clock

    async def attach_arrived(self) -> int:
        """Put stamps that arrived into the pages that wait for them; answers how many. One that fails is an alarm.

        Raises: StorageError when the store as a whole fails.
        """
        attached = 0
        arrived = partial(stamping_queue.arrived, purpose=stamping_queue.RENDITION, limit=_PAGE)
        for order in await self._database.read(arrived):
            try:
                attached += await self._attach(order)
            except STORE_FAILED:
                raise
            except SigningError as error:  # no stamp of this size, or of this file: it would be so for ever
                _log.error("stamp_not_attached", alarm=True, rendition=order.reference, reason=error.reason)
                await self._database.write(partial(_forget, reference=order.reference))
            except Exception as error:  # noqa: BLE001  # one damaged row must not keep the others waiting
                _log.error("stamp_not_attached", alarm=True, rendition=order.reference, error=type(error).__name__)
        return attached

    async def renew(self, *, within: timedelta, limit: int = 1_000_000) -> Renewed:
        """Stamp every stored PDF of a licence that has no stamp over the whole, or whose newest ends within that time.

        May be run again at any time, and goes on where it was stopped.

        Raises: StampUnavailableError: what was done so far is kept. StorageError.
        """
        before, after, stamped, failed = self._clock() + within, "", 0, 0
        while stamped + failed < limit:
            due = partial(store.to_renew, before=before, after=after, limit=min(_PAGE, limit - stamped - failed))
            found = await self._database.read(due)
            if not found:
                break
            for rendition_id in found:
                done = await self._renewed(rendition_id)
                stamped, failed = stamped + done, failed + (not done)
            after = found[-1]
        return Renewed(stamped, failed)

    async def _attach(self, order: StampOrder) -> bool:
        token = order.token
        try:
            rendition, opened = await self._database.read(lambda tx: self._opened(tx, order.reference))
        except MissingError:  # deleted, or its holder erased
            await self._database.write(partial(_forget, reference=order.reference))
            return False
        assert token is not None  # noqa: S101  # it arrived

        async def amend(file: bytes) -> Amended:
            return Amended(await asyncio.to_thread(_with_stamp, rendition.format, file, token), rendition.renew_by)

        return await self._renditions.amend(
            rendition.id, opened.key, amend, self._noted(rendition, opened, "time-stamp")
        )

    async def _renewed(self, rendition_id: str) -> bool:
        try:
            rendition, opened = await self._database.read(lambda tx: self._opened(tx, rendition_id))
            trust = await self._database.read(lambda tx: self._trust(tx, rendition))

            async def amend(file: bytes) -> Amended:
                stamp = self._stamps.from_thread()
                return await asyncio.to_thread(_archived, file, trust, stamp, self._clock)

            noted = self._noted(rendition, opened, "archive")
            return await self._renditions.amend(rendition.id, opened.key, amend, noted)
        except (*STORE_FAILED, StampUnavailableError):
            raise
        except Exception as error:  # noqa: BLE001  # one damaged file must not keep the others from being stamped
            reason = getattr(error, "reason", type(error).__name__)
            _log.error("page_not_stamped", alarm=True, rendition=rendition_id, reason=reason)
            return False

    def _opened(self, tx: Connection, rendition_id: str) -> tuple[Rendition, Opened]:
        rendition = store.rendition_by_id(tx, rendition_id)
        if rendition is None:
            raise MissingError("rendition")
        return rendition, self._source.open(tx, rendition.version_id)

    def _trust(self, tx: Connection, rendition: Rendition) -> _Trust:
        certificate = find_key_certificate(tx, rendition.signing_kid)
        if certificate is None:
            raise MissingError("key certificate")
        return _Trust(certificate.chain, self._desk.anchors(), self._stamps.anchors(), self._desk.crls())

    def _noted(self, rendition: Rendition, opened: Opened, what: str) -> Callable[[Connection], None]:
        """The entry, and no order any more: a stamp over the whole proves the time as well."""

        def noted(tx: Connection) -> None:
            detail = {"identifier": opened.version.identifier, "format": rendition.format, "what": what}
            entry = Draft(
                kind="certificate.restamp", detail=detail, key=opened.key, subject_id=opened.version.subject_id
            )
            append(tx, [seal(entry, now=self._clock())])
            _forget(tx, reference=rendition.id)

        return noted


def _forget(tx: Connection, *, reference: str) -> None:
    stamping_queue.forget(tx, purpose=stamping_queue.RENDITION, reference=reference)


def _with_stamp(form: str, file: bytes, token: bytes) -> bytes:
    if form == OFD:
        from certificates.rendering.ofd import sealing as ofd_sealing

        return ofd_sealing.attach_stamp(file, token)
    from signing.pades import archive as pades_archive

    return pades_archive.attach_stamp(file, token)


def _archived(pdf: bytes, trust: _Trust, stamp: Callable[[bytes], bytes], clock: Callable[[], datetime]) -> Amended:
    """The file with its signer's certificates, the revocation lists about them and a stamp over all. Checked first: a
    stamp must not vouch for anything that was done to the file since it was made.
    """
    from signing.pades.archive import add_document_stamp, add_validation
    from signing.pades.check import Level, check
    from signing.x509.crl import revocation_lists

    found = check(pdf, anchors=trust.anchors, now=clock(), stamp_anchors=trust.stamp_anchors)
    if found.level in {Level.BASIC, Level.STAMPED}:
        present = found.validation.get("Certs", ())
        path = [*trust.path, *_roots_of(trust.path[-1], trust.anchors)]
        crls = revocation_lists(trust.crls).of_path(path)
        pdf = add_validation(pdf, certificates=[each for each in path if each not in present], crls=crls)
    pdf = add_document_stamp(pdf, stamp=stamp)
    done = check(pdf, anchors=trust.anchors, now=clock(), stamp_anchors=trust.stamp_anchors)
    return Amended(pdf, done.stamps[-1].not_after)


def _roots_of(certificate: bytes, anchors: tuple[bytes, ...]) -> list[bytes]:
    from cryptography import x509

    issuer = x509.load_der_x509_certificate(certificate).issuer
    return [each for each in anchors if x509.load_der_x509_certificate(each).subject == issuer]
