"""A real agent: its own folder, its own process, beside a register that only it can reach."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import yaml

from hub.agent.setup import make_folder
from hub.runtime import Hub
from signing.keys import SoftwareSigner
from tests.exchange.conftest import INTERFACE, add_source, definition, grant, publish
from tests.support import AMR, PUBLIC_URL

SOURCE = "old-register"
CLIENT = "amr-agent"
STATEMENT = "SELECT * FROM enterprises WHERE uscc = :uscc"
OPERATION = "enterprise_by_uscc"
COLUMNS = ("企业名称", "uscc", "注册日期", "ZT", "股东")
MAPPED = {
    "uscc": {"from": "uscc", "as": "uscc"},
    "name": "企业名称",
    "established_on": {"from": "注册日期", "as": "date", "dates": ["chinese"]},
    "status": {"from": "ZT", "codes": {"1": "存续", "2": "注销"}},
    "shareholder": "股东",
}


@dataclass
class Beside:
    """An agent's folder, and its program when it runs."""

    folder: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def config(self) -> Path:
        return self.folder / "agent.yaml"

    @property
    def signer(self) -> SoftwareSigner:
        return SoftwareSigner.from_pem((self.folder / "agent.key.pem").read_bytes())

    @property
    def log(self) -> str:
        path = self.folder / "log"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def write(self, declared: dict[str, Any]) -> None:
        self.config.write_text(yaml.safe_dump(declared, allow_unicode=True), encoding="utf-8")

    def start(self, *prefix: str) -> None:
        command = [*prefix, sys.executable, "-m", "hub.cli", "agent", "run", "--config", str(self.config)]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                command, stderr=log, stdout=log, env=os.environ | {"PYTHONWARNINGS": "error"}
            )

    def kill(self) -> None:
        """As a power cut would."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """As the service manager would."""
        return self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> int:
        if self.process is None:
            return 0
        self.process.send_signal(number)
        code = self.process.wait(30)
        self.process = None
        return code

    def command(self, name: str, *more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "hub.cli", "agent", name, "--config", str(self.config), *more]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def configuration(hub_url: str, thumbprint: str, connection: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """An `agent.yaml` beside a database."""
    targets = [f"{connection['host']}:{connection['port']}"] if "host" in connection else []
    return {
        "hub": {"url": hub_url, "issuer": PUBLIC_URL, "client_id": CLIENT, "keys": [thumbprint]},
        "source": {
            "code": SOURCE,
            "kind": "sql",
            "connection": connection,
            "targets": targets,
            "limits": {"total_seconds": 8},
        },
        "networks": ["127.0.0.0/8"],
        "concurrency": 3,
        "operations": {OPERATION: {"statement": STATEMENT}},
    } | changes


def make_agent(folder: Path) -> Beside:
    """A folder as `yizheng agent init` makes it."""
    make_folder(folder)
    return Beside(folder)


async def register(
    hub: Hub, agent: Beside, *, seconds: float = 8, write_back: list[dict[str, Any]] | None = None
) -> None:
    """What the two sides register: the agent's system, the source of kind agent, an interface over it, a grant."""
    await hub.registry.add_system(
        {
            "department": AMR,
            "client_id": CLIENT,
            "name": {"zh": "前置代理", "en": "Agent"},
            "keys": [agent.signer.public.jwk],
        }
    )
    connection: dict[str, Any] = {"agent": CLIENT}
    if write_back:
        connection["write_back"] = write_back
    await add_source(
        hub,
        0,
        code=SOURCE,
        kind="agent",
        connection=connection,
        targets=[],
        limits={"total_seconds": seconds, "read_seconds": seconds, "retries": 0},
    )
    declared = definition(
        source=SOURCE,
        operation={"operation": OPERATION, "params": ["uscc"]},
        mapping={"version": 1, "absent": ["", "N/A"], "fields": MAPPED},
    )
    await publish(hub, declared)
    await hub.registry.add_grant(grant(interface=INTERFACE))


@contextmanager
def started(agent: Beside, *prefix: str) -> Iterator[Beside]:
    """Run its program for the time of the block."""
    agent.start(*prefix)
    try:
        yield agent
    finally:
        agent.kill()


def wait_until(true: Any, what: str, seconds: float = 30) -> None:
    """Poll a condition of another process; the time is only a bound against hanging."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


async def wait_for_answer(ask: Any, seconds: float = 30) -> dict[str, Any]:
    """Ask until the agent is there."""
    deadline = time.monotonic() + seconds
    while True:
        found: dict[str, Any] = await ask()
        if found["outcome"] != "source_unavailable" or time.monotonic() > deadline:
            return found


def client_of(port: int, scheme: str = "http", **options: Any) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(base_url=f"{scheme}://127.0.0.1:{port}", timeout=40, **options)
