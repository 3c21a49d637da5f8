"""The pull through the API, on both databases."""

import asyncio
import json
import uuid

import httpx2
import pytest

from hub.runtime import Hub
from tests.support import ENTERPRISE, NARROW, Place, case_body, grant_definition, open_case, pull


def outcomes(answer: httpx2.Response) -> dict[str, str]:
    assert answer.status_code == 200, answer.text
    return {item["code"]: item["outcome"] for item in answer.json()["requirements"]}


async def test_granted_fields_of_a_confirmed_holder_are_satisfied(place: Place, client: httpx2.AsyncClient) -> None:
    headers = await place.headers(client)
    case_no = await open_case(client, headers)
    answer = await pull(client, headers, case_no, requirements=["licence"])
    assert outcomes(answer) == {"licence": "satisfied"}
    item = answer.json()["requirements"][0]
    assert item["evidence"]["claims"]["name"] == ENTERPRISE["name"]
    assert set(item["evidence"]["claims"]) == {"name", "uscc", "address"}
    assert answer.json()["still_needed"] == []
    assert answer.json()["saved"]["papers"] == 1


async def test_a_field_outside_the_grant_is_not_granted(place: Place, client: httpx2.AsyncClient) -> None:
    headers = await place.headers(client)
    case_no = await open_case(client, headers)
    answer = await pull(client, headers, case_no, requirements=["licence", "representative"])
    assert outcomes(answer) == {"licence": "satisfied", "representative": "not_granted"}
    assert answer.json()["requirements"][1]["why"]["code"] == "field_not_granted"


async def test_an_absent_party_makes_its_requirement_not_applicable(place: Place, client: httpx2.AsyncClient) -> None:
    headers = await place.headers(client)
    case_no = await open_case(client, headers)
    assert outcomes(await pull(client, headers, case_no))["agent_identity"] == "not_applicable"


async def test_same_idempotency_key_gives_the_same_bytes(place: Place, client: httpx2.AsyncClient) -> None:
    headers = await place.headers(client) | {"Idempotency-Key": str(uuid.uuid4())}
    case_no = await open_case(client, headers)
    first, second = await pull(client, headers, case_no), await pull(client, headers, case_no)
    assert first.content == second.content


async def test_another_body_under_the_key_is_refused(place: Place, client: httpx2.AsyncClient) -> None:
    headers = await place.headers(client) | {"Idempotency-Key": str(uuid.uuid4())}
    case_no = await open_case(client, headers)
    await pull(client, headers, case_no)
    answer = await pull(client, headers, case_no, requirements=["licence"])
    assert answer.status_code == 409
    assert answer.json()["type"].endswith("/problems/idempotency-key-reused")


async def test_fifty_twins_make_one_case(place: Place, client: httpx2.AsyncClient) -> None:
    headers = await place.headers(client) | {"Idempotency-Key": str(uuid.uuid4())}
    body = json.dumps(case_body()).encode()
    sent = {**headers, "Content-Type": "application/json"}
    answers = await asyncio.gather(*(client.post("/api/v1/cases", content=body, headers=sent) for _ in range(50)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["case_no"] for answer in answers}) == 1


@pytest.mark.parametrize(
    "party",
    [
        {**ENTERPRISE, "name": "别家公司"},
        {**ENTERPRISE, "id_number": "91110000600007394P"[:17] + "?"},
    ],
    ids=["mismatched", "malformed"],
)
async def test_a_wrong_identity_discloses_nothing(
    place: Place, client: httpx2.AsyncClient, party: dict[str, str]
) -> None:
    headers = await place.headers(client)
    answer = await client.post(
        "/api/v1/cases", json=case_body(parties=[{"role": "applicant", **party}]), headers=headers
    )
    if answer.status_code == 422:
        assert party["id_number"] not in answer.text
        return
    result = await pull(client, headers, answer.json()["case_no"], requirements=["licence"])
    assert outcomes(result) == {"licence": "identity_unconfirmed"}


async def test_somebody_elses_case_is_not_found_and_on_the_ledger(
    place: Place, client: httpx2.AsyncClient, hub: Hub
) -> None:
    case_no = await open_case(client, await place.headers(client))
    await hub.ledger.drain()
    before = (await hub.ledger.verify()).entries
    answer = await pull(client, await place.headers(client, NARROW), case_no)
    assert answer.status_code == 404
    await hub.ledger.drain()
    assert (await hub.ledger.verify()).entries == before + 1


async def test_a_quota_of_two_gives_two(place: Place, client: httpx2.AsyncClient, hub: Hub) -> None:
    await hub.registry.add_grant(grant_definition(hub, system=NARROW, quota_per_day=2))
    headers = await place.headers(client, NARROW)
    case_no = await open_case(client, headers)
    given = [outcomes(await pull(client, headers, case_no, requirements=["licence"]))["licence"] for _ in range(3)]
    assert given == ["satisfied", "satisfied", "not_granted"]
