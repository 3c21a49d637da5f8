"""One operator is one person: he opens no account that decides, and confirms nothing through one that he opened."""

from typing import Any

import httpx2
import pytest

from hub.access.actors import COMMAND, Role
from hub.access.errors import SecondOperatorError, SignInRefusedError
from hub.access.staff_notices import list_notices
from hub.access.staff_store import Staff
from hub.registry.proposal import Proposal
from hub.registry.requests.errors import SameHandError
from hub.runtime import Hub
from hub.storage.errors import MissingError
from tests.access.people import HERE, OTHER, PASSWORD, add, add_operator, errors_of, secret_of, visitor
from tests.access.test_staff_api import NEW, bearer
from tests.serving import problem
from tests.support import Place

DECIDING = {
    "operator": (None, Role.OPERATOR),
    "auditor": (None, Role.AUDITOR),
    "approver": (NEW["department"], Role.OWNER_APPROVER),
}


async def by_two(hub: Hub, first: Staff, second: Staff, action: str, payload: dict[str, Any]) -> Proposal:
    made = await hub.sharing.proposals.propose(first.actor(), action, payload, "轮岗")
    return await hub.sharing.proposals.confirm(second.actor(), made.id)


async def opened(hub: Hub, by: Staff, staff_id: str, password: str = OTHER) -> Staff:
    """Whoever was shown the link uses it."""
    await hub.staff_sign_in.accept(secret_of(await hub.staff.invite(by.actor(), staff_id)), password, HERE)
    return await hub.staff.get(COMMAND, staff_id)


@pytest.mark.parametrize("kind", DECIDING)
async def test_nobody_alone_is_shown_a_link_of_who_decides(hub: Hub, kind: str) -> None:
    operator = await add_operator(hub)
    department, role = DECIDING[kind]
    await add(hub, "decides", role, department=department)
    decides = await hub.staff.named(COMMAND, "decides")
    with pytest.raises(SecondOperatorError):
        await hub.staff.invite(operator.actor(), decides.id)
    with pytest.raises(SecondOperatorError):
        await hub.staff.add(operator.actor(), NEW | {"department": department, "roles": [role]})
    engineer = await hub.staff.add(operator.actor(), NEW)
    with pytest.raises(SecondOperatorError):
        await hub.staff.change_roles(operator.actor(), engineer.id, [Role.OWNER_ENGINEER, role])
    never = await hub.staff.add(COMMAND, NEW | {"user_name": "never.in", "department": department, "roles": [role]})
    with pytest.raises(SecondOperatorError):
        await hub.staff.invite(operator.actor(), never.id)


async def test_an_account_that_was_opened_is_not_opened_again_by_one(hub: Hub, client: httpx2.AsyncClient) -> None:
    operator = await add_operator(hub)
    engineer = await hub.staff.add(operator.actor(), NEW)
    await opened(hub, operator, engineer.id)
    answer = await client.post(f"/api/v1/staff/{engineer.id}/invite", headers=await bearer(hub, operator))
    problem(answer, status=403, slug="second-person-needed")
    await hub.staff_sign_in.sign_in(NEW["user_name"], OTHER, HERE)


async def test_a_second_operator_hands_over_the_link_and_its_owner_is_told(hub: Hub) -> None:
    operator, second = await add_operator(hub), await add_operator(hub, "second")
    approver = await add(hub, "approver", Role.OWNER_APPROVER)
    done = await by_two(hub, operator, second, "staff.invite", {"staff": approver.id})
    assert done.result == {"staff": approver.id}
    with pytest.raises(SecondOperatorError):  # whoever proposed it is shown nothing
        await hub.staff.invite(operator.actor(), approver.id)
    await hub.staff_sign_in.sign_in("approver", PASSWORD, HERE)  # his password holds until the link is used
    told = await hub.database.read(lambda tx: list_notices(tx, approver.actor()))
    assert [notice.kind for notice in told] == ["staff.invite"]
    await opened(hub, second, approver.id)
    with pytest.raises(SecondOperatorError):  # one confirmation, one opening
        await hub.staff.invite(second.actor(), approver.id)
    with pytest.raises(SignInRefusedError):
        await hub.staff_sign_in.sign_in("approver", PASSWORD, HERE)
    assert len(await hub.database.read(lambda tx: list_notices(tx, approver.actor()))) == 2


async def test_what_is_proposed_about_an_account_must_be_one(hub: Hub) -> None:
    operator = await add_operator(hub)
    absent = {"staff": "00000000-0000-7000-8000-000000000000"}
    with pytest.raises(MissingError):
        await hub.sharing.proposals.propose(operator.actor(), "staff.invite", absent, "轮岗")


async def test_a_password_that_an_operator_may_know_ends_when_its_owner_begins_to_decide(hub: Hub) -> None:
    operator, second = await add_operator(hub), await add_operator(hub, "second")
    engineer = await opened(hub, operator, (await hub.staff.add(operator.actor(), NEW)).id)
    raised = {"staff": engineer.id, "roles": ["owner_approver"]}
    await by_two(hub, operator, second, "staff.roles", raised)
    with pytest.raises(SignInRefusedError):
        await hub.staff_sign_in.sign_in(NEW["user_name"], OTHER, HERE)
    with pytest.raises(SecondOperatorError):
        await hub.staff.invite(operator.actor(), engineer.id)
    await hub.staff.change_roles(operator.actor(), engineer.id, [Role.OWNER_ENGINEER])
    with pytest.raises(SecondOperatorError):  # lowered again, it is still somebody's
        await hub.staff.invite(operator.actor(), engineer.id)
    await by_two(hub, operator, second, "staff.roles", raised)
    assert (await opened(hub, second, engineer.id)).roles == {Role.OWNER_ENGINEER, Role.OWNER_APPROVER}


async def test_nobody_confirms_through_an_account_that_he_opened(hub: Hub) -> None:
    operator, second = await add_operator(hub), await add_operator(hub, "second")
    third = {"user_name": "third", "display_name": "示例王五", "roles": ["operator"]}
    made = await by_two(hub, operator, second, "staff.add", third)
    third_one = await opened(hub, second, str(made.result["staff"]))  # as the second operator, in his name
    change = {"code": "11330800MB00000001", "name": {"zh": "甲局", "en": "A"}}
    for first, confirmer in ((second, third_one), (third_one, second)):
        with pytest.raises(SameHandError):
            await by_two(hub, first, confirmer, "staff.invite", {"staff": operator.id})
    # Two that the same one opened are one hand as well; somebody else's word counts.
    made = await by_two(hub, operator, second, "staff.add", third | {"user_name": "fourth"})
    fourth = await opened(hub, second, str(made.result["staff"]))
    with pytest.raises(SameHandError):
        await by_two(hub, third_one, fourth, "department.add", change)
    await by_two(hub, third_one, operator, "staff.invite", {"staff": fourth.id})
    # The command line on the machine makes somebody of his own of him.
    await hub.staff_sign_in.accept(secret_of(await hub.staff.invite(COMMAND, fourth.id)), PASSWORD, HERE)
    await by_two(hub, third_one, fourth, "staff.invite", {"staff": operator.id})


async def test_an_account_that_decides_is_made_by_two_on_the_pages(place: Place, hub: Hub) -> None:
    await add_operator(hub)
    await add_operator(hub, "second")
    approver = NEW | {"roles": ["owner_approver"]}
    async with visitor(place, hub) as first, visitor(place, hub) as other, visitor(place, hub) as owner:
        await first.sign_in("operator")
        await other.sign_in("second")
        faulty = await first.post("/console/staff/new", approver)
        assert errors_of(faulty) == ["须由另一名运行人员确认，请写明事由"]
        proposed = await first.post("/console/staff/new", approver | {"reason": "新任审批人"})
        assert proposed.headers["location"] == "/console/proposals"
        mine = await first.get("/console/proposals")
        assert "新任审批人" in mine.text
        assert "/confirm" not in mine.text
        path = (await other.get("/console/proposals")).text.partition('action="')[2]
        path = next(part for part in path.split('"') if part.endswith("/confirm"))
        assert (await first.post(path)).status_code == 403
        confirmed = await other.post(path)
        staff = await hub.staff.named(COMMAND, NEW["user_name"])
        assert confirmed.headers["location"] == f"/console/staff/{staff.id}"
        await first.post(f"/console/staff/{staff.id}/invite", {"why": "为自己"})
        shown = await other.post(f"/console/staff/{staff.id}/invite")
        link = shown.text.partition('id="link">')[2].partition("<")[0]
        given = {"password": OTHER, "again": OTHER}
        assert (await owner.post(link[link.index("/console/link") :], given)).status_code == 303
        assert (await owner.get("/console/proposals")).status_code == 403
        again = next(item for item in await hub.sharing.proposals.list(COMMAND, only_open=True))
        assert (await other.post(f"/console/proposals/{again.id}/reject", {"reason": "无需"})).status_code == 303
        assert (await hub.sharing.proposals.list(COMMAND))[0].state == "rejected"
