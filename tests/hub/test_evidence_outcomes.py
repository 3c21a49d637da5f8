"""Every way a pull can say no: the outcome, its reason, one ledger entry, and nothing that was not granted."""

import json
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from sqlalchemy import text

from catalog.grants import GrantState
from certificates.lifecycle import Operation
from hub.access.actors import COMMAND
from hub.runtime import Hub, open_hub
from tests.hub.city import CIVIL as CIVIL_AFFAIRS
from tests.hub.city import ESTATE as REGISTRY
from tests.hub.city import (
    HOME,
    PERMITS,
    PERSON,
    STRANGER,
    City,
    grow,
    identity_claims,
    ledger,
    marriage_claims,
    one_refusal,
    permit_claims,
    shows_nothing,
    statements,
    title_claims,
)
from tests.support import (
    AMR,
    ENTERPRISE,
    INTAKE,
    NARROW,
    POLICE,
    Place,
    grant_definition,
    issue,
    open_case,
    pull,
)

REPRESENTATIVE = "王晨光"
Change = dict[str, Any]


@pytest.fixture
async def city(place: Place, hub: Hub, client: httpx2.AsyncClient) -> City:
    return await grow(place, hub, client)


async def _identifiers(hub: Hub, id_type: str, id_number: str) -> dict[str, str]:
    from hub.issuing.files import identifiers_of

    return {item["type"]: item["identifier"] for item in await identifiers_of(hub, id_type, id_number)}


async def _change(hub: Hub, holder: dict[str, str], type_code: str, operation: Operation) -> None:
    found = await _identifiers(hub, holder["id_type"], holder["id_number"])
    await hub.status.change(found[type_code], operation, reason="test", legal_basis="test")


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


# What the library says

Prepare = Callable[[City], Awaitable[object]]


async def _nothing(_: City) -> None:
    return


async def _married(city: City) -> None:
    await issue(city.hub, marriage_claims(), slug="marriage_certificate", issuer=CIVIL_AFFAIRS)


async def _after(city: City, operation: Operation) -> None:
    await _married(city)
    await _change(city.hub, PERSON, f"{CIVIL_AFFAIRS}001", operation)


async def _titles(city: City, *numbers: str) -> None:
    claims = [title_claims(number) for number in numbers]
    await issue(city.hub, *claims, slug="real_estate_title", issuer=REGISTRY)


async def _permit(city: City, until: str) -> None:
    await issue(city.hub, permit_claims(valid_until=until), slug="residence_permit", issuer=PERMITS)


async def _card_revoked(city: City) -> None:
    await _married(city)
    await _change(city.hub, PERSON, f"{POLICE}001", Operation.REVOKE)


async def _card_renamed(city: City) -> None:
    """A newer card under another name: the old name confirms nothing any more."""
    await _married(city)
    await issue(city.hub, identity_claims(name="陈新示"), slug="identity_card", issuer=POLICE)


LIBRARY: dict[str, tuple[str, str, str, Prepare]] = {
    # name: (requirement, outcome, reason, what went before)
    "complete_type_without_record": ("marriage", "declared_none", "no_record", _nothing),
    "incomplete_type_without_record": ("title", "no_source", "no_record_and_not_complete", _nothing),
    "revoked": ("marriage", "refused", "certificate_revoked", lambda c: _after(c, Operation.REVOKE)),
    "suspended": ("marriage", "refused", "certificate_suspended", lambda c: _after(c, Operation.SUSPEND)),
    "several": ("title", "ambiguous", "several_certificates", lambda c: _titles(c, "T1", "T2")),
    "expired": ("permit", "declared_none", "certificate_expired", lambda c: _permit(c, "2026-01-01")),
    "identity_card_revoked": ("marriage", "identity_unconfirmed", "identity_unconfirmed", _card_revoked),
    "name_of_yesterday": ("marriage", "identity_unconfirmed", "identity_unconfirmed", _card_renamed),
}


@pytest.mark.parametrize("name", LIBRARY)
async def test_what_the_library_says_is_never_mixed_up(city: City, name: str) -> None:
    code, outcome, reason, prepare = LIBRARY[name]
    await prepare(city)
    before = await ledger(city.hub)
    item = await city.ask(code)
    assert (item["outcome"], item["why"]["code"]) == (outcome, reason)
    assert "evidence" not in item
    shows_nothing(json.dumps(item, ensure_ascii=False))
    detail = await one_refusal(city.hub, before, kind="answer" if outcome == "declared_none" else "refusal")
    assert (detail["outcome"], detail["why"]) == (outcome, reason)


async def test_the_same_records_in_force_are_satisfied(city: City) -> None:
    """Or the outcomes above would prove nothing."""
    await _married(city)
    await _titles(city, "T1")
    await _permit(city, "2035-06-30")
    for code in ("marriage", "title", "permit", "identity"):
        assert (await city.ask(code))["outcome"] == "satisfied"


async def test_the_last_day_counts_and_the_day_after_does_not(city: City) -> None:
    """Civil days in Asia/Shanghai, with an inclusive end."""
    await _permit(city, "2030-06-30")
    shift = [datetime(2030, 6, 30, 15, 59, tzinfo=UTC)]
    async with open_hub(city.place.settings(), clock=lambda: shift[0]) as hub, city.place.client(hub) as client:
        later = City(city.place, hub, client, {})
        assert await _permit_then(later, shift[0]) == "satisfied"
        shift[0] = datetime(2030, 6, 30, 16, 0, tzinfo=UTC)
        assert await _permit_then(later, shift[0]) == "declared_none"


async def _permit_then(city: City, moment: datetime) -> str:
    from tests.support import assertion, token_form

    seconds = int(moment.timestamp())
    form = token_form(assertion(city.place.signer(), "intake", iat=seconds, exp=seconds + 60))
    token = (await city.client.post("/oauth/token", data=form)).json()["access_token"]
    then = City(city.place, city.hub, city.client, {"Authorization": f"Bearer {token}"})
    return str((await then.ask("permit"))["outcome"])


async def test_a_superseded_version_is_never_used(city: City) -> None:
    await _married(city)
    await issue(
        city.hub,
        marriage_claims(registered_on="2021-08-08"),
        slug="marriage_certificate",
        issuer=CIVIL_AFFAIRS,
        as_of=datetime.now(UTC) + timedelta(seconds=1),
    )
    item = await city.ask("marriage")
    assert item["evidence"]["claims"]["registered_on"] == "2021-08-08"
    assert item["evidence"]["certificate"]["identifier"].split(".")[-2] == "002"
    await _change(city.hub, PERSON, f"{CIVIL_AFFAIRS}001", Operation.REVOKE)
    assert (await city.ask("marriage"))["outcome"] == "refused"  # and not the first version in its place


# Unknown and mismatched


async def test_an_unknown_and_a_mismatched_person_take_the_same_way(city: City) -> None:
    await _married(city)
    await issue(city.hub, permit_claims(), slug="residence_permit", issuer=PERMITS)
    await city.ask("marriage", holder=STRANGER | {"name": "先来者"})  # the matter is read once
    seen = []
    for holder in (STRANGER, PERSON | {"name": "陈小示"}):
        parties = [{"role": "applicant", **holder}]
        case_no = await open_case(city.client, city.headers, matter=HOME, parties=parties)
        async with statements(city.hub) as sql:
            answer = await pull(city.client, city.headers, case_no)
        assert answer.status_code == 200, answer.text
        seen.append((_without_ids(answer.json()), list(sql), len(answer.content)))
    unknown, mismatched = seen
    assert {item["outcome"] for item in unknown[0]["requirements"]} == {"identity_unconfirmed"}
    assert unknown[0] == mismatched[0]
    assert unknown[1] == mismatched[1]
    assert unknown[2] == mismatched[2]
    assert len(unknown[1]) > 5


def _without_ids(body: dict[str, Any]) -> dict[str, Any]:
    for item in body["requirements"]:
        del item["receipt"]
    return {name: body[name] for name in ("requirements", "still_needed", "saved")}


# Between check and disclosure (seam D6)


async def _withdraw(hub: Hub, _client: httpx2.AsyncClient, _headers: Change, _case_no: str) -> None:
    found = await hub.database.read(lambda tx: tx.execute(text("SELECT id FROM grants")).scalar_one())
    await hub.registry.change_grant(str(found), GrantState.WITHDRAWN)


async def _suspend(hub: Hub, _client: httpx2.AsyncClient, _headers: Change, _case_no: str) -> None:
    found = await hub.database.read(lambda tx: tx.execute(text("SELECT id FROM grants")).scalar_one())
    await hub.registry.change_grant(str(found), GrantState.SUSPENDED)


async def _close(_hub: Hub, client: httpx2.AsyncClient, headers: Change, case_no: str) -> None:
    assert (await client.post(f"/api/v1/cases/{case_no}/close", headers=headers)).status_code == 200


async def _disable(hub: Hub, _client: httpx2.AsyncClient, _headers: Change, _case_no: str) -> None:
    await hub.systems.set_active(COMMAND, INTAKE, active=False)


async def _end_key(hub: Hub, _client: httpx2.AsyncClient, _headers: Change, _case_no: str) -> None:
    (key,) = (await hub.systems.get(COMMAND, INTAKE)).keys
    await hub.systems.end_key(COMMAND, INTAKE, key.kid)


async def _revoke(hub: Hub, _client: httpx2.AsyncClient, _headers: Change, _case_no: str) -> None:
    await _change(hub, ENTERPRISE, f"{AMR}001", Operation.REVOKE)


async def _hold(hub: Hub, _client: httpx2.AsyncClient, _headers: Change, _case_no: str) -> None:
    await _change(hub, ENTERPRISE, f"{AMR}001", Operation.SUSPEND)


async def _renew(hub: Hub, _client: httpx2.AsyncClient, _headers: Change, _case_no: str) -> None:
    from tests.support import enterprise_claims

    await issue(hub, enterprise_claims(address="示例市新路9号"), as_of=datetime.now(UTC) + timedelta(seconds=1))


BETWEEN: dict[str, tuple[int, str | None, Callable[..., Awaitable[None]]]] = {
    "grant_withdrawn": (200, "not_granted", _withdraw),
    "grant_suspended": (200, "not_granted", _suspend),
    "case_closed": (409, None, _close),
    "system_disabled": (401, None, _disable),
    "key_ended": (401, None, _end_key),
    "certificate_revoked": (200, "refused", _revoke),
    "certificate_suspended": (200, "refused", _hold),
    "certificate_superseded": (200, "source_unavailable", _renew),
}


@pytest.mark.parametrize("name", BETWEEN)
async def test_what_ends_between_check_and_disclosure_discloses_nothing(
    place: Place, hub: Hub, client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    status, outcome, act = BETWEEN[name]
    headers = await place.headers(client)
    case_no = await open_case(client, headers)
    course = hub.evidence._course
    claim = course.claim
    before: list[Any] = []

    async def claim_then_act(*arguments: Any, **named: Any) -> Any:
        claimed = await claim(*arguments, **named)
        assert claimed.resolutions[0].sources  # it would have been disclosed
        await act(hub, client, headers, case_no)
        before.extend(await ledger(hub))
        return claimed

    monkeypatch.setattr(course, "claim", claim_then_act)
    answer = await pull(client, headers, case_no, requirements=["licence"])
    assert answer.status_code == status
    assert "evidence" not in answer.text.replace("evidence_request_id", "")
    assert "中心路" not in answer.text
    await one_refusal(hub, before, REPRESENTATIVE, "中心路", ENTERPRISE["id_number"])
    if outcome is not None:
        assert answer.json()["requirements"][0]["outcome"] == outcome
        assert answer.json()["requirements"][0]["why"]["code"] != "satisfied"


async def test_a_stored_answer_is_not_given_again_after_the_grant_or_the_case(
    place: Place, hub: Hub, client: httpx2.AsyncClient
) -> None:
    headers = await place.headers(client)
    case_no = await open_case(client, headers)
    keyed = headers | {"Idempotency-Key": str(uuid.uuid4())}
    first = await pull(client, keyed, case_no, requirements=["licence"])
    again = f"/api/v1/evidence-requests/{first.json()['evidence_request_id']}"
    before = await ledger(hub)
    assert (await client.get(again, headers=headers)).content == first.content
    assert await ledger(hub, since=before) == []
    await _withdraw(hub, client, headers, case_no)
    before = await ledger(hub)
    answer = await client.get(again, headers=headers)
    assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (403, "grant-ended")
    await one_refusal(hub, before)
    await _close(hub, client, headers, case_no)
    assert (await client.get(again, headers=headers)).status_code == 409
    assert (await pull(client, keyed, case_no, requirements=["licence"])).status_code == 409
