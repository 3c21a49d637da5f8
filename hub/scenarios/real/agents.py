"""A table that only an agent beside it reaches: a program of its own, which dials the hub that runs the packs."""

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from hub.agent.setup import make_folder
from hub.runtime import Hub
from hub.scenarios.places import By
from hub.scenarios.real.databases import DatabaseTable
from hub.scenarios.real.standing import LOOPBACK
from hub.storage.files import write_durably

if TYPE_CHECKING:
    import uvicorn

_PATIENCE: Final = 60.0
_LOOK: Final = 0.05
_LEAVING: Final = 15.0


@dataclass(slots=True)
class Line:
    """The hub's own front door for agents, opened for the first of them on a free port of this machine, and the agents
    that were started. Of one event loop.
    """

    _programs: list[asyncio.subprocess.Process] = field(default_factory=list)
    _server: "uvicorn.Server | None" = None
    _serving: asyncio.Task[None] | None = None

    async def url(self, hub: Hub) -> str:
        """Where agents dial this hub."""
        if self._server is None:
            self._server = _server(hub)
            self._serving = asyncio.create_task(self._server.serve())
            while not self._server.started and not self._serving.done():  # noqa: ASYNC110  # it has no event for it
                await asyncio.sleep(_LOOK)
        if not self._server.started:
            raise OSError("the hub cannot listen on this machine")
        return f"http://{LOOPBACK}:{self._server.servers[0].sockets[0].getsockname()[1]}"

    async def start(self, hub: Hub, source: str, folder: Path) -> None:
        """Run an agent, until it has dialled. Raises: OSError: it does not."""
        command = [sys.executable, "-m", "hub.cli", "agent", "run", "--config", str(folder / "agent.yaml")]
        # It has nothing of the hub's: neither the database's password nor the master key.
        own = {name: value for name, value in os.environ.items() if not name.startswith("YIZHENG_")}
        with (folder / "log").open("ab") as log:
            program = await asyncio.create_subprocess_exec(*command, stdin=DEVNULL, stdout=log, stderr=log, env=own)
        self._programs.append(program)
        async with asyncio.timeout(_PATIENCE):
            while not (await hub.agents.health(source)).present:
                if program.returncode is not None:
                    raise OSError(f"the agent of {source} ended: {folder / 'log'}")
                await asyncio.sleep(_LOOK)

    async def hang_up(self) -> None:
        """Stop the agents, then the door; before the hub is closed."""
        for program in self._programs:
            with suppress(ProcessLookupError):
                program.terminate()
        for program in self._programs:
            try:
                async with asyncio.timeout(_LEAVING):
                    await program.wait()
            except TimeoutError:
                program.kill()
                await program.wait()
        self._programs.clear()
        if self._server is not None and self._serving is not None:
            self._server.should_exit = True
            await self._serving
        self._server = self._serving = None


@dataclass(frozen=True, slots=True)
class AgentTable:
    """A table in a database of whose address and password the hub knows nothing."""

    line: Line
    inner: DatabaseTable
    folder: Path

    @property
    def client_id(self) -> str:
        """Its agent's."""
        return f"agent-{self.inner.table.source}"

    def definition(self) -> Mapping[str, Any]:
        """Of kind `agent`."""
        return {"kind": "agent", "connection": {"agent": self.client_id}}

    def secrets(self) -> Mapping[str, str]:
        """None that the hub has."""
        return {}

    def operation(self, by: By) -> Mapping[str, Any]:
        """One of the agent's own list."""
        return {"operation": _named(self.inner.table.asked.index(by)), "params": sorted(by.values())}

    def away(self) -> AbstractContextManager[None]:
        """The agent is there; nothing of that name is in its database."""
        return self.inner.away()

    async def dial(self, hub: Hub, department: str) -> None:
        """Register the agent, and start it. Raises: OSError: it does not come."""
        source, keys = self.inner.table.source, self.inner.secrets()
        key = make_folder(self.folder, client_id=self.client_id, department=department)
        name = {"zh": f"前置代理（{source}）", "en": f"Agent of {source}"}
        system = {"client_id": self.client_id, "department": department, "name": name, "keys": [key]}
        await hub.registry.add_system(system)
        for secret, value in keys.items():
            write_durably(self.folder / "secrets" / secret, value.encode(), mode=0o600)
        asked = {_named(place): self.inner.operation(by) for place, by in enumerate(self.inner.table.asked)}
        declared = {
            "hub": {
                "url": await self.line.url(hub),
                "issuer": hub.settings.public_url,
                "client_id": self.client_id,
                "keys": [hub.desk.hub("hub").signer.public.thumbprint],
            },
            "source": {"code": source, **self.inner.definition()},
            "networks": list(hub.settings.egress_networks),
            "operations": asked,
        }
        text = yaml.safe_dump(declared, allow_unicode=True)
        write_durably(self.folder / "agent.yaml", text.encode(), mode=0o600)
        await self.line.start(hub, source, self.folder)


def _named(place: int) -> str:
    return f"question_{place + 1}"


def _server(hub: Hub) -> "uvicorn.Server":
    import uvicorn

    from hub.app import create_app

    class Server(uvicorn.Server):
        """Whoever stops the command stops it, not the server."""

        @contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield

    return Server(
        uvicorn.Config(
            create_app(hub.settings, hub=hub), host=LOOPBACK, port=0, loop="asyncio", lifespan="off",
            log_config=None, access_log=False, server_header=False, timeout_graceful_shutdown=2,
        )
    )  # fmt: skip
