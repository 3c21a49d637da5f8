"""A matter is published by two persons of its department; its pages."""

import re
from typing import Any

import pytest
import yaml
from sqlalchemy import text as sql

from catalog.errors import DefinitionError
from catalog.matters.comparing import changes
from catalog.store import find_matter
from hub.access.actors import Role
from hub.access.errors import ForbiddenError
from hub.registry.matters.guard import matter_object
from hub.registry.matters.publishing import PUBLISH, declared
from hub.registry.requests.errors import SamePersonError
from hub.runtime import Hub
from tests.access.people import add, errors_of, visitor
from tests.registry.asking import Desk, staff
from tests.support import AMR, MATTER, POLICE, Place, matter_definition

pytestmark = pytest.mark.embedded


def written(**changed: Any) -> str:
    return yaml.safe_dump(matter_definition() | changed, allow_unicode=True, sort_keys=False)


def shorter() -> str:
    return written(requirements=matter_definition()["requirements"][:2])


async def requirements(hub: Hub) -> int:
    found = await hub.database.read(lambda tx: find_matter(tx, MATTER))
    assert found is not None
    return len(found[1].requirements)


async def test_one_of_the_department_writes_and_another_approves(desk: Desk) -> None:
    proposals = desk.hub.sharing.proposals
    engineer = await staff(desk.hub, AMR, "engineer", Role.OWNER_ENGINEER)
    approver = await staff(desk.hub, AMR, "approver", Role.OWNER_APPROVER)
    elsewhere = await staff(desk.hub, POLICE, "elsewhere", Role.OWNER_ENGINEER, Role.OWNER_APPROVER)
    for text in (shorter(), written(department=POLICE)):
        with pytest.raises(ForbiddenError):  # nor may it be taken over by naming oneself
            await proposals.propose(elsewhere, PUBLISH, {"definition": text}, "别的部门的事项")
    made = await proposals.propose(engineer, PUBLISH, {"definition": shorter()}, "精简材料")
    told = "SELECT role, object_id FROM notices WHERE code = 'matter.proposed' AND department_id IS NOT NULL"
    assert await desk.hub.database.read(lambda tx: [tuple(row) for row in tx.execute(sql(told))]) == [
        ("owner_approver", matter_object(MATTER))
    ]
    for nobody, error in ((engineer, ForbiddenError), (elsewhere, ForbiddenError)):
        with pytest.raises(error):
            await proposals.confirm(nobody, made.id)
    assert await requirements(desk.hub) == 3
    done = await proposals.confirm(approver, made.id)
    assert (done.result, await requirements(desk.hub)) == ({"matter": MATTER, "version": 2}, 2)
    alone = await proposals.propose(approver, PUBLISH, {"definition": shorter()}, "再次")
    with pytest.raises(SamePersonError):
        await proposals.confirm(approver, alone.id)


@pytest.mark.parametrize("text", ["a: &x [1]\nb: *x\n", "a: 1\na: 2\n", "[1]", ":", "x" * 70_000])
def test_a_text_that_hides_things_is_no_declaration(text: str) -> None:
    with pytest.raises(DefinitionError):
        declared(text)


def test_changes_go_by_the_code_of_a_requirement_and_not_by_its_place() -> None:
    old = matter_definition()
    first, second, third = old["requirements"]
    new = old | {"requirements": [third, first | {"papers": 2}, second]}
    assert [(item.pointer, item.before, item.after) for item in changes(old, new)] == [
        ("/requirements/licence/papers", None, 2),
        ("/requirements", "licence, representative, agent_identity", "agent_identity, licence, representative"),
    ]


async def test_the_pages_show_a_draft_and_publish_it(place: Place, hub: Hub) -> None:
    await add(hub, "writer", Role.OWNER_ENGINEER)
    await add(hub, "approver", Role.OWNER_APPROVER)
    edit = f"/console/matters/{MATTER}/edit"
    async with visitor(place, hub) as writer, visitor(place, hub) as approver:
        await writer.sign_in("writer")
        await approver.sign_in("approver")
        assert "agent_identity" in (await writer.get(edit)).text
        faulty = shorter().replace("食品经营许可和备案管理办法", "依照有关规定")
        refused = await writer.post(edit, {"definition": faulty, "step": "send", "reason": "精简材料"})
        assert (refused.status_code, len(errors_of(refused))) == (422, 2)
        assert re.match(r"第 \d+ 行，licence：没有写明具体的法律依据", errors_of(refused)[0])
        for wrong, told in ((written(code="OTHER"), f"代码须为 {MATTER}"), ("a: &x 1", "YAML")):
            other = await writer.post(edit, {"definition": wrong, "step": "check"})
            assert told in other.text
        looked = await writer.post(edit, {"definition": shorter(), "step": "check"})
        assert looked.status_code == 200
        for told in ("可以发布", "申请材料 · agent_identity", "办事指南", "Clerk&#39;s script", "窗口话术"):
            assert told in looked.text
        sent = await writer.post(edit, {"definition": shorter(), "step": "send", "reason": "精简材料"})
        assert sent.status_code == 303
        waiting = sent.headers["Location"]
        assert "精简材料" in (await approver.get("/console/matters")).text
        assert "申请材料 · agent_identity" in (await approver.get(waiting)).text
        assert errors_of(await approver.post(f"{waiting}/reject", {"reason": ""})) == ["请写明理由，最多 500 字"]
        done = await approver.post(f"{waiting}/confirm")
        assert done.headers["Location"] == f"/console/matters/{MATTER}"
        page = (await writer.get(f"/console/matters/{MATTER}")).text
        assert page.index("第 2 版") < page.index("第 1 版")
        first = await writer.get(f"/console/matters/{MATTER}/definition.yaml?version=1")
        assert len(yaml.safe_load(first.text)["requirements"]) == 3
        assert (await writer.get("/console/matters/NONE")).status_code == 404
        new = written(code="ANOTHER", name={"zh": "另一事项", "en": "Another"})
        begun = await writer.post("/console/matters/new", {"definition": new, "step": "send", "reason": "新增"})
        assert "这是一个新事项" in (await approver.get(begun.headers["Location"])).text
