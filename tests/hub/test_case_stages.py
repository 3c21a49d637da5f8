"""Accepted, asked for more once, decided: by whom it may be, and for another department under its mandate."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx2
import pytest
from sqlalchemy import text

from catalog.errors import DefinitionError
from hub.access.actors import COMMAND, Actor, Role
from hub.access.errors import ForbiddenError
from hub.intake.handling.deciding import Decision
from hub.intake.handling.mandates import MANDATE
from hub.intake.handling.steps import by_staff
from hub.runtime import Hub
from hub.storage.errors import MissingError
from signing.keys import SoftwareSigner
from tests.hub.city import ledger
from tests.registry.asking import staff
from tests.serving import problem
from tests.support import (
    AMR,
    NARROW,
    POLICE,
    Place,
    grant_definition,
    matter_definition,
    open_case,
    pull,
    requirement,
    valid_uscc,
)

ANNA, BODO = {"id": "op-1", "name": "李办事"}, {"id": "op-9", "name": "钱审批"}
BURIAL, APPROVALS = "BURIAL", "police-approvals"
TYPE = "11990000MB0000002Q001"
pytestmark = pytest.mark.embedded


@dataclass
class Hall:
    """A hall's system, and one of the department that decides."""

    hub: Hub
    client: httpx2.AsyncClient
    own: dict[str, str]
    deciding: dict[str, str]

    async def do(self, case_no: str, step: str, *, deciding: bool = False, **body: Any) -> httpx2.Response:
        headers = self.deciding if deciding else self.own
        whole = {"operator": BODO if deciding else ANNA} | body
        return await self.client.post(f"/api/v1/cases/{case_no}/{step}", json=whole, headers=headers)

    async def get(self, path: str, *, deciding: bool = False) -> httpx2.Response:
        return await self.client.get(f"/api/v1/{path}", headers=self.deciding if deciding else self.own)


@pytest.fixture
async def hall(place: Place, hub: Hub, client: httpx2.AsyncClient) -> Hall:
    """The police decide a matter that asks for a licence, and for what nobody has."""
    signer = SoftwareSigner.generate()
    (place.home / f"{APPROVALS}.pem").write_bytes(signer.to_pem())
    named = {"zh": "审批", "en": "Approvals"}
    await hub.registry.add_system(
        {"department": POLICE, "client_id": APPROVALS, "name": named, "keys": [signer.public.jwk]}
    )
    licence = [[{"type": TYPE, "fields": ["name"]}]]
    register = [[{"type": "11990000MB0000003U001", "fields": ["name"]}]]
    await hub.registry.add_matter(
        matter_definition()
        | {
            "code": BURIAL,
            "department": POLICE,
            "accept_days": 5,
            "decide_days": 20,
            "requirements": [
                requirement("licence", "营业执照", "applicant", licence),
                requirement("register", "登记簿", "applicant", register),
            ],
        }
    )
    await hub.registry.add_grant(grant_definition(hub, matters=[BURIAL]))
    return Hall(hub, client, await place.headers(client), await place.headers(client, APPROVALS))


def mandate(**changes: Any) -> dict[str, Any]:
    today = datetime.now(UTC).date()
    given = {"from": POLICE, "to": AMR, "matters": [BURIAL], "legal_basis": "行政许可法第二十四条"}
    until = {
        "valid_from": (today - timedelta(days=1)).isoformat(),
        "valid_until": (today + timedelta(days=9)).isoformat(),
    }
    return given | until | changes


async def mandated(hub: Hub, **changes: Any) -> str:
    giver = await staff(hub, changes.get("from", POLICE), "giver", Role.OWNER_APPROVER)
    taker = await staff(hub, AMR, "taker", Role.OWNER_APPROVER)
    proposed = await hub.sharing.proposals.propose(giver, MANDATE, mandate(**changes), "委托政务大厅受理")
    made = await hub.sharing.proposals.confirm(taker, proposed.id)
    return str(made.result["mandate"])


async def test_a_department_accepts_and_decides_its_own_case_each_once_and_on_the_ledger(
    hall: Hall, hub: Hub, client: httpx2.AsyncClient
) -> None:
    case_no = await open_case(client, hall.own)
    early = await hall.do(case_no, "decide", outcome="granted")
    assert problem(early, status=409, slug="case-stage")["stage"] == "filed"
    accepted = await hall.do(case_no, "accept")
    assert (accepted.status_code, accepted.json()["stage"]) == (200, "accepted")
    beside = await client.get(f"/api/v1/cases/{case_no}/file", headers=await other(hall))
    problem(beside, status=404, slug="case-not-found")
    problem(await hall.do(case_no, "accept"), status=409, slug="case-stage")
    silent = await hall.do(case_no, "decide", outcome="refused")
    assert problem(silent, status=422, slug="ask-incomplete")["errors"] == [{"pointer": "/reason", "rule": "missing"}]
    foreign = await hall.do(case_no, "decide", outcome="granted", results=["nobody's"])
    problem(foreign, status=422, slug="ask-incomplete")
    decided = await hall.do(case_no, "decide", outcome="granted", results=[await licence_of(hub)])
    assert (decided.json()["stage"], decided.json()["decision"]) == ("decided", "granted")
    problem(await hall.do(case_no, "ask-more", missing=[{"code": "licence"}]), status=409, slug="case-stage")
    late = await client.post(f"/api/v1/cases/{case_no}/facts", json={"facts": {}}, headers=hall.own)
    problem(late, status=409, slug="case-stage")
    assert (await hall.get(f"cases/{case_no}/file")).status_code == 200
    closed = await client.post(f"/api/v1/cases/{case_no}/close", headers=hall.own)
    assert closed.json()["stage"] == "closed"
    problem(await hall.do(case_no, "decide", outcome="granted"), status=409, slug="case-closed")
    problem(await hall.get(f"cases/{case_no}/file"), status=409, slug="case-closed")
    kinds = [entry.kind for entry in await ledger(hub) if entry.detail.get("case_no") == case_no]
    assert [kind for kind in kinds if kind.startswith("case.")] == [
        "case.open", "case.accept", "case.decide", "case.close",
    ]  # fmt: skip
    told = (await hall.get(f"cases/{case_no}/events")).json()["events"]
    assert [event["event"] for event in told] == ["case.accepted", "case.decided", "case.closed"]


async def licence_of(hub: Hub) -> str:
    query = text("SELECT identifier FROM certificate_versions LIMIT 1")
    return str(await hub.database.read(lambda tx: tx.execute(query).scalar_one()))


async def test_nobody_accepts_for_another_department_but_under_a_mandate_that_both_have_signed(
    hall: Hall, hub: Hub, client: httpx2.AsyncClient
) -> None:
    case_no = await open_case(client, hall.own, matter=BURIAL)
    problem(await hall.do(case_no, "accept"), status=403, slug="mandate-missing")
    problem(await hall.get(f"cases/{case_no}/file", deciding=True), status=404, slug="case-not-found")
    await pull(client, hall.own, case_no)
    mandate_id = await mandated(hub)
    assert (await hall.do(case_no, "accept")).json()["stage"] == "accepted"
    problem(await hall.do(case_no, "decide", outcome="granted"), status=403, slug="not-approving")

    (waiting,) = (await hall.get("cases-to-decide", deciding=True)).json()["cases"]
    assert (waiting["case_no"], waiting["accepting_department"]) == (case_no, AMR)
    seen = await hall.get(f"cases/{case_no}/file", deciding=True)
    assert seen.status_code == 200, seen.text
    assert {(item["code"], item["outcome"]) for item in seen.json()["outcomes"]} == {
        ("licence", "satisfied"), ("register", "not_granted"),
    }  # fmt: skip
    (answer,) = seen.json()["answers"]
    body = await hall.get(f"cases/{case_no}/file/{answer['evidence_request_id']}", deciding=True)
    assert body.json()["requirements"][0]["evidence"]["claims"]["name"]
    past_its_grants = await hall.get(f"cases/{case_no}/file/{answer['evidence_request_id']}")
    assert past_its_grants.status_code == 404
    looks = [entry for entry in await ledger(hub) if entry.kind == "evidence.read"]
    assert len(looks) == 2
    assert all(entry.subject_id and entry.detail["requirements"] == ["licence"] for entry in looks)
    problem(
        await client.get(f"/api/v1/cases/{case_no}/file", headers=await other(hall)), status=404, slug="case-not-found"
    )
    away = await client.post(f"/api/v1/cases/{case_no}/close", headers=hall.own)
    problem(away, status=409, slug="case-stage")  # the hall does not end what another department is to decide
    amended = {"change_no": seen.json()["change_no"], "operator": ANNA, "subjects": [{"kind": "plot", "code": "7"}]}
    assert (await client.post(f"/api/v1/cases/{case_no}/amend", json=amended, headers=hall.own)).status_code == 200
    stale = {"outcome": "granted", "change_no": seen.json()["change_no"]}
    told = problem(await hall.do(case_no, "decide", deciding=True, **stale), status=409, slug="case-changed")
    assert told["operator"] == ANNA["id"]
    decided = await hall.do(case_no, "decide", deciding=True, outcome="refused", reason="不符合条件")
    assert (decided.status_code, decided.json()["decision"]) == (200, "refused")
    assert "parties" not in decided.json()
    progress = (await hall.get(f"cases/{case_no}/progress")).json()
    assert [step["step"] for step in progress["steps"]] == ["accept", "amend", "decide"]
    assert (progress["steps"][2]["department"], progress["steps"][2]["reason"]) == (POLICE, "不符合条件")
    problem(await pull(client, hall.own, case_no), status=409, slug="case-closed")

    taker = await staff(hub, AMR, "taker", Role.OWNER_APPROVER)
    await hub.handling.mandates.end(taker, mandate_id, "委托到期")
    again = await open_case(client, hall.own, matter=BURIAL)
    problem(await hall.do(again, "accept"), status=403, slug="mandate-missing")


async def other(hall: Hall) -> dict[str, str]:
    """Another system of the accepting department: the case is not its."""
    return await Place(hall.hub.settings.home, None).headers(hall.client, NARROW)


async def test_a_mandate_takes_both_departments_and_no_operator(hub: Hub, hall: Hall) -> None:
    del hall
    giver, taker = (
        await staff(hub, POLICE, "giver", Role.OWNER_APPROVER),
        await staff(hub, AMR, "t", Role.OWNER_APPROVER),
    )
    operator = await staff(hub, None, "operator", Role.OPERATOR)
    proposals = hub.sharing.proposals
    for wrong in (taker, operator):
        with pytest.raises(ForbiddenError):
            await proposals.propose(wrong, MANDATE, mandate(), "委托")
    wrongs: list[dict[str, Any]] = [
        {"matters": []},
        {"to": POLICE},
        {"to": "11990000MB9999999X"},
        {"valid_until": "2000-01-01"},
        {"valid_from": "soon"},
    ]
    for changes in wrongs:
        with pytest.raises(DefinitionError):
            await proposals.propose(giver, MANDATE, mandate(**changes), "委托")
    proposed = await proposals.propose(giver, MANDATE, mandate(), "委托")
    assert [item.id for item in await proposals.waiting_on(taker)] == [proposed.id]
    engineer = await staff(hub, AMR, "engineer", Role.OWNER_ENGINEER)
    second = await staff(hub, POLICE, "second", Role.OWNER_APPROVER)
    for wrong, error in ((operator, ForbiddenError), (second, ForbiddenError), (engineer, ForbiddenError)):
        with pytest.raises(error):
            await proposals.confirm(wrong, proposed.id)
    made = await proposals.confirm(taker, proposed.id)
    with pytest.raises(MissingError):
        await hub.handling.mandates.end(
            Actor("staff", "x", "x", "00000000-0000-7000-8000-000000000001", frozenset({Role.OWNER_APPROVER})),
            str(made.result["mandate"]),
            "理由",
        )


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE mandates SET valid_until = '2099-01-01'",
        "UPDATE mandates SET matters = '[\"FOOD\"]'",
        "UPDATE mandates SET state = 'live'",
    ],
)
async def test_a_mandate_that_was_written_past_the_hub_lets_nobody_accept(
    hall: Hall, hub: Hub, client: httpx2.AsyncClient, change: str
) -> None:
    mandate_id = await mandated(hub)
    case_no = await open_case(client, hall.own, matter=BURIAL)
    if "live" in change:
        await hub.handling.mandates.end(await staff(hub, AMR, "t", Role.OWNER_APPROVER), mandate_id, "终止")
    await hub.database.write(lambda tx: tx.execute(text(change)))
    problem(await hall.do(case_no, "accept"), status=502, slug="integrity")


async def test_what_is_missing_is_asked_for_once_and_all_of_it(hall: Hall, client: httpx2.AsyncClient) -> None:
    await mandated(hall.hub)
    case_no = await open_case(client, hall.own, matter=BURIAL)

    async def ask(*codes: str, deciding: bool = False) -> httpx2.Response:
        return await hall.do(case_no, "ask-more", deciding=deciding, missing=[{"code": code} for code in codes])

    early = problem(await ask("register"), status=422, slug="ask-incomplete")
    assert early["errors"] == [{"pointer": "/missing/0", "rule": "not_looked_for"}]
    await pull(client, hall.own, case_no)
    proved = problem(await ask("licence"), status=422, slug="ask-incomplete")["errors"]
    assert proved == [
        {"pointer": "/missing/0", "rule": "cleared"},
        {"pointer": "/missing", "rule": "left_out:register"},
    ]
    unlisted = problem(await ask("register", "other_papers"), status=422, slug="ask-incomplete")["errors"]
    assert unlisted == [{"pointer": "/missing/1", "rule": "not_listed"}]
    asked = await ask("register")
    assert asked.status_code == 200, asked.text
    assert problem(await ask("register"), status=409, slug="asked-already")["asked_at"]
    progress = (await hall.get(f"cases/{case_no}/progress")).json()
    assert progress["steps"][-1]["missing"] == [{"code": "register", "party": "applicant"}]
    assert [(clock["stage"], clock["paused"], clock["due_at"]) for clock in progress["clocks"]] == [
        ("accept", True, None)
    ]
    assert (await hall.do(case_no, "supplied")).status_code == 200
    problem(await hall.do(case_no, "supplied"), status=409, slug="case-stage")
    assert (await hall.do(case_no, "accept")).status_code == 200
    problem(await ask("register", deciding=True), status=409, slug="asked-already")
    (accept, decide) = (await hall.get(f"cases/{case_no}/progress", deciding=True)).json()["clocks"]
    assert (accept["ended_at"] is not None, decide["working_days"], decide["overdue"]) == (True, 20, False)
    assert date.fromisoformat(decide["due_at"][:10]) > datetime.now(UTC).date() + timedelta(days=20)


async def test_a_decider_sees_the_queue_of_his_department_and_decides(hall: Hall, client: httpx2.AsyncClient) -> None:
    await mandated(hall.hub)
    case_no = await open_case(client, hall.own, matter=BURIAL)
    await pull(client, hall.own, case_no)
    await hall.do(case_no, "accept")
    decider = by_staff(await staff(hall.hub, POLICE, "decider", Role.DECIDER))
    clerk = by_staff(await staff(hall.hub, POLICE, "clerk", Role.CLERK))
    foreign = by_staff(await staff(hall.hub, AMR, "decider", Role.DECIDER))
    files = hall.hub.handling.files
    with pytest.raises(ForbiddenError):
        await files.open(clerk, case_no)
    assert await files.queue(foreign) == []
    assert [item["case_no"] for item in await files.queue(decider)] == [case_no]
    found = await files.open(decider, case_no)
    assert found.parties[0].name
    assert found.missing == (("register", "applicant"),)
    assert found.parties[0].name not in repr(found)


async def test_a_successor_decides_what_its_predecessor_had_to(hall: Hall, client: httpx2.AsyncClient) -> None:
    hub, successor = hall.hub, valid_uscc("11990000MB0000077")
    await hub.registry.add_department({"code": successor, "name": {"zh": "新局", "en": "Successor"}, "issues": []})
    await mandated(hub)
    accepted, filed = [await open_case(client, hall.own, matter=BURIAL) for _ in range(2)]
    await hall.do(accepted, "accept")
    merged = date(2026, 11, 1)
    await hub.catalogue.departments.merge(COMMAND, POLICE, successor, as_of=merged, legal_basis="机构改革方案")
    decider = by_staff(await staff(hub, successor, "decider", Role.DECIDER))
    assert [item["case_no"] for item in await hub.handling.files.queue(decider)] == [accepted]
    assert (await hall.do(filed, "accept")).status_code == 200, "the mandate was handed on with the matter"
    done = await hub.handling.stages.decide(decider, accepted, Decision("granted"))
    assert done.decision == "granted"
