"""Who looked: pages of a list of 10,000 entries, beside a bare select of the same rows at the same place.

A tenth of them are openings of cases, which lie under the keys of their cases. The bare select takes the rows of a page
by the index and opens none of them.
"""

import asyncio
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, Final

from sqlalchemy import Connection, insert, select

from benchmarks.rounds import Effort, Line, Spread, interleave, ratios
from benchmarks.town import place_for
from catalog.tables import table
from certificates.stores.holders import Subject, find_subjects
from hub.citizens.accesses import PAGE
from hub.citizens.values import Holder, Identity, Level
from hub.clock import new_id
from hub.intake.tables import CasePartyRow, CaseRow
from hub.issuing.plan import lookup_hash
from hub.ledger.entries import Draft, append, seal
from hub.ledger.tables import LedgerEntryRow
from hub.runtime import Hub
from tests.hub.city import PERSON, identity_claims, statements
from tests.support import MATTER, POLICE, issue, make_template, open_case

ENTRIES: Final = 10_000
_CASES_OF: Final = 10
"""Every so many entries are one case: an opening, and what was done in it."""
_BATCH: Final = 500
_ENTRIES, _CASES, _PARTIES = table(LedgerEntryRow), table(CaseRow), table(CasePartyRow)


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
                lines += _measured(runner, hub, name, effort, runner.run(_filled(place, hub, effort)))
            finally:
                runner.run(opened.__aexit__(None, None, None))
    return lines


def _measured(runner: asyncio.Runner, hub: Hub, name: str, effort: Effort, holder: Holder) -> list[Line]:
    places = runner.run(_places(hub, holder))
    pages = {"first": places[0], "100th": places[min(99, len(places) - 2)], "last": places[-1]}
    work: dict[str, Callable[[], float]] = {}
    for which, after in pages.items():
        ours = partial(hub.citizens.accesses.listed, holder, after)
        work[f"ours {which}"] = partial(_middle, runner, ours, effort.seconds)
        work[f"bare {which}"] = partial(_middle, runner, partial(_bare, hub, holder.id, after), effort.seconds)
    counted = runner.run(_counted(hub, holder, pages["100th"]))
    values = interleave(effort.rounds, work)
    note = f"{len(places)} pages of {PAGE}; {counted} statements a page"
    lines = [
        Line(
            f"who looked, {which} page of {int(ENTRIES * effort.scale):,} entries, {name}",
            "ms",
            Spread.of(values[f"ours {which}"]),
            f"bare select of its rows {median(values[f'bare {which}']):.2f} ms",
            ratios(values, f"ours {which}", f"bare {which}"),
            note=note,
        )
        for which in pages
    ]
    first = f"the first page {median(values['ours first']):.1f} ms"
    further = {which: ratios(values, f"ours {which}", "ours first") for which in pages if which != "first"}
    return lines + [
        Line(f"same, {which} page, {name}", "ms", Spread.of(values[f"ours {which}"]), first, ratio, 1.3, at_most=True)
        for which, ratio in further.items()
    ]


async def _counted(hub: Hub, holder: Holder, after: str | None) -> int:
    async with statements(hub) as seen:
        await hub.citizens.accesses.listed(holder, after)
    return sum(not statement.startswith(("BEGIN", "SET ", "ROLLBACK", "COMMIT")) for statement in seen)


async def _places(hub: Hub, holder: Holder) -> list[str | None]:
    """Behind which place each page begins."""
    found: list[str | None] = [None]
    while True:
        _, behind = await hub.citizens.accesses.listed(holder, found[-1])
        if behind is None:
            return found
        found.append(behind)


async def _bare(hub: Hub, subject_id: str, after: str | None) -> object:
    query = select(_ENTRIES).where(_ENTRIES.c.subject_id == subject_id)
    query = (query if after is None else query.where(_ENTRIES.c.id < after)).order_by(_ENTRIES.c.id.desc())
    return await hub.database.read(lambda tx: tx.execute(query.limit(PAGE + 1)).all())


def _middle(runner: asyncio.Runner, call: Callable[[], Any], seconds: float) -> float:
    """The median of single calls, in milliseconds."""

    async def timed() -> list[float]:
        taken: list[float] = []
        until = time.perf_counter() + seconds
        while time.perf_counter() < until or len(taken) < 5:
            begin = time.perf_counter()
            await call()
            taken.append((time.perf_counter() - begin) * 1e3)
        return taken

    return median(runner.run(timed()))


async def _filled(place: Any, hub: Hub, effort: Effort) -> Holder:
    """One person with so many entries, as cases and looks leave them."""
    await issue(hub, identity_claims(), slug="identity_card", issuer=POLICE)
    async with place.client(hub) as client:
        headers = await place.headers(client)
        await open_case(client, headers, matter=MATTER, parties=[{"role": "applicant", **PERSON}])
    digest = lookup_hash(hub.vault, PERSON["id_type"], PERSON["id_number"])
    subject = (await hub.database.read(lambda tx: find_subjects(tx, [digest])))[digest]
    cases = int(ENTRIES * effort.scale) // _CASES_OF
    for first in range(0, cases, _BATCH // _CASES_OF):
        number = min(_BATCH // _CASES_OF, cases - first)
        await hub.database.write(partial(_cases, hub, subject, number))
    await hub.ledger.drain()
    identity = Identity(PERSON["id_type"], PERSON["id_number"], PERSON["name"])
    return Holder(subject.id, new_id(), identity, Level.SUBSTANTIAL, "trial", "")


def _cases(hub: Hub, subject: Subject, number: int, tx: Connection) -> None:
    """Cases like the first one: each an opening and nine looks."""
    case = dict(tx.execute(select(_CASES).order_by(_CASES.c.id).limit(1)).mappings().one())
    party = dict(tx.execute(select(_PARTIES).where(_PARTIES.c.case_id == case["id"])).mappings().one())
    sealing, key = (
        hub.vault.data_key(case["data_key"], case["kek_kid"]),
        hub.vault.data_key(subject.data_key, subject.kek_kid),
    )
    for _ in range(number):
        now, case_id = hub.clock() - timedelta(minutes=1), new_id()
        again = case | {"id": case_id, "case_no": f"YZ{case_id[-20:]}", "external_no": case_id}
        tx.execute(insert(_CASES).values(**again))
        tx.execute(insert(_PARTIES).values(**(party | {"id": new_id(), "case_id": case_id})))
        said = {"case_no": again["case_no"], "department_id": case["owner_department_id"], "matter": MATTER}
        opening = Draft(kind="case.open", detail=said | {"kind": case["kind"]}, key=sealing, case_id=case_id)
        looks = [
            Draft(
                kind="disclosure", detail=said | {"fields": ["name"]}, key=key, subject_id=subject.id, case_id=case_id
            )
            for _ in range(_CASES_OF - 1)
        ]
        append(tx, [seal(draft, now=now) for draft in (opening, *looks)])
