"""Fixtures: a clock that the test moves, a hub with two sides that ask and answer, a department with a register."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hub.access.actors import COMMAND
from hub.runtime import Hub, open_hub
from tests.registry.asking import Desk, Hands, furnish
from tests.registry.department import People, people, register, source
from tests.support import Place


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
async def desk(place: Place, hands: Hands) -> AsyncIterator[Desk]:
    async with open_hub(place.settings(), clock=hands) as hub:
        yield await furnish(hub)


@pytest.fixture
async def staff(hub: Hub, tmp_path: Path) -> People:
    await hub.sources.add(COMMAND, source(register(tmp_path)))
    return await people(hub)
