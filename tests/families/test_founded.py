"""A company that one case of a life event founds: all cases get its number, and a refusal leaves nobody waiting."""

import pytest

from hub.issuing.files import identifiers_of
from tests.families.town import Town, cases, founded, told
from tests.serving import problem
from tests.support import ENTERPRISE

pytestmark = pytest.mark.embedded


async def test_a_company_that_is_founded_gets_its_number_once_for_all_cases(town: Town) -> None:
    opened, number = await founded(town)
    path = f"/families/{opened['family_no']}/parties"
    said = {"party": "shop", "id_type": "001", "id_number": number, "operator": {"id": "op-1", "name": "李办事"}}
    wrong = await town.post(path, said | {"id_number": "9199"})
    assert problem(wrong, status=422, slug="invalid-party")["errors"][0]["pointer"] == "/id_number"
    told(await town.post(path, said))
    await town.work()
    view = await town.view(opened["family_no"])
    assert (view["waiting"], cases(view)["BANK"]["cleared"]) == ([], 1)
    problem(await town.post(path, said), status=422, slug="invalid-party")
    problem(await town.post(path, said | {"party": "seller"}), status=422, slug="invalid-party")


async def test_the_licence_that_a_decision_names_gives_the_company_its_number(town: Town) -> None:
    opened, number = await founded(town)
    path = f"/cases/{cases(opened)['FOUND']['case_no']}"
    operator = {"operator": {"id": "op-1", "name": "李办事"}}
    told(await town.post(f"{path}/accept", operator))
    [licence, *_] = await identifiers_of(town.hub, "001", number)
    [older, *_] = await identifiers_of(town.hub, "001", ENTERPRISE["id_number"])  # somebody else's, of before the case
    wrong = await town.post(f"{path}/decide", operator | {"outcome": "granted", "results": [older["identifier"]]})
    assert problem(wrong, status=422, slug="ask-incomplete")["errors"][0]["rule"] == "not_of_this_case"
    told(await town.post(f"{path}/decide", operator | {"outcome": "granted", "results": [licence["identifier"]]}))
    await town.work()
    view = await town.view(opened["family_no"])
    assert (view["waiting"], cases(view)["BANK"]["cleared"]) == ([], 1)


async def test_a_licence_that_another_case_cannot_take_leaves_no_job_that_fails(town: Town) -> None:
    opened, number = await founded(town, kinds=["111"])
    path = f"/cases/{cases(opened)['FOUND']['case_no']}"
    operator = {"operator": {"id": "op-1", "name": "李办事"}}
    told(await town.post(f"{path}/accept", operator))
    [licence, *_] = await identifiers_of(town.hub, "001", number)
    told(await town.post(f"{path}/decide", operator | {"outcome": "granted", "results": [licence["identifier"]]}))
    await town.work()
    assert await town.rows("SELECT kind FROM outbox WHERE kind = 'family.decided'") == []


async def test_a_refusal_leaves_nobody_waiting(town: Town) -> None:
    opened, _ = await founded(town)
    path = f"/cases/{cases(opened)['FOUND']['case_no']}"
    operator = {"operator": {"id": "op-1", "name": "李办事"}}
    notice = f"/cases/{cases(opened)['BANK']['case_no']}/ask-more"
    told(await town.post(notice, operator | {"missing": [{"code": "lease"}]}))
    problem(await town.post(notice, operator | {"missing": [{"code": "licence"}]}), status=409, slug="asked-already")
    told(await town.post(f"{path}/accept", operator))
    told(await town.post(f"{path}/decide", operator | {"outcome": "refused", "reason": "名称不符"}))
    await town.work()
    view = await town.view(opened["family_no"])
    needed = [item["title"] for item in view["still_needed"]]
    assert (view["waiting"], needed) == ([], ["身份证", "营业执照", "租赁合同"])
    # What the other case was to give is told of after all, by itself and once.
    both = operator | {"missing": [{"code": "lease"}, {"code": "licence"}]}
    steps = told(await town.post(notice, both)) and told(await town.get(notice.replace("ask-more", "progress")))
    assert steps["steps"][-1]["missing"] == [{"code": "licence", "party": "company"}]
    problem(await town.post(notice, both), status=409, slug="asked-already")
    (notice,) = await town.rows("SELECT role FROM notices WHERE code = 'family.given_up'")
    assert notice.role == "consumer_engineer"
