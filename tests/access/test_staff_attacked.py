"""Accounts of staff under SQL: whoever writes the database gives himself none, nor more of one, nor a link to one."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Executable, Table, delete, insert, select, update
from structlog.testing import capture_logs

from catalog.tables import table
from hub.access.actors import COMMAND, Role
from hub.access.errors import SignInNeededError, SignInRefusedError
from hub.access.sessions import hashed
from hub.access.staff_store import ACCOUNTS_OBJECT, Staff, find_external, list_staff
from hub.access.staff_two import same_hand
from hub.access.tables import SignInAttemptsRow, StaffLinkRow, StaffRow, StaffSessionRow
from hub.clock import new_id
from hub.issuing.transitions.second_person import SecondPerson
from hub.ledger.tables import LedgerEntryRow
from hub.registry.requests.errors import NoSecondPersonError
from hub.runtime import Hub, open_hub
from hub.storage.errors import ConflictError, MissingError
from tests.access.people import HERE, OTHER, PASSWORD, add, add_operator, secret_of, visitor
from tests.hub.city import statements
from tests.support import Place

STAFF, LINKS, ENTRIES = table(StaffRow), table(StaffLinkRow), table(LedgerEntryRow)
MINE = "a secret of the attacker's own, forty letters"
NAMED = "the attacker at the provider"
CHANGES: dict[str, Callable[[Any, Staff, str], Any]] = {
    "id": lambda _row, _other, _hash: new_id(),
    "owner_department_id": lambda _row, _other, _hash: None,
    "user_name": lambda _row, _other, _hash: "wang.wu",
    "display_name": lambda _row, _other, _hash: "another",
    "roles": lambda row, _other, _hash: [*row.roles, "owner_approver"],
    "password_hash": lambda _row, _other, mine: mine,
    "external_id": lambda _row, _other, _hash: NAMED,
    "break_glass": lambda _row, _other, _hash: True,
    "active": lambda _row, _other, _hash: False,
    "version": lambda row, _other, _hash: row.version + 1,
    "created_at": lambda row, _other, _hash: row.created_at + timedelta(hours=1),
    "opened_at": lambda _row, _other, _hash: None,
    "opened_by": lambda _row, other, _hash: other.id,
    "link_by": lambda _row, other, _hash: other.id,
    "link_until": lambda row, _other, _hash: row.created_at + timedelta(days=1),
    "mac": lambda _row, _other, _hash: None,
}


async def run(hub: Hub, *statements: Executable) -> None:
    def unit(tx: Connection) -> None:
        for statement in statements:
            tx.execute(statement)

    await hub.database.write(unit)


async def row_of(hub: Hub, user_name: str) -> Any:
    query = select(STAFF).where(STAFF.c.user_name == user_name)
    return await hub.database.read(lambda tx: tx.execute(query).one())


def back(rows: Table, row: Any) -> Executable:
    """A row put back just as it was."""
    values = {name: value for name, value in row._asdict().items() if name != "id"}
    return update(rows).where(rows.c.id == row.id).values(**values)


async def enters(hub: Hub, user_name: str = "li.si", password: str = PASSWORD) -> bool:
    try:
        await hub.staff_sign_in.sign_in(user_name, password, HERE)
    except SignInRefusedError:
        return False
    return True


async def goes_on(hub: Hub, secret: str) -> bool:
    try:
        await hub.sessions.find(secret, "browser")
    except SignInNeededError:
        return False
    return True


async def believed(hub: Hub) -> set[str]:
    return {item.user_name for item in await hub.database.read(lambda tx: list_staff(tx, hub.vault))}


@pytest.mark.sampled
async def test_an_account_that_was_changed_by_sql_is_nobodys(place: Place, hub: Hub) -> None:
    """Each column: no sign-in, no session that goes on, no place in a list; and an alarm."""
    staff, operator = await add(hub, "li.si", Role.OWNER_ENGINEER), await add_operator(hub)
    assert set(CHANGES) == set(STAFF.c.keys()) - {"notices_seen_at"}
    mine = (await row_of(hub, "operator")).password_hash
    secret = (await hub.staff_sign_in.sign_in("li.si", PASSWORD, HERE)).secret
    row = await row_of(hub, "li.si")
    for name, change in CHANGES.items():
        if name == "id":
            continue
        value = change(row, operator, mine)
        changed = update(STAFF).where(STAFF.c.id == staff.id).values(**{name: value})
        await run(hub, changed, delete(table(SignInAttemptsRow)))
        with capture_logs() as logs:
            assert not await enters(hub, "wang.wu" if name == "user_name" else "li.si"), name
        assert [(log["event"], log["where"], log["account"]) for log in logs if log.get("alarm")] == [
            ("guarded_row_broken", "staff", staff.id)
        ], name
        assert not await goes_on(hub, secret), name
        assert await believed(hub) == {"operator"}, name
        with pytest.raises(MissingError):
            await hub.staff.get(COMMAND, staff.id)
        assert await hub.database.read(lambda tx: find_external(tx, hub.vault, NAMED)) is None
        await run(hub, back(STAFF, row))
        assert await goes_on(hub, secret), name
    # A row of his own, with somebody's MAC.
    forged = row._asdict() | {"id": new_id(), "user_name": "wang.wu", "external_id": None}
    await run(hub, insert(STAFF).values(**forged))
    assert not await enters(hub, "wang.wu")
    assert await believed(hub) == {"operator", "li.si"}
    assert await hub.staff.doubted(operator.actor()) == {"wang.wu": forged["id"]}
    async with visitor(place, hub) as seen:
        await seen.sign_in("operator")
        page = (await seen.get("/console/staff")).text
        assert (page.count("wang.wu"), page.count("不予采信")) == (1, 1)
        async with statements(hub) as sql:  # the session and the account, each with what the ledger says of it
            await hub.sessions.find(seen.session, "browser")
        assert len([each for each in sql if each.startswith("SELECT")]) == 2


@pytest.mark.sampled
async def test_yesterdays_account_is_nobodys_with_its_own_mac(hub: Hub) -> None:
    staff = await add(hub, "li.si", Role.OWNER_APPROVER)
    before = await row_of(hub, "li.si")
    await hub.staff.change_roles(COMMAND, staff.id, [Role.OWNER_ENGINEER])
    lowered = await row_of(hub, "li.si")
    await run(hub, back(STAFF, before))
    assert not await enters(hub)
    await run(hub, back(STAFF, lowered))
    assert await enters(hub)
    await hub.staff.disable(COMMAND, staff.id)
    await run(hub, back(STAFF, lowered))
    assert not await enters(hub)


async def test_a_link_by_sql_sets_nobodys_password(hub: Hub) -> None:
    operator = await add_operator(hub)
    link = await hub.staff.invite(COMMAND, operator.id)
    real = await hub.database.read(lambda tx: tx.execute(select(LINKS)).one())
    forged = real._asdict() | {"secret_hash": hashed(MINE)}
    for values in ({}, {"staff_id": None}, {"mac": None}, {"expires_at": real.expires_at + timedelta(days=1)}):
        await run(hub, delete(LINKS), insert(LINKS).values(**forged | values))
        with pytest.raises(SignInRefusedError):
            await hub.staff_sign_in.accept(MINE, OTHER, HERE)
    await run(hub, delete(LINKS), insert(LINKS).values(**real._asdict()))
    await hub.staff_sign_in.accept(secret_of(link), OTHER, HERE)
    await run(hub, insert(LINKS).values(**real._asdict()))  # used, and put back
    with pytest.raises(SignInRefusedError):
        await hub.staff_sign_in.accept(secret_of(link), PASSWORD, HERE)
    assert await enters(hub, "operator", OTHER)


async def test_where_every_account_was_deleted_nobody_is_the_first_operator_again(hub: Hub) -> None:
    link = await hub.staff.first_link()
    assert link is not None
    kept = await hub.database.read(lambda tx: tx.execute(select(LINKS)).one())
    first = {"user_name": "operator", "display_name": "示例人员"}
    await hub.staff_sign_in.accept(secret_of(link), PASSWORD, HERE, first=first)
    query = select(STAFF.c.id)
    (staff_id,) = await hub.database.read(lambda tx: tx.execute(query).scalars().all())
    sessions = table(StaffSessionRow)
    await run(
        hub,
        delete(sessions).where(sessions.c.staff_id == staff_id),
        delete(STAFF).where(STAFF.c.id == staff_id),
        insert(LINKS).values(**kept._asdict()),
    )
    assert not await hub.staff.nobody_yet()
    with pytest.raises(SignInRefusedError):
        await hub.staff_sign_in.accept(secret_of(link), OTHER, HERE, first=first)


async def test_a_second_person_by_sql_is_none_and_whose_hand_it_is_cannot_be_wiped_out(hub: Hub) -> None:
    boss = await add(hub, "boss", Role.OWNER_APPROVER)
    await add(hub, "li.si", Role.OWNER_ENGINEER)
    second = SecondPerson(hub.vault, lambda tx, one, other: same_hand(hub.vault, tx, one, other))
    await run(hub, update(STAFF).where(STAFF.c.user_name == "li.si").values(roles=["owner_approver"]))
    department = boss.department_id or ""
    with pytest.raises(NoSecondPersonError):
        await hub.database.read(lambda tx: second.require_one(tx, boss.actor(), department))
    # operator → engineer → approver by links: cutting the one in the middle makes no stranger of the last.
    operator = await add_operator(hub)
    new = {"display_name": "示例人员", "department": boss.department_code, "roles": ["owner_engineer"]}
    middle = await hub.staff.add(operator.actor(), new | {"user_name": "middle"})
    await hub.staff_sign_in.accept(secret_of(await hub.staff.invite(operator.actor(), middle.id)), PASSWORD, HERE)
    row = await row_of(hub, "middle")
    assert row.opened_by == operator.id

    async def one_hand() -> bool:
        return await hub.database.read(lambda tx: same_hand(hub.vault, tx, middle.id, operator.id))

    async def strangers() -> bool:
        return not await hub.database.read(lambda tx: same_hand(hub.vault, tx, middle.id, boss.id))

    assert await one_hand()
    assert await strangers()
    await run(hub, update(STAFF).where(STAFF.c.id == middle.id).values(opened_by=None))
    assert await one_hand()
    # Nor does deleting whoever opened him, also where the ledger has no number of his account.
    await run(
        hub,
        back(STAFF, row),
        delete(table(StaffSessionRow)),
        update(ENTRIES).where(ENTRIES.c.object_id == operator.id).values(object_id=None, object_version=None),
        delete(STAFF).where(STAFF.c.id == operator.id),
    )
    assert not await strangers()


@pytest.mark.sampled
async def test_two_changes_of_one_account_at_a_moment_leave_it_believed(hub: Hub) -> None:
    staff = await add(hub, "li.si", Role.OWNER_ENGINEER)

    async def change(role: Role) -> bool:
        try:
            await hub.staff.change_roles(COMMAND, staff.id, [role])
        except ConflictError:
            return False
        return True

    done = await asyncio.gather(*(change(role) for role in (Role.CLERK, Role.DECIDER, Role.CONSUMER_ENGINEER)))
    assert any(done)
    assert await enters(hub)


@pytest.mark.sampled
async def test_at_the_upgrade_an_account_is_adopted_as_far_as_the_ledger_says_the_same(place: Place) -> None:
    async with open_hub(place.settings()) as hub:
        names = ("li.si", "raised", "again", "kept.out")
        people = {name: await add(hub, name, Role.OWNER_ENGINEER) for name in names}
        operator = await add_operator(hub)
        await hub.staff.change_roles(COMMAND, people["li.si"].id, [Role.OWNER_APPROVER])
        for name in ("again", "kept.out"):
            await hub.staff.disable(COMMAND, people[name].id)
        row = await row_of(hub, "li.si")
        forged = row._asdict() | {"id": new_id(), "user_name": "wang.wu", "external_id": None}
        # As an earlier release left it: no MAC, and entries under no number; and what somebody wrote meanwhile.
        numbers = ENTRIES.c.kind.like("staff.%") & ENTRIES.c.object_version.is_not(None)
        await run(
            hub,
            update(ENTRIES).where(numbers).values(object_id=None, object_version=None),
            insert(STAFF).values(**forged),
            update(STAFF).where(STAFF.c.user_name == "raised").values(roles=["operator"], owner_department_id=None),
            update(STAFF).where(STAFF.c.user_name == "again").values(active=True),
            update(STAFF).values(mac=None),
        )
        assert await believed(hub) == set()
    async with open_hub(place.settings()) as hub:
        assert await believed(hub) == {"li.si", "operator", "kept.out"}
        assert sorted(await hub.staff.doubted(COMMAND)) == ["again", "raised", "wang.wu"]
        assert await enters(hub)
        assert [await enters(hub, name) for name in ("raised", "again", "wang.wu", "kept.out")] == [False] * 4
        # Once in its life: what loses its MAC afterwards stays out.
        await run(hub, update(STAFF).where(STAFF.c.id == operator.id).values(mac=None))
    async with open_hub(place.settings()) as hub:
        assert await believed(hub) == {"li.si", "kept.out"}
        said = await hub.database.read(
            lambda tx: tx.execute(select(ENTRIES.c.kind).where(ENTRIES.c.object_id == ACCOUNTS_OBJECT)).scalars().all()
        )
        assert list(said) == ["staff.all_guarded"]
        # On the machine it is said anew who that is; nothing of the row is kept, and its password least of all.
        anew = {"user_name": "raised", "display_name": "示例人员", "department": people["raised"].department_code}
        made = await hub.staff.add(COMMAND, anew | {"roles": ["owner_engineer"]})
        assert (made.id, made.roles, made.password_hash) == (people["raised"].id, {Role.OWNER_ENGINEER}, None)
        assert not await enters(hub, "raised")
        await hub.staff_sign_in.accept(secret_of(await hub.staff.invite(COMMAND, made.id)), OTHER, HERE)
        assert await enters(hub, "raised", OTHER)
        with pytest.raises(ConflictError):  # one that is believed is not written over
            await hub.staff.add(COMMAND, anew | {"user_name": "li.si", "roles": ["auditor"], "department": None})
