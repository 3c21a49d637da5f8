"""`yizheng serve` shows the first operator's link to a person, and to nothing that keeps what it is told."""

import os
import select
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import func
from sqlalchemy import select as select_

from catalog.tables import table
from hub.access.tables import StaffLinkRow
from tests.drills.processes import Running
from tests.support import Place, free_port

pytestmark = pytest.mark.parametrize("template", ["sqlite"], indirect=True)
LAST_LINE = "Issuer"


def serve(place: Place, out: Path, err: Path, read: Callable[[], str]) -> str:
    """What the command says until it serves."""
    said = ""
    process = Running(["serve", "--port", str(free_port())], place.environment(), out=out, err=err)
    try:
        while LAST_LINE not in said:
            assert not process.ended(), err.read_text()
            said += read()
    finally:
        process.end()
    return said


async def links(place: Place) -> int:
    query = select_(func.count()).select_from(table(StaffLinkRow))
    async with place.open() as hub:
        return await hub.database.read(lambda tx: int(tx.execute(query).scalar_one()))


async def test_a_log_gets_the_command_and_no_link_is_made(place: Place, tmp_path: Path) -> None:
    out, err = tmp_path / "out", tmp_path / "err"
    out.touch()

    def read() -> str:
        time.sleep(0.02)
        return out.read_text()

    said = serve(place, out, err, read)
    assert "yizheng staff invite" in said
    assert "link?t=" not in out.read_text() + err.read_text()
    assert await links(place) == 0


async def test_a_terminal_gets_the_link(place: Place, tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    try:
        path = Path(os.ttyname(theirs))

        def read() -> str:
            ready, _, _ = select.select([ours], [], [], 0.1)
            return os.read(ours, 65536).decode() if ready else ""

        said = serve(place, path, tmp_path / "err", read)
    finally:
        os.close(ours)
        os.close(theirs)
    assert "/console/link?t=" in said
    assert "link?t=" not in (tmp_path / "err").read_text()
    assert await links(place) == 1
