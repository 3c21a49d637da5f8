"""What tests ask of a folder of files: every name, the enterprise they know, or the fault."""

import os
from pathlib import Path
from typing import Any

import pytest

from adapters.errors import SourceError
from adapters.port import Answer, Budget
from tests.adapters.contract import ask
from tests.adapters.files_town import BY, files_kind, local
from tests.adapters.town import COLUMNS, KNOWN

ALL = {"rows": "all"}
PLENTY = Budget(max_rows=10_000, max_bytes=10_000_000)
HEADER = ",".join(COLUMNS)


async def known(source: Any) -> Answer:
    return await ask(source, BY["uscc"], uscc=KNOWN["uscc"])


async def names(folder: Path, **changes: Any) -> list[Any]:
    async with files_kind(local(folder, **changes)).open() as source:
        return [row["name"] for row in (await ask(source, ALL, PLENTY)).rows]


async def fault(folder: Path, **changes: Any) -> str:
    async with files_kind(local(folder, **changes)).open() as source:
        with pytest.raises(SourceError) as caught:
            await ask(source, ALL, PLENTY)
    return caught.value.code


def row(**changes: str) -> dict[str, str]:
    return dict(KNOWN) | changes


def aged(path: Path, seconds: float) -> Path:
    moment = path.stat().st_mtime - seconds
    os.utime(path, (moment, moment))
    return path
