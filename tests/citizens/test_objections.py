"""Objections: raised, flagged while they run, answered over a signature, and told to cases that used what was wrong."""

import asyncio
import json
import re
from dataclasses import replace
from datetime import timedelta

import httpx2
import pytest
from sqlalchemy import Connection, select, update

from catalog.store import find_department
from catalog.tables import table
from hub.access.actors import COMMAND, Actor, Role
from hub.access.errors import ForbiddenError
from hub.citizens.errors import HolderSignInNeededError
from hub.citizens.objections.desk import ANSWER_TYPE
from hub.citizens.objections.errors import ObjectionError, ObjectionOverError, OwnLookError
from hub.citizens.objections.succeeding import hand_on
from hub.citizens.objections.tables import ObjectionRow
from hub.citizens.objections.values import Answer, Kind, Said
from hub.intake.store import Case, find_case
from hub.intake.tables import CaseRow
from hub.issuing.transitions.acts import Act
from hub.registry.notices import NoticeService
from hub.runtime import Hub
from hub.storage.errors import MissingError
from hub.web.console.approve.evidence import Answered, Proof, marked
from signing.jose import verify_jws
from tests.citizens.conftest import Watch, erased, session, signed_in
from tests.hub.acting import WHY
from tests.hub.city import ESTATE, PERSON, STRANGER, TITLE, City, grow, identity_claims, ledger, title_claims
from tests.hub.desk import Desk, at_desk, text_of
from tests.support import AMR, INTAKE, POLICE, PUBLIC_URL, Place, issue

pytestmark = pytest.mark.embedded
PATH = "/api/v1/me/objections"
TEXT = "坐落写错了，应为八号"
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63f8ffff3f0005fe02fe0def46b8"
    "0000000049454e44ae426082"
)


async def signed(client: httpx2.AsyncClient, hub: Hub, person: dict[str, str] = PERSON) -> dict[str, str]:
    """Sign the browser in; answers the headers of whoever changes something."""
    client.cookies.set("yz_holder", await session(hub, person=person))
    who = (await client.get("/api/v1/me")).json()
    return {"Origin": PUBLIC_URL, "X-CSRF-Token": who["csrf_token"]}


async def officer(hub: Hub, code: str, *roles: Role, name: str = "officer") -> Actor:
    department = await hub.database.read(lambda tx: find_department(tx, code))
    assert department is not None
    return Actor("staff", name, "", department.id, frozenset(roles or {Role.OWNER_APPROVER}))


async def of_title(client: httpx2.AsyncClient) -> str:
    found = (await client.get("/api/v1/me/certificates")).json()["certificates"]
    return next(str(item["identifier"]) for item in found if item["type"] == TITLE)


async def beside(hub: Hub, *identifiers: str) -> list[bool]:
    """Whether the approver's page marks proofs of these licences."""
    proofs = [Proof(("", ""), "", "", identifier, ()) for identifier in identifiers]
    (side,) = await marked([Answered("", "", "", "satisfied", "", {}, proofs)], hub.citizens.desk)
    return [one.disputed for one in side.proofs]


async def written_down(clerk: Desk, path: str) -> None:
    """By a clerk at the counter; what he leaves out is said to him."""
    page = await clerk.get(path)
    given = {"csrf": re.findall(r'name="csrf" value="([^"]+)"', page.text)[0], "party": "applicant"}
    given |= {"kind": "missing", "type": TITLE, "text": "少一本证"}
    full = {"attested": "1", "department": ESTATE}
    sides = (({}, "请当面核对证件"), ({"attested": "1"}, "请选择应由哪个部门提供"), (full, ""))
    for more, wrong in sides:
        sent = {"files": {"file": PNG}, "headers": {"Origin": PUBLIC_URL}}
        answer = await clerk.client.post(path, data=given | more, **sent)
        assert answer.status_code == (422 if wrong else 303)
        assert wrong in text_of(answer)


async def test_a_wrong_claim_is_flagged_until_the_library_is_corrected_and_cases_are_told(
    place: Place, hub: Hub
) -> None:
    async with place.client(hub) as client:
        city: City = await grow(place, hub, client)
        await issue(hub, title_claims("T-1"), slug="real_estate_title", issuer=ESTATE)
        before = await city.ask("title")
        assert "disputed" not in before["evidence"]["certificate"]
        token = await signed(client, hub)
        body = {"kind": "claim", "identifier": await of_title(client), "claim": "location", "text": TEXT}
        assert (await client.post(PATH, json=body)).status_code == 403
        once = token | {"Idempotency-Key": "k1"}
        made = await client.post(PATH, json=body, headers=once)
        raised = made.json()
        assert (made.status_code, raised["what"], raised["part"]) == (201, "不动产权证书", "坐落")
        assert (await client.post(PATH, json=body, headers=once)).json()["id"] == raised["id"]
        assert (await client.post(PATH, json=body | {"text": "x"}, headers=once)).status_code == 409
        again = await client.post(PATH, json=body, headers=token)
        assert (again.status_code, again.json()["type"].rpartition("/")[2]) == (409, "objection-runs")

        flagged = await city.ask("title")
        assert (flagged["outcome"], flagged["evidence"]["certificate"]["disputed"]) == ("satisfied", True)
        for audience, told in ((INTAKE, True), ("another", None), (None, None)):
            asked = {"token": flagged["evidence"]["token"], "audience": audience}
            assert (await client.post("/api/v1/verify", json=asked)).json().get("disputed") is told

        assert await beside(hub, body["identifier"], "x") == [True, False]

        desk, estate = hub.citizens.desk, await officer(hub, ESTATE)
        assert [item.id for item in await desk.list(estate)] == [raised["id"]]
        stranger = await officer(hub, AMR)
        assert await desk.list(stranger) == []
        for nobody in (desk.show(stranger, raised["id"]), desk.answer(stranger, raised["id"], Answer("refused", "x"))):
            with pytest.raises(MissingError):
                await nobody
        with pytest.raises(ForbiddenError):
            await desk.show(await officer(hub, ESTATE, Role.CLERK), raised["id"])
        assert (await desk.show(estate, raised["id"])).text == TEXT
        with pytest.raises(ObjectionError, match="nothing_corrected"):
            await desk.answer(estate, raised["id"], Answer("corrected", ""))
        await issue(hub, title_claims("T-1", location="示例路八号"), slug="real_estate_title", issuer=ESTATE)
        await desk.answer(estate, raised["id"], Answer("corrected", "已重新核发"))
        with pytest.raises(ObjectionOverError):
            await desk.answer(estate, raised["id"], Answer("refused", "x", "y"))
        await hub.jobs.sweep()

        now = (await client.get(f"{PATH}/{raised['id']}")).json()
        assert (now["state"], now["answer"]["reason"], now["answer"]["signed_by"]) == (
            "corrected", "已重新核发", "department",
        )  # fmt: skip
        certified = await hub.database.read(lambda tx: hub.desk.issuer(tx, ESTATE))
        said = json.loads(verify_jws(now["answer"]["jws"], key=certified.signer.public, typ=ANSWER_TYPE).payload)
        assert (said["jti"], said["result"]) == (raised["id"], "corrected")
        assert PERSON["name"] not in json.dumps(said, ensure_ascii=False)
        assert "disputed" not in (await city.ask("title"))["evidence"]["certificate"]
        told = [entry for entry in await ledger(hub) if entry.kind.startswith("objection.")]
        assert [entry.kind for entry in told] == [f"objection.{one}" for one in ("raised", "read", "answered")]
        looks = (await client.get("/api/v1/me/accesses")).json()["accesses"]
        case_no = [item["case_no"] for item in looks if item["kind"] == "disclosure"]
        events = [
            [each["event"] for each in (await client.get(f"/api/v1/cases/{one}/events", headers=city.headers)).json()[
                "events"
            ]]
            for one in case_no
        ]  # fmt: skip
        assert events == [[], ["evidence.corrected"], ["evidence.corrected"]]


async def test_what_is_missing_is_refused_with_where_to_go_next_and_the_scan_is_the_officers_alone(
    place: Place, hub: Hub, watch: Watch
) -> None:
    await issue(hub, identity_claims(citizen_id=STRANGER["id_number"]), slug="identity_card", issuer=POLICE)
    async with place.client(hub) as client:
        token = await signed(client, hub)
        kind = hub.types.find("identity_card")
        assert kind is not None
        fields = {"kind": "missing", "type": kind.type.code, "department": POLICE, "text": "没有我的旧证"}
        bad = await client.post(PATH, data=fields, files={"file": b"MZ not a paper"}, headers=token)
        assert (bad.status_code, bad.json()["errors"]) == (422, [{"pointer": "/file", "rule": "type"}])
        assert (await client.post(PATH, json=fields | {"type": "none"}, headers=token)).json()["errors"] == [
            {"pointer": "/type", "rule": "unknown_type"}
        ]
        made = (await client.post(PATH, data=fields, files={"file": PNG}, headers=token)).json()
        assert (made["scan"], made["state"]) == ("image/png", "running")
        assert hub.objects.names("objections/") == [f"objections/{made['id']}"]
        assert PNG[-30:] not in hub.objects.get(f"objections/{made['id']}")

        other = await signed(client, hub, STRANGER)
        before = await ledger(hub)
        assert (await client.get(f"{PATH}/{made['id']}")).status_code == 404
        assert (await client.post(f"{PATH}/{made['id']}/withdraw", headers=other)).status_code == 404
        assert [entry.detail["reason"] for entry in await ledger(hub, since=before)] == ["objection_not_own"] * 2

        police, desk = await officer(hub, POLICE, Role.OWNER_ENGINEER), hub.citizens.desk
        assert await desk.scan(police, made["id"]) == (PNG, "image/png")
        for lacking, pointer in (
            (Answer("answered", "x"), "/result"),
            (Answer("refused", " "), "/reason"),
            (Answer("refused", "x"), "/next"),
            (Answer("corrected", ""), "/result"),
        ):
            with pytest.raises(ObjectionError) as error:
                await desk.answer(police, made["id"], lacking)
            assert error.value.pointer == pointer
        watch.ahead = timedelta(days=30)
        await hub.jobs.sweep()
        notices = NoticeService(hub.database, clock=hub.clock)
        codes = {notice.code for notice in await notices.list(COMMAND)}
        assert codes == {"objection.raised", "objection.near", "objection.over"}
        await desk.answer(police, made["id"], Answer("refused", "库中无此记录", "可向市公安局户政处申请复核"))
        await signed(client, hub)
        told = (await client.get(PATH)).json()["objections"][0]
        assert (told["state"], told["answer"]["next"]) == ("refused", "可向市公安局户政处申请复核")
        with pytest.raises(MissingError):
            await desk.scan(police, made["id"])


async def test_who_looked_is_asked_in_words_and_never_answers_for_himself(place: Place, hub: Hub) -> None:
    async with place.client(hub) as client:
        city = await grow(place, hub, client)
        await issue(hub, title_claims("T-1"), slug="real_estate_title", issuer=ESTATE)
        await city.ask("title")
        token = await signed(client, hub)
        entries = (await client.get("/api/v1/me/accesses")).json()["accesses"]
        look = next(item["id"] for item in entries if item["kind"] == "disclosure")
        own = next(item["id"] for item in entries if item["kind"] == "holder.sign_in")
        ask = {"kind": "access", "text": "我没有办过这件事"}
        refused = await client.post(PATH, json=ask | {"entry": own}, headers=token)
        assert refused.json()["errors"] == [{"pointer": "/entry", "rule": "own_act"}]
        made = (await client.post(PATH, json=ask | {"entry": look}, headers=token)).json()
        assert made["department"]["code"] == AMR
        assert "disputed" not in (await city.ask("title"))["evidence"]["certificate"]
        boss = await officer(hub, AMR, Role.DECIDER, name="boss")
        successor = await officer(hub, POLICE, Role.DECIDER)
        ways = [(boss.department_id or "", successor.department_id or "")]
        for giver, taker in [*ways, (ways[0][1], ways[0][0])]:
            assert (
                await hub.database.write(lambda tx, way=(giver, taker): hand_on(tx, hub.vault, *way, hub.clock())) == 1
            )
            here = boss if taker == boss.department_id else successor
            assert [item.id for item in await hub.citizens.desk.list(here)] == [made["id"]]
        with pytest.raises(ForbiddenError):
            await hub.citizens.desk.show(await officer(hub, AMR, Role.OWNER_ENGINEER), made["id"])
        await hub.citizens.desk.answer(boss, made["id"], Answer("answered", "系您委托的购房办件"))
        told = (await client.get(f"{PATH}/{made['id']}")).json()
        assert (told["state"], told["answer"]["reason"]) == ("answered", "系您委托的购房办件")

        entries = (await client.get("/api/v1/me/accesses")).json()["accesses"]
        read = next(item for item in entries if item["kind"] == "objection.answered")
        assert read["department"] == "市场监督管理局"
        again = (await client.post(PATH, json=ask | {"entry": read["id"]}, headers=token)).json()
        with pytest.raises(OwnLookError):
            await hub.citizens.desk.answer(boss, again["id"], Answer("answered", "是我"))
        withdrawn = await client.post(f"{PATH}/{again['id']}/withdraw", headers=token)
        assert withdrawn.json()["state"] == "withdrawn"
        assert (await client.post(f"{PATH}/{again['id']}/withdraw", headers=token)).status_code == 409


async def test_the_pages_take_it_from_a_phone_to_the_officer_and_back(place: Place, hub: Hub) -> None:
    async with place.client(hub) as client:
        city = await grow(place, hub, client)
        await issue(hub, title_claims("T-1"), slug="real_estate_title", issuer=ESTATE)
        await city.ask("title")
        token = {"Origin": PUBLIC_URL}
        await signed(client, hub)
        identifier = await of_title(client)
        home = await client.get("/me/licences")
        assert f"/me/objections/new?licence={identifier}" in home.text
        page = await client.get(f"/me/objections/new?licence={identifier}")
        csrf = re.findall(r'name="csrf" value="([^"]+)"', page.text)[0]
        fields = {"csrf": csrf, "licence": identifier, "kind": "claim", "text": TEXT}
        sent: list[tuple[dict[str, str], str]] = [
            (fields | {"csrf": "x"}, ""),
            (fields | {"kind": "rating"}, "请选择是什么问题"),
            (fields, "请选择有误的是哪一项"),
            (fields | {"kind": "licence", "text": " "}, "请写明哪里不对"),
        ]
        for given, wrong in sent:
            answer = await client.post("/me/objections/new", data=given, files={"file": PNG}, headers=token)
            assert answer.status_code == (422 if wrong else 403)
            assert wrong in text_of(answer)
        given = fields | {"claim": "location"}
        answer = await client.post("/me/objections/new", data=given, files={"file": PNG}, headers=token)
        mine = answer.headers["location"]
        again = await client.post("/me/objections/new", data=given, files={"file": PNG}, headers=token)
        assert again.status_code == 409
        shown = text_of(await client.get(mine))
        assert TEXT in shown
        assert "处理中" in shown
        entries = (await client.get("/api/v1/me/accesses")).json()["accesses"]
        look = next(item["id"] for item in entries if item["kind"] == "disclosure")
        assert "问一问这次查询" in text_of(await client.get(f"/me/objections/new?entry={look}"))
        assert "居民身份证" in text_of(await client.get("/me/objections/new"))

        path = mine.replace("/me", "/console/owner")
        async with at_desk(place, hub, ESTATE, Role.OWNER_APPROVER, name="estate") as estate:
            assert path in (await estate.get("/console/owner/objections")).text
            assert TEXT in text_of(await estate.get(path))
            assert (await estate.get(f"{path}/scan")).headers["content-type"] == "image/png"
            refused = await estate.post(f"{path}/answer", result="corrected")
            assert "证照库在提出异议之后没有变化" in text_of(refused)
            answer = await estate.post(f"{path}/answer", result="refused", reason="登记无误", next="不动产登记上级机关")
            assert "已答复并签名" in text_of(answer)
            assert TEXT not in text_of(await estate.get(path))
        async with at_desk(place, hub, AMR, Role.OWNER_APPROVER, Role.CLERK, name="amr") as amr:
            await hub.systems.set_counter(COMMAND, INTAKE, counter=True)
            case_no = next(item["case_no"] for item in entries if item["id"] == look)
            await written_down(amr, f"/console/counter/{case_no}/object")
            for method in (amr.get(path), amr.get(f"{path}/scan"), amr.post(f"{path}/answer", result="refused")):
                assert (await method).status_code == 404
        assert "1 条异议答复" in text_of(await client.get("/me"))
        assert "不动产登记上级机关" in text_of(await client.get(mine))
        assert "新答复" not in text_of(await client.get("/me"))
        assert "缺少一份记录：不动产权证书" in text_of(await client.get("/me/objections"))


async def test_a_clerk_writes_it_down_in_the_visit_for_somebody_whose_name_is_wrong(place: Place, hub: Hub) -> None:
    async with place.client(hub) as client:
        city = await grow(place, hub, client)
        misnamed = PERSON | {"name": "陈小示"}
        await city.ask("identity", holder=misnamed)
        clerk = await officer(hub, AMR, Role.CLERK, name="clerk")

        def last(tx: Connection) -> Case:
            number = tx.execute(select(table(CaseRow).c.case_no).order_by(table(CaseRow).c.id.desc())).scalars().first()
            found = find_case(tx, number or "")
            assert found is not None
            return found

        case = await hub.database.read(last)
        kind = hub.types.find("identity_card")
        assert kind is not None
        said = Said(kind=Kind.LICENCE, text="名字应为小", type_code=kind.type.code)
        with pytest.raises(ForbiddenError):
            await hub.citizens.attesting.raise_(await officer(hub, AMR), case, "applicant", said)
        for wrong, rule in (
            (("seller", said), "unknown_party"),
            (("applicant", replace(said, type_code=TITLE)), "none_held"),
            (("applicant", replace(said, kind=Kind.ACCESS)), "kind"),
        ):
            with pytest.raises(ObjectionError, match=rule):
                await hub.citizens.attesting.raise_(clerk, case, *wrong)
        heard = [entry for entry in await ledger(hub) if entry.kind == "refusal" and entry.detail.get("by")]
        assert [entry.detail["reason"] for entry in heard] == ["objection_none_held"]  # a look, too
        made = await hub.citizens.attesting.raise_(clerk, case, "applicant", said)
        entry = next(entry for entry in await ledger(hub) if entry.kind == "objection.raised")
        assert (entry.detail["by"]["id"], entry.detail["case_no"]) == ("clerk", case.case_no)
        await signed(client, hub)
        told = (await client.get(f"{PATH}/{made}")).json()
        assert (told["channel"], told["text"], told["department"]["code"]) == ("counter", "名字应为小", POLICE)

        # Of whom the hub holds nothing: that a record is missing is said all the same, and seen when he is known.
        await city.ask("identity", holder=STRANGER)
        case = await hub.database.read(last)
        with pytest.raises(ObjectionError, match="nothing_held"):
            await hub.citizens.attesting.raise_(clerk, case, "applicant", said)
        missing = Said(kind=Kind.MISSING, text="没有我的房产", type_code=TITLE, department=ESTATE)
        await hub.citizens.attesting.raise_(clerk, case, "applicant", missing)
        await issue(hub, identity_claims(citizen_id=STRANGER["id_number"]), slug="identity_card", issuer=POLICE)
        await signed(client, hub, STRANGER)
        (told,) = (await client.get(PATH)).json()["objections"]
        assert (told["kind"], told["channel"], told["text"]) == ("missing", "counter", "没有我的房产")


async def test_a_dispute_that_is_ended_by_sql_goes_on_and_erasing_ends_it(place: Place, hub: Hub) -> None:
    async with place.client(hub) as client:
        city = await grow(place, hub, client)
        await issue(hub, title_claims("T-1"), slug="real_estate_title", issuer=ESTATE)
        token = await signed(client, hub)
        body = {"kind": "not_loading", "identifier": await of_title(client), "text": "打不开"}
        twins = await asyncio.gather(*(client.post(PATH, json=body, headers=token) for _ in range(2)))
        assert sorted(answer.status_code for answer in twins) == [201, 409]
        rows = table(ObjectionRow)
        for ended in ({"kind": "missing"}, {"kind": "not_loading", "state": "withdrawn"}):
            await hub.database.write(lambda tx, ended=ended: tx.execute(update(rows).values(**ended)))
            assert (await city.ask("title"))["evidence"]["certificate"]["disputed"] is True
        assert (await client.get(PATH)).json()["objections"][0]["text"] == ""

        await erased(hub)
        row = (await hub.database.read(lambda tx: tx.execute(rows.select()).all()))[0]
        assert (row.state, row.content, row.answer, row.standing) == ("erased", b"", None, None)


async def test_what_had_ended_before_the_objection_corrects_nothing(hub: Hub) -> None:
    holder, desk, police = await signed_in(hub), hub.citizens.desk, await officer(hub, POLICE)
    identifier = (await hub.citizens.licences.listed(holder))[0][0].identifier
    await hub.transitions.act(
        COMMAND, identifier, Act.read({"operation": "suspend", "reason_code": "investigation", **WHY})
    )
    made = await hub.citizens.objections.raise_(holder, Said(kind=Kind.LICENCE, text=TEXT, identifier=identifier))
    with pytest.raises(ObjectionError, match="nothing_corrected"):
        await desk.answer(police, made, Answer("corrected", ""))
    await hub.transitions.act(
        COMMAND, identifier, Act.read({"operation": "revoke", "reason_code": "signed_in_error", **WHY})
    )
    await desk.answer(police, made, Answer("corrected", "已撤销"))
    over = await desk.show(police, made)  # no entry speaks of this look: it shows nothing of him
    assert (over.text, over.identifier, over.what) == ("", "", ("", ""))


async def test_who_was_erased_a_moment_ago_does_nothing_more_also_when_he_is_known_again(hub: Hub) -> None:
    holder, kind = await signed_in(hub), hub.types.find("identity_card")
    assert kind is not None
    await erased(hub)
    await issue(hub, identity_claims(), slug="identity_card", issuer=POLICE)
    said = Said(kind=Kind.MISSING, text=TEXT, type_code=kind.type.code, department=POLICE)
    for act in (hub.citizens.objections.raise_(holder, said), hub.citizens.presentations.make(holder, None)):
        with pytest.raises(HolderSignInNeededError):
            await act
