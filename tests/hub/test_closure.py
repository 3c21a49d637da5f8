"""A planned closure: told beforehand on every page, then a page of its own, while verifying and the ledger go on."""

import asyncio
import re
from datetime import datetime, timedelta
from typing import Any

import httpx2
import pytest
from typer.testing import CliRunner

from catalog.errors import DefinitionError
from hub.access.actors import COMMAND, Actor, Role
from hub.access.errors import ForbiddenError
from hub.cli.main import app as commands
from hub.clock import BEIJING
from hub.runtime import open_hub
from hub.storage.errors import MissingError
from tests.citizens.conftest import Watch
from tests.hub.city import ledger
from tests.hub.desk import text_of
from tests.support import PUBLIC_URL, Place

pytestmark = pytest.mark.embedded
PAGE = {"Accept": "text/html"}
HOUR = timedelta(hours=1)


async def test_it_is_told_before_and_in_it_only_verifying_goes_on(place: Place) -> None:
    watch = Watch()
    async with open_hub(place.settings(site_telephone="0990 12345"), clock=watch) as hub, place.client(hub) as client:
        for begins, ends, rule in (
            (watch(), watch(), "behind the beginning"),
            (watch() - 2 * HOUR, watch() - HOUR, "behind the beginning"),
            (watch(), watch() + 100 * HOUR, "3 days at most"),
            (datetime(2026, 1, 1), datetime(2099, 1, 1), "offset"),  # noqa: DTZ001
        ):
            with pytest.raises(DefinitionError, match=rule):
                await hub.closures.announce(COMMAND, begins, ends)
        engineer = Actor("staff", "e", "", None, frozenset({Role.OWNER_ENGINEER}))
        with pytest.raises(ForbiddenError):
            await hub.closures.announce(engineer, watch(), watch() + HOUR)
        await hub.closures.announce(COMMAND, watch() + 100 * HOUR, watch() + 101 * HOUR, "太早了")
        assert "计划维护" not in await page(client, "/")
        await hub.closures.announce(COMMAND, watch() + 10 * HOUR, watch() + 12 * HOUR, "升级数据库", "A new database")
        for path in ("/", "/me/sign-in", "/console/sign-in", "/verify"):
            assert "升级数据库" in await page(client, path), path
        assert "verifying goes on. A new database" in await page(client, "/?lang=en")

        watch.ahead += 11 * HOUR
        for path in ("/", "/me", "/me/sign-in", "/console/counter", "/kiosk"):
            closed = await client.get(path, headers=PAGE)
            said = text_of(closed)
            assert closed.status_code == 503, path
            assert int(closed.headers["Retry-After"]) == pytest.approx(3600, abs=60)
            assert "平台正在计划维护" in said
            assert ("0990 12345" in said, "窗口" in said) == (True, False)  # counters are closed as well
            assert "没有保存" not in said
            assert (";url=/kiosk" in closed.text, "/verify" in closed.text) == (
                (True, False) if path == "/kiosk" else (False, True)
            )
        [switch] = re.findall(r'<a class="language" href="([^"]+)"', (await client.get("/me", headers=PAGE)).text)
        english = await client.get(switch.replace("&amp;", "&"), headers=PAGE, follow_redirects=True)
        assert (english.status_code, "A new database" in english.text) == (503, True)
        client.cookies.clear()
        sent = await client.post("/me/sign-in", data={}, headers=PAGE | {"Origin": PUBLIC_URL})
        assert (sent.status_code, "您提交的内容没有保存" in sent.text) == (503, True)
        answer = await client.get("/api/v1/matters")
        assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (503, "planned-closure")
        for path in ("/verify", "/.well-known/jwks.json", "/health/live", "/help", "/problems/planned-closure"):
            assert (await client.get(path)).status_code == 200, path
        judged = await client.post("/api/v1/verify", json={"token": "a.b.c"})
        assert judged.json()["result"] in {"failed", "indeterminate"}

        await hub.closures.cancel(COMMAND)
        assert "计划维护" not in await page(client, "/")
        with pytest.raises(MissingError):
            await hub.closures.cancel(COMMAND)
        told = [entry.kind for entry in await ledger(hub) if entry.kind.startswith("closure.")]
        assert told == ["closure.announced"] * 2 + ["closure.cancelled"]


async def test_the_command_announces_it_and_another_process_hears_and_forgets_what_is_over(place: Place) -> None:
    watch = Watch()
    async with open_hub(place.settings(), clock=watch) as hub:
        begins, ends = (watch() + HOUR).isoformat(), (watch() + 2 * HOUR).isoformat()
    assert "no closure" in await run(place, "closure")
    said = await run(place, "closure", "--from", begins, "--until", ends, "--note", "换盘")
    here = datetime.fromisoformat(begins).astimezone(BEIJING)
    assert "closed from" in said
    assert (here.isoformat()[:13] in said, "+08:00" in said) == (True, True)
    async with open_hub(place.settings(), clock=watch) as hub:
        found: Any = hub.closures.ahead()
        assert found.zh == "换盘"
        watch.ahead += 3 * HOUR
        assert (hub.closures.ahead(), hub.closures.running()) == (None, None)
        await hub.closures.load()
        assert hub.closures.known() is None


async def page(client: httpx2.AsyncClient, path: str) -> str:
    answer = await client.get(path, headers=PAGE)
    assert answer.status_code in {200, 303}, (path, answer.status_code)
    return answer.text


async def run(place: Place, *words: str) -> str:
    given = [*words, "--home", str(place.home)]
    done = await asyncio.to_thread(lambda: CliRunner().invoke(commands, given))
    assert done.exit_code == 0, done.output
    return done.output
