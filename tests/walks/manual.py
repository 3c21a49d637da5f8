"""The manual as a stranger follows it: its files are written as they stand, its blocks run as they stand.

Only what differs from machine to machine is replaced: addresses, names of databases and users, dates, and the record of
the register that is asked about.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

import httpx2

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "first-afternoon.md"
_BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^\1```", re.DOTALL | re.MULTILINE)
_START_SECONDS = 60


@dataclass(frozen=True)
class Done:
    """How a block ended."""

    code: int
    out: str
    err: str

    def json(self) -> dict[str, Any]:
        value: dict[str, Any] = json.loads(self.out)
        return value


def blocks_of(page: Path, changes: Mapping[str, str]) -> list[tuple[str, str]]:
    """Language and text of each block of a page, those inside lists too, with what differs here replaced."""
    text = page.read_text(encoding="utf-8")
    for before, after in changes.items():
        assert before in text, before
        text = text.replace(before, after)
    return [(language, dedent(block)) for _, language, block in _BLOCK.findall(text)]


class Manual:
    """One reader with an empty folder; `yizheng` is in the folder `program`."""

    def __init__(self, folder: Path, changes: Mapping[str, str], program: Path = Path(sys.executable).parent) -> None:
        self.folder = folder
        self._program = program
        self._blocks = blocks_of(PAGE, changes)
        self._variables = folder / ".variables"
        self.commands = 0

    def write_files(self) -> None:
        """What the reader copies into files."""
        for language, block in self._blocks:
            if language == "yaml":
                name, _, rest = block.removeprefix("# file: ").partition("\n")
                (self.folder / name).write_text(rest, encoding="utf-8")
            elif language == "json":
                (self.folder / "case.json").write_text(block, encoding="utf-8")

    def sql(self, dialect: str) -> list[str]:
        """The statements that make a reader in a database."""
        found = next(block for language, block in self._blocks if language == "sql" and f"-- {dialect}\n" in block)
        return [statement for line in found.splitlines()[1:] if (statement := line.rstrip("; "))]

    def step(self, name: str, *, code: int = 0) -> Done:
        """Run a block as one script that stops at the first failure; variables stay for the next."""
        head = f"# step: {name}\n"
        block = next(text.removeprefix(head) for _, text in self._blocks if text.startswith(head))
        self.commands += len(re.findall(r"\b(?:yizheng|curl) ", block))
        return self.run(block, code=code)

    def steps(self) -> list[str]:
        """The names of all blocks that are to be run, in order."""
        return [match[1] for _, text in self._blocks if (match := re.match(r"# step: (\w+)\n", text))]

    def run(self, script: str, *, code: int = 0) -> Done:
        """Run a script as the reader's shell would. Asserts its exit code."""
        kept = self._variables
        whole = f"if [ -f {kept} ]; then . {kept}; fi\nset -a\n{script}\nset +a\nexport -p > {kept}"
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", whole],
            cwd=self.folder,
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == code, (script, done.stdout, done.stderr)
        return Done(done.returncode, done.stdout, done.stderr)

    @contextmanager
    def serving(self, url: str) -> Iterator[None]:
        """`yizheng serve` in the second terminal, with the variables of the first."""
        port = url.rsplit(":", 1)[1]
        script = f". {self._variables}; exec yizheng serve --port {port}"
        log = (self.folder / "serve.log").open("w")
        server = subprocess.Popen(
            ["bash", "-c", script], cwd=self.folder, env=self._environment(), stdout=log, stderr=log
        )
        try:
            self._await_ready(server, url)
            yield
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(30)
            log.close()

    def _await_ready(self, server: "subprocess.Popen[bytes]", url: str) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while True:
            said = (self.folder / "serve.log").read_text()
            assert server.poll() is None, said
            assert time.monotonic() < deadline, said
            try:
                if httpx2.get(f"{url}/health/ready", trust_env=False).status_code == 200:
                    return
            except httpx2.TransportError:
                pass
            time.sleep(0.1)

    def _environment(self) -> dict[str, str]:
        """A machine that has never seen the hub."""
        own = {name: value for name, value in os.environ.items() if not name.startswith("YIZHENG_")}
        return own | {"PATH": f"{self._program}:{os.environ['PATH']}"}
