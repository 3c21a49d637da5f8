"""One archive for all who only check it."""

import asyncio
from pathlib import Path

import pytest

from tests.archive.made import Made, make
from tests.support import Place, copy_home


@pytest.fixture(scope="session")
def made(embedded_template: Place, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Made by an embedded hub that is closed since."""
    folder: Path = tmp_path_factory.mktemp("archive")
    return asyncio.run(make(Place(copy_home(embedded_template, folder), None)))
