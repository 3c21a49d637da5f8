"""A hub behind a real server, once for each HTTP parser that uvicorn has."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.serving import Parser, Served, serving
from tests.support import Place, make_template


@pytest.fixture(scope="module", params=["httptools", "h11"])
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """An embedded hub behind each HTTP parser."""
    place = Place(tmp_path_factory.mktemp("served") / "home", None)
    asyncio.run(make_template(place))
    parser: Parser = request.param
    with serving(place, parser) as running:
        yield running
