"""Codes read by a camera, in Chromium before a picture that never moves: by our own reader, as this browser has none;
and what the page says where there is no camera, none that may be used, or no script. The keyboard is beside it always.
"""

import asyncio
import base64
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from certificates.rendering.qr import qr_squares
from hub.citizens.showing.values import OfflineLive, Pick
from hub.citizens.values import Level
from hub.web.scanning import CAMERA_PAGES, JSQR, JSQR_INTEGRITY
from tests.citizens.conftest import session
from tests.hub.city import identity_claims
from tests.pages.browser import Site, faults, launched, overflow, visiting
from tests.serving import serving
from tests.support import POLICE, Place, copy_home, issue

WIDE, HIGH = 640, 480
ROOT = Path(__file__).parents[2]


def filmed(content: str) -> bytes:
    """One frame of a code on grey, as YUV4MPEG2, which Chromium takes for a camera and shows for ever."""
    squares = qr_squares(content)
    pixels = (HIGH - 40) // (squares.side + 8)
    left, top = (WIDE - pixels * squares.side) // 2, (HIGH - pixels * squares.side) // 2
    luma = bytearray(b"\xeb" * (WIDE * HIGH))
    for x, y, length in squares.runs():
        for row in range(top + y * pixels, top + (y + 1) * pixels):
            at = row * WIDE + left + x * pixels
            luma[at : at + length * pixels] = b"\x10" * (length * pixels)
    head = f"YUV4MPEG2 W{WIDE} H{HIGH} F5:1 Ip A1:1 C420jpeg\n".encode()
    return head + b"FRAME\n" + luma + b"\x80" * (WIDE * HIGH // 2)


async def furnish(place: Place) -> tuple[str, str]:
    """Somebody's session, and an offline code that he has made for the day."""
    async with place.open() as hub:
        await issue(hub, identity_claims(), slug="identity_card", issuer=POLICE)
        secret = await session(hub, Level.HIGH)
        holder = await hub.citizens.sessions.find(secret)
        licences, _ = await hub.citizens.licences.listed(holder)
        pick = Pick(licences[0].identifier, ("sex",))
        live = await hub.showing.offline.look(holder, await hub.showing.offline.make(holder, pick, life="day"))
        assert isinstance(live, OfflineLive)
        return secret, live.code


@pytest.fixture(scope="module")
def town(embedded_template: Place, tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(copy_home(embedded_template, tmp_path_factory.mktemp("camera")), None)


@pytest.fixture(scope="module")
def shown(town: Place) -> tuple[str, str]:
    return asyncio.run(furnish(town))


@pytest.fixture(scope="module")
def site(town: Place, shown: tuple[str, str]) -> Iterator[Site]:
    """No staff: nobody of it comes here."""
    del shown  # made first, in the one process that has the hub open
    with serving(town) as served:
        yield Site(f"http://127.0.0.1:{served.port}", town, {})


@pytest.fixture(scope="module")
def browser(site: Site, shown: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One that sees the code through its camera, as soon as a page may use it."""
    del site
    film = tmp_path_factory.mktemp("film") / "code.y4m"
    film.write_bytes(filmed(shown[1]))
    with launched("--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={film}") as browser:
        yield browser


def allowed(page: Page, site: Site) -> BrowserContext:
    page.context.grant_permissions(["camera"], origin=site.url)
    return page.context


def begin(page: Page, words: str = "用摄像头扫码") -> None:
    page.get_by_role("button", name=words).click()


@pytest.mark.browser
def test_the_camera_reads_what_is_held_before_it_and_the_page_opens_it(
    browser: Browser, site: Site, shown: tuple[str, str]
) -> None:
    with visiting(browser, site) as page:
        allowed(page, site)
        page.goto("/receive")
        assert (faults(page), overflow(page)) == ([], 0)
        begin(page)
        expect(page.locator(".sign")).to_contain_text("真实且有效", timeout=60_000)
        expect(page.locator(".lead")).to_contain_text("离线码：出示时状态有效")
        assert "性别" in page.content()
        assert (faults(page), overflow(page)) == ([], 0)
        # A page of holders takes requests alone: it says so, goes on looking, and stops when it is told to.
        page.context.add_cookies([{"name": "yz_holder", "value": shown[0], "url": site.url}])
        page.goto("/me/asked")
        begin(page)
        expect(page.locator("[data-scan]")).to_have_attribute("data-state", "other", timeout=60_000)
        assert (faults(page), overflow(page)) == ([], 0)
        page.get_by_role("button", name="停止扫码").click()
        expect(page.get_by_role("button", name="用摄像头扫码")).to_be_focused()
        expect(page.locator("video")).to_be_hidden()
        # A telephone that scanned a request itself brings its code behind the #; what is unknown is said at the field.
        page.goto("/me/asked#c=" + "9903" + "0" * 28)
        expect(page.locator(".summary")).to_contain_text("没有这个请求码", timeout=60_000)
        assert "#" not in page.url


@pytest.mark.browser
def test_no_camera_one_that_is_refused_and_no_script_are_said_and_the_keyboard_is_there(
    browser: Browser, site: Site
) -> None:
    with visiting(browser, site, lang="en") as page:  # nobody allowed it
        page.goto("/receive")
        begin(page, "Scan with the camera")
        expect(page.locator("[data-scan] [role=status]")).to_contain_text("was not allowed", timeout=60_000)
        expect(page.locator("#code")).to_be_visible()
        page.add_init_script("Object.defineProperty(navigator, 'mediaDevices', { value: undefined })")
        page.goto("/receive")
        begin(page, "Scan with the camera")
        expect(page.locator("[data-scan] [role=status]")).to_contain_text("has no camera", timeout=60_000)
    with visiting(browser, site, java_script_enabled=False) as page:
        page.goto("/receive")
        expect(page.get_by_role("button", name="用摄像头扫码")).to_be_hidden()
        expect(page.get_by_text("没有脚本时不能用摄像头")).to_be_visible()


@pytest.mark.browser
def test_only_the_pages_that_scan_may_open_a_camera(browser: Browser, site: Site) -> None:
    asked = "navigator.mediaDevices.getUserMedia({ video: true }).then(() => 'yes', (error) => error.name)"
    context = browser.new_context(base_url=site.url)  # what the browser complains of is what is looked for
    try:
        context.grant_permissions(["camera"], origin=site.url)
        page, answers = context.new_page(), {}
        for path in ("/receive", "/verify", "/"):
            sent = page.goto(path, wait_until="commit")  # its headers are all that is asked about
            assert sent is not None
            answers[path] = (page.evaluate(asked), "camera=(self)" in sent.headers["permissions-policy"])
    finally:
        context.close()
    refused = ("NotAllowedError", False)
    assert answers == {"/receive": ("yes", True), "/verify": refused, "/": refused}
    assert "/receive" in CAMERA_PAGES


def test_the_reader_that_is_served_is_the_one_that_is_pinned() -> None:
    served = (ROOT / "hub" / "web" / "static" / JSQR).read_bytes()
    assert f"sha384-{base64.b64encode(hashlib.sha384(served).digest()).decode()}" == JSQR_INTEGRITY
    lock = json.loads((ROOT / "deploy" / "web" / "package-lock.json").read_text(encoding="utf-8"))
    assert lock["packages"]["node_modules/jsqr"]["integrity"].startswith("sha512-")
