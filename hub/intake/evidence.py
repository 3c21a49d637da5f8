"""The pull: evidence for a case, in three units of work around one ledger row per answer.

(1) claim and check (`claiming`) → read the certificates → (2) re-check, then commit ledger rows, the encrypted unsigned
answer and `decided` together (`deciding`) → sign → (3) store the answer, `done` (`answers`); then its bytes leave.
Units 2 and 3 compare the lease token: of two workers on one request, the loser writes nothing.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from hub.access.service import Caller
from hub.clock import Clock
from hub.intake import requests, store
from hub.intake.answers import Answers
from hub.intake.calls import Claimed, EvidenceCall
from hub.intake.cases import CaseService
from hub.intake.claiming import Claiming
from hub.intake.compose import Item
from hub.intake.copies import CopyMaker
from hub.intake.course import Course, leave_on_the_grid
from hub.intake.deciding import Deciding
from hub.intake.errors import RequestNotFoundError, StillOwedError, UnlistedRequirementError
from hub.intake.owed.opening import answer_for
from hub.intake.owed.settling import still_owed
from hub.intake.requests import EvidenceRequest
from hub.intake.resolver import Outcome
from hub.intake.resolving.walk import Walking
from hub.intake.store import Case
from hub.storage.crash import crash_at
from hub.storage.database import Database


class EvidenceService:
    """Answers requirements of a case."""

    def __init__(
        self,
        database: Database,
        *,
        cases: CaseService,
        claiming: Claiming,
        copies: CopyMaker,
        deciding: Deciding,
        answers: Answers,
        course: Course,
        walking: Walking,
        clock: Clock,
    ) -> None:
        self._database = database
        self._cases = cases
        self._claiming = claiming
        self._copies = copies
        self._deciding = deciding
        self._answers = answers
        self._course = course
        self._walking = walking
        self._clock = clock

    async def pull(self, caller: Caller, call: EvidenceCall) -> bytes:
        """The answer's bytes; the same Idempotency-Key gives the same bytes while case and grants hold.

        Raises: CaseNotFoundError, CaseClosedError, UnlistedRequirementError (each after its refusal is on the ledger),
        IdempotencyError, InFlightError, GrantEndedError, StorageError.
        """
        arrived = asyncio.get_running_loop().time()
        claimed = await self.claim(caller, call)
        return claimed if isinstance(claimed, bytes) else await self.answer(caller, call, claimed, arrived=arrived)

    async def claim(self, caller: Caller, call: EvidenceCall) -> Claimed | bytes:
        """Unit 1 of a pull; the stored bytes where its Idempotency-Key has its answer. Raises: as `pull`."""
        claimed = await self._claimed(caller, call, {}, key=call.idempotency_key)
        if isinstance(claimed, Claimed):
            crash_at("pull.claimed")
        return claimed

    async def answer(self, caller: Caller, call: EvidenceCall, claimed: Claimed, *, arrived: float) -> bytes:
        """The rest of a pull that is decided as a whole; `arrived`: the loop's time. Raises: as `pull`."""
        claimed, items = await self._items(caller, call, claimed)
        body = await self._decided(caller, call, claimed, items)
        if any(item.resolution.outcome is Outcome.IDENTITY_UNCONFIRMED for item in items):
            await leave_on_the_grid(arrived)
        return body

    async def pay(self, caller: Caller, call: EvidenceCall) -> None:
        """Ask again for what `call.pays` owes, and put the answer where the system can fetch it. What is still owed
        leaves nothing behind.

        Raises: StillOwedError; InFlightError: somebody else paid it; CaseNotFoundError, CaseClosedError,
        InvalidTokenError, StorageError.
        """
        claimed = await self._claimed(caller, call, {"debt": call.pays})
        assert not isinstance(claimed, bytes)  # noqa: S101  # it came without a key
        try:
            await self._paid(caller, call, claimed)
        except BaseException:  # whatever kept it from being decided; what was decided is kept
            await self._forget(claimed)
            raise

    async def _paid(self, caller: Caller, call: EvidenceCall, claimed: Claimed) -> None:
        claimed, items = await self._items(caller, call, claimed)
        owed = answer_for(items, (call.requirements or ("",))[0], call.party or "")
        if still_owed(owed):
            raise StillOwedError(owed.resolution.why.code)
        crash_at("debt.read")
        await self._decided(caller, call, claimed, items)

    async def check(self, caller: Caller, call: EvidenceCall) -> Outcome:
        """What records say now of the one requirement that `call` names, for the hub alone: nothing is decided, nothing
        is disclosed, and no lower rung counts. In its course the quota of the grant is used as in a pull.

        Raises: CaseNotFoundError, CaseClosedError, UnlistedRequirementError, InvalidTokenError, StorageError.
        """
        claimed = await self._claimed(caller, call, {"commitment": call.follows})
        assert not isinstance(claimed, bytes)  # noqa: S101  # it came without a key
        try:
            _, items = await self._items(caller, call, claimed)
        finally:
            await self._forget(claimed)
        return answer_for(items, (call.requirements or ("",))[0], call.party or "").resolution.outcome

    async def _claimed(
        self, caller: Caller, call: EvidenceCall, detail: dict[str, Any], *, key: str | None = None
    ) -> Claimed | bytes:
        now = self._clock()
        return await self._course.claim(
            caller,
            call,
            lambda tx, *, taken: self._claiming.claim(tx, caller, call, taken, now),
            key=key,
            refused_as=_refused_as,
            detail={"purpose": call.purpose, **detail},
        )

    async def _forget(self, claimed: Claimed) -> None:
        await self._database.write(lambda tx: requests.forget_request(tx, claimed.request_id, claimed.lease))

    async def _items(self, caller: Caller, call: EvidenceCall, claimed: Claimed) -> tuple[Claimed, list[Item]]:
        """Of a library that holds what it says, nothing is asked."""
        if claimed.complete:
            found = claimed.resolved()
            return claimed, [self._copies.make(item, caller, claimed.case, call.purpose) for item in found]
        return await self._walking.items(caller, call, claimed)

    async def _decided(self, caller: Caller, call: EvidenceCall, claimed: Claimed, items: Sequence[Item]) -> bytes:
        now = self._clock()
        return await self._course.decide(
            caller,
            claimed,
            lambda tx: self._deciding.decide(tx, caller, call, claimed, items, now),
            purpose=call.purpose,
            crash="pull.decided",
        )

    async def fetch(self, caller: Caller, request_id: str) -> bytes:
        """An earlier answer of the caller's own, while case and grants hold.

        Raises: RequestNotFoundError, InFlightError, CaseClosedError, GrantEndedError.
        """
        case, request = await self.find(caller, request_id)
        return await self._answers.again(caller, case, request)

    async def find(self, caller: Caller, request_id: str) -> tuple[Case, EvidenceRequest]:
        """A request of the caller's own, and its case. Raises: RequestNotFoundError."""
        request = await self._database.read(lambda tx: requests.find_request(tx, request_id, caller.system_id))
        if request is None:
            await self._cases.refuse(caller, "evidence_request_not_found", {"request_id": request_id})
            raise RequestNotFoundError
        case = await self._database.read(lambda tx: store.case_by_id(tx, request.case_id))
        if case is None:
            raise RequestNotFoundError
        return case, request


def _refused_as(error: Exception) -> str | None:
    return "requirement_not_listed" if isinstance(error, UnlistedRequirementError) else None
