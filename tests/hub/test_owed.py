"""What a failing source leaves behind is owed by its department, and never asked of the person."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from sqlalchemy import text

from catalog.grants import GrantState
from hub.access.actors import COMMAND
from hub.intake.compose import BUNDLE_TYPE
from hub.intake.owed.opening import COLLECT
from hub.storage.errors import MissingError
from signing.jose import verify_jws
from tests.exchange.conftest import Town, add_source, definition, grant, publish, row
from tests.exchange.register import Register, serving
from tests.exchange.test_indexed import STANDING, furnish, standing
from tests.serving import problem
from tests.support import AMR, ENTERPRISE, Place, pull, requirement

CODE, SECOND = "standing", "standing_again"


@pytest.fixture
async def town(place: Place) -> AsyncIterator[Town]:
    """A matter of two requirements whose claims lie at a register that is away."""
    networks = ("127.0.0.0/8",)
    async with (
        serving(Register({ENTERPRISE["id_number"]: [row()]})) as register,
        place.open(egress_networks=networks) as hub,
        place.client(hub) as client,
    ):
        await add_source(hub, register.port)
        await publish(hub, definition())
        await hub.registry.add_grant(grant(matters=["STANDING"]))
        found = Town(place, hub, client, await place.headers(client), register, "")
        await furnish(hub, standing(), "name", "standing")
        register.mood = "html"
        yield found


async def two(town: Town) -> None:
    """The matter asks the register for two things."""
    asked_for = ((CODE, "存续证明", "name"), (SECOND, "登记状态", "standing"))
    declared = {
        "code_system": "test",
        "code": "STANDING",
        "name": {"zh": "投标", "en": "Tender"},
        "department": AMR,
        "roles": ["applicant"],
        "owed_clock": "runs",
        "requirements": [
            requirement(code, title, "applicant", [[{"type": STANDING, "fields": [field]}]])
            for code, title, field in asked_for
        ],
    }
    await town.hub.registry.add_matter(declared)


async def asked(town: Town, case_no: str) -> dict[str, Any]:
    answer = await pull(town.client, town.headers, case_no)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def get(town: Town, path: str) -> httpx2.Response:
    return await town.client.get(path, headers=town.headers)


async def debts(town: Town, case_no: str) -> list[dict[str, Any]]:
    answer = await get(town, f"/api/v1/cases/{case_no}/owed")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["owed"]
    return found


async def close(town: Town, case_no: str, **body: bool) -> httpx2.Response:
    path = f"/api/v1/cases/{case_no}/close"
    if not body:
        return await town.client.post(path, headers=town.headers)
    return await town.client.post(path, headers=town.headers, json=body)


async def rows(town: Town, query: str, **given: Any) -> list[Any]:
    return await town.hub.database.read(lambda tx: list(tx.execute(text(query), given).all()))


async def kinds(town: Town) -> list[str]:
    found = await rows(
        town, "SELECT kind FROM ledger_entries WHERE kind LIKE 'debt%' OR kind = 'disclosure' ORDER BY id"
    )
    return sorted(item.kind for item in found)


async def told(town: Town, code: str) -> list[str]:
    query = "SELECT role FROM notices WHERE code = :code ORDER BY role"
    return [item.role for item in await rows(town, query, code=code)]


async def collect(town: Town, debt: dict[str, Any], attempt: int = 0, **more: Any) -> None:
    await town.hub.paying.collect({"debt": debt["id"], "attempt": attempt} | more)


async def test_what_a_source_fails_to_give_is_owed_and_comes_by_itself(town: Town) -> None:
    case_no = await town.case(matter="STANDING")
    answer, twin = await asyncio.gather(asked(town, case_no), asked(town, case_no))
    assert answer["owed"] == twin["owed"]
    (item,) = answer["requirements"]
    assert (item["outcome"], item["rung"], answer["still_needed"]) == ("source_unavailable", None, [])
    (owed,) = answer["owed"]
    due = datetime.fromisoformat(owed.pop("due_at"))
    assert timedelta(days=5) < due - datetime.now(UTC) < timedelta(days=16)
    said = {"code": CODE, "party": "applicant", "department": AMR, "cause": "source_faulty", "owed_clock": "pauses"}
    assert owed == said

    again = await asked(town, case_no)
    (debt,) = await debts(town, case_no)
    assert (debt["state"], again["owed"][0]["due_at"]) == ("open", debt["due_at"])
    assert (await kinds(town), await told(town, "debt.open")) == (["debt.open"], ["owner_engineer"])

    town.register.mood = "well"
    await collect(town, debt | {"id": str(uuid.uuid4())})
    with pytest.raises(MissingError):
        await town.hub.paying.pay(COMMAND, "no id")
    await collect(town, debt)
    (debt,) = await debts(town, case_no)
    assert (debt["state"], debt["outcome"], debt["overdue"]) == ("paid", "satisfied", False)
    paid = (await get(town, debt["evidence"])).json()
    assert paid["requirements"][0]["evidence"]["claims"] == {"name": ENTERPRISE["name"], "standing": "存续"}
    assert (paid["owed"], paid["still_needed"]) == ([], [])
    hub_key = town.hub.desk.hub("hub").signer.public
    said = [json.loads(verify_jws(body["bundle"], key=hub_key, typ=BUNDLE_TYPE).payload) for body in (answer, paid)]
    assert len({bundle["request_hash"] for bundle in said}) == 1
    assert [bundle["requirements"][0]["outcome"] for bundle in said] == ["source_unavailable", "satisfied"]
    assert await kinds(town) == ["debt.open", "debt.paid", "disclosure"]
    reads = len(town.register.asked)
    await collect(town, debt)
    assert len(town.register.asked) == reads


@pytest.mark.embedded
async def test_a_source_that_stays_away_is_asked_ever_more_seldom_and_at_most_once_a_minute(town: Town) -> None:
    first, second = [await town.case(matter="STANDING") for _ in range(2)]
    for case_no in (first, second):
        await asked(town, case_no)
    reads, requests = len(town.register.asked), "SELECT state FROM evidence_requests"
    before = len(await rows(town, requests))
    (debt,), (other,) = await debts(town, first), await debts(town, second)
    now = datetime.now(UTC)
    await collect(town, debt)
    await collect(town, other)
    await collect(town, debt)  # the same job again, as after a death
    assert len(town.register.asked) == reads + 1
    assert len(await rows(town, requests)) == before
    (debt,), (other,) = await debts(town, first), await debts(town, second)
    assert (debt["state"], debt["attempts"], other["attempts"]) == ("open", 1, 0)
    assert datetime.fromisoformat(debt["next_try_at"]) >= now + timedelta(minutes=2)
    query = "SELECT payload, due_at FROM outbox WHERE kind = :kind"
    jobs = [(json.loads(item.payload), item.due_at) for item in await rows(town, query, kind=COLLECT)]
    (waits,) = [due for payload, due in jobs if payload.get("queued")]
    assert waits >= (now + timedelta(minutes=1)).timestamp() * 1e6
    await collect(town, other, queued=True)  # too early
    assert len(town.register.asked) == reads + 1

    for stage in ("near", "over", "over"):
        await town.hub.paying.remind({"debt": debt["id"], "stage": stage})
    assert await told(town, "debt.near") == ["owner_approver"]
    assert await told(town, "debt.over") == ["operator", "owner_approver"]
    assert (await debts(town, first))[0]["state"] == "open"
    assert await told(town, "debt.open") == ["owner_engineer"]


@pytest.mark.embedded
async def test_an_answer_about_somebody_else_pays_nothing(town: Town) -> None:
    case_no = await town.case(matter="STANDING")
    await asked(town, case_no)
    town.register.mood = "well"
    town.register.rows[str(ENTERPRISE["id_number"])] = [row(企业名称="别家公司")]
    (debt,) = await debts(town, case_no)
    await collect(town, debt)
    (debt,) = await debts(town, case_no)
    assert (debt["state"], debt["cause"], debt["evidence"]) == ("open", "other_record", None)
    assert await kinds(town) == ["debt.open"]


@pytest.mark.embedded
async def test_a_debt_ends_with_its_grant_and_not_with_a_question_for_another_purpose(town: Town) -> None:
    case_no = await town.case(matter="STANDING")
    await asked(town, case_no)
    town.register.mood = "well"
    other = await pull(town.client, town.headers, case_no, purpose="其他用途")
    assert other.json()["requirements"][0]["outcome"] == "not_granted"
    (debt,) = await debts(town, case_no)
    assert debt["state"] == "open"
    (found,) = await rows(town, "SELECT id FROM grants WHERE type_code = :code", code=STANDING)
    await town.hub.registry.change_grant(found.id, GrantState.WITHDRAWN)
    reads = len(town.register.asked)
    await collect(town, debt)
    (debt,) = await debts(town, case_no)
    assert (debt["state"], debt["outcome"]) == ("ended", "not_granted")
    assert (await told(town, "debt.ended"), len(town.register.asked)) == (["consumer_engineer"], reads)
    assert (await close(town, case_no)).json()["state"] == "closed"


@pytest.mark.embedded
async def test_a_clerk_who_asks_again_is_answered_and_the_debt_is_paid(town: Town) -> None:
    case_no = await town.case(matter="STANDING")
    await asked(town, case_no)
    town.register.mood = "well"
    answer = await asked(town, case_no)
    (debt,) = await debts(town, case_no)
    assert (debt["state"], debt["evidence_request_id"]) == ("paid", answer["evidence_request_id"])
    assert await kinds(town) == ["debt.open", "debt.paid", "disclosure"]


async def test_a_case_closes_itself_when_the_last_debt_is_paid_whoever_pays(town: Town) -> None:
    await two(town)
    case_no = await town.case(matter="STANDING")
    first = await asked(town, case_no)
    assert [item["owed_clock"] for item in first["owed"]] == ["runs", "runs"]
    problem(await close(town, case_no), status=409, slug="debts-open")
    assert (await close(town, case_no, when_paid=True, abandon=True)).status_code == 422
    waiting = (await close(town, case_no, when_paid=True)).json()
    assert (waiting["state"], waiting["closed_at"]) == ("open", None)
    assert (await close(town, case_no, when_paid=True)).json() == waiting
    problem(await close(town, case_no), status=409, slug="debts-open")

    town.register.mood = "well"
    for refused in (await pull(town.client, town.headers, case_no), await town.query(case_no)):
        problem(refused, status=409, slug="case-closed")
    facts = await town.client.post(f"/api/v1/cases/{case_no}/facts", json={"facts": {}}, headers=town.headers)
    problem(facts, status=409, slug="case-closed")

    one, other = [item["id"] for item in await debts(town, case_no)]
    await asyncio.gather(*(town.hub.paying.pay(COMMAND, debt) for debt in (one, other, one, other)))
    assert await kinds(town) == ["debt.open", "debt.open", "debt.paid", "debt.paid", "disclosure", "disclosure"]
    closed = (await get(town, f"/api/v1/cases/{case_no}")).json()
    assert (closed["state"], closed["closing_asked_at"]) == ("closed", waiting["closing_asked_at"])
    for debt in await debts(town, case_no):
        came = await get(town, debt["evidence"])
        assert came.json()["requirements"][0]["outcome"] == "satisfied"
    earlier = f"/api/v1/evidence-requests/{first['evidence_request_id']}"
    problem(await get(town, earlier), status=409, slug="case-closed")
    states = await rows(town, "SELECT DISTINCT state FROM evidence_requests")
    assert [item.state for item in states] == ["done"]
    assert len(await rows(town, "SELECT id FROM case_archives")) == 1


@pytest.mark.embedded
async def test_of_a_debt_that_was_given_up_nothing_is_disclosed(town: Town) -> None:
    case_no = await town.case(matter="STANDING")
    await asked(town, case_no)
    (debt,) = await debts(town, case_no)
    town.register.mood = "gated"
    town.register.arrived.clear()
    paying = asyncio.create_task(town.hub.paying.pay(COMMAND, debt["id"]))
    await town.register.arrived.wait()
    assert (await close(town, case_no, abandon=True)).json()["state"] == "closed"
    town.register.gate.set()
    await paying
    (debt,) = await debts(town, case_no)
    assert (debt["state"], debt["evidence"]) == ("abandoned", None)
    assert await kinds(town) == ["debt.abandoned", "debt.open"]
    problem(await close(town, case_no), status=409, slug="case-closed")


@pytest.mark.embedded
async def test_what_an_earlier_release_left_open_ends_with_its_case(town: Town) -> None:
    case_no = await town.case(matter="STANDING")
    await asked(town, case_no)
    (debt,) = await debts(town, case_no)
    past = text("UPDATE cases SET state = 'closed', closed_at = opened_at")
    await town.hub.database.write(lambda tx: tx.execute(past))
    reads = len(town.register.asked)
    await collect(town, debt)
    assert ((await debts(town, case_no))[0]["state"], len(town.register.asked)) == ("abandoned", reads)
