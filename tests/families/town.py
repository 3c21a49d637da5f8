"""A town where a restaurant is opened: three matters of two departments, and what a test says to it."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx2
from sqlalchemy import text

from hub.access.actors import COMMAND
from hub.runtime import Hub
from hub.sample.numbers import citizen_id
from tests.support import (
    AMR,
    ENTERPRISE,
    POLICE,
    PURPOSE,
    case_body,
    enterprise_claims,
    grant_definition,
    issue,
    requirement,
    valid_uscc,
)

YESTERDAY = datetime.now(UTC).date() - timedelta(days=1)
FOOD_BUREAU = valid_uscc("11990000MB0000051")
FOOD_LICENCE = "food_business_licence"
AGENT = {"id_type": "111", "id_number": citizen_id("990102", date(1990, 3, 7), 11), "name": "周经办"}
FIELD = {"field": "phone", "term": "phone"}
CONFIRMED = {"kind": "holder_confirmation", "at": "2026-11-22T09:30:00+08:00", "reference": "pad-1"}


@dataclass
class Town:
    hub: Hub
    client: httpx2.AsyncClient
    headers: dict[str, str]
    food_type: str

    async def post(self, path: str, body: dict[str, Any] | None = None, **headers: str) -> httpx2.Response:
        return await self.client.post(f"/api/v1{path}", json=body, headers=self.headers | headers)

    async def get(self, path: str) -> httpx2.Response:
        return await self.client.get(f"/api/v1{path}", headers=self.headers)

    async def family(self, **changes: Any) -> dict[str, Any]:
        return told(await self.post("/families", family_body(**changes)), 201)

    async def pulled(self, number: str) -> dict[str, Any]:
        return told(await self.post(f"/families/{number}/evidence", {"purpose": PURPOSE}))

    async def view(self, number: str) -> dict[str, Any]:
        return told(await self.get(f"/families/{number}"))

    async def rows(self, query: str) -> list[Any]:
        return await self.hub.database.read(lambda tx: list(tx.execute(text(query)).all()))

    async def work(self) -> None:
        """Every job that is due, and those that it leaves."""
        while await self.hub.jobs.sweep():
            pass

    async def give_food_licence(self) -> None:
        claims = {
            "licence_no": "JY1", "name": ENTERPRISE["name"], "uscc": ENTERPRISE["id_number"],
            "address": "示例市中心路1号", "legal_representative": "王晨光",
            "premises": "示例市中心路1号", "business_kind": "餐饮服务经营者",
            "items": "热食类食品制售", "supervised_by": "示例市场监管所", "issued_on": "2026-11-22",
            "valid_until": "2031-11-21", "issued_by": "示例市食品局",
        }  # fmt: skip
        kind = self.hub.types.find(FOOD_LICENCE)
        assert kind is not None
        known = {name: value for name, value in claims.items() if name in kind.type.claims}
        await issue(self.hub, known, slug=FOOD_LICENCE, issuer=FOOD_BUREAU)


def told(answer: httpx2.Response, status: int = 200) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


def family_body(**changes: Any) -> dict[str, Any]:
    body = case_body(**changes)
    for name in ("matter", "kind"):
        body.pop(name)
    if "parties" not in changes:
        body["parties"] = [{"role": "shop", **ENTERPRISE}, {"role": "agent", **AGENT}]
    return {"event": "RESTAURANT"} | body


def event(**changes: Any) -> dict[str, Any]:
    return {
        "code_system": "test",
        "code": "RESTAURANT",
        "title": {"zh": "开餐馆", "en": "Open a restaurant"},
        "department": AMR,
        "parties": ["shop", "agent"],
        "facts": {"signed": {"kind": "boolean", "title": {"zh": "是否设置招牌", "en": "With a sign?"}}},
        "matters": [
            {"matter": "FOOD", "parties": {"applicant": "shop"}},
            {"matter": "SIGN", "parties": {"applicant": "shop"}, "when": "facts.signed"},
            {"matter": "TAX", "parties": {"payer": "shop"}},
        ],
    } | changes


def matter(code: str, department: str, role: str, *requirements: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "code_system": "test", "code": code, "name": {"zh": f"{code}事项", "en": code}, "department": department,
        "roles": [role, "agent"], "requirements": list(requirements),
    } | changes  # fmt: skip


def cases(view: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {item["matter"]: item for item in view["cases"]}


async def founded(town: Town, **rules: Any) -> tuple[dict[str, Any], str]:
    """A family with a company that has no number yet, and the number of its licence, which is issued."""
    identity, licence = (
        [[{"type": code, "fields": ["name"]}]] for code in ("11990000MB0000003U001", "11990000MB0000002Q001")
    )
    company = {"role": "company", "without_id": True}
    await town.hub.registry.add_matter(
        matter("FOUND", AMR, "founder", requirement("who", "身份证", "founder", identity),
               roles=["founder", company], results=[{"type": "11990000MB0000002Q001", "party": "company"}])
    )  # fmt: skip
    bank = requirement("licence", "营业执照", "company", licence)
    lease = requirement("lease", "租赁合同", "company", []) | {"own_paper": {"zh": "租赁合同", "en": "The lease"}}
    await town.hub.registry.add_matter(matter("BANK", POLICE, "company", bank, lease, roles=[company | rules]))
    await town.hub.registry.add_grant(grant_definition(town.hub, matters=["BANK"]))
    joined = [{"matter": "FOUND", "parties": {"founder": "agent", "company": "shop"}}]
    joined.append({"matter": "BANK", "parties": {"company": "shop"}})
    await town.hub.life_events.add(COMMAND, event(matters=joined, facts={}, signatures=["agent"]))
    name = "示例市新办面馆有限公司"
    opened = await town.family(parties=[{"role": "shop", "name": name}, {"role": "agent", **AGENT}])
    view = await town.pulled(opened["family_no"])
    assert [(item["matter"], item["from"]) for item in view["waiting"]] == [("BANK", ["FOUND"])]
    number = valid_uscc("91990100MA0000077")
    await issue(town.hub, enterprise_claims(name=name, uscc=number))
    return view, number
