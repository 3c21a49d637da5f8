"""A query: one question to one source, in three units of work around one ledger row.

(1) claim and check (`claiming`) → ask the source, in no transaction → (2) re-check, then commit ledger row, encrypted
unsigned answer and `decided` together (`deciding`) → sign → (3) store the answer, `done`; then its bytes leave.
"""

import asyncio
from typing import Final

import structlog

from hub.access.service import Caller
from hub.clock import Clock
from hub.exchange.claiming import ClaimedQuery, QueryClaiming, scoped_key
from hub.exchange.deciding import QueryDeciding
from hub.exchange.errors import (
    ExchangeError,
    FieldNotGrantedError,
    NotGrantedError,
    QuestionError,
    UnknownInterfaceError,
)
from hub.exchange.finding import Finder
from hub.exchange.question import QueryCall
from hub.intake.answers import Answers
from hub.intake.cases import CaseService
from hub.intake.errors import CaseClosedError, CaseNotFoundError
from hub.intake.quotas import QuotaBook, Taken
from hub.intake.resolver import Outcome
from hub.storage.crash import crash_at
from hub.storage.database import Database
from hub.storage.errors import ConflictError, IntegrityBrokenError

GRID_SECONDS: Final = 0.025
"""As for evidence: an answer that confirms no identity leaves on this grid (threat S14)."""
_log = structlog.get_logger(__name__)


class QueryService:
    """Answers queries. One for live systems, one for the sandbox: they differ in who claims, finds and decides."""

    def __init__(
        self,
        database: Database,
        *,
        cases: CaseService,
        claiming: QueryClaiming,
        deciding: QueryDeciding,
        answers: Answers,
        quotas: QuotaBook,
        finder: Finder,
        clock: Clock,
    ) -> None:
        self._database = database
        self._cases = cases
        self._claiming = claiming
        self._deciding = deciding
        self._answers = answers
        self._quotas = quotas
        self._finder = finder
        self._clock = clock

    async def query(self, caller: Caller, call: QueryCall) -> bytes:
        """The answer's bytes; the same Idempotency-Key gives the same bytes while case and grant hold.

        Raises, each after its refusal is on the ledger: CaseNotFoundError, CaseClosedError, UnknownInterfaceError,
        NotGrantedError, FieldNotGrantedError, QuestionError; besides IdempotencyError, InFlightError, GrantEndedError,
        StorageError. A source that fails is an outcome, not an error.
        """
        arrived = asyncio.get_running_loop().time()
        claimed = await self._claim(caller, call)
        if isinstance(claimed, bytes):
            return claimed
        crash_at("query.claimed")
        found = await self._finder.find(claimed, call)
        now = self._clock()
        try:
            decided = await self._database.write(
                lambda tx: self._deciding.decide(tx, caller, call, claimed, found, now)
            )
        except CaseClosedError:
            await self._cases.refuse(caller, "case_closed", {"purpose": call.purpose}, case=claimed.case)
            raise
        crash_at("query.decided")
        body = await self._answers.finish(claimed.request_id, claimed.lease, claimed.case, *decided)
        if found.outcome is Outcome.IDENTITY_UNCONFIRMED:
            elapsed = asyncio.get_running_loop().time() - arrived
            await asyncio.sleep(GRID_SECONDS - elapsed % GRID_SECONDS)
        return body

    async def _claim(self, caller: Caller, call: QueryCall) -> ClaimedQuery | bytes:
        now = self._clock()
        taken = Taken()
        try:
            claimed = await self._database.write(lambda tx: self._claiming.claim(tx, caller, call, taken, now))
        except ConflictError:
            self._quotas.give_back(taken)
            key = scoped_key(call.idempotency_key) or ""
            stored = await self._answers.repeated(caller, key, call.request_hash)
            return stored if stored is not None else await self.query(caller, call)
        except CaseNotFoundError:
            await self._cases.refuse(caller, "case_not_found", {"case_no": call.case_no})
            raise
        except (CaseClosedError, ExchangeError, IntegrityBrokenError) as error:
            self._quotas.give_back(taken)
            if isinstance(error, IntegrityBrokenError):
                _log.error("guarded_row_broken", alarm=True, where=error.where)
            case = await self._cases.get(caller, call.case_no)
            detail = {"purpose": call.purpose, "interface": call.interface}
            await self._cases.refuse(caller, _refused_as(error), detail, case=case)
            raise
        except BaseException:
            self._quotas.give_back(taken)
            raise
        self._quotas.confirm(taken)
        return claimed


def _refused_as(error: Exception) -> str:
    match error:
        case NotGrantedError():
            return error.code
        case FieldNotGrantedError():
            return "field_not_granted"
        case QuestionError():
            return "question_not_acceptable"
        case UnknownInterfaceError():
            return "interface_unknown"
        case CaseClosedError():
            return "case_closed"
        case _:
            return "integrity"
