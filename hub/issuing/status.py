"""Status: changing it, and publishing the lists that verifiers read.

The row is the truth; a list is signed from the rows, short-lived and replaceable (seam D9). A change commits its row,
its ledger entry and the job that republishes the list together; the list follows within the job's delay.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Connection

from certificates import store
from certificates.lifecycle import STATUS_BITS, Operation, Status, transition
from certificates.store import VersionRecord
from hub.clock import Clock, new_id
from hub.issuing.desk import SigningDesk
from hub.issuing.service import PUBLISH_STATUS
from hub.ledger.entries import Draft, append, seal
from hub.ledger.guards import check_guards, version_mac
from hub.storage.crash import crash_at
from hub.storage.database import Database
from hub.storage.errors import IntegrityBrokenError, MissingError
from hub.storage.jobs import enqueue
from hub.storage.objects import ObjectStore
from hub.storage.vault import Vault
from signing.status_list import sign_status_list

TTL: Final = timedelta(minutes=10)


class UnknownCertificateError(Exception):
    """No certificate has this identifier."""


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
        """A freshly signed list. Raises MissingError for a list that does not exist."""
        statuses, certified = await self._database.read(
            lambda tx: (store.changed_statuses(tx, number), self._desk.certified(tx, "status"))
        )
        if statuses is None:
            raise MissingError(f"status list {number}")
        token = sign_status_list(
            uri=f"{self._public_url}/status-lists/{number}",
            statuses={index: STATUS_BITS[Status(status)] for index, status in statuses.items()},
            size=store.LIST_SIZE,
            signer=certified.signer,
            header=certified.header,
            now=self._clock(),
            expires_in=self._lifetime,
            ttl=TTL,
        ).encode()
        self._objects.put(
            _name(number), len(token).to_bytes(4, "big") + token + str(self._clock().timestamp()).encode()
        )
        return token

    async def current(self, number: int) -> bytes:
        """The stored list, signed anew when it is missing or past half its life.

        Raises: MissingError for a list that does not exist.
        """
        try:
            stored = self._objects.get(_name(number))
        except (MissingError, IntegrityBrokenError):
            return await self.build(number)
        end = 4 + int.from_bytes(stored[:4], "big")
        age = self._clock().timestamp() - float(stored[end:])
        if not 0 <= age < self._lifetime.total_seconds() / 2:
            return await self.build(number)
        return stored[4:end]

    async def numbers(self) -> list[int]:
        """All lists."""
        return await self._database.read(store.list_numbers)

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
        return changed


def _name(number: int) -> str:
    return f"status-lists/{number}"
