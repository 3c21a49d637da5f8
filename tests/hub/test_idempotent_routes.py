"""Every POST that creates something takes an Idempotency-Key, or stands here with the reason why it needs none."""

from typing import Any, Final

import httpx2
import pytest
from fastapi.routing import APIRoute
from sqlalchemy import func, select

from catalog.tables import table
from hub.deps import idempotency_key
from hub.intake.handling.tables import CaseStepRow, DeadEndRow
from hub.runtime import Hub
from hub.storage.tables import IdempotencyRow
from signing.sd_jwt import parse
from tests.hub.test_case_stages import ANNA, BURIAL, Hall, hall, mandated
from tests.routes import calls, inside
from tests.serving import problem
from tests.support import application, open_case

pytestmark = pytest.mark.embedded
__all__ = ["hall"]
STEP = "a step of something that is there: taken once, and the second time refused or answered alike"
ALIKE = "the same again is the same thing, by its nature"
READS = "creates nothing that lasts"
PERSON = "people have no key: a code is taken once, a change that matters wants a second person, a test tests again"
OTHER = "another protocol, with its own guard against repeats, or none to guard"
EXCEPTIONS: Final = {
    STEP: {
        "/api/v1/cases/{case_no}/close", "/api/v1/cases/{case_no}/accept", "/api/v1/cases/{case_no}/decide",
        "/api/v1/cases/{case_no}/ask-more", "/api/v1/cases/{case_no}/supplied",
        "/api/v1/cases/{case_no}/amend",  # by its `change_no`
        "/api/v1/cases/{case_no}/form/sign", "/api/v1/families/{family_no}/form/sign",  # by what is signed
        "/api/v1/cases/{case_no}/sealed-copies/{copy_id}/withdraw",
        "/api/v1/cases/{case_no}/commitments/{commitment_id}/confirm",
        "/api/v1/cases/{case_no}/commitments/{commitment_id}/{step}",
        "/api/v1/families/{family_no}/close", "/api/v1/demands/{demand_id}/withdraw",
        "/api/v1/grant-requests/{request_id}/supply",
        "/api/v1/grant-requests/{request_id}/approve", "/api/v1/grant-requests/{request_id}/{step}",
        "/api/v1/grants/{grant_id}/{step}", "/api/v1/notices/{notice_id}/seen", "/api/v1/batches/{batch}/start",
        "/api/v1/bulk/{run}/cancel", "/api/v1/bulk/{run}/release", "/api/v1/bulk/{run}/refuse",
        "/api/v1/showings/requests/{request_id}/cancel",
        "/api/v1/showings/take", "/receive",  # a code shows once: whoever loses the answer asks the holder again
        "/rate",  # the slip's code rates once
    },
    ALIKE: {
        "/api/v1/cases/{case_no}/facts", "/api/v1/families/{family_no}/facts", "/api/v1/families/{family_no}/parties",
        "/api/v1/cases/{case_no}/asks", "/api/v1/cases/{case_no}/commitments",
        "/api/v1/ledger/cosignatures",  # of a witness's lines the newest counts
        "/api/v1/batches/by-holder",  # what has not changed is not issued again
    },
    READS: {
        "/api/v1/cases/{case_no}/plan", "/api/v1/life-events/{code}/guide", "/api/v1/matters/{code}/guide",
        "/api/v1/grant-requests/check", "/api/v1/certificates/search", "/api/v1/verify", "/verify", "/tsa",
        "/guides/{code}", "/guides/events/{code}",
        "/api/v1/wallet-requests",  # over after five minutes, forgotten after an hour
    },
    OTHER: {
        "/oauth/token",  # `jti` of the assertion
        "/gateway/app/refreshTokenByKey.htm", "/gateway/app/refreshTokenBySec.htm",
        "/gateway/api/{region}/dataSharing/{code}.htm", "/api/v1/agents/{source}/poll",
        "/api/v1/agents/{source}/answers/{item}", "/api/v1/agents/{source}/deliveries/{item}",
        "/api/v1/agents/{source}/errands",
    },
}  # fmt: skip
"""Beside `PERSON`, which is every route of staff or of a signed-in holder: see `by_people`."""
ELSEWHERE: Final = ("/console", "/me", "/kiosk", "/wallets/")
"""Pages, whose forms have tokens of their own; and OpenID4VCI, whose codes, proofs and requests are taken once."""
PEOPLE: Final = {"staff_actor", "acting_holder"}


def by_people(route: APIRoute) -> bool:
    """Whether only people can ask it: by a session, or by a token of staff."""
    return bool(PEOPLE & {getattr(call, "__name__", "") for call in calls(route.dependant)})


def test_every_route_that_creates_takes_a_key_or_says_why_not(hub: Hub) -> None:
    with application(hub) as app:
        posts = [route for route in inside(app._app) if "POST" in (route.methods or ())]
    api = [route for route in posts if not route.path.startswith(ELSEWHERE)]
    keyless = {route.path for route in api if idempotency_key not in set(calls(route.dependant))}
    people = {route.path for route in api if by_people(route)}
    listed = {path for paths in EXCEPTIONS.values() for path in paths}
    assert len(api) > 100, "the walk finds the routes"
    assert keyless - people - listed == set(), "creates without a key: take KeyDep, or say why not"
    assert listed - keyless == set(), "listed, and gone or with a key"
    assert listed & people == set(), f"listed twice: {PERSON}"


async def count(hub: Hub, rows: Any) -> int:
    return int(await hub.database.read(lambda tx: tx.execute(select(func.count()).select_from(rows)).scalar_one()))


async def send(hall: Hall, path: str, key: str, **body: Any) -> httpx2.Response:
    whole = {"operator": ANNA} | body
    return await hall.client.post(f"/api/v1/cases/{path}", json=whole, headers=hall.own | {"Idempotency-Key": key})


async def test_a_dead_end_and_a_notice_are_made_once_a_key(hall: Hall) -> None:
    hub = hall.hub
    await mandated(hub)
    case_no = await open_case(hall.client, hall.own, matter=BURIAL)
    sent = [await send(hall, f"{case_no}/dead-end", "stuck", reason="other", note="无法办理") for _ in range(2)]
    assert [answer.status_code for answer in sent] == [201, 201]
    assert sent[0].json()["id"] == sent[1].json()["id"]
    assert await count(hub, table(DeadEndRow)) == 1
    other = await send(hall, f"{case_no}/dead-end", "stuck", reason="other", note="另一个")
    problem(other, status=409, slug="idempotency-key-reused")
    second = await send(hall, f"{case_no}/dead-end", "again", reason="other", note="无法办理")
    problem(second, status=409, slug="dead-end-open")
    assert (await hall.do(case_no, "accept")).status_code == 200
    told: dict[str, Any] = {"kind": "acceptance", "shown": ["applicant_name"]}
    notices = [(await send(hall, f"{case_no}/notice", "n", **told)).json()["notice"] for _ in range(2)]
    mine, again = (parse(token) for token in notices)
    assert (mine.payload["jti"], mine.disclosures) == (again.payload["jti"], again.disclosures), "salts and all"
    steps = table(CaseStepRow)
    kinds = await hub.database.read(lambda tx: tx.execute(select(steps.c.step).order_by(steps.c.id)).scalars().all())
    assert kinds.count("notice") == 1
    fresh = (await hall.do(case_no, "notice", **told)).json()["notice"]
    assert parse(fresh).payload["jti"] != mine.payload["jti"]
    assert await count(hub, table(IdempotencyRow)) == 2
