"""Unit 3 of a pull and what comes after: sign, store, give out; the same bytes again, and the rest after a crash."""

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import timedelta
from functools import partial
from typing import Any, Final

import structlog
from sqlalchemy import Connection

from catalog.grants import GrantState
from catalog.store import lock_grants, read_grants
from certificates.errors import TypeHaltedError
from hub.access.service import Caller
from hub.citizens.authorising.decisions import taken_back_since
from hub.clock import Clock, new_id
from hub.intake import requests, store
from hub.intake.cases import CaseService
from hub.intake.compose import read_stored, restored_entries
from hub.intake.errors import (
    CaseClosedError,
    CaseNotFoundError,
    GrantEndedError,
    IdempotencyError,
    InFlightError,
)
from hub.intake.owed.store import paid_by
from hub.issuing.types.halts import stopped_types
from hub.ledger.entries import Sealed
from hub.ledger.guards import check_guards
from hub.storage.crash import crash_at
from hub.storage.database import Database
from hub.storage.errors import STORE_FAILED, IntegrityBrokenError
from hub.storage.vault import DataKey, Vault
from hub.threads import off_loop, weight
from signing.errors import MalformedError

KEY_KEPT: Final = timedelta(hours=24)
LEASE: Final = timedelta(seconds=10)
"""How long a worker may hold a request; then another takes it over."""
LONGEST: Final = timedelta(seconds=30)
"""How long all sources of one pull may take together; what they have not said by then is owed."""
_PAGE: Final = 20
"""Decided answers read at a time: each may be some megabytes."""
_log = structlog.get_logger(__name__)


SignAnswer = Callable[[dict[str, Any], list[Sealed]], bytes]
"""Puts a decided answer of one kind under its signatures."""
Complete = Callable[[requests.EvidenceRequest], Awaitable[None]]
"""Decides the rest of a request that a crash cut off, and asks nobody for it."""


async def _nobody(request: requests.EvidenceRequest) -> None:
    del request
    raise InFlightError


class Answers:
    """Finished and unfinished answers. Whoever loses the lease writes nothing."""

    def __init__(
        self,
        database: Database,
        *,
        vault: Vault,
        cases: CaseService,
        clock: Clock,
        signers: Mapping[str, SignAnswer],
    ) -> None:
        self._database = database
        self._vault = vault
        self._cases = cases
        self._clock = clock
        self._signers = signers
        self._damaged: set[str] = set()
        self._complete: Complete = _nobody

    def completed_by(self, complete: Complete) -> None:
        """Who decides the rest of what a crash cut off. He needs the units of work, which need this."""
        self._complete = complete

    async def finish(
        self,
        request_id: str,
        lease: str,
        case: store.Case,
        answer: dict[str, Any],
        entries: list[Sealed],
        *,
        sign: SignAnswer | None = None,
    ) -> bytes:
        """Sign a decided answer and store it; its bytes may leave now. `sign`: who has signed some of it already.

        Raises: InFlightError when the lease was lost.
        """
        sign = sign or self._signers[answer.get("kind", "evidence")]
        body = await off_loop(weight(answer), lambda: sign(answer, entries))
        crash_at("pull.signed")
        sealed = case_key(self._vault, case).encrypt(answer_place(request_id), body)
        if not await self._database.write(lambda tx: requests.finish_request(tx, request_id, lease, payload=sealed)):
            raise InFlightError
        crash_at("pull.done")
        return body

    async def again(self, caller: Caller, case: store.Case, request: requests.EvidenceRequest) -> bytes:
        """The stored bytes, while case and grants hold and no type in them is stopped. What was owed to a case that
        was to close itself can be had afterwards: it came when nobody was there.

        Raises: InFlightError, CaseClosedError, GrantEndedError, TypeHaltedError.
        """
        if request.state == "claimed":
            request = await self._completed(request)
        stopped = await self.may_leave(caller, case, request)
        if request.state == "done" and request.answer is not None:
            body = case_key(self._vault, case).decrypt(answer_place(request.id), request.answer)
        elif request.lease_until >= self._clock() or (resumed := await self._resume(request)) is None:
            raise InFlightError
        else:
            body = resumed
        if stopped:
            refuse_stopped(stopped, json.loads(body).get("requirements", []))
        return body

    async def may_leave(self, caller: Caller, case: store.Case, request: requests.EvidenceRequest) -> set[str]:
        """Whether what was decided of a request may be given out still; answers the types that are stopped.

        Raises: CaseClosedError, GrantEndedError, each after the refusal is on the ledger.
        """
        if case.state != store.OPEN and not await self._came_later(case, request):
            await self._cases.refuse(caller, "case_closed", {"request_id": request.id}, case=case)
            raise CaseClosedError
        now = self._clock()
        held, stopped = await self._database.write(
            lambda tx: (
                self.grants_hold(tx, request.grants)
                and not taken_back_since(tx, self._vault, case.id, request.grants, request.created_at, now=now),
                stopped_types(tx, self._vault),
            )
        )
        if not held:
            await self._cases.refuse(caller, "grant_ended", {"request_id": request.id}, case=case)
            raise GrantEndedError
        return stopped

    async def _completed(self, request: requests.EvidenceRequest) -> requests.EvidenceRequest:
        """What a crash cut off, whole. Raises: InFlightError: somebody has it in hand, or nothing of it was decided."""
        if not request.begun or request.lease_until >= self._clock():
            raise InFlightError
        await self._complete(request)
        found = await self._database.read(lambda tx: requests.find_request(tx, request.id, request.system_id))
        if found is None:
            raise InFlightError
        return found

    async def repeated(self, caller: Caller, key: str, request_hash: str) -> bytes | None:
        """The answer that this Idempotency-Key has, while case and grants hold; None when the key is free again.

        Raises: InFlightError, IdempotencyError (the key came with another request), CaseNotFoundError, CaseClosedError,
        GrantEndedError.
        """
        request = await self._database.read(lambda tx: requests.find_request_by_key(tx, caller.system_id, key))
        if request is None:
            raise InFlightError
        case = await self._database.read(lambda tx: store.case_by_id(tx, request.case_id))
        if case is None:
            raise CaseNotFoundError
        now = self._clock()
        untouched = request.state == "claimed" and not request.begun
        if request.created_at < now - KEY_KEPT or (untouched and request.lease_until < now):
            # Past its 24 hours, or its holder died before anything was decided: free the key and start over. The lease
            # goes too: a holder that was only paused must not decide now, or one key would have two effects.
            if not await self._database.write(lambda tx: requests.drop_key(tx, request, lease=new_id())):
                raise InFlightError
            return None
        if request.request_hash != request_hash:
            raise IdempotencyError
        return await self.again(caller, case, request)

    async def finish_decided(self) -> int:
        """Sign what a crash left decided, from the stored payload; answers how many. Runs at start and now and then.

        One that cannot be finished is an alarm and stays as it is: it keeps neither the others nor the hub.

        Raises: StorageError when the store as a whole fails.
        """
        finished, last = 0, None
        while found := await self._database.read(
            partial(requests.requests_in, state="decided", limit=_PAGE, after=last)
        ):
            last = found[-1].id
            for request in found:
                if request.lease_until < self._clock() and request.id not in self._damaged:
                    finished += await self._finished_alone(request)
        last = None
        while found := await self._database.read(partial(requests.cut_off, now=self._clock(), limit=_PAGE, after=last)):
            last = found[-1].id
            for request in found:
                if request.id not in self._damaged:
                    finished += await self._finished_alone(request)
        return finished

    async def _finished_alone(self, request: requests.EvidenceRequest) -> bool:
        try:
            if request.begun:
                await self._complete(request)
                return True
            return await self._resume(request) is not None
        except STORE_FAILED:
            raise
        except InFlightError:  # somebody else was faster
            return False
        except Exception as error:  # noqa: BLE001  # a damaged row must not keep the hub from starting
            if isinstance(error, IntegrityBrokenError):
                self._damaged.add(request.id)  # one alarm a process, not one every few seconds
            _log.error("answer_not_finished", alarm=True, request=request.id, error=type(error).__name__)
            return False

    async def _resume(self, request: requests.EvidenceRequest) -> bytes | None:
        """Sign a decided request whose holder died; None when somebody else was faster."""
        lease, until = new_id(), self._clock() + LEASE
        if not await self._database.write(
            lambda tx: requests.take_over(tx, request.id, old_lease=request.lease, lease=lease, until=until)
        ):
            return None
        crash_at("pull.taken_over")
        case = await self._database.read(lambda tx: store.case_by_id(tx, request.case_id))
        if case is None or request.answer is None:
            return None
        plain = case_key(self._vault, case).decrypt(answer_place(request.id), request.answer)
        try:
            answer = read_stored(plain)
            entries = restored_entries(answer)
        except (MalformedError, KeyError, TypeError, ValueError) as error:
            raise IntegrityBrokenError("evidence_requests") from error
        return await self.finish(request.id, lease, case, answer, entries)

    async def _came_later(self, case: store.Case, request: requests.EvidenceRequest) -> bool:
        return case.closing_asked_at is not None and await self._database.read(lambda tx: paid_by(tx, request.id))

    def grants_hold(self, tx: Connection, ids: list[str]) -> bool:
        """Whether all of them are in force, share-locked until the transaction ends."""
        if not ids:
            return True
        now = self._clock()
        lock_grants(tx, ids)
        found = read_grants(tx, ids)
        check_guards(tx, self._vault, grants=found)
        return len(found) == len(ids) and all(
            grant.state is GrantState.LIVE and now < grant.valid_until for grant in found
        )


def refuse_stopped(stopped: set[str], items: Iterable[Mapping[str, Any]]) -> None:
    """Raises: TypeHaltedError: these requirements of an answer disclose a licence of a type that is stopped."""
    found: set[str] = set()
    for item in items:
        given = [*([item["evidence"]] if "evidence" in item else []), *item.get("further_evidence", [])]
        found |= {entry["certificate"]["type"] for entry in given if entry.get("certificate")}
    if given_out := found & stopped:
        raise TypeHaltedError(min(given_out))


def case_key(vault: Vault, case: store.Case) -> DataKey:
    """The key of everything that is stored about a case and not about a known person."""
    return vault.data_key(case.data_key, case.kek_kid)


def answer_place(request_id: str) -> str:
    """Where an answer is stored, for its encryption."""
    return f"evidence_requests:{request_id}:answer"
