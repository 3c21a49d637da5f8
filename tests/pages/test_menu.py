"""The navigation: never more than seven to choose from, every page has its place, every entry leads to a page."""

import itertools
import re
from collections.abc import Iterator

import pytest
from fastapi.routing import APIRoute, APIRouter

from hub.access.actors import Actor, Role
from hub.web.console.menu import GROUPS, menu_for
from hub.web.console.router import router

MOST = 7
NO_PLACE = re.compile(r"/console/(sign-|link|oidc|view)|.*\.csv$")
"""Before one has signed in; and the switches and files, which are no pages."""


def somebody(*roles: Role) -> Actor:
    return Actor("staff", "01a20390-b00c-72bb-903f-1ec83bdab169", "somebody", None, frozenset(roles))


def routes_of(group: APIRouter) -> Iterator[APIRoute]:
    """With those of the groups within it."""
    for route in group.routes:
        if isinstance(route, APIRoute):
            yield route
        else:
            yield from routes_of(route.original_router)  # type: ignore[attr-defined]


def pages() -> list[str]:
    found = [route.path for route in routes_of(router) if "GET" in (route.methods or ())]
    assert len(found) > 60
    return [path for path in found if not NO_PLACE.match(path)]


@pytest.mark.parametrize(
    "roles",
    [(role,) for role in Role]
    + [(Role.OWNER_ENGINEER, Role.CONSUMER_ENGINEER), (Role.OWNER_ENGINEER, Role.OWNER_APPROVER)],
)
def test_nobody_chooses_among_more_than_seven(roles: tuple[Role, ...]) -> None:
    menu = menu_for(somebody(*roles), "/console")
    assert 3 <= len(menu.groups) <= MOST
    assert all(1 <= len(group.entries) <= MOST for group in menu.groups)
    assert menu.entry is menu.groups[0].entries[0]


def test_every_page_has_its_place_in_the_menu_and_every_entry_is_a_page() -> None:
    everybody = somebody(*Role)
    listed = pages()
    lost = [path for path in listed if menu_for(everybody, path).entry is None]
    assert lost == []
    for entry in itertools.chain.from_iterable(group.entries for group in GROUPS):
        assert entry.path in listed
        found = menu_for(everybody, entry.path)
        assert found.entry == entry
        assert found.group is not None
        assert entry in found.group.entries


@pytest.mark.parametrize(
    ("path", "title"),
    [
        ("/console/licences/new/business_licence/transfer", "证照"),
        ("/console/licences/waiting/01a20390", "待复核"),
        ("/console/owner/register/x/auth", "数据源"),
        ("/console/owner/publish/x/fields", "数据接口"),
        ("/console/staff/new", "人员"),
    ],
)
def test_a_page_belongs_to_the_nearest_entry(path: str, title: str) -> None:
    entry = menu_for(somebody(*Role), path).entry
    assert entry is not None
    assert entry.zh == title


def test_no_two_entries_are_called_the_same() -> None:
    names = [entry.zh for entry in itertools.chain.from_iterable(group.entries for group in GROUPS)]
    assert len(set(names)) == len(names)
    assert menu_for(somebody(Role.AUDITOR), "/console/nothing").entry is None
