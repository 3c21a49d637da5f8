"""A hub whose clock can be moved forward, and browsers without a screen."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from hub.runtime import Hub, open_hub
from tests.support import Place


@dataclass
class MovedClock:
    """The real time plus what the test let pass."""

    passed: timedelta = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.passed


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
async def hub(place: Place, clock: MovedClock) -> AsyncIterator[Hub]:
    """As the general fixture, on the moved clock."""
    async with open_hub(place.settings(), clock=clock) as opened:
        yield opened
