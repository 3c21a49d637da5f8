"""Signing in with a password: the right one, wrong ones, many wrong ones, and links."""

import asyncio
from datetime import timedelta

import pytest
import structlog
from sqlalchemy import select

from catalog.tables import table
from hub.access.actors import COMMAND, Role
from hub.access.errors import LockedOutError, SignInRefusedError
from hub.access.staff_sign_in import Peer
from hub.access.staff_throttle import Throttle
from hub.access.tables import SignInAttemptsRow, StaffLinkRow, StaffRow, StaffSessionRow
from hub.clock import utc_now
from hub.ledger.entries import open_detail
from hub.ledger.tables import LedgerEntryRow
from hub.runtime import Hub
from hub.storage.database import Unit
from tests.access.conftest import MovedClock
from tests.access.people import HERE, OTHER, PASSWORD, add, add_operator, errors_of, secret_of, visitor
from tests.support import Place

WRONG = "用户名或密码不正确"


async def test_the_right_password_opens_the_console_and_goes_where_one_wanted(place: Place, hub: Hub) -> None:
    await add(hub, "li.si", Role.OWNER_ENGINEER)
    async with visitor(place, hub) as someone:
        sent = await someone.get("/console/staff")
        assert sent.status_code == 303
        assert sent.headers["location"] == "/console/sign-in?back=%2Fconsole%2Fstaff"
        answer = await someone.sign_in(" Li.Si ", back="/console/staff")
        assert (answer.status_code, answer.headers["location"]) == (303, "/console/staff")
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        page = await someone.get("/console/staff")
        assert page.status_code == 200
        assert "示例人员" in page.text
        assert page.headers["referrer-policy"] == "same-origin"


async def test_behind_https_the_cookie_is_secure_and_bound_to_the_host(place: Place) -> None:
    async with place.open(public_url="https://hub.example") as hub:
        await add(hub, "li.si", Role.OWNER_ENGINEER)
        async with visitor(place, hub) as someone:
            answer = await someone.client.post(
                "/console/sign-in",
                data={"user_name": "li.si", "password": PASSWORD},
                headers={"Host": "hub.example", "Origin": "https://hub.example"},
            )
            session = next(item for item in answer.headers.get_list("set-cookie") if "session" in item)
            assert session.startswith("__Host-yz_session=")
            assert "Secure" in session
            assert "Path=/" in session
            assert "Domain" not in session


async def test_every_wrong_sign_in_looks_alike(place: Place, hub: Hub) -> None:
    await add(hub, "li.si", Role.OWNER_ENGINEER)
    gone = await add(hub, "wang.wu", Role.OWNER_ENGINEER)
    await hub.staff.disable(COMMAND, gone.id)
    invited = {"user_name": "zhao.liu", "display_name": "示例", "roles": [Role.AUDITOR]}
    await hub.staff.add(COMMAND, invited)
    async with visitor(place, hub) as someone:
        seen = set()
        with structlog.testing.capture_logs() as logs:
            for name, password in (("li.si", OTHER), ("nobody", OTHER), ("wang.wu", PASSWORD), ("zhao.liu", PASSWORD)):
                page = await someone.sign_in(name, password)
                assert page.status_code == 401
                assert errors_of(page) == [WRONG]
                seen.add(page.text.replace(name, ""))
                assert not await someone.is_in()
        assert len(seen) == 1
        reasons = [entry["reason"] for entry in logs if entry["event"] == "staff_sign_in_refused"]
        assert reasons == ["password", "unknown_user", "disabled", "password"]
        assert OTHER not in str(logs)
        assert "li.si" not in str(logs)


@pytest.mark.parametrize("name", ["li.si", "nobody"])
async def test_after_five_failures_nothing_is_tried_for_a_growing_time(
    place: Place, hub: Hub, clock: MovedClock, name: str
) -> None:
    await add(hub, "li.si", Role.OWNER_ENGINEER)

    async def tried(password: str) -> int:
        try:
            await hub.staff_sign_in.sign_in(name, password, HERE)
        except LockedOutError as error:
            return error.retry_after_seconds
        except SignInRefusedError:
            return 0
        return -1

    assert [await tried(OTHER) for _ in range(5)] == [0] * 5
    assert await tried(PASSWORD) in {29, 30}  # the clock goes on while a loaded machine hashes
    waits = []
    for _ in range(7):
        clock.passed += timedelta(seconds=await tried(OTHER) + 1)
        assert await tried(OTHER) == 0
        waits.append(await tried(OTHER))
    assert [30 * round(wait / 30) for wait in waits] == [60, 120, 240, 480, 900, 900, 900]
    clock.passed += timedelta(minutes=16)
    assert await tried(PASSWORD) == (-1 if name == "li.si" else 0)
    async with visitor(place, hub) as someone:
        page = await someone.sign_in("other")
        assert page.status_code == 401


async def test_the_page_says_when_to_try_again_and_another_name_is_not_kept_out(place: Place, hub: Hub) -> None:
    await add(hub, "li.si", Role.OWNER_ENGINEER)
    await add(hub, "wang.wu", Role.OWNER_ENGINEER)
    async with visitor(place, hub) as someone:
        for _ in range(5):
            await someone.sign_in("li.si", OTHER)
        page = await someone.sign_in("li.si")
        assert page.status_code == 429
        assert page.headers["retry-after"] in {"29", "30"}
        assert errors_of(page) == ["尝试次数过多，请 1 分钟后再试"]
        assert (await someone.sign_in("wang.wu")).status_code == 303


@pytest.mark.both
async def test_guesses_sent_at_the_same_moment_are_counted_one_by_one(hub: Hub) -> None:
    await add(hub, "li.si", Role.OWNER_ENGINEER)
    tries = [hub.staff_sign_in.sign_in("li.si", OTHER, HERE) for _ in range(12)]
    results = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(result, SignInRefusedError) for result in results) <= 5
    assert all(isinstance(result, Exception) for result in results)


async def test_one_address_that_tries_many_names_is_slowed_and_a_success_does_not_clear_it(hub: Hub) -> None:
    await add(hub, "li.si", Role.OWNER_ENGINEER)
    for number in range(18):
        with pytest.raises(SignInRefusedError):
            await hub.staff_sign_in.sign_in(f"name-{number}", OTHER, HERE)
    await hub.staff_sign_in.sign_in("li.si", PASSWORD, HERE)
    for number in range(2):
        with pytest.raises(SignInRefusedError):
            await hub.staff_sign_in.sign_in(f"more-{number}", OTHER, HERE)
    with pytest.raises(LockedOutError):
        await hub.staff_sign_in.sign_in("li.si", PASSWORD, HERE)
    await hub.staff_sign_in.sign_in("li.si", PASSWORD, Peer("192.0.2.7", "elsewhere"))


async def test_the_database_holds_no_secret_no_address_and_no_password(hub: Hub) -> None:
    staff = await add(hub, "li.si", Role.OWNER_ENGINEER)
    link = secret_of(await hub.staff.invite(COMMAND, staff.id))
    begun = await hub.staff_sign_in.sign_in("li.si", PASSWORD, HERE)
    with pytest.raises(SignInRefusedError):
        await hub.staff_sign_in.sign_in("li.si", OTHER, HERE)
    tables = (StaffRow, StaffSessionRow, StaffLinkRow, SignInAttemptsRow)
    rows = await hub.database.read(lambda tx: [tx.execute(select(table(row))).all() for row in tables])
    assert all(rows)
    for secret in (link, begun.secret, PASSWORD, OTHER, HERE.address):
        assert secret not in str(rows)
    assert PASSWORD not in repr(staff)
    assert "示例人员" not in repr(staff)
    assert begun.secret not in repr(begun)


async def test_the_first_link_makes_the_first_operator_and_only_him(place: Place, hub: Hub) -> None:
    link, second = await hub.staff.first_link(), await hub.staff.first_link()
    assert link is not None
    assert second is not None
    async with visitor(place, hub) as someone:
        path = "/console/link?t=" + secret_of(link)
        assert (await someone.get(path)).status_code == 404  # a newer link ended it
        path = "/console/link?t=" + secret_of(second)
        assert "建立首个运行账号" in (await someone.get(path)).text
        faulty = await someone.post(path, {"user_name": "x", "display_name": "", "password": "", "again": ""})
        assert errors_of(faulty) == ["请输入姓名", "请输入新密码"]
        given = {"user_name": "zhang.san", "display_name": "示例张三", "password": PASSWORD, "again": PASSWORD}
        assert (await someone.post(path, given)).status_code == 303
        assert (await someone.get("/console/staff/new")).status_code == 200
        assert (await someone.post(path, given)).status_code == 404
    assert await hub.staff.first_link() is None
    assert [(item.user_name, item.roles) for item in await hub.staff.seen_by(COMMAND)] == [
        ("zhang.san", {Role.OPERATOR})
    ]


async def test_a_link_works_once_for_half_an_hour_and_ends_what_there_was(
    place: Place, hub: Hub, clock: MovedClock
) -> None:
    staff = await add(hub, "li.si", Role.OWNER_ENGINEER)
    async with visitor(place, hub) as before, visitor(place, hub) as someone:
        await before.sign_in("li.si")
        old = await hub.staff.invite(COMMAND, staff.id)
        clock.passed += timedelta(minutes=31)
        assert (await someone.get("/console/link?t=" + secret_of(old))).status_code == 404
        await before.sign_in("li.si")
        path = "/console/link?t=" + secret_of(await hub.staff.invite(COMMAND, staff.id))
        for _ in range(3):  # looking does not use it up
            assert (await someone.get(path)).status_code == 200
        weak = await someone.post(path, {"password": "Password2026!", "again": "Password2026!"})
        assert errors_of(weak) == ["这样的密码容易被猜到；可以用几个不相关的词"]
        differs = await someone.post(path, {"password": OTHER, "again": PASSWORD})
        assert errors_of(differs) == ["两次输入的密码不一致"]
        assert (await someone.post(path, {"password": OTHER, "again": OTHER})).status_code == 303
        assert await someone.is_in()
        assert not await before.is_in()
        assert (await someone.get(path)).status_code == 404
    with pytest.raises(SignInRefusedError):
        await hub.staff_sign_in.sign_in("li.si", PASSWORD, HERE)


async def test_changes_of_accounts_are_on_the_ledger_without_names(hub: Hub) -> None:
    operator = await add_operator(hub)
    staff = await add(hub, "li.si", Role.OWNER_ENGINEER)
    await hub.staff.change_roles(operator.actor(), staff.id, [Role.CONSUMER_ENGINEER])
    await hub.staff.disable(operator.actor(), staff.id)
    await hub.staff.enable(operator.actor(), staff.id)
    entries = table(LedgerEntryRow)
    query = select(entries).where(entries.c.kind.like("staff.%")).order_by(entries.c.id)
    rows = await hub.database.read(lambda tx: tx.execute(query).all())
    kinds = ["staff.add", "staff.invite", "staff.link_used"] * 2 + ["staff.roles", "staff.disable", "staff.enable"]
    kinds.insert(1, "staff.all_guarded")  # with the first of a hub
    assert [row.kind for row in rows] == kinds
    secret = hub.keys.secret("log-detail")
    from hub.storage.vault import DataKey

    key = DataKey(secret.value, wrapped=b"", kek_kid=secret.kid)
    details = [open_detail(row.id, row.detail, row.commitment, key=key)["detail"] for row in rows]
    assert details[7] == {
        "by": {"kind": "staff", "id": operator.id},
        "staff": staff.id,
        "from": ["owner_engineer"],
        "to": ["consumer_engineer"],
    }
    assert "示例人员" not in str(details)


async def test_the_first_attempts_of_one_office_meet_and_none_fails(hub: Hub) -> None:
    throttle, now = Throttle(hub.vault), utc_now()

    def attempt(number: int) -> Unit[None]:
        return lambda tx: throttle.claim(tx, user_name=f"u{number}", peer="one office", now=now)

    await asyncio.gather(*(hub.database.write(attempt(number)) for number in range(8)))
    with pytest.raises(LockedOutError):
        await asyncio.gather(*(hub.database.write(attempt(100 + number)) for number in range(13)))
