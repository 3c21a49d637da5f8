"""Asking for a case while its clerk looks on: each source by itself, so that one that is slow keeps no other line grey.

What was decided stands in the database; here is only what this process has in hand. If it dies, the page says that
nothing came, and the clerk asks again.
"""

import asyncio
import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final
from weakref import WeakValueDictionary

import structlog

from catalog.matters.values import Matter, Requirement
from certificates.definitions.certificate_type import Custody
from hub.access.service import Caller
from hub.intake.calls import EvidenceCall
from hub.intake.resolving.asked_back import Answer
from hub.intake.streaming.service import Streaming
from hub.issuing.types.registry import TypeRegistry

AT_ONCE: Final = 6
"""Requests of one case on their way at the same time."""
PATIENCE: Final = 0.7
"""Seconds for which the clerk's page waits: what the library answers is there with it."""
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Batch:
    """Requirements that are asked for together, for one purpose."""

    purpose: str
    codes: tuple[str, ...]
    answers: tuple[Answer, ...] = ()
    """To a question of an earlier answer: its token, and what was chosen."""


class Asking:
    """Has what is asked for in hand."""

    def __init__(self, streaming: Streaming) -> None:
        self._streaming = streaming
        self._tasks: dict[asyncio.Task[None], tuple[str, frozenset[str]]] = {}
        self._turns: WeakValueDictionary[str, asyncio.Event] = WeakValueDictionary()  # kept by who waits

    def codes(self, case_no: str) -> frozenset[str]:
        """Requirements of a case that are on their way here."""
        return frozenset(code for number, codes in self._tasks.values() if number == case_no for code in codes)

    async def begin(self, caller: Caller, case_no: str, batches: Sequence[Batch], language: str) -> None:
        """Ask, and wait a moment; what takes longer goes on by itself."""
        turns = asyncio.Semaphore(AT_ONCE)
        tasks = []
        for batch in batches:
            task = asyncio.create_task(self._ask(caller, case_no, batch, language, turns))
            self._tasks[task] = (case_no, frozenset(batch.codes))
            task.add_done_callback(self._ended)
            tasks.append(task)
        if tasks:
            await asyncio.wait(tasks, timeout=PATIENCE)

    async def turned(self, case_no: str, *, longest: float) -> None:
        """Until a line of a case turns that is on its way here, or so many seconds have gone."""
        turn = self._turns.setdefault(case_no, asyncio.Event())
        with suppress(TimeoutError):
            async with asyncio.timeout(longest):
                await turn.wait()

    def _ended(self, task: asyncio.Task[None]) -> None:
        case_no, _ = self._tasks.pop(task)
        self._turn(case_no)

    def _turn(self, case_no: str) -> None:
        turn = self._turns.pop(case_no, None)
        if turn is not None:
            turn.set()

    async def close(self) -> None:
        """End what is on its way: before anything is decided nothing was disclosed, and afterwards others sign it."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _answered(self, case_no: str, code: str) -> None:
        task = asyncio.current_task()
        if task is not None and task in self._tasks:
            self._tasks[task] = (case_no, self._tasks[task][1] - {code})
        self._turn(case_no)

    async def _ask(self, caller: Caller, case_no: str, batch: Batch, language: str, turns: asyncio.Semaphore) -> None:
        text = "\n".join(("counter", case_no, batch.purpose, *batch.codes))
        call = EvidenceCall(
            case_no=case_no,
            requirements=batch.codes,
            purpose=batch.purpose,
            language=language,
            request_hash=hashlib.sha256(text.encode()).hexdigest(),
            answers=batch.answers,
        )
        try:
            async with turns:
                live = await self._streaming.begin(caller, call)
                async for event in live.after():
                    if event is not None and event.name == "item":
                        self._answered(case_no, json.loads(event.data)["code"])
        except Exception as error:  # noqa: BLE001  # nobody waits for this task; the page shows that nothing came
            _log.warning("counter_pull_failed", error=type(error).__name__)


def batches(
    matter: Matter, planned: Mapping[str, Sequence[Mapping[str, Any]]], codes: Collection[str], types: TypeRegistry
) -> Iterator[Batch]:
    """How requirements are asked for: all that the library answers at once, each that wants a source by itself; all
    together where one depends on another's answer. `planned`: by purpose, the lines of the plan.
    """
    asked = [item for item in matter.requirements if item.code in codes]
    by_purpose: dict[str, list[Requirement]] = {}
    for item in asked:
        by_purpose.setdefault(_purpose(item.code, planned), []).append(item)
    for purpose, items in by_purpose.items():
        alone = [] if _dependent(matter) else [item for item in items if _asks_source(item, types)]
        together = tuple(item.code for item in items if item not in alone)
        if together:
            yield Batch(purpose, together)
        for item in alone:
            yield Batch(purpose, (item.code,))


def _purpose(code: str, planned: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """The purpose of the grant by which a requirement can be met; the first there is, where none can."""
    for purpose, lines in planned.items():
        if any(line["code"] == code and any(way["granted"] for way in line["ways"]) for line in lines):
            return purpose
    return next(iter(planned))


def _dependent(matter: Matter) -> bool:
    reads = (name for item in matter.requirements if item.when for name in item.when.names)
    return any(item.gives for item in matter.requirements) or any(
        name.startswith(("claims.", "outcomes.")) for name in reads
    )


def _asks_source(requirement: Requirement, types: TypeRegistry) -> bool:
    known = types.current()
    indexed = (known[code].type.custody is not Custody.LIBRARY for code in requirement.type_codes() if code in known)
    return bool(requirement.interface_codes()) or any(indexed)
