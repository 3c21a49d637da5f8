"""Every page of a group looked at as people see it: each language wide and narrow, both schemes, both prints.

A page is loaded once in each language and then looked at in two ways: what a window, a scheme and the class of 长辈版
change is style alone (`test_frame` shows that the switch in the header gives the same page).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from playwright.sync_api import Browser, Page, ViewportSize

from tests.pages.browser import Site, faults, overflow, seen, visiting

WIDE: ViewportSize = {"width": 1366, "height": 768}
ZOOMED: ViewportSize = {"width": 683, "height": 384}
"""WIDE at 200 %."""
NARROW: ViewportSize = {"width": 320, "height": 256}
"""A window of 1280 at 400 %; narrower than any phone."""


@dataclass(frozen=True, slots=True)
class Look:
    """A way of seeing a page."""

    viewport: ViewportSize
    scheme: Literal["light", "dark"]
    elder: bool

    @property
    def name(self) -> str:
        """For pictures."""
        return f"{self.viewport['width']}-{self.scheme}-{'elder' if self.elder else 'standard'}"


LOOKS = {
    # What most people see who choose large print is light and wide; the longest words in it on the narrowest screen.
    "zh-CN": (Look(WIDE, "dark", elder=False), Look(WIDE, "light", elder=True)),
    "en": (Look(ZOOMED, "light", elder=False), Look(NARROW, "light", elder=True)),
}


def turn(page: Page, look: Look) -> None:
    """See the page that is open in another way."""
    page.set_viewport_size(look.viewport)
    page.emulate_media(color_scheme=look.scheme)
    page.evaluate("on => document.documentElement.classList.toggle('elder', on)", look.elder)


def walk(
    browser: Browser, site: Site, lang: str, listed: Sequence[tuple[str | None, str]], *, status: int | None = 200
) -> None:
    """Visit the pages of a list of (who, path) in a language; none has a fault, or is wider than its window.

    `status`: what each answers; None: pages of problems are among them.
    """
    for who in dict.fromkeys(who for who, _ in listed):
        with visiting(browser, site, who, lang) as page:
            for path in (path for name, path in listed if name == who):
                answer = page.goto(path)
                assert answer is not None
                assert status is None or answer.status == status, path
                assert page.evaluate("document.documentElement.lang") == lang, path
                for look in LOOKS[lang]:
                    turn(page, look)
                    assert faults(page) == [], (path, look.name)
                    assert overflow(page) == 0, (path, look.name)
                    if look.elder:  # 18 pt
                        assert page.evaluate("parseFloat(getComputedStyle(document.body).fontSize)") >= 24, path
                    picture = path.removeprefix(site.url).removeprefix("/console").replace("/", "-")[-60:]
                    seen(page, f"{lang}-{look.name}-{who}{picture}")
