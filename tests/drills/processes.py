"""Processes that run `yizheng`, forked from one that has read the code already: a start costs milliseconds.

They are processes of their own in every respect that a drill cares about: own memory, own connections, own death.
"""

import importlib
import multiprocessing
import os
import signal
import sys
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["tests.drills.preload"])
KILLED = -signal.SIGKILL


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


class Running:
    """A process under way."""

    def __init__(self, arguments: list[str], environment: dict[str, str], *, out: Path, err: Path) -> None:
        self._process: BaseProcess = _CONTEXT.Process(target=_yizheng, args=(arguments, environment, out, err))
        self._process.start()

    def ended(self) -> bool:
        return self._process.exitcode is not None

    def wait(self, seconds: float) -> int | None:
        """Its return code, negative for a signal; None when it still lives."""
        self._process.join(seconds)
        return self._process.exitcode

    def signal(self, number: signal.Signals) -> None:
        assert self._process.pid is not None
        os.kill(self._process.pid, number)

    def state(self) -> str:
        """The kernel's letter for what it does; T is stopped."""
        return Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()[0]

    def end(self) -> None:
        """The polite way, then the other."""
        if not self.ended():
            self._process.terminate()
        if self.wait(15) is None:
            self._process.kill()
            self.wait(5)


def _yizheng(arguments: list[str], environment: dict[str, str], out: Path, err: Path) -> None:
    """Become the command: what the environment says is read as in a fresh interpreter."""
    for descriptor, path in ((1, out), (2, err)):
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(opened, descriptor)
        os.close(opened)
    os.environ.clear()
    os.environ.update(environment)
    import hub.storage.crash
    from hub.cli.main import run

    importlib.reload(hub.storage.crash)
    sys.argv = ["yizheng", *arguments]
    run()
