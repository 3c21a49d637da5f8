"""One form of all matters of a life event: signed once, and of it each department sees its own."""

import json

import pytest

from certificates.archive.check import check_archive
from certificates.verifying.verdict import Result
from tests.archive.made import archived, close
from tests.families.town import CONFIRMED, FIELD, YESTERDAY, Town, cases, matter, told
from tests.serving import problem
from tests.support import POLICE, matter_definition, requirement

pytestmark = pytest.mark.embedded


async def test_one_form_of_all_matters_is_signed_once(town: Town) -> None:
    number = (await town.family(facts={"signed": True}))["family_no"]
    await town.pulled(number)
    path = f"/families/{number}/form"
    (field,) = told(await town.get(path))["fields"]
    assert (field["key"], field["matters"], field["state"]) == ("shop.phone", ["FOOD", "SIGN", "TAX"], "asked")
    answered = await town.client.put(f"/api/v1{path}", json={"answers": {"shop.phone": "1"}}, headers=town.headers)
    body = {"party": "shop", "digest": told(answered)["digest"], "confirmation": CONFIRMED}
    signed = told(await town.post(f"{path}/sign", body))
    assert [item["party"] for item in signed["signatures"]] == ["shop"]
    problem(await town.post(f"{path}/sign", body | {"party": "agent"}), status=422, slug="invalid-party")


async def test_each_department_sees_of_the_signed_form_what_its_own_matter_asks(town: Town) -> None:
    address = {"field": "address", "term": "company_address"}
    scope = {"field": "scope", "term": "business_scope", "required": False}
    await town.hub.registry.add_matter(matter_definition() | {"form": [FIELD, address, scope]})
    needs = [[{"type": "11990000MB0000002Q001", "fields": ["name", "uscc", "address"]}]]
    licence = requirement("licence", "营业执照", "payer", needs)
    tax = matter("TAX", POLICE, "payer", licence, form=[address], in_force_from=YESTERDAY.isoformat())
    await town.hub.registry.add_matter(tax)
    number = (await town.family(facts={"signed": False}))["family_no"]
    view = await town.pulled(number)
    path = f"/families/{number}/form"
    files = {code: f"/cases/{item['case_no']}/file" for code, item in cases(view).items()}
    assert told(await town.get(files["TAX"]))["form"] is None
    answered = await town.client.put(f"/api/v1{path}", json={"answers": {"shop.phone": "1"}}, headers=town.headers)
    (both,) = [item for item in told(answered)["fields"] if item["key"] == "shop.company_address"]
    assert {origin["matter"] for origin in both["records"][0]["from"]} == {"FOOD", "TAX"}
    told(
        await town.post(
            f"{path}/sign", {"party": "shop", "digest": told(answered)["digest"], "confirmation": CONFIRMED}
        )
    )
    form = told(await town.get(files["TAX"]))["form"]
    (field,) = form["fields"]
    assert (field["key"], field["value"], len(form["signatures"])) == ("shop.company_address", "示例市中心路1号", 1)
    assert [origin["matter"] for origin in field["records"][0]["from"]] == ["TAX"]
    whole = told(await town.get(files["FOOD"]))["form"]
    assert [item["key"] for item in whole["fields"]] == ["shop.phone", "shop.company_address", "shop.business_scope"]
    # And no more of it stands in the archive of that case: its signatures hold, its digest is of the whole.
    await close(town.hub, town.client, town.headers, cases(view)["TAX"]["case_no"])
    kept = await archived(town.hub, cases(view)["TAX"]["case_no"])
    verdict = check_archive(kept, anchors=town.hub.stamps.anchors(), at=town.hub.clock())
    assert (verdict.result, "form_in_part" in verdict.remarks) == (Result.PASSED, True)
    records = json.loads(kept["records.json"])
    assert [item["key"] for item in records["form"]["content"]["fields"]] == ["shop.company_address"]
    assert records["family"]["number"] == number
