"""Asking and answering over HTTP: a system for itself, staff with a token of theirs."""

from datetime import timedelta
from typing import Any

import httpx2
import pytest

from hub.access.actors import Role
from hub.runtime import Hub
from tests.access.people import add
from tests.registry.asking import POLICE, filing, interface, publish
from tests.support import AMR, INTAKE, MATTER, NARROW, Place


@pytest.fixture
async def headers(place: Place, hub: Hub, client: httpx2.AsyncClient) -> dict[str, str]:
    await publish(hub, interface("residence_by_id"))
    return await place.headers(client)


def asked(hub: Hub, **changes: Any) -> dict[str, Any]:
    return filing(hub.clock, matters=[MATTER], system=..., **changes)


async def token(hub: Hub, name: str, department: str | None, *roles: Role) -> dict[str, str]:
    person = await add(hub, name, *roles, department=department)
    secret = await hub.sessions.make_token(person.actor(), label="test", life=timedelta(hours=1))
    return {"Authorization": f"Bearer {secret}"}


async def post(client: httpx2.AsyncClient, path: str, headers: dict[str, str], body: Any = None) -> httpx2.Response:
    return await client.post(f"/api/v1{path}", json=body or {}, headers=headers)


async def test_a_system_asks_for_itself_and_sees_its_own(
    place: Place, hub: Hub, client: httpx2.AsyncClient, headers: dict[str, str]
) -> None:
    made = await post(client, "/grant-requests", headers, asked(hub))
    assert made.status_code == 201, made.text
    found = made.json()
    assert (found["state"], found["system"], found["waits_for"]) == ("submitted", INTAKE, "owner")
    assert made.headers["location"] == f"/api/v1/grant-requests/{found['id']}"
    assert found["asked_by"] == {"kind": "system", "id": INTAKE}
    mine = (await client.get("/api/v1/grant-requests", headers=headers)).json()["grant_requests"]
    assert [item["id"] for item in mine] == [found["id"]]
    narrow = await place.headers(client, NARROW)  # of the same department, and yet another system
    assert (await client.get("/api/v1/grant-requests", headers=narrow)).json() == {"grant_requests": []}
    assert (await client.get(f"/api/v1/grant-requests/{found['id']}", headers=narrow)).status_code == 404
    for step in ("withdraw", "dispute", "supply"):
        refused = await post(
            client, f"/grant-requests/{found['id']}/{step}", narrow, {"reason": "x"} if step != "supply" else {}
        )
        assert refused.status_code == 404, step
    assert (await post(client, "/grant-requests", headers, asked(hub) | {"system": NARROW})).status_code == 404


async def test_every_fault_is_in_the_problem(hub: Hub, client: httpx2.AsyncClient, headers: dict[str, str]) -> None:
    wrong = asked(hub, fields=["remarks"], legal_basis=..., quota_per_day=...)
    answer = await post(client, "/grant-requests", headers, wrong)
    assert answer.status_code == 422
    assert answer.json()["type"].endswith("/problems/grant-request-incomplete")
    assert [(item["pointer"], item["rule"]) for item in answer.json()["errors"]] == [
        ("/fields/0", "field_not_shared"),
        ("/legal_basis", "legal_basis_missing"),
        ("/quota_per_day", "quota_missing"),
    ]
    assert answer.json()["errors"][0]["params"]["reason"] == "涉及治安管理"
    checked = await post(client, "/grant-requests/check", headers, wrong)
    assert (checked.status_code, checked.json()["errors"]) == (200, answer.json()["errors"])


async def test_the_same_key_files_once(hub: Hub, client: httpx2.AsyncClient, headers: dict[str, str]) -> None:
    body = asked(hub)
    keyed = headers | {"Idempotency-Key": "k1"}
    first = await post(client, "/grant-requests", keyed, body)
    again = await post(client, "/grant-requests", keyed, body)
    assert (again.status_code, again.json()["id"]) == (201, first.json()["id"])
    other = await post(client, "/grant-requests", keyed, body | {"purpose": "核验申请人婚姻情况"})
    assert other.status_code == 409


async def test_nobody_without_a_token(client: httpx2.AsyncClient, headers: dict[str, str]) -> None:
    for path in ("/grant-requests", "/grants", "/notices"):
        assert (await client.get(f"/api/v1{path}")).status_code == 401
        bad = await client.get(f"/api/v1{path}", headers={"Authorization": "Bearer yzs_nothing"})
        assert bad.status_code == 401


async def test_the_owner_decides_with_a_token_and_the_system_holds_the_grant(
    hub: Hub, client: httpx2.AsyncClient, headers: dict[str, str]
) -> None:
    owner = await token(hub, "police.approver", POLICE, Role.OWNER_APPROVER)
    stranger = await token(hub, "amr.approver", AMR, Role.OWNER_APPROVER)
    request_id = (await post(client, "/grant-requests", headers, asked(hub))).json()["id"]
    assert (await post(client, f"/grant-requests/{request_id}/approve", headers)).status_code in {403, 404}
    assert (await post(client, f"/grant-requests/{request_id}/approve", stranger)).status_code == 404
    queue = (await client.get("/api/v1/grant-requests?to_decide=true", headers=owner)).json()["grant_requests"]
    assert [item["id"] for item in queue] == [request_id]
    silent = await post(client, f"/grant-requests/{request_id}/approve", owner, {"fields": ["name"]})
    assert silent.json()["errors"][0]["pointer"] == "/reasons/fields/address"
    narrowed = {"fields": ["name"], "reasons": {"fields/address": "不必要"}}
    done = await post(client, f"/grant-requests/{request_id}/approve", owner, narrowed)
    assert (done.status_code, done.json()["state"]) == (200, "granted")
    again = await post(client, f"/grant-requests/{request_id}/refuse", owner, {"reason": "x", "legal_basis": "y"})
    assert (again.status_code, again.json()["state"]) == (409, "granted")
    held = (await client.get("/api/v1/grants", headers=headers)).json()["grants"]
    mine = next(item for item in held if item["id"] == done.json()["grant_id"])
    assert (mine["fields"], mine["in_force"]) == (["name"], True)
    path = f"/grants/{mine['id']}"
    assert (await post(client, f"{path}/suspend", headers, {"reason": "x"})).status_code in {403, 404}
    suspended = await post(client, f"{path}/suspend", owner, {"reason": "核查"})
    assert suspended.json()["state"] == "suspended"
    assert (await post(client, f"{path}/explode", owner, {"reason": "x"})).status_code == 400
    notices = (await client.get("/api/v1/notices?unseen=true", headers=owner)).json()["notices"]
    assert [item["code"] for item in notices] == ["request.file"]
    assert (await post(client, f"/notices/{notices[0]['id']}/seen", owner)).status_code == 204
    assert (await client.get("/api/v1/notices?unseen=true", headers=owner)).json() == {"notices": []}


async def test_two_operators_over_http(hub: Hub, client: httpx2.AsyncClient) -> None:
    first, second = [await token(hub, name, None, Role.OPERATOR) for name in ("op.one", "op.two")]
    year = {"year": 2050, "source": "通知", "holidays": ["2050-01-01"]}
    body = {"action": "clock.calendar", "payload": year, "reason": "已公布"}
    made = await post(client, "/proposals", first, body)
    assert (made.status_code, made.json()["state"]) == (201, "open")
    path = f"/proposals/{made.json()['id']}"
    alone = await post(client, f"{path}/confirm", first)
    assert (alone.status_code, alone.json()["type"].rsplit("/", 1)[1]) == (403, "second-person-needed")
    assert (await post(client, f"{path}/confirm", second)).json()["result"]["year"] == 2050
    late = await post(client, f"{path}/reject", second, {"reason": "x"})
    assert (late.status_code, late.json()["state"]) == (409, "executed")
    assert len((await client.get("/api/v1/proposals", headers=first)).json()["proposals"]) == 1
    assert (await client.get("/api/v1/proposals")).status_code == 401


@pytest.mark.embedded
async def test_the_paths_are_in_the_openapi_document(client: httpx2.AsyncClient) -> None:
    paths = (await client.get("/openapi.json")).json()["paths"]
    assert "requestBody" in paths["/api/v1/grant-requests"]["post"]
    assert {"/api/v1/grants", "/api/v1/notices", "/api/v1/grant-requests/{request_id}/{step}"} <= paths.keys()
