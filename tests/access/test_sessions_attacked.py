"""Sessions of staff under SQL: whoever writes the database gives nobody one, changes none, and brings none back."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Executable, delete, insert, select, update

from catalog.tables import table
from hub.access.actors import COMMAND, Role
from hub.access.errors import SignInNeededError
from hub.access.sessions import Kind, hashed
from hub.access.staff_store import Staff
from hub.access.tables import StaffSessionRow
from hub.clock import new_id
from hub.runtime import Hub
from tests.access.conftest import MovedClock
from tests.access.people import HERE, PASSWORD, add, add_operator, visitor
from tests.support import Place

SESSIONS = table(StaffSessionRow)
CHANGES: dict[str, Callable[[Any, Staff], Any]] = {
    "secret_hash": lambda _row, _other: hashed("a secret of the attacker's own, forty"),
    "id": lambda _row, _other: new_id(),
    "staff_id": lambda _row, other: other.id,
    "kind": lambda _row, _other: "token",
    "label": lambda _row, _other: "nothing to see",
    "peer": lambda _row, _other: "",
    "created_at": lambda row, _other: row.created_at + timedelta(hours=1),
    "seen_at": lambda row, _other: row.seen_at + timedelta(minutes=20),
    "expires_at": lambda row, _other: row.expires_at + timedelta(days=1),
    "mac": lambda _row, _other: None,
}


async def signed_in(hub: Hub) -> str:
    return (await hub.staff_sign_in.sign_in("li.si", PASSWORD, HERE)).secret


async def row_of(hub: Hub, secret: str) -> Any:
    query = select(SESSIONS).where(SESSIONS.c.secret_hash == hashed(secret))
    return await hub.database.read(lambda tx: tx.execute(query).one())


async def run(hub: Hub, statement: Executable) -> None:
    await hub.database.write(lambda tx: tx.execute(statement))


async def put(hub: Hub, row: Any) -> None:
    await run(hub, insert(SESSIONS).values(**row._asdict()))


async def good(hub: Hub, secret: str) -> bool:
    kinds: tuple[Kind, ...] = ("browser", "token")
    for kind in kinds:
        try:
            await hub.sessions.find(secret, kind)
        except SignInNeededError:
            continue
        return True
    return False


@pytest.mark.sampled
async def test_a_session_that_was_changed_by_sql_is_none(hub: Hub) -> None:
    """Each column, among them a row from before there was a MAC; and it is not listed as one."""
    staff, operator = await add(hub, "li.si", Role.OWNER_ENGINEER), await add_operator(hub)
    assert set(CHANGES) == set(SESSIONS.c.keys())
    for name, change in CHANGES.items():
        secret = await signed_in(hub)
        row = await row_of(hub, secret)
        assert await good(hub, secret)
        value = change(row, operator)
        await run(hub, update(SESSIONS).where(SESSIONS.c.id == row.id).values(**{name: value}))
        secrets = [secret, "a secret of the attacker's own, forty"]
        assert [await good(hub, each) for each in secrets] == [False, False], name
        listed = [item.id for person in (staff, operator) for item in await hub.sessions.held_by(person.id)]
        assert not {row.id, value} & set(listed), name
        await run(hub, delete(SESSIONS).where(SESSIONS.c.staff_id.in_([staff.id, operator.id])))


@pytest.mark.sampled
async def test_one_that_ended_stays_so_when_its_row_is_put_back(place: Place, hub: Hub, clock: MovedClock) -> None:
    staff = await add(hub, "li.si", Role.OWNER_ENGINEER)
    async with visitor(place, hub) as someone, visitor(place, hub) as other:
        await someone.sign_in("li.si")
        await other.sign_in("li.si")
        token = await hub.sessions.make_token(staff.actor(), label="script", life=timedelta(days=90))
        rows = {secret: await row_of(hub, secret) for secret in (someone.session, other.session, token)}
        await someone.post("/console/account/sessions/end-others")
        assert [await good(hub, secret) for secret in rows] == [True, False, False]
        for secret in (other.session, token):
            await put(hub, rows[secret])
            assert not await good(hub, secret)
        assert len(await hub.sessions.held_by(staff.id)) == 1
        await someone.post("/console/account/sessions/end-others")  # ending once more what has ended is nothing
        kept = someone.session
        await someone.post("/console/sign-out")
        await put(hub, rows[kept])
        assert not await good(hub, kept)
        assert not await someone.is_in()


@pytest.mark.sampled
async def test_one_from_before_its_account_changed_is_none_when_its_row_is_put_back(hub: Hub) -> None:
    staff = await add(hub, "li.si", Role.OWNER_ENGINEER)
    secret = await signed_in(hub)
    row = await row_of(hub, secret)
    await hub.staff.disable(COMMAND, staff.id)
    await hub.staff.enable(COMMAND, staff.id)
    await put(hub, row)
    assert not await good(hub, secret)


@pytest.mark.embedded
async def test_an_idle_session_is_not_revived_and_a_busy_one_goes_on(hub: Hub, clock: MovedClock) -> None:
    await add(hub, "li.si", Role.OWNER_ENGINEER)
    secret = await signed_in(hub)
    for _ in range(3):
        clock.passed += timedelta(minutes=25)
        assert await good(hub, secret)
    clock.passed += timedelta(minutes=31)
    await run(hub, update(SESSIONS).where(SESSIONS.c.secret_hash == hashed(secret)).values(seen_at=hub.clock()))
    assert not await good(hub, secret)
