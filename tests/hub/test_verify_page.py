"""The public verification page in a real browser, in both languages, with a served hub behind it."""

import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Browser, Page, expect

from hub.issuing.files import identifiers_of, read_document
from tests.pages.browser import launched
from tests.support import ENTERPRISE, Place, enterprise_claims, issue, make_template, valid_uscc

pytestmark = pytest.mark.browser
CANARY = "\"'><img src=x onerror=window.pwned=1><script>window.pwned=1</script>{{7*7}}"
HOSTILE = valid_uscc("91990100MA0000044")
WORDS = {
    "zh-CN": ("核验", "真实且有效", "无法证明真实", "无法判定", "错误：", "请粘贴证照内容"),
    "en": ("Verify", "Genuine and valid", "Not proven genuine", "Cannot be decided", "Error: ", "Paste the licence"),
}


@dataclass(frozen=True)
class Site:
    """Where the hub is served, and licences to paste."""

    url: str
    licence: str
    hostile: str


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """`yizheng serve` as people run it."""
    place = Place(tmp_path_factory.mktemp("site") / "home", None)

    async def prepare() -> list[str]:
        await make_template(place)
        tokens = []
        async with place.open() as hub:
            await issue(hub, enterprise_claims(name=f"示例{CANARY}", uscc=HOSTILE, legal_representative=CANARY))
            for number in (ENTERPRISE["id_number"], HOSTILE):
                (held,) = await identifiers_of(hub, "001", number)
                tokens.append((await read_document(hub, held["identifier"])).decode())
            await hub.ledger.drain()
        return tokens

    with asyncio.Runner() as runner:
        licence, hostile = runner.run(prepare())
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = place.home / "serve.log"
    with log.open("wb") as out:
        command = [sys.executable, "-m", "hub.cli", "serve", "--port", str(port)]
        server = subprocess.Popen(command, env=place.environment(), stdout=out, stderr=out)
        try:
            _wait(f"http://127.0.0.1:{port}", server, log)
            yield Site(f"http://127.0.0.1:{port}", licence, hostile)
        finally:
            server.terminate()
            server.wait(timeout=20)


def _wait(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(200):
        assert server.poll() is None, log.read_text()
        try:
            if httpx2.get(f"{url}/health/live").status_code == 200:
                return
        except httpx2.TransportError:
            time.sleep(0.1)
    raise AssertionError(log.read_text())


@pytest.fixture(scope="module")
def browser(site: Site) -> Iterator[Browser]:
    del site  # made first: the driver keeps an event loop running, in which no other can run
    with launched() as browser:
        yield browser


@pytest.fixture(params=["zh-CN", "en"])
def page(request: pytest.FixtureRequest, browser: Browser, site: Site) -> Iterator[Page]:
    """A visitor who prefers this language; whatever the page asks of another host, or says to the console, fails."""
    context = browser.new_context(locale=request.param)
    opened = context.new_page()
    foreign: list[str] = []
    complaints: list[str] = []
    opened.on("request", lambda sent: foreign.append(sent.url) if not sent.url.startswith(site.url) else None)
    opened.on("console", lambda message: complaints.append(message.text))
    opened.on("dialog", lambda dialog: complaints.append(dialog.message))
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.goto(f"{site.url}/verify")
    yield opened
    assert foreign == []
    assert complaints == []
    context.close()


def words(page: Page) -> tuple[str, ...]:
    return WORDS[str(page.evaluate("document.documentElement.lang"))]


def paste(page: Page, token: str, audience: str = "") -> None:
    page.locator("#token").fill(token)
    page.locator("#audience").fill(audience)
    with page.expect_navigation():
        page.get_by_role("button", name=words(page)[0]).click()


def test_a_licence_is_genuine_in_the_visitors_language(page: Page, site: Site) -> None:
    lang = page.evaluate("navigator.language")
    assert page.evaluate("document.documentElement.lang") == lang
    paste(page, site.licence)
    assert words(page)[1] in page.locator("#verdict").inner_text()
    assert page.get_by_text("王晨光").is_visible()
    assert page.evaluate("document.documentElement.lang") == lang
    assert page.locator("tbody tr").count() == 8


def test_a_changed_licence_is_not_accepted(page: Page, site: Site) -> None:
    paste(page, site.licence[:-60] + "A" + site.licence[-59:])
    assert words(page)[2] in page.locator("#verdict").inner_text()
    assert page.get_by_text("王晨光").count() == 0


def test_the_error_summary_takes_the_focus_and_leads_to_the_field(page: Page) -> None:
    paste(page, "  \n ")
    expect(page.get_by_role("alert")).to_be_focused()
    assert page.title().startswith(words(page)[4])
    assert page.locator("#token").get_attribute("aria-invalid") == "true"
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name=words(page)[5])).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#token")).to_be_focused()


def test_a_rule_of_ones_own_waits_in_a_fold_that_stays_open_with_what_is_wrong_in_it(page: Page, site: Site) -> None:
    fold = page.locator("form").nth(2).locator("summary")
    fold.focus()
    page.keyboard.press("Enter")
    page.locator("#suites-2").check()
    paste(page, site.licence)
    assert page.locator("#reason").text_content() == "suite_not_accepted"
    assert page.locator("#suites-2").is_checked()
    page.locator("#as_of").fill("spring")
    paste(page, site.licence)
    expect(page.locator(".summary")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#as_of")).to_be_focused()


def test_a_hostile_paste_is_inert_and_comes_back_as_text(page: Page) -> None:
    paste(page, CANARY, CANARY)
    assert words(page)[2] in page.locator("#verdict").inner_text()
    assert page.locator("#token").input_value() == "".join(CANARY.split())
    assert page.locator("#audience").input_value() == CANARY
    _inert(page)
    assert "49" not in page.locator("#token").input_value()


def test_a_hostile_value_in_a_genuine_licence_is_inert(page: Page, site: Site) -> None:
    paste(page, site.hostile)
    assert words(page)[1] in page.locator("#verdict").inner_text()
    assert page.get_by_text(CANARY, exact=True).is_visible()
    assert page.locator("#token").input_value() == site.hostile
    _inert(page)


def _inert(page: Page) -> None:
    page.wait_for_timeout(100)
    assert page.evaluate("window.pwned") is None
    assert page.locator("main img, main script").count() == 0


def test_the_language_link_keeps_the_page(page: Page, site: Site) -> None:
    before = page.evaluate("document.documentElement.lang")
    page.locator("a.language").click()
    page.wait_for_url(f"{site.url}/verify?lang=*")
    assert page.evaluate("document.documentElement.lang") != before
    paste(page, "x")
    assert words(page)[2] in page.locator("#verdict").inner_text()


def test_every_control_has_a_name_and_can_be_reached_by_keyboard(page: Page) -> None:
    named = page.evaluate(
        "[...document.querySelectorAll('input, textarea, button, a')].every("
        "e => (e.labels && e.labels.length) || e.textContent.trim() || e.getAttribute('aria-label'))"
    )
    assert named
    reached = set()
    for _ in range(20):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id || document.activeElement.tagName"))
    assert {"token", "audience", "BUTTON"} <= reached


def test_a_scanned_code_is_sent_as_a_form_and_leaves_the_address(page: Page, site: Site) -> None:
    asked: list[str] = []
    page.on("request", lambda sent: asked.append(sent.url))
    page.goto("about:blank")
    page.goto(f"{site.url}/verify#c={'0' * 28}")
    page.locator("#verdict").wait_for()
    assert "#" not in page.url
    assert page.locator("#control_code").input_value() == "0" * 28
    assert not any("0" * 28 in url.partition("#")[0] for url in asked)


def test_a_file_is_checked_and_the_verdict_fits_a_telephone(page: Page, site: Site, tmp_path: Path) -> None:
    file = tmp_path / "licence.txt"
    file.write_text(site.licence)
    page.set_viewport_size({"width": 320, "height": 640})
    page.locator("#file").set_input_files(file)
    with page.expect_navigation():
        page.get_by_role("button", name={"zh-CN": "查验文件", "en": "Check the file"}[_lang(page)]).click()
    page.locator("#verdict").wait_for()
    assert words(page)[1] in page.locator("#verdict").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    sign = page.locator("#verdict").bounding_box()
    assert sign is not None
    assert sign["y"] < 640  # seen without scrolling


def _lang(page: Page) -> str:
    return str(page.evaluate("document.documentElement.lang"))
