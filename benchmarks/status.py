"""A status list of a million with one in a hundred revoked: its size, making it, publishing one change.

A change is published by reading what the ledger has numbered since, changing the kept list, compressing and signing it.
Beside it stands what no implementation goes below: compressing those 256 KiB once and signing the result. The valid
rows are the database's own (`benchmarks.filling`); those that a list reads are guarded as the hub's are
(`benchmarks.shelf`).
"""

import asyncio
import tempfile
import time
import zlib
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final

from benchmarks import shelf
from benchmarks.drivers import database_of
from benchmarks.filling import fill
from benchmarks.pull import DIALECTS
from benchmarks.rounds import Effort, Line, Spread
from benchmarks.town import place_for
from certificates.lifecycle.states import Operation
from certificates.stores import certificates as store
from certificates.stores.version import VersionRecord
from hub.issuing.files import identifiers_of
from hub.runtime import Hub
from signing.jose import sign_jws
from signing.status_list import TYP, encode
from tests.support import ENTERPRISE, Place, make_template

ENTRIES: Final = 1_000_000
REVOKED_EVERY: Final = 100
LIST: Final = 1
PUBLISHED_MS: Final = 2_000


def run(effort: Effort) -> list[Line]:
    """The lines of the table."""
    lines: list[Line] = []
    for dialect, name in DIALECTS.items():
        with tempfile.TemporaryDirectory() as folder, place_for(dialect, Path(folder)) as place:
            lines += asyncio.run(_measured(name, place, max(20_000, int(ENTRIES * effort.scale)), effort.rounds))
    return lines


async def model_of(hub: Hub) -> VersionRecord:
    """The one licence of the template."""
    found = await identifiers_of(hub, ENTERPRISE["id_type"], ENTERPRISE["id_number"])
    model = await hub.database.read(lambda tx: store.find_version(tx, found[0]["identifier"]))
    assert model is not None
    return model


async def milliseconds(work: Callable[[], Awaitable[object]]) -> float:
    """How long it takes."""
    started = time.perf_counter()
    await work()
    return (time.perf_counter() - started) * 1000


async def change(hub: Hub, identifier: str, turn: int) -> None:
    """Suspend a licence, or in every other turn let it stand again, and publish its list."""
    operation = Operation.SUSPEND if turn % 2 == 0 else Operation.RESUME
    await hub.status.change(identifier, operation, reason="benchmark", legal_basis="benchmark")


async def _measured(dialect: str, place: Place, entries: int, rounds: int) -> list[Line]:
    revoked = entries // REVOKED_EVERY
    await make_template(place)
    fill(database_of(place.home, place.database_url), entries - revoked, first_list=LIST, logged=True)
    async with place.open() as hub:
        model, left = await model_of(hub), range(entries - revoked, entries)
        await shelf.put(hub, model, left, on=LIST, status="revoked")
        identifier = await shelf.put(hub, model, [entries], on=LIST, status="valid")
        return await _lines(dialect, hub, identifier, entries, rounds)


async def _lines(dialect: str, hub: Hub, identifier: str, entries: int, rounds: int) -> list[Line]:
    whole, changed, raw, sizes = [], [], [], []
    certified = hub.desk.hub("status")
    for turn in range(rounds):
        whole.append(await milliseconds(lambda: hub.status.build(LIST, whole=True)))
        changed.append(await milliseconds(lambda turn=turn: change(hub, identifier, turn)))  # type: ignore[misc]
        token = await hub.status.current(LIST)
        sizes.append(len(token) / 1024)
        kept = await hub.status.statuses(LIST)
        started = time.perf_counter()
        claims = {"status_list": {"bits": 2, "lst": encode(kept.statuses())}}
        sign_jws(claims, signer=certified.signer, typ=TYP)
        raw.append((time.perf_counter() - started) * 1000)
    entropy = len(zlib.compress(kept.statuses().values, 9)) / 1024
    floor = f"compressing and signing the list, and nothing else, {Spread.of(raw).middle:.1f} ms"
    return [
        Line(f"{dialect}: publish one change on a list of {entries:,}", "ms", Spread.of(changed),
             f"{PUBLISHED_MS:,} ms", Spread.of([each / PUBLISHED_MS for each in changed]), aim=1.0, at_most=True,
             note="from the call to the list in the store"),
        Line(f"{dialect}: the same", "ms", Spread.of(changed), floor, _over(changed, raw)),
        Line(f"{dialect}: that list from all its rows, every changed one checked", "ms", Spread.of(whole),
             floor, _over(whole, raw), note="once in twelve hours, and when the kept one is lost"),
        Line(f"{dialect}: size of that list's token", "KiB", Spread.of(sizes), f"zlib at its best: {entropy:,.1f} KiB",
             Spread.of([size / entropy for size in sizes]),
             note=f"2**20 entries of two bits; one in {REVOKED_EVERY} revoked"),
    ]  # fmt: skip


def _over(values: Sequence[float], limits: Sequence[float]) -> Spread:
    return Spread.of([value / limit for value, limit in zip(values, limits, strict=True)])
