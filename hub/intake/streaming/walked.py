"""A pull that tells each item when it is settled: its unit is committed, then it is signed and told, in the order of
the ledger rows. Who waits for the item goes on meanwhile.

Whatever is settled while a unit is being committed goes into the next one together: a commit for each moment, not for
each item, so that sources that answer together cost as little as an answer decided as a whole.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any, Final

import structlog
from sqlalchemy import Connection

from hub.access.service import Caller
from hub.clock import Clock
from hub.intake.calls import Claimed, EvidenceCall
from hub.intake.compose import EvidenceSigner, Item, SignedItem
from hub.intake.course import Course, leave_on_the_grid
from hub.intake.deciding import Written
from hub.intake.outcomes import Outcome
from hub.intake.streaming.live import Live, event_of
from hub.intake.streaming.parts import Parts, SoFar, order_of
from hub.ledger.entries import Sealed
from hub.storage.crash import crash_at
from hub.threads import off_loop, weight

_MOMENT: Final = 0.003
"""Seconds within which items are settled together."""
_log: Final = structlog.get_logger(__name__)
_Waiting = tuple[Claimed, Sequence[Item]]


class Told:
    """Settles the items of one walk, and tells them."""

    def __init__(
        self,
        live: Live,
        caller: Caller,
        call: EvidenceCall,
        *,
        course: Course,
        parts: Parts,
        signer: EvidenceSigner,
        clock: Clock,
        arrived: float,
    ) -> None:
        self.so_far = SoFar()
        self._live, self._caller, self._call = live, caller, call
        self._course, self._parts, self._signer, self._clock = course, parts, signer, clock
        self._arrived = arrived
        self._waiting: list[_Waiting] = []
        self._decided: list[tuple[dict[str, Any], list[Sealed], bool]] = []
        self._signed: dict[str, SignedItem] = {}
        self._unconfirmed = False
        self._failed: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()
        self._walked = asyncio.Event()
        self._deciding: asyncio.Task[None] | None = None
        self._telling: asyncio.Task[None] | None = None

    async def settle(self, claimed: Claimed, items: Sequence[Item]) -> Sequence[Item]:
        """The hook of a walk: nobody waits for a commit. What rests on an item is decided behind it, and is withheld
        where that is. Raises: what an earlier unit raised.
        """
        self._raise()
        self._waiting.append((claimed, items))
        if self._deciding is None or self._deciding.done():
            self._deciding = asyncio.create_task(self._decide())
        return items

    async def whole(self, walk: Coroutine[Any, Any, tuple[Claimed, list[Item]]]) -> tuple[dict[str, Any], list[Sealed]]:
        """The answer that the walk found, decided: with the last unit, which holds what no other has taken. A unit that
        fails ends the walk. Raises: what it raised.
        """
        walking = asyncio.ensure_future(walk)
        either: set[asyncio.Future[Any]] = {walking, self._failed}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            self._raise()
            claimed, items = await walking
        finally:
            self._walked.set()
            walking.cancel()
            await asyncio.gather(walking, return_exceptions=True)
        if self._deciding is not None:
            await self._deciding
        self._raise()
        rest, before, keys, now = self._taken(), self.so_far, order_of(items), self._clock()

        def unit(tx: Connection) -> Any:
            return self._parts.complete(tx, self._caller, self._call, claimed, rest, before, keys, now)

        written, answer, entries = await self._course.disclose(self._caller, claimed, unit, purpose=self._call.purpose)
        crash_at("item.whole")
        if written is not None:
            self._to_tell(claimed, written, now)
        return answer, entries

    async def over(self) -> None:
        """When all that was settled is told, or cannot be signed."""
        if self._telling is not None:
            await self._telling
        if self._unconfirmed:  # the end follows what it holds
            await leave_on_the_grid(self._arrived)

    def _raise(self) -> None:
        if self._failed.done():
            raise self._failed.result()

    async def stop(self) -> None:
        """Nothing more is decided or told."""
        for task in (self._deciding, self._telling):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    def sign(self, answer: dict[str, Any], entries: list[Sealed]) -> bytes:
        """The whole: what was told is in it as it was told."""
        missing = [place for place, entry in enumerate(entries) if entry.id not in self._signed]
        some = answer | {"items": [answer["items"][place] for place in missing]}
        fresh = self._signer.items(some, [entries[place] for place in missing])
        signed = self._signed | {entries[place].id: item for place, item in zip(missing, fresh, strict=True)}
        return self._signer.whole(answer, entries, [signed[entry.id] for entry in entries])

    def _taken(self) -> list[Item]:
        batch, self._waiting = self._waiting, []
        return [item for _, items in batch for item in items]

    async def _decide(self) -> None:
        """What is settled together is decided together; the last of it with the whole."""
        while self._waiting:
            with suppress(TimeoutError):
                async with asyncio.timeout(_MOMENT):
                    await self._walked.wait()
            if self._walked.is_set():
                return
            claimed = self._waiting[-1][0]  # parties are only ever added
            try:
                await self._commit(claimed, self._taken())
            except Exception as error:  # noqa: BLE001  # whoever walks is told
                self._failed.set_result(error)
                return

    async def _commit(self, claimed: Claimed, items: Sequence[Item]) -> None:
        now, before = self._clock(), self.so_far

        def unit(tx: Connection) -> Any:
            return self._parts.decide(tx, self._caller, self._call, claimed, items, before, now)

        written, self.so_far = await self._course.disclose(self._caller, claimed, unit, purpose=self._call.purpose)
        crash_at("item.decided")
        self._to_tell(claimed, written, now)

    def _to_tell(self, claimed: Claimed, written: Written, now: datetime) -> None:
        answer = self._parts.answer(self._caller, self._call, claimed, SoFar().with_more(written), now)
        nobody = any(item.resolution.outcome is Outcome.IDENTITY_UNCONFIRMED for *_, item in written.steps)
        self._unconfirmed = self._unconfirmed or nobody
        self._decided.append((answer, written.entries, nobody))
        if self._telling is None or self._telling.done():
            self._telling = asyncio.create_task(self._tell())

    async def _tell(self) -> None:
        while self._decided:
            answer, entries, nobody = self._decided[0]
            try:
                signed = await off_loop(weight(answer), partial(self._signer.items, answer, entries))
            except Exception as error:  # noqa: BLE001  # the end, which signs what is missing, fails aloud
                _log.warning("item_not_signed", error=type(error).__name__)
                return
            if nobody:
                await leave_on_the_grid(self._arrived)
            self._signed |= {entry.id: item for entry, item in zip(entries, signed, strict=True)}
            events = [event_of(shown, entry.id) for entry, (shown, _) in zip(entries, signed, strict=True)]
            self._live.tell(sorted(events, key=lambda event: event.id))
            del self._decided[0]
