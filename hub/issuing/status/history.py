"""A list as it was at an earlier moment, derived: today's, with every change recorded since taken back.

Nothing is kept for it. What a verifier then read is in the acts on the versions, which are guarded; what became known
later, back-dated or not, is not on it.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Connection

from certificates.copies.store import ended_after
from certificates.lifecycle.states import STATUS_BITS, Status
from certificates.stores import certificates as store
from certificates.stores import status as status_store
from certificates.stores import transitions as transition_store
from certificates.stores.transitions import StoredAct
from hub.clock import Clock
from hub.issuing.status.reading import CHUNK
from hub.issuing.status.service import StatusService
from hub.issuing.transitions.reading import read_history
from hub.issuing.transitions.writing import check_act_mac
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.vault import Vault
from signing.status_list import replaced

_STEP_SECONDS: Final = 60
"""Moments are rounded down to whole minutes, so that caches before the hub see the same question often."""
MOST: Final = 50_000
"""Changes taken back; further back a list is not told. The certificate's own history has no such end."""


class StatusHistory:
    """Answers for moments that are past."""

    def __init__(self, database: Database, *, vault: Vault, status: StatusService, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._status = status
        self._clock = clock

    async def at(self, number: int, seconds: int) -> bytes:
        """The list of a moment, in seconds since 1970, signed now; its `iat` is the minute that had begun.

        Raises: MissingError: no such list, none yet at that moment, a moment to come, or too long ago;
        IntegrityBrokenError.
        """
        moment = datetime.fromtimestamp(seconds - seconds % _STEP_SECONDS, UTC)
        if moment > self._clock():
            raise MissingError("status list: that moment is still to come")
        began = await self._database.read(lambda tx: status_store.list_began(tx, number))
        if began is None or moment < began:
            raise MissingError("status list: there was none at that moment")
        now = await self._status.statuses(number)
        ended, acts = await self._database.read(lambda tx: self._later(tx, number, moment))
        bits = ended | await asyncio.to_thread(self._taken_back, acts)
        then = replaced(now.statuses(), bits)
        return await asyncio.to_thread(lambda: self._status.signed(number, then, at=moment))

    def _later(
        self, tx: Connection, number: int, moment: datetime
    ) -> tuple[dict[int, int], Sequence[tuple[int, StoredAct]]]:
        """Of copies that ended since what their licences say, and the acts on versions since."""
        found = transition_store.recorded_after(tx, number, moment, most=MOST + 1)
        found += transition_store.recorded_after_of_copies(tx, number, moment, most=MOST + 1)
        ended = ended_after(tx, number, moment, most=MOST + 1)
        if len(found) + len(ended) > MOST:
            raise MissingError("status list: too much has changed since")
        # An act without a MAC is believed as part of its certificate's history alone, which the ledger tells too.
        early = sorted({act.version_id for _, act in found if act.mac is None})
        for first in range(0, len(early), CHUNK):
            for version in store.read_versions(tx, early[first : first + CHUNK]):
                read_history(tx, self._vault, version)
        return ended, found

    def _taken_back(self, acts: Sequence[tuple[int, StoredAct]]) -> dict[int, int]:
        """Of each version, the state before its first act since. Acts come oldest first."""
        bits: dict[int, int] = {}
        for index, act in acts:
            if index not in bits:
                check_act_mac(act, self._vault)
                bits[index] = STATUS_BITS[Status(act.from_status)] if act.from_status else STATUS_BITS[Status.VALID]
        return bits
