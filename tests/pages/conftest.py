"""A served hub with one person of each role, and Chromium."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.pages.browser import Site, launched, people_of
from tests.serving import serving
from tests.support import Place


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The template's hub, served; everybody of PEOPLE is signed in somewhere."""
    place = Place(tmp_path_factory.mktemp("site") / "home", None)
    sessions = people_of(place)
    with serving(place) as served:
        yield Site(f"http://127.0.0.1:{served.port}", place, sessions)


@pytest.fixture(scope="module")
def browser(site: Site) -> Iterator[Browser]:
    del site  # made first: the driver keeps an event loop running, in which no other can run
    with launched() as browser:
        yield browser
