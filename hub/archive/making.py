"""Making an archive: gather → intent with its ledger row → sign → results → stamp → file. Each step is taken once.

A step that was committed is never taken again: what a crash left goes on from there, with the same salts, statements
and signatures. Nothing is asked from outside but the time-stamp; who waits for that, or for the ledger, comes again.
"""

import asyncio
import base64
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Final

import structlog
from sqlalchemy import Connection

from certificates.archive.check import STEPS, check_archive
from certificates.archive.package import write_zip
from certificates.archive.readme import README
from certificates.archive.stamps import next_record
from certificates.verifying.pack import TrustPack
from certificates.verifying.verdict import Result
from hub.archive import store
from hub.archive.composing import compose, sign
from hub.archive.errors import ArchiveFaultyError, ArchiveNotReadyError
from hub.archive.gathering import answers, bodies_in_order, gather
from hub.archive.records import read_scans, scan_keys
from hub.archive.store import INTENDED, ORDERED, SIGNED, Archive
from hub.clock import Clock
from hub.intake.answers import case_key
from hub.intake.store import Case
from hub.issuing.keys.desk import SigningDesk
from hub.issuing.stamping.service import StampUnavailableError, TimeStamps
from hub.issuing.types.registry import TypeRegistry
from hub.ledger.entries import Draft, append, seal
from hub.ledger.proofs import Under
from hub.storage.crash import crash_at
from hub.storage.database import Database
from hub.storage.errors import IntegrityBrokenError
from hub.storage.objects.folder import ObjectStore
from hub.storage.vault import Vault
from hub.verification.service import VerificationService
from signing.canonical import canonical, sha256, strict_loads
from signing.tsp.tokens import Stamp

_MAX_DEPTH: Final = 128
_INTEGRITY: Final = frozenset(STEPS[:4])
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Packed:
    """A package with its newest stamp."""

    data: bytes
    stamp: Stamp
    stamps: int


class ArchiveMaker:
    """Takes the steps of one archive."""

    def __init__(
        self,
        database: Database,
        *,
        vault: Vault,
        objects: ObjectStore,
        types: TypeRegistry,
        desk: SigningDesk,
        stamps: TimeStamps,
        verification: VerificationService,
        clock: Clock,
        public_url: str,
        log_key: str,
        under: Under,
    ) -> None:
        self._database = database
        self._vault = vault
        self._objects = objects
        self._types = types
        self._desk = desk
        self._stamps = stamps
        self._verification = verification
        self._clock = clock
        self._public_url = public_url
        self._log_key = log_key
        self._under = under

    async def intend(self, case: Case, archive: Archive) -> None:
        """Fix what the archive will say. Raises: ArchiveNotReadyError, IntegrityBrokenError, SigningKeyError."""
        now = self._clock()
        certified, policy = self._desk.hub("hub"), await self._verification.told_policy()
        public = {
            "readme": README,
            "trust_list": TrustPack(policy, {}, now).signed(signer=certified.signer, header=certified.header),
            "anchors": [base64.b64encode(der).decode() for der in dict.fromkeys(self._stamps.anchors())],
        }
        gathered = await self._database.read(
            lambda tx: gather(tx, self._vault, self._types, case, hub_uri=self._public_url, under=self._under)
        )
        intent = await asyncio.to_thread(canonical, gathered | public)
        await self._database.write(lambda tx: self._intend(tx, case, archive, intent))
        crash_at("archive.intended")

    def _intend(self, tx: Connection, case: Case, archive: Archive, intent: bytes) -> None:
        key = case_key(self._vault, case)
        detail = {"case_no": case.case_no, "archive": archive.id, "payload_hash": sha256(intent).hex()}
        entry = Draft(kind="case.archive", detail=detail, key=key, case_id=case.id)
        sealed = key.encrypt(_place(archive, "intent"), intent)
        if store.change_archive(tx, archive, state=INTENDED, intent=sealed, ledger_entry_id=entry.id):
            append(tx, [seal(entry, now=self._clock())])

    async def sign(self, case: Case, archive: Archive) -> None:
        """Sign what was intended, and keep the signatures. Raises: SigningKeyError, KeyPolicyError, ArchiveError."""
        key = case_key(self._vault, case)
        intent, bodies = await self._database.read(lambda tx: self._intended(tx, case, archive))
        scans = await self._scans(intent)
        hub, status = self._desk.hub("hub"), self._desk.hub("status")
        results = await asyncio.to_thread(  # the key may be in a token
            lambda: sign(intent, bodies, hub=hub, status=status, log_key=self._log_key, scans=scans)
        )
        sealed = key.encrypt(_place(archive, "results"), canonical(results))
        await self._database.write(lambda tx: store.change_archive(tx, archive, state=SIGNED, results=sealed))
        crash_at("archive.signed")

    async def put_together(self, case: Case, archive: Archive) -> dict[str, bytes]:
        """The files without stamps, the same every time. Raises: IntegrityBrokenError."""
        intent, bodies = await self._database.read(lambda tx: self._intended(tx, case, archive))
        if archive.results is None:
            raise IntegrityBrokenError("case_archives")
        results = self._opened(case, archive, "results", archive.results)
        return await asyncio.to_thread(compose, intent, results, bodies, await self._scans(intent))

    async def stamped(self, files: dict[str, bytes]) -> Packed:
        """The package with one more stamp, verified as its readers will.

        Raises: ArchiveNotReadyError ("time_stamp"); ArchiveFaultyError: a file is not what it must be; ArchiveError.
        """
        record_name, token_name, said = next_record(files)
        try:
            token, stamp = await self._stamps.stamped(sha256(said))
        except StampUnavailableError as error:
            raise ArchiveNotReadyError("time_stamp") from error
        whole = files | {record_name: said, token_name: token}
        anchors, now = self._stamps.anchors(), self._clock()
        verdict = await asyncio.to_thread(check_archive, whole, anchors=anchors, at=now)
        if verdict.result is not Result.PASSED:
            told = [f"{item.reason} {item.file}" for step in verdict.steps for item in step.findings]
            if any(step.result is Result.FAILED and step.name in _INTEGRITY for step in verdict.steps):
                raise ArchiveFaultyError(*told)
            # What was disclosed was disclosed: it is kept, and every check will say the same of it.
            _log.error("archive_does_not_pass", alarm=True, findings=told)
        return Packed(await asyncio.to_thread(write_zip, whole), stamp, int(PurePosixPath(token_name).stem))

    async def _scans(self, intent: dict[str, Any]) -> dict[str, bytes]:
        """What was scanned for the case. Raises: IntegrityBrokenError: a scan is another, or gone by now."""
        named = intent.get("scans", [])
        keys = await self._database.read(lambda tx: scan_keys(tx, self._vault, named)) if named else {}
        return await read_scans(self._objects, keys, named)

    def _intended(self, tx: Connection, case: Case, archive: Archive) -> tuple[dict[str, Any], list[bytes]]:
        if archive.intent is None or archive.state == ORDERED:
            raise IntegrityBrokenError("case_archives")
        intent = self._opened(case, archive, "intent", archive.intent)
        return intent, bodies_in_order(answers(tx, self._vault, case), intent)

    def _opened(self, case: Case, archive: Archive, what: str, sealed: bytes) -> dict[str, Any]:
        plain = case_key(self._vault, case).decrypt(_place(archive, what), sealed)
        content: dict[str, Any] = strict_loads(plain, max_bytes=len(plain), max_depth=_MAX_DEPTH)
        return content


def _place(archive: Archive, what: str) -> str:
    return f"case_archives:{archive.id}:{what}"
