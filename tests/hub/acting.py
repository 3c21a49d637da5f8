"""A department at work on its licences: its system, its officers, and a type that wants two of them."""

from dataclasses import dataclass
from typing import Any

import httpx2
from sqlalchemy import select, text

from catalog.tables import table
from hub.access.actors import COMMAND, Actor, Role
from hub.exchange.uses import CHANGED
from hub.issuing.files import read_document
from hub.runtime import Hub
from hub.storage.tables import OutboxRow
from tests.support import AMR, TYPES, Place, enterprise_claims, valid_uscc

WHY = {"reason": "涉嫌虚假登记，立案调查", "legal_basis": "行政许可法第六十九条"}
OTHER_FIRM = enterprise_claims(uscc=valid_uscc("91990100MA0000002"), name="示例市夕照贸易有限公司")


@dataclass
class Desk:
    """A department's system, and the one licence of the template."""

    place: Place
    hub: Hub
    client: httpx2.AsyncClient
    headers: dict[str, str]
    identifier: str

    async def act(self, operation: str, identifier: str | None = None, **body: Any) -> httpx2.Response:
        key = body.pop("key", None)
        headers = self.headers | ({"Idempotency-Key": key} if key else {})
        path = f"/api/v1/certificates/{identifier or self.identifier}/transitions"
        return await self.client.post(path, json={"operation": operation, **WHY, **body}, headers=headers)

    async def look(self, identifier: str | None = None, **query: str) -> dict[str, Any]:
        path = f"/api/v1/certificates/{identifier or self.identifier}"
        answer = await self.client.get(path, params=query, headers=self.headers)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def verdict(self, identifier: str | None = None) -> str:
        token = await read_document(self.hub, identifier or self.identifier)
        return (await self.hub.verification.verify(token, audience=None)).reason


def officer(name: str, *roles: Role, department: str) -> Actor:
    return Actor("staff", name, name, department, frozenset(roles or {Role.OWNER_APPROVER}))


async def amr(hub: Hub, code: str = AMR) -> str:
    query = text("SELECT id FROM departments WHERE code = :code")
    return str(await hub.database.read(lambda tx: tx.execute(query, {"code": code}).scalar_one()))


async def events(hub: Hub) -> list[str]:
    outbox = table(OutboxRow)
    rows = await hub.database.read(lambda tx: tx.execute(select(outbox.c.kind, outbox.c.payload)).all())
    return [row.payload["event"] for row in rows if row.kind == CHANGED]


async def strict_type(hub: Hub) -> None:
    declared = (TYPES / "business_licence.yaml").read_text(encoding="utf-8") + "\nmaker_checker: true\n"
    await hub.registry.add_type(declared)
    await approvers(hub, "second", "third")


async def approvers(hub: Hub, *names: str, department: str = AMR) -> None:
    """Accounts of people who could confirm."""
    for name in names:
        given = {"user_name": name, "display_name": "示例人员", "department": department}
        await hub.staff.add(COMMAND, given | {"roles": [Role.OWNER_APPROVER]})
