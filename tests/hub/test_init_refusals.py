"""`yizheng init` where no hub can be made: a line of what happened and one of what to do, and no secret."""

from pathlib import Path

import pytest

from tests.hub.command import yizheng
from tests.support import Place

pytestmark = pytest.mark.embedded


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("postgresql://nobody:geheim@127.0.0.1:1/none", 69),
        ("postgresql://nobody:geheim", 64),
        ("mysql://nobody:geheim@127.0.0.1/none", 64),
        ("geheim", 64),
    ],
)
async def test_a_database_that_cannot_be_used_is_told_without_its_password(tmp_path: Path, url: str, code: int) -> None:
    done = await yizheng(Place(tmp_path / "hub", url), "init")
    assert (done.code, done.out) == (code, "")
    assert done.err.startswith("yizheng: ")
    assert "geheim" not in done.err


async def test_a_home_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "hub").touch()
    done = await yizheng(Place(tmp_path / "hub", None), "init")
    assert (done.code, done.err.count("\n")) == (64, 2)
