"""Take the pictures of docs/pictures anew: `.venv/bin/python deploy/take_pictures.py`, after `make dev`, with Chromium.

A demonstration is begun in a home that is thrown away; somebody of the sample city signs in, and his pages are laid
side by side. Dates and codes on them are of the moment; a code is over before anybody can read it here.
"""

import base64
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from playwright.sync_api import Browser, Page, sync_playwright

PICTURES: Final = Path(__file__).parent.parent / "docs" / "pictures"
MOST_BYTES: Final = 60_000
"""Of one picture: they are fetched by whoever reads the page."""
CHROMIUM: Final = os.environ.get("CHROMIUM", "/usr/bin/chromium")
LAST_LINE: Final = "Ctrl-C"
"""What the demonstration prints when all is ready."""
SHEET: Final = (
    '<body style="margin:0;background:#eef0f3;width:max-content">'
    '<div id="sheet" style="display:flex;gap:24px;padding:24px">{}</div></body>'
)
FRAME: Final = (
    '<img style="display:block;border-radius:20px;box-shadow:0 3px 14px rgb(0 0 0/22%)" src="data:image/png;base64,{}">'
)
AS_WEBP: Final = """async ([png, quality]) => {
  const image = new Image(); image.src = "data:image/png;base64," + png; await image.decode();
  const [width, height] = [image.width * 0.7, image.height * 0.7];
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const context = canvas.getContext("2d"); context.imageSmoothingQuality = "high";
  context.drawImage(image, 0, 0, width, height);
  return canvas.toDataURL("image/webp", quality).split(",")[1];
}"""


@dataclass(frozen=True, slots=True)
class Picture:
    """A row of phones. `pages`: paths; `code`: the code that is shown to a counter."""

    name: str
    language: Literal["zh-CN", "en"]
    pages: Sequence[str]
    elder: bool = False
    dark: bool = False


TAKEN: Final = (
    Picture("holder-zh", "zh-CN", ("/me", "/me/licences", "code", "/me/accesses")),
    Picture("holder-en", "en", ("/me", "/me/licences", "code", "/me/accesses")),
    Picture("large-print", "zh-CN", ("/", "/me", "code"), elder=True),
    Picture("dark", "zh-CN", ("/guides/talent_housing_subsidy", "/me", "/me/mine"), dark=True),
)


def main() -> int:
    """Exit code 1 where a picture is too large."""
    PICTURES.mkdir(exist_ok=True)
    with demonstration() as base, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        session = sign_in(browser, base)
        for picture in TAKEN:
            content = take(browser, base, picture, session)
            print(f"{picture.name} {len(content)} bytes")
            if len(content) > MOST_BYTES:
                return 1
            (PICTURES / f"{picture.name}.webp").write_bytes(content)
        browser.close()
    return 0


@contextmanager
def demonstration() -> Iterator[str]:
    """`make demo` on a free port, until the pictures are taken; answers its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "hub.demo", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:  # noqa: S603
        try:
            if not any(LAST_LINE in line for line in running.stdout or ()):
                raise SystemExit("the demonstration did not begin")
            yield f"http://127.0.0.1:{port}"
        finally:
            running.terminate()


def sign_in(browser: Browser, base: str) -> list[Any]:
    """As the first sample person; answers the cookies."""
    context = browser.new_context(base_url=base)
    page = context.new_page()
    page.goto("/me/sign-in")
    page.locator(".people button").first.click()
    page.locator("#code").fill(page.locator(".digits").inner_text())
    page.locator("main form button").click()
    page.wait_for_url("**/me")
    kept = list(context.cookies())
    context.close()
    return kept


def take(browser: Browser, base: str, picture: Picture, session: list[Any]) -> bytes:
    """Each page as a phone shows it, side by side, as WebP."""
    context = browser.new_context(
        base_url=base,
        locale=picture.language,
        viewport={"width": 390, "height": 844},
        color_scheme="dark" if picture.dark else "light",
    )
    context.add_cookies(session)
    if picture.elder:
        context.add_cookies([{"name": "yz_elder", "value": "1", "url": base}])
    page = context.new_page()
    shots = [base64.b64encode(shown(page, path)).decode() for path in picture.pages]
    context.close()
    sheet = browser.new_page()
    sheet.set_content(SHEET.format("".join(FRAME.format(shot) for shot in shots)))
    laid = base64.b64encode(sheet.locator("#sheet").screenshot()).decode()
    webp = sheet.evaluate(AS_WEBP, [laid, 0.72])
    sheet.close()
    return base64.b64decode(webp)


def shown(page: Page, path: str) -> bytes:
    """The upper part of a page; `code`: of one that was just made for a counter."""
    if path != "code":
        page.goto(path)
        return page.screenshot()
    page.goto("/me/show")
    page.locator("#department").select_option(index=1)
    page.locator("main form button").click()
    page.locator(".square").wait_for()
    return page.screenshot()


if __name__ == "__main__":
    sys.exit(main())
