"""A hub behind a real server, once for each HTTP parser that uvicorn has; a department at work on its licences."""

import asyncio
from collections.abc import Iterator

import httpx2
import pytest

from hub.issuing.files import identifiers_of
from hub.runtime import Hub
from tests.hub.acting import Desk
from tests.serving import Parser, Served, serving
from tests.support import ENTERPRISE, Place, make_template


@pytest.fixture(scope="module", params=["httptools", "h11"])
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """An embedded hub behind each HTTP parser."""
    place = Place(tmp_path_factory.mktemp("served") / "home", None)
    asyncio.run(make_template(place))
    parser: Parser = request.param
    with serving(place, parser) as running:
        yield running


@pytest.fixture
async def desk(place: Place, hub: Hub, client: httpx2.AsyncClient) -> Desk:
    found = await identifiers_of(hub, ENTERPRISE["id_type"], ENTERPRISE["id_number"])
    return Desk(place, hub, client, await place.headers(client), found[0]["identifier"])
