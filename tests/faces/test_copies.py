"""Purpose copies as pages, and control codes as outsiders try them."""

import re
import zlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import text

from certificates.control_code import new_control_code
from hub.issuing.files import read_document
from hub.runtime import Hub
from hub.verification.asking import Question
from tests.faces.papers import text_of
from tests.faces.test_renditions import code_of, licence, looks, renditions
from tests.hub.city import statements
from tests.support import ENTERPRISE, PURPOSE, Place, open_case, pull

CANARIES = ("王晨光", "食品销售", "2019-03-01", "2019年3月", "2019年03月")
"""What the licence says and the grant does not name."""


async def copied(place: Place, client: httpx2.AsyncClient) -> tuple[str, dict[str, str]]:
    """The address of a copy's page, and the headers of its receiver."""
    headers = await place.headers(client)
    answer = await pull(client, headers, await open_case(client, headers))
    return f"/api/v1/evidence-requests/{answer.json()['evidence_request_id']}/copies/1", headers


async def test_a_copy_is_watermarked_and_says_nothing_that_was_not_granted_in_any_layer(
    place: Place, hub: Hub, client: httpx2.AsyncClient, tmp_path: Path
) -> None:
    path, headers = await copied(place, client)
    answer = await client.get(path, headers=headers)
    assert answer.status_code == 200, answer.text
    words = text_of(answer.content, tmp_path).replace(" ", "")
    for value in (ENTERPRISE["name"], "加注件", f"用途：{PURPOSE}", "仅供市场监督管理局"):
        assert value in words
    layers = [answer.content, words.encode(), *streams(answer.content)]
    for canary in CANARIES:
        spellings = (canary.encode(), canary.encode("utf-16-be"), canary.encode("utf-16-be").hex().encode())
        for layer in layers:
            assert not any(spelling in layer for spelling in spellings), canary
    assert b"binding" not in b"".join(layers)
    assert (await client.get(path, headers=headers)).content == answer.content
    assert len(await renditions(hub)) == 1
    assert await looks(hub, "certificate.render") == 1


def streams(pdf: bytes) -> list[bytes]:
    """Every stream of the file, unpacked."""
    found = []
    for packed in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL):
        try:
            found.append(zlib.decompress(packed))
        except zlib.error:
            found.append(packed)
    assert len(found) > 4
    return found


@pytest.mark.embedded
async def test_a_copy_is_its_receivers_alone_and_only_for_its_time(
    place: Place, hub: Hub, client: httpx2.AsyncClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, headers = await copied(place, client)
    code = code_of((await client.get(path, headers=headers)).content, tmp_path)

    async def verdict(audience: str | None) -> tuple[str, str]:
        asked = {"control_code": code} | ({"audience": audience} if audience else {})
        found = (await client.post("/api/v1/verify", json=asked)).json()
        return found["result"], found["reason"]

    assert await verdict("intake") == ("passed", "ok")
    assert await verdict("narrow") == ("failed", "audience_mismatch")
    assert await verdict(None) == ("indeterminate", "audience_not_given")
    # Its metadata name the matter, which is believed by its MAC alone.
    assert (await client.get(f"{path}?format=json", headers=headers)).status_code == 200
    await hub.database.write(lambda tx: tx.execute(text("UPDATE matters SET mac = NULL")))
    assert (await client.get(f"{path}?format=json", headers=headers)).status_code >= 500
    later = datetime.now(UTC) + timedelta(days=40)
    monkeypatch.setattr(hub.verification, "_clock", lambda: later)
    assert await verdict("intake") == ("failed", "expired")
    monkeypatch.setattr(hub.faces.copies, "_clock", lambda: later)
    ended = await client.get(path, headers=headers)
    assert ended.json()["type"].endswith("/copy-ended")
    assert (await client.get(path, headers=await place.headers(client, "narrow"))).status_code == 404
    assert (await client.get(path.replace("copies/1", "copies/2"), headers=headers)).status_code == 404


@pytest.mark.embedded
async def test_unknown_identifier_wrong_code_and_wrong_pair_look_alike(hub: Hub, tmp_path: Path) -> None:
    identifier = await licence(hub)
    code = code_of(await read_document(hub, identifier, "pdf"), tmp_path)
    unknown = identifier[:-3] + ("0.A" if identifier[-1] != "A" else "0.B")
    await hub.verification.policy()  # who may issue is looked up every half minute, whatever is asked
    seen = set()
    for named, typed in (
        (identifier, new_control_code()),
        (unknown, new_control_code()),
        (None, new_control_code()),
        (unknown, code),
        (identifier, "no code at all"),
        ("证" * 40, "0" * 28),
    ):
        async with statements(hub) as asked:
            verdict = await hub.presentation.judge_code(named, typed, Question())
        told: dict[str, Any] = {name: value for name, value in verdict.to_json().items() if name != "checked_at"}
        seen.add((str(told), tuple(asked)))
        assert (told["result"], told["reason"], told["certificate"]) == ("failed", "control_code", None)
    assert len(seen) == 1
    assert (await hub.presentation.judge_code(identifier, code.lower(), Question())).result == "passed"


@pytest.mark.embedded
async def test_the_page_takes_a_typed_code_without_a_script(
    hub: Hub, client: httpx2.AsyncClient, tmp_path: Path
) -> None:
    identifier = await licence(hub)
    code = code_of(await read_document(hub, identifier, "pdf"), tmp_path)
    typed = "-".join(code[at : at + 4] for at in range(0, 28, 4))
    page = await client.post("/verify?lang=en", data={"control_code": typed, "identifier": identifier})
    assert page.status_code == 200
    assert "Genuine and valid" in page.text
    assert identifier in page.text
    wrong = await client.post("/verify?lang=en", data={"control_code": new_control_code(), "identifier": ""})
    assert "No page has this code" in wrong.text
    both = await client.post("/api/v1/verify", json={"control_code": code, "token": "x"})
    assert both.status_code == 422
    assert (await client.post("/api/v1/verify", json={})).status_code == 422
