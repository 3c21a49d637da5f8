"""Questions to officers: asked where nobody's records answer, answered over a signature, and told as what they are."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import date
from typing import Any

import pytest

from certificates.stand_in_copy import STAND_IN_VCT
from hub.access.actors import COMMAND, Role
from hub.access.errors import ForbiddenError
from hub.intake.compose import BUNDLE_TYPE
from hub.intake.lower.answering import ANSWER_TYPE
from hub.intake.lower.asking import task_place, whose_officer
from hub.intake.lower.errors import AnswerError, TaskOverError
from hub.intake.lower.task_store import find_task
from hub.storage.errors import MissingError
from signing import sd_jwt
from signing.jose import verify_jws
from tests.access.people import add, errors_of, visitor
from tests.hub.command import yizheng
from tests.hub.laddered import VERIFICATION, Ladder, furnish, kin
from tests.hub.test_erasure import erase
from tests.support import AMR, ENTERPRISE, INTAKE, POLICE, PURPOSE, Place, enterprise_claims, issue, valid_uscc

VALUES = {"kin": True, "since": "2019-03-01"}


@pytest.fixture
async def ladder(place: Place) -> AsyncIterator[Ladder]:
    async with place.open() as hub, place.client(hub) as client:
        found = Ladder(place, hub, client, await place.headers(client))
        await furnish(found, kin(stand_ins={"verification": VERIFICATION}))
        yield found


async def only(ladder: Ladder) -> dict[str, Any]:
    (task,) = await ladder.hub.lower.tasks.list(COMMAND, everything=True)
    return task


async def test_what_nobodys_records_say_is_asked_of_an_officer_and_his_word_is_told_as_his(ladder: Ladder) -> None:
    case_no = await ladder.case()
    plan = (await ladder.post(f"/api/v1/cases/{case_no}/plan", json={"purpose": PURPOSE})).json()
    assert plan["requirements"][0]["stand_ins"] == ["verification"]
    answer, twin = await asyncio.gather(ladder.pulled(case_no), ladder.pulled(case_no))
    assert twin["waiting"] == answer["waiting"]
    (item,) = answer["requirements"]
    assert (item["outcome"], item["rung"], item["why"]["code"]) == ("pending", None, "verification_pending")
    assert (answer["still_needed"], answer["owed"]) == ([], [])
    task = await only(ladder)
    (waiting,) = answer["waiting"]
    assert waiting == {"code": "kin", "party": "applicant", "department": POLICE, "promised_at": task["due_at"]}
    assert (await ladder.pulled(case_no))["waiting"] == [waiting]
    assert await ladder.kinds("task") == ["task.asked"]

    police = await ladder.officer(POLICE)
    shown = await ladder.hub.lower.tasks.show(police, task["id"])
    assert shown["person"] == {name: ENTERPRISE[name] for name in ("name", "id_type", "id_number")}
    assert case_no not in json.dumps(shown)
    assert "applicant" not in json.dumps(shown)
    told = await ladder.hub.lower.tasks.answer(police, task["id"], result="confirmed", values=VALUES)
    assert (told["state"], told["result"], told["signed_by"]) == ("answered", "confirmed", "department")
    assert "person" not in await ladder.hub.lower.tasks.show(police, task["id"])
    events = await ladder.client.get(f"/api/v1/cases/{case_no}/events", headers=ladder.headers)
    assert [(event["event"], event["code"]) for event in events.json()["events"]] == [("task.answered", "kin")]
    with pytest.raises(TaskOverError):
        await ladder.hub.lower.tasks.answer(police, task["id"], result="cannot_tell", values={}, reason="x")

    answer = await ladder.pulled(case_no)
    (item,) = answer["requirements"]
    assert (item["outcome"], item["rung"], item["why"]["code"]) == ("satisfied", "verification", "verified_by_officer")
    evidence = item["evidence"]
    assert {name: evidence["claims"][name] for name in VALUES} == VALUES
    assert (evidence["stand_in"]["rung"], evidence["source"]["department"]) == ("verification", POLICE)
    assert "certificate" not in evidence
    copy = sd_jwt.parse(evidence["token"]).payload
    assert (copy["vct"], copy["stand_in"]["rung"]) == (STAND_IN_VCT, "verification")
    key = ladder.hub.desk.hub("hub").signer.public
    bundle = json.loads(verify_jws(answer["bundle"], key=key, typ=BUNDLE_TYPE).payload)
    assert bundle["requirements"][0]["rung"] == "verification"
    assert await ladder.kinds("task", "disclosure") == ["task.asked", "task.read", "task.answered", "disclosure"]
    assert await ladder.of_nobody("task") == []  # whom it is about reads them all among who looked

    def signed(tx: Any) -> tuple[bytes, Any]:
        row = find_task(tx, task["id"])
        assert row is not None
        assert row.token is not None
        opens = ladder.hub.vault.data_key(row.data_key, row.kek_kid)
        return opens.decrypt(task_place(row.id, "token"), row.token), ladder.hub.desk.issuer(tx, POLICE)

    token, certified = await ladder.hub.database.read(signed)
    said = json.loads(verify_jws(token.decode(), key=certified.signer.public, typ=ANSWER_TYPE).payload)
    assert (said["values"], said["answer_sha256"]) == (VALUES, copy["stand_in"]["digest"])
    assert str(ENTERPRISE["name"]) not in json.dumps(said, ensure_ascii=False)


@pytest.mark.embedded
async def test_an_officers_word_serves_another_real_case_about_the_same_person_and_no_other(ladder: Ladder) -> None:
    await ladder.item(await ladder.case())
    police, task = await ladder.officer(POLICE), await only(ladder)
    await ladder.hub.lower.tasks.answer(police, task["id"], result="confirmed", values=VALUES)
    item = await ladder.item(await ladder.case())
    assert (item["outcome"], item["rung"], item["why"]["code"]) == ("satisfied", "verification", "verified_before")
    bare = await ladder.item(await ladder.case(corroboration=[]))
    assert (bare["outcome"], bare["why"]["code"]) == ("no_source", "verification_uncorroborated")

    other = {"id_type": "001", "id_number": valid_uscc("91990100MA0000009"), "name": "示例市另家有限公司"}
    await issue(ladder.hub, enterprise_claims(uscc=other["id_number"], name=other["name"]))
    item = await ladder.item(await ladder.case(parties=[{"role": "applicant", **other}]))
    assert item["outcome"] == "pending"
    # Whoever moves the row to him by SQL gets an alarm and nothing else.
    moved = "UPDATE verification_tasks SET subject_lookup = (SELECT subject_lookup FROM verification_tasks WHERE id <> :id), name_hash = (SELECT name_hash FROM verification_tasks WHERE id <> :id) WHERE id = :id"  # noqa: E501
    await ladder.run(moved, id=task["id"])
    item = await ladder.item(await ladder.case(parties=[{"role": "applicant", **other}]))
    assert item["outcome"] == "pending"
    given = "UPDATE verification_tasks SET owner_department_id = asker_department_id WHERE id = :id"  # as if ours
    await ladder.run(given, id=task["id"])
    assert (await ladder.item(await ladder.case()))["outcome"] == "pending"
    expired = "UPDATE verification_tasks SET reusable_until = '2020-01-01' WHERE state = 'answered'"
    await ladder.run(expired)
    assert (await ladder.item(await ladder.case()))["outcome"] == "pending"


@pytest.mark.embedded
async def test_another_departments_question_does_not_exist_and_an_answer_that_does_not_fit_is_none(
    ladder: Ladder,
) -> None:
    case_no = await ladder.case()
    await ladder.item(case_no)
    task, tasks = (await only(ladder))["id"], ladder.hub.lower.tasks
    stranger, police = await ladder.officer(AMR), await ladder.officer(POLICE)
    assert await tasks.list(stranger) == []
    assert len(await tasks.list(police)) == 1
    for call in (tasks.show(stranger, task), tasks.answer(stranger, task, result="confirmed", values=VALUES)):
        with pytest.raises(MissingError):
            await call
    for role in (Role.OPERATOR, Role.AUDITOR):
        with pytest.raises(ForbiddenError):
            await tasks.show(await ladder.officer(AMR, role), task)
    wrong: list[tuple[str, dict[str, Any], str, str]] = [
        ("confirmed", {}, "", "/values/kin"),
        ("confirmed", VALUES | {"kin": "yes"}, "", "/values/kin"),
        ("confirmed", VALUES | {"more": 1}, "", "/values"),
        ("not_found", {}, "", "/reason"),
        ("not_found", VALUES, "无此记录", "/values"),
        ("certainly", {}, "", "/result"),
    ]
    for result, values, reason, pointer in wrong:
        with pytest.raises(AnswerError) as caught:
            await tasks.answer(police, task, result=result, values=values, reason=reason)
        assert caught.value.pointer == pointer
    for stage in ("near", "over"):
        await tasks.remind({"task": task, "stage": stage})
    told = await ladder.rows("SELECT code, role FROM notices WHERE code = 'task.over' ORDER BY role")
    assert [row.role for row in told] == ["operator", "owner_approver", "owner_engineer"]
    await tasks.answer(police, task, result="not_found", values={}, reason="查无此记录")
    answer = await ladder.pulled(case_no)
    (item,) = answer["requirements"]
    assert (item["outcome"], item["rung"], item["why"]["code"]) == ("no_source", "paper", "verification_not_found")
    assert answer["still_needed"] == ["kin"]
    # What an officer did not find is asked again in another case: it is no proof that there is none.
    assert (await ladder.item(await ladder.case()))["outcome"] == "pending"


@pytest.mark.embedded
async def test_an_answer_after_the_case_has_closed_is_refused_and_discloses_nothing(ladder: Ladder) -> None:
    case_no = await ladder.case()
    await ladder.item(case_no)
    task, police = (await only(ladder))["id"], await ladder.officer(POLICE)
    assert (await ladder.post(f"/api/v1/cases/{case_no}/close")).status_code == 200
    assert "person" not in await ladder.hub.lower.tasks.show(police, task)
    with pytest.raises(TaskOverError, match="case_closed"):
        await ladder.hub.lower.tasks.answer(police, task, result="confirmed", values=VALUES)
    assert (await only(ladder))["state"] == "lapsed"
    assert await ladder.kinds("task", "disclosure") == ["task.asked"]


@pytest.mark.embedded
async def test_an_officers_no_is_no_yes_for_whoever_writes_the_row(ladder: Ladder) -> None:
    case_no = await ladder.case()
    await ladder.item(case_no)
    police, task = await ladder.officer(POLICE), await only(ladder)
    await ladder.hub.lower.tasks.answer(police, task["id"], result="not_found", values={}, reason="查无记录")
    item = await ladder.item(case_no)
    assert (item["outcome"], item["why"]["code"]) == ("no_source", "verification_not_found")
    await ladder.run("UPDATE verification_tasks SET result = 'confirmed'")
    assert (await ladder.item(case_no))["outcome"] == "pending"


@pytest.mark.embedded
async def test_an_answer_whose_process_died_counts_for_nothing_until_it_is_signed(ladder: Ladder) -> None:
    case_no = await ladder.case()
    await ladder.item(case_no)
    task, police = (await only(ladder))["id"], await ladder.officer(POLICE)
    await ladder.hub.lower.tasks.answer(police, task, result="confirmed", values=VALUES)
    await ladder.run("UPDATE verification_tasks SET token = NULL")
    assert (await ladder.item(case_no))["outcome"] == "pending"
    await ladder.hub.lower.tasks.sign({"task": task})
    assert (await ladder.item(case_no))["outcome"] == "satisfied"
    assert await ladder.kinds("task") == ["task.asked", "task.answered"]


@pytest.mark.embedded
async def test_officers_answer_on_their_page_and_others_find_none(ladder: Ladder) -> None:
    case_no = await ladder.case()
    await ladder.item(case_no)
    await add(ladder.hub, "officer", Role.OWNER_ENGINEER, department=POLICE)
    await add(ladder.hub, "stranger", Role.OWNER_ENGINEER)
    path = f"/console/owner/tasks/{(await only(ladder))['id']}"
    async with visitor(ladder.place, ladder.hub) as officer, visitor(ladder.place, ladder.hub) as stranger:
        await officer.sign_in("officer")
        await stranger.sign_in("stranger")
        assert (await stranger.get(path)).status_code == 404
        assert (await stranger.post(path + "/answer", {"result": "confirmed"})).status_code == 404
        assert path in (await officer.get("/console/owner/tasks")).text
        assert "待答复的协查" in (await officer.get("/console")).text
        page = (await officer.get(path)).text
        assert str(ENTERPRISE["name"]) in page
        assert case_no not in page
        given = {"result": "confirmed", "f_kin": "yes", "f_since": "yesterday"}
        refused = await officer.post(path + "/answer", given)
        assert (refused.status_code, len(errors_of(refused))) == (422, 1)
        assert (await officer.post(path + "/answer", given | {"f_since": "2019-03-01"})).status_code == 303
        assert str(ENTERPRISE["name"]) not in (await officer.get(path)).text
    assert (await ladder.item(case_no))["rung"] == "verification"


@pytest.mark.embedded
async def test_what_stood_in_for_an_erased_person_serves_nobody_any_more(ladder: Ladder) -> None:
    await ladder.item(await ladder.case())
    police, task = await ladder.officer(POLICE), await only(ladder)
    await ladder.hub.lower.tasks.answer(police, task["id"], result="confirmed", values=VALUES)
    before = await ladder.rows("SELECT question, answer, token, data_key FROM verification_tasks")
    assert all(bytes(value) for value in before[0])
    await erase(ladder.hub)
    (row,) = await ladder.rows(
        "SELECT state, subject_lookup, question, answer, token, data_key FROM verification_tasks"
    )
    assert (row.state, row.subject_lookup, row.answer, row.token) == ("erased", None, None, None)
    assert bytes(row.question) == bytes(row.data_key) == b""


@pytest.mark.embedded
async def test_whoever_verifies_what_stands_in_is_told_what_it_is(ladder: Ladder) -> None:
    case_no = await ladder.case()
    await ladder.item(case_no)
    police, task = await ladder.officer(POLICE), await only(ladder)
    await ladder.hub.lower.tasks.answer(police, task["id"], result="confirmed", values=VALUES)
    token = (await ladder.item(case_no))["evidence"]["token"]
    verdict = (await ladder.client.post("/api/v1/verify", json={"token": token, "audience": INTAKE})).json()
    assert (verdict["result"], verdict["kind"]) == ("passed", "stand_in_copy")
    assert "certificate" not in verdict.get("claims", {})
    other = (await ladder.client.post("/api/v1/verify", json={"token": token, "audience": "somebody"})).json()
    assert other["result"] == "failed"
    assert (await ladder.post(f"/api/v1/cases/{case_no}/close")).status_code == 200
    await ladder.hub.ledger.drain()
    await ladder.hub.jobs.sweep()
    archive = await ladder.client.get(f"/api/v1/cases/{case_no}/archive", headers=ladder.headers)
    assert archive.status_code == 200, archive.text


@pytest.mark.embedded
async def test_the_command_line_lists_questions_without_a_word_about_a_person(ladder: Ladder) -> None:
    await ladder.item(await ladder.case())
    done = await yizheng(ladder.place, "task", "list", "--json")
    (task,) = done.json()["tasks"]
    assert (task["state"], task["department"]) == ("open", POLICE)
    plain = await yizheng(ladder.place, "task", "list")
    assert POLICE in plain.out
    assert not any(str(value) in done.out + plain.out for value in ENTERPRISE.values() if len(str(value)) > 3)


@pytest.mark.embedded
async def test_an_officers_word_is_judged_again_by_its_rule_and_by_what_he_signed(ladder: Ladder) -> None:
    none = {"code": ""}

    async def judged(case_no: str) -> list[tuple[str, str, str]]:
        found = await ladder.hub.replaying.replay(COMMAND, case_no, "en")
        return [
            ((item["why"] or none)["code"], item["judged"], (item["because"] or none)["code"])
            for item in found["decisions"]
        ]

    case_no = await ladder.case()
    await ladder.pulled(case_no)
    task = await only(ladder)
    await ladder.hub.lower.tasks.answer(await ladder.officer(POLICE), task["id"], result="confirmed", values=VALUES)
    await ladder.pulled(case_no)
    assert await judged(case_no) == [("verification_pending", "same", ""), ("verified_by_officer", "same", "")]
    await ladder.run("UPDATE verification_tasks SET answered_at = answered_at + 3600000000")
    assert (await judged(case_no))[1] == ("verified_by_officer", "different", "stand_in_changed")
    await ladder.run("UPDATE verification_tasks SET answer = X'00', answered_at = opened_at")
    assert (await judged(case_no))[1] == ("verified_by_officer", "different", "stand_in_changed")
    await erase(ladder.hub)
    assert [item[1:] for item in await judged(case_no)] == [("not_replayable", "erased")] * 2


@pytest.mark.embedded
async def test_a_successor_answers_what_its_predecessor_was_asked_and_is_asked_from_then_on(ladder: Ladder) -> None:
    successor = valid_uscc("11990000MB0000088")
    named = {"zh": "新局", "en": "Successor"}
    await ladder.hub.registry.add_department({"code": successor, "name": named, "issues": []})
    case_no = await ladder.case()
    asked = await ladder.pulled(case_no)
    task = await only(ladder)
    stuck = {"operator": {"id": "op-1", "name": "李办事"}, "reason": "other", "note": "请新局处理"}
    sent = (await ladder.post(f"/api/v1/cases/{case_no}/dead-end", json=stuck)).json()
    desk = ladder.hub.handling.desk
    await desk.hand_on(COMMAND, sent["id"], POLICE, "请公安局处理")
    before = await ladder.officer(POLICE)
    when: dict[str, Any] = {"as_of": date(2026, 11, 1), "legal_basis": "机构改革方案"}
    moved = await ladder.hub.catalogue.departments.merge(COMMAND, POLICE, successor, **when)
    assert (moved["tasks"], moved["dead_ends"]) == (1, 1)
    after = await ladder.officer(successor)
    with pytest.raises(MissingError):
        await ladder.hub.lower.tasks.answer(before, task["id"], result="confirmed", values=VALUES)
    approver = await ladder.officer(successor, Role.OWNER_APPROVER)
    assert [item["id"] for item in await desk.queue(approver)] == [sent["id"]]
    told = await ladder.hub.lower.tasks.answer(after, task["id"], result="confirmed", values=VALUES)
    assert (told["state"], told["due_at"]) == ("answered", asked["waiting"][0]["promised_at"]), "the clock runs on"
    (item,) = (await ladder.pulled(case_no))["requirements"]
    assert (item["outcome"], item["evidence"]["source"]["department"]) == ("satisfied", successor)
    found = await ladder.hub.database.read(lambda tx: whose_officer(tx, POLICE))
    assert found is not None
    assert found.code == successor, "nobody closed is asked"
