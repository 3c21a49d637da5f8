"""A life event ends with its last case, and a case that gave nothing leaves nobody waiting."""

import pytest

from tests.families.town import Town, cases, told
from tests.serving import problem
from tests.support import PURPOSE

pytestmark = pytest.mark.embedded


async def test_a_case_that_closes_without_its_result_leaves_nobody_waiting(town: Town) -> None:
    number = (await town.family(facts={"signed": True}))["family_no"]
    view = await town.pulled(number)
    told(await town.post(f"/cases/{cases(view)['FOOD']['case_no']}/close"))
    await town.work()
    view = await town.view(number)
    assert (view["state"], view["waiting"]) == ("open", [])
    assert ("食品经营许可证", "shop") in {(item["title"], item["party"]) for item in view["still_needed"]}
    assert cases(view)["SIGN"]["waits_for"] == []
    (notice,) = await town.rows("SELECT role FROM notices WHERE code = 'family.given_up'")
    assert notice.role == "consumer_engineer"


async def test_a_family_ends_with_its_last_case(town: Town) -> None:
    number = (await town.family(facts={"signed": True}))["family_no"]
    view = await town.pulled(number)
    told(await town.post(f"/cases/{cases(view)['SIGN']['case_no']}/close"))
    await town.work()
    assert (await town.view(number))["state"] == "open"
    told(await town.post(f"/families/{number}/close"))
    await town.work()
    view = await town.view(number)
    assert (view["state"], {item["state"] for item in view["cases"]}) == ("closed", {"closed"})
    problem(await town.post(f"/families/{number}/evidence", {"purpose": PURPOSE}), status=409, slug="case-closed")
    problem(await town.post(f"/families/{number}/facts", {"facts": {}}), status=409, slug="case-closed")
    problem(await town.post(f"/families/{number}/close"), status=409, slug="case-closed")
    problem(await town.get(f"/families/{number}/form"), status=409, slug="case-closed")
