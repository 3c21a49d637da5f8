"""Demands over HTTP: systems and staff leave them, staff of the owner and operators answer them.

Over one database: the steps themselves are tested over both in `test_demands`.
"""

from typing import Any

import httpx2
import pytest

from hub.access.actors import Role
from hub.runtime import Hub
from tests.registry.published import put
from tests.registry.test_demands import WANTED
from tests.registry.test_requests_api import post, token
from tests.support import AMR, NARROW, POLICE, Place

pytestmark = pytest.mark.parametrize("template", ["sqlite"], indirect=True)


async def test_a_system_leaves_a_demand_once(place: Place, hub: Hub, client: httpx2.AsyncClient) -> None:
    headers = await place.headers(client) | {"Idempotency-Key": "d-1"}
    first = await client.post("/api/v1/demands", json=WANTED, headers=headers)
    assert first.status_code == 201, first.text
    again = await client.post("/api/v1/demands", json=WANTED, headers=headers)
    assert again.json()["id"] == first.json()["id"]
    other = await client.post("/api/v1/demands", json=WANTED | {"what": "别的"}, headers=headers)
    assert other.status_code == 409
    told = (await client.get(first.headers["location"], headers=headers)).json()
    assert (told["state"], told["owner"], told["steps"][0]["step"]) == ("assigned", POLICE, "file")
    assert "0990" not in (await client.get("/metrics", headers=headers)).text
    listed = (await client.get("/api/v1/demands?limit=1", headers=headers)).json()
    assert [item["id"] for item in listed["demands"]] == [told["id"]]
    assert listed["next"] is None
    withdrawn = await client.post(f"{first.headers['location']}/withdraw", headers=headers)
    assert withdrawn.json()["state"] == "withdrawn"
    assert (await client.post(f"{first.headers['location']}/withdraw", headers=headers)).status_code == 409


async def test_faults_of_a_demand_are_a_problem(place: Place, client: httpx2.AsyncClient) -> None:
    headers = await place.headers(client, NARROW)
    answer = await client.post("/api/v1/demands", json={"what": "户籍"}, headers=headers)
    assert answer.status_code == 422
    assert {item["rule"] for item in answer.json()["errors"]} == {"legal_basis_missing", "contact_missing"}
    assert (await client.post("/api/v1/demands", json=WANTED)).status_code == 401


async def test_staff_ask_and_the_owners_approver_answers(hub: Hub, client: httpx2.AsyncClient) -> None:
    asker = await token(hub, "asker", AMR, Role.CONSUMER_ENGINEER)
    owner = await token(hub, "owner", POLICE, Role.OWNER_APPROVER)
    filed = await post(client, "/demands", asker, WANTED)
    assert filed.status_code == 201, filed.text
    path = f"/demands/{filed.json()['id']}"
    queue = (await client.get("/api/v1/demands?queue=true", headers=owner)).json()["demands"]
    assert [item["id"] for item in queue] == [filed.json()["id"]]
    assert (await client.get("/api/v1/demands", headers=owner)).json()["demands"] == []
    wrong = await post(client, f"{path}/publish", owner, {"kind": "interface", "code": "food_permits"})
    assert (wrong.status_code, wrong.json()["type"].rpartition("/")[2]) == (422, "invalid-definition")
    await put(hub)
    done = await post(client, f"{path}/publish", owner, {"kind": "interface", "code": "food_permits"})
    assert (done.json()["state"], done.json()["answer"]["code"]) == ("published", "food_permits")
    late = await post(client, f"{path}/refuse", owner, {"reason": "太晚了"})
    assert (late.status_code, late.json()["state"]) == (409, "published")
    seen = (await client.get(f"/api/v1{path}", headers=asker)).json()
    assert [item["step"] for item in seen["steps"]] == ["file", "publish"]


@pytest.mark.parametrize(
    ("step", "body", "state", "owner"),
    [
        ("refuse", {"reason": "不掌握"}, "refused", POLICE),
        ("forward", {"reason": "属市场监管职责", "to": AMR}, "assigned", AMR),
    ],
)
async def test_no_and_not_ours_take_a_reason(
    hub: Hub, client: httpx2.AsyncClient, step: str, body: dict[str, Any], state: str, owner: str
) -> None:
    asker = await token(hub, "asker", AMR, Role.CONSUMER_ENGINEER)
    approver = await token(hub, "owner", POLICE, Role.OWNER_APPROVER)
    path = f"/demands/{(await post(client, '/demands', asker, WANTED)).json()['id']}"
    assert (await post(client, f"{path}/{step}", approver, body | {"reason": " "})).status_code == 422
    done = (await post(client, f"{path}/{step}", approver, body)).json()
    assert (done["state"], done["owner"]) == (state, owner)


async def test_who_may_answer_a_demand_over_http(place: Place, hub: Hub, client: httpx2.AsyncClient) -> None:
    system = await place.headers(client)
    demand = (await post(client, "/demands", system, WANTED | {"what": "卫星云图", "fields": []})).json()
    path, reason = f"/demands/{demand['id']}", {"reason": "不掌握"}
    assert demand["state"] == "unassigned"
    assert (await post(client, f"{path}/refuse", system, reason)).status_code == 401
    assert (await client.get("/api/v1/demands?queue=true", headers=system)).status_code == 400
    approver = await token(hub, "owner", POLICE, Role.OWNER_APPROVER)
    assert (await post(client, f"{path}/assign", approver, reason | {"to": POLICE})).status_code == 403
    operator = await token(hub, "operator", None, Role.OPERATOR)
    assert (await post(client, f"{path}/assign", operator, reason | {"to": "nobody"})).status_code == 422
    assigned = await post(client, f"{path}/assign", operator, reason | {"to": POLICE})
    assert (assigned.status_code, assigned.json()["owner"]) == (200, POLICE)
    engineer = await token(hub, "engineer", POLICE, Role.OWNER_ENGINEER)
    assert (await post(client, f"{path}/refuse", engineer, reason)).status_code == 403
    stranger = await token(hub, "stranger", AMR, Role.OWNER_APPROVER)
    assert (await post(client, f"{path}/refuse", stranger, reason)).status_code == 404
    assert (await post(client, f"{path}/burn", approver, reason)).status_code == 400
    assert (await post(client, f"{path}/refuse", approver, reason)).json()["state"] == "refused"
