"""Each source on the kind of server that its pack names, behind the gateway, or beside an agent that dials in.

What was made for the run ends with it.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import cached_property, partial
from ipaddress import ip_address
from pathlib import Path
from socket import gethostbyname
from urllib.parse import urlsplit

from hub.scenarios.places import Standing, Table
from hub.scenarios.real.agents import AgentTable, Line
from hub.scenarios.real.databases import Maria, Postgres, stand
from hub.scenarios.real.gateway import Gateway, GatewayTable
from hub.scenarios.real.soap import SoapTable, found
from hub.scenarios.real.standing import LOOPBACK, RestTable, WebServer, put_down


@dataclass
class Real:
    """Servers of databases by their addresses; the others stand in this process.

    Attributes:
        kinds: how many sources stand in each kind of server.
    """

    postgresql: str
    mariadb: str
    kinds: dict[str, int] = field(default_factory=dict)
    line: Line = field(default_factory=Line)
    _ending: ExitStack = field(default_factory=ExitStack)

    def stand(self, table: Table, folder: Path) -> Standing:
        """Make the table where its pack wants it. Raises: OSError: the server refuses."""
        self.kinds[table.real] = self.kinds.get(table.real, 0) + 1
        match table.real:
            case "files":
                return put_down(table, folder)
            case "rest":
                self.web.tables[table.source] = table
                return RestTable(self.web, table)
            case "soap":
                self.web.calls[table.source] = partial(found, table)
                return SoapTable(self.web, table)
            case "gateway":
                self.gateway.publish(table)
                return GatewayTable(self.gateway, table)
            case "agent":
                return AgentTable(self.line, stand(self.postgres, table), folder / f"{table.source}-agent")
            case "mariadb":
                return stand(self.maria, table)
            case _:
                return stand(self.postgres, table)

    @cached_property
    def web(self) -> WebServer:
        """The web server, from its first table on."""
        server = WebServer()
        self._ending.callback(server.close)
        return server

    @cached_property
    def gateway(self) -> Gateway:
        """The gateway behind it."""
        return Gateway(self.web)

    @cached_property
    def postgres(self) -> Postgres:
        """The database there."""
        server = Postgres(self.postgresql)
        self._ending.callback(server.close)
        return server

    @cached_property
    def maria(self) -> Maria:
        """The database there."""
        server = Maria(self.mariadb)
        self._ending.callback(server.close)
        return server

    def networks(self) -> tuple[str, ...]:
        """The addresses of all these, as the hub has to be told that sources may live there."""
        hosts = [LOOPBACK, *(urlsplit(url).hostname or LOOPBACK for url in (self.postgresql, self.mariadb))]
        return tuple(dict.fromkeys(str(ip_address(gethostbyname(host))) + "/32" for host in hosts))

    @asynccontextmanager
    async def reached(self) -> AsyncIterator[None]:
        """Inside the hub's own block: agents that dial it leave before it closes."""
        try:
            yield
        finally:
            await self.line.hang_up()

    def close(self) -> None:
        """Drop and stop everything."""
        self._ending.close()


@contextmanager
def real(*, postgresql: str, mariadb: str) -> Iterator[Real]:
    """Places on real servers, for a run."""
    places = Real(postgresql, mariadb)
    try:
        yield places
    finally:
        places.close()
