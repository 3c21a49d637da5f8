"""Orders to show late by the console's pages: three sign it there, each seeing what he needs and no number in full."""

import re
from datetime import date, timedelta

import pytest

from hub.access.actors import Role
from hub.clock import BEIJING
from hub.runtime import Hub
from tests.hub.city import PERSON, ledger
from tests.hub.desk import Desk, at_desk, text_of
from tests.support import AMR, MATTER, POLICE, Place, matter_definition

pytestmark = pytest.mark.embedded
ORDERS = "/console/late-orders"
NEW = f"{ORDERS}/new"
NUMBER, STRUCK = PERSON["id_number"], f"{PERSON['id_number'][:3]}{'*' * 11}{PERSON['id_number'][-4:]}"


async def test_three_sign_an_order_by_the_pages_and_each_sees_what_he_needs(place: Place, hub: Hub) -> None:
    await hub.registry.add_matter(matter_definition())
    today = hub.clock().astimezone(BEIJING).date()
    given = {
        "id": NUMBER, "matter": MATTER, "reason": "crime", "legal_basis": "刑事诉讼法第五十四条",
        "until": (today + timedelta(days=20)).isoformat(),
    }  # fmt: skip
    async with (
        at_desk(place, hub, AMR, Role.DECIDER, name="first") as first,
        at_desk(place, hub, AMR, Role.OWNER_APPROVER, name="second") as second,
        at_desk(place, hub, None, Role.AUDITOR, name="auditor") as auditor,
        at_desk(place, hub, None, Role.OPERATOR, name="operator") as operator,
        at_desk(place, hub, POLICE, Role.OWNER_APPROVER, name="elsewhere") as elsewhere,
        at_desk(place, hub, AMR, Role.CLERK, name="clerk") as clerk,
    ):
        assert "没有现行的决定" in text_of(await first.get(ORDERS))
        await each_fault_stands_beside_its_field(first, given)
        for nobody in (clerk, auditor, operator):
            assert (await nobody.get(NEW)).status_code == 403
            assert (
                await nobody.post(NEW, form_on=ORDERS if nobody is not clerk else "/console", **given)
            ).status_code == 403
        assert (await clerk.get(ORDERS)).status_code == 403

        made = await first.post(NEW, form_on=NEW, **given)
        one = made.url.path
        assert re.fullmatch(rf"{ORDERS}/[0-9a-f-]{{36}}", one)
        assert "已提出" in made.text
        assert STRUCK in text_of(made)
        assert "等别人签署" in text_of(await first.get(ORDERS))
        assert "待签署的延后告知" in text_of(await second.get("/console"))
        assert (await elsewhere.get(one)).status_code == 404
        assert MATTER not in text_of(await elsewhere.get(ORDERS))
        for who, step in ((elsewhere, "second"), (elsewhere, "lift"), (elsewhere, "extend")):
            answer = await who.post(f"{one}/{step}", form_on=ORDERS, **given)
            assert answer.status_code == 404, step

        assert "须由另一人签署" in (await first.post(f"{one}/second", form_on=ORDERS)).text
        assert "等我签署" not in text_of(await auditor.get(ORDERS))
        waiting = text_of(await second.get(one))
        assert STRUCK in waiting
        assert "请与决定的书面文本核对" in waiting
        await second.post(f"{one}/second", form_on=one)
        assert "等我签署" in text_of(await auditor.get(ORDERS))
        assert STRUCK in text_of(await auditor.get(one))
        assert STRUCK not in text_of(await operator.get(one)), "who lifts it needs not know"
        signed = await auditor.post(f"{one}/sign", form_on=one)
        assert "现在起生效" in signed.text
        listed = text_of(await operator.get(ORDERS))
        assert f"{given['until']} ■ 现行" in listed
        assert "现行 1 签署 1 延长 0 到期 0 提前解除 0" in listed

        await it_is_extended_by_an_order_of_its_own(first, auditor, one, given["until"])
        lifted = await operator.post(f"{one}/lift", form_on=one)
        assert "已解除" in text_of(lifted)
        assert (await first.post(f"{one}/nothing", form_on=ORDERS)).url.path == one
        everybody = (first, second, auditor, operator, elsewhere, clerk)
        assert_no_number(everybody)
    kinds = [entry.kind for entry in await ledger(hub)]
    steps = ["late.proposed", "late.seconded", "late.signed", "late.proposed", "late.refused", "late.shown"]
    assert [kind for kind in kinds if kind.startswith("late.")] == steps


def assert_no_number(desks: tuple[Desk, ...]) -> None:
    """On no page and in no address."""
    for desk in desks:
        assert not [text for text in desk.seen + desk.sent if NUMBER in text]


async def each_fault_stands_beside_its_field(first: Desk, given: dict[str, str]) -> None:
    for name, value in (
        ("id", ""),
        ("id", NUMBER[:-1] + ("0" if NUMBER[-1] != "0" else "1")),
        ("matter", ""),
        ("matter", "NOBODYS"),
        ("reason", "curious"),
        ("legal_basis", " "),
        ("until", "tomorrow"),
        ("until", "2020-01-01"),
        ("until", "2999-01-01"),
    ):
        wrong = await first.post(NEW, form_on=NEW, **(given | {name: value}))
        assert (wrong.status_code, f'id="{name}-error"' in wrong.text) == (422, True), (name, value)


async def it_is_extended_by_an_order_of_its_own(first: Desk, auditor: Desk, one: str, until_now: str) -> None:
    longer = {"reason": "crime", "legal_basis": "刑事诉讼法第五十四条"}
    for until in ("", until_now):
        wrong = await first.post(f"{one}/extend", form_on=one, until=until, **longer)
        assert (wrong.status_code, 'id="until-error"' in wrong.text) == (422, True)
    day = (date.fromisoformat(until_now) + timedelta(days=40)).isoformat()
    extended = await first.post(f"{one}/extend", form_on=one, until=day, **longer)
    more = extended.url.path
    assert (more != one, STRUCK in text_of(extended)) == (True, True)
    assert "未签署" in text_of(await first.post(f"{more}/refuse", form_on=more))
    assert "决定的状态已变" in (await auditor.post(f"{more}/sign", form_on=ORDERS)).text
