"""Helpers of the page tests: who visits, what no page may do, and an audit of every page in the manner of axe.

    with visiting(browser, site, "operator", "en") as page: …

Console messages, dialogs, errors and requests to other hosts fail the test when the block ends.
"""

import asyncio
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from hub.access.actors import COMMAND, Role
from hub.access.staff_sign_in import Peer
from hub.runtime import Hub
from tests.support import AMR, POLICE, Place, make_template

LANGUAGES = ("zh-CN", "en")
PASSWORD = "four unrelated invented words"
SHOTS = os.environ.get("YIZHENG_SHOTS")
"""A folder for pictures of the pages, for people who look."""
_NO_FAULT = r"status of 4\d\d|^Autofocus processing was blocked"
"""Answers of 401, 404 and 422 are reported as failed resources; a test may be quicker at a field than autofocus."""
AUDIT = (Path(__file__).parent / "audit.js").read_text(encoding="utf-8")
PEOPLE: Mapping[str, tuple[str | None, tuple[Role, ...]]] = {
    "operator": (None, (Role.OPERATOR,)),
    "auditor": (None, (Role.AUDITOR,)),
    "engineer": (AMR, (Role.OWNER_ENGINEER,)),
    "approver": (AMR, (Role.OWNER_APPROVER,)),
    "consumer": (POLICE, (Role.CONSUMER_ENGINEER,)),
    "clerk": (AMR, (Role.CLERK,)),
    "decider": (AMR, (Role.DECIDER,)),
}
"""User name → department and roles. The market regulator owns data, the police use it."""


@dataclass(frozen=True)
class Site:
    """A served hub and the cookies of its people."""

    url: str
    place: Place
    sessions: Mapping[str, str] = field(repr=False)


async def add_people(hub: Hub) -> dict[str, str]:
    """An account for everybody in PEOPLE with PASSWORD, and a session of each: its cookie by user name."""
    sessions = {}
    for name, (department, roles) in PEOPLE.items():
        given = {"user_name": name, "display_name": f"示例{name}", "department": department, "roles": roles}
        staff = await hub.staff.add(COMMAND, given)
        secret = (await hub.staff.invite(COMMAND, staff.id)).partition("?t=")[2]
        begun = await hub.staff_sign_in.accept(secret, PASSWORD, Peer("127.0.0.1", "test"))
        sessions[name] = begun.secret
    return sessions


def people_of(place: Place) -> dict[str, str]:
    """Found the template in an empty place and add everybody; answers the cookies."""

    async def prepare() -> dict[str, str]:
        await make_template(place)
        async with place.open() as hub:
            sessions = await add_people(hub)
            await hub.ledger.drain()
            return sessions

    with asyncio.Runner() as runner:
        return runner.run(prepare())


@contextmanager
def launched(*arguments: str) -> Iterator[Browser]:
    """Chromium; what a test makes with an event loop is made before, for the driver keeps one running."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox", *arguments])
        yield browser
        browser.close()


@contextmanager
def visiting(
    browser: Browser, site: Site, who: str | None = None, lang: str = "zh-CN", **context_options: Any
) -> Iterator[Page]:
    """A page of somebody's browser; `who` None is not signed in. A status of 4xx may be asked for and is no error."""
    context = browser.new_context(locale=lang, base_url=site.url, **context_options)
    if who is not None:
        context.add_cookies([{"name": "yz_session", "value": site.sessions[who], "url": site.url}])
    page = context.new_page()
    foreign: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda sent: foreign.append(sent.url) if not sent.url.startswith(site.url) else None)
    # What the browser says at its lowest level are hints to password managers, not faults.
    page.on("console", lambda message: complaints.append(message.text) if message.type != "verbose" else None)
    page.on("dialog", lambda dialog: complaints.append(dialog.message))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    try:
        yield page
        assert foreign == []
        unexpected = [text for text in complaints if not re.search(_NO_FAULT, text)]
        assert unexpected == [], unexpected
    finally:
        context.close()


def in_large_print(page: Page, site: Site) -> None:
    """Let the visitor have chosen 长辈版 in the header."""
    page.context.add_cookies([{"name": "yz_elder", "value": "1", "url": site.url}])


def faults(page: Page) -> list[str]:
    """What is wrong with the page as it stands: names, labels, headings, landmarks, ids, tables, contrast, targets."""
    page.wait_for_load_state()  # a page that was clicked to is there before its style
    found: list[str] = page.evaluate(AUDIT)
    return found


def overflow(page: Page) -> int:
    """By how many pixels the page is wider than its window."""
    wider: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return wider


def reached_by_keyboard(page: Page, limit: int = 80) -> list[str]:
    """What Tab stops at, in order, from the top of the page until it comes round: id, name or text."""
    page.evaluate("document.activeElement.blur(); window.scrollTo(0, 0)")
    reached: list[str] = []
    for _ in range(limit):
        page.keyboard.press("Tab")
        here = page.evaluate(
            "(e => e === document.body ? '' : e.id || e.name || e.textContent.trim())(document.activeElement)"
        )
        if not here or (reached and here == reached[0]):
            break
        reached.append(here)
    return reached


def seen(page: Page, name: str) -> None:
    """A picture, if pictures are wanted."""
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)
