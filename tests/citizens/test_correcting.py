"""A wrong name or number, filed at the counter with the card in hand: to the right record, and no oracle."""

import asyncio
import re
from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import select

from catalog.tables import table
from hub.access.actors import COMMAND, Role
from hub.access.errors import ForbiddenError, LockedOutError
from hub.citizens.notices.kinds import NoticeKind
from hub.citizens.objections.correcting import Correction, Wrong
from hub.citizens.objections.errors import ObjectionError, ObjectionRunsError
from hub.citizens.objections.tables import ObjectionRow
from hub.citizens.objections.values import Answer
from hub.citizens.values import Identity
from hub.runtime import Hub
from hub.sample.numbers import citizen_id
from tests.citizens.conftest import signed_in
from tests.citizens.test_objections import officer, signed
from tests.hub.city import ESTATE, IDENTITY, PERSON, STRANGER, TITLE, grow, identity_claims, ledger, title_claims
from tests.hub.desk import Desk, text_of
from tests.hub.test_card_readers import StandIn
from tests.hub.test_counter import clerk_of
from tests.support import AMR, POLICE, PUBLIC_URL, Place, issue

CARD = Identity(PERSON["id_type"], PERSON["id_number"], "陈小示")
NAME = Correction(Wrong.NAME, IDENTITY, POLICE, "clerk_attested")
NUMBER = Correction(Wrong.NUMBER, TITLE, ESTATE, "clerk_attested", number="T-9")
UNKNOWN = citizen_id("990105", date(1991, 2, 3), 51)
PATH = "/console/counter/correct"


async def stored(hub: Hub) -> list[tuple[str, bool, str]]:
    """Kind, whether a licence is marked, and where it came in, of each objection."""
    rows = table(ObjectionRow)
    query = select(rows.c.kind, rows.c.certificate_id, rows.c.channel).order_by(rows.c.id)
    found = await hub.database.read(lambda tx: tx.execute(query).all())
    return [(row.kind, row.certificate_id is not None, row.channel) for row in found]


@pytest.mark.embedded
async def test_it_is_filed_whatever_the_hub_holds_and_the_clerk_hears_the_same(place: Place, hub: Hub) -> None:
    async with place.client(hub) as client:
        await grow(place, hub, client)
        # The title of PERSON was written with the number of a stranger who has the same name.
        await issue(
            hub, title_claims("T-9", owner_id_number=STRANGER["id_number"]), slug="real_estate_title", issuer=ESTATE
        )
        clerk = await officer(hub, AMR, Role.CLERK, name="clerk")
        file = hub.citizens.correcting.file
        with pytest.raises(ForbiddenError):
            await file(await officer(hub, AMR), CARD, NAME)
        wrong = (
            (CARD, replace(NAME, type_code="x"), "unknown_type"),
            (CARD, replace(NAME, department="x"), "unknown_department"),
            (CARD, replace(NUMBER, number=""), "missing"),
            (CARD, replace(NAME, text="x" * 501), "too_long"),
            (Identity("001", AMR, "示例局"), NAME, "natural_person"),
        )
        for card, correction, rule in wrong:
            with pytest.raises(ObjectionError, match=rule):
                await file(clerk, card, correction)

        asked = (
            (CARD, NAME),  # a record, under another name
            (replace(CARD, id_number=UNKNOWN), NAME),  # nobody knows the number
            (replace(CARD, name=PERSON["name"]), NUMBER),  # the paper's number, the card's name, somebody else's ID
            (replace(CARD, id_number=UNKNOWN), replace(NUMBER, case_no="YZ1")),  # copied from a wall: another name
        )
        answers = [await file(clerk, card, correction) for card, correction in asked]
        assert {filed.department for filed in answers[:2]} == {("公安局", "Public security")}
        assert {filed.department for filed in answers[2:]} == {(ESTATE, ESTATE)}
        assert len({filed.due_at.date() for filed in answers}) == 1
        counter = "counter"
        assert await stored(hub) == [
            ("licence", True, counter), ("missing", False, counter), ("licence", True, counter),
            ("missing", False, counter),
        ]  # fmt: skip
        for card, correction in asked[:2]:
            with pytest.raises(ObjectionRunsError):
                await file(clerk, card, correction)
        # Who tries something else of the same kind hears the same, too, whether there was a record at first or none.
        other = replace(NAME, wrong=Wrong.NUMBER, number="T-0")
        more = [await file(clerk, card, other) for card, _ in asked[:2]]
        assert len({filed.id for filed in more}) == 2

        raised = [entry for entry in await ledger(hub) if entry.kind == "objection.raised"]
        assert [(entry.detail["by"]["id"], entry.detail["seen"]) for entry in raised] == [
            ("clerk", "clerk_attested")
        ] * 6
        assert [entry.detail.get("case_no") for entry in raised] == [None, None, None, "YZ1", None, None]
        chief = await officer(hub, ESTATE)
        told = [await hub.citizens.desk.show(chief, filed.id) for filed in answers[2:]]
        assert [f"{PERSON['name']}，{PERSON['id_number']}" in told[0].text, "T-9" in told[1].text] == [True, True]
        await signed(client, hub)
        (mine, _, _) = (await client.get("/api/v1/me/objections")).json()["objections"]
        assert mine["channel"] == "counter"


@pytest.mark.embedded
async def test_whose_paper_it_was_is_told_nothing_of_another_s_cases(place: Place, hub: Hub) -> None:
    other = STRANGER | {"name": PERSON["name"]}
    async with place.client(hub) as client:
        city = await grow(place, hub, client)
        claims = identity_claims(citizen_id=other["id_number"], name=other["name"])
        await issue(hub, claims, slug="identity_card", issuer=POLICE)
        wrong = title_claims("T-9", owner_id_number=other["id_number"])
        await issue(hub, wrong, slug="real_estate_title", issuer=ESTATE)
        assert (await city.ask("title", holder=other))["outcome"] == "satisfied"
        clerk, estate = await officer(hub, AMR, Role.CLERK, name="clerk"), await officer(hub, ESTATE)
        filed = await hub.citizens.correcting.file(clerk, replace(CARD, name=PERSON["name"]), NUMBER)
        assert ("licence", True, "counter") in await stored(hub)
        await issue(hub, wrong | {"location": "示例路八号"}, slug="real_estate_title", issuer=ESTATE)
        await hub.citizens.desk.answer(estate, filed.id, Answer("corrected", ""))
        await hub.jobs.sweep()
        told = (await hub.citizens.notices.listed(await signed_in(hub), None))[0]
        kinds = {notice.kind for notice in told}
        assert NoticeKind.OBJECTION_ANSWERED in kinds
        assert NoticeKind.RECORD_CORRECTED not in kinds


@pytest.mark.both
async def test_two_counters_that_file_the_same_file_it_once(hub: Hub) -> None:
    clerks = [await officer(hub, AMR, Role.CLERK, name=name) for name in ("one", "two")]
    card = replace(CARD, id_number=UNKNOWN)
    filed = await asyncio.gather(
        *(hub.citizens.correcting.file(clerk, card, NAME) for clerk in clerks), return_exceptions=True
    )
    assert sorted(type(one).__name__ for one in filed) == ["Filed", "ObjectionRunsError"]


@pytest.mark.embedded
async def test_a_clerk_who_tries_many_waits(hub: Hub) -> None:
    clerk = await officer(hub, AMR, Role.CLERK, name="clerk")
    for number in range(21):
        card = replace(CARD, id_number=citizen_id("990105", date(1991, 2, 3), number + 1))
        if number < 20:
            await hub.citizens.correcting.file(clerk, card, NAME)
            continue
        with pytest.raises(LockedOutError):
            await hub.citizens.correcting.file(clerk, card, NAME)
    assert len(await stored(hub)) == 20


async def sent(desk: Desk, path: str = PATH, **fields: str) -> tuple[int, str]:
    """What the clerk's page answers."""
    page = await desk.get(path)
    given = {"csrf": re.findall(r'name="csrf" value="([^"]+)"', page.text)[0], **fields}
    answer = await desk.client.post(path, data=given, files={"none": b""}, headers={"Origin": PUBLIC_URL})
    desk.seen.append(answer.text)
    return answer.status_code, text_of(answer)


@pytest.mark.embedded
async def test_the_page_takes_a_reader_s_word_or_the_clerk_s_and_says_no_more_than_until_when(
    place: Place, hub: Hub
) -> None:
    reader = StandIn()
    await hub.counter.readers.register(COMMAND, AMR, reader.signer.public.jwk, "1号窗口")
    card = {"id_type": "111", "id_number": PERSON["id_number"], "name": "陈小示"}
    full = {"wrong": "name", "type": IDENTITY, "department": POLICE, "attested": "1"}
    async with clerk_of(place, hub) as desk:
        for fields, said in (
            ({"id": "x"}, "应为 18 位"),
            ({"id": PERSON["id_number"]}, "请按证件输入姓名"),
            ({"id": "陈小示|" + PERSON["id_number"], "type": IDENTITY}, "请选择是什么问题"),
            (full | {"id": StandIn().reads(**card)}, "读卡结果未通过核验"),
            (full | {"id": "陈小示|" + PERSON["id_number"], "attested": ""}, "请当面核对证件"),
        ):
            given = {name: text for name, text in fields.items() if text}
            status, text = await sent(desk, **given)
            assert (status, said in text) == (422, True), text
        token = reader.reads(**card)
        status, text = await sent(desk, **full, id=token)
        assert (status, "由谁答复：公安局" in text) == (200, True), text
        assert "读卡结果未通过核验" in (await sent(desk, **full, id=token))[1], "used up"
        status, text = await sent(desk, **full, id=f"陈小示|{UNKNOWN}")
        assert (status, "由谁答复：公安局" in text) == (200, True)
        seen = [entry.detail["seen"] for entry in await ledger(hub) if entry.kind == "objection.raised"]
        assert seen == ["card_read", "clerk_attested"]
        assert not [page for page in desk.seen if PERSON["name"] in page], "what the record says"
        assert not [page for page in desk.seen if token in page], "the next read would be typed behind it"
