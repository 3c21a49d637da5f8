"""Accounts through the API, the pages and the command: who may see and change what."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from sqlalchemy import text

from hub.access.actors import COMMAND, Role
from hub.access.errors import ForbiddenError, SecondOperatorError
from hub.access.staff_store import Staff
from hub.registry.requests.errors import SamePersonError
from hub.runtime import Hub
from hub.storage.errors import ConflictError, MissingError
from tests.access.people import add, add_operator, errors_of, visitor
from tests.hub.command import yizheng
from tests.serving import problem
from tests.support import AMR, POLICE, Place

NEW: dict[str, Any] = {
    "user_name": "wang.wu",
    "display_name": "示例王五",
    "department": AMR,
    "roles": ["owner_engineer"],
}


async def bearer(hub: Hub, staff: Staff) -> dict[str, str]:
    token = await hub.sessions.make_token(staff.actor(), label="test", life=timedelta(hours=1))
    return {"Authorization": f"Bearer {token}"}


ROUTES = [
    ("GET", "/api/v1/staff", 200),
    ("GET", "/api/v1/staff/me", 200),
    ("GET", "/api/v1/staff/{id}", 200),
    ("POST", "/api/v1/staff", 201),
    ("POST", "/api/v1/staff/{id}/roles", 200),
    ("POST", "/api/v1/staff/{id}/invite", 200),
    ("POST", "/api/v1/staff/{id}/disable", 200),
    ("POST", "/api/v1/staff/{id}/enable", 200),
]


@pytest.mark.parametrize(("method", "path", "status"), ROUTES)
@pytest.mark.sampled
async def test_who_may_call_what(
    hub: Hub, client: httpx2.AsyncClient, place: Place, method: str, path: str, status: int
) -> None:
    operator, engineer = await add_operator(hub), await add(hub, "li.si", Role.OWNER_ENGINEER)
    stranger = await add(hub, "zhao.liu", Role.CONSUMER_ENGINEER, department=POLICE)
    invited = await hub.staff.add(COMMAND, NEW | {"user_name": "never.in"})
    url = path.format(id=invited.id if "invite" in path else engineer.id)
    body = {"json": {"roles": ["consumer_engineer"]} if "roles" in path else NEW} if method == "POST" else {}

    async def called(headers: dict[str, str]) -> httpx2.Response:
        return await client.request(method, url, headers=headers, **body)

    problem(await called({}), status=401, slug="sign-in-needed")
    problem(await called({"Authorization": "Bearer yzs_" + "x" * 43}), status=401, slug="sign-in-needed")
    system = await place.headers(client)
    problem(await called(system), status=401, slug="sign-in-needed")
    if method == "POST":
        problem(await called(await bearer(hub, engineer)), status=403, slug="forbidden")
    elif "{id}" in path:
        assert (await called(await bearer(hub, engineer))).status_code == 200
        problem(await called(await bearer(hub, stranger)), status=404, slug="not-found")
    answer = await called(await bearer(hub, operator))
    assert answer.status_code == status, answer.text
    assert "password" not in answer.text


async def test_everybody_sees_his_own_department(hub: Hub, client: httpx2.AsyncClient) -> None:
    operator, engineer = await add_operator(hub), await add(hub, "li.si", Role.OWNER_ENGINEER)
    await add(hub, "zhao.liu", Role.CONSUMER_ENGINEER, department=POLICE)
    auditor = await add(hub, "auditor", Role.AUDITOR, department=None)

    async def names(staff: Staff) -> list[str]:
        answer = await client.get("/api/v1/staff", headers=await bearer(hub, staff))
        return [item["user_name"] for item in answer.json()["staff"]]

    assert await names(engineer) == ["li.si"]
    everybody = ["auditor", "li.si", "operator", "zhao.liu"]
    assert await names(operator) == everybody
    assert await names(auditor) == everybody
    with pytest.raises(ForbiddenError):
        await hub.staff.disable(auditor.actor(), engineer.id)


FAULTY = {
    "user name": ({"user_name": "王五王五"}, "invalid-definition"),
    "taken": ({"user_name": "LI.SI"}, "conflict"),
    "unknown role": ({"roles": ["king"]}, "invalid-definition"),
    "unknown department": ({"department": "11990000MB9999999X"}, "invalid-definition"),
    "an engineer of nowhere": ({"department": None}, "invalid-definition"),
    "a name of control characters": ({"display_name": "a\u0007b"}, "bad-request"),
    "a password": ({"password": "chosen by the operator"}, "invalid-request"),
}


@pytest.mark.parametrize("how", FAULTY)
@pytest.mark.sampled
async def test_a_faulty_account_is_not_made(hub: Hub, client: httpx2.AsyncClient, how: str) -> None:
    operator = await add_operator(hub)
    await add(hub, "li.si", Role.OWNER_ENGINEER)
    changes, slug = FAULTY[how]
    answer = await client.post("/api/v1/staff", json=NEW | changes, headers=await bearer(hub, operator))
    problem(answer, slug=slug)
    assert len(await hub.staff.seen_by(COMMAND)) == 2


async def test_the_last_operator_stays(hub: Hub) -> None:
    from catalog.errors import DefinitionError

    operator = await add_operator(hub)
    with pytest.raises(DefinitionError, match="last operator"):
        await hub.staff.disable(operator.actor(), operator.id)
    with pytest.raises(DefinitionError, match="last operator"):
        await hub.staff.change_roles(operator.actor(), operator.id, [Role.AUDITOR])
    second = await add_operator(hub, "second")
    await hub.staff.disable(second.actor(), operator.id)


@pytest.mark.both
async def test_two_operators_who_disable_each_other_at_one_moment_do_not_both_succeed(hub: Hub) -> None:
    from catalog.errors import DefinitionError

    first, second = await add_operator(hub), await add_operator(hub, "second")

    async def disable(actor: Staff, other: Staff) -> bool:
        try:
            await hub.staff.disable(actor.actor(), other.id)
        except (DefinitionError, ConflictError):
            return False
        return True

    for _ in range(5):
        assert sorted(await asyncio.gather(disable(first, second), disable(second, first))) == [False, True]
        (gone,) = [each for each in await hub.staff.seen_by(COMMAND) if not each.active]
        await hub.staff.enable(COMMAND, gone.id)


async def test_an_operator_is_made_by_two(hub: Hub) -> None:
    operator, engineer = await add_operator(hub), await add(hub, "li.si", Role.OWNER_ENGINEER)
    with pytest.raises(SecondOperatorError):
        await hub.staff.change_roles(operator.actor(), engineer.id, [Role.OPERATOR])
    with pytest.raises(SecondOperatorError):
        await hub.staff.add(operator.actor(), NEW | {"roles": [Role.OPERATOR]})
    proposals = hub.sharing.proposals
    proposed = await proposals.propose(operator.actor(), "staff.operator", {"staff": engineer.id}, "轮值")
    with pytest.raises(SamePersonError):
        await proposals.confirm(operator.actor(), proposed.id)
    assert (await hub.staff.get(COMMAND, engineer.id)).roles == {Role.OWNER_ENGINEER}
    second = await add_operator(hub, "second")
    await proposals.confirm(second.actor(), proposed.id)
    assert (await hub.staff.get(COMMAND, engineer.id)).roles == {Role.OWNER_ENGINEER, Role.OPERATOR}


async def test_an_operator_makes_an_account_on_the_pages(place: Place, hub: Hub) -> None:
    await add_operator(hub)
    async with visitor(place, hub) as someone, visitor(place, hub) as owner:
        await someone.sign_in("operator")
        faulty = await someone.post("/console/staff/new", {"user_name": "x y"})
        assert errors_of(faulty) == [
            "请输入姓名",
            "请至少选择一个角色；不属于部门的账号只能是运行人员或审计人员",
        ]
        assert 'value="x y"' in faulty.text
        made = await someone.post("/console/staff/new", NEW)
        link = made.text.partition('id="link">')[2].partition("<")[0]
        path = link[link.index("/console/link") :]
        given = {"password": "five quite invented words here", "again": "five quite invented words here"}
        assert (await owner.post(path, given)).status_code == 303
        assert (await owner.get("/console/staff/new")).status_code == 403
        staff = await hub.staff.named(COMMAND, "wang.wu")
        assert (await owner.get(f"/console/staff/{staff.id}")).status_code == 200
        operator = await hub.staff.named(COMMAND, "operator")
        assert (await owner.get(f"/console/staff/{operator.id}")).status_code == 404
        answer = await someone.post(f"/console/staff/{staff.id}/state", {"active": "0"})
        assert answer.headers["location"] == f"/console/staff/{staff.id}"
        assert not await owner.is_in()
        refused = await someone.post(f"/console/staff/{staff.id}/invite", {"why": "轮岗"})
        assert errors_of(refused) == ["账号已停用，请先启用"]
        refused = await someone.post(f"/console/staff/{operator.id}/state", {"active": "0"})
        assert errors_of(refused) == ["至少要保留一名可用的平台运行人员"]


async def test_a_stranger_does_not_learn_that_an_account_exists(hub: Hub) -> None:
    engineer = await add(hub, "li.si", Role.OWNER_ENGINEER)
    stranger = await add(hub, "zhao.liu", Role.CONSUMER_ENGINEER, department=POLICE)
    with pytest.raises(MissingError):
        await hub.staff.get(stranger.actor(), engineer.id)
    with pytest.raises(MissingError):
        await hub.staff.named(stranger.actor(), "li.si")


async def test_the_command_makes_changes_and_lists_accounts(place: Place) -> None:
    async def run(*arguments: str, code: int = 0) -> str:
        done = await yizheng(place, "staff", *arguments)
        assert done.code == code, done.err
        return done.err if code else done.out

    assert "/console/link?t=" in await run("invite")
    made = json.loads(
        await run("add", "wang.wu", "--name", "示例王五", "--role", "owner_engineer", "--department", AMR, "--json")
    )
    assert "/console/link?t=" in made["link"]
    assert "there are accounts already" in await run("invite", code=64)
    assert "there is no account nobody" in await run("invite", "nobody", code=64)
    assert "roles: one of" in await run("roles", "wang.wu", "--role", "king", code=65)
    assert "owner_approver" in await run("roles", "wang.wu", "--role", "owner_approver")
    assert (await run("token", "wang.wu", "--label", "test")).startswith("yzs_")
    assert "disabled" in await run("disable", "wang.wu")
    (listed,) = json.loads(await run("list", "--json"))["staff"]
    assert (listed["user_name"], listed["active"], listed["roles"]) == ("wang.wu", False, ["owner_approver"])
    assert "示例王五" not in await run("list")
    assert "active" in await run("enable", "wang.wu")
    async with place.open() as hub:
        await hub.database.write(lambda tx: tx.execute(text("UPDATE staff SET active = false, user_name = 'wang.liu'")))
    assert json.loads(await run("list", "--json")) == {"staff": [], "not_believed": ["wang.liu"]}
    assert "wang.liu" in await run("list")
    again = ["add", "wang.liu", "--name", "示例王六", "--role", "clerk", "--department", AMR]
    assert "/console/link?t=" in await run(*again)
    assert "wang.liu                 active    " in await run("list")
