"""Showing licences: exactly what was picked, to whom it may be, once; and its holder is told."""

import asyncio
import re
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from sqlalchemy import select, text, update

from catalog.store import list_departments
from catalog.tables import table
from hub.access.actors import COMMAND
from hub.citizens.codes import grouped, new_code
from hub.citizens.errors import LevelError, PresentationRefusedError
from hub.citizens.showing.making import PREFIX
from hub.citizens.showing.tables import ShowingRow
from hub.citizens.showing.values import Choice, ChoiceError, Live, Pick, Receiver, Showing
from hub.citizens.values import Holder, Level
from hub.issuing.transitions.acts import Act
from hub.runtime import Hub
from hub.storage.errors import MissingError
from hub.web.console.counter import receiving as counter
from tests.citizens.conftest import Watch, erased, session, signed_in
from tests.hub.acting import WHY
from tests.hub.city import CANARIES, PERSON, STRANGER, identity_claims, ledger
from tests.hub.test_counter import clerk_of
from tests.support import AMR, INTAKE, POLICE, PUBLIC_URL, Place, issue

NUMBER, NAME = PERSON["id_number"], PERSON["name"]
HERE = {"Origin": PUBLIC_URL}
ANYBODY = Receiver("public", {"kind": "public", "id": "page"}, called="示例房东")


async def card_of(hub: Hub, holder: Holder) -> str:
    licences, _ = await hub.citizens.licences.listed(holder)
    return licences[0].identifier


async def shown(hub: Hub, holder: Holder, *claims: str, department: str | None = None) -> Live:
    choice = Choice([Pick(await card_of(hub, holder), claims)], department, "租房")
    found = await hub.showing.showings.look(holder, await hub.showing.showings.make(holder, choice))
    assert isinstance(found, Live)
    return found


def of_department(department_id: str) -> Receiver:
    return Receiver("staff", {"kind": "staff", "id": "s"}, department_id)


async def test_anybody_sees_the_verdict_and_what_was_picked_once(hub: Hub) -> None:
    holder = await signed_in(hub)
    live = await shown(hub, holder, "birth_date", "sex")
    assert live.showing.picks[0].claims == ("sex", "birth_date")  # in the order of the type
    both = await asyncio.gather(
        *(hub.showing.receiving.take(ANYBODY, f"]Q3{grouped(live.code)}\r") for _ in range(2)), return_exceptions=True
    )
    (taken,) = [each for each in both if not isinstance(each, BaseException)]
    assert [type(each) for each in both if isinstance(each, BaseException)] == [PresentationRefusedError]
    (item,) = taken.items
    assert (item.verdict["result"], dict(item.claims), item.copy) == (
        "passed",
        {"sex": "男", "birth_date": "1988-03-05"},
        None,
    )
    assert taken.purpose == "租房"
    with pytest.raises(PresentationRefusedError):
        await hub.showing.receiving.take(ANYBODY, live.code)
    told = await hub.showing.showings.look(holder, live.showing.id)
    assert isinstance(told, Showing)
    assert (told.state, told.taken_as, told.called, told.picks) == ("taken", "public", "示例房东", live.showing.picks)
    entries = [entry for entry in await ledger(hub) if entry.kind.startswith("showing")]
    assert [entry.detail["fields"] for entry in entries if entry.kind == "showing.taken"] == [["birth_date", "sex"]]
    # Who scanned at the same moment, too.
    assert [entry.detail["reason"] for entry in entries if entry.kind == "showing.refused"] == ["twice", "twice"]
    looked = (await hub.citizens.accesses.listed(holder))[0]
    assert [(one.look, [zh for zh, _ in one.fields]) for one in looked if one.kind == "showing.taken"] == [
        ("look", ["出生日期", "性别"])
    ]


@pytest.mark.embedded
async def test_a_system_gets_a_copy_that_is_good_for_it_alone(place: Place, hub: Hub) -> None:
    async with place.client(hub) as client:
        client.cookies.set("yz_holder", await session(hub))
        csrf = (await client.get("/api/v1/me")).json()["csrf_token"]
        identifier = (await client.get("/api/v1/me/certificates")).json()["certificates"][0]["identifier"]
        token, path = HERE | {"X-CSRF-Token": csrf}, "/api/v1/me/showings"
        items: list[dict[str, Any]] = [{"identifier": identifier, "claims": ["birth_date"]}]
        assert (await client.post(path, json={"items": items}, headers=HERE)).status_code == 403
        for wrong, pointer in (
            ({"items": [items[0] | {"claims": ["sex", "salary"]}]}, "/items/0/claims/1"),
            ({"items": [*items, *items]}, "/items"),
        ):
            answer = await client.post(path, json=wrong, headers=token)
            assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)
        made = (await client.post(path, json={"items": items, "department": AMR}, headers=token)).json()
        system = await place.headers(client)
        answer = await client.post("/api/v1/showings/take", json={"code": made["code"]}, headers=system)
        assert answer.status_code == 200, answer.text
        got = answer.json()["items"][0]
        assert (got["claims"], got["verdict"]["result"]) == ({"birth_date": "1988-03-05"}, "passed")
        assert not [text for text in (NUMBER, NAME, *CANARIES) if text in answer.text]
        verdicts = [
            (await client.post("/api/v1/verify", json={"token": got["copy"]["token"], "audience": who})).json()
            for who in (INTAKE, "somebody-else")
        ]
        assert [(each["result"], each["kind"]) for each in verdicts] == [
            ("passed", "purpose_copy"),
            ("failed", "purpose_copy"),
        ]
        assert verdicts[0]["claims"] == {"birth_date": "1988-03-05"}
        again = await client.post("/api/v1/showings/take", json={"code": made["code"]}, headers=system)
        assert (again.status_code, again.json()["type"].rpartition("/")[2]) == (422, "presentation-refused")
        told = (await client.get(f"{path}/{made['id']}")).json()
        assert (told["state"], told["taken_by"]["code"], told["refused_by"]["code"]) == ("taken", AMR, AMR)
        assert "code" not in told


@pytest.mark.embedded
async def test_late_elsewhere_withdrawn_replaced_and_guessed_open_nothing_and_sound_alike(
    hub: Hub, watch: Watch
) -> None:
    holder = await signed_in(hub)
    ids = {item.code: item.id for item in await hub.database.read(list_departments)}

    async def refused(receiver: Receiver, code: str) -> None:
        with pytest.raises(PresentationRefusedError):
            await hub.showing.receiving.take(receiver, code)

    first = await shown(hub, holder, "sex", department=POLICE)
    await refused(of_department(ids[AMR]), first.code)
    await refused(ANYBODY, first.code)
    second = await shown(hub, holder, "sex")
    await refused(of_department(ids[POLICE]), first.code)  # replaced
    await hub.showing.showings.withdraw(holder, second.showing.id)
    await refused(ANYBODY, second.code)
    third = await shown(hub, holder)
    misread = third.code[:-1] + str((int(third.code[-1]) + 1) % 10)
    for nothing in (misread, new_code(PREFIX), new_code(), "", "9" * 32):
        await refused(ANYBODY, nothing)
    watch.ahead = timedelta(seconds=61)
    await refused(ANYBODY, third.code)
    assert await hub.showing.showings.sweep() == 1
    listed, _ = await hub.showing.showings.listed(holder)
    assert [item.state for item in listed] == ["expired", "withdrawn", "replaced"]
    assert not any(item.picks for item in listed)
    reasons = [entry.detail["reason"] for entry in await ledger(hub) if entry.kind == "showing.refused"]
    assert reasons == ["elsewhere", "elsewhere", "late", "late", "late"]
    watch.ahead = timedelta(days=91)
    await hub.showing.showings.sweep()
    assert (await hub.showing.showings.listed(await signed_in(hub)))[0] == []


@pytest.mark.embedded
async def test_what_is_suspended_within_the_minute_is_told_and_nothing_of_it_shown(hub: Hub) -> None:
    holder = await signed_in(hub)
    live = await shown(hub, holder, "name", "citizen_id")
    stop = Act.read({"operation": "suspend", "reason_code": "investigation", **WHY})
    await hub.transitions.act(COMMAND, live.showing.picks[0].identifier, stop)
    (item,) = (await hub.showing.receiving.take(ANYBODY, live.code)).items
    assert (item.verdict["result"], item.verdict["status"], dict(item.claims)) == ("failed", "suspended", {})
    with pytest.raises(ChoiceError, match="state"):
        await shown(hub, holder)


@pytest.mark.embedded
async def test_nothing_is_shown_of_whoever_is_erased_between_verdict_and_disclosure(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = await shown(hub, await signed_in(hub), "name")
    judging = hub.showing.receiving._judging
    judged = judging.judge

    async def judged_then_erased(*arguments: Any) -> Any:
        ready = await judged(*arguments)
        await erased(hub)
        return ready

    monkeypatch.setattr(judging, "judge", judged_then_erased)
    with pytest.raises(PresentationRefusedError):
        await hub.showing.receiving.take(ANYBODY, live.code)
    kinds = text("SELECT kind FROM ledger_entries WHERE kind LIKE 'showing.%' ORDER BY kind")
    told = await hub.database.read(lambda tx: tx.execute(kinds).scalars().all())
    assert told == ["showing.made", "showing.refused"]


@pytest.mark.embedded
async def test_what_is_not_his_cannot_be_shown_and_the_asking_is_written_down(hub: Hub) -> None:
    await issue(hub, identity_claims(citizen_id=STRANGER["id_number"]), slug="identity_card", issuer=POLICE)
    holder, other = await signed_in(hub), await signed_in(hub, person=STRANGER)
    live, foreign = await shown(hub, holder, "sex"), await card_of(hub, other)
    with pytest.raises(MissingError):
        await hub.showing.showings.make(holder, Choice([Pick(foreign, ())]))
    for asked in (
        hub.showing.showings.look(other, live.showing.id),
        hub.showing.showings.withdraw(other, live.showing.id),
    ):
        with pytest.raises(MissingError):
            await asked
    reasons = [entry.detail.get("reason") for entry in await ledger(hub) if entry.kind == "refusal"]
    assert reasons == ["certificate_not_own", "showing_not_own", "showing_not_own"]
    assert isinstance(await hub.showing.showings.look(holder, live.showing.id), Live)  # untouched by them
    with pytest.raises(LevelError):
        await shown(hub, await signed_in(hub, Level.BASIC), "sex")


@pytest.mark.embedded
async def test_a_row_that_was_changed_by_sql_opens_nothing(hub: Hub) -> None:
    await issue(hub, identity_claims(citizen_id=STRANGER["id_number"]), slug="identity_card", issuer=POLICE)
    holder, other = await signed_in(hub), await signed_in(hub, person=STRANGER)
    rows = table(ShowingRow)

    async def by_sql(live: Live, **change: Any) -> None:
        edit = update(rows).where(rows.c.id == live.showing.id).values(**change)
        await hub.database.write(lambda tx: tx.execute(edit))

    hers, mine = await shown(hub, holder, "name"), await shown(hub, other)
    row = await hub.database.read(lambda tx: tx.execute(select(rows).where(rows.c.id == mine.showing.id)).one())
    await by_sql(mine, code_hash=b"")
    await by_sql(hers, code_hash=row.code_hash)
    with pytest.raises(PresentationRefusedError):  # my code is none for what she shows
        await hub.showing.receiving.take(ANYBODY, mine.code)
    longer = await shown(hub, holder)
    await by_sql(longer, expires_at=longer.showing.expires_at + timedelta(minutes=1))
    with pytest.raises(PresentationRefusedError):
        await hub.showing.receiving.take(ANYBODY, longer.code)
    reasons = [entry.detail["reason"] for entry in await ledger(hub) if entry.kind == "showing.refused"]
    assert reasons == ["unreadable", "unreadable"]


@pytest.mark.embedded
async def test_by_the_pages_nothing_is_ticked_and_a_clerk_or_anybody_sees_only_what_was(
    place: Place, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with place.client(hub) as client:
        client.cookies.set("yz_holder", await session(hub))
        begin = await client.get("/me/showings")
        assert not re.search(r'type="checkbox"[^>]* checked', begin.text)
        csrf = re.findall(r'name="csrf" value="([^"]+)"', begin.text)[0]
        (identifier,) = re.findall(r'name="licence" value="([^"]+)"', begin.text)

        async def post(path: str, **fields: str | list[str]) -> httpx2.Response:
            return await client.post(path, data={"csrf": csrf, **fields}, headers=HERE)

        assert (await client.post("/me/showings", data={"csrf": "x"}, headers=HERE)).status_code == 403
        assert "至少勾选一份" in (nothing := await post("/me/showings", purpose="租房")).text
        assert (nothing.status_code, 'value="租房"' in nothing.text) == (422, True)
        foreign = await post("/me/showings", licence="urn:other")
        assert foreign.status_code == 404
        answer = await post("/me/showings", claim=[f"{identifier}/sex", f"{identifier}/birth_date"], purpose="租房")
        path = answer.headers["location"]
        page = await client.get(path)
        assert "性别" in page.text
        assert NUMBER not in page.text
        code = (await client.get(f"/api/v1{path}")).json()["code"]
        assert "等待对方扫码" in (await client.get(f"{path}/state")).text

        received = await client.post("/receive", data={"code": code, "called": " 示例  中介 "})
        assert ("1988-03-05" in received.text, "真实且有效" in received.text) == (True, True)
        assert not [text for text in (NUMBER, NAME, *CANARIES) if text in received.text]
        again = await client.post("/receive", data={"code": code})
        assert (again.status_code, "此码打不开" in again.text) == (422, True)
        state = await client.get(f"{path}/state")
        assert (state.headers["x-done"], "示例 中介" in state.text) == ("1", True)
        over = await client.get(path)
        assert ("对方看到的" in over.text, code in over.text) == (True, False)

        answer = await post("/me/showings", licence=identifier, department=AMR)
        path = answer.headers["location"]
        code = (await client.get(f"/api/v1{path}")).json()["code"]
        assert (await client.post("/receive", data={"code": code})).status_code == 422
        async with clerk_of(place, hub) as desk:
            seen = await desk.post("/console/counter/receive", form_on="/console/counter/receive", code=code)
            assert "只出示了证照是否有效" in seen.text
            monkeypatch.setattr(counter, "TAKES_PER_MINUTE", 0)
            seen = await desk.post("/console/counter/receive", form_on="/console/counter/receive", code=code)
            assert seen.status_code == 429
        assert "市场监督管理局" in (await client.get(path)).text
        answer = await post("/me/showings", licence=identifier)
        path = answer.headers["location"]
        assert "已停止出示" in (await client.get((await post(f"{path}/withdraw")).headers["location"])).text
