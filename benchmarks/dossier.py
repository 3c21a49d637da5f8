"""A dossier: from signing in to its licences on a phone, beside an empty page of the same hub; and one of 500 licences
beside one of a single page.

The phone is Chromium with a telephone's window, its processor slowed down four times, over a line of 1.6 Mbit/s and
150 ms. Every round begins with an empty cache and signs in by number, name and code, as a person would; typing takes no
time. The empty page has the frame of a holder's pages and nothing that is looked up. Content is there when the first
card is.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.pull import DIALECTS
from benchmarks.rounds import Effort, Line, Spread, ratios
from benchmarks.town import free_port, place_for, process
from hub.citizens.dossier.cards import PAGE
from hub.runtime import Hub
from tests.citizens.conftest import signed_in
from tests.hub.city import ESTATE, PERSON, STRANGER, TITLE, identity_claims, statements, title_claims
from tests.support import POLICE, TYPES, Place, issue, make_template

LICENCES: Final = 500
_LINE: Final = {"offline": False, "latency": 150, "downloadThroughput": 200_000, "uploadThroughput": 94_000}
"""Bytes a second: 1.6 and 0.75 Mbit/s, as the tools of browsers call a slow 4G."""
_SLOWER: Final = 4
_EMPTY: Final = "/me/mine"
_CONTENT: Final = "main h1"


@dataclass
class _Trip:
    """What one page, or several, cost: bytes as they came over the line, requests, and milliseconds."""

    bytes: int = 0
    requests: int = 0
    milliseconds: float = 0.0


def run(effort: Effort) -> list[Line]:
    """The lines of the table."""
    lines = _on_a_phone(effort)
    for dialect in DIALECTS:
        lines += _of_many(dialect, effort)
    return lines


def _on_a_phone(effort: Effort) -> list[Line]:
    from playwright.sync_api import sync_playwright

    trips: dict[str, list[_Trip]] = {"way": [], "licences": [], "again": [], "empty": []}
    with _sample_city() as (url, person), sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        for _ in range(effort.rounds):
            for name, trip in _visit(chromium, playwright.devices["Pixel 5"], url, person).items():
                trips[name].append(trip)
        chromium.close()
    values = {name: [trip.milliseconds for trip in found] for name, found in trips.items()}
    middle = Spread.of(values["empty"]).middle

    def line(what: str, name: str) -> Line:
        last = trips[name][-1]
        note = f"{last.bytes:,} bytes in {last.requests} requests; empty page {trips['empty'][-1].bytes:,} bytes"
        limit = f"empty page {middle:,.0f} ms"
        return Line(what, "ms", Spread.of(values[name]), limit, ratios(values, name, "empty"), note=note)

    return [
        line("phone: from the sign-in page to the dossier, first visit", "way"),
        line("phone: the dossier itself", "licences"),
        line("phone: the dossier once more", "again"),
    ]


def _visit(chromium: Any, device: Any, url: str, person: dict[str, str]) -> dict[str, _Trip]:
    context = chromium.new_context(**device)
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", _LINE)
    session.send("Emulation.setCPUThrottlingRate", {"rate": _SLOWER})
    counted = _Trip()

    def finished(event: dict[str, Any]) -> None:
        length = int(event["encodedDataLength"])  # nothing for what the browser kept
        counted.bytes += length
        counted.requests += bool(length)

    session.on("Network.loadingFinished", finished)

    def trip(act: Callable[[], object], content: str) -> _Trip:
        counted.bytes = counted.requests = 0
        began = time.perf_counter()
        act()
        page.locator(content).first.wait_for()
        taken = 1000 * (time.perf_counter() - began)
        page.wait_for_load_state("networkidle")
        return _Trip(counted.bytes, counted.requests, taken)

    steps = [trip(lambda: page.goto(f"{url}/me/sign-in", wait_until="commit"), "#name")]
    page.locator("#id_number").fill(person["id_number"])
    page.locator("#name").fill(person["name"])
    steps.append(trip(lambda: page.locator("main form button:not(.second)").click(no_wait_after=True), ".digits"))
    page.locator("#code").fill(page.locator(".digits").inner_text().replace(" ", ""))
    steps.append(trip(lambda: page.locator("main form button:not(.second)").click(no_wait_after=True), ".wallet li"))
    to_licences = trip(lambda: page.goto(f"{url}/me/licences", wait_until="commit"), ".wallet li")
    steps.append(to_licences)
    empty = trip(lambda: page.goto(f"{url}{_EMPTY}", wait_until="commit"), _CONTENT)
    again = trip(lambda: page.goto(f"{url}/me/licences", wait_until="commit"), ".wallet li")
    context.close()
    whole = _Trip(
        sum(step.bytes for step in steps),
        sum(step.requests for step in steps),
        sum(step.milliseconds for step in steps),
    )
    return {"way": whole, "licences": to_licences, "again": again, "empty": empty}


@contextmanager
def _sample_city() -> Iterator[tuple[str, dict[str, str]]]:
    """The sample city, served in a process of its own: its address, and somebody who has a record everywhere."""
    with tempfile.TemporaryDirectory() as folder:
        home, port = Path(folder) / "home", free_port()
        url = f"http://127.0.0.1:{port}"
        command = [str(Path(sys.executable).parent / "yizheng")]
        environment = os.environ | {"YIZHENG_HOME": str(home)}
        founding = [*command, "init", "--sample", "--public-url", url]
        subprocess.run(founding, env=environment, check=True, stdout=subprocess.DEVNULL)
        told = json.loads((home / "sample" / "sample.json").read_text(encoding="utf-8"))
        with process([*command, "serve", "--port", str(port)], environment, port):
            yield url, told["holders"][0]


def _of_many(dialect: str, effort: Effort) -> list[Line]:
    with tempfile.TemporaryDirectory() as folder, place_for(dialect, Path(folder)) as place:
        values, statements_a_page = asyncio.run(_measured(place, effort))
    limit = f"a dossier of {PAGE} {Spread.of(values['few']).middle:.1f} ms"
    note = f"{statements_a_page} statements a page, as of {PAGE}"
    return [
        Line(
            f"{name} page of a dossier of {LICENCES} licences, {dialect}", "ms", Spread.of(values[name]),
            limit, ratios(values, name, "few"), aim=4, at_most=True, note=note,
        )
        for name in ("first", "next")
    ]  # fmt: skip


async def _measured(place: Place, effort: Effort) -> tuple[dict[str, list[float]], int]:
    """Milliseconds a page, round by round: of a dossier of one page, and the first and the second of a large one."""
    await make_template(place)
    async with place.open() as hub:
        await hub.registry.add_type((TYPES / "real_estate_title.yaml").read_text(encoding="utf-8"))
        await hub.registry.add_department({"code": ESTATE, "name": {"zh": "不动产", "en": "Estate"}, "issues": [TITLE]})
        many = await _holder_of(hub, PERSON, int(LICENCES * effort.scale) + PAGE)
        few = await _holder_of(hub, STRANGER, PAGE - 1)
        async with statements(hub) as first:
            behind = (await hub.dossier.cards.page(many)).behind
        async with statements(hub) as alone:
            await hub.dossier.cards.page(few)
        assert len(first) == len(alone)
        pages = {"few": (few, None), "first": (many, None), "next": (many, behind)}
        values: dict[str, list[float]] = {name: [] for name in pages}
        for turn in range(effort.rounds):
            for name in pages if turn % 2 == 0 else reversed(pages):
                values[name].append(await _page(hub, *pages[name], effort.seconds))
    return values, len(first)


async def _holder_of(hub: Hub, person: dict[str, str], number: int) -> str:
    """The subject of somebody with an identity card and so many homes."""
    await issue(hub, identity_claims(citizen_id=person["id_number"]), slug="identity_card", issuer=POLICE)
    homes = [
        title_claims(f"{person['id_number'][-4:]}-{each}", owner_id_number=person["id_number"])
        for each in range(number)
    ]
    await issue(hub, *homes, slug="real_estate_title", issuer=ESTATE)
    return (await signed_in(hub, person=person)).id


async def _page(hub: Hub, subject: str, behind: str | None, seconds: float) -> float:
    """The mean of as many as fit into the time."""
    count, began = 0, time.perf_counter()
    while (taken := time.perf_counter() - began) < seconds or not count:
        await hub.dossier.cards.page(subject, after=behind)
        count += 1
    return 1000 * taken / count
