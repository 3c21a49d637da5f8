"""What a department refuses its superior reviews, where one is named: once, bindingly, seeing what the first saw."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from catalog.tables import table
from hub.access.actors import COMMAND, Role
from hub.access.errors import ForbiddenError
from hub.citizens.objections.desk import ANSWER_TYPE
from hub.citizens.objections.errors import ObjectionError, ObjectionOverError, OwnLookError
from hub.citizens.objections.tables import ObjectionRow
from hub.citizens.objections.values import Answer, Kind, Said
from hub.registry.departments.superiors import Naming
from hub.registry.notices import NoticeService
from hub.runtime import Hub
from hub.storage.errors import MissingError
from signing.jose import verify_jws
from tests.citizens.conftest import Watch, signed_in
from tests.citizens.test_handing import OPERATOR
from tests.citizens.test_kiosk import standing
from tests.citizens.test_objections import PATH, PNG, TEXT, of_title, officer, signed
from tests.hub.city import CIVIL, ESTATE, grow, identity_claims, ledger, title_claims
from tests.hub.desk import at_desk, text_of
from tests.registry.test_departments import merge
from tests.support import AMR, POLICE, Place, issue

pytestmark = pytest.mark.embedded


async def over(hub: Hub, department: str, superior: str) -> None:
    await hub.catalogue.superiors.name(COMMAND, Naming(department, superior, "三定规定"))


async def refused(hub: Hub) -> str:
    """A record that is missing, with a scan, refused by the police; its id."""
    kind = hub.types.find("identity_card")
    assert kind is not None
    said = Said(kind=Kind.MISSING, text=TEXT, type_code=kind.type.code, department=POLICE, scan=PNG)
    made = await hub.citizens.objections.raise_(await signed_in(hub), said)
    police = await officer(hub, POLICE)
    await hub.citizens.desk.answer(police, made, Answer("refused", "库中没有", "可申请复核"))
    return made


async def rule(hub: Hub, actor: object, objection_id: str, answer: Answer) -> str:
    with pytest.raises(ObjectionError) as error:
        await hub.citizens.desk.answer(actor, objection_id, answer)  # type: ignore[arg-type]
    return error.value.rule.partition(":")[0]


async def test_the_superior_upholds_and_the_department_has_to_correct_it(place: Place, hub: Hub) -> None:
    await over(hub, POLICE, AMR)
    made = await refused(hub)
    police, desk = await officer(hub, POLICE), hub.citizens.desk
    async with place.client(hub) as client:
        token = await signed(client, hub)
        told = (await client.get(f"{PATH}/{made}")).json()
        assert told["can_review"]["by"]["code"] == AMR
        assert [one["code"] for one in told["answer"]["departments"]] == [POLICE]
        page = text_of(await client.get(f"/me/objections/{made}"))
        assert "请市场监督管理局再看一次（复核）" in page
        asked = await client.post(f"{PATH}/{made}/review", json={"text": "请看附件"}, headers=token)
        review = asked.json()
        assert (asked.status_code, review["review"], review["department"]["code"]) == (201, True, AMR)
        assert (await client.get(f"{PATH}/{made}")).json()["can_review"] is None
        assert (await client.post(f"{PATH}/{made}/review", json={"text": "再"}, headers=token)).status_code == 409

        for actor in (police, await officer(hub, AMR, Role.CLERK), OPERATOR):
            with pytest.raises((MissingError, ForbiddenError)):
                await desk.show(actor, review["id"])
        superior = await officer(hub, AMR, Role.OWNER_ENGINEER, name="superior")
        assert [item.id for item in await desk.list(superior)] == [review["id"]]
        seen = await desk.show(superior, review["id"])
        assert [text in seen.text for text in ("请看附件", TEXT, "库中没有")] == [True] * 3
        assert await desk.scan(superior, review["id"]) == (PNG, "image/png")
        with pytest.raises(OwnLookError):  # who refused it, at another desk by now
            await desk.answer(await officer(hub, AMR), review["id"], Answer("refused", "x", "y"))
        with pytest.raises(ObjectionError, match="not_handed"):
            await hub.citizens.handing.hand(superior, review["id"], department=POLICE, reason="x")
        assert await rule(hub, superior, review["id"], Answer("corrected", "x")) == "one_of"
        assert await rule(hub, superior, review["id"], Answer("upheld", " ")) == "missing"
        await desk.answer(superior, review["id"], Answer("upheld", "档案中有底册"))

        upheld = (await client.get(f"{PATH}/{review['id']}")).json()
        key = (await hub.database.read(lambda tx: hub.desk.issuer(tx, AMR))).signer.public
        said = json.loads(verify_jws(upheld["answer"]["jws"], key=key, typ=ANSWER_TYPE).payload)
        assert (upheld["state"], said["result"], said["department"]) == ("upheld", "upheld", AMR)
        (order,) = [item.id for item in await desk.list(police)]
        with pytest.raises(MissingError):
            await desk.show(superior, order)
        ordered = await desk.show(police, order)
        assert (ordered.ordered, "档案中有底册" in ordered.text) == (True, True)
        assert await desk.scan(police, order) == (PNG, "image/png")
        assert await rule(hub, police, order, Answer("refused", "x", "y")) == "one_of"
        assert await rule(hub, police, order, Answer("corrected", "")) == "nothing_corrected"
        with pytest.raises(ObjectionError, match="not_handed"):
            await hub.citizens.handing.hand(police, order, department="", reason="x")

        await issue(hub, identity_claims(address="示例路九号"), slug="identity_card", issuer=POLICE)
        await desk.answer(police, order, Answer("corrected", ""))
        states = {item["id"]: item["state"] for item in (await client.get(PATH)).json()["objections"]}
        assert states == {made: "refused", review["id"]: "upheld", order: "corrected"}
        assert [entry.kind for entry in await ledger(hub)].count("objection.ordered") == 1
        looks = text_of(await client.get("/me/accesses"))
        assert ("责成部门更正" in looks, "市场监督管理局" in looks) == (True, True)


async def test_who_puts_its_row_back_does_not_have_it_answered_again(hub: Hub) -> None:
    await over(hub, POLICE, AMR)
    review = await hub.citizens.reviewing.ask(await signed_in(hub), await refused(hub), "请再看")
    rows = table(ObjectionRow)
    query, put = select(rows).where(rows.c.id == review), update(rows).where(rows.c.id == review)
    before = await hub.database.read(lambda tx: dict(tx.execute(query).one()._mapping))
    superior = await officer(hub, AMR, name="superior")
    await hub.citizens.desk.answer(superior, review, Answer("upheld", "档案中有底册"))
    await hub.database.write(lambda tx: tx.execute(put.values(**before)))
    with pytest.raises(ObjectionOverError):
        await hub.citizens.desk.answer(superior, review, Answer("refused", "核对无误", "行政复议"))
    assert [entry.kind for entry in await ledger(hub)].count("objection.ordered") == 1


async def test_an_order_that_is_not_obeyed_in_time_is_told_to_whoever_gave_it(hub: Hub, watch: Watch) -> None:
    await over(hub, POLICE, AMR)
    review = await hub.citizens.reviewing.ask(await signed_in(hub), await refused(hub), "请再看")
    superior, police = await officer(hub, AMR, name="superior"), await officer(hub, POLICE)
    await hub.citizens.desk.answer(superior, review, Answer("upheld", "档案中有底册"))
    notices = NoticeService(hub.database, clock=hub.clock)
    assert "objection.ordered" in {notice.code for notice in await notices.list(police)}
    watch.ahead += timedelta(days=30)
    await hub.jobs.sweep()
    assert "objection.disobeyed" in {notice.code for notice in await notices.list(superior)}
    assert "objection.disobeyed" not in {notice.code for notice in await notices.list(police)}


async def test_of_an_order_that_is_not_obeyed_hears_who_has_succeeded_to_whoever_gave_it(
    place: Place, hub: Hub, watch: Watch
) -> None:
    async with place.client(hub) as client:
        await grow(place, hub, client)
    await over(hub, POLICE, CIVIL)
    review = await hub.citizens.reviewing.ask(await signed_in(hub), await refused(hub), "请再看")
    await hub.citizens.desk.answer(await officer(hub, CIVIL, name="x"), review, Answer("upheld", "档案中有底册"))
    await merge(hub, CIVIL, AMR)
    watch.ahead += timedelta(days=30)
    await hub.jobs.sweep()
    notices = NoticeService(hub.database, clock=hub.clock)
    assert "objection.disobeyed" in {notice.code for notice in await notices.list(await officer(hub, AMR))}


async def test_a_correction_during_the_review_counts_and_only_cases_before_it_are_told(place: Place, hub: Hub) -> None:
    async with place.client(hub) as client:
        city = await grow(place, hub, client)
        await over(hub, ESTATE, CIVIL)
        await issue(hub, title_claims("T-1"), slug="real_estate_title", issuer=ESTATE)
        await city.ask("title")
        token = await signed(client, hub)
        body = {"kind": "claim", "identifier": await of_title(client), "claim": "location", "text": TEXT}
        made = (await client.post(PATH, json=body, headers=token)).json()["id"]
        estate, civil = await officer(hub, ESTATE), await officer(hub, CIVIL, name="superior")
        desk = hub.citizens.desk
        await desk.answer(estate, made, Answer("refused", "与登记簿一致", "可申请复核"))
        assert "disputed" not in (await city.ask("title"))["evidence"]["certificate"]
        review = (await client.post(f"{PATH}/{made}/review", json={"text": "请核"}, headers=token)).json()["id"]
        await issue(hub, title_claims("T-1", location="示例路八号"), slug="real_estate_title", issuer=ESTATE)
        assert (await city.ask("title"))["evidence"]["certificate"]["disputed"] is True
        await desk.answer(civil, review, Answer("upheld", "应为八号"))
        assert (await city.ask("title"))["evidence"]["certificate"]["disputed"] is True
        (order,) = [item.id for item in await desk.list(estate)]
        await desk.answer(estate, order, Answer("corrected", "已更正"))
        assert "disputed" not in (await city.ask("title"))["evidence"]["certificate"]
        await hub.jobs.sweep()
        events = []
        for look in reversed((await client.get("/api/v1/me/accesses")).json()["accesses"]):
            if look["kind"] == "disclosure":
                found = await client.get(f"/api/v1/cases/{look['case_no']}/events", headers=city.headers)
                events.append([each["event"] for each in found.json()["events"]])
        assert events == [["evidence.corrected"]] * 2 + [[]] * 3
        told = (await client.get("/api/v1/me/notices")).json()["notices"]
        assert [one["kind"] for one in told].count("record_corrected") == 1, "two of the cases are his own"


async def test_a_refusal_of_the_superior_says_whom_to_name_and_is_the_last_at_a_terminal_too(
    place: Place, hub: Hub
) -> None:
    await over(hub, POLICE, AMR)
    await hub.catalogue.departments.describe(COMMAND, AMR, {"contact": "法制科 12345"})
    made = await refused(hub)
    async with (
        place.client(hub) as client,
        standing(place, hub) as terminal,
        at_desk(place, hub, AMR, Role.OWNER_APPROVER, name="superior") as superior,
    ):
        await terminal.card()
        assert "请市场监督管理局再看一次" in text_of(await terminal.get("/objections"))
        for wrong in ("x", "00000000-0000-0000-0000-000000000000"):
            assert (await terminal.sent("/objections/review", objection=wrong, sure="1")).status_code == 404
        assert "库中没有" in text_of(await terminal.sent("/objections/review", objection=made))
        for _ in range(2):  # sent twice: one review
            sent = await terminal.sent("/objections/review", objection=made, sure="1")
            assert sent.headers["location"] == "/kiosk/objections"
        (review,) = [item.id for item in await hub.citizens.desk.list(await officer(hub, AMR))]
        assert "（复核）" in text_of(await terminal.get("/objections"))

        path = f"/console/owner/objections/{review}"
        page = await superior.get(path)
        assert ("应予更正" in text_of(page), 'value="corrected"' in page.text) == (True, False)
        await superior.post(f"{path}/answer", result="refused", reason="核对无误", next="行政复议：市政府")
        await signed(client, hub)
        told = (await client.get(f"{PATH}/{review}")).json()
        named = [(one["code"], one["contact"]) for one in told["answer"]["departments"]]
        assert (named, told["can_review"]) == ([(POLICE, ""), (AMR, "法制科 12345")], None)
        for shown in (await client.get(f"/me/objections/{review}"), await terminal.get("/objections")):
            assert all(text in text_of(shown) for text in (POLICE, AMR, "法制科 12345", "行政复议：市政府"))
            assert "请市场监督管理局再看一次" not in text_of(shown)


async def test_after_a_merger_nobody_reviews_his_own_refusal(hub: Hub) -> None:
    await over(hub, POLICE, AMR)
    first, holder = await refused(hub), await signed_in(hub)
    review = await hub.citizens.reviewing.ask(holder, first, "请再看")
    await merge(hub, AMR, POLICE)
    notices = await NoticeService(hub.database, clock=hub.clock).list(OPERATOR)
    assert [notice.code for notice in notices] == ["objection.raised"]
    shown = await hub.citizens.desk.show(OPERATOR, review)
    assert (shown.review, [result.value for result in shown.results]) == (True, ["corrected", "refused"])
    second = await refused(hub)
    (offer,) = (await hub.citizens.reviewing.offers([await hub.citizens.objections.one(holder, second)])).values()
    assert offer.department == {}
    again = await hub.citizens.reviewing.ask(holder, second, "请再看")
    assert (await hub.citizens.objections.one(holder, again)).department == {}
