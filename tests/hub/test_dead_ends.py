"""Notices for others, and the desk for cases that could not be done."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from sqlalchemy import update

from catalog.errors import DefinitionError
from catalog.tables import table
from hub.access.actors import Role
from hub.access.errors import ForbiddenError
from hub.cli.common import Exit
from hub.intake.handling.dead_end_rows import OUTCOMES, REASONS
from hub.intake.handling.tables import DeadEndRow
from hub.runtime import Hub
from hub.storage.errors import MissingError
from signing import sd_jwt
from tests.hub.city import ledger
from tests.hub.command import yizheng
from tests.registry.asking import staff
from tests.serving import problem
from tests.support import AMR, ENTERPRISE, NARROW, POLICE, Place, open_case

ANNA = {"id": "op-1", "name": "李办事"}
UNIT = {"kind": "property_unit", "code": "990102001001"}


async def post(client: httpx2.AsyncClient, headers: dict[str, str], path: str, **body: Any) -> httpx2.Response:
    return await client.post(f"/api/v1/cases/{path}", json={"operator": ANNA} | body, headers=headers)


@pytest.mark.embedded
async def test_a_notice_says_that_a_case_was_accepted_and_of_the_applicant_what_was_asked_for(
    place: Place, hub: Hub, client: httpx2.AsyncClient
) -> None:
    headers = await place.headers(client)
    case_no = await open_case(client, headers, subjects=[UNIT])
    problem(await post(client, headers, f"{case_no}/notice"), status=409, slug="case-stage")
    await post(client, headers, f"{case_no}/accept")
    stranger = await place.headers(client, NARROW)
    problem(await post(client, stranger, f"{case_no}/notice"), status=404, slug="case-not-found")
    plain = (await post(client, headers, f"{case_no}/notice")).json()
    whole = (
        await post(client, headers, f"{case_no}/notice", shown=["applicant_name", "applicant_id_tail", "subjects"])
    ).json()["notice"]
    assert ENTERPRISE["name"] not in json.dumps(sd_jwt.parse(plain["notice"]).payload, ensure_ascii=False)

    async def verdict(token: str, **more: str) -> dict[str, Any]:
        answer = await client.post("/api/v1/verify", json={"token": token} | more)
        found: dict[str, Any] = answer.json()
        return found

    seen = await verdict(whole)
    assert (seen["result"], seen["kind"], seen["certificate"]) == ("passed", "case_notice", None)
    assert (seen["notice"]["kind"], seen["notice"]["case_no"]) == ("acceptance", case_no)
    assert seen["notice"]["approving"]["uscc"] == AMR
    assert seen["claims"] == {
        "applicant_name": ENTERPRISE["name"], "applicant_id_tail": ENTERPRISE["id_number"][-4:], "subjects": [UNIT],
    }  # fmt: skip
    fewer = await verdict(sd_jwt.select(whole, ["applicant_name"]))
    assert fewer["claims"] == {"applicant_name": ENTERPRISE["name"]}
    header, payload, rest = whole.split(".", 2)
    assert (await verdict(f"{header}.{payload[:-8]}AAAAAAAA.{rest}"))["result"] == "failed"
    bound = (await post(client, headers, f"{case_no}/notice", audience="water")).json()["notice"]
    assert (await verdict(bound))["reason"] == "audience_not_given"
    assert (await verdict(bound, audience="power"))["reason"] == "audience_mismatch"
    assert (await verdict(bound, audience="water"))["result"] == "passed"
    problem(await post(client, headers, f"{case_no}/notice", kind="decision"), status=409, slug="case-stage")
    await post(client, headers, f"{case_no}/decide", outcome="refused", reason="不符合条件")
    ended = (await post(client, headers, f"{case_no}/notice", kind="decision")).json()["notice"]
    assert (await verdict(ended))["notice"]["decision"] == "refused"
    given = [entry.detail["notice"] for entry in await ledger(hub) if entry.kind == "case.notice"]
    assert given == ["acceptance", "acceptance", "acceptance", "decision"]


@pytest.mark.embedded
async def test_who_was_not_accepted_gets_no_notice_of_acceptance(place: Place, client: httpx2.AsyncClient) -> None:
    headers = await place.headers(client)
    case_no = await open_case(client, headers)
    refused = await post(client, headers, f"{case_no}/decide", outcome="not_accepted", reason="不属于本事项")
    assert refused.json()["decision"] == "not_accepted"
    problem(await post(client, headers, f"{case_no}/notice"), status=409, slug="case-stage")
    ended = await post(client, headers, f"{case_no}/notice", kind="decision")
    assert ended.status_code == 200


async def test_a_stuck_case_comes_to_the_desk_once_and_is_answered_in_its_time(
    place: Place, hub: Hub, client: httpx2.AsyncClient
) -> None:
    headers = await place.headers(client)
    case_no = await open_case(client, headers)
    path = f"{case_no}/dead-end"
    canary = "当事人称两个部门互相推诿"
    sent = await post(client, headers, path, reason="departments_disagree", code="licence", note=canary)
    assert sent.status_code == 201, sent.text
    found = sent.json()
    due = datetime.fromisoformat(found["due_at"])
    assert timedelta(days=5) < due - datetime.now(UTC) < timedelta(days=16)
    twice = await post(client, headers, path, reason="other")
    assert problem(twice, status=409, slug="dead-end-open")["dead_end"] == found["id"]
    unlisted = await post(client, headers, path, reason="other", code="nothing")
    problem(unlisted, status=422, slug="requirement-not-listed")
    problem(await post(client, headers, path, reason="bad_luck"), status=422, slug="invalid-request")
    stranger = await place.headers(client, NARROW)
    problem(await post(client, stranger, path, reason="other"), status=404, slug="case-not-found")

    desk = hub.handling.desk
    operator = await staff(hub, None, "operator", Role.OPERATOR)
    auditor = await staff(hub, None, "auditor", Role.AUDITOR)
    clerk = await staff(hub, AMR, "clerk", Role.CLERK)
    assert [(item["id"], item["note"]) for item in await desk.queue(clerk)] == [(found["id"], canary)], "it sent it"
    elsewhere = await staff(hub, POLICE, "elsewhere", Role.CLERK)
    assert await desk.queue(elsewhere) == []
    assert [(item["id"], item["note"]) for item in await desk.queue(operator)] == [(found["id"], canary)]
    assert [item["note"] for item in await desk.queue(auditor)] == [None]
    for wrong in (auditor, clerk):
        with pytest.raises(ForbiddenError):
            await desk.answer(wrong, found["id"], "solved", "已协调")
    for stage in ("near", "over", "over"):
        await hub.handling.dead_ends.remind({"dead_end": found["id"], "stage": stage})
    told = [notice.code for notice in await hub.sharing.notices.list(operator)]
    assert sorted(told) == ["dead_end.near", "dead_end.opened", "dead_end.over"]

    later = table(DeadEndRow)
    past = update(later).values(due_at=datetime.now(UTC) - timedelta(days=1))
    await hub.database.write(lambda tx: tx.execute(past))
    assert (await desk.statistics(operator))["overdue"] == 1
    await hub.database.write(lambda tx: tx.execute(update(later).values(due_at=due)))
    answered = await desk.answer(operator, found["id"], "handed_on", "已由市数据局协调，转民政部门办理")
    assert (answered["state"], answered["overdue"]) == ("answered", False)
    with pytest.raises(MissingError):
        await desk.answer(operator, found["id"], "solved", "再答一次")
    (seen,) = (await client.get(f"/api/v1/cases/{path}", headers=headers)).json()["dead_ends"]
    assert (seen["outcome"], seen["answer"]) == ("handed_on", "已由市数据局协调，转民政部门办理")
    told = (await client.get(f"/api/v1/cases/{case_no}/events", headers=headers)).json()["events"]
    assert [(item["event"], item["code"]) for item in told] == [("dead_end.answered", "licence")]
    counted = await desk.statistics(auditor)
    assert (counted["all"], counted["open"], counted["overdue"]) == (1, 0, 0)
    assert (counted["reasons"], counted["departments"]) == ({"departments_disagree": 1}, {AMR: 1})
    again = await post(client, headers, path, reason="other")
    assert again.status_code == 201, "a case may be stuck again"
    kinds = [entry.kind for entry in await ledger(hub)]
    assert (kinds.count("case.dead_end"), kinds.count("dead_end.answered")) == (2, 1)


def test_every_reason_and_outcome_has_words_in_both_languages() -> None:
    for zh, en in (*REASONS.values(), *OUTCOMES.values()):
        assert zh
        assert en.isascii()


@pytest.mark.embedded
async def test_the_desk_is_worked_at_the_command_line(place: Place, client: httpx2.AsyncClient) -> None:
    headers = await place.headers(client)
    path = f"{await open_case(client, headers)}/dead-end"
    sent = (await post(client, headers, path, reason="left_over_from_history")).json()
    listed = await yizheng(place, "dead-end", "list")
    assert sent["id"] in listed.out
    assert "1 in all, 1 open, 0 late" in listed.out
    said = ("--outcome", "solved", "--text", "已协调")
    for wrong in ("nothing", "01a20000-0000-7000-8000-000000000000"):
        assert (await yizheng(place, "dead-end", "answer", wrong, *said)).code == Exit.BAD_DATA
    assert (await yizheng(place, "dead-end", "answer", sent["id"], *said)).code == 0
    assert sent["id"] not in (await yizheng(place, "dead-end", "list")).out
    assert (await yizheng(place, "dead-end", "list", "--all", "--json")).json()["dead_ends"][0]["answer"] == "已协调"


@pytest.mark.embedded
async def test_the_desk_hands_one_on_and_the_department_answers_it_or_gives_it_back(
    place: Place, hub: Hub, client: httpx2.AsyncClient
) -> None:
    headers = await place.headers(client)
    path = f"{await open_case(client, headers)}/dead-end"
    found = (await post(client, headers, path, reason="record_wrong", note="更正三次未果")).json()
    desk, end = hub.handling.desk, found["id"]
    operator, second = [await staff(hub, None, name, Role.OPERATOR) for name in ("first", "second")]
    solver = await staff(hub, POLICE, "solver", Role.DECIDER)
    sender = await staff(hub, AMR, "sender", Role.CLERK)
    with pytest.raises(MissingError):
        await desk.one(solver, end)
    assert await desk.take(operator, end, instead_of=None)
    assert not await desk.take(second, end, instead_of=None), "he saw nobody at it, and there is somebody"
    assert await desk.take(second, end, instead_of=operator.id)
    for wrong in ("11990000MB9999999X", ""):
        with pytest.raises(DefinitionError):
            await desk.hand_on(operator, end, wrong, "请核实")
    with pytest.raises(DefinitionError):
        await desk.hand_on(operator, end, POLICE, "  ")
    for wrong_hand in (solver, sender):
        with pytest.raises((MissingError, ForbiddenError)):
            await desk.hand_on(wrong_hand, end, POLICE, "请核实")
    assert (await desk.hand_on(operator, end, POLICE, "请核实户籍记录"))["taken_by"] is None
    assert [item["note"] for item in await desk.queue(solver)] == ["更正三次未果"]
    assert (await desk.one(solver, end))["may_work"]
    assert not (await desk.one(sender, end))["may_work"]
    with pytest.raises(ForbiddenError):
        await desk.answer(sender, end, "solved", "自己答")
    await hub.handling.dead_ends.remind({"dead_end": end, "stage": "over"})
    approver = await staff(hub, POLICE, "approver", Role.OWNER_APPROVER)
    told = {notice.code for notice in await hub.sharing.notices.list(approver)}
    assert told == {"dead_end.handed_on", "dead_end.over"}

    await desk.give_back(solver, end, "不属本部门职责")
    with pytest.raises(MissingError):
        await desk.one(solver, end)
    with pytest.raises(MissingError):
        await desk.give_back(solver, end, "再退一次")
    await desk.hand_on(operator, end, POLICE, "经协调由贵局办理")
    answered = await desk.answer(solver, end, "solved", "记录已更正")
    assert (answered["state"], answered["due_at"]) == ("answered", found["due_at"]), "its clock was never set anew"
    assert [(step["what"], step["department"]) for step in answered["course"]] == [
        ("taken", None), ("taken", None), ("handed_on", POLICE), ("given_back", POLICE), ("handed_on", POLICE),
    ]  # fmt: skip
    for step in (desk.take(operator, end, instead_of=None), desk.hand_on(operator, end, POLICE, "晚了")):
        with pytest.raises(MissingError):
            await step
    assert [item["answer"] for item in await desk.queue(sender, everything=True)] == ["记录已更正"]
    auditor = await desk.one(await staff(hub, None, "auditor", Role.AUDITOR), end)
    assert (auditor["note"], auditor["answer"], auditor["course"]) == (None, None, [])
    kinds = [entry.kind for entry in await ledger(hub) if entry.kind.startswith("dead_end.")]
    assert kinds == [
        f"dead_end.{what}" for what in ("taken", "taken", "handed_on", "given_back", "handed_on", "answered")
    ]
