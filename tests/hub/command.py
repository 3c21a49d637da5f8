"""The command line as a user calls it, in this process: the same entry point, arguments and exit code."""

import asyncio
import io
import json
import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from hub.cli.main import run
from tests.support import Place


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    def json(self) -> dict[str, Any]:
        value: dict[str, Any] = json.loads(self.out)
        return value


async def yizheng(place: Place, *arguments: str) -> Done:
    """Run a command on a hub; it has an event loop of its own, so it runs in a thread of its own."""
    return await asyncio.to_thread(_run, place, arguments)


def _run(place: Place, arguments: tuple[str, ...]) -> Done:
    out, err, code = io.StringIO(), io.StringIO(), 0
    argv = patch.object(sys, "argv", ["yizheng", *arguments])
    environment = patch.dict(os.environ, place.environment())
    with argv, environment, redirect_stdout(out), redirect_stderr(err):
        try:
            run()
        except SystemExit as done:
            code = int(done.code or 0)
    return Done(code, out.getvalue(), err.getvalue())
