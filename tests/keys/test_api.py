"""Keys over HTTP: for operators and auditors, to be looked at."""

import json

import httpx2
import pytest

from hub.access.actors import COMMAND, Role
from hub.runtime import Hub
from tests.keys.library import ISSUER, companies, signed_by
from tests.registry.test_requests_api import token
from tests.support import AMR, Place, issue

pytestmark = pytest.mark.embedded


async def test_an_auditor_looks_at_keys_and_what_they_sign(place: Place, hub: Hub, client: httpx2.AsyncClient) -> None:
    auditor = await token(hub, "auditor.one", None, Role.AUDITOR)
    await issue(hub, *companies(1_000, 3))
    listed = (await client.get("/api/v1/keys", headers=auditor)).json()["keys"]
    (key,) = [item for item in listed if item["name"] == ISSUER]
    assert (key["use"], key["built_in"], key["custody"], key["organization_id"]) == ("signs", True, "hub_held", AMR)
    shown = (await client.get(f"/api/v1/keys/{key['kid']}", headers=auditor)).json()
    assert shown == key | {"revoking": None}
    answer = await client.get(f"/api/v1/keys/{key['kid']}/touched", headers=auditor)
    assert answer.headers["content-type"] == "application/x-ndjson"
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert {line["identifier"] for line in lines} == set(await signed_by(hub))
    later = await client.get(
        f"/api/v1/keys/{key['kid']}/touched", headers=auditor, params={"since": "2099-01-01T00:00:00Z"}
    )
    assert later.text == ""
    assert (await client.get("/api/v1/keys/none", headers=auditor)).status_code == 404
    assert (await client.get("/api/v1/keys")).status_code == 401
    engineer = await token(hub, "engineer.one", AMR, Role.OWNER_ENGINEER)
    for path in ("", f"/{key['kid']}", f"/{key['kid']}/touched"):
        assert (await client.get(f"/api/v1/keys{path}", headers=engineer)).status_code == 403
    system = await place.headers(client)
    assert (await client.get("/api/v1/keys", headers=system)).status_code == 401


async def test_a_compromise_is_declared_over_http_by_two(hub: Hub, client: httpx2.AsyncClient) -> None:
    first, second = [await token(hub, name, None, Role.OPERATOR) for name in ("op.one", "op.two")]
    (key,) = [view.key for view in await hub.keyring.keys.list(COMMAND) if view.key.slot.name == ISSUER]
    payload = {"kid": key.kid, "since": "2026-01-01T00:00:00+08:00", "reason": "stolen", "legal_basis": "电子签名法"}
    body = {"action": "key.compromised", "payload": payload, "reason": "stolen"}
    made = await client.post("/api/v1/proposals", headers=first, json=body)
    path = f"/api/v1/keys/{key.kid}"
    assert (await client.get(path, headers=first)).json()["use"] == "stopped"
    confirm = f"/api/v1/proposals/{made.json()['id']}/confirm"
    assert (await client.post(confirm, headers=first)).status_code == 403
    assert (await client.post(confirm, headers=second)).status_code == 200
    await hub.jobs.sweep()
    shown = (await client.get(path, headers=second)).json()
    assert (shown["use"], shown["compromised_since"]) == ("compromised", "2025-12-31T16:00:00.000000Z")
    assert (shown["revoking"]["revoked"], shown["revoking"]["affected"]) == (1, 1)
