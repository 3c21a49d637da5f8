"""The course every answer to a system takes around its own three units of work: claim, decide, finish."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, Final, Protocol, TypeVar

import structlog
from sqlalchemy import Connection

from hub.access.errors import InvalidTokenError
from hub.access.service import Caller
from hub.intake import store
from hub.intake.answers import Answers
from hub.intake.cases import CaseService
from hub.intake.errors import CaseClosedError, CaseNotFoundError, GrantEndedError
from hub.intake.quotas import QuotaBook, Taken
from hub.ledger.entries import Sealed
from hub.storage.crash import crash_at
from hub.storage.database import Database
from hub.storage.errors import IntegrityBrokenError, RepeatedKeyError

_GRID_SECONDS: Final = 0.025
"""An answer that does not confirm an identity leaves on this grid: what the hub knows of the number costs some tenths
of a millisecond, and a caller must not learn it from the time (threat S14)."""
_log = structlog.get_logger(__name__)


class _Call(Protocol):
    @property
    def case_no(self) -> str: ...

    @property
    def request_hash(self) -> str: ...


class _Claimed(Protocol):
    @property
    def request_id(self) -> str: ...

    @property
    def lease(self) -> str: ...

    @property
    def case(self) -> store.Case: ...


C = TypeVar("C", bound=_Claimed)
T = TypeVar("T")
C_co = TypeVar("C_co", bound=_Claimed, covariant=True)


class ClaimUnit(Protocol[C_co]):
    """Unit 1: its checks, its claim, and into `taken` the quotas it uses."""

    def __call__(self, tx: Connection, *, taken: Taken) -> C_co:
        """Claim; may run twice."""
        ...


Decided = tuple[dict[str, Any], list[Sealed]]
"""An unsigned answer and the entries it rests on."""


class Course:
    """What pulls and queries have in common. What is refused stands on the ledger before the caller hears of it."""

    def __init__(self, database: Database, *, cases: CaseService, answers: Answers, quotas: QuotaBook) -> None:
        self._database = database
        self._cases = cases
        self._answers = answers
        self._quotas = quotas

    async def claim(
        self,
        caller: Caller,
        call: _Call,
        unit: ClaimUnit[C],
        *,
        key: str | None,
        refused_as: Callable[[Exception], str | None],
        detail: dict[str, Any],
    ) -> C | bytes:
        """Run unit 1; the stored bytes when this Idempotency-Key has its answer. A unit that fails gives back its
        quotas. `refused_as` names the unit's own errors as the ledger does, None for what is no refusal.
        """
        while True:
            taken = Taken()
            try:
                claimed = await self._database.write(partial(unit, taken=taken))
            except RepeatedKeyError:
                self._quotas.give_back(taken)
                stored = await self._answers.repeated(caller, key or "", call.request_hash)
                if stored is not None:
                    return stored
            except Exception as error:
                self._quotas.give_back(taken)
                await self._refuse(caller, call, error, refused_as, detail)
                raise
            except BaseException:
                self._quotas.give_back(taken)
                raise
            else:
                self._quotas.confirm(taken)
                return claimed

    async def decide(
        self,
        caller: Caller,
        claimed: _Claimed,
        unit: Callable[[Connection], Decided],
        *,
        purpose: str | None,
        crash: str,
    ) -> bytes:
        """Run unit 2, then sign and store: the bytes that may leave. `crash`: the point between them, for drills.

        Raises: CaseClosedError and InvalidTokenError, after the refusal is on the ledger; InFlightError when the lease
        was lost.
        """
        decided = await self.disclose(caller, claimed, unit, purpose=purpose)
        crash_at(crash)
        return await self._answers.finish(claimed.request_id, claimed.lease, claimed.case, *decided)

    async def disclose(
        self, caller: Caller, claimed: _Claimed, unit: Callable[[Connection], T], *, purpose: str | None
    ) -> T:
        """Run a unit that discloses. Raises: as `decide`, after the refusal is on the ledger."""
        try:
            return await self._database.write(unit)
        except (CaseClosedError, GrantEndedError, InvalidTokenError) as error:
            ended = "case_closed" if isinstance(error, CaseClosedError) else "grant_ended"
            reason = "client_disabled" if isinstance(error, InvalidTokenError) else ended
            await self._cases.refuse(caller, reason, {"purpose": purpose}, case=claimed.case)
            raise

    async def _refuse(
        self,
        caller: Caller,
        call: _Call,
        error: Exception,
        refused_as: Callable[[Exception], str | None],
        detail: dict[str, Any],
    ) -> None:
        match error:
            case CaseNotFoundError():
                await self._cases.refuse(caller, "case_not_found", {"case_no": call.case_no})
                return
            case CaseClosedError():
                reason: str | None = "case_closed"
            case IntegrityBrokenError():
                _log.error("guarded_row_broken", alarm=True, where=error.where)
                reason = "integrity"
            case _:
                reason = refused_as(error)
        if reason is not None:
            case = await self._cases.get(caller, call.case_no)
            await self._cases.refuse(caller, reason, detail, case=case)


async def leave_on_the_grid(arrived: float) -> None:
    """Wait for the next instant at which an answer that confirms nobody may leave. `arrived`: the loop's time."""
    elapsed = asyncio.get_running_loop().time() - arrived
    await asyncio.sleep(_GRID_SECONDS - elapsed % _GRID_SECONDS)
