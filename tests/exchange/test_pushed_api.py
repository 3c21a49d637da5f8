"""`POST /api/v1/sources/{code}/rows`: who may push, what is a batch, and repeats."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from hub.api.pushed import MAX_BYTES
from hub.clock import utc_now
from hub.runtime import Hub
from tests.adapters.town import KNOWN, RARE
from tests.exchange.pushing import CODE, body, found, register
from tests.support import POLICE, Place

PATH = f"/api/v1/sources/{CODE}/rows"
Client = httpx2.AsyncClient


@pytest.fixture
async def headers(place: Place, hub: Hub, client: Client) -> dict[str, str]:
    await register(hub)
    await register(hub, "police-push", POLICE)
    await register(hub, "amr-rest", kind="rest", connection={})
    return await place.headers(client)


def problem(answer: httpx2.Response) -> tuple[int, str, list[tuple[str, str]]]:
    told = answer.json()
    faults = [(fault["pointer"], fault["rule"]) for fault in told.get("errors", ())]
    return answer.status_code, told["type"].rpartition("/")[2], faults


async def test_rows_come_in_and_the_answer_counts_them(client: Client, hub: Hub, headers: dict[str, str]) -> None:
    answer = await client.post(PATH, json=body(KNOWN, {"name": "x"}, RARE), headers=headers)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert len(told.pop("batch")) == 36
    assert told == {
        "accepted": 2,
        "unchanged": 0,
        "superseded_older": 0,
        "rejected": [{"row": 1, "code": "key_missing"}],
    }
    assert await found(hub, uscc=KNOWN["uscc"]) == [KNOWN]


async def test_without_a_token_nothing_is_read(client: Client, hub: Hub, headers: dict[str, str]) -> None:
    assert problem(await client.post(PATH, content=b"{" * 100))[:2] == (401, "invalid-token")


@pytest.mark.parametrize("code", ["police-push", "nobody"])
@pytest.mark.sampled
async def test_another_departments_source_does_not_exist(client: Client, headers: dict[str, str], code: str) -> None:
    answer = await client.post(f"/api/v1/sources/{code}/rows", json=body(KNOWN), headers=headers)
    assert problem(answer) == (404, "not-found", [])


async def test_a_source_that_is_asked_takes_no_rows(client: Client, headers: dict[str, str]) -> None:
    answer = await client.post("/api/v1/sources/amr-rest/rows", json=body(KNOWN), headers=headers)
    assert problem(answer) == (422, "invalid-request", [("", "not_a_push_source")])


BAD: dict[str, tuple[dict[str, Any], list[tuple[str, str]]]] = {
    "unknown dataset": ({"dataset": "others"}, [("/dataset", "unknown_dataset")]),
    "another key": ({"key": ["name"]}, [("/key", "not_the_declared_key")]),
    "a key twice": ({"key": ["uscc", "uscc"]}, [("/key", "not_the_declared_key")]),
    "no time zone": ({"as_of": "2026-01-01T00:00:00"}, [("/as_of", "value_error")]),
    "the future": ({"as_of": (utc_now() + timedelta(days=366)).isoformat()}, [("/as_of", "in_the_future")]),
    "no rows": ({"rows": []}, [("/rows", "too_short")]),
    "rows that are no list": ({"rows": {}}, [("/rows", "list_type")]),
    "too many rows": ({"rows": [{"uscc": 1}] * 5001}, [("/rows", "too_long")]),
    "an unknown member": ({"colour": "red"}, [("", "extra_forbidden")]),
}


@pytest.mark.parametrize("case", BAD)
@pytest.mark.sampled
async def test_what_is_no_batch_is_refused_with_its_place(client: Client, headers: dict[str, str], case: str) -> None:
    changes, faults = BAD[case]
    answer = await client.post(PATH, json=body(KNOWN) | changes, headers=headers)
    assert problem(answer) == (422, "invalid-request", faults)
    assert KNOWN["name"] not in answer.text


async def test_json_lines_say_the_batch_first_and_then_a_row_a_line(
    client: Client, hub: Hub, headers: dict[str, str]
) -> None:
    head = {name: value for name, value in body().items() if name != "rows"}
    lines = [json.dumps(head), json.dumps(KNOWN, ensure_ascii=False), "", "{oops", json.dumps(RARE), '{"a":1,"a":2}']
    typed = {**headers, "Content-Type": "application/x-ndjson"}
    answer = await client.post(PATH, content="\n".join(lines).encode(), headers=typed)
    assert answer.status_code == 200, answer.text
    assert answer.json()["accepted"] == 2
    assert answer.json()["rejected"] == [{"row": 1, "code": "not_json"}, {"row": 3, "code": "not_json"}]
    assert await found(hub, uscc=RARE["uscc"]) == [RARE]
    for content, expected in ((b"", (400, "bad-request")), (b"oops\n{}", (400, "bad-request"))):
        assert problem(await client.post(PATH, content=content, headers=typed))[:2] == expected
    assert problem(await client.post(PATH, content=json.dumps(head).encode(), headers=typed)) == (
        422,
        "invalid-request",
        [("/rows", "too_short")],
    )


@pytest.mark.parametrize(
    ("content", "status"),
    [(b"[1]", 422), (b"{", 400), (b'{"rows":[],"rows":[]}', 400), (b"\xff", 400), (b"[" * 20 + b"]" * 20, 400)],
)
@pytest.mark.sampled
async def test_what_is_no_json_object_is_refused(
    client: Client, headers: dict[str, str], content: bytes, status: int
) -> None:
    typed = {**headers, "Content-Type": "application/json"}
    assert (await client.post(PATH, content=content, headers=typed)).status_code == status


async def test_a_batch_may_be_longer_than_other_bodies_and_not_than_eight_mebibytes(
    client: Client, headers: dict[str, str]
) -> None:
    rows = [{"uscc": f"U{number}", "text": "长" * 300} for number in range(5_000)]
    sent = json.dumps(body(*rows), ensure_ascii=False).encode()
    assert 4_000_000 < len(sent) < MAX_BYTES
    typed = {**headers, "Content-Type": "application/json"}
    assert (await client.post(PATH, content=sent, headers=typed)).json()["accepted"] == 5_000
    over = sent + b" " * (MAX_BYTES + 1 - len(sent))
    assert problem(await client.post(PATH, content=over, headers=typed))[:2] == (413, "body-too-large")
    elsewhere = await client.post("/api/v1/cases", content=sent, headers=typed)
    assert problem(elsewhere)[:2] == (413, "body-too-large")


async def test_the_same_key_gives_the_same_answer_and_another_body_is_refused(
    client: Client, hub: Hub, headers: dict[str, str]
) -> None:
    keyed = {**headers, "Idempotency-Key": "k-1"}
    first = await client.post(PATH, json=body(KNOWN, {"name": "x"}), headers=keyed)
    again = await client.post(PATH, json=body(KNOWN, {"name": "x"}), headers=keyed)
    assert first.json() == again.json()
    assert first.json()["accepted"] == 1
    other = await client.post(PATH, json=body(RARE), headers=keyed)
    assert problem(other)[:2] == (409, "idempotency-key-reused")
    assert await found(hub, uscc=RARE["uscc"]) == []


@pytest.mark.both
async def test_twins_with_one_key_are_one_batch(client: Client, headers: dict[str, str]) -> None:
    keyed = {**headers, "Idempotency-Key": "k-2"}
    answers = await asyncio.gather(*(client.post(PATH, json=body(KNOWN, RARE), headers=keyed) for _ in range(4)))
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.json()["batch"] for answer in answers} == {answers[0].json()["batch"]}
    assert answers[0].json()["accepted"] == 2


@pytest.mark.embedded
async def test_the_api_describes_the_batch(client: Client) -> None:
    described = (await client.get("/openapi.json")).json()
    operation = described["paths"]["/api/v1/sources/{code}/rows"]["post"]
    assert operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].endswith("/PushBody")
    assert set(described["components"]["schemas"]["PushBody"]["required"]) == {"dataset", "key", "as_of", "rows"}
