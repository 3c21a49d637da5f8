"""Reading streams of evidence."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from hub.access.service import Caller
from hub.intake.calls import EvidenceCall
from hub.intake.streaming.live import Event, Live
from tests.exchange.conftest import Town
from tests.support import PURPOSE


@dataclass(frozen=True)
class Told:
    """An event as a reader of the standard's own format sees it."""

    name: str
    id: str
    data: dict[str, Any]


def read(text: str) -> list[Told]:
    """The events of a whole stream."""
    found = []
    for block in text.removesuffix("\n\n").split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if "event" in lines:
            found.append(Told(lines["event"], lines.get("id", ""), json.loads(lines["data"])))
    return found


async def caller_of(town: Town) -> Caller:
    return await town.hub.access.caller(town.headers["Authorization"].removeprefix("Bearer "))


async def begun(town: Town, case_no: str, **changes: Any) -> Live:
    """A stream without HTTP: the tests' own transport would wait for its end."""
    asked: dict[str, Any] = {"requirements": None, "purpose": PURPOSE, "language": "zh-CN", "request_hash": "0" * 64}
    return await town.hub.streaming.begin(await caller_of(town), EvidenceCall(case_no, **(asked | changes)))


async def some(events: AsyncIterator[Event | None], count: int) -> list[Event]:
    """The next ones."""
    found: list[Event] = []
    while len(found) < count:
        event = await anext(events)
        if event is not None:
            found.append(event)
    return found


def code_of(event: Event) -> str:
    return str(json.loads(event.data)["code"])
