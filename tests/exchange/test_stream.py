"""Evidence that leaves requirement by requirement: when, what, to whom, and what becomes of it when somebody dies."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from catalog.grants import GrantState
from catalog.store import list_grants
from certificates.errors import TypeHaltedError
from hub.access.actors import COMMAND
from hub.archive.errors import ArchiveNotReadyError
from hub.archive.gathering import answers
from hub.intake.calls import EvidenceCall
from hub.intake.errors import CaseClosedError, GrantEndedError
from hub.intake.streaming.errors import EndingError
from tests.exchange.conftest import Town
from tests.exchange.streamed import begun, caller_of, code_of, read, some
from tests.exchange.test_waves import (
    ANNA,
    BODO,
    CARLO,
    INCOME,
    MARRIED,
    MATTER,
    OWN,
    SPOUSES,
    answered,
    asked_by,
    asked_for,
    case_of,
    furnish,
)
from tests.exchange.test_waves import town as town  # noqa: PLC0414  # the fixture
from tests.hub.city import ledger
from tests.support import POLICE, PURPOSE, grant_definition

EVENTS = {"Accept": "text/event-stream"}


async def streamed(town: Town, case_no: str, *, key: str | None = None) -> str:
    headers = town.headers | EVENTS | ({"Idempotency-Key": key} if key else {})
    path = f"/api/v1/cases/{case_no}/evidence"
    answer = await town.client.post(path, json={"purpose": PURPOSE}, headers=headers)
    assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (200, "text/event-stream")
    return answer.text


async def followed(town: Town, request_id: str, last: str | None = None) -> Any:
    headers = town.headers | ({"Last-Event-ID": last} if last else {})
    return await town.client.get(f"/api/v1/evidence-requests/{request_id}/events", headers=headers)


async def rows(town: Town, *kinds: str) -> list[str]:
    return [
        entry.id for entry in await ledger(town.hub) if entry.kind in (kinds or ("disclosure", "answer", "refusal"))
    ]


async def test_each_leaves_when_it_is_settled_and_the_last_is_the_whole(town: Town) -> None:
    await furnish(town, SPOUSES, OWN, MARRIED)
    town.register.held = BODO["id_number"]
    live = await begun(town, await case_of(town))
    events = live.after()
    first = await some(events, 2)
    assert {code_of(event) for event in first} == {"own_income", "marriage"}
    assert [event.id for event in first] == await rows(town), "each row is there before its event"
    waiting = await town.client.get(f"/api/v1/evidence-requests/{live.request_id}", headers=town.headers)
    assert waiting.status_code == 409
    town.register.gate.set()
    (last, end) = await some(events, 2)
    assert (code_of(last), end.name, [event async for event in events]) == ("spouse_income", "end", [])
    again = await town.client.get(f"/api/v1/evidence-requests/{live.request_id}", headers=town.headers)
    assert again.content == end.data
    whole = json.loads(end.data)
    shown = {item["code"]: item for item in whole["requirements"]}
    assert list(shown) == ["spouse_income", "own_income", "marriage"], "in the matter's order, as without a stream"
    for event in (*first, last):
        assert shown[code_of(event)] == json.loads(event.data), "what the bundle names is what has left"
    replayed = (await town.hub.replaying.replay(COMMAND, live.case_no, "en"))["decisions"]
    assert {(item["requirement"], item["judged"]) for item in replayed} == {(code, "same") for code in shown}
    without = await answered(town, await case_of(town, number="2"))
    assert [(item["code"], item["outcome"]) for item in without["requirements"]] == [
        (item["code"], item["outcome"]) for item in whole["requirements"]
    ]


@pytest.mark.embedded
async def test_a_stream_by_its_format_followed_and_repeated(town: Town) -> None:
    await furnish(town, SPOUSES, OWN, MARRIED)
    case_no = await case_of(town)
    text = await streamed(town, case_no, key="once")
    request, *items, end = read(text)
    assert text.startswith("retry: ")
    assert (request.name, request.id, end.name, end.id) == ("request", "", "end", "end")
    request_id = request.data["evidence_request_id"]
    assert [item.name for item in items] == ["item"] * 3
    entries = await rows(town)
    assert [item.id for item in items] == entries
    assert read(await streamed(town, case_no, key="once")) == [request, *items, end]
    whole = await followed(town, request_id)
    assert read(whole.text) == [request, *items, end]
    rest = await followed(town, request_id, items[1].id)
    assert read(rest.text) == [request, items[2], end]
    assert (await followed(town, request_id, "end")).status_code == 204
    assert (await followed(town, request_id, "7")).status_code == 422
    assert await rows(town) == entries, "nobody who follows writes a row"
    # One that was asked for without a stream is followed in the same way.
    plain = await answered(town, await case_of(town, number="2"))
    told = read((await followed(town, plain["evidence_request_id"])).text)
    assert (told[-1].data, len(told)) == (plain, 5)


@pytest.mark.embedded
async def test_whoever_leaves_ends_nothing(town: Town) -> None:
    await furnish(town, OWN)
    town.register.mood = "gated"
    live = await begun(town, await case_of(town), idempotency_key="once")
    reader = asyncio.create_task(anext(live.after()))
    await asked_by(town, lambda: town.register.asked == [ANNA["id_number"]])
    reader.cancel()
    same = await begun(town, live.case_no, idempotency_key="once")
    assert same.request_id == live.request_id
    town.register.gate.set()
    item, end = await some(same.after(), 2)
    assert (code_of(item), end.id, town.register.asked) == ("own_income", "end", [ANNA["id_number"]])


@pytest.mark.embedded
async def test_a_case_that_closes_meanwhile_gets_nothing_more(town: Town) -> None:
    await furnish(town, SPOUSES, MARRIED)
    town.register.held = BODO["id_number"]
    live = await begun(town, await case_of(town))
    events = live.after()
    await some(events, 1)
    await asked_by(town, lambda: BODO["id_number"] in town.register.asked)
    await town.client.post(f"/api/v1/cases/{live.case_no}/close", headers=town.headers)
    town.register.gate.set()
    with pytest.raises(CaseClosedError):
        await some(events, 1)
    assert len(await rows(town, "disclosure")) == 1
    refused = await followed(town, live.request_id)
    assert (refused.status_code, refused.json()["type"].rpartition("/")[2]) == (409, "case-closed")
    vault, (case, _) = town.hub.vault, await town.hub.evidence.find(await caller_of(town), live.request_id)
    with pytest.raises(ArchiveNotReadyError):
        await town.hub.database.read(lambda tx: answers(tx, vault, case))
    assert await town.hub.answers.finish_decided() == 1, "what was disclosed is filed"
    assert [request for request, _ in await town.hub.database.read(lambda tx: answers(tx, vault, case))] == [
        live.request_id
    ]
    assert len(await rows(town, "disclosure")) == 1


@pytest.mark.embedded
async def test_a_grant_that_ends_behind_what_has_left_ends_the_stream(town: Town) -> None:
    await furnish(town, MARRIED, SPOUSES)
    grants = await town.hub.database.read(list_grants)
    town.register.held = BODO["id_number"]
    live = await begun(town, await case_of(town))
    events = live.after()
    await some(events, 1)
    await asked_by(town, lambda: BODO["id_number"] in town.register.asked)
    marriage = next(item for item in grants if item.resource == "marriage")
    await town.hub.registry.change_grant(marriage.id, GrantState.WITHDRAWN)
    town.register.gate.set()
    with pytest.raises(GrantEndedError):
        await some(events, 1)
    assert len(await rows(town, "disclosure")) == 1
    refused = await followed(town, live.request_id)
    assert refused.json()["type"].rpartition("/")[2] == "grant-ended"


@pytest.mark.embedded
async def test_what_a_process_left_is_signed_and_the_rest_owed_and_nobody_is_asked(town: Town) -> None:
    await furnish(town, SPOUSES, OWN, MARRIED)
    town.register.held = BODO["id_number"]
    live = await begun(town, await case_of(town), idempotency_key="once")
    events = live.after()
    first = await some(events, 2)
    await asked_by(town, lambda: BODO["id_number"] in town.register.asked)
    asked = list(town.register.asked)
    await town.hub.streaming.close_down()
    with pytest.raises(EndingError):
        await some(events, 1)
    town.register.gate.set()
    rest = read((await followed(town, live.request_id, first[0].id)).text)
    assert [told.data.get("code") for told in rest] == [None, code_of(first[1]), "spouse_income", None]
    assert (rest[2].data["outcome"], rest[2].data["why"]["code"]) == ("source_unavailable", "interrupted")
    whole = rest[-1].data
    assert [item["code"] for item in whole["requirements"]] == ["spouse_income", "own_income", "marriage"]
    assert (whole["still_needed"], [item["code"] for item in whole["owed"]]) == ([], ["spouse_income"])
    assert town.register.asked == asked
    (*_, same) = await some((await begun(town, live.case_no, idempotency_key="once")).after(), 4)
    assert json.loads(same.data) == whole
    # Whoever pulls again is answered, and the debt is paid by it.
    assert {item["outcome"] for item in (await answered(town, live.case_no))["requirements"]} == {"satisfied"}
    owed = await town.client.get(f"/api/v1/cases/{live.case_no}/owed", headers=town.headers)
    assert [debt["state"] for debt in owed.json()["owed"]] == ["paid"]


@pytest.mark.embedded
async def test_what_a_process_left_is_owed_of_each_party(town: Town) -> None:
    heirs = asked_for("heir_income", "heir", INCOME)
    await furnish(town, OWN, heirs, roles=["applicant", {"role": "heir", "many": True}])
    town.register.held = BODO["id_number"]
    live = await begun(town, await case_of(town, ("heir", BODO), ("heir", CARLO)))
    await some(live.after(), 1)
    await asked_by(town, lambda: BODO["id_number"] in town.register.asked)
    await town.hub.streaming.close_down()
    town.register.gate.set()
    caller = await caller_of(town)
    case, request = await town.hub.evidence.find(caller, live.request_id)
    stale = replace(request, answer=b"looked at before its holder decided the last part")
    whole = json.loads(await town.hub.answers.again(caller, case, stale))
    assert [(item["code"], item["party"], item["outcome"]) for item in whole["requirements"]] == [
        ("own_income", "applicant", "satisfied"),
        ("heir_income", "heir", "source_unavailable"),
        ("heir_income", "heir#2", "source_unavailable"),
    ]
    assert len(whole["owed"]) == 2


@pytest.mark.embedded
async def test_of_nobody_a_stream_begins_no_sooner_than_an_answer_leaves(town: Town) -> None:
    """Neither by its first event nor by its last does it tell how long it took to look somebody up (threat S14)."""
    await furnish(town, OWN)
    caller = await caller_of(town)
    for number, name in (("1", BODO["name"]), ("2", ANNA["name"])):
        case_no = await town.case(
            matter=MATTER, parties=[{"role": "applicant"} | ANNA | {"name": name}], external_no=number
        )
        call = EvidenceCall(case_no, None, PURPOSE, "zh-CN", "0" * 64)
        began = asyncio.get_running_loop().time()
        live = await town.hub.streaming.begin(caller, call)
        told = asyncio.get_running_loop().time() - began
        (item,) = await some(live.after(), 1)
        nobody = json.loads(item.data)["outcome"] == "identity_unconfirmed"
        assert nobody == (number == "1")
        assert told >= 0.025 or not nobody, "the grid's first instant; a bound below, not a speed"


@pytest.mark.embedded
async def test_whoever_was_told_of_by_a_stream_on_its_way_stays_in_the_case(town: Town) -> None:
    """Else somebody is put into a case, looked at, and gone before the whole is signed."""
    heirs = asked_for("heir_income", "heir", INCOME)
    await furnish(town, OWN, heirs, roles=["applicant", {"role": "heir", "many": True}])
    town.register.held = ANNA["id_number"]
    live = await begun(town, await case_of(town, ("heir", BODO)))
    (item,) = await some(live.after(), 1)
    assert (code_of(item), json.loads(item.data)["outcome"]) == ("heir_income", "satisfied")
    replayed = (await town.hub.replaying.replay(COMMAND, live.case_no, "en"))["decisions"]
    assert [(one["requirement"], one["judged"]) for one in replayed] == [("heir_income", "same")]
    said = {"change_no": 1, "parties": {"remove": ["heir"]}, "operator": {"id": "op-1", "name": "李办事"}}
    gone = await town.client.post(f"/api/v1/cases/{live.case_no}/amend", json=said, headers=town.headers)
    assert (gone.status_code, gone.json()["errors"]) == (422, [{"pointer": "/parties/remove", "rule": "disclosed"}])
    town.register.gate.set()
    (*_, end) = await some(live.after(), 3)
    assert end.id == "end"


@pytest.mark.embedded
async def test_one_that_another_holds_is_looked_up_as_it_comes(town: Town) -> None:
    """Two processes over one database: the follower's hub knows nothing of the pull but its row."""
    await furnish(town, SPOUSES, MARRIED)
    town.register.held = BODO["id_number"]
    live = await begun(town, await case_of(town))
    (first,) = await some(live.after(), 1)
    async with town.place.open(egress_networks=("127.0.0.0/8",)) as other:
        seen = await other.streaming.follow(await caller_of(town), live.request_id)
        events = seen.after()
        (told,) = await some(events, 1)
        assert (told.id, code_of(told)) == (first.id, "marriage")
        town.register.gate.set()
        last, end = await some(events, 2)
        assert (code_of(last), end.id) == ("spouse_income", "end")
        (*_, whole) = await some(live.after(), 3)
        assert whole.data == end.data


@pytest.mark.embedded
async def test_of_a_type_that_is_stopped_meanwhile_nobody_who_follows_is_told(town: Town) -> None:
    card = asked_for("card", "applicant", {"type": "11990000MB0000003U001", "fields": ["name"]})
    await furnish(town, OWN, card)
    terms = {"type": "identity_card", "owner": POLICE, "fields": ["name"], "matters": [MATTER]}
    await town.hub.registry.add_grant(grant_definition(town.hub, **terms))
    town.register.held = ANNA["id_number"]
    live = await begun(town, await case_of(town))
    (first,) = await some(live.after(), 1)
    assert code_of(first) == "card"
    assert (await town.hub.streaming.follow(await caller_of(town), live.request_id)) is live
    await town.hub.halts.halt(COMMAND, "identity_card", reason="模板有误", legal_basis="电子证照管理办法")
    with pytest.raises(TypeHaltedError):
        await town.hub.streaming.follow(await caller_of(town), live.request_id)
    async with town.place.open(egress_networks=("127.0.0.0/8",)) as other:
        seen = await other.streaming.follow(await caller_of(town), live.request_id)
        with pytest.raises(TypeHaltedError):
            await some(seen.after(), 1)
    town.register.gate.set()
    (*_, end) = await some(live.after(), 3)
    assert end.id == "end"


@pytest.mark.embedded
async def test_somebody_elses_request_is_none_and_too_many_are_refused(town: Town) -> None:
    await furnish(town, OWN)
    plain = await answered(town)
    assert (await followed(town, "018f0000-0000-7000-8000-000000000000")).status_code == 404
    caller = await caller_of(town)
    slots = [town.hub.streaming.slots.take(caller.system_id) for _ in range(200)]
    refused = await followed(town, plain["evidence_request_id"])
    assert (refused.status_code, int(refused.headers["retry-after"]) > 0) == (429, True)
    for slot in slots:
        slot.let_go()
    for _ in range(201):
        assert (await followed(town, plain["evidence_request_id"], "end")).status_code == 204
    assert (await followed(town, plain["evidence_request_id"])).status_code == 200
