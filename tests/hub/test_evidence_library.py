"""What the library says about a person, and that its answers are never mixed up."""

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from certificates.lifecycle.states import Operation
from hub.runtime import Hub, open_hub
from tests.hub.city import CIVIL as CIVIL_AFFAIRS
from tests.hub.city import ESTATE as REGISTRY
from tests.hub.city import (
    HOME,
    PERMITS,
    PERSON,
    STRANGER,
    City,
    change_status,
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
    POLICE,
    Place,
    issue,
    open_case,
    pull,
)


@pytest.fixture
async def city(place: Place, hub: Hub, client: httpx2.AsyncClient) -> City:
    return await grow(place, hub, client)


# What the library says

Prepare = Callable[[City], Awaitable[object]]


async def _nothing(_: City) -> None:
    return


async def _married(city: City) -> None:
    await issue(city.hub, marriage_claims(), slug="marriage_certificate", issuer=CIVIL_AFFAIRS)


async def _after(city: City, operation: Operation) -> None:
    await _married(city)
    await change_status(city.hub, PERSON, f"{CIVIL_AFFAIRS}001", operation)


async def _titles(city: City, *numbers: str) -> None:
    claims = [title_claims(number) for number in numbers]
    await issue(city.hub, *claims, slug="real_estate_title", issuer=REGISTRY)


async def _permit(city: City, until: str) -> None:
    await issue(city.hub, permit_claims(valid_until=until), slug="residence_permit", issuer=PERMITS)


async def _card_revoked(city: City) -> None:
    await _married(city)
    await change_status(city.hub, PERSON, f"{POLICE}001", Operation.REVOKE)


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
@pytest.mark.sampled
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
    await change_status(city.hub, PERSON, f"{CIVIL_AFFAIRS}001", Operation.REVOKE)
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
