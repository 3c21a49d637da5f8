"""A terminal: one person at a time by his own card, one licence on paper for a purpose; it forgets, and is ended."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import text

from catalog.errors import DefinitionError
from catalog.tables import table
from hub.access.actors import COMMAND, Role
from hub.access.errors import ForbiddenError
from hub.access.sessions import hashed
from hub.citizens.kiosk.devices import CODE_LASTS
from hub.citizens.kiosk.errors import KioskOverError, KioskRefusedError
from hub.citizens.kiosk.tables import KioskReadRow, KioskRow, KioskVisitRow
from hub.citizens.kiosk.values import Choice
from hub.citizens.kiosk.visits import IDLE, LONGEST
from hub.citizens.objections.values import Kind, Said
from hub.intake.errors import PartyError
from hub.intake.parties import PartyInput
from hub.runtime import Hub
from hub.storage.errors import IntegrityBrokenError, MissingError
from tests.citizens.conftest import Watch, erased, signed_in
from tests.citizens.test_objections import officer, signed
from tests.faces.test_renditions import code_of
from tests.hub.city import HOME, IDENTITY, PERSON, STRANGER, grow, identity_claims, ledger
from tests.hub.command import yizheng
from tests.hub.desk import text_of
from tests.hub.test_card_readers import StandIn
from tests.registry.asking import staff
from tests.support import AMR, INTAKE, POLICE, PUBLIC_URL, Place, issue, open_case

CARD = {"id_type": PERSON["id_type"], "id_number": PERSON["id_number"], "name": PERSON["name"]}


@dataclass
class Terminal:
    """A browser that is a terminal, its reader, and its id."""

    client: httpx2.AsyncClient
    reader: StandIn
    id: str

    async def get(self, path: str) -> httpx2.Response:
        return await self.client.get(f"/kiosk{path}")

    async def post(self, path: str, **fields: str) -> httpx2.Response:
        return await self.client.post(f"/kiosk{path}", data=fields, headers={"Origin": PUBLIC_URL})

    def cookie(self, name: str) -> str:
        return str(self.client.cookies[name])

    async def card(self, **changes: str) -> httpx2.Response:
        return await self.post("/card", card=self.reader.reads(**CARD | changes))

    async def sent(self, path: str, **fields: str) -> httpx2.Response:
        """A form of the person's page."""
        token = re.findall(r'name="csrf" value="([^"]+)"', (await self.get("/mine")).text)[0]
        return await self.post(path, csrf=token, **fields)


@asynccontextmanager
async def standing(place: Place, hub: Hub) -> AsyncIterator[Terminal]:
    reader = StandIn()
    kid = await hub.counter.readers.register(COMMAND, AMR, reader.signer.public.jwk, "大厅读卡器")
    kiosk_id, code = await hub.kiosk.devices.register(COMMAND, AMR, kid, "大厅1号机")
    async with place.client(hub) as client:
        made = await client.post("/kiosk/set-up", data={"code": f" {code.upper()} "}, headers={"Origin": PUBLIC_URL})
        assert (made.status_code, made.headers["location"]) == (303, "/kiosk")
        again = await client.post("/kiosk/set-up", data={"code": code}, headers={"Origin": PUBLIC_URL})
        assert (again.status_code, "设置码不对" in text_of(again)) == (422, True)
        yield Terminal(client, reader, kiosk_id)


@pytest.mark.embedded
async def test_a_licence_is_printed_for_a_purpose_and_its_person_sees_that(
    place: Place, hub: Hub, tmp_path: Path
) -> None:
    async with standing(place, hub) as terminal, place.client(hub) as phone:
        assert "请把身份证放在读卡区" in text_of(await terminal.get(""))
        begun = await terminal.card()
        assert (begun.status_code, begun.headers["location"]) == (303, "/kiosk/mine")
        page = await terminal.get("/mine")
        assert (page.headers["cache-control"], "居民身份证" in text_of(page)) == ("no-store", True)
        assert PERSON["id_number"] not in page.text
        (identifier,) = re.findall(r'name="identifier" value="([^"]+)"', page.text)
        asked = await terminal.sent("/licence", identifier=identifier)
        assert "银行业务" in text_of(asked)

        for fields in ({}, {"purpose": "bank"}, {"purpose": "x", "receiver": "bank"}):
            wrong = await terminal.sent("/print", identifier=identifier, **fields)
            assert (wrong.status_code, wrong.headers["x-frame-options"]) == (422, "SAMEORIGIN")
            assert "没有打印" in wrong.text
            assert not re.findall(r"<script|refresh|<a |<form", wrong.text), "nothing in the frame that ends the visit"
        assert [entry.kind for entry in await ledger(hub) if entry.kind.startswith("kiosk.")][-1] == "kiosk.visit"
        printed = await terminal.sent("/print", identifier=identifier, purpose="bank", receiver=POLICE)
        assert printed.content.startswith(b"%PDF-"), text_of(printed)
        heads = ("content-type", "x-frame-options", "cache-control")
        assert [printed.headers[name] for name in heads] == ["application/pdf", "SAMEORIGIN", "no-store"]
        order = [entry for entry in await ledger(hub) if entry.kind in {"kiosk.printed", "certificate.render"}]
        assert [entry.kind for entry in order] == ["kiosk.printed", "certificate.render"], "before it was made"
        entry = order[0].detail
        assert (entry["purpose"], entry["receiver"], entry["by"]["id"]) == ("银行业务", "公安局", terminal.id)
        assert entry["certificates"] == [identifier]

        code = code_of(printed.content, tmp_path)
        for audience, verdict in (("公安局", "passed"), ("银行", "failed"), (None, "indeterminate")):
            asked_of_it = {"control_code": code} | ({"audience": audience} if audience else {})
            judged = (await phone.post("/api/v1/verify", json=asked_of_it)).json()
            assert judged["result"] == verdict, judged

        stranger = await issue_to_stranger(hub)
        assert (await terminal.sent("/print", identifier=stranger, purpose="bank", receiver="bank")).status_code == 404
        assert (await ledger(hub))[-1].detail["reason"] == "certificate_not_own"

        said = Said(kind=Kind.MISSING, text="缺一份", type_code=IDENTITY, department=POLICE)
        await hub.citizens.objections.raise_(await signed_in(hub), said)
        told = text_of(await terminal.get("/objections"))
        assert "缺少一份记录：居民身份证" in told
        assert "公安局 答复期限" in told
        looks = text_of(await terminal.get("/looks"))
        assert "您在自助终端打印了证照" in looks
        assert (await terminal.sent("/end")).headers["location"] == "/kiosk"
        assert (await terminal.get("/mine")).headers["location"] == "/kiosk"
        await signed(phone, hub)
        seen = text_of(await phone.get("/me/accesses"))
        for words in ("您在自助终端刷了身份证件", "您在自助终端看了谁看过您的信息", "您在自助终端打印了证照"):
            assert words in seen


async def issue_to_stranger(hub: Hub) -> str:
    claims = identity_claims(citizen_id=STRANGER["id_number"])
    await issue(hub, claims, slug="identity_card", issuer=POLICE)
    licences, _ = await hub.citizens.licences.listed(await signed_in(hub, person=STRANGER))
    return licences[0].identifier


@pytest.mark.embedded
async def test_nobody_comes_in_by_another_card_and_a_visit_ends_by_itself(place: Place, hub: Hub, watch: Watch) -> None:
    await issue(hub, identity_claims(citizen_id=STRANGER["id_number"]), slug="identity_card", issuer=POLICE)
    async with standing(place, hub) as terminal:
        counter = StandIn()
        await hub.counter.readers.register(COMMAND, AMR, counter.signer.public.jwk, "1号窗口")
        token = terminal.reader.reads(**CARD)
        answers = [
            await terminal.post("/card", card=PERSON["id_number"]),
            await terminal.post("/card", card=StandIn().reads(**CARD)),
            await terminal.post("/card", card=counter.reads(**CARD)),  # a reader of the same department, elsewhere
            await terminal.card(name="陈小示"),
            await terminal.card(id_number="11010519491231002X"),
            await terminal.card(at="2026-01-01T00:00:00+00:00"),
        ]
        assert {(answer.status_code, text_of(answer)) for answer in answers} == {(422, text_of(answers[0]))}
        await hub.systems.set_counter(COMMAND, INTAKE, counter=True)
        caller = await hub.counter.caller(await staff(hub, AMR, "clerk", Role.CLERK))
        party = PartyInput("applicant", CARD["name"], CARD["id_type"], CARD["id_number"])
        for moved in ("", "UPDATE kiosks SET ended_at = created_at"):  # nor is the terminal's own at a counter
            await hub.database.write(lambda tx, sql=moved: sql and tx.execute(text(sql)) and None)  # type: ignore[misc]
            with pytest.raises(PartyError):
                await hub.counter.readers.read(caller, token, party)
        await hub.counter.readers.read(caller, counter.reads(**CARD), party)
        assert (await terminal.post("/card", card=token)).status_code == 303
        for again in (token, f"{token} "):
            assert (await terminal.post("/card", card=again)).status_code == 422, "worth one visit"
        refused = [entry.detail["reason"] for entry in await ledger(hub) if entry.kind == "refusal"]
        assert refused == ["kiosk_not_read_here"] * 3 + ["kiosk_unconfirmed"] * 2 + [
            "kiosk_not_read_here", "kiosk_read_twice", "kiosk_read_twice",
        ]  # fmt: skip

        await terminal.card()
        watch.ahead += IDLE - timedelta(seconds=1)
        assert (await terminal.sent("/stay")).status_code == 204
        watch.ahead += IDLE + timedelta(seconds=1)
        assert (await terminal.get("/mine")).headers["location"] == "/kiosk"
        now = hub.clock().isoformat()
        await terminal.card(at=now)
        await terminal.card(at=now, id_number=STRANGER["id_number"], name=STRANGER["name"])
        kiosk, before = await hub.kiosk.devices.find(terminal.cookie("yz_kiosk")), terminal.cookie("yz_kiosk_visit")
        assert (await hub.kiosk.visits.find(kiosk, before)).holder.identity.id_number == STRANGER["id_number"]
        await terminal.card(at=hub.clock().isoformat())
        with pytest.raises(KioskOverError):
            await hub.kiosk.visits.find(kiosk, before)
        gone = await hub.kiosk.visits.find(kiosk, terminal.cookie("yz_kiosk_visit"))
        (held,), _ = await hub.citizens.licences.listed(gone.holder)
        await terminal.card(at=hub.clock().isoformat())
        choice = Choice(held.identifier, "bank", "bank")
        for late in (hub.kiosk.prints.looks(gone), hub.kiosk.prints.print(gone, choice, "en")):
            with pytest.raises(KioskOverError):  # somebody else stands there by now
                await late
        for _ in range(int(LONGEST / IDLE) + 2):
            await terminal.get("/mine")
            watch.ahead += IDLE - timedelta(seconds=2)
        assert (await terminal.get("/mine")).headers["location"] == "/kiosk", "others wait"
        await terminal.card(at=hub.clock().isoformat())
        refused_form = await terminal.post("/end", csrf="x")
        assert (refused_form.status_code, 'content="60;url=/kiosk"' in refused_form.text) == (403, True), refused_form
        await erased(hub)
        assert (await terminal.get("/mine")).headers["location"] == "/kiosk"


@pytest.mark.both
async def test_one_card_is_one_visit_also_when_it_is_sent_twice_at_once(place: Place, hub: Hub) -> None:
    async with standing(place, hub) as terminal:
        kiosk = await hub.kiosk.devices.find(terminal.cookie("yz_kiosk"))
        token = terminal.reader.reads(**CARD)
        begun = await asyncio.gather(*(hub.kiosk.visits.begin(kiosk, token) for _ in range(2)), return_exceptions=True)
        assert sorted(type(one).__name__ for one in begun) == ["KioskRefusedError", "str"]
        (secret,) = [one for one in begun if isinstance(one, str)]
        assert [entry.kind for entry in await ledger(hub)].count("refusal") == 1
        others = await asyncio.gather(
            *(hub.kiosk.visits.begin(kiosk, terminal.reader.reads(**CARD)) for _ in range(2)), return_exceptions=True
        )
        assert any(isinstance(one, str) for one in others)
        with pytest.raises(KioskOverError):
            await hub.kiosk.visits.find(kiosk, secret)


@pytest.mark.embedded
async def test_a_terminal_is_registered_by_an_operator_and_ended_at_once(place: Place, hub: Hub, watch: Watch) -> None:
    devices = hub.kiosk.devices
    async with standing(place, hub) as terminal, place.client(hub) as stranger:
        assert (await stranger.get("/kiosk/mine")).headers["location"] == "/kiosk"
        assert "设置终端" in text_of(await stranger.get("/kiosk"))
        with pytest.raises(DefinitionError):
            await devices.register(COMMAND, POLICE, terminal.reader.signer.public.kid, "别的部门的读卡器")
        with pytest.raises(ForbiddenError):
            await devices.register(await officer(hub, AMR), AMR, terminal.reader.signer.public.kid, "x")
        with pytest.raises(MissingError):
            await devices.register(COMMAND, "x", terminal.reader.signer.public.kid, "x")
        with pytest.raises(DefinitionError):  # a read would open either
            await devices.register(COMMAND, AMR, terminal.reader.signer.public.kid, "大厅2号机")
        another = await hub.counter.readers.register(COMMAND, AMR, StandIn().signer.public.jwk, "2号读卡器")
        _, late = await devices.register(COMMAND, AMR, another, "大厅2号机")
        watch.ahead += CODE_LASTS + timedelta(seconds=1)
        assert (
            await stranger.post("/kiosk/set-up", data={"code": late}, headers={"Origin": PUBLIC_URL})
        ).status_code == 422

        await terminal.card(at=hub.clock().isoformat())
        assert (await terminal.get("/mine")).status_code == 200
        await devices.end(COMMAND, terminal.id)
        assert (await terminal.get("/mine")).headers["location"] == "/kiosk"
        assert "设置终端" in text_of(await terminal.get(""))
        with pytest.raises(MissingError):
            await devices.end(COMMAND, terminal.id)
        kinds = [entry.kind for entry in await ledger(hub) if entry.kind.startswith("kiosk.")]
        assert kinds == ["kiosk.registered", "kiosk.set_up", "kiosk.registered", "kiosk.visit", "kiosk.ended"]
        await hub.kiosk.visits.sweep()


@pytest.mark.embedded
async def test_a_row_that_somebody_wrote_opens_nothing(place: Place, hub: Hub) -> None:
    async with standing(place, hub) as terminal, place.client(hub) as stranger:
        await terminal.card()
        kiosk, mine = await hub.kiosk.devices.find(terminal.cookie("yz_kiosk")), "x" * 43
        rows, kiosks, later = table(KioskVisitRow), table(KioskRow), hub.clock() + timedelta(minutes=9)
        for found_by, forged in (
            (terminal.cookie("yz_kiosk_visit"), {"begun_at": later}), (mine, {"secret_hash": hashed(mine)}),
        ):  # fmt: skip
            await hub.database.write(lambda tx, row=forged: tx.execute(rows.update().values(**row)))  # type: ignore[misc]
            with pytest.raises(KioskOverError):
                await hub.kiosk.visits.find(kiosk, found_by)
        another = await hub.counter.readers.register(COMMAND, AMR, StandIn().signer.public.jwk, "2号读卡器")
        _, code = await hub.kiosk.devices.register(COMMAND, AMR, another, "大厅2号机")
        renewed = kiosks.update().where(kiosks.c.state == "new").values(created_at=later)
        await hub.database.write(lambda tx: tx.execute(renewed))
        answer = await stranger.post("/kiosk/set-up", data={"code": code}, headers={"Origin": PUBLIC_URL})
        assert answer.status_code >= 500, "made good for longer by nobody of ours"
        moved = "UPDATE kiosks SET owner_department_id = (SELECT id FROM departments WHERE code = :code)"
        await hub.database.write(lambda tx: tx.execute(text(moved), {"code": POLICE}))
        with pytest.raises(IntegrityBrokenError):
            await hub.kiosk.devices.find(terminal.client.cookies["yz_kiosk"])
        assert (await terminal.get("/mine")).status_code >= 500


@pytest.mark.sampled
async def test_a_visit_that_ended_and_a_card_that_was_read_open_nothing_when_they_are_put_back(
    place: Place, hub: Hub, watch: Watch
) -> None:
    async with standing(place, hub) as terminal:
        kiosk = await hub.kiosk.devices.find(terminal.cookie("yz_kiosk"))
        visits, reads, token = table(KioskVisitRow), table(KioskReadRow), terminal.reader.reads(**CARD)
        secret = await hub.kiosk.visits.begin(kiosk, token)
        watch.ahead += timedelta(seconds=40)
        await hub.kiosk.visits.find(kiosk, secret)
        visit = dict((await hub.database.read(lambda tx: tx.execute(visits.select()).one()))._mapping)
        await hub.kiosk.visits.end(kiosk)
        await hub.database.write(lambda tx: tx.execute(visits.insert().values(**visit)))
        with pytest.raises(KioskOverError):
            await hub.kiosk.visits.find(kiosk, secret)
        await hub.kiosk.visits.end(kiosk)
        await hub.database.write(lambda tx: tx.execute(reads.delete()))
        with pytest.raises(KioskRefusedError):
            await hub.kiosk.visits.begin(kiosk, token)
        another = await hub.kiosk.visits.begin(kiosk, terminal.reader.reads(**CARD, at=hub.clock().isoformat()))
        watch.ahead += IDLE + timedelta(seconds=1)
        await hub.database.write(lambda tx: tx.execute(visits.update().values(seen_at=hub.clock())))
        with pytest.raises(KioskOverError):
            await hub.kiosk.visits.find(kiosk, another)
        kinds = [entry.kind for entry in await ledger(hub) if entry.kind in {"kiosk.visit", "kiosk.left"}]
        assert kinds == ["kiosk.visit", "kiosk.left", "kiosk.visit"]


@pytest.mark.embedded
async def test_a_case_is_rated_at_the_terminal_by_its_person_alone(place: Place, hub: Hub) -> None:
    async with standing(place, hub) as terminal, place.client(hub) as client:
        city = await grow(place, hub, client)
        case_no = await open_case(client, city.headers, matter=HOME, parties=[{"role": "applicant", **PERSON}])
        assert (await client.post(f"/api/v1/cases/{case_no}/close", headers=city.headers)).status_code == 200
        await terminal.card()
        assert case_no in (await terminal.get("/ratings")).text
        assert "您交了几份材料" in text_of(await terminal.sent("/ratings", case_no=case_no))
        wrong = await terminal.sent("/ratings", case_no=case_no, sent="1", stars="9", brought="0")
        assert (wrong.status_code, "请选择几星" in text_of(wrong)) == (422, True)
        await terminal.sent("/ratings", case_no=case_no, sent="1", stars="1", brought="0", text="等了很久")
        assert "您评了 1 星" in text_of(await terminal.get("/ratings"))
        (entry,) = [entry for entry in await ledger(hub) if entry.kind == "case.rated"]
        assert entry.detail["stars"] == 1
        page = (await terminal.get("/objections")).text
        assert ("差评回访" in page, "撤回这个异议" in page) == (True, False), "what follows is the office's"
        channels = text("SELECT channel FROM objections")
        assert await hub.database.read(lambda tx: tx.execute(channels).scalars().all()) == ["terminal"]


@pytest.mark.embedded
async def test_the_command_registers_lists_and_ends_terminals(place: Place) -> None:
    key = place.home / "reader.json"
    key.write_text(json.dumps(StandIn().signer.public.jwk), "utf-8")
    kid = (await yizheng(place, "system", "reader", str(key), "--department", AMR, "--json")).json()["kid"]
    made = (await yizheng(place, "system", "kiosk", "--department", AMR, "--reader", kid, "--json")).json()
    assert (made["state"], len(made["code"]), made["url"].endswith("/kiosk")) == ("new", 20, True)
    listed = (await yizheng(place, "system", "kiosk", "--json")).json()["kiosks"]
    assert [(item["id"], item["state"], item["department"]) for item in listed] == [(made["id"], "new", AMR)]
    assert made["id"] in (await yizheng(place, "system", "kiosk")).out
    assert (await yizheng(place, "system", "kiosk", "--end", made["id"])).code == 0
    assert (await yizheng(place, "system", "kiosk", "--end", made["id"])).code == 65
    assert (await yizheng(place, "system", "kiosk", "--department", AMR)).code == 64
