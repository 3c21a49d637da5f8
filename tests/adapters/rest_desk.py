"""A server that answers what the test says, and REST sources that ask it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from adapters.egress import Egress
from adapters.errors import SourceError
from adapters.port import Context, Environment
from adapters.rest import RestSource, open_source
from tests.adapters.contract import BUDGET, LOOPBACK, Held
from tests.adapters.servers import Got, Said, Server, said, serving

SECRET = "shared-s3cret-of-two-92ab"
NOW = datetime(2026, 11, 22, 1, 2, 3, 456_000, tzinfo=UTC)
CONTEXT = Context(case_no="C-1", matter="FOOD", purpose="办理许可", operator_id="op-1")


@dataclass
class Desk:
    """A server that answers what the test says, and sources that ask it."""

    server: Server = field(default_factory=Server)
    answers: list[Said] = field(default_factory=list)
    now: datetime = NOW
    opened: list[RestSource] = field(default_factory=list)

    async def handle(self, _: Got) -> Said:
        return self.answers.pop(0) if self.answers else said({"rows": []})

    def open(self, **connection: Any) -> RestSource:
        environment = Environment(
            secrets=Held({"secret": SECRET}),
            egress=Egress(frozenset({self.server.target}), LOOPBACK),
            clock=lambda: self.now,
        )
        self.opened.append(open_source({"url": f"{self.server.url}/base/", **connection}, environment))
        return self.opened[-1]

    async def ask(self, operation: dict[str, Any], **params: Any) -> Got:
        """The request that this operation makes."""
        source = self.open()
        prepared = source.prepare({"rows": "/rows", **operation})
        await source.ask(prepared, params, budget=BUDGET, context=CONTEXT)
        return self.server.got[-1]


@asynccontextmanager
async def opened_desk() -> AsyncIterator[Desk]:
    desk = Desk()
    async with serving(desk.handle) as desk.server:
        yield desk
        for source in desk.opened:
            await source.close()


async def code_of(asking: Any) -> str:
    try:
        await asking
    except SourceError as error:
        return error.code
    return ""
