"""Succession: what a merger moves, what it leaves as it was, and that a forged grant stops it."""

from datetime import date
from typing import Any

import httpx2
import pytest
from sqlalchemy import select, update

from catalog import interface_store, source_store
from catalog.errors import DefinitionError
from catalog.store import find_department, find_grant, find_matter, find_system_key, read_grants
from catalog.tables import GrantRow, InterfaceRow, table
from hub.access.actors import COMMAND, Actor, Role
from hub.access.errors import ForbiddenError
from hub.collection.errors import CollectionError
from hub.collection.service import CollectionOrder, CollectionService
from hub.ledger.guards import check_guards
from hub.ledger.tables import LedgerEntryRow
from hub.registry.departments.succession_store import Part
from hub.registry.search.service import Ask
from hub.registry.viewers import Viewer
from hub.runtime import Hub
from hub.storage.errors import IntegrityBrokenError, MissingError
from tests.registry.published import definition, put
from tests.support import AMR, INTAKE, POLICE, Place, enterprise_claims, issue, open_case, pull

CIVIL = "11990000MB0000004Y"
LICENCE = "11990000MB0000002Q001"
AS_OF = date(2026, 11, 1)
BASIS = "机构改革方案"


async def merge(hub: Hub, giver: str = AMR, taker: str = POLICE, **changes: Any) -> dict[str, Any]:
    told: dict[str, Any] = {"as_of": AS_OF, "legal_basis": BASIS} | changes
    moved = await hub.catalogue.departments.merge(COMMAND, giver, taker, **told)
    hub.catalogue.search.notice()
    return moved


async def department_id(hub: Hub, code: str) -> str:
    found = await hub.database.read(lambda tx: find_department(tx, code))
    assert found is not None
    return found.id


async def test_everything_goes_to_the_successor(hub: Hub) -> None:
    await put(hub)
    await put(hub, definition(), state="draft", version=2)
    moved = await merge(hub)
    taker = await department_id(hub, POLICE)
    assert moved["interfaces"] == ["food_permits"]
    assert moved["sources"] == ["amr-register"]
    assert moved["types"] == [LICENCE]
    assert (moved["systems"], moved["matters"], len(moved["grants"])) == (["intake", "narrow"], ["FOOD"], 1)
    versions = await hub.database.read(lambda tx: interface_store.interface_versions(tx, "food_permits"))
    assert {(item.owner_department_id, item.row_version) for item in versions} == {(taker, 2)}
    # What was published is not rewritten: the definition names the department of its day.
    assert {item.interface.department for item in versions} == {AMR}
    source = await hub.database.read(lambda tx: source_store.find_source(tx, "amr-register"))
    assert source is not None
    assert source.owner_department_id == taker
    matter = await hub.database.read(lambda tx: find_matter(tx, "FOOD"))
    assert matter is not None
    assert matter[2] == taker
    successor = await hub.database.read(lambda tx: find_department(tx, POLICE))
    assert successor is not None
    assert LICENCE in successor.issues


async def test_grants_move_under_their_guard(hub: Hub) -> None:
    moved = await merge(hub)
    grants = await hub.database.read(lambda tx: read_grants(tx, moved["grants"]))
    taker = await department_id(hub, POLICE)
    assert [(item.owner_department_id, item.row_version) for item in grants] == [(taker, 2)]
    await hub.database.read(lambda tx: check_guards(tx, hub.vault, grants=grants))
    rows = table(LedgerEntryRow)
    query = select(rows.c.kind, rows.c.id).where(rows.c.object_id == grants[0].id).order_by(rows.c.object_version)
    kinds = [(row.kind, row.id) for row in await hub.database.read(lambda tx: tx.execute(query).all())]
    assert [kind for kind, _ in kinds] == ["grant.add", "grant.succession"]
    assert kinds[-1][1] == grants[0].ledger_entry_id


async def test_a_grant_that_the_hub_did_not_write_stops_the_merger(hub: Hub) -> None:
    rows = table(GrantRow)
    await hub.database.write(lambda tx: tx.execute(update(rows).values(purpose="别的")) and None)
    with pytest.raises(IntegrityBrokenError):
        await merge(hub)
    found = await hub.database.read(lambda tx: find_department(tx, AMR))
    assert found is not None
    assert not found.closed


async def test_pulls_go_on_and_old_licences_still_count(place: Place, hub: Hub, client: httpx2.AsyncClient) -> None:
    headers = await place.headers(client)
    await merge(hub)
    case_no = await open_case(client, headers)
    answer = (await pull(client, headers, case_no, requirements=["licence"])).json()
    assert [item["outcome"] for item in answer["requirements"]] == ["satisfied"]
    token = answer["requirements"][0]["evidence"]["token"]
    verdict = await client.post("/api/v1/verify", json={"token": token, "audience": INTAKE})
    assert verdict.json()["result"] == "passed", verdict.text


async def test_the_closed_department_begins_nothing_new(hub: Hub, tmp_path: Any) -> None:
    await merge(hub)
    with pytest.raises(DefinitionError):
        await hub.registry.add_matter({"code": "NEW", "department": AMR})
    register = tmp_path / "register.csv"
    register.write_text("企业名称\n", encoding="utf-8")
    service = CollectionService(hub.database, issuing=hub.issuing, types=hub.types, vault=hub.vault, clock=hub.clock)
    order = CollectionOrder(type="business_licence", issuer=AMR, files=[register], report_dir=tmp_path / "report")
    with pytest.raises(CollectionError, match="may not issue"):
        await service.collect(order)


async def test_the_successor_issues_under_its_own_key(hub: Hub) -> None:
    await hub.registry.add_department({"code": CIVIL, "name": {"zh": "民政局", "en": "Civil affairs"}})
    await merge(hub, AMR, CIVIL)
    issued = await issue(hub, enterprise_claims(uscc="91990100MA000000XX"[:17] + "X"), issuer=CIVIL)
    assert len(issued) == 1


async def test_search_and_api_lead_to_the_successor(place: Place, hub: Hub, client: httpx2.AsyncClient) -> None:
    headers = await place.headers(client)
    await put(hub)
    await merge(hub)
    for words in ("市场监督管理局", AMR, "scjdglj"):
        page = await hub.catalogue.search.search(Viewer(None), Ask(words))
        assert page.hits[0].document.code == POLICE, words
        assert AMR not in [hit.document.code for hit in page.hits]
    told = (await client.get(f"/api/v1/departments/{AMR}", headers=headers)).json()
    assert (told["state"], told["successor"]["code"]) == ("closed", POLICE)
    successor = (await client.get(f"/api/v1/departments/{POLICE}", headers=headers)).json()
    assert [item["code"] for item in successor["succeeds"]] == [AMR]
    assert (await client.get("/api/v1/interfaces/food_permits", headers=headers)).json()["provider"]["code"] == POLICE
    entry = (await client.get("/api/v1/catalogue?q=food_permits&kind=interface", headers=headers)).json()["entries"][0]
    assert entry["department"]["code"] == POLICE


async def test_demands_wait_at_the_successor_with_their_clock(hub: Hub) -> None:
    engineer = Actor("staff", "s", "s", await department_id(hub, POLICE), frozenset({Role.CONSUMER_ENGINEER}))
    wanted = {"what": "企业股东信息", "legal_basis": "条例", "contact": "科技科"}
    view = await hub.catalogue.demands.file(engineer, wanted)
    assert view.owner == AMR
    await hub.registry.add_department({"code": CIVIL, "name": {"zh": "民政局", "en": "Civil affairs"}})
    moved = await merge(hub, AMR, CIVIL)
    after = await hub.catalogue.demands.show(engineer, view.demand.id)
    assert (after.owner, after.demand.due_at, moved["waiting"]) == (CIVIL, view.demand.due_at, 1)


async def test_a_chain_of_mergers_ends_at_the_last(hub: Hub, client: httpx2.AsyncClient, place: Place) -> None:
    headers = await place.headers(client)
    await hub.registry.add_department({"code": CIVIL, "name": {"zh": "民政局", "en": "Civil affairs"}})
    await merge(hub, AMR, POLICE)
    await merge(hub, POLICE, CIVIL)
    assert (await client.get(f"/api/v1/departments/{AMR}", headers=headers)).json()["successor"]["code"] == CIVIL
    page = await hub.catalogue.search.search(Viewer(None), Ask("市场监督管理局"))
    assert page.hits[0].document.code == CIVIL
    history = await hub.catalogue.departments.history(COMMAND, POLICE)
    assert [(item["from"], item["into"]) for item in history] == [(AMR, POLICE), (POLICE, CIVIL)]


async def test_a_part_leaves_the_rest_where_it_is(hub: Hub) -> None:
    await put(hub)
    await put(hub, definition("other_one", source="second-source"))
    departments = hub.catalogue.departments
    part = Part.of(sources=["second-source"])
    moved = await departments.hand_over(COMMAND, AMR, POLICE, part, as_of=AS_OF, legal_basis=BASIS)
    assert (moved["interfaces"], moved["grants"], moved["systems"]) == (["other_one"], [], [])
    rows = table(InterfaceRow)
    query = select(rows.c.code, rows.c.owner_department_id)
    owners = {row.code: row.owner_department_id for row in await hub.database.read(lambda tx: tx.execute(query).all())}
    assert owners == {"food_permits": await department_id(hub, AMR), "other_one": await department_id(hub, POLICE)}
    found = await hub.database.read(lambda tx: find_department(tx, AMR))
    assert found is not None
    assert not found.closed


async def test_the_grants_of_a_type_go_with_it(hub: Hub) -> None:
    part = Part.of(types=[LICENCE])
    moved = await hub.catalogue.departments.hand_over(COMMAND, AMR, POLICE, part, as_of=AS_OF, legal_basis=BASIS)
    assert len(moved["grants"]) == 1
    grant = await hub.database.write(lambda tx: find_grant(tx, moved["grants"][0]))
    assert grant is not None
    assert grant.owner_department_id == await department_id(hub, POLICE)


async def test_systems_keep_their_keys(place: Place, hub: Hub, client: httpx2.AsyncClient) -> None:
    headers = await place.headers(client)
    await merge(hub)
    assert (await client.get("/api/v1/systems", headers=headers)).status_code == 200
    fresh = await place.headers(client)
    told = (await client.get("/api/v1/systems", headers=fresh)).json()["systems"]
    assert [item["client_id"] for item in told] == ["intake", "narrow"]
    kid = place.signer().public.kid
    key = await hub.database.read(lambda tx: find_system_key(tx, INTAKE, kid))
    assert key is not None
    assert key.department_id == await department_id(hub, POLICE)


@pytest.mark.parametrize(
    ("giver", "taker", "changes", "error"),
    [
        (AMR, AMR, {}, DefinitionError),
        (AMR, "11990000MB0000009D", {}, MissingError),
        (AMR, POLICE, {"as_of": date(2999, 1, 1)}, DefinitionError),
        (AMR, POLICE, {"legal_basis": " "}, DefinitionError),
    ],
)
@pytest.mark.sampled
async def test_a_succession_that_cannot_be_is_refused(
    hub: Hub, giver: str, taker: str, changes: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        await merge(hub, giver, taker, **changes)
    misspelt = Part.of(sources=["no-such-source"])
    with pytest.raises(DefinitionError):
        await hub.catalogue.departments.hand_over(COMMAND, AMR, POLICE, misspelt, as_of=AS_OF, legal_basis=BASIS)


async def test_a_department_closes_once_and_only_by_the_operator(hub: Hub) -> None:
    approver = Actor("staff", "s", "s", await department_id(hub, AMR), frozenset({Role.OWNER_APPROVER}))
    with pytest.raises(ForbiddenError):
        await hub.catalogue.departments.merge(approver, AMR, POLICE, as_of=AS_OF, legal_basis=BASIS)
    await merge(hub)
    with pytest.raises(DefinitionError, match=POLICE):
        await merge(hub)
    with pytest.raises(DefinitionError):
        await merge(hub, POLICE, AMR)
