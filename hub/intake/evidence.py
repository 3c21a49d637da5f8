"""The pull: evidence for a case, in three units of work around one ledger row per answer.

(1) claim and check (`claiming`) → read the certificates → (2) re-check, then commit ledger rows, the encrypted unsigned
answer and `decided` together (`deciding`) → sign → (3) store the answer, `done` (`answers`); then its bytes leave.
Units 2 and 3 compare the lease token: of two workers on one request, the loser writes nothing.
"""

import asyncio
from typing import Final

import structlog

from hub.access.service import Caller
from hub.clock import Clock
from hub.intake import store
from hub.intake.answers import Answers
from hub.intake.cases import CaseService
from hub.intake.claiming import Claimed, Claiming, EvidenceCall
from hub.intake.copies import CopyMaker
from hub.intake.deciding import Deciding
from hub.intake.errors import (
    CaseClosedError,
    CaseNotFoundError,
    RequestNotFoundError,
    UnlistedRequirementError,
)
from hub.intake.quotas import QuotaBook, Taken
from hub.intake.resolver import Outcome
from hub.storage.crash import crash_at
from hub.storage.database import Database
from hub.storage.errors import ConflictError, IntegrityBrokenError

GRID_SECONDS: Final = 0.025
"""An answer that does not confirm an identity leaves on this grid: what the hub knows of the number costs some tenths
of a millisecond, and a caller must not learn it from the time (threat S14)."""
_REFUSED_AS: Final = {
    CaseClosedError: "case_closed",
    UnlistedRequirementError: "requirement_not_listed",
    IntegrityBrokenError: "integrity",
}
_log = structlog.get_logger(__name__)


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
        quotas: QuotaBook,
        clock: Clock,
    ) -> None:
        self._database = database
        self._cases = cases
        self._claiming = claiming
        self._copies = copies
        self._deciding = deciding
        self._answers = answers
        self._quotas = quotas
        self._clock = clock

    async def pull(self, caller: Caller, call: EvidenceCall) -> bytes:
        """The answer's bytes; the same Idempotency-Key gives the same bytes while case and grants hold.

        Raises: CaseNotFoundError, CaseClosedError, UnlistedRequirementError (each after its refusal is on the ledger),
        IdempotencyError, InFlightError, GrantEndedError, StorageError.
        """
        arrived = asyncio.get_running_loop().time()
        claimed = await self._claim(caller, call)
        if isinstance(claimed, bytes):
            return claimed
        crash_at("pull.claimed")
        items = [self._copies.make(item, caller, claimed.case, call.purpose) for item in claimed.resolutions]
        now = self._clock()
        try:
            decided = await self._database.write(
                lambda tx: self._deciding.decide(tx, caller, call, claimed, items, now)
            )
        except CaseClosedError:
            await self._cases.refuse(caller, "case_closed", {"purpose": call.purpose}, case=claimed.case)
            raise
        crash_at("pull.decided")
        body = await self._answers.finish(claimed.request_id, claimed.lease, claimed.case, *decided)
        if any(found.outcome is Outcome.IDENTITY_UNCONFIRMED for found in claimed.resolutions):
            elapsed = asyncio.get_running_loop().time() - arrived
            await asyncio.sleep(GRID_SECONDS - elapsed % GRID_SECONDS)
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

    async def _claim(self, caller: Caller, call: EvidenceCall) -> Claimed | bytes:
        now = self._clock()
        taken = Taken()
        try:
            claimed = await self._database.write(lambda tx: self._claiming.claim(tx, caller, call, taken, now))
        except ConflictError:
            self._quotas.give_back(taken)
            stored = await self._answers.repeated(caller, call.idempotency_key or "", call.request_hash)
            return stored if stored is not None else await self.pull(caller, call)
        except CaseNotFoundError:
            await self._cases.refuse(caller, "case_not_found", {"case_no": call.case_no})
            raise
        except (CaseClosedError, UnlistedRequirementError, IntegrityBrokenError) as error:
            self._quotas.give_back(taken)
            if isinstance(error, IntegrityBrokenError):
                _log.error("guarded_row_broken", alarm=True, where=error.where)
            case = await self._cases.get(caller, call.case_no)
            await self._cases.refuse(caller, _REFUSED_AS[type(error)], {"purpose": call.purpose}, case=case)
            raise
        except BaseException:
            self._quotas.give_back(taken)
            raise
        self._quotas.confirm(taken)
        return claimed
