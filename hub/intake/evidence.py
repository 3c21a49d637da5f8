"""The pull: evidence for a case, in three units of work around one ledger row per answer.

(1) claim and check (`claiming`) → read the certificates → (2) re-check, then commit ledger rows, the encrypted unsigned
answer and `decided` together (`deciding`) → sign → (3) store the answer, `done` (`answers`); then its bytes leave.
Units 2 and 3 compare the lease token: of two workers on one request, the loser writes nothing.
"""

import asyncio

from hub.access.service import Caller
from hub.clock import Clock
from hub.intake import store
from hub.intake.answers import Answers
from hub.intake.cases import CaseService
from hub.intake.claiming import Claiming, EvidenceCall
from hub.intake.copies import CopyMaker
from hub.intake.course import Course, leave_on_the_grid
from hub.intake.deciding import Deciding
from hub.intake.errors import RequestNotFoundError, UnlistedRequirementError
from hub.intake.resolver import Outcome
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
        clock: Clock,
    ) -> None:
        self._database = database
        self._cases = cases
        self._claiming = claiming
        self._copies = copies
        self._deciding = deciding
        self._answers = answers
        self._course = course
        self._clock = clock

    async def pull(self, caller: Caller, call: EvidenceCall) -> bytes:
        """The answer's bytes; the same Idempotency-Key gives the same bytes while case and grants hold.

        Raises: CaseNotFoundError, CaseClosedError, UnlistedRequirementError (each after its refusal is on the ledger),
        IdempotencyError, InFlightError, GrantEndedError, StorageError.
        """
        arrived = asyncio.get_running_loop().time()
        now = self._clock()
        claimed = await self._course.claim(
            caller,
            call,
            lambda tx, *, taken: self._claiming.claim(tx, caller, call, taken, now),
            key=call.idempotency_key,
            refused_as=_refused_as,
            detail={"purpose": call.purpose},
        )
        if isinstance(claimed, bytes):
            return claimed
        crash_at("pull.claimed")
        items = [self._copies.make(item, caller, claimed.case, call.purpose) for item in claimed.resolutions]
        now = self._clock()
        body = await self._course.decide(
            caller,
            claimed,
            lambda tx: self._deciding.decide(tx, caller, call, claimed, items, now),
            purpose=call.purpose,
            crash="pull.decided",
        )
        if any(found.outcome is Outcome.IDENTITY_UNCONFIRMED for found in claimed.resolutions):
            await leave_on_the_grid(arrived)
        return body

    async def fetch(self, caller: Caller, request_id: str) -> bytes:
        """An earlier answer of the caller's own, while case and grants hold.

        Raises: RequestNotFoundError, InFlightError, CaseClosedError, GrantEndedError.
        """
        request = await self._database.read(lambda tx: store.find_request(tx, request_id, caller.system_id))
        if request is None:
            await self._cases.refuse(caller, "evidence_request_not_found", {"request_id": request_id})
            raise RequestNotFoundError
        case = await self._database.read(lambda tx: store.case_by_id(tx, request.case_id))
        if case is None:
            raise RequestNotFoundError
        return await self._answers.again(caller, case, request)


def _refused_as(error: Exception) -> str | None:
    return "requirement_not_listed" if isinstance(error, UnlistedRequirementError) else None
