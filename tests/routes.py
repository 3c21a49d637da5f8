"""Walking the routes of the whole application, for what every one of them must keep."""

from collections.abc import Iterator
from typing import Any

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute


def inside(router: Any) -> Iterator[APIRoute]:
    """Every route, also of routers and applications within."""
    for route in router.routes:
        inner = (getattr(route, name, None) for name in ("original_router", "router", "app"))
        if isinstance(route, APIRoute):
            yield route
        elif (found := next((each for each in inner if hasattr(each, "routes")), None)) is not None:
            yield from inside(found)


def calls(dependant: Dependant) -> Iterator[Any]:
    """What a route depends on, and what that depends on."""
    for each in dependant.dependencies:
        yield each.call
        yield from calls(each)
