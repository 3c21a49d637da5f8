"""Fixtures: a clock that the test moves, and a hub with two sides that ask and answer."""

from collections.abc import AsyncIterator

import pytest

from hub.runtime import open_hub
from tests.registry.asking import Desk, Hands, furnish
from tests.support import Place


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
async def desk(place: Place, hands: Hands) -> AsyncIterator[Desk]:
    async with open_hub(place.settings(), clock=hands) as hub:
        yield await furnish(hub)
