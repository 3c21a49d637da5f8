"""A yes for one case alone: the holder is asked, the case goes on by itself, and nothing of it outlives the case."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text

from hub.access.actors import COMMAND
from hub.citizens.authorising import asked
from hub.citizens.authorising.questions import OVER
from hub.citizens.authorising.resuming import Resuming
from hub.citizens.authorising.values import Decision
from hub.citizens.notices.kinds import NoticeKind
from hub.runtime import Hub
from hub.storage.errors import IntegrityBrokenError, MissingError
from tests.citizens.conftest import session, signed_in
from tests.citizens.test_authorising import resting, said
from tests.exchange.subscriber import OUTBOX, work
from tests.hub.city import HOME, PERSON, STRANGER, City, grow, identity_claims, ledger
from tests.support import POLICE, PUBLIC_URL, Place, issue, open_case, pull

HERE = {"Origin": PUBLIC_URL}
API = "/api/v1/me/authorisations"


async def asked_in_a_case(city: City) -> tuple[str, dict[str, Any]]:
    """A case whose pull lacks the holder's word; its number and the item."""
    parties = [{"role": "applicant", **PERSON}]
    case_no = await open_case(city.client, city.headers, matter=HOME, parties=parties)
    answer = await pull(city.client, city.headers, case_no, requirements=["title"])
    return case_no, answer.json()["requirements"][0]


async def events(city: City, case_no: str) -> list[dict[str, Any]]:
    answer = await city.client.get(f"/api/v1/cases/{case_no}/events", headers=city.headers)
    found: list[dict[str, Any]] = answer.json()["events"]
    return found


async def test_asked_once_a_yes_goes_on_with_this_case_alone_and_ends_with_it(
    place: Place, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with place.client(hub) as client:
        city = await grow(place, hub, client)
        await resting(city)
        holder, mine = await signed_in(hub), hub.citizens.asked_of
        case_no, item = await asked_in_a_case(city)
        assert said(item) == ("holder_decision_needed", "holder_decision_needed")
        assert item["holder_asked"]["answer_by"] > "2"
        again = await pull(client, city.headers, case_no, requirements=["title"])
        assert again.json()["requirements"][0]["holder_asked"] == item["holder_asked"]  # asked once

        [question] = await mine.listed(holder)
        assert (question.state, question.case_no, question.open) == ("asked", case_no, True)
        assert question.matter == ("购房", "Buying a home")
        notices, _ = await hub.citizens.notices.listed(holder, None)
        assert [notice.about for notice in notices if notice.kind is NoticeKind.DECISION_NEEDED] == [question.id]

        await mine.decide(holder, question.id, Decision.GIVE)
        await work(hub)
        [agreed] = [event for event in await events(city, case_no) if event["event"] == "holder.agreed"]
        answer = await client.get(agreed["evidence"], headers=city.headers)
        assert said(answer.json()["requirements"][0]) == ("satisfied", "satisfied")
        resuming = Resuming(hub.database, evidence=hub.evidence, clock=hub.clock)
        await resuming.run({"question": question.id})  # as after a crash: the same answer, and no second event
        assert len(await events(city, case_no)) == 1
        disclosed = [entry for entry in await ledger(hub) if entry.kind == "disclosure"]
        assert len(disclosed) == 1

        replayed = await hub.replaying.replay(COMMAND, case_no, "en")
        assert {item["judged"] for item in replayed["decisions"]} == {"same"}

        other_no, other = await asked_in_a_case(city)
        assert said(other) == ("holder_decision_needed", "holder_decision_needed")  # a yes for that case alone
        assert len(await mine.listed(holder)) == 2
        over, _ = await asked_in_a_case(city)
        assert (await client.post(f"/api/v1/cases/{over}/close", headers=city.headers)).status_code == 200
        assert [each.case_no for each in await mine.listed(holder)] == [other_no, case_no, over]
        monkeypatch.setattr(asked, "MOST", 2)  # newer ones, even a hundred, keep none from him that he can answer
        assert [each.case_no for each in await mine.listed(holder)] == [other_no, case_no]
        monkeypatch.undo()

        await mine.decide(holder, question.id, Decision.REFUSE)
        assert (await client.get(agreed["evidence"], headers=city.headers)).status_code == 403
        late = await pull(client, city.headers, case_no, requirements=["title"])
        assert said(late.json()["requirements"][0]) == ("refused", "holder_refused")

        [waiting] = [each for each in await mine.listed(holder) if each.case_no == other_no]
        closed = await client.post(f"/api/v1/cases/{other_no}/close", headers=city.headers)
        assert closed.status_code == 200, closed.text
        assert (await mine.one(holder, waiting.id)).state == "ended"
        with pytest.raises(MissingError):
            await mine.decide(holder, waiting.id, Decision.GIVE)


@pytest.mark.embedded
async def test_no_and_silence_ask_for_the_paper_and_tell_the_system(place: Place, hub: Hub) -> None:
    async with place.client(hub) as client:
        city = await grow(place, hub, client)
        await resting(city)
        holder, mine = await signed_in(hub), hub.citizens.asked_of
        refused_no, _ = await asked_in_a_case(city)
        [question] = await mine.listed(holder)
        await mine.decide(holder, question.id, Decision.REFUSE)
        assert [event["event"] for event in await events(city, refused_no)] == ["holder.refused"]
        answer = await pull(client, city.headers, refused_no, requirements=["title"])
        assert said(answer.json()["requirements"][0]) == ("refused", "holder_refused")
        with pytest.raises(MissingError):  # nobody is asked twice
            await mine.decide(holder, question.id, Decision.GIVE)

        silent_no, _ = await asked_in_a_case(city)
        [waiting] = [each for each in await mine.listed(holder) if each.state == "asked"]
        due = await hub.database.read(lambda tx: tx.execute(select(OUTBOX).where(OUTBOX.c.kind == OVER)).all())
        assert {row.payload["question"]: row.due_at for row in due}[waiting.id] == waiting.answer_by
        assert waiting.answer_by - waiting.asked_at == timedelta(days=hub.settings.holder_decision_days)
        for _ in range(2):
            await mine.end({"question": waiting.id})
        assert [event["event"] for event in await events(city, silent_no)] == ["holder.silent"]
        answer = await pull(client, city.headers, silent_no, requirements=["title"])
        item = answer.json()["requirements"][0]
        assert said(item) == ("holder_decision_needed", "holder_silent")
        assert "holder_asked" not in item
        replayed = await hub.replaying.replay(COMMAND, silent_no, "en")
        assert {each["judged"] for each in replayed["decisions"]} == {"same"}
        notices, _ = await hub.citizens.notices.listed(holder, None)
        assert NoticeKind.DECISION_OVER in {notice.kind for notice in notices}


async def test_taken_back_between_check_and_disclosure_forged_or_another_s_it_gives_nothing(
    place: Place, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with place.client(hub) as client:
        city = await grow(place, hub, client)
        await resting(city)
        holder, mine = await signed_in(hub), hub.citizens.asked_of
        case_no, _ = await asked_in_a_case(city)
        [question] = await mine.listed(holder)
        await mine.decide(holder, question.id, Decision.GIVE)
        course, claim = hub.evidence._course, hub.evidence._course.claim

        async def claim_then_withdraw(*arguments: Any, **named: Any) -> Any:
            claimed = await claim(*arguments, **named)
            assert claimed.resolutions[0].sources  # it would have been disclosed
            await mine.decide(holder, question.id, Decision.REFUSE)
            return claimed

        with monkeypatch.context() as between:
            between.setattr(course, "claim", claim_then_withdraw)
            late = await pull(client, city.headers, case_no, requirements=["title"])
        item = late.json()["requirements"][0]
        assert (said(item), item.get("evidence")) == (("refused", "holder_refused"), None)

        forged = text("UPDATE holder_case_questions SET state = 'given'")
        await hub.database.write(lambda tx: tx.execute(forged))
        assert (await pull(client, city.headers, case_no, requirements=["title"])).status_code >= 500
        with pytest.raises(IntegrityBrokenError):
            await mine.listed(holder)
        for moved in ("code = 'marriage'", "code = 'title', purpose = 'whatever'"):
            change = text(f"UPDATE holder_case_questions SET state = 'withdrawn', {moved}")
            await hub.database.write(lambda tx, change=change: tx.execute(change))
            with pytest.raises(IntegrityBrokenError):
                await mine.listed(holder)


@pytest.mark.embedded
async def test_by_the_page_and_the_api_he_answers_his_own_questions_and_nobody_elses(place: Place, hub: Hub) -> None:
    await issue(hub, identity_claims(citizen_id=STRANGER["id_number"]), slug="identity_card", issuer=POLICE)
    async with place.client(hub) as client, place.client(hub) as other:
        city = await grow(place, hub, client)
        await resting(city)
        for each, person in ((client, PERSON), (other, STRANGER)):
            each.cookies.set("yz_holder", await session(hub, person=person))
        await asked_in_a_case(city)
        await asked_in_a_case(city)
        page = await client.get("/me/authorisations")
        for words in ("只为一个办件征询您的", "只为这个办件同意", "购房"):
            assert words in page.text
        assert PERSON["id_number"] not in page.text
        second, first = (await client.get(API, headers={"Accept-Language": "en"})).json()["asked"]
        assert (first["state"], first["open"], first["matter"]) == ("asked", True, "Buying a home")
        by_page, by_api = f"/me/authorisations/asked/{first['id']}", f"{API}/asked/{second['id']}"
        tokens = [(await each.get("/api/v1/me")).json()["csrf_token"] for each in (client, other)]
        mine, theirs = (HERE | {"X-CSRF-Token": token} for token in tokens)
        for wrong in ({"csrf": tokens[0], "decision": "perhaps"}, {"csrf": "x", "decision": "give"}):
            assert (await client.post(by_page, data=wrong, headers=HERE)).status_code in {403, 404}
        assert (
            await other.post(by_page, data={"csrf": tokens[1], "decision": "give"}, headers=HERE)
        ).status_code == 404
        assert (await other.post(f"{by_api}/decision", json={"decision": "give"}, headers=theirs)).status_code == 404
        assert (await other.get(by_api)).status_code == 404
        reasons = [entry.detail.get("reason") for entry in await ledger(hub) if entry.kind == "refusal"]
        assert reasons[-3:] == ["question_not_own"] * 3
        assert (await other.get(API)).json()["asked"] == []
        done = await client.post(by_page, data={"csrf": tokens[0], "decision": "refuse"}, headers=HERE)
        assert "请到受理窗口或在线提交" in (await client.get(done.headers["location"])).text
        assert (await client.post(f"{by_api}/decision", json={"decision": "give"}, headers=HERE)).status_code == 403
        given = await client.post(f"{by_api}/decision", json={"decision": "give"}, headers=mine)
        assert (given.json()["state"], given.json()["open"]) == ("given", True)
