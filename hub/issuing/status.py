"""Status: changing it, and publishing the lists that verifiers read.

The row is the truth; a list is signed from the rows, short-lived and replaceable (seam D9). A change commits its row,
its ledger entry and the job that republishes the list together; the list follows within the job's delay.
"""

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self

from sqlalchemy import Connection

from certificates import store
from certificates.lifecycle import STATUS_BITS, Operation, Status, transition
from certificates.store import VersionRecord
from hub.clock import Clock, new_id
from hub.exchange.uses import Event, announce, of_certificate
from hub.issuing.desk import SigningDesk
from hub.issuing.service import PUBLISH_STATUS
from hub.ledger.entries import Draft, append, seal
from hub.ledger.guards import changed_since_made, check_guards, version_mac
from hub.storage.crash import crash_at
from hub.storage.database import Database
from hub.storage.errors import IntegrityBrokenError, MissingError
from hub.storage.jobs import enqueue
from hub.storage.objects import ObjectStore
from hub.storage.vault import Vault
from signing.status_list import sign_status_list

TTL: Final = timedelta(minutes=10)
_CHUNK: Final = 500


@dataclass(frozen=True, slots=True)
class _Published:
    """A signed list and the instant at which its rows were read."""

    token: bytes
    read_at: datetime

    def to_bytes(self) -> bytes:
        return f"{self.read_at.timestamp()}\n".encode() + self.token

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        instant, _, token = data.partition(b"\n")
        return cls(token, datetime.fromtimestamp(float(instant), UTC))


class UnknownCertificateError(Exception):
    """No certificate has this identifier."""


_HEARD: Final = {
    Operation.REVOKE: Event.REVOKED,
    Operation.SUSPEND: Event.SUSPENDED,
    Operation.RESUME: Event.RESUMED,
    Operation.SUPERSEDE: Event.SUPERSEDED,
}


class StatusService:
    """Suspends, resumes and revokes; signs and stores status lists."""

    def __init__(
        self,
        database: Database,
        *,
        vault: Vault,
        desk: SigningDesk,
        objects: ObjectStore,
        clock: Clock,
        public_url: str,
        lifetime: timedelta,
    ) -> None:
        self._database = database
        self._vault = vault
        self._desk = desk
        self._objects = objects
        self._clock = clock
        self._public_url = public_url
        self._lifetime = lifetime

    async def change(self, identifier: str, operation: Operation, *, reason: str, legal_basis: str) -> VersionRecord:
        """Change a certificate's status; from this commit on nothing verifies it as valid here.

        Raises: UnknownCertificateError; TransitionError when the table does not allow it; StorageError.
        """
        changed = await self._database.write(lambda tx: self._change(tx, identifier, operation, reason, legal_basis))
        crash_at("status.changed")
        await self.publish({"number": changed.status_list})
        return changed

    async def publish(self, payload: Any) -> None:
        """Sign one list from its rows and store it. A job's handler: running it twice is harmless."""
        await self.build(int(payload["number"]))

    async def build(self, number: int) -> bytes:
        """A freshly signed list.

        Raises: MissingError for a list that does not exist; IntegrityBrokenError when a status was written by anyone
        but the hub: no list is signed over it, and readiness says so.
        """
        read_at = self._clock()
        statuses = await self._database.read(lambda tx: self._guarded(tx, number))
        certified = self._desk.hub("status")
        token = sign_status_list(
            uri=f"{self._public_url}/status-lists/{number}",
            statuses={index: STATUS_BITS[Status(status)] for index, status in statuses.items()},
            size=store.LIST_SIZE,
            signer=certified.signer,
            header=certified.header,
            now=read_at,
            expires_in=self._lifetime,
            ttl=TTL,
        ).encode()
        known = await asyncio.to_thread(self._stored, number)
        if known is None or known.read_at <= read_at:  # another process may have published newer rows meanwhile
            await asyncio.to_thread(self._objects.put, _name(number), _Published(token, read_at).to_bytes())
        return token

    async def current(self, number: int) -> bytes:
        """The stored list, signed anew when it is missing or past half its life.

        Raises: MissingError for a list that does not exist.
        """
        known = await asyncio.to_thread(self._stored, number)
        if known is None or not timedelta() <= self._clock() - known.read_at < self._lifetime / 2:
            return await self.build(number)
        return known.token

    async def numbers(self) -> list[int]:
        """All lists."""
        return await self._database.read(store.list_numbers)

    def _stored(self, number: int) -> "_Published | None":
        try:
            return _Published.from_bytes(self._objects.get(_name(number)))
        except (MissingError, IntegrityBrokenError):
            return None

    def _guarded(self, tx: Connection, number: int) -> dict[int, str]:
        """Index → status of everything on a list that is not valid.

        Every row that says so, and every row that the ledger says was ever changed, is held against its guard: a row
        put back to valid behind the hub's back must not be signed as valid.
        """
        if not store.list_exists(tx, number):
            raise MissingError(f"status list {number}")
        ids = sorted({*changed_since_made(tx, store.on_list(number)), *store.not_plainly_valid(tx, number)})
        statuses: dict[int, str] = {}
        for first in range(0, len(ids), _CHUNK):
            versions = store.read_versions(tx, ids[first : first + _CHUNK])
            check_guards(tx, self._vault, versions=versions)
            statuses.update({item.status_index: item.status for item in versions if item.status != Status.VALID})
        return statuses

    def _change(
        self, tx: Connection, identifier: str, operation: Operation, reason: str, legal_basis: str
    ) -> VersionRecord:
        version = store.find_version(tx, identifier, for_update=True)
        if version is None:
            raise UnknownCertificateError
        check_guards(tx, self._vault, versions=[version])
        now = self._clock()
        status = transition(Status(version.status), operation)
        subject = store.subject_by_id(tx, version.subject_id)
        entry = Draft(
            kind=f"certificate.{operation.value}",
            detail={
                "identifier": identifier,
                "from": version.status,
                "to": status.value,
                "reason": reason,
                "legal_basis": legal_basis,
            },
            key=self._vault.data_key(subject.data_key, subject.kek_kid),
            subject_id=version.subject_id,
            object_id=version.id,
            object_version=version.row_version + 1,
        )
        append(tx, [seal(entry, now=now)])
        changed = version.with_status(status.value, ledger_entry_id=entry.id)
        changed = replace(changed, mac=version_mac(changed, self._vault))
        history: dict[str, Any] = {
            "id": new_id(),
            "operation": operation.value,
            "from_status": version.status,
            "reason": reason,
            "legal_basis": legal_basis,
            "effective_at": now,
            "detail": {},
        }
        store.change_status(tx, changed, transition=history, now=now)
        enqueue(tx, PUBLISH_STATUS, {"number": version.status_list}, now=now)
        if operation in _HEARD:
            announce(tx, _HEARD[operation], [of_certificate(version.id)], now=now)
        return changed


def _name(number: int) -> str:
    return f"status-lists/{number}"
