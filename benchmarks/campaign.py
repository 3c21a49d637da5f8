"""A campaign over a matter: ten thousand holders, each asked about at a source; and as many whom the library settles.

How many a second the hub settles, beside a bare client that asks the same source as many questions at a time, and its
processor time for one. The source answers at once, in the same process.
"""

import asyncio
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from benchmarks.rounds import QUICK, Effort, Line, Spread
from benchmarks.town import enterprise
from hub.exchange.bulk.finding import AT_ONCE
from hub.exchange.bulk.order import BulkOrder, PartyObjects
from tests.exchange.conftest import INTERFACE, add_source, definition, grant, publish
from tests.exchange.register import Register, serving
from tests.support import AMR, PURPOSE, Place, grant_definition, make_template, open_case, requirement

HOLDERS: Final = 10_000
_FEW: Final = 500
OFFICER: Final = "op-1"
CODE: Final = "RENEWAL"
_TERMS: Final = {"kind": "ex_officio", "officers": [OFFICER], "bulk": True, "bulk_subjects": HOLDERS} | {
    "matters": [CODE],
    "quota_per_day": 100_000,
}
_LICENCE: Final = {"type": "11990000MB0000002Q001", "fields": ["name"]}


def run(effort: Effort) -> list[Line]:
    """The lines of the table: one run each, over so many holders that rounds would tell nothing more."""
    count = _FEW if effort == QUICK else HOLDERS
    return [asyncio.run(_measured(count, asks)) for asks in (True, False)]


async def _measured(count: int, asks: bool) -> Line:  # noqa: FBT001  # which of two lines
    people = [enterprise(number) for number in range(count)]
    rows = {who["id_number"]: [_row(who)] for who in people}
    with tempfile.TemporaryDirectory() as folder:
        async with serving(Register(rows)) as register:
            place = Place(Path(folder) / "home", None)
            await make_template(place)
            bare = await _bare(register.port, [who["id_number"] for who in people[:_FEW]])
            seconds, spent, outcomes = await _worked(place, register, people, asks=asks)
    what = "each asked about at a source" if asks else "settled by the library, which has none of them"
    return Line(
        f"holders of a campaign a second, {what}",
        "/s",
        Spread.of([count / seconds]),
        f"the source asked by a bare client, {AT_ONCE} at a time: {bare:,.0f}/s",
        Spread.of([count / seconds / bare]),
        note=f"{count:,} holders in {seconds:,.0f} s, {spent / count * 1e6:,.0f} µs of processor time each with entry, "
        f"sealed result and file; {outcomes}; SQLite; one run",
    )


async def _bare(port: int, numbers: list[str]) -> float:
    """Questions a second that the source answers to a client that does nothing else."""

    async def some(mine: list[str]) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number in mine:
            writer.write(f"GET /enterprises/{number} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0]))
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(some(numbers[place::AT_ONCE]) for place in range(AT_ONCE)))
    return len(numbers) / (time.perf_counter() - began)


async def _worked(
    place: Place, register: Register, people: list[dict[str, str]], *, asks: bool
) -> tuple[float, float, str]:
    async with place.open(egress_networks=("127.0.0.0/8",)) as hub, place.client(hub) as client:
        await add_source(hub, register.port, limits={"total_seconds": 5, "read_seconds": 4, "concurrency": 8})
        await publish(hub, definition())
        needs = [{"interface": INTERFACE, "fields": ["name"]}] if asks else [_LICENCE]
        named = {"zh": "延续", "en": "Renewal"}
        matter = {"code_system": "bench", "code": CODE, "name": named, "department": AMR, "roles": ["applicant"]}
        await hub.registry.add_matter(matter | {"requirements": [requirement("one", "登记", "applicant", [needs])]})
        await hub.registry.add_grant(grant(**_TERMS) if asks else grant_definition(hub, **_TERMS))
        headers = await place.headers(client)
        case_no = await open_case(client, headers, kind="ex_officio", matter=CODE)
        caller = await hub.access.caller(headers["Authorization"].removeprefix("Bearer "))
        order = BulkOrder(interface="", matter=CODE, case_no=case_no, purpose=PURPOSE, officer=OFFICER)
        run = (await hub.bulk.asking.ask(caller, order, PartyObjects(tuple(people)))).run
        began, before, turn = time.perf_counter(), time.process_time(), 0
        while (now := (await hub.bulk.runs.view(caller, run.id)).run).state.value == "running":
            await hub.bulk.runner.run({"run": run.id, "turn": now.turn})
            turn += 1
        return time.perf_counter() - began, time.process_time() - before, str(dict(now.outcomes))


def _row(who: dict[str, str]) -> dict[str, Any]:
    return {"企业名称": who["name"], "统一社会信用代码": who["id_number"], "ZT": "1", "注册日期": "2019年3月1日"} | {
        "股东": "示例股东"
    }
