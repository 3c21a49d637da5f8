"""A system that subscribes, uses a licence, and hears of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
from sqlalchemy import update

from catalog.tables import table
from certificates.lifecycle.states import Operation
from hub.issuing.files import identifiers_of
from hub.runtime import Hub
from hub.storage.tables import OutboxRow
from tests.exchange.receiver import Receiver
from tests.support import ENTERPRISE, Place, open_case, pull

SECRET = "canary-secret-0123456789-0123456789"
EVENTS = [
    "certificate.superseded",
    "certificate.revoked",
    "certificate.suspended",
    "certificate.resumed",
    "record.changed",
]
OUTBOX = table(OutboxRow)
Client = httpx2.AsyncClient


async def work(hub: Hub) -> None:
    """Run what is due, and what comes of it."""
    while await hub.jobs.sweep():
        pass


@dataclass
class Subscriber:
    """A system that subscribes."""

    place: Place
    hub: Hub
    client: Client
    headers: dict[str, str]
    receiver: Receiver

    async def subscribe(self, **changes: Any) -> httpx2.Response:
        wish = {"events": EVENTS, "url": self.receiver.url, "secret": SECRET} | changes
        return await self.client.post("/api/v1/subscriptions", json=wish, headers=self.headers)

    async def subscribed(self, **changes: Any) -> str:
        answer = await self.subscribe(**changes)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["subscription"])

    async def messages(self, subscription: str, query: str = "") -> list[dict[str, Any]]:
        answer = await self.client.get(f"/api/v1/subscriptions/{subscription}/messages{query}", headers=self.headers)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["messages"]
        return found

    async def use(self) -> tuple[str, dict[str, Any]]:
        """Be shown the licence in a case; answers the case and the item."""
        case_no = await open_case(self.client, self.headers)
        answer = await pull(self.client, self.headers, case_no, requirements=["licence"])
        [item] = answer.json()["requirements"]
        assert item["outcome"] == "satisfied", item
        return case_no, item

    async def change(self, operation: Operation) -> None:
        identifier = await self.identifier()
        await self.hub.status.change(identifier, operation, reason="r", legal_basis="l")
        await work(self.hub)

    async def identifier(self) -> str:
        """Of the licence that `use` is shown."""
        found = await identifiers_of(self.hub, ENTERPRISE["id_type"], ENTERPRISE["id_number"])
        return str(found[0]["identifier"])

    async def sweep_now(self) -> None:
        """Run what waits, whenever it was to run."""
        now = datetime.now(UTC)
        await self.hub.database.write(lambda tx: tx.execute(update(OUTBOX).values(due_at=now - timedelta(seconds=1))))
        await self.hub.jobs.sweep()


@asynccontextmanager
async def subscribing(place: Place, receiver: Receiver, **settings: Any) -> AsyncIterator[Subscriber]:
    """The subscriber at a hub of this place."""
    async with place.open(webhook_networks=("127.0.0.0/8",), **settings) as hub, place.client(hub) as client:
        yield Subscriber(place, hub, client, await place.headers(client), receiver)
