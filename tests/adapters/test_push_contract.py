"""The promises of the port, over rows that a department pushed into a real hub, on both databases."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import psycopg
import pytest

from adapters.errors import DefinitionFaultError
from adapters.registry import open_source
from hub.runtime import Hub
from tests.adapters.contract import BUDGET, Kind, SourceContract
from tests.adapters.town import ENTERPRISES
from tests.exchange.pushing import CODE, DATASETS, push, register
from tests.support import Place

CONNECTION = {"datasets": {"enterprises": DATASETS["enterprises"]}, "source": CODE}


def by(column: str) -> dict[str, Any]:
    return {"dataset": "enterprises", "key": {column: column}}


def holding(database_url: str | None) -> Callable[[], AbstractAsyncContextManager[None]] | None:
    """Keep the hub's table from being read. SQLite has readers that nobody can hold up."""
    if database_url is None:
        return None

    @asynccontextmanager
    async def held() -> AsyncIterator[None]:
        with psycopg.connect(database_url) as other:
            other.execute("LOCK TABLE pushed_rows IN ACCESS EXCLUSIVE MODE")
            yield

    return held


@pytest.mark.embedded  # tests/exchange/test_pushed.py pushes and finds on both
class TestPush(SourceContract):
    @pytest.fixture
    async def kind(self, hub: Hub, place: Place) -> Kind:
        await register(hub)
        await push(hub, *ENTERPRISES)
        return Kind(
            kind="push",
            connection=CONNECTION,
            by_uscc=by("uscc"),
            by_name=by("name"),
            by_region=by("region"),
            lookup=hub.pushed.lookup,
            slow=holding(place.database_url),
        )


@pytest.mark.parametrize(
    ("changes", "pointer", "rule"),
    [
        ({"dataset": "others"}, "/dataset", "unknown_dataset"),
        ({"key": {"established_on": "day"}}, "/key", "not_a_declared_lookup"),
        ({"key": {"uscc": "uscc", "name": "name"}}, "/key", "not_a_declared_lookup"),
        ({"key": {}}, "/key", "minProperties"),
    ],
)
async def test_columns_that_were_never_hashed_are_not_asked_for(
    hub: Hub, changes: dict[str, Any], pointer: str, rule: str
) -> None:
    kind = Kind(kind="push", connection=CONNECTION, by_uscc={}, by_name={}, by_region={}, lookup=hub.pushed.lookup)
    async with kind.open() as source:
        with pytest.raises(DefinitionFaultError) as caught:
            source.prepare(by("uscc") | changes)
        assert (caught.value.pointer, caught.value.rule) == (pointer, rule)


async def test_a_probe_says_that_nothing_was_pushed_yet(hub: Hub) -> None:
    await register(hub)
    kind = Kind(kind="push", connection=CONNECTION, by_uscc={}, by_name={}, by_region={}, lookup=hub.pushed.lookup)
    async with kind.open() as source:
        assert (await source.probe(BUDGET)).code == "faulty_never_pushed"


def test_without_a_hub_there_are_no_rows() -> None:
    kind = Kind(kind="push", connection=CONNECTION, by_uscc={}, by_name={}, by_region={})
    with pytest.raises(DefinitionFaultError) as caught:
        open_source("push", CONNECTION, kind.environment())
    assert caught.value.rule == "not_available_here"
