"""A hundred status lists of 2**20 places, as a hundred million licences need, beside one: what more of them cost.

Each list holds only what a list is made from, its changed licences with right guards, and none of its million valid
ones: no statement of publishing reads these, as `benchmarks.status` shows, whose list has them. Lists take turns.
"""

import asyncio
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

from rich.progress import track

from benchmarks import shelf
from benchmarks.pull import DIALECTS
from benchmarks.rounds import Effort, Line, Spread, ratios
from benchmarks.status import change, milliseconds, model_of
from benchmarks.town import place_for
from certificates.stores.status import take_status_counters
from hub.clock import utc_now
from hub.runtime import Hub
from tests.support import Place, make_template

LISTS: Final = 100
CHANGED: Final = 1_000
"""On each list; one in a thousand of its places."""
RESERVED: Final = 1_000
_FIRST: Final = 1


def run(effort: Effort) -> list[Line]:
    """The lines of the table."""
    lines: list[Line] = []
    for dialect, name in DIALECTS.items():
        with (
            tempfile.TemporaryDirectory() as folder,
            place_for(dialect, Path(folder) / "one") as one,
            place_for(dialect, Path(folder) / "many") as many,
        ):
            lines += asyncio.run(_measured(name, one, many, max(5, int(LISTS * effort.scale)), effort.rounds))
    return lines


async def _measured(dialect: str, one: Place, many: Place, lists: int, rounds: int) -> list[Line]:
    for place in (one, many):
        await make_template(place)
    async with one.open() as few_hub, many.open() as many_hub:
        few, all_of_them = await _Lists.put(few_hub, 1), await _Lists.put(many_hub, lists)
        both = [("few", few), ("many", all_of_them)]
        whole = {name: await here.rebuilt() for name, here in both}
        spent: dict[str, list[float]] = {}
        for turn in range(rounds + 1):
            for name, here in both[:: 1 if turn % 2 else -1]:
                for what, taken in (("publish", await here.published(turn)), ("reserve", await here.reserved())):
                    spent.setdefault(f"{what} {name}", []).extend([taken] if turn else [])
    published = spent["publish many"]
    return [
        Line(f"{dialect}: publish one change on one of {lists} lists", "ms", Spread.of(published),
             f"on the only list {Spread.of(spent['publish few']).middle:.1f} ms",
             ratios(spent, "publish many", "publish few"), note=f"{CHANGED:,} changed licences on each list"),
        Line(f"{dialect}: reserve {RESERVED:,} places beside {lists} lists", "ms", Spread.of(spent["reserve many"]),
             f"beside one {Spread.of(spent['reserve few']).middle:.1f} ms",
             ratios(spent, "reserve many", "reserve few")),
        Line(f"{dialect}: make all {lists} lists from all their rows", "s", Spread.of([whole["many"] / 1000]),
             f"one list {whole['few']:.0f} ms", Spread.of([whole["many"] / lists / whole["few"]]),
             note="the hub's processor time; ratio: one of them to the only one; twice a day"),
    ]  # fmt: skip


class _Lists:
    """The lists of one hub, and on each a licence to change."""

    def __init__(self, hub: Hub, identifiers: Sequence[str]) -> None:
        self._hub = hub
        self._identifiers = identifiers

    @classmethod
    async def put(cls, hub: Hub, lists: int) -> "_Lists":
        """Put so many lists there."""
        model, identifiers = await model_of(hub), []
        for number in track(range(_FIRST, _FIRST + lists), f"{lists} lists", transient=True):
            await shelf.open_list(hub, number)
            await shelf.put(hub, model, range(CHANGED), on=number, status="revoked")
            identifiers.append(await shelf.put(hub, model, [CHANGED], on=number, status="valid"))
        return cls(hub, identifiers)

    async def published(self, turn: int) -> float:
        """Milliseconds from a change to its list in the store."""
        return await milliseconds(lambda: change(self._hub, self._identifiers[0], turn))

    async def reserved(self) -> float:
        """Milliseconds to reserve places for a batch, commit included."""
        take = partial(take_status_counters, count=RESERVED, now=utc_now())
        return await milliseconds(lambda: self._hub.database.write(take))

    async def rebuilt(self) -> float:
        """Milliseconds of this process's processor time to make all lists from their rows."""
        began = time.process_time()
        for number in range(_FIRST, _FIRST + len(self._identifiers)):
            await self._hub.status.build(number, whole=True)
        return 1000 * (time.process_time() - began)
