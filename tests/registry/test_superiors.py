"""Who is over whom: named by two, without rings, under a guard, and followed through mergers."""

import asyncio

import pytest
from sqlalchemy import Connection, event, select, update

from catalog.errors import DefinitionError
from catalog.tables import table
from hub.access.actors import COMMAND, Actor, Role
from hub.registry.departments.store import read_departments
from hub.registry.departments.superior_rows import superior_of
from hub.registry.departments.superiors import SUPERIOR, Naming
from hub.registry.requests.errors import SamePersonError
from hub.registry.tables import SuperiorRow
from hub.registry.viewers import Viewer
from hub.runtime import Hub
from hub.storage.errors import MissingError
from tests.registry.test_departments import BASIS, CIVIL, department_id, merge
from tests.support import AMR, POLICE

OPERATOR, SECOND = (Actor("staff", name, "", None, frozenset({Role.OPERATOR})) for name in ("operator", "second"))
ROWS = table(SuperiorRow)


async def name(hub: Hub, department: str, superior: str) -> None:
    await hub.catalogue.superiors.name(COMMAND, Naming(department, superior, BASIS))


async def over(hub: Hub, code: str) -> str | None:
    """The code of its superior, as a review finds it, and as the catalogue shows it."""

    def unit(tx: Connection) -> str | None:
        departments = read_departments(tx)
        view = departments.by_code(code)
        assert view is not None
        found = superior_of(tx, hub.vault, departments, view.id)
        return found.code if found else None

    found = await hub.database.read(unit)
    shown = await hub.catalogue.reader.department(Viewer.of(COMMAND), code)
    if shown["state"] == "open":
        assert (shown["superior"] or {}).get("code") == found
    return found


@pytest.fixture
async def three(hub: Hub) -> Hub:
    await hub.registry.add_department({"code": CIVIL, "name": {"zh": "民政局", "en": "Civil Affairs"}})
    return hub


@pytest.mark.embedded
async def test_two_operators_name_it_and_no_ring_is_made(three: Hub) -> None:
    proposals = three.sharing.proposals
    payload = {"department": POLICE, "superior": AMR, "legal_basis": BASIS}
    with pytest.raises(SamePersonError):
        await three.catalogue.superiors.name(OPERATOR, Naming.read(payload))
    for wrong in (payload | {"over": AMR}, payload | {"legal_basis": " "}, payload | {"superior": ["x"]}):
        with pytest.raises(DefinitionError):
            await proposals.propose(OPERATOR, SUPERIOR, wrong, "机构设置")
    made = await proposals.propose(OPERATOR, SUPERIOR, payload, "机构设置")
    assert await over(three, POLICE) is None
    await proposals.confirm(SECOND, made.id)
    assert await over(three, POLICE) == AMR
    await name(three, AMR, CIVIL)
    for department, superior in ((AMR, AMR), (AMR, POLICE), (CIVIL, POLICE), (CIVIL, AMR)):
        with pytest.raises(DefinitionError, match="stands under it"):
            await name(three, department, superior)
    with pytest.raises(MissingError):
        await name(three, POLICE, "1" * 18)
    await name(three, POLICE, "")
    assert (await over(three, POLICE), await over(three, AMR)) == (None, CIVIL)
    await name(three, CIVIL, POLICE)  # no ring any more


@pytest.mark.embedded
async def test_a_row_that_the_hub_did_not_write_or_that_was_put_back_names_nobody(three: Hub) -> None:
    await name(three, POLICE, AMR)
    old = await three.database.read(lambda tx: dict(tx.execute(select(ROWS)).one()._mapping))
    await name(three, POLICE, "")
    await three.database.write(lambda tx: tx.execute(update(ROWS).values(**old)))
    assert await over(three, POLICE) is None
    await name(three, POLICE, AMR)  # named anew, it goes on
    assert await over(three, POLICE) == AMR
    other = await department_id(three, CIVIL)
    await three.database.write(lambda tx: tx.execute(update(ROWS).values(superior_id=other)))
    assert await over(three, POLICE) is None


@pytest.mark.embedded
async def test_it_is_found_in_one_statement(three: Hub) -> None:
    await name(three, POLICE, AMR)

    def unit(tx: Connection) -> int:
        departments, asked = read_departments(tx), []
        view = departments.by_code(POLICE)
        assert view is not None
        event.listen(tx, "before_execute", lambda *_: asked.append(1))
        assert superior_of(tx, three.vault, departments, view.id) is not None
        return len(asked)

    # Between two, another naming would be committed: a row and a ledger that disagree, for nobody's fault.
    assert await three.database.read(unit) == 1


@pytest.mark.embedded
async def test_a_merger_leads_to_who_answers_today_and_never_back_to_itself(three: Hub) -> None:
    await name(three, POLICE, AMR)
    await merge(three, AMR, CIVIL)
    assert await over(three, POLICE) == CIVIL
    with pytest.raises(DefinitionError, match="is closed"):
        await name(three, POLICE, AMR)
    await merge(three, CIVIL, POLICE)
    assert (await over(three, POLICE), await over(three, AMR)) == (None, None)


@pytest.mark.both
async def test_of_two_namings_at_once_that_make_a_ring_one_is_refused(hub: Hub) -> None:
    both = await asyncio.gather(name(hub, POLICE, AMR), name(hub, AMR, POLICE), return_exceptions=True)
    assert sorted(type(one).__name__ for one in both) == ["DefinitionError", "NoneType"]
