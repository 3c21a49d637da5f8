"""A town for each drill."""

from pathlib import Path

import pytest

from tests.drills.town import Town
from tests.support import Place


@pytest.fixture
def town(place: Place, tmp_path: Path) -> Town:
    return Town(place, tmp_path)
