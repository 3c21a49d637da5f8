"""Metadata as files: what was done last to a licence; of a purpose copy what was granted, and nothing beside it."""

import json
from base64 import b64decode
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from certificates.lifecycle.states import Operation
from certificates.metadata import ELEMENTS
from hub.access.actors import COMMAND
from hub.runtime import Hub
from tests.faces.test_copies import CANARIES, copied
from tests.faces.test_renditions import licence, looks
from tests.hub.acting import Desk
from tests.support import ENTERPRISE, MATTER, PUBLIC_URL, PURPOSE, TYPES, Place, enterprise_claims, issue

pytestmark = pytest.mark.embedded
SECRET_REASON = "法定代表人王晨光申请变更住所"
COPY_ELEMENTS = [element.key for element in ELEMENTS if element.key.startswith("certificate_copy_")]


@pytest.fixture
async def desk(place: Place, hub: Hub, client: httpx2.AsyncClient) -> Desk:
    return Desk(place, hub, client, await place.headers(client), await licence(hub))


async def told(desk: Desk, identifier: str) -> dict[str, Any]:
    """What the file of a licence says."""
    path = f"/api/v1/certificates/{identifier}/file?format=json"
    answer = await desk.client.get(path, headers=desk.headers)
    assert answer.status_code == 200, answer.text
    assert signed_of(answer.json())["metadata"] == answer.json()["metadata"]
    found: dict[str, Any] = answer.json()["metadata"]
    return found


def signed_of(file: dict[str, Any]) -> dict[str, Any]:
    """What stands under the signature."""
    part = file["jws"].split(".")[1]
    claims: dict[str, Any] = json.loads(b64decode(part + "=" * (-len(part) % 4), altchars=b"-_"))
    return claims


async def judged(client: httpx2.AsyncClient, data: bytes, **fields: str) -> tuple[str, str]:
    answer = await client.post("/api/v1/verify", files={"file": ("x", data, "text/plain")}, data=fields)
    return answer.json()["result"], answer.json()["reason"]


async def test_a_licence_says_what_was_done_last_and_why(desk: Desk) -> None:
    fresh = await told(desk, desk.identifier)
    assert (fresh["change_time"], fresh["change_reason"]) == (None, None)
    why = {"reason_code": "particulars_changed", "reason": "住所变更", "legal_basis": "登记办法"}
    made = await desk.act("change", claims=enterprise_claims(address="新街2号"), **why)
    second = made.json()["identifier"]
    new, old = await told(desk, second), await told(desk, desk.identifier)
    assert (new["change_reason"], old["change_reason"]) == ("住所变更", "住所变更")
    assert new["change_time"].endswith("+08:00")
    assert all(new[key] is None for key in (*COPY_ELEMENTS, "related_item_code", "related_item_name"))
    await desk.hub.status.change(second, Operation.SUSPEND, reason="立案调查", legal_basis="示例办法")
    found = await told(desk, second)
    assert (found["change_reason"], found["status"]["code"]) == ("立案调查", "suspended")


async def test_a_version_that_a_register_made_says_what_ended_the_one_before_it(desk: Desk) -> None:
    await issue(desk.hub, enterprise_claims(address="新街2号"))
    found = await told(desk, await licence(desk.hub))
    before = await told(desk, desk.identifier)
    assert found["change_reason"] == "登记信息变化，已签发新版本"
    assert (before["change_time"], before["change_reason"]) == (found["change_time"], found["change_reason"])


async def test_the_file_is_the_first_page_that_the_type_has(desk: Desk) -> None:
    definition = (TYPES / "business_licence.yaml").read_text(encoding="utf-8")
    wanted = {"json, ofd": "ofd", "json": None, "json, ofd, pdf": "pdf"}
    for number, (formats, file) in enumerate(wanted.items()):
        await desk.hub.registry.typing.add(COMMAND, f"{definition}\nsupports: {{formats: [sd-jwt, {formats}]}}\n")
        await issue(desk.hub, enterprise_claims(address=f"新街{number}号"))
        identifier = await licence(desk.hub)
        url = (await told(desk, identifier))["file_url"]
        assert url == (file and f"{PUBLIC_URL}/api/v1/certificates/{identifier}/file?format={file}")


async def test_the_metadata_of_a_copy_says_what_was_granted_and_for_what_and_nothing_else(desk: Desk) -> None:
    why = {"reason_code": "particulars_changed", "reason": SECRET_REASON, "legal_basis": "登记办法"}
    made = (await desk.act("change", claims=enterprise_claims(address="新街2号"), **why)).json()
    path, headers = await copied(desk.place, desk.client)
    answer = await desk.client.get(f"{path}?format=json", headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-disposition"] == f'attachment; filename="{made["identifier"]}.copy.json"'
    file = answer.json()
    found = file["metadata"]
    assert list(found) == sorted(element.key for element in ELEMENTS)
    assert set(found["extend_info"]) == {"name", "uscc", "address"}
    assert found["certificate_copy_cause"] == PURPOSE
    assert (found["related_item_code"], found["related_item_name"]) == (MATTER, "食品经营许可")
    assert all(found[key] is not None for key in COPY_ELEMENTS)
    assert found["file_url"] == f"{PUBLIC_URL}{path}?format=pdf"
    empty = {key for key, value in found.items() if value is None}
    ungranted = {"seal_signer", "seal_time", "seal_name", "change_time", "change_reason", "certificate_validate_end"}
    assert empty == ungranted | {"certificate_area_code"}
    said = signed_of(file)
    assert said["metadata"] == found
    assert "binding" not in file
    assert set(said) == {"iss", "vct", "sub", "aud", "iat", "exp", "jti", "purpose", "metadata"}
    for canary in (*CANARIES, SECRET_REASON):
        assert canary not in json.dumps([file, said], ensure_ascii=False)
    assert await looks(desk.hub, "certificate.export") == 1
    other = await desk.place.headers(desk.client, "narrow")
    assert (await desk.client.get(f"{path}?format=json", headers=other)).status_code == 404
    await desk.hub.status.change(made["identifier"], Operation.REVOKE, reason="材料虚假", legal_basis="示例办法")
    ended = await desk.client.get(f"{path}?format=json", headers=headers)
    assert (ended.status_code, ended.json()["type"].rpartition("/")[2]) == (409, "certificate-not-in-force")
    assert await looks(desk.hub, "certificate.export") == 1
    assert await judged(desk.client, answer.content, audience="intake") == ("failed", "certificate_revoked")


async def test_the_metadata_of_a_copy_passes_for_its_receiver_alone_and_for_its_time(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, headers = await copied(desk.place, desk.client)
    data = (await desk.client.get(f"{path}?format=json", headers=headers)).content
    assert await judged(desk.client, data, audience="intake") == ("passed", "ok")
    assert await judged(desk.client, data, audience="narrow") == ("failed", "audience_mismatch")
    assert await judged(desk.client, data) == ("indeterminate", "audience_not_given")
    other = data.replace(ENTERPRISE["name"].encode(), "示例市夕照贸易有限公司".encode())
    assert await judged(desk.client, other, audience="intake") == ("failed", "metadata_mismatch")
    later = desk.hub.clock() + timedelta(days=40)
    monkeypatch.setattr(desk.hub.verification, "_clock", lambda: later)
    assert await judged(desk.client, data, audience="intake") == ("failed", "expired")
    monkeypatch.setattr(desk.hub.faces.copies, "_clock", lambda: later)
    assert (await desk.client.get(f"{path}?format=json", headers=headers)).json()["type"].endswith("/copy-ended")
