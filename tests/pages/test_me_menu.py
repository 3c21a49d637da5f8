"""The navigation of holders: five places, every page belongs to one, every row leads to a page."""

import re

from fastapi.routing import APIRoute

from hub.web.citizen.frame import safe_path
from hub.web.citizen.menu import MINE, TABS, tab_of
from hub.web.citizen.pages import router
from tests.pages.test_menu import routes_of

NO_PLACE = re.compile(r"/me/(sign-in|oidc|view)\b")
"""Before one has signed in; and the switches."""


def pages() -> list[str]:
    found = [route.path for route in routes_of(router) if isinstance(route, APIRoute) and "GET" in route.methods]
    return [path for path in found if not NO_PLACE.match(path) and not path.endswith((".csv", ".json"))]


def test_every_page_belongs_to_a_tab_and_every_row_is_a_page() -> None:
    listed = pages()
    assert len(listed) > 20
    assert [path for path in listed if tab_of(path) is None] == []
    assert len(TABS) == 5
    for entry in (*TABS, *MINE):
        assert entry.path in listed
    assert tab_of("/me/sign-in") is None
    assert {row.path for row in MINE if (tab := tab_of(row.path)) is None or tab.path != "/me/mine"} == set()


def test_no_two_places_are_called_the_same() -> None:
    names = [entry.zh for entry in (*TABS, *MINE)]
    assert len(set(names)) == len(names)


def test_a_switch_leads_back_to_a_holders_page_and_nowhere_else() -> None:
    for path in ("/me", "/me/mine", "/me/show/01a20390-b00c-72bb-903f-1ec83bdab169"):
        assert safe_path(path) == path
    for path in (
        "//x.example",
        "/me/view",
        "/me/oidc/start",
        "/me/sign-out",
        "/console",
        "/me/../oauth/token",
        "/me//x",
    ):
        assert safe_path(path) == "/me"
