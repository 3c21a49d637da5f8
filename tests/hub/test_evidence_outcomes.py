"""Every way a pull can say no: the outcome, its reason, one ledger entry, and nothing that was not granted."""

from typing import Any

import httpx2
import pytest
from sqlalchemy import text

from catalog.grants import GrantState
from hub.runtime import Hub
from tests.hub.city import (
    PERSON,
    ledger,
    one_refusal,
    shows_nothing,
)
from tests.support import (
    ENTERPRISE,
    NARROW,
    POLICE,
    Place,
    grant_definition,
    open_case,
    pull,
)

REPRESENTATIVE = "王晨光"
Change = dict[str, Any]


# Refused as a whole


async def test_a_closed_case_is_409(place: Place, hub: Hub, client: httpx2.AsyncClient) -> None:
    headers = await place.headers(client)
    case_no = await open_case(client, headers)
    await client.post(f"/api/v1/cases/{case_no}/close", headers=headers)
    before = await ledger(hub)
    answer = await pull(client, headers, case_no)
    assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (409, "case-closed")
    detail = await one_refusal(hub, before, REPRESENTATIVE, ENTERPRISE["id_number"])
    assert detail["reason"] == "case_closed"


@pytest.mark.parametrize("route", ["evidence", "show", "close"])
@pytest.mark.sampled
async def test_somebody_elses_case_and_no_case_are_the_same_404(
    place: Place, hub: Hub, client: httpx2.AsyncClient, route: str
) -> None:
    theirs = await open_case(client, await place.headers(client))
    headers = await place.headers(client, NARROW)
    bodies = []
    for case_no in (theirs, "YZ22222222222222222222"):
        before = await ledger(hub)
        if route == "evidence":
            answer = await pull(client, headers, case_no)
        elif route == "show":
            answer = await client.get(f"/api/v1/cases/{case_no}", headers=headers)
        else:
            answer = await client.post(f"/api/v1/cases/{case_no}/close", headers=headers)
        assert answer.status_code == 404
        detail = await one_refusal(hub, before, REPRESENTATIVE, ENTERPRISE["id_number"])
        assert detail["client_id"] == NARROW
        assert detail["case_no"] == case_no
        bodies.append({name: value for name, value in answer.json().items() if name != "instance"})
    assert bodies[0] == bodies[1]


async def test_an_unlisted_requirement_is_422_and_names_no_value(
    place: Place, hub: Hub, client: httpx2.AsyncClient
) -> None:
    headers = await place.headers(client)
    case_no = await open_case(client, headers)
    before = await ledger(hub)
    answer = await pull(client, headers, case_no, requirements=["licence", PERSON["id_number"]])
    assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (422, "requirement-not-listed")
    shows_nothing(answer.text)
    assert (await one_refusal(hub, before))["reason"] == "requirement_not_listed"


async def test_an_answer_of_another_system_is_not_found(place: Place, hub: Hub, client: httpx2.AsyncClient) -> None:
    headers = await place.headers(client)
    answer = await pull(client, headers, await open_case(client, headers))
    theirs = answer.json()["evidence_request_id"]
    narrow = await place.headers(client, NARROW)
    before = await ledger(hub)
    answer = await client.get(f"/api/v1/evidence-requests/{theirs}", headers=narrow)
    assert answer.status_code == 404
    await one_refusal(hub, before)


# Not granted

LAPSED = {"valid_from": "2020-01-01T00:00:00+08:00", "valid_until": "2021-01-01T00:00:00+08:00"}
NOT_BEGUN = {"valid_from": "2034-01-01T00:00:00+08:00"}
NOT_GRANTED: dict[str, tuple[str, Change | None, Change]] = {
    # name: (reason, the grant's difference (None: no grant), the request's difference)
    "none": ("no_grant", None, {}),
    "of_the_other_kind": ("no_grant", {"kind": "ex_officio", "officers": ["op-1"], "quota_per_day": 9}, {}),
    "of_another_type": ("no_grant", {"type": "identity_card", "owner": POLICE, "fields": ["name"]}, {}),
    "purpose": ("purpose_not_granted", {}, {"purpose": "随便看看"}),
    "matter": ("matter_not_granted", {"matters": ["OTHER"]}, {}),
    "field": ("field_not_granted", {"fields": ["name", "uscc"]}, {}),
    "lapsed": ("grant_not_in_force", LAPSED, {}),
    "not_begun": ("grant_not_in_force", NOT_BEGUN, {}),
    "corroboration": ("corroboration_missing", {"corroboration": ["presentation_code"]}, {}),
}


@pytest.mark.parametrize("name", NOT_GRANTED)
@pytest.mark.sampled
async def test_outside_the_grant_is_not_granted_with_its_reason(
    place: Place, hub: Hub, client: httpx2.AsyncClient, name: str
) -> None:
    reason, grant, asked = NOT_GRANTED[name]
    if grant is not None:
        await hub.registry.add_grant(grant_definition(hub, system=NARROW, **grant))
    await _not_granted(place, hub, client, reason, **asked)


@pytest.mark.parametrize("state", [GrantState.SUSPENDED, GrantState.WITHDRAWN])
async def test_a_suspended_or_withdrawn_grant_gives_nothing(
    place: Place, hub: Hub, client: httpx2.AsyncClient, state: GrantState
) -> None:
    grant_id = await hub.registry.add_grant(grant_definition(hub, system=NARROW))
    await hub.registry.change_grant(grant_id, state)
    await _not_granted(place, hub, client, f"grant_{state.value}")
    if state is GrantState.SUSPENDED:
        await hub.registry.change_grant(grant_id, GrantState.LIVE)
        headers = await place.headers(client, NARROW)
        answer = await pull(client, headers, await open_case(client, headers), requirements=["licence"])
        assert answer.json()["requirements"][0]["outcome"] == "satisfied"


async def test_a_used_up_quota_is_not_granted_and_a_repeat_uses_none(
    place: Place, hub: Hub, client: httpx2.AsyncClient
) -> None:
    await hub.registry.add_grant(grant_definition(hub, system=NARROW, quota_per_day=100))  # leased by twos
    headers = await place.headers(client, NARROW)
    case_no = await open_case(client, headers)
    keyed = headers | {"Idempotency-Key": "one"}
    first = await pull(client, keyed, case_no, requirements=["licence"])
    await hub.database.write(lambda tx: tx.execute(text("UPDATE grant_quotas SET leased = 99")))  # 1 here, 1 there
    for _ in range(5):
        assert (await pull(client, keyed, case_no, requirements=["licence"])).content == first.content
        assert (await pull(client, headers, case_no, requirements=["unlisted"])).status_code == 422
    for _ in range(2):
        answer = await pull(client, headers, case_no, requirements=["licence"])
        assert answer.json()["requirements"][0]["outcome"] == "satisfied"
    await _not_granted(place, hub, client, "quota_exhausted")


async def _not_granted(place: Place, hub: Hub, client: httpx2.AsyncClient, reason: str, **asked: Any) -> None:
    headers = await place.headers(client, NARROW)
    case_no = await open_case(client, headers)
    before = await ledger(hub)
    answer = await pull(client, headers, case_no, requirements=["licence"], **asked)
    assert answer.status_code == 200, answer.text
    item = answer.json()["requirements"][0]
    assert (item["outcome"], item["why"]["code"], item["rung"]) == ("not_granted", reason, "paper")
    assert "evidence" not in item
    assert answer.json()["still_needed"] == ["licence"]
    shows_nothing(answer.text, REPRESENTATIVE, "中心路", "食品销售")
    detail = await one_refusal(hub, before, REPRESENTATIVE, "中心路", ENTERPRISE["id_number"])
    assert (detail["outcome"], detail["why"]) == ("not_granted", reason)
