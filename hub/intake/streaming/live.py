"""An answer as it comes 逐项答复: its events in the order of their ledger rows, for however many who look on.

An event's id is the id of its ledger entry, so that whoever comes back says by it what he has seen, wherever he comes
back to. Events are kept once for all readers, and let go with the last of them.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from signing.canonical import unb64u

END: Final = "end"
"""The id of the last event; greater than that of any entry."""


@dataclass(frozen=True, slots=True)
class Event:
    """`item`: a requirement as the answer shows it. `end`: the whole signed answer."""

    name: Literal["item", "end"]
    id: str
    data: bytes


class Live:
    """What is known of one request so far."""

    def __init__(self, request_id: str, case_no: str) -> None:
        self.request_id = request_id
        self.case_no = case_no
        self._events: list[Event] = []
        self._over = False
        self._failure: Exception | None = None
        self._changed = asyncio.Event()

    @property
    def over(self) -> bool:
        """Whether nothing more will come."""
        return self._over

    def known(self) -> set[str]:
        """Ids of the events so far."""
        return {event.id for event in self._events}

    def items(self) -> list[dict[str, Any]]:
        """The requirements that were told so far, each as it was."""
        return [json.loads(event.data) for event in self._events if event.name == "item"]

    def tell(self, events: Sequence[Event]) -> None:
        """More of it, in the order of their ids."""
        self._events += events
        self._wake()

    def end(self, body: bytes) -> None:
        """All of it: what was not told yet, and the whole."""
        known = self.known()
        self._events += [event for event in events_of(body) if event.id not in known]
        self._over = True
        self._wake()

    def fail(self, error: Exception) -> None:
        """Nothing more will come, for this reason."""
        self._failure, self._over = error, True
        self._wake()

    async def after(self, last: str = "", *, alive: float | None = None) -> AsyncIterator[Event | None]:
        """Every event behind the one with the id `last`, and None after each silence of `alive` seconds.

        Raises: what it failed with.
        """
        place = 0
        while True:
            changed = self._changed
            while place < len(self._events):
                event = self._events[place]
                place += 1
                if event.id > last:
                    yield event
            if self._over and place == len(self._events):
                break
            try:
                async with asyncio.timeout(alive):
                    await changed.wait()
            except TimeoutError:
                yield None
        if self._failure is not None:
            raise self._failure

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()


def event_of(shown: Mapping[str, Any], entry_id: str) -> Event:
    """An item's event."""
    return Event("item", entry_id, json.dumps(shown, ensure_ascii=False, separators=(",", ":")).encode())


def events_of(body: bytes) -> list[Event]:
    """The events of a signed answer, in the order of its ledger rows."""
    answer = json.loads(body)
    named = json.loads(unb64u(answer["bundle"].split(".")[1]))["requirements"]
    items = [event_of(shown, item["entry"]) for shown, item in zip(answer["requirements"], named, strict=True)]
    return [*sorted(items, key=lambda event: event.id), Event("end", END, body)]
