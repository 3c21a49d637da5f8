"""What ends between the check and the disclosure discloses nothing."""

import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from sqlalchemy import text

from catalog.grants import GrantState
from certificates.lifecycle.states import Operation
from hub.access.actors import COMMAND
from hub.runtime import Hub
from tests.hub.city import (
    change_status,
    ledger,
    one_refusal,
)
from tests.support import (
    AMR,
    ENTERPRISE,
    INTAKE,
    Place,
    issue,
    open_case,
    pull,
)

REPRESENTATIVE = "王晨光"
Change = dict[str, Any]


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
    await change_status(hub, ENTERPRISE, f"{AMR}001", Operation.REVOKE)


async def _hold(hub: Hub, _client: httpx2.AsyncClient, _headers: Change, _case_no: str) -> None:
    await change_status(hub, ENTERPRISE, f"{AMR}001", Operation.SUSPEND)


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
