"""An approval system goes by its own numbers and codes."""

import copy
import json

import pytest

from tests.serving import problem
from tests.support import NARROW, PURPOSE, Place, matter_definition, open_case, pull

PATH = "/api/v1/systems/self/materials"


@pytest.mark.embedded
async def test_own_material_codes_are_shown_and_asked_by(place: Place) -> None:
    async with place.open() as hub, place.client(hub) as client:
        headers = await place.headers(client)
        declared = copy.deepcopy(matter_definition())
        matter, listed = declared["code"], declared["requirements"]
        first, second = listed[0]["code"], listed[1]["code"]
        listed[1]["material"] = "GJJ-002"
        await hub.registry.add_matter(declared)

        case_no = await open_case(client, headers, external_no="OWN/1 甲")
        items = {item["code"]: item for item in (await pull(client, headers, case_no)).json()["requirements"]}
        assert [items[code].get("material") for code in (first, second)] == [None, "GJJ-002"]

        put = await client.put(PATH, json={"materials": {matter: {first: "M-1", second: "M-1"}}}, headers=headers)
        assert put.json() == {"materials": {matter: {first: "M-1", second: "M-1"}}}, put.text
        body = {"purpose": PURPOSE, "materials": ["M-1"]}
        answer = await client.post(f"/api/v1/cases/{case_no}/evidence", json=body, headers=headers)
        assert [(item["code"], item["material"]) for item in answer.json()["requirements"]] == [
            (first, "M-1"), (second, "M-1"),
        ]  # fmt: skip
        strange = json.loads(json.dumps(body)) | {"materials": ["M-1", "GJJ-002", ""]}
        assert (
            await client.post(f"/api/v1/cases/{case_no}/evidence", json=strange, headers=headers)
        ).status_code == 422
        strange["materials"] = ["M-1", "GJJ-002"]
        refused = await client.post(f"/api/v1/cases/{case_no}/evidence", json=strange, headers=headers)
        assert problem(refused, status=422, slug="requirement-not-listed")["errors"] == [
            {"pointer": "/materials/1", "rule": "not_listed"}
        ]
        both = await client.post(
            f"/api/v1/cases/{case_no}/evidence", json=body | {"requirements": [first]}, headers=headers
        )
        assert both.status_code == 422

        wrong = {"materials": {matter: {first: "M-9", "nowhere": "M-2"}, "no-such-matter": {}}}
        faults = problem(await client.put(PATH, json=wrong, headers=headers), status=422, slug="invalid-request")
        assert [item["rule"] for item in faults["errors"]] == ["not_listed", "unknown_matter"]
        other = await place.headers(client, NARROW)
        assert (await client.get(PATH, headers=other)).json() == {"materials": {}}
        assert (await client.get(PATH, headers=headers)).json() == put.json()

        found = await client.get("/api/v1/cases", params={"external_no": "OWN/1 甲"}, headers=headers)
        assert [case["case_no"] for case in found.json()["cases"]] == [case_no]
        for stranger, number in ((other, "OWN/1 甲"), (headers, "OWN/2")):
            missing = await client.get("/api/v1/cases", params={"external_no": number}, headers=stranger)
            assert missing.json() == {"cases": []}

        gone = await client.put(PATH, json={"materials": {matter: {}}}, headers=headers)
        assert gone.json() == {"materials": {}}
