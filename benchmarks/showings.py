"""Codes a second, made and taken, by one holder and one receiver, beside a bare insert and a bare endpoint.

Measured at the services, where nobody is limited to so many a minute. A presentation made is one commit, taken is two:
looked up, then used up with a case. A showing made opens its licence; taken, the licence is judged by all eight steps,
and its ledger row committed. The bare insert is one row in one transaction of the same database.
"""

import asyncio
import tempfile
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any, Final

import httpx2
from sqlalchemy import Connection, insert

from benchmarks.bare import app
from benchmarks.rounds import Effort, Line, Spread, interleave, ratios
from benchmarks.town import place_for
from catalog.store import list_departments
from catalog.tables import table
from hub.access.actors import Actor, Role
from hub.citizens.codes import Code
from hub.citizens.presentations import Shown
from hub.citizens.showing.values import Choice, Live, Pick, Receiver
from hub.citizens.values import Holder
from hub.clock import new_id
from hub.runtime import Hub
from hub.wallets.tables import WalletSeenRow
from tests.citizens.conftest import signed_in
from tests.hub.city import identity_claims
from tests.support import MATTER, POLICE, issue, make_template

Unit = Callable[[], Coroutine[Any, Any, object]]
_ANYBODY: Final = Receiver("public", {"kind": "public", "id": "bench"})


def run(effort: Effort) -> list[Line]:
    """The lines of the table."""
    lines = []
    for dialect, name in (("sqlite", "SQLite"), ("postgresql", "PostgreSQL")):
        with (
            tempfile.TemporaryDirectory() as folder,
            place_for(dialect, Path(folder)) as place,
            asyncio.Runner() as runner,
        ):
            runner.run(make_template(place))
            opened = place.open()
            hub = runner.run(opened.__aenter__())
            try:
                lines += _measured(runner, hub, name, effort)
            finally:
                runner.run(opened.__aexit__(None, None, None))
    return lines


def _measured(runner: asyncio.Runner, hub: Hub, name: str, effort: Effort) -> list[Line]:
    units = runner.run(_units(hub))
    spent: dict[str, list[float]] = {which: [] for which in units}
    work = {which: partial(_rate, runner, unit, effort.seconds, spent[which]) for which, unit in units.items()}
    values = interleave(effort.rounds, work)
    bare = {which: f"{Spread.of(values[which]).middle:,.0f}/s" for which in ("bare insert", "bare endpoint")}
    limit = f"bare insert {bare['bare insert']}; bare endpoint, no socket, {bare['bare endpoint']}"
    return [
        Line(
            f"{which}, {name}",
            "/s",
            Spread.of(values[which]),
            limit,
            ratios(values, which, "bare insert"),
            note=f"{median(spent[which]):.1f} ms of the hub's processor time; bare {median(spent['bare insert']):.1f}",
        )
        for which in units
        if not which.startswith("bare")
    ]


async def _units(hub: Hub) -> dict[str, Unit]:
    await issue(hub, identity_claims(), slug="identity_card", issuer=POLICE)
    holder = await signed_in(hub)
    licences, _ = await hub.citizens.licences.listed(holder)
    choice = Choice([Pick(licences[0].identifier, ("sex",))])
    police = next(each.id for each in await hub.database.read(list_departments) if each.code == POLICE)
    clerk = Actor("staff", new_id(), "clerk", police, frozenset({Role.CLERK}))
    client = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://bench")
    return {
        "presentations made": partial(hub.citizens.presentations.make, holder, None),
        "presentations made and taken": partial(_presented, hub, holder, clerk, police),
        "showings made": partial(hub.showing.showings.make, holder, choice),
        "showings made and taken, one licence": partial(_shown, hub, holder, choice),
        "bare insert": partial(_bare, hub),
        "bare endpoint": partial(client.post, "/code", content=b"{}"),
    }


async def _presented(hub: Hub, holder: Holder, clerk: Actor, department: str) -> None:
    presentations, taking = hub.citizens.presentations, hub.citizens.taking
    found = await presentations.look(holder, await presentations.make(holder, None))
    assert isinstance(found, Shown)
    here = await taking.read(clerk, department, Code(found.code), matter=MATTER)
    use_up = taking.take(clerk, department, here, matter=MATTER)
    await hub.database.write(lambda tx: use_up(tx, None, "YZ"))


async def _shown(hub: Hub, holder: Holder, choice: Choice) -> None:
    showings = hub.showing.showings
    found = await showings.look(holder, await showings.make(holder, choice))
    assert isinstance(found, Live)
    taken = await hub.showing.receiving.take(_ANYBODY, found.code)
    assert taken.items[0].verdict["result"] == "passed"


async def _bare(hub: Hub) -> None:
    values = {"used_hash": new_id(), "expires_at": hub.clock()}

    def unit(tx: Connection) -> None:
        tx.execute(insert(table(WalletSeenRow)).values(**values))

    await hub.database.write(unit)


def _rate(runner: asyncio.Runner, unit: Unit, seconds: float, spent: list[float]) -> float:
    """Calls a second, one after the other; `spent` gets the processor time of one, in milliseconds."""

    async def counted() -> float:
        count, begin, busy = 0, perf_counter(), process_time()
        while (elapsed := perf_counter() - begin) < seconds or count < 5:
            await unit()
            count += 1
        spent.append(1e3 * (process_time() - busy) / count)
        return count / elapsed

    return runner.run(counted())
