"""Status: changing it, and publishing the lists that verifiers read.

The row is the truth; a list is signed from the rows, short-lived and replaceable (seam D9). A change commits its row,
its ledger entry and the job that republishes the list together; the list follows within the job's delay.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from certificates.lifecycle.rules import Reason
from certificates.lifecycle.states import Operation
from certificates.stores import certificates as store
from certificates.stores import status as status_store
from certificates.stores.version import VersionRecord
from hub.clock import Clock
from hub.issuing.keys.desk import SigningDesk
from hub.issuing.status import reading as status_reading
from hub.issuing.status.copies import bits_of_copies
from hub.issuing.status.published import Published, moved
from hub.issuing.status.reading import CHUNK
from hub.issuing.transitions.writing import RULE, Cause, change, told
from hub.storage.crash import crash_at
from hub.storage.database import Database
from hub.storage.errors import IntegrityBrokenError, MissingError, UnavailableError
from hub.storage.objects.folder import ObjectStore
from hub.storage.objects.guarded import beside
from hub.storage.vault import Vault
from signing.status_list import StatusList, empty, replaced, sign_status_list

TTL: Final = timedelta(minutes=10)
STORE_SECONDS: Final = 2.0
"""How long a verifier waits for the object store before he gets a list made from the rows."""
UNSTORED: Final = timedelta(minutes=1)
"""How long a process keeps a list that it could not store."""
_MEETINGS: Final = 5
_SWEPT: Final = 20


class UnknownCertificateError(Exception):
    """No certificate has this identifier."""


class StatusService:
    """Changes a status for the hub itself; signs and stores status lists."""

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
        self._unstored: dict[int, Published] = {}

    async def change(
        self,
        identifier: str,
        operation: Operation,
        *,
        reason: str,
        legal_basis: str,
        reason_code: Reason = Reason.OTHER,
        by: Mapping[str, str] = RULE,
        effective_at: datetime | None = None,
    ) -> VersionRecord:
        """Change a certificate's status for the hub itself; from this commit on nothing verifies it as valid here.

        People act through `hub.issuing.transitions.service`, which asks who they are.

        Raises: UnknownCertificateError; TransitionError when the table does not allow it; ActError; StorageError.
        """
        cause = Cause(
            operation=operation,
            reason_code=reason_code,
            reason=reason,
            legal_basis=legal_basis,
            by=by,
            effective_at=effective_at,
        )
        changed = await self._database.write(lambda tx: self._change(tx, identifier, cause))
        crash_at("status.changed")
        with suppress(UnavailableError):  # the object store is away: the job of this commit publishes
            await self.publish({"number": changed.status_list})
        return changed

    async def publish(self, payload: Any) -> None:
        """Have a list say what its rows say. A job's handler: for a list that does, nothing is signed again."""
        number = int(payload["number"])
        known = await beside(self._stored, number)
        if known is not None and self._young(known):
            found = await self._database.read(lambda tx: status_reading.since(tx, self._vault, known))
            if found is not None and found.sums == known.sums:
                before = known.statuses()
                if all(before.get(index) == bits for index, bits in found.changes.items()):
                    return
        await self.build(number)

    async def build(self, number: int, *, whole: bool = False) -> bytes:
        """A freshly signed list, stored. `whole`: every row that was ever changed is held against its guard again.

        Raises: MissingError for a list that does not exist; UnavailableError when it cannot be stored;
        IntegrityBrokenError when a status was written by anyone but the hub: no list is signed over it, and readiness
        says so.
        """
        for _ in range(_MEETINGS):
            made = await self._made(number, None if whole else await beside(self._stored, number))
            known = await beside(self._stored, number)
            if known is None or known.read_at <= made.read_at:  # another process may have published newer rows since
                await beside(self._objects.put, _name(number), made.to_bytes(self._vault))
            noted = await self._database.write(lambda tx, made=made: _note(tx, made))  # type: ignore[misc]
            if noted <= made.read_at:
                break  # else ours was written over a newer one, which only the database could tell
        return made.token

    async def current(self, number: int) -> bytes:
        """The stored list, signed anew when it is missing or past half its life.

        While the object store is away the list is made from its rows, in each process, and kept for a minute: a
        verifier must not go without it (drill 23). Raises: MissingError for a list that does not exist.
        """
        try:
            known = await asyncio.wait_for(beside(self._stored, number), STORE_SECONDS)
            if known is None or not self._young(known):
                return await self.build(number, whole=True)
        except (UnavailableError, TimeoutError):
            known = self._unstored.get(number)
            if known is None or not timedelta() <= self._clock() - known.read_at < UNSTORED:
                known = self._unstored[number] = await self._made(number, known)
        return known.token

    async def sweep(self) -> int:
        """Sign lists again whose rows were last looked at as a whole half their life ago; answers how many."""
        due = await self._database.read(self._due)
        for number in due:
            await self.build(number, whole=True)
        return len(due)

    async def numbers(self) -> list[int]:
        """All lists."""
        return await self._database.read(status_store.list_numbers)

    async def due(self) -> list[int]:
        """Lists that should have been signed again by now; for readiness, which asks often."""
        return await self._database.read(self._due)

    async def statuses(self, number: int) -> Published:
        """The list as its rows are now, made but not stored. Raises: as `build`."""
        return await self._made(number, await beside(self._stored, number))

    def signed(self, number: int, statuses: StatusList, *, at: datetime) -> bytes:
        """A token over these entries."""
        certified = self._desk.hub("status")
        return sign_status_list(
            uri=f"{self._public_url}/status-lists/{number}",
            statuses=statuses,
            signer=certified.signer,
            header=certified.header,
            now=at,
            expires_in=self._lifetime,
            ttl=TTL,
        ).encode()

    async def _made(self, number: int, last: Published | None) -> Published:
        if last is not None and last.number == number:
            made = await self._from_changes(number, last)
            if made is not None:
                return made
        return await self._from_rows(number)

    async def _from_changes(self, number: int, last: Published) -> Published | None:
        """None: too much changed, or the rows do not add up to what the ledger says; all of them are looked at then."""
        read_at = self._clock()
        found = await self._database.read(lambda tx: status_reading.since(tx, self._vault, last))
        if found is None or read_at < last.read_at:
            return None
        before = await asyncio.to_thread(last.statuses)
        sums = moved(last.sums, before, found.changes)
        if sums != found.sums:
            return None
        token = await asyncio.to_thread(lambda: self.signed(number, replaced(before, found.changes), at=read_at))
        return replace(last, token=token, read_at=read_at, position=found.position, sums=sums)

    async def _from_rows(self, number: int) -> Published:
        read_at = self._clock()
        wanted = await self._database.read(lambda tx: status_reading.whole(tx, number))
        bits: dict[int, int] = {}
        for first in range(0, len(wanted.ids), CHUNK):
            some = wanted.ids[first : first + CHUNK]
            bits |= await self._database.read(lambda tx, some=some: status_reading.bits_of(tx, self._vault, some))  # type: ignore[misc]
            await asyncio.sleep(0)  # SQLite reads on the event loop: let others through
        for first in range(0, len(wanted.copies), CHUNK):
            some = wanted.copies[first : first + CHUNK]
            bits |= await self._database.read(lambda tx, some=some: bits_of_copies(tx, self._vault, some))  # type: ignore[misc]
            await asyncio.sleep(0)
        nothing = empty(status_store.LIST_SIZE)
        token = await asyncio.to_thread(lambda: self.signed(number, replaced(nothing, bits), at=read_at))
        return Published(number, token, read_at, wanted.position, read_at, moved({}, nothing, bits))

    def _young(self, known: Published) -> bool:
        return timedelta() <= self._clock() - known.read_at < self._lifetime / 2

    def _due(self, tx: Connection) -> list[int]:
        return status_store.lists_audited_before(tx, self._clock() - self._lifetime / 2, most=_SWEPT)

    def _stored(self, number: int) -> Published | None:
        try:
            return Published.from_bytes(self._objects.get(_name(number)), self._vault)
        except (MissingError, IntegrityBrokenError):
            return None

    def _change(self, tx: Connection, identifier: str, cause: Cause) -> VersionRecord:
        version = store.find_version(tx, identifier, for_update=True)
        if version is None:
            raise UnknownCertificateError
        now = self._clock()
        changed = change(tx, self._vault, version, cause, now=now)
        told(tx, [changed], now=now)
        return changed.after


def _note(tx: Connection, made: Published) -> datetime:
    return status_store.note_published(tx, made.number, made.read_at, audited=made.audited_at == made.read_at)


def _name(number: int) -> str:
    return f"status-lists/{number}"
