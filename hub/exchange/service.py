"""A query: one question to one source, in three units of work around one ledger row.

(1) claim and check (`claiming`) → ask the source, in no transaction → (2) re-check, then commit ledger row, encrypted
unsigned answer and `decided` together (`deciding`) → sign → (3) store the answer, `done`; then its bytes leave.
"""

import asyncio

from hub.access.service import Caller
from hub.clock import Clock
from hub.exchange.claiming import QueryClaiming, scoped_key
from hub.exchange.deciding import QueryDeciding
from hub.exchange.errors import (
    FieldNotGrantedError,
    NotGrantedError,
    QuestionError,
    UnknownInterfaceError,
)
from hub.exchange.finding import Finder
from hub.exchange.question import QueryCall
from hub.intake.course import Course, leave_on_the_grid
from hub.intake.resolver import Outcome
from hub.storage.crash import crash_at


class QueryService:
    """Answers queries. One for live systems, one for the sandbox: they differ in who claims, finds and decides."""

    def __init__(
        self,
        *,
        course: Course,
        claiming: QueryClaiming,
        deciding: QueryDeciding,
        finder: Finder,
        clock: Clock,
    ) -> None:
        self._course = course
        self._claiming = claiming
        self._deciding = deciding
        self._finder = finder
        self._clock = clock

    async def query(self, caller: Caller, call: QueryCall) -> bytes:
        """The answer's bytes; the same Idempotency-Key gives the same bytes while case and grant hold.

        Raises, each after its refusal is on the ledger: CaseNotFoundError, CaseClosedError, UnknownInterfaceError,
        NotGrantedError, FieldNotGrantedError, QuestionError; besides IdempotencyError, InFlightError, GrantEndedError,
        StorageError. A source that fails is an outcome, not an error.
        """
        arrived = asyncio.get_running_loop().time()
        now = self._clock()
        claimed = await self._course.claim(
            caller,
            call,
            lambda tx, *, taken: self._claiming.claim(tx, caller, call, taken, now),
            key=scoped_key(call.idempotency_key),
            refused_as=_refused_as,
            detail={"purpose": call.purpose, "interface": call.interface},
        )
        if isinstance(claimed, bytes):
            return claimed
        crash_at("query.claimed")
        found = await self._finder.find(claimed, call)
        now = self._clock()
        body = await self._course.decide(
            caller,
            claimed,
            lambda tx: self._deciding.decide(tx, caller, call, claimed, found, now),
            purpose=call.purpose,
            crash="query.decided",
        )
        if found.outcome is Outcome.IDENTITY_UNCONFIRMED:
            await leave_on_the_grid(arrived)
        return body


def _refused_as(error: Exception) -> str | None:
    match error:
        case NotGrantedError():
            return error.code
        case FieldNotGrantedError():
            return "field_not_granted"
        case QuestionError():
            return "question_not_acceptable"
        case UnknownInterfaceError():
            return "interface_unknown"
        case _:
            return None
