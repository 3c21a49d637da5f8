"""What the owner's pages are driven with: a register of invented enterprises, and the steps of the way through them."""

import asyncio
import sqlite3
import threading
from collections.abc import Awaitable, Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from playwright.sync_api import Page

from hub.access.actors import COMMAND, Actor, Role
from hub.clock import utc_now
from signing.keys import SoftwareSigner
from tests.registry.asking import department_id, matter
from tests.registry.department import SOURCE
from tests.support import AMR, ENTERPRISE, POLICE, Place, valid_uscc

OTHER = valid_uscc("91990100MA0000002")
_SELECT = "SELECT name, uscc, day, '食品销售' AS scope, '示例市人民路1号' AS address FROM enterprises"
_CLAIMS = {"name": "name", "uscc": "uscc", "day": "established_on", "scope": "business_scope", "address": "address"}
SYSTEM = "police-counter"


def write_register(folder: Path) -> Path:
    """A register of two invented enterprises in an SQLite file; the second one has gaps."""
    path = folder / "register.sqlite3"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE enterprises (name TEXT, uscc TEXT, day TEXT, zt TEXT)")
        connection.executemany("INSERT INTO enterprises VALUES (?, ?, ?, ?)", rows())
    return path


def rows() -> list[tuple[Any, ...]]:
    return [
        (ENTERPRISE["name"], ENTERPRISE["id_number"], "2019年3月1日", "1"),
        ("示例市夜色食品有限公司", OTHER, None, "2"),
    ]


def feed(**changes: Any) -> dict[str, Any]:
    """A feed of that register: one of its two rows is a licence, the other lacks its day."""
    return {
        "code": "amr-licences",
        "source": SOURCE,
        "issuer": AMR,
        "type": "business_licence",
        "operation": {"statement": f"{_SELECT} WHERE uscc > :after ORDER BY uscc LIMIT :size"},
        "mapping": {"version": 1, "columns": {name: {"claim": claim} for name, claim in _CLAIMS.items()}},
    } | changes


async def collected(place: Place) -> bool:
    """The feed, declared, run and reconciled; another one waits for its second person."""
    async with place.open() as hub:
        engineer = Actor("staff", "clerk", "clerk", await department_id(hub, AMR), frozenset({Role.OWNER_ENGINEER}))
        await hub.collection.feed_desk.declare(COMMAND, feed(every_minutes=60))
        await hub.collection.feed_desk.declare(engineer, feed(code="amr-waiting"))
        for step in (hub.collection.feed_desk.run, hub.collection.feed_desk.reconcile):
            await step(COMMAND, "amr-licences")
            await hub.jobs.sweep()
    return True


def press(page: Page, name: str) -> None:
    """Send the form by the button of that name, and wait for the page that follows."""
    with page.expect_navigation():
        page.get_by_role("button", name=name, exact=True).first.click()


def fine(page: Page) -> None:
    """No error summary on the page."""
    assert page.locator(".summary").count() == 0, page.locator(".summary").inner_text()


Found = TypeVar("Found")


def aside(work: Callable[[], Awaitable[Found]]) -> Found:
    """What others do through the services, in a thread: the browser's driver keeps an event loop in this one."""
    found: list[Found] = []

    async def done() -> None:
        found.append(await work())

    thread = threading.Thread(target=lambda: asyncio.run(done()))
    thread.start()
    thread.join(60)
    assert found, "the work of the others failed"
    return found[0]


async def file_request(place: Place, code: str = "enterprise_by_uscc", **changes: Any) -> str:
    """The police register a system and ask for the interface with it; answers the request's id."""
    async with place.open() as hub:
        asker = Actor("staff", "asker", "asker", await department_id(hub, POLICE), frozenset({Role.CONSUMER_ENGINEER}))
        key = SoftwareSigner.generate().public.jwk
        system = {"department": POLICE, "client_id": SYSTEM, "name": {"zh": SYSTEM, "en": SYSTEM}, "keys": [key]}
        await hub.registry.add_system(system)
        await hub.registry.add_matter(matter("RESIDENCE", POLICE))
        asked = {
            "system": SYSTEM,
            "interface": code,
            "fields": ["uscc", "name", "status"],
            "matters": ["RESIDENCE"],
            "purpose": "核验集体户单位登记情况",
            "legal_basis": "户口登记条例",
            "scene": "窗口受理集体户落户时核对单位",
            "quota_per_day": 500,
            "valid_until": (utc_now() + timedelta(days=365)).isoformat(),
            "contact": "公安局户政科",
        } | changes
        filed = await hub.sharing.requests.file(asker, asked)
        return filed.request.id
