"""Asked to show: who asks, and on what ground, is read first; one answer, fetched by its asker alone, once."""

import asyncio
import re
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from sqlalchemy import text

from catalog.store import list_departments
from hub.access.actors import COMMAND, Actor, Role
from hub.access.errors import LockedOutError
from hub.citizens.asked.values import Asked, Asker, Item, Question, Wanted, WantedError
from hub.citizens.codes import grouped, new_code
from hub.citizens.errors import LevelError, PresentationRefusedError, RequestOverError
from hub.citizens.showing.values import ChoiceError, Pick, Showing
from hub.citizens.values import Holder, Level
from hub.clock import new_id
from hub.issuing.transitions.acts import Act
from hub.runtime import Hub
from hub.storage.errors import IntegrityBrokenError, MissingError
from tests.citizens.conftest import Watch, erased, session, signed_in
from tests.citizens.test_showing import HERE, NAME, NUMBER, card_of
from tests.hub.acting import WHY
from tests.hub.city import CANARIES, STRANGER, identity_claims, ledger
from tests.hub.test_counter import clerk_of
from tests.serving import problem
from tests.support import AMR, INTAKE, MATTER, POLICE, PUBLIC_URL, Place, grant_definition, issue

PEER = "203.0.113.7"
ITEM = Item("identity_card", ("sex", "birth_date"), ("sex",))
WANTED = Wanted([ITEM], MATTER, "办理食品经营许可")


async def clerk(hub: Hub, code: str = AMR) -> Asker:
    ids = {item.code: item.id for item in await hub.database.read(list_departments)}
    return Asker.clerk(Actor("staff", new_id(), "clerk", ids[code], frozenset({Role.CLERK})))


async def asked(hub: Hub, asker: Asker, wanted: Wanted = WANTED) -> Question:
    return await hub.showing.asking.look(asker, await hub.showing.asking.ask(asker, wanted))


async def picks(hub: Hub, holder: Holder, *claims: str) -> list[Pick]:
    return [Pick(await card_of(hub, holder), claims)]


async def told(hub: Hub) -> list[str]:
    """The kinds of entries about showings, whoever's: also of somebody whose key is gone."""
    query = text("SELECT kind FROM ledger_entries WHERE kind LIKE 'showing.%' ORDER BY id")
    return list(await hub.database.read(lambda tx: tx.execute(query).scalars().all()))


async def reasons(hub: Hub) -> list[Any]:
    return [entry.detail.get("reason") for entry in await ledger(hub) if entry.kind == "refusal"]


async def state(hub: Hub, asker: Asker, question: Question) -> str:
    return (await hub.showing.asking.look(asker, question.id)).state


async def test_of_two_holders_who_answer_one_wins_and_the_asker_fetches_it_once(hub: Hub) -> None:
    await issue(hub, identity_claims(citizen_id=STRANGER["id_number"]), slug="identity_card", issuer=POLICE)
    one, other, asker = await signed_in(hub), await signed_in(hub, person=STRANGER), await clerk(hub)
    question, answering = await asked(hub, asker), hub.showing.answering
    chosen = {holder.id: await picks(hub, holder, "sex", "birth_date") for holder in (one, other)}
    both = await asyncio.gather(
        *(answering.give(holder, question.code, chosen[holder.id], peer=PEER) for holder in (one, other)),
        return_exceptions=True,
    )
    (made,) = [each for each in both if isinstance(each, str)]
    assert [each.state for each in both if isinstance(each, RequestOverError)] == ["given"]
    assert await state(hub, asker, question) == "given"
    fetched = await asyncio.gather(
        *(hub.showing.asking.collect(asker, question.id) for _ in range(2)), return_exceptions=True
    )
    (taken,) = [each for each in fetched if not isinstance(each, BaseException)]
    assert [type(each) for each in fetched if isinstance(each, BaseException)] == [PresentationRefusedError]
    assert (taken.showing_id, taken.purpose) == (made, WANTED.purpose)
    (item,) = taken.items
    assert (item.verdict["result"], dict(item.claims)) == ("passed", {"sex": "男", "birth_date": "1988-03-05"})
    assert await state(hub, asker, question) == "taken"
    kinds = await told(hub)
    assert kinds.index("showing.asked") < kinds.index("showing.given") < kinds.index("showing.taken")


@pytest.mark.embedded
async def test_what_is_asked_is_read_with_its_ground_and_nothing_else_can_be_given(hub: Hub, watch: Watch) -> None:
    holder, asker = await signed_in(hub), await clerk(hub)
    granted = grant_definition(hub, type="identity_card", owner=POLICE, fields=["sex"])
    await hub.registry.add_grant(granted)
    question, answering = await asked(hub, asker), hub.showing.answering
    found = await answering.look(holder, f" {grouped(question.typed)} ", peer=PEER)
    assert isinstance(found, Asked)
    assert (found.department.code, found.system, found.purpose) == (AMR, None, WANTED.purpose)
    (item,) = found.items
    assert [(each.name, each.needed, bool(each.ground)) for each in item.claims] == [
        ("sex", True, True),
        ("birth_date", False, False),
    ]
    assert len(item.licences) == 1
    for given, why in (((), "needed"), (("birth_date",), "needed"), (("sex", "name"), "not_asked")):
        with pytest.raises(ChoiceError, match=why):
            await answering.give(holder, found.code, await picks(hub, holder, *given), peer=PEER)
    with pytest.raises(ChoiceError, match="none"):
        await answering.give(holder, found.code, [], peer=PEER)
    with pytest.raises(LevelError):
        await answering.look(await signed_in(hub, Level.BASIC), found.code, peer=PEER)
    for scanned in (question.scan(PUBLIC_URL), grouped(question.code)):
        assert (await answering.look(holder, scanned, peer=PEER)).code == question.code
    assert await state(hub, asker, question) == "asked"  # looking answers nothing
    watch.ahead = timedelta(minutes=5)
    with pytest.raises(RequestOverError, match="over"):
        await answering.give(holder, found.code, await picks(hub, holder, "sex"), peer=PEER)
    assert await state(hub, asker, question) == "over"
    watch.ahead = timedelta(days=2)
    await hub.showing.asking.sweep()
    with pytest.raises(MissingError):
        await hub.showing.asking.look(asker, question.id)


@pytest.mark.embedded
async def test_what_a_licence_lacks_is_not_given_for_needed(hub: Hub) -> None:
    """An identity card without an end: its holder ticks the end, and nothing else of it leaves for nothing."""
    claims = identity_claims(citizen_id=STRANGER["id_number"])
    del claims["valid_until"]
    await issue(hub, claims, slug="identity_card", issuer=POLICE)
    holder, asker = await signed_in(hub, person=STRANGER), await clerk(hub)
    item = Item("identity_card", ("sex", "valid_until"), ("valid_until",))
    question, answering = await asked(hub, asker, Wanted([item], MATTER, "办理食品经营许可")), hub.showing.answering
    with pytest.raises(ChoiceError, match="needed"):
        await answering.give(holder, question.code, await picks(hub, holder, "sex", "valid_until"), peer=PEER)
    assert await state(hub, asker, question) == "asked"


@pytest.mark.embedded
@pytest.mark.parametrize("between", ["suspended", "withdrawn", "erased", "late"])
async def test_what_changes_between_the_yes_and_the_fetching_counts(hub: Hub, watch: Watch, between: str) -> None:
    holder, asker = await signed_in(hub), await clerk(hub)
    question = await asked(hub, asker)
    given = await picks(hub, holder, "sex")
    made = await hub.showing.answering.give(holder, question.code, given, peer=PEER)
    waiting = await hub.showing.showings.look(holder, made)
    assert isinstance(waiting, Showing)
    assert (waiting.state, waiting.asked) == ("live", True)
    if between == "suspended":
        stop = Act.read({"operation": "suspend", "reason_code": "investigation", **WHY})
        await hub.transitions.act(COMMAND, given[0].identifier, stop)
        (item,) = (await hub.showing.asking.collect(asker, question.id)).items
        assert (item.verdict["status"], dict(item.claims)) == ("suspended", {})
        return
    if between == "withdrawn":
        await hub.showing.showings.withdraw(holder, made)
    elif between == "erased":
        await erased(hub)
    else:
        watch.ahead = timedelta(minutes=6)
    with pytest.raises(PresentationRefusedError):
        await hub.showing.asking.collect(asker, question.id)
    assert "showing.taken" not in await told(hub)


@pytest.mark.embedded
async def test_a_request_is_its_askers_own_and_guessing_its_digits_is_slowed(hub: Hub) -> None:
    holder, asker, other = await signed_in(hub), await clerk(hub), await clerk(hub)
    question, answering = await asked(hub, asker), hub.showing.answering
    made = await answering.give(holder, question.code, await picks(hub, holder, "sex"), peer=PEER)
    for stranger in (other, await clerk(hub, POLICE)):
        with pytest.raises(MissingError):
            await hub.showing.asking.collect(stranger, question.id)
    assert (await reasons(hub)).count("request_not_own") == 2
    assert (await hub.showing.showings.look(holder, made)).state == "live"  # type: ignore[union-attr]
    free = (await asked(hub, asker)).typed
    wrong = f"{(int(free) + 1) % 10**8:08d}"
    for _ in range(5):
        with pytest.raises(PresentationRefusedError):
            await answering.look(holder, wrong, peer=PEER)
    with pytest.raises(LockedOutError):
        await answering.look(holder, free, peer=PEER)
    for nothing in (new_code("9903"), new_code("9902"), "", "9" * 32):
        with pytest.raises(PresentationRefusedError):
            await answering.look(holder, nothing, peer=PEER)
    assert (await reasons(hub)).count("showing_request_not_own") == 6  # five guesses, and a long code that is none
    await answering.look(holder, (mine := await asked(hub, other)).code, peer=PEER)
    longer = text("UPDATE showing_requests SET expires_at = expires_at + 60000000 WHERE id = :id")
    await hub.database.write(lambda tx: tx.execute(longer, {"id": mine.id}))
    with pytest.raises(IntegrityBrokenError):
        await answering.look(holder, mine.code, peer=PEER)
    mine = await asked(hub, other)
    turn = text("UPDATE showings SET asked_id = :mine, department_id = NULL WHERE id = :id")
    await hub.database.write(lambda tx: tx.execute(turn, {"mine": mine.id, "id": made}))
    with pytest.raises(PresentationRefusedError):  # an answer is opened for the request that it was given to
        await hub.showing.asking.collect(other, mine.id)
    steal = text("UPDATE showing_requests SET staff_id = :other WHERE id = :id")
    await hub.database.write(lambda tx: tx.execute(steal, {"other": other.staff_id, "id": question.id}))
    with pytest.raises(IntegrityBrokenError):
        await hub.showing.asking.collect(other, question.id)


@pytest.mark.embedded
async def test_what_cannot_be_asked_is_told_by_place(hub: Hub) -> None:
    asker = await clerk(hub)
    for items, why in (
        ([], "none"),
        ([ITEM, ITEM], "twice"),
        ([Item("no_such_type", ())], "type"),
        ([Item("identity_card", ("salary",))], "claim"),
        ([Item("identity_card", ("sex",), ("name",))], "claim"),
    ):
        with pytest.raises(WantedError, match=why):
            await hub.showing.asking.ask(asker, Wanted(items, MATTER, "x"))
    for wanted, why in ((Wanted([ITEM], "NO-SUCH", "x"), "matter"), (Wanted([ITEM], MATTER, " "), "purpose")):
        with pytest.raises(WantedError, match=why):
            await hub.showing.asking.ask(asker, wanted)
    assert await told(hub) == []


@pytest.mark.sampled
async def test_what_its_asker_took_back_is_answered_by_nobody_who_hears_so(place: Place, hub: Hub) -> None:
    holder, asker, asking = await signed_in(hub), await clerk(hub), hub.showing.asking
    question = await asked(hub, asker)
    with pytest.raises(MissingError):
        await asking.cancel(await clerk(hub), question.id)
    for _ in range(2):  # again is nothing
        assert (await asking.cancel(asker, question.id)).state == "cancelled"
    for code in (question.code, question.typed):
        with pytest.raises(RequestOverError) as over:
            await hub.showing.answering.look(holder, code, peer=PEER)
        assert over.value.state == "cancelled"
    given = await asked(hub, asker)
    await hub.showing.answering.give(holder, given.code, await picks(hub, holder, "sex"), peer=PEER)
    assert (await asking.cancel(asker, given.id)).state == "given", "what was answered stays"
    raced = await asked(hub, asker)
    chosen = await picks(hub, holder, "sex")
    both = await asyncio.gather(
        asking.cancel(asker, raced.id),
        hub.showing.answering.give(holder, raced.code, chosen, peer=PEER),
        return_exceptions=True,
    )
    assert (await state(hub, asker, raced), isinstance(both[1], RequestOverError)) in {
        ("cancelled", True), ("given", False),
    }  # fmt: skip
    async with place.client(hub) as client:
        system, path = await place.headers(client), "/api/v1/showings/requests"
        body = {"items": [{"type": "identity_card", "claims": ["sex"]}], "matter": MATTER, "purpose": "办理"}
        made = (await client.post(path, json=body, headers=system)).json()
        gone = (await client.post(f"{path}/{made['id']}/cancel", headers=system)).json()
        assert (gone["state"], "code" in gone) == ("cancelled", False)
        problem(await client.post(f"{path}/{question.id}/cancel", headers=system), status=404)
        client.cookies.set("yz_holder", await session(hub))
        problem(await client.get(f"/api/v1/me/asked/{made['code']}"), status=409, slug="showing-request-over")
    assert (await told(hub)).count("showing.cancelled") == 2 + (await state(hub, asker, raced) == "cancelled")


@pytest.mark.embedded
async def test_at_the_counter_several_kinds_are_one_request_and_can_be_taken_back(place: Place, hub: Hub) -> None:
    """Without a script: kinds are ticked, each has its fields, and the person reads each with its ground."""
    async with clerk_of(place, hub) as desk, place.client(hub) as client:
        path = "/console/counter/ask"
        kinds = re.findall(r'name="type" value="(\w+)"', (await desk.get(path)).text)
        assert {"identity_card", "business_licence"} <= set(kinds)
        form = f"{path}?types=identity_card%2Cbusiness_licence"
        assert "请至少选一种" in (await desk.post(f"{path}/kinds", form_on=path)).text
        chosen = await desk.post(f"{path}/kinds", form_on=path, type=["identity_card", "business_licence"])
        assert str(chosen.url).endswith(form)
        page = chosen.text
        assert re.findall(r'<fieldset class="field" id="kind-(\w+)"', page) == ["identity_card", "business_licence"]
        fields: dict[str, Any] = {
            "type": ["identity_card", "business_licence"], "claim-identity_card-sex": "needed",
            "claim-business_licence-name": "asked", "matter": MATTER, "purpose": "办理许可",
        }  # fmt: skip
        wrong = await desk.post(path, form_on=form, **fields | {"claim-business_licence-no_such": "asked"})
        assert (wrong.status_code, "kind-business_licence" in wrong.text, "有变动" in wrong.text) == (422, True, True)
        assert re.findall(r'value="needed" selected', wrong.text), "what was chosen stays"
        waits = await desk.post(path, form_on=form, **fields)
        (digits,) = re.findall(r'class="typed"><b>([0-9 ]+)</b>', waits.text)
        (request_id,) = re.findall(rf"{path}/([0-9a-f-]{{36}})/state", waits.text)
        many = await desk.get(f"{path}?types={'%2C'.join(kinds[:11])}")
        assert ("一次最多问" in many.text) == (len(kinds) > 10)

        cookie = await session(hub)
        client.cookies.set("yz_holder", cookie)
        csrf = (await hub.citizens.sessions.find(cookie)).csrf
        read = (await client.post("/me/asked", data={"csrf": csrf, "code": digits}, headers=HERE)).text
        assert ("居民身份证" in read, "营业执照" in read) == (True, True)
        assert read.count("依据：") + read.count("没有登记的依据") == 1, "of the kind that he has, each with its ground"
        await desk.post(f"{path}/{request_id}/cancel", form_on=f"{path}/{request_id}")
        assert "已取消" in (await desk.get(f"{path}/{request_id}")).text
        late = await client.post("/me/asked", data={"csrf": csrf, "code": digits}, headers=HERE)
        assert (late.status_code, "对方已取消" in late.text) == (409, True)


@pytest.mark.embedded
async def test_a_system_asks_and_polls_and_gets_a_copy_of_its_own_once(place: Place, hub: Hub) -> None:
    async with place.client(hub) as client:
        system, path = await place.headers(client), "/api/v1/showings/requests"
        body = {
            "items": [{"type": "identity_card", "claims": ["birth_date"], "needed": ["birth_date"]}],
            "matter": MATTER,
            "purpose": "办理食品经营许可",
        }
        key = {"Idempotency-Key": "ask-1"}
        made = [(await client.post(path, json=body, headers=system | key)).json() for _ in range(2)]
        assert made[0]["id"] == made[1]["id"]
        other = await client.post(path, json=body | {"purpose": "x"}, headers=system | key)
        problem(other, status=409, slug="idempotency-key-reused")
        wrong = await client.post(path, json=body | {"matter": "NO-SUCH"}, headers=system)
        assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "/matter")
        waits = (await client.get(f"{path}/{made[0]['id']}", headers=system)).json()
        assert (waits["state"], "answer" in waits) == ("asked", False)

        client.cookies.set("yz_holder", await session(hub))
        token = HERE | {"X-CSRF-Token": (await client.get("/api/v1/me")).json()["csrf_token"]}
        mine = f"/api/v1/me/asked/{made[0]['typed_code']}"
        read = (await client.get(mine)).json()
        assert (read["department"]["code"], read["system"] is None, read["matter"]["zh"] != MATTER) == (
            AMR,
            False,
            True,
        )
        identifier = read["items"][0]["certificates"][0]["identifier"]
        yes: dict[str, Any] = {"decision": "give", "items": [{"identifier": identifier, "claims": ["birth_date"]}]}
        assert (await client.post(mine, json=yes, headers=HERE)).status_code == 403
        answer = await client.post(mine, json=yes, headers=token)
        assert (answer.status_code, answer.json()["state"]) == (200, "given")
        late = await client.post(f"/api/v1/me/asked/{made[0]['code']}", json=yes, headers=token)
        problem(late, status=409, slug="showing-request-over")

        got = (await client.get(f"{path}/{made[0]['id']}", headers=system)).json()
        (item,) = got["answer"]["items"]
        assert (got["state"], item["claims"]) == ("taken", {"birth_date": "1988-03-05"})
        assert not [text for text in (NUMBER, NAME, *CANARIES) if text in str(got)]
        copy = item["copy"]["token"]
        checked = (await client.post("/api/v1/verify", json={"token": copy, "audience": INTAKE})).json()
        assert (checked["result"], checked["purpose"]["matter"]) == ("passed", MATTER)
        again = (await client.get(f"{path}/{made[0]['id']}", headers=system)).json()
        assert (again["state"], "answer" in again) == ("taken", False)

        second = (await client.post(path, json=body, headers=system)).json()
        no = await client.post(f"/api/v1/me/asked/{second['code']}", json={"decision": "decline"}, headers=token)
        assert no.json() == {"state": "declined", "showing": None}
        assert (await client.get(f"{path}/{second['id']}", headers=system)).json()["state"] == "declined"
        thief = await clerk(hub)  # of the same department; what its system asked is not his by SQL either
        steal = text("UPDATE showing_requests SET staff_id = :who WHERE id = :id")
        await hub.database.write(lambda tx: tx.execute(steal, {"who": thief.staff_id, "id": second["id"]}))
        with pytest.raises(IntegrityBrokenError):
            await hub.showing.asking.look(thief, second["id"])
        looks = (await client.get("/api/v1/me/accesses")).json()["accesses"]
        assert {"showing.given", "showing.taken", "showing.declined"} <= {each["kind"] for each in looks}


@pytest.mark.embedded
async def test_by_the_pages_only_what_is_needed_is_ticked_and_the_clerk_sees_it_once(place: Place, hub: Hub) -> None:
    async with clerk_of(place, hub) as desk, place.client(hub) as client:
        path = "/console/counter/ask"
        assert "identity_card" in (await desk.get(path)).text
        form = f"{path}?types=identity_card"
        fields = {
            "type": "identity_card", "claim-identity_card-sex": "needed", "claim-identity_card-birth_date": "asked"
        }  # fmt: skip
        assert "请填写用途" in (await desk.post(path, form_on=form, matter=MATTER, **fields)).text
        waits = await desk.post(path, form_on=form, matter=MATTER, purpose="办理许可", **fields)
        (digits,) = re.findall(r'class="typed"><b>([0-9 ]+)</b>', waits.text)
        (request_id,) = re.findall(rf"{path}/([0-9a-f-]{{36}})/state", waits.text)

        client.cookies.set("yz_holder", await session(hub))
        begin = await client.get("/me/asked")
        csrf = re.findall(r'name="csrf" value="([^"]+)"', begin.text)[0]

        async def post(where: str, **given: str | list[str]) -> httpx2.Response:
            return await client.post(where, data={"csrf": csrf, **given}, headers=HERE)

        assert "没有这个请求码" in (await post("/me/asked", code="12")).text
        page = (await post("/me/asked", code=digits)).text
        assert re.findall(r'value="[^"]+/(\w+)" checked', page) == ["sex"]
        assert ("市场监督管理局" in page, "办理许可" in page, "不出示" in page) == (True, True, True)
        assert NUMBER not in page
        code = re.findall(r'name="code" value="([0-9]{32})"', page)[0]
        claim, licence = (
            re.findall(r'value="([^"]+/sex)"', page)[0],
            re.findall(r'name="(licence-\w+)" value="([^"]+)"', page)[0],
        )
        unticked = await post("/me/asked/answer", code=code, decision="give", **{licence[0]: licence[1]})
        assert (unticked.status_code, "请至少勾选一份" in unticked.text) == (422, True)
        yes = await post("/me/asked/answer", code=code, decision="give", claim=claim, **{licence[0]: licence[1]})
        assert "您已同意出示" in (await client.get(yes.headers["location"])).text
        stale = await post("/me/asked/answer", code=code, decision="decline")
        assert (stale.status_code, "已有人答复" in stale.text) == (409, True)

        assert "当事人已同意" in (await desk.get(f"{path}/{request_id}/state")).text
        seen = await desk.post(f"{path}/{request_id}", form_on=f"{path}/{request_id}")
        assert ("性别" in seen.text, "出生日期" in seen.text, "真实且有效" in seen.text) == (True, False, True)
        assert "只显示一次" in (await desk.get(f"{path}/{request_id}")).text
        assert "市场监督管理局" in (await client.get(yes.headers["location"])).text
