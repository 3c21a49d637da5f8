"""Every page of somebody who is signed in: routes are read from the application, so that a new page is looked at too.

A page with something in its path needs a place of its own in `holders.furnish`, or a line in WITHOUT.
"""

import re
from collections.abc import Iterator

import pytest
from fastapi.routing import APIRoute
from playwright.sync_api import Browser

from hub.web.citizen.pages import router
from tests.pages import holders
from tests.pages.browser import LANGUAGES, Site, launched, people_of
from tests.pages.owner_town import aside
from tests.pages.test_menu import routes_of
from tests.serving import serving
from tests.support import Place

pytestmark = pytest.mark.browser
WITHOUT = re.compile(
    r"/me/(?:sign-in|oidc|view)\b.*"  # before one has signed in; the switches
    r"|.*/state|.*\.(?:csv|json)"  # parts of pages, and files
    r"|/me/notices/\{notice_id\}"  # leads on to what it is about
    r"|/me/licences/find"  # leads back to the list
)


def paths_of(holder: holders.Furnished) -> list[str]:
    """Each page, with what the holder has in its path."""
    listed = [route.path for route in routes_of(router) if isinstance(route, APIRoute) and "GET" in route.methods]
    return [path.format(**holder.paths) for path in dict.fromkeys(listed) if not WITHOUT.fullmatch(path)]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    place = Place(tmp_path_factory.mktemp("site") / "home", None)
    people_of(place)
    aside(lambda: holders.found(place))
    with serving(place) as served:
        yield Site(f"http://127.0.0.1:{served.port}", place, {})


@pytest.fixture(scope="module")
def holder(site: Site) -> holders.Furnished:
    return aside(lambda: holders.furnish(site.place))


@pytest.fixture(scope="module")
def browser(holder: holders.Furnished) -> Iterator[Browser]:
    del holder  # made first: the driver keeps an event loop running
    with launched() as browser:
        yield browser


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_page_keeps_the_rules(browser: Browser, site: Site, holder: holders.Furnished, lang: str) -> None:
    paths = paths_of(holder)
    assert len(paths) > 20
    holders.check_pages(browser, site, holder, lang, paths)


def test_the_page_checks_a_proof_and_says_when_it_does_not_fit(
    browser: Browser, site: Site, holder: holders.Furnished
) -> None:
    holders.check_proof(browser, site, holder.secret, f"/me/accesses/{holder.paths['entry_id']}")


def test_the_picture_of_a_licence_stands_in_the_page_and_hides_again(
    browser: Browser, site: Site, holder: holders.Furnished
) -> None:
    holders.check_picture(browser, site, holder.secret, f"/me/licences/{holder.paths['identifier']}")


def test_a_code_keeps_still_for_whom_movement_is_too_much(
    browser: Browser, site: Site, holder: holders.Furnished
) -> None:
    holders.check_stillness(browser, site, holder.secret)
