"""A served hub for the consumer's pages: an interface over a register behind HTTP, and police who want to use it."""

import asyncio
import json
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar

from catalog.store import find_department
from hub.access.actors import Actor, Role
from hub.runtime import Hub
from tests.exchange.conftest import add_source, definition, publish, row
from tests.pages.browser import Site, people_of
from tests.serving import serving
from tests.support import AMR, ENTERPRISE, POLICE, Place, matter_definition

T = TypeVar("T")
MATTER = "RESIDENCE"
TITLES = {
    "uscc": ("统一社会信用代码", "USCC"),
    "name": ("企业名称", "Name"),
    "established_on": ("成立日期", "Established on"),
    "status": ("登记状态", "Status"),
    "shareholder": ("股东", "Shareholder"),
    "is_active": ("是否存续", "Is active"),
}
EGRESS: dict[str, Any] = {"egress_networks": ("127.0.0.0/8",)}


@dataclass(frozen=True)
class Market:
    """The served hub, and a way to act on it as somebody else while the browser waits."""

    site: Site

    def act(self, work: Callable[[Hub], Coroutine[Any, Any, T]]) -> T:
        """Do something at the services, in a hub of its own over the same home, as a command would."""

        async def opened() -> T:
            async with self.site.place.open(**EGRESS) as hub:
                return await work(hub)

        # The browser's driver keeps a loop running in this thread.
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(lambda: asyncio.run(opened())).result()


async def approver(hub: Hub) -> Actor:
    """Somebody of the owner who decides."""
    department = await hub.database.read(lambda tx: find_department(tx, AMR))
    assert department is not None
    return Actor("staff", "approver", "approver", department.id, frozenset({Role.OWNER_APPROVER}))


@contextmanager
def market_at(place: Place) -> Iterator[Market]:
    """Found, fill, publish, serve."""
    sessions = people_of(place)
    with _register() as port:
        with asyncio.Runner() as runner:
            runner.run(_fill(place, port))
        with serving(place, **EGRESS) as served:
            yield Market(Site(f"http://127.0.0.1:{served.port}", place, sessions))


async def _fill(place: Place, port: int) -> None:
    async with place.open(**EGRESS) as hub:
        await add_source(hub, port)
        declared = definition(
            summary={"zh": "按统一社会信用代码查询营业执照登记的信息", "en": "What the business register says"},
            catalogue={
                "category": "基础信息资源/法人",
                "keywords": ["营业执照", "企业"],
                "contact": "登记注册处 0990-0100100",
                "sla": "工作日 3 秒内答复",
            },
        )
        for name, (zh, en) in TITLES.items():
            declared["fields"][name]["title"] = {"zh": zh, "en": en}
        await publish(hub, declared)
        matter = matter_definition() | {
            "code": MATTER,
            "name": {"zh": "居住证办理", "en": "Residence permit"},
            "department": POLICE,
            "roles": ["applicant", "agent"],
        }
        await hub.registry.add_matter(matter)
        await hub.ledger.drain()


@contextmanager
def _register() -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = [row()] if self.path.endswith(ENTERPRISE["id_number"]) else []
            body = json.dumps({"data": found}, ensure_ascii=False).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the library's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
