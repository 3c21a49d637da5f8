"""A matter whose papers nobody has, for tests of the lower rungs."""

from dataclasses import dataclass
from typing import Any

import httpx2
from sqlalchemy import text

from catalog.store import find_department
from hub.access.actors import Actor, Role
from hub.runtime import Hub
from tests.support import AMR, INTAKE, POLICE, PURPOSE, Place, open_case, pull, requirement

KIN = "KIN"
IDENTITY = "11990000MB0000003U001"
VERIFICATION = {
    "department": POLICE,
    "days": 3,
    "form": {"kin": "boolean", "since": {"kind": "date", "title": {"zh": "自何时", "en": "Since"}}},
    "reusable_days": 90,
}
COMMITMENT = {
    "template": "kin_v1",
    "due_days": 20,
    "legal_basis": "优化营商环境条例第四十条",
    "consequence": {"zh": "撤销许可，记入信用档案", "en": "the permit is taken back"},
}


@dataclass
class Ladder:
    """A hub with the matter, and its intake system."""

    place: Place
    hub: Hub
    client: httpx2.AsyncClient
    headers: dict[str, str]

    async def case(self, **changes: Any) -> str:
        return await open_case(self.client, self.headers, **({"matter": KIN} | changes))

    async def pulled(self, case_no: str, **body: Any) -> dict[str, Any]:
        answer = await pull(self.client, self.headers, case_no, **body)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def item(self, case_no: str, code: str = "kin", **body: Any) -> dict[str, Any]:
        answer = await self.pulled(case_no, **body)
        return next(item for item in answer["requirements"] if item["code"] == code)

    async def post(self, path: str, **options: Any) -> httpx2.Response:
        return await self.client.post(path, headers=self.headers, **options)

    async def rows(self, query: str, **given: Any) -> list[Any]:
        return await self.hub.database.read(lambda tx: list(tx.execute(text(query), given).all()))

    async def run(self, statement: str, **given: Any) -> None:
        await self.hub.database.write(lambda tx: tx.execute(text(statement), given))

    async def kinds(self, *like: str) -> list[str]:
        found = await self.rows("SELECT kind FROM ledger_entries ORDER BY id")
        return [row.kind for row in found if row.kind.startswith(like)]

    async def of_nobody(self, like: str) -> list[str]:
        """Those of such kinds that stand in nobody's list."""
        found = await self.rows("SELECT kind FROM ledger_entries WHERE subject_id IS NULL ORDER BY id")
        return [row.kind for row in found if row.kind.startswith(like)]

    async def officer(self, code: str, *roles: Role) -> Actor:
        department = await self.hub.database.read(lambda tx: find_department(tx, code))
        assert department is not None
        return Actor(
            "staff", f"officer-{code[-1]}", "officer", department.id, frozenset(roles or {Role.OWNER_ENGINEER})
        )


def kin(**changes: Any) -> dict[str, Any]:
    """What no department has: the company has no identity card, and the matter wants one."""
    need = {"type": IDENTITY, "fields": ["name"]}
    return requirement("kin", "亲属关系说明", "applicant", [[need]]) | {"none_clears": False} | changes


async def furnish(ladder: Ladder, *requirements: dict[str, Any], **more: Any) -> None:
    """Register the matter, with `more` of it, and the grant under which it is asked."""
    await ladder.hub.registry.add_matter(
        {
            "code_system": "test",
            "code": KIN,
            "name": {"zh": "亲属优惠", "en": "Benefit for kin"},
            "department": AMR,
            "roles": ["applicant", "spouse"],
            "requirements": list(requirements),
            **more,
        }
    )
    await ladder.hub.registry.add_grant(
        {
            "system": INTAKE,
            "type": "identity_card",
            "owner": POLICE,
            "fields": ["name"],
            "matters": [KIN],
            "purpose": PURPOSE,
            "legal_basis": "政务数据共享条例",
            "valid_until": "2035-01-01T00:00:00+08:00",
        }
    )
