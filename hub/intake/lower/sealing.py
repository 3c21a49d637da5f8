"""Sealed copies 材料共享章: a paper scanned once at a counter, sealed by clerk and office, then reusable.

Order of effects: the file is judged → the intent and its ledger row commit → the scan is put, under a key of its own →
the seal is signed → the result commits, with the order of its time-stamp. What was cut off in between is taken back by
`sweep`; a repeat under its Idempotency-Key finishes it before.
"""

import asyncio
import base64
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from hub.access.service import Caller
from hub.clock import Clock, rfc3339
from hub.intake import store as cases
from hub.intake.errors import CaseClosedError
from hub.intake.holding import lock_case
from hub.intake.lower import copy_store as store
from hub.intake.lower.copy_intents import CopyIntents, Scan, record_copy
from hub.intake.lower.copy_store import FILING, SEALED, SealedCopy
from hub.intake.lower.errors import CopyStateError, PaperRefusedError, ScanDeletedError
from hub.intake.lower.finding import own_case, seal_key
from hub.intake.lower.handing_in import copy_place
from hub.intake.lower.papers.checking import MOST_BYTES, Paper, check_paper
from hub.intake.lower.reading import may_read
from hub.issuing.keys.desk import SigningDesk
from hub.issuing.stamping import queue
from hub.issuing.types.registry import TypeRegistry
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.idempotency import RequestKey, write_once
from hub.storage.jobs import enqueue
from hub.storage.objects.folder import ObjectStore
from hub.storage.vault import Vault
from signing.canonical import sha256, strict_loads
from signing.jose import sign_jws

DELETE: Final = "copy.delete"
"""The kind of job that deletes the scan of a copy that serves nobody any more."""
SEAL_TYPE: Final = "sealed-copy+jwt"
STAMP_PURPOSE: Final = "sealed_copy"
FILING_TIME: Final = timedelta(hours=1)


class SealedCopies:
    """Takes, shows, gives out and takes back sealed copies."""

    def __init__(
        self,
        database: Database,
        *,
        vault: Vault,
        desk: SigningDesk,
        objects: ObjectStore,
        types: TypeRegistry,
        public_url: str,
        clock: Clock,
    ) -> None:
        self._database = database
        self._vault = vault
        self._desk = desk
        self._objects = objects
        self._types = types
        self._public_url = public_url
        self._clock = clock
        self._intents = CopyIntents(vault)

    async def seal(self, caller: Caller, case_no: str, scan: Scan, *, request: RequestKey | None) -> dict[str, Any]:
        """Seal a scan for one requirement about one party; the same Idempotency-Key gives the same copy.

        Raises: CaseNotFoundError, CaseClosedError, UnlistedRequirementError, StandInRefusedError, PaperRefusedError,
        IdempotencyError, StorageError.
        """
        await self._database.read(lambda tx: own_case(tx, caller, case_no))
        if len(scan.content) > MOST_BYTES:
            raise PaperRefusedError("too_large", "/file")
        paper = await asyncio.to_thread(check_paper, scan.content)
        now = self._clock()
        copy_id = await write_once(
            self._database, lambda tx: self._intents.intend(tx, caller, case_no, scan, paper, request, now)
        )
        copy = await self._copy(copy_id)
        if copy.state == FILING:
            await self._file(copy, paper)
        return await self._shown(copy_id)

    async def list(self, caller: Caller, case_no: str) -> list[dict[str, Any]]:
        """What was scanned for the caller's own case. Raises: CaseNotFoundError."""

        def unit(tx: Connection) -> list[dict[str, Any]]:
            return [self._told(tx, copy) for copy in store.copies_of(tx, own_case(tx, caller, case_no).id)]

        return await self._database.read(unit)

    async def content(self, caller: Caller, case_no: str, copy_id: str) -> tuple[bytes, str]:
        """The scan and its media type: to whoever handed it in; and to a system whose open case was answered with it
        and whose grants cover all that the page shows. Each look is on the ledger.

        Raises: CaseNotFoundError, CaseClosedError, MissingError, ScanDeletedError, IntegrityBrokenError,
        UnavailableError.
        """
        now = self._clock()
        copy = await self._database.write(lambda tx: self._read(tx, caller, case_no, copy_id, now))
        key = self._vault.data_key(copy.data_key, copy.kek_kid)
        sealed = await asyncio.to_thread(self._objects.get, object_name(copy.id))
        return key.decrypt(copy_place(copy.id, "object"), sealed), copy.media_type

    async def withdraw(self, caller: Caller, case_no: str, copy_id: str, reason: str) -> dict[str, Any]:
        """By the office that sealed it: it serves nobody from now on. What was told with it before stays told.

        Raises: CaseNotFoundError, MissingError, CopyStateError.
        """
        now = self._clock()

        def unit(tx: Connection) -> None:
            case = own_case(tx, caller, case_no)
            copy = store.find_copy(tx, copy_id)
            if copy is None or copy.case_id != case.id:
                raise MissingError("sealed_copy")
            if not store.withdraw_copy(tx, copy.id, now=now):
                raise CopyStateError("withdrawn")
            record_copy(
                tx,
                self._vault,
                case,
                (copy.id, copy.subject_lookup),
                "copy.withdrawn",
                {"client_id": caller.client_id, "reason": reason},
                now,
            )
            enqueue(tx, DELETE, {"copy": copy.id}, now=now)

        await self._database.write(unit)
        return await self._shown(copy_id)

    async def delete(self, payload: Mapping[str, Any]) -> None:
        """The handler of `DELETE`. Running it twice is harmless."""
        await asyncio.to_thread(self._objects.delete, object_name(str(payload["copy"])))

    async def sweep(self) -> int:
        """Take back what was cut off before it was sealed; answers how many."""
        now = self._clock()

        def unit(tx: Connection) -> int:
            found = store.unfinished(tx, before=now - FILING_TIME)
            for copy in found:
                case = cases.case_by_id(tx, copy.case_id)
                if case is not None and store.withdraw_copy(tx, copy.id, now=now):
                    whose, why = (copy.id, copy.subject_lookup), {"reason": "not_filed"}
                    record_copy(tx, self._vault, case, whose, "copy.withdrawn", why, now)
                    enqueue(tx, DELETE, {"copy": copy.id}, now=now)
            return len(found)

        if not await self._database.read(lambda tx: store.unfinished(tx, before=now - FILING_TIME)):
            return 0
        return await self._database.write(unit)

    async def _file(self, copy: SealedCopy, paper: Paper) -> None:
        key = self._vault.data_key(copy.data_key, copy.kek_kid)
        sealed = key.encrypt(copy_place(copy.id, "object"), paper.content)
        await asyncio.to_thread(self._objects.put, object_name(copy.id), sealed)
        certified, signed_by = await self._database.read(lambda tx: seal_key(tx, self._desk, copy.department))
        plain = key.decrypt(copy_place(copy.id, "content"), copy.content)
        said = strict_loads(plain, max_bytes=len(plain))
        by_department = signed_by == "department"
        payload = {
            "iss": self._desk.issuer_uri(copy.department) if by_department else self._public_url,
            "iat": int(copy.sealed_at.timestamp()),
            "jti": copy.id,
            "signed_by": signed_by,
            **{name: value for name, value in said.items() if name not in {"bound", "kind"}},
        }
        signer = certified.about(kind="sealed-copy")
        token = sign_jws(payload, signer=signer, typ=SEAL_TYPE, header=certified.header).encode()

        def unit(tx: Connection) -> None:
            self._desk.check_usable(tx, [certified.signer.public.kid])
            if store.finish_copy(tx, copy.id, key.encrypt(copy_place(copy.id, "token"), token)):
                digest, now = sha256(token), self._clock()
                queue.order(tx, purpose=STAMP_PURPOSE, reference=copy.id, digest=digest, now=now)
            elif (known := store.find_copy(tx, copy.id)) is None or known.state != SEALED:
                # Taken back while it was filed: its scan was deleted before it was there.
                enqueue(tx, DELETE, {"copy": copy.id}, now=self._clock())

        await self._database.write(unit)

    def _read(self, tx: Connection, caller: Caller, case_no: str, copy_id: str, now: datetime) -> SealedCopy:
        case, copy = own_case(tx, caller, case_no), store.find_copy(tx, copy_id)
        if copy is None or copy.state != SEALED:
            raise MissingError("sealed_copy")
        if copy.scan_deleted_at is not None:
            raise ScanDeletedError
        if copy.case_id != case.id:
            state, _ = lock_case(tx, case.id, kid=None)
            if state != cases.OPEN:
                raise CaseClosedError
            if not may_read(tx, self._vault, self._types, caller, case, copy, now):
                raise MissingError("sealed_copy")
        by = {"client_id": caller.client_id}
        record_copy(tx, self._vault, case, (copy.id, copy.subject_lookup), "copy.read", by, now)
        return copy

    async def _copy(self, copy_id: str) -> SealedCopy:
        copy = await self._database.read(lambda tx: store.find_copy(tx, copy_id))
        if copy is None:
            raise MissingError("sealed_copy")
        return copy

    async def _shown(self, copy_id: str) -> dict[str, Any]:
        copy = await self._copy(copy_id)
        return await self._database.read(lambda tx: self._told(tx, copy))

    def _told(self, tx: Connection, copy: SealedCopy) -> dict[str, Any]:
        """With the seal, and its time-stamp (RFC 3161, DER in base64) once that has come."""
        token, stamp = None, queue.find(tx, purpose=STAMP_PURPOSE, reference=copy.id)
        if copy.token is not None:
            key = self._vault.data_key(copy.data_key, copy.kek_kid)
            token = key.decrypt(copy_place(copy.id, "token"), copy.token).decode()
        return {
            "id": copy.id,
            "requirement": copy.code,
            "party": copy.party,
            "office": copy.department,
            "state": copy.state,
            "digest": copy.digest,
            "media_type": copy.media_type,
            "size": copy.size,
            "pages": copy.pages,
            "sealed_at": rfc3339(copy.sealed_at),
            "valid_until": copy.valid_until,
            "withdrawn_at": rfc3339(copy.withdrawn_at) if copy.withdrawn_at else None,
            "scan_deleted_at": rfc3339(copy.scan_deleted_at) if copy.scan_deleted_at else None,
            "seal": token,
            "time_stamp": base64.b64encode(stamp.token).decode() if stamp and stamp.token else None,
            "stamped_at": rfc3339(stamp.stamped_at) if stamp and stamp.stamped_at else None,
        }


def object_name(copy_id: str) -> str:
    """Where the scan lies."""
    return f"sealed-copies/{copy_id}"
