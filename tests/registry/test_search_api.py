"""The catalogue over HTTP: anonymous, a stranger, the owner; what is granted is marked; nothing hidden is shown."""

import json
from typing import Any

import httpx2
import pytest

from catalog.grants import CaseKind, ResourceKind
from catalog.store import find_system_id, grants_of
from hub.runtime import Hub
from signing.keys import SoftwareSigner
from tests.registry.published import definition, put
from tests.support import AMR, INTAKE, NARROW, POLICE, Place

LICENCE = "11990000MB0000002Q001"
PATHS = (
    "/api/v1/catalogue", "/api/v1/interfaces", "/api/v1/interfaces/food_permits", "/api/v1/departments",
    f"/api/v1/departments/{AMR}", "/api/v1/systems", f"/api/v1/systems/{INTAKE}",
    f"/api/v1/certificate-types/{LICENCE}", "/api/v1/matters/FOOD", "/api/v1/demands",
    "/api/v1/demands/01a20227-59b3-701c-b775-68825a88cb5a",
)  # fmt: skip


async def stranger(place: Place, hub: Hub, client: httpx2.AsyncClient) -> dict[str, str]:
    """Headers of a system of another department."""
    signer = SoftwareSigner.generate()
    (place.home / "patrol.pem").write_bytes(signer.to_pem())
    await hub.registry.add_system(
        {"department": POLICE, "client_id": "patrol", "name": {"zh": "巡", "en": "p"}, "keys": [signer.public.jwk]}
    )
    return await place.headers(client, "patrol")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.sampled
async def test_nobody_looks_without_a_token(client: httpx2.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == 401


async def test_a_search_answers_entries_counts_and_marks(place: Place, hub: Hub, client: httpx2.AsyncClient) -> None:
    await put(hub)
    answer = await client.get("/api/v1/catalogue", params={"q": "yyzz"}, headers=await place.headers(client))
    assert answer.status_code == 200
    told = answer.json()
    assert told["entries"][0]["code"] == LICENCE
    assert told["entries"][0]["marked"]["zh"] == [{"text": "营业执照", "hit": True}]
    assert told["facets"]["kind"]["certificate_type"] >= 1
    granted = told["entries"][0]["granted"]
    assert [item["fields"] for item in granted] == [["address", "name", "uscc"]]
    other = await client.get("/api/v1/catalogue", params={"q": "yyzz"}, headers=await place.headers(client, NARROW))
    assert other.json()["entries"][0]["granted"] == []


async def test_filters_pages_and_unknown_parameters(place: Place, hub: Hub, client: httpx2.AsyncClient) -> None:
    for number in range(3):
        await put(hub, definition(f"food_permits_{number}"))
    headers = await place.headers(client)
    first = await client.get("/api/v1/interfaces", params={"limit": 2}, headers=headers)
    assert [item["code"] for item in first.json()["entries"]] == ["food_permits_0", "food_permits_1"]
    rest = await client.get("/api/v1/interfaces", params={"limit": 2, "cursor": first.json()["next"]}, headers=headers)
    assert [item["code"] for item in rest.json()["entries"]] == ["food_permits_2"]
    assert rest.json()["next"] is None
    both = await client.get("/api/v1/catalogue?kind=department,matter", headers=headers)
    assert {item["kind"] for item in both.json()["entries"]} == {"department", "matter"}
    assert (await client.get("/api/v1/catalogue?depatment=x", headers=headers)).status_code == 400
    assert (await client.get("/api/v1/catalogue?limit=1000", headers=headers)).status_code == 422
    forged = await client.get("/api/v1/catalogue", params={"cursor": "AAAA"}, headers=headers)
    assert forged.status_code == 422
    assert forged.json()["type"].endswith("/problems/invalid-definition")


async def test_an_interface_shows_terms_of_every_field(place: Place, hub: Hub, client: httpx2.AsyncClient) -> None:
    await put(hub)
    headers = await stranger(place, hub, client)
    told = (await client.get("/api/v1/interfaces/food_permits", headers=headers)).json()
    sharing = {item["name"]: item["sharing"] for item in told["fields"]}
    assert sharing["no"]["type"] == "conditional"
    assert sharing["valid_until"]["type"] == "unconditional"
    assert sharing["owner_id"] == {
        "type": "not_shared", "reason": "个人敏感信息", "legal_basis": "个人信息保护法", "conditions": "",
    }  # fmt: skip
    assert told["category"] == ["基础信息资源", "法人"]
    assert told["provider"] == {"code": AMR, "name": "市场监督管理局"}
    assert (told["published_on"], told["sla"], told["contact"]) == ("2026-11-20", "99.9 %", "信息中心")
    assert [item["type"] for item in told["fields"]] == ["C", "D", "C"]
    text = json.dumps(told)
    assert "SELECT" not in text
    assert "amr-register" not in text
    assert "operation" not in told


async def test_the_draft_of_another_department_is_a_404(place: Place, hub: Hub, client: httpx2.AsyncClient) -> None:
    await put(hub, definition("kept_back", title={"zh": "冷链追溯信息", "en": "Cold chain"}), state="draft")
    await put(hub)
    await put(hub, definition(summary={"zh": "金丝雀", "en": "canary"}), state="test", version=2)
    headers = await stranger(place, hub, client)
    assert (await client.get("/api/v1/interfaces/kept_back", headers=headers)).status_code == 404
    assert (await client.get("/api/v1/interfaces/food_permits?version=2", headers=headers)).status_code == 404
    shown: list[Any] = []
    for path in ("/api/v1/catalogue?limit=100", "/api/v1/interfaces", "/api/v1/interfaces/food_permits"):
        answer = await client.get(path, headers=headers)
        assert answer.status_code == 200
        shown.append(answer.text)
    assert "kept_back" not in "".join(shown)
    assert "金丝雀" not in "".join(shown)
    own = await place.headers(client)
    assert (await client.get("/api/v1/interfaces/kept_back", headers=own)).json()["state"] == "draft"
    assert (await client.get("/api/v1/interfaces/food_permits?version=2", headers=own)).json()["state"] == "test"
    assert (await client.get("/api/v1/interfaces/food_permits", headers=own)).json()["version"] == 1


async def test_what_is_granted_of_an_interface_is_marked(place: Place, hub: Hub, client: httpx2.AsyncClient) -> None:
    await put(hub)
    await hub.registry.add_grant(
        {
            "system": INTAKE,
            "interface": "food_permits",
            "owner": AMR,
            "fields": ["no"],
            "matters": ["FOOD"],
            "purpose": "办理",
            "legal_basis": "条例",
            "valid_until": "2035-01-01T00:00:00+08:00",
        }
    )
    told = (await client.get("/api/v1/interfaces/food_permits", headers=await place.headers(client))).json()
    assert [item["fields"] for item in told["granted"]] == [["no"]]
    system = await hub.database.read(lambda tx: find_system_id(tx, INTAKE))
    assert system is not None
    held = await hub.database.read(lambda tx: grants_of(tx, system, CaseKind.APPLICATION, ResourceKind.INTERFACE))
    assert told["granted"][0]["grant"] == held[0].id


async def test_departments_systems_types_and_matters(place: Place, hub: Hub, client: httpx2.AsyncClient) -> None:
    headers = await place.headers(client)
    departments = (await client.get("/api/v1/departments", headers=headers)).json()["departments"]
    assert {item["code"] for item in departments} == {AMR, POLICE}
    assert (await client.get(f"/api/v1/departments/{POLICE}", headers=headers)).json()["state"] == "open"
    assert (await client.get("/api/v1/departments/11990000MB0000009D", headers=headers)).status_code == 404
    systems = (await client.get("/api/v1/systems", headers=headers)).json()["systems"]
    assert [item["client_id"] for item in systems] == [INTAKE, NARROW]
    others = await stranger(place, hub, client)
    assert (await client.get(f"/api/v1/systems/{INTAKE}", headers=others)).status_code == 404
    kind = (await client.get("/api/v1/certificate-types/business_licence", headers=headers)).json()
    assert kind["code"] == LICENCE
    assert [item["code"] for item in kind["issuers"]] == [AMR]
    assert {item["sharing"]["type"] for item in kind["fields"]} == {"conditional"}
    matter = (await client.get("/api/v1/matters/FOOD", headers=headers)).json()
    assert [item["code"] for item in matter["requirements"]] == ["licence", "representative", "agent_identity"]
    assert (await client.get("/api/v1/matters/NONE", headers=headers)).status_code == 404


@pytest.mark.embedded
async def test_the_paths_are_in_the_openapi_document(client: httpx2.AsyncClient) -> None:
    paths = (await client.get("/openapi.json")).json()["paths"]
    for path in ("/catalogue", "/interfaces", "/interfaces/{code}", "/departments/{code}", "/systems", "/demands"):
        assert f"/api/v1{path}" in paths
    assert "requestBody" in paths["/api/v1/demands"]["post"]
