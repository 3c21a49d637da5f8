"""Archives of cases: ordered when a case is closed, made by a job, given to the system whose case it is."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

import structlog
from sqlalchemy import Connection

from certificates.archive.package import read_zip
from certificates.errors import ArchiveError
from hub.access.actors import Actor, Role
from hub.access.service import Caller
from hub.archive import store
from hub.archive.errors import ArchiveFaultyError, ArchiveNotReadyError, CaseOpenError, ScanGoneError
from hub.archive.making import ArchiveMaker, Packed
from hub.archive.shelf import ArchiveShelf
from hub.archive.store import FILED, INTENDED, ORDERED, SIGNED, Archive
from hub.clock import Clock
from hub.intake.about import about_parties
from hub.intake.cases import CaseService
from hub.intake.store import Case, case_by_id, find_case, parties_of
from hub.ledger.entries import Draft, append, seal
from hub.storage.database import Database
from hub.storage.errors import ConflictError, IntegrityBrokenError, MissingError
from hub.storage.jobs import enqueue
from hub.storage.vault import Vault
from signing.canonical import sha256

ARCHIVE: Final = "case.archive"
"""The job."""
_FIRST_WAIT: Final = timedelta(seconds=2)
_LONGEST_WAIT: Final = timedelta(minutes=5)
_LONG: Final = 8
"""So many times in vain, which is a quarter of an hour: an alarm."""
_PAGE: Final = 50
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ArchiveFile:
    """A package to be given out."""

    name: str
    data: bytes
    digest: str


@dataclass(frozen=True, slots=True)
class Restamped:
    """How many packages have a newer stamp, would have had none that ends later, or are not what was filed."""

    stamped: int
    no_longer: int
    broken: int


def order_at_close(tx: Connection, case: Case, now: datetime) -> None:
    """In the transaction that closes a case: it is to have an archive."""
    if store.order_archive(tx, case.id, now=now):
        enqueue(tx, ARCHIVE, {"case_id": case.id}, now=now)


class ArchiveService:
    """Makes, keeps, gives out and stamps again."""

    def __init__(
        self,
        database: Database,
        *,
        vault: Vault,
        maker: ArchiveMaker,
        shelf: ArchiveShelf,
        cases: CaseService,
        clock: Clock,
    ) -> None:
        self._database = database
        self._vault = vault
        self._maker = maker
        self._shelf = shelf
        self._cases = cases
        self._clock = clock

    async def run(self, job: Mapping[str, Any]) -> None:
        """The job's handler: go on to the end, or as far as the ledger and the time-stamps allow, and come again."""
        case_id, waits = str(job["case_id"]), int(job.get("waits", 0))
        try:
            await self.make(case_id)
        except ArchiveNotReadyError as error:
            now = self._clock()
            due = now + min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** min(waits, 10))
            if waits >= _LONG:  # the ledger is a second behind every closing
                _log.warning("archive_waits", alarm=True, case=case_id, reason=error.reason)
            again = {"case_id": case_id, "waits": waits + 1}
            await self._database.write(lambda tx: enqueue(tx, ARCHIVE, again, now=now, due=due))

    async def make(self, case_id: str) -> None:
        """Take every step that is not taken yet.

        Raises: ArchiveNotReadyError, ArchiveFaultyError, ArchiveError, SigningKeyError, IntegrityBrokenError,
            StorageError.
        """
        try:
            await self._steps(case_id)
        except ScanGoneError:  # withdrawn or erased after it was intended, before anybody has the package
            await self._database.write(lambda tx: _begin_again(tx, case_id))
            await self._steps(case_id)

    async def _steps(self, case_id: str) -> None:
        for state, step in ((ORDERED, self._maker.intend), (INTENDED, self._maker.sign), (SIGNED, self._file)):
            case, archive = await self._database.read(lambda tx: _read(tx, case_id))
            if archive.state == state:
                await step(case, archive)

    async def order(self, case_no: str) -> str:
        """Have an archive made of a case that was closed before there were any; answers the case's id.

        Raises: MissingError: no such case. CaseOpenError.
        """
        now = self._clock()

        def unit(tx: Connection) -> str:
            case = find_case(tx, case_no)
            if case is None:
                raise MissingError("case")
            if case.closed_at is None:
                raise CaseOpenError
            if "case.close" not in store.turning_points(tx, case.id):
                raise MissingError("case")  # of the sandbox: its closing is no closing
            order_at_close(tx, case, now)
            return case.id

        try:
            return await self._database.write(unit)
        except ConflictError:  # somebody ordered it meanwhile
            return await self._database.write(unit)

    async def give(self, caller: Caller, case_no: str) -> ArchiveFile:
        """The package of the caller's own case; the look is on the ledger before the bytes leave.

        Raises: CaseNotFoundError (somebody else's too, and that look is on the ledger); CaseOpenError;
            ArchiveNotReadyError; IntegrityBrokenError, UnavailableError.
        """
        case = await self._cases.get(caller, case_no)
        if case.closed_at is None:
            raise CaseOpenError
        if await self._database.read(lambda tx: store.find_archive(tx, case.id)) is None:
            await self.order(case_no)
        return await self._given(case, {"client_id": caller.client_id})

    async def export(self, actor: Actor, case_no: str) -> ArchiveFile:
        """The package for whoever runs the hub; the look is on the ledger. Raises: MissingError, and as `give`."""
        actor.require(Role.OPERATOR)
        case = await self._database.read(lambda tx: find_case(tx, case_no))
        if case is None:
            raise MissingError("case")
        if case.closed_at is None:
            raise CaseOpenError
        return await self._given(case, {"actor": actor.as_json()})

    async def remake(self, actor: Actor, case_no: str) -> None:
        """Put the same files together again, under a stamp of now: for a package that the object store lost.

        Raises: MissingError: nothing was filed yet; ForbiddenError; and as `make`.
        """
        actor.require(Role.OPERATOR)
        case = await self._database.read(lambda tx: find_case(tx, case_no))
        archive = None if case is None else await self._database.read(lambda tx: store.find_archive(tx, case.id))
        if case is None or archive is None or archive.state != FILED:
            raise MissingError("archive")
        packed = await self._maker.stamped(await self._maker.put_together(case, archive))
        await self._shelf.keep(case, archive, packed, "case.archive_remade", {"actor": actor.as_json()})

    async def stamped_again(self, files: dict[str, bytes]) -> Packed:
        """A package that somebody brings, with one more stamp of this hub's authority; it must verify here.

        Raises: ArchiveFaultyError, ArchiveNotReadyError, ArchiveError.
        """
        return await self._maker.stamped(files)

    async def restamp(self, actor: Actor, *, ends_before: datetime, most: int = 1000) -> Restamped:
        """Put a newer stamp over every stored package whose newest one ends before a moment.

        A stamp that would end no later than the one before it is not added: it would prove nothing longer.
        Raises: ForbiddenError; ArchiveNotReadyError: no authority answers; StorageError: the store as a whole fails.
        """
        actor.require(Role.OPERATOR)
        counts = dict.fromkeys(("stamped", "no_longer", "broken"), 0)
        last = ""
        while sum(counts.values()) < most:
            found = await self._database.read(
                partial(store.stamps_end_before, moment=ends_before, most=_PAGE, after=last)
            )
            if not found:
                break
            last = found[-1].id
            for archive in found:
                counts[await self._restamped(actor, archive)] += 1
        return Restamped(**counts)

    async def _restamped(self, actor: Actor, archive: Archive) -> str:
        try:
            case, _ = await self._database.read(lambda tx: _read(tx, archive.case_id))
            package = await self._shelf.package(case, archive)
            packed = await self._maker.stamped(await asyncio.to_thread(read_zip, package))
        except (IntegrityBrokenError, MissingError, ArchiveFaultyError, ArchiveError) as error:
            _log.error("archive_not_stamped_again", alarm=True, archive=archive.id, error=type(error).__name__)
            return "broken"
        if archive.stamp_ends_at is not None and packed.stamp.not_after <= archive.stamp_ends_at:
            return "no_longer"
        detail = {"actor": actor.as_json(), "stamps": packed.stamps}
        await self._shelf.keep(case, archive, packed, "case.archive_restamp", detail)
        return "stamped"

    async def _file(self, case: Case, archive: Archive) -> None:
        packed = await self._maker.stamped(await self._maker.put_together(case, archive))
        await self._shelf.keep(case, archive, packed, None, {})

    async def _given(self, case: Case, by: dict[str, Any]) -> ArchiveFile:
        archive = await self._filed(case)
        try:
            package = await self._shelf.package(case, archive)
        except IntegrityBrokenError:
            known, archive = archive, await self._filed(case)
            if archive.digest == known.digest:
                raise
            package = await self._shelf.package(case, archive)  # it was stamped again meanwhile
        digest = sha256(package).hex()
        detail = {"case_no": case.case_no, "archive": archive.id, "digest": digest}
        await self._database.write(lambda tx: self._read_by(tx, case, detail | by))
        return ArchiveFile(f"{case.case_no}.zip", package, digest)

    def _read_by(self, tx: Connection, case: Case, detail: dict[str, Any]) -> None:
        """Every party whom the hub knows reads it among who looked: an archive holds what was told of all of them."""
        lookups = [party.lookup_hash for party in parties_of(tx, case.id).values() if party.lookup_hash]
        drafts = [
            Draft(kind="case.archive_read", detail=detail, key=key, subject_id=subject_id, case_id=case.id)
            for key, subject_id in about_parties(tx, self._vault, case, lookups)
        ]
        append(tx, [seal(draft, now=self._clock()) for draft in drafts])

    async def _filed(self, case: Case) -> Archive:
        archive = await self._database.read(lambda tx: store.find_archive(tx, case.id))
        if archive is None or archive.state != FILED:
            raise ArchiveNotReadyError
        return archive


def _read(tx: Connection, case_id: str) -> tuple[Case, Archive]:
    case, archive = case_by_id(tx, case_id), store.find_archive(tx, case_id)
    if case is None or archive is None:
        raise MissingError("archive")
    return case, archive


def _begin_again(tx: Connection, case_id: str) -> None:
    """Nothing of what was intended has left: it is intended anew, as another entry."""
    _, archive = _read(tx, case_id)
    if archive.state != FILED:
        store.change_archive(tx, archive, state=ORDERED, intent=None, results=None, ledger_entry_id=None)
