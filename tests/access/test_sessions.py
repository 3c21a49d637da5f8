"""Sessions: how they end, what a form must bring, where one may be sent back to, two places at once."""

import re
from datetime import timedelta

import pytest
import structlog
from fastapi.routing import APIRoute

from hub.access.actors import COMMAND, Role
from hub.access.errors import SignInNeededError
from hub.access.staff_notices import list_notices
from hub.access.staff_sign_in import Peer
from hub.runtime import Hub
from hub.web.console.router import MODULES
from tests.access.conftest import MovedClock
from tests.access.people import HERE, OTHER, PASSWORD, add, add_operator, errors_of, visitor
from tests.support import PUBLIC_URL, Place


async def test_a_session_ends_after_thirty_idle_minutes(place: Place, hub: Hub, clock: MovedClock) -> None:
    await add(hub, "li.si", Role.OWNER_ENGINEER)
    async with visitor(place, hub) as someone:
        await someone.sign_in("li.si")
        for _ in range(3):
            clock.passed += timedelta(minutes=29)
            assert await someone.is_in()
        clock.passed += timedelta(minutes=31)
        assert not await someone.is_in()


async def test_a_busy_session_ends_after_ten_hours(place: Place, hub: Hub, clock: MovedClock) -> None:
    await add(hub, "li.si", Role.OWNER_ENGINEER)
    async with visitor(place, hub) as someone:
        await someone.sign_in("li.si")
        for _ in range(23):
            clock.passed += timedelta(minutes=26)
            assert await someone.is_in()
        clock.passed += timedelta(minutes=3)
        assert not await someone.is_in()


async def test_signing_in_gives_a_new_id_and_ends_the_one_that_was_brought(place: Place, hub: Hub) -> None:
    await add(hub, "li.si", Role.OWNER_ENGINEER)
    async with visitor(place, hub) as someone, visitor(place, hub) as other:
        someone.client.cookies.set("yz_session", "planted-by-somebody-else-0123456789", domain="127.0.0.1")
        await someone.sign_in("li.si")
        first = someone.session
        assert first != "planted-by-somebody-else-0123456789"
        await someone.sign_in("li.si")
        assert someone.session != first
        other.client.cookies.set("yz_session", first)
        assert not await other.is_in()


async def test_signing_out_ends_the_session_in_the_database(place: Place, hub: Hub) -> None:
    await add(hub, "li.si", Role.OWNER_ENGINEER)
    async with visitor(place, hub) as someone, visitor(place, hub) as thief:
        await someone.sign_in("li.si")
        thief.client.cookies.set("yz_session", someone.session)
        assert await thief.is_in()
        answer = await someone.post("/console/sign-out")
        assert answer.headers["location"] == "/console/sign-in"
        assert someone.session == ""
        assert not await thief.is_in()
        assert "您已退出" in (await someone.get("/console/sign-in")).text
        assert "您已退出" not in (await someone.get("/console/sign-in")).text


@pytest.mark.parametrize("change", ["roles", "disable", "password"])
async def test_a_changed_account_signs_in_anew(place: Place, hub: Hub, change: str) -> None:
    staff = await add(hub, "li.si", Role.OWNER_ENGINEER)
    token = await hub.sessions.make_token(staff.actor(), label="test", life=timedelta(days=1))
    async with visitor(place, hub) as someone, visitor(place, hub) as other:
        await someone.sign_in("li.si")
        await other.sign_in("li.si")
        if change == "roles":
            await hub.staff.change_roles(COMMAND, staff.id, [Role.OWNER_APPROVER])
        elif change == "disable":
            await hub.staff.disable(COMMAND, staff.id)
        else:
            given = {"old": PASSWORD, "password": OTHER, "again": OTHER}
            answer = await someone.post("/console/account/password", given)
            assert answer.headers["location"] == "/console/account"
        assert await someone.is_in() == (change == "password")
        assert not await other.is_in()
    with pytest.raises(SignInNeededError):
        await hub.sessions.find(token, "token")


async def test_changing_the_password_asks_for_the_old_one_and_names_what_is_wrong(place: Place, hub: Hub) -> None:
    await add(hub, "li.si", Role.OWNER_ENGINEER)
    async with visitor(place, hub) as someone:
        await someone.sign_in("li.si")
        path = "/console/account/password"
        assert errors_of(await someone.post(path)) == ["请输入现在的密码", "请输入新密码"]
        wrong = await someone.post(path, {"old": OTHER, "password": OTHER, "again": OTHER})
        assert errors_of(wrong) == ["现在的密码不正确"]
        short = await someone.post(path, {"old": PASSWORD, "password": "li.si-s3", "again": "li.si-s3"})
        assert errors_of(short) == ["密码至少 12 个字符", "密码不能包含用户名"]
        assert "li.si-s3" not in short.text


FORGED = {
    "no token": ({"csrf": ""}, {}),
    "another session's token": ({"csrf": "x" * 43}, {}),
    "no origin": ({}, {"Origin": ""}),
    "null origin": ({}, {"Origin": "null"}),
    "no address": ({}, {"Origin": "http://["}),
    "another origin": ({}, {"Origin": "https://evil.example"}),
    "our host as a user name": ({}, {"Origin": "http://127.0.0.1:8700@evil.example"}),
    "another port": ({}, {"Origin": "http://127.0.0.1:8701"}),
    "a foreign page by the browser's word": ({}, {"Sec-Fetch-Site": "cross-site"}),
    "a sibling host": ({}, {"Sec-Fetch-Site": "same-site"}),
}


@pytest.mark.embedded
@pytest.mark.parametrize("how", FORGED)
async def test_a_forged_form_changes_nothing(place: Place, hub: Hub, how: str) -> None:
    await add_operator(hub)
    fields, headers = FORGED[how]
    async with visitor(place, hub) as someone:
        await someone.sign_in("operator")
        given = {"user_name": "made.up", "display_name": "示例", "roles": "auditor", **fields}
        answer = await someone.post("/console/staff/new", given, **headers)
        assert answer.status_code == 403
        assert "没有保存" in answer.text
        assert [item.user_name for item in await hub.staff.seen_by(COMMAND)] == ["operator"]
        if not fields:
            assert (await someone.sign_in("operator")).status_code == 303
            signing_in = await someone.post(
                "/console/sign-in", {"user_name": "operator", "password": PASSWORD}, **headers
            )
            assert signing_in.status_code == 403


async def test_every_post_of_the_console_refuses_a_form_without_its_token(place: Place, hub: Hub) -> None:
    """Also those that other page groups add: whoever forgets `form(request)` is found here."""
    staff = await add_operator(hub)
    before_sign_in = {"/console/sign-in", "/console/link"}
    posts = [
        route.path
        for module in MODULES
        for route in module.router.routes
        if isinstance(route, APIRoute) and "POST" in (route.methods or ()) and route.path not in before_sign_in
    ]
    assert len(posts) >= 8
    async with visitor(place, hub) as someone:
        await someone.sign_in("operator")
        for path in posts:
            concrete = re.sub(r"\{[^}]+\}", staff.id, path)
            answer = await someone.post(concrete, {"csrf": "wrong"})
            assert answer.status_code == 403, path
            assert await someone.is_in()


BACK = {
    "/console/staff": "/console/staff",
    "/console/staff?role=operator&q=%E5%BC%A0": "/console/staff?role=operator&q=%E5%BC%A0",
    "": "/console",
    "https://evil.example/": "/console",
    "//evil.example/console": "/console",
    "/\\evil.example": "/console",
    "/console/../../evil": "/console",
    "/console//evil.example": "/console",
    "/console\r\nSet-Cookie: a=b": "/console",
    "/consolex": "/console",
    "/console@evil.example": "/console",
    "/console/sign-out": "/console",
    "javascript:alert(1)": "/console",
    "/console/" + "a" * 600: "/console",
}


@pytest.mark.embedded
@pytest.mark.parametrize("back", BACK)
async def test_one_is_sent_back_only_to_a_page_of_the_console(place: Place, hub: Hub, back: str) -> None:
    await add(hub, "li.si", Role.OWNER_ENGINEER)
    async with visitor(place, hub) as someone:
        assert (await someone.sign_in("li.si", back=back)).headers["location"] == BACK[back]
        if len(back) <= 500:
            shown = await someone.client.get("/console/sign-in", params={"back": back})
            assert shown.headers["location"] == BACK[back]
            turned = await someone.client.get("/console/view", params={"back": back, "lang": "en"})
            assert turned.headers["location"] == BACK[back]


@pytest.mark.both
async def test_two_places_at_once_are_told_to_the_person_and_to_the_operators(place: Place, hub: Hub) -> None:
    staff, operator = await add(hub, "li.si", Role.OWNER_ENGINEER), await add_operator(hub)
    with structlog.testing.capture_logs() as logs:
        await hub.staff_sign_in.sign_in("li.si", PASSWORD, HERE)
        await hub.staff_sign_in.sign_in("li.si", PASSWORD, HERE)  # another browser of the same place is nothing
        assert not [entry for entry in logs if entry.get("alarm")]
        await hub.staff_sign_in.sign_in("li.si", PASSWORD, Peer("192.0.2.7", "elsewhere"))
    (alarm,) = [entry for entry in logs if entry.get("alarm")]
    assert (alarm["event"], alarm["staff"]) == ("staff_two_places", staff.id)
    assert "192.0.2.7" not in str(logs)
    for actor, text in ((staff.actor(), "账号同时"), (operator.actor(), "账号 li.si 同时")):
        (notice,) = await hub.database.read(lambda tx, actor=actor: list_notices(tx, actor))
        assert notice.kind == "staff.two_places"
        assert notice.text_zh.startswith(text)
    async with visitor(place, hub) as someone:
        await someone.sign_in("li.si")
        assert "<b>2</b>" in (await someone.get("/console")).text  # he signs in from the first place again
        assert "未读" in (await someone.get("/console/notices")).text
        await someone.post("/console/notices")
        assert "未读" not in (await someone.get("/console/notices")).text


async def test_one_ends_ones_own_sessions_and_nobody_elses(place: Place, hub: Hub) -> None:
    await add(hub, "li.si", Role.OWNER_ENGINEER)
    staff = await add(hub, "wang.wu", Role.OWNER_ENGINEER)
    async with visitor(place, hub) as someone:
        await someone.sign_in("li.si")
        made = await someone.post("/console/account/tokens", {"label": "夜间脚本", "life": "30"})
        token = made.text.partition('id="token">')[2].partition("<")[0]
        assert token.startswith("yzs_")
        assert token not in (await someone.get("/console/account")).text
        assert (await hub.sessions.find(token, "token")).staff.user_name == "li.si"
        with pytest.raises(SignInNeededError):
            await hub.sessions.find(token, "browser")
        with pytest.raises(SignInNeededError):
            await hub.sessions.find(someone.session, "token")
        (theirs,) = await hub.sessions.held_by(staff.id)
        mine = next(
            item
            for item in await hub.sessions.held_by((await hub.staff.named(COMMAND, "li.si")).id)
            if item.kind == "token"
        )
        await someone.post(f"/console/account/sessions/{theirs.id}/end")
        assert len(await hub.sessions.held_by(staff.id)) == 1
        await someone.post(f"/console/account/sessions/{mine.id}/end")
        with pytest.raises(SignInNeededError):
            await hub.sessions.find(token, "token")


async def test_a_cookie_is_no_bearer_token_and_pages_take_no_bearer(place: Place, hub: Hub) -> None:
    staff = await add_operator(hub)
    token = await hub.sessions.make_token(staff.actor(), label="test", life=timedelta(hours=1))
    async with visitor(place, hub) as someone:
        await someone.sign_in("operator")
        assert (await someone.get("/api/v1/staff/me")).status_code == 401
    async with visitor(place, hub) as someone:
        bearer = {"Authorization": f"Bearer {token}"}
        assert (await someone.client.get("/console", headers=bearer)).status_code == 303
        answer = await someone.client.get("/api/v1/staff/me", headers=bearer)
        assert answer.json()["user_name"] == "operator"
        assert answer.request.url.host in PUBLIC_URL
