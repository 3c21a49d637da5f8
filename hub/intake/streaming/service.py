"""Streams of evidence 逐项取证: begun by a pull, followed by whoever may fetch its answer, wherever it was begun.

A pull goes on in a task of its own when its reader leaves: rows are the truth, not connections. What this process
walks is told from memory; what another process, or a pull without a stream, has in hand is looked up now and then, once
for all who follow it.
"""

import asyncio
import json
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, Final

import structlog

from hub.access.service import Caller
from hub.clock import Clock
from hub.intake import requests
from hub.intake.answers import LEASE, Answers, answer_place, case_key, refuse_stopped
from hub.intake.calls import Claimed, EvidenceCall
from hub.intake.compose import EvidenceSigner, read_stored
from hub.intake.course import Course, leave_on_the_grid
from hub.intake.errors import InFlightError, RequestNotFoundError
from hub.intake.evidence import EvidenceService
from hub.intake.outcomes import Outcome
from hub.intake.requests import EvidenceRequest
from hub.intake.resolving.walk import Walking
from hub.intake.store import Case
from hub.intake.streaming.errors import CutOffError, EndingError
from hub.intake.streaming.live import Live, event_of
from hub.intake.streaming.parts import Parts, SoFar, restored
from hub.intake.streaming.slots import Slots
from hub.intake.streaming.walked import Told
from hub.storage.database import Database
from hub.storage.errors import STORE_FAILED
from hub.storage.vault import Vault
from hub.threads import off_loop, weight

LOOKING: Final = (0.1, 1.0)
"""Seconds between two looks at what somebody else has in hand: at first, and at most."""
_log: Final = structlog.get_logger(__name__)


class Streaming:
    """What is on its way here, and what is followed here."""

    def __init__(
        self,
        database: Database,
        *,
        vault: Vault,
        evidence: EvidenceService,
        walking: Walking,
        parts: Parts,
        answers: Answers,
        course: Course,
        signer: EvidenceSigner,
        clock: Clock,
        most: int,
    ) -> None:
        self.slots = Slots(most)
        """How many each system may have."""
        self._database = database
        self._vault = vault
        self._evidence = evidence
        self._walking = walking
        self._parts = parts
        self._answers = answers
        self._course = course
        self._signer = signer
        self._clock = clock
        self._live: dict[str, Live] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def begin(self, caller: Caller, call: EvidenceCall, *, over: Callable[[], None] = lambda: None) -> Live:
        """Claim, and go on by itself; `over` is called when that has ended. The same Idempotency-Key follows it.

        Raises: as `EvidenceService.claim`; what comes later, the stream says.
        """
        arrived = asyncio.get_running_loop().time()
        try:
            claimed = await self._claimed(caller, call)
        except BaseException:
            over()
            raise
        if isinstance(claimed, Live):
            over()
            return claimed
        live = Live(claimed.request_id, claimed.case.case_no)
        self._start(live, self._walk(live, caller, call, claimed, arrived), over)
        if any(item.outcome is Outcome.IDENTITY_UNCONFIRMED for item in claimed.resolved()):
            await leave_on_the_grid(arrived)  # the first event would tell how long it took to look him up
        return live

    async def follow(self, caller: Caller, request_id: str) -> Live:
        """What is known, and what will be, of a request of the caller's own, while case and grants hold.

        Raises: RequestNotFoundError, CaseClosedError, GrantEndedError, TypeHaltedError, CutOffError.
        """
        case, request = await self._evidence.find(caller, request_id)
        if request.kind != "evidence":
            raise RequestNotFoundError
        if request.state == "done":
            return _whole(await self._answers.again(caller, case, request))
        stopped = await self._answers.may_leave(caller, case, request)
        live = self._live.get(request_id)
        if live is not None:
            refuse_stopped(stopped, live.items())
        else:
            live = Live(request_id, case.case_no)
            self._start(live, self._watch(live, caller, case, request), lambda: None)
        return live

    async def close_down(self) -> None:
        """End what is on its way: what was decided stands, and somebody else signs it."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _claimed(self, caller: Caller, call: EvidenceCall) -> Claimed | Live:
        try:
            claimed = await self._evidence.claim(caller, replace(call, streams=True))
        except InFlightError:
            return await self._same(caller, call)
        return _whole(claimed) if isinstance(claimed, bytes) else claimed

    async def _same(self, caller: Caller, call: EvidenceCall) -> Live:
        key = call.idempotency_key or ""
        request = await self._database.read(lambda tx: requests.find_request_by_key(tx, caller.system_id, key))
        if request is None:
            raise InFlightError
        return await self.follow(caller, request.id)

    def _start(self, live: Live, work: Coroutine[Any, Any, bytes], over: Callable[[], None]) -> None:
        self._live[live.request_id] = live
        task = asyncio.create_task(_told(live, work))
        self._tasks.add(task)

        def ended(done: asyncio.Task[None]) -> None:
            self._tasks.discard(done)
            if self._live.get(live.request_id) is live:
                del self._live[live.request_id]
            over()

        task.add_done_callback(ended)

    async def _walk(self, live: Live, caller: Caller, call: EvidenceCall, claimed: Claimed, arrived: float) -> bytes:
        if claimed.complete:
            return await self._evidence.answer(caller, call, claimed, arrived=arrived)
        told = Told(
            live, caller, call, course=self._course, parts=self._parts, signer=self._signer, clock=self._clock,
            arrived=arrived,
        )  # fmt: skip
        began = self._clock()
        renewing = asyncio.create_task(self._renew(claimed))
        try:
            answer, entries = await told.whole(self._walking.items(caller, call, claimed, settle=told.settle))
            await told.over()
            return await self._answers.finish(
                claimed.request_id, claimed.lease, claimed.case, answer, entries, sign=told.sign
            )
        except BaseException:
            await self._let_go(claimed, until=began)
            raise
        finally:
            renewing.cancel()
            await told.stop()

    async def _renew(self, claimed: Claimed) -> None:
        """As long as this process lives and the request is its own."""
        held = True
        while held:
            await asyncio.sleep(LEASE.total_seconds() / 3)
            until = self._clock() + LEASE
            with suppress(*STORE_FAILED):
                held = await self._database.write(
                    partial(requests.renew, request_id=claimed.request_id, lease=claimed.lease, until=until)
                )

    async def _let_go(self, claimed: Claimed, *, until: datetime) -> None:
        with suppress(Exception):  # it is free anyhow when the lease has run out
            await self._database.write(lambda tx: requests.let_go(tx, claimed.request_id, claimed.lease, until=until))

    async def _watch(self, live: Live, caller: Caller, case: Case, request: EvidenceRequest) -> bytes:
        pause, longest = LOOKING
        while request.state != "done":
            now = self._clock()
            if request.state == "claimed" and request.answer is None and request.lease_until < now:
                raise CutOffError
            if request.begun and request.lease_until >= now:
                stopped = await self._answers.may_leave(caller, case, request)
                await self._tell(live, case, request, stopped)
            elif request.lease_until < now:
                with suppress(InFlightError):  # somebody else finishes it
                    return await self._answers.again(caller, case, request)
            await asyncio.sleep(pause)
            pause = min(longest, pause * 1.5)
            case, request = await self._evidence.find(caller, request.id)
        return await self._answers.again(caller, case, request)

    async def _tell(self, live: Live, case: Case, request: EvidenceRequest, stopped: set[str]) -> None:
        """What another process has decided so far; each process signs the same payload for itself."""
        sealed = request.answer or b""
        known = live.known()

        def fresh() -> tuple[dict[str, Any], SoFar]:
            kept = read_stored(case_key(self._vault, case).decrypt(answer_place(request.id), sealed))
            so_far = restored(kept, request.grants)
            some = [
                (item, entry)
                for item, entry in zip(so_far.contents, so_far.entries, strict=True)
                if entry.id not in known
            ]
            contents, entries = tuple(item for item, _ in some), tuple(entry for _, entry in some)
            return kept | {"items": list(contents)}, SoFar(contents, entries)

        answer, more = await off_loop(len(sealed), fresh)
        if more.entries:
            signed = await off_loop(weight(answer), partial(self._signer.items, answer, more.entries))
            refuse_stopped(stopped, (shown for shown, _ in signed))
            events = [event_of(shown, entry.id) for entry, (shown, _) in zip(more.entries, signed, strict=True)]
            live.tell(sorted(events, key=lambda event: event.id))


async def _told(live: Live, work: Coroutine[Any, Any, bytes]) -> None:
    """Whatever becomes of the work, its readers hear of it."""
    try:
        live.end(await work)
    except asyncio.CancelledError:
        live.fail(EndingError())
        raise
    except Exception as error:  # noqa: BLE001  # its readers are told
        _log.info("stream_failed", error=type(error).__name__)
        live.fail(error)


def _whole(body: bytes) -> Live:
    answer = json.loads(body)
    live = Live(answer["evidence_request_id"], answer["case_no"])
    live.end(body)
    return live
