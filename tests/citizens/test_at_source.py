"""Licences of which the hub keeps an index alone, opened by their holder: asked from their source now, for him only."""

from collections.abc import AsyncIterator
from datetime import timedelta

import httpx2
import pytest
from sqlalchemy import update

from catalog.tables import table
from certificates.lifecycle.states import Operation
from certificates.stores.certificates import find_version
from certificates.stores.holders import subject_by_id
from certificates.tables import CertificateVersionRow
from hub.access.actors import COMMAND
from hub.citizens.dossier.at_source import ASKED_PER_MINUTE
from hub.citizens.dossier.contradicting import contradiction
from hub.runtime import Hub, open_hub
from hub.web.citizen.dossier_words import CONTRADICTS
from tests.citizens.conftest import Watch, signed_in
from tests.citizens.dossiers import HERE, arrive, of_kind
from tests.exchange.conftest import add_source, definition, publish
from tests.exchange.declared import TITLE, field
from tests.exchange.register import Register, serving
from tests.hub.city import PERSON, STRANGER, change_status, identity_claims, ledger
from tests.hub.desk import text_of
from tests.support import AMR, POLICE, Place, issue

PASS_CODE = f"{AMR}091"
NUMBER = str(PERSON["id_number"])
ROW = {
    "编号": "TX-1",
    "姓名": PERSON["name"],
    "号码": NUMBER,
    "等级": "金丝雀等级",
    "至": "2031-05-06",
    "内": "金丝雀内",
}
SAID = {"number": "TX-1", "name": PERSON["name"], "citizen_id": NUMBER, "grade": "旧", "ends_on": "2031-05-06"}
"""Of which the hub keeps the index."""
PASS_TYPE = f"""
slug: pass
code: {PASS_CODE}
name: {{zh: 通行证, en: Pass}}
kind: certificate
stage: travel
defining_authority: {{name: 示例局, uscc: {AMR}}}
holder_kinds: ["111"]
holder: {{id_type: "111", id: citizen_id, name: name}}
record_key: number
validity: {{claim: ends_on}}
confirms_identity: false
complete: true
single_instance: false
custody: index
source:
  interface: passes
  claims: {{number: number, name: name, citizen_id: citizen_id, grade: grade, ends_on: ends_on}}
  ended: {{grade: [金丝雀注销]}}
claims:
  number: {{title: {{zh: 编号, en: Number}}, format: code, required: true, disclosure: selective}}
  name: {{title: {{zh: 姓名, en: Name}}, format: text, required: true, disclosure: selective}}
  citizen_id: {{title: {{zh: 公民身份号码, en: Citizen ID}}, format: citizen_id, required: true, disclosure: selective}}
  grade: {{title: {{zh: 等级, en: Grade}}, format: text, required: true, disclosure: selective}}
  ends_on: {{title: {{zh: 有效期至, en: Valid until}}, format: date, required: false, disclosure: selective}}
mapping:
  version: 1
  absent: [""]
  columns: {{编号: number, 姓名: name, 号码: citizen_id, 等级: grade, 至: ends_on}}
"""
PASSES = definition(
    code="passes",
    params={"number": {"title": TITLE, "from": "party.id_number", "id_type": "111"}},
    fields={
        "number": field(required=True),
        "name": field(required=True),
        "citizen_id": field(required=True),
        "grade": field(),
        "ends_on": field({"type": "string", "format": "date"}),
        "inside": field(),
    },
    echoes={"citizen_id": "number"},
    operation={"method": "GET", "path": "/passes/{number}", "rows": "/data"},
    mapping={
        "version": 1,
        "absent": [""],
        "fields": {
            "number": "编号",
            "name": "姓名",
            "citizen_id": "号码",
            "grade": "等级",
            "ends_on": "至",
            "inside": "内",
        },
    },
    cache_seconds=600,
)


@pytest.fixture
async def register() -> AsyncIterator[Register]:
    async with serving(Register({NUMBER: [dict(ROW)]})) as served:
        yield served


@pytest.fixture
async def hub(place: Place, watch: Watch, register: Register) -> AsyncIterator[Hub]:
    settings = place.settings(trial_sign_in="on", egress_networks=("127.0.0.0/8",))
    async with open_hub(settings, clock=watch) as opened:
        await issue(opened, identity_claims(), slug="identity_card", issuer=POLICE)
        other = identity_claims(citizen_id=STRANGER["id_number"])
        await issue(opened, other, slug="identity_card", issuer=POLICE)
        await add_source(opened, register.port)
        await publish(opened, PASSES)
        await opened.registry.add_type(PASS_TYPE)
        await issue(opened, SAID, slug="pass")
        yield opened


async def look(client: httpx2.AsyncClient, identifier: str, token: dict[str, str]) -> httpx2.Response:
    form = {"csrf": token["X-CSRF-Token"], "wanted": "contents"}
    return await client.post(f"/me/licences/{identifier}", data=form, headers=HERE)


async def test_its_holder_alone_reads_what_the_source_says_now_and_nothing_is_kept(
    place: Place, hub: Hub, register: Register
) -> None:
    async with place.client(hub) as client:
        token = await arrive(client, hub)
        identifier = await of_kind(hub, "pass")
        page = await client.get(f"/me/licences/{identifier}")
        assert "向来源部门查询内容" in text_of(page)
        assert register.asked == [], "a page asks nobody"
        before = await ledger(hub)
        shown = await look(client, identifier, token)
        assert shown.status_code == 200
        assert "金丝雀等级" in shown.text
        assert "金丝雀内" not in shown.text, "only what the licence says"
        assert "平台不留存" in text_of(shown)
        assert 'name="wanted" value="pdf"' not in shown.text
        (entry,) = await ledger(hub, since=before)
        assert (entry.kind, entry.detail["format"], entry.detail["interface"]) == (
            "certificate.opened",
            "source",
            "passes",
        )
        assert "金丝雀等级" not in str(entry.detail)
        told = (await client.get("/api/v1/me/accesses")).json()["accesses"][0]
        assert (told["kind"], told["class"]) == ("certificate.opened", "own")

        register.rows[NUMBER] = [ROW | {"等级": "更新后"}]
        api = f"/api/v1/me/certificates/{identifier}/claims"
        said = (await client.get(api)).json()
        assert {item["name"]: item["value"] for item in said["claims"]}["grade"] == "更新后", (
            "no cache, whatever it allows"
        )
        assert said["custody"] == "index"
        assert register.asked == [NUMBER, NUMBER]

        token = await arrive(client, hub, STRANGER)
        before = await ledger(hub)
        assert (await look(client, identifier, token)).status_code == 404
        assert (await client.get(api)).status_code == 404
        assert [item.detail["reason"] for item in await ledger(hub, since=before)] == ["certificate_not_own"] * 2
        assert register.asked == [NUMBER, NUMBER], "nobody else has its source asked"


@pytest.mark.embedded
async def test_what_contradicts_the_index_is_not_shown_and_said(place: Place, hub: Hub, register: Register) -> None:
    """Gone, somebody else's, another number, another last day, more than one: nothing of the answer is in the page."""
    answers = {
        "gone": [],
        "other_number": [ROW | {"编号": "TX-2"}],
        "ended": [ROW | {"等级": "金丝雀注销"}],
        "other_end": [ROW | {"至": "2029-01-01"}],
        "several": [ROW, ROW],
        "other_record": [ROW | {"姓名": "金丝雀别人"}],
    }
    async with place.client(hub) as client:
        token = await arrive(client, hub)
        identifier = await of_kind(hub, "pass")
        for code, rows in answers.items():
            register.rows[NUMBER] = rows
            before = await ledger(hub)
            shown = await look(client, identifier, token)
            assert shown.status_code == 409, code
            assert CONTRADICTS[code][0] in text_of(shown)
            assert "金丝雀" not in shown.text
            assert f"kind=not_loading&amp;licence={identifier}" in shown.text
            (entry,) = await ledger(hub, since=before)
            assert (entry.kind, entry.detail["why"]) == ("certificate.not_opened", code)
        version = await hub.database.read(lambda tx: find_version(tx, identifier))
        kind = hub.types.find("pass")
        assert version is not None
        assert kind is not None
        subject = await hub.database.read(lambda tx: subject_by_id(tx, version.subject_id))
        for number, code in ((NUMBER, ""), (STRANGER["id_number"], "other_record")):  # by the number, without a name
            said = {"citizen_id": number, "ends_on": ROW["至"]}
            assert contradiction(kind.type, version, subject, "TX-1", said, hub.vault) == code
        limited = await look(client, identifier, token)
        assert limited.status_code == 429, "a few a minute"
        assert len(register.asked) == ASKED_PER_MINUTE
        objection = await client.get(f"/me/objections/new?kind=not_loading&licence={identifier}")
        assert 'value="not_loading" checked' in objection.text


@pytest.mark.embedded
async def test_a_source_that_is_away_is_said_with_when_to_try_again(
    place: Place, hub: Hub, register: Register, watch: Watch
) -> None:
    async with place.client(hub) as client:
        await arrive(client, hub)
        identifier = await of_kind(hub, "pass")
        api = f"/api/v1/me/certificates/{identifier}/claims"
        register.mood = "html"
        before = await ledger(hub)
        away = await client.get(api)
        assert (away.status_code, away.json()["why"]) == (503, "source_faulty")
        assert int(away.headers["retry-after"]) > 0
        (entry,) = await ledger(hub, since=before)
        assert (entry.kind, entry.detail["why"]) == ("certificate.not_opened", "source_faulty")
        token = await arrive(client, hub)
        page = await look(client, identifier, token)
        assert page.status_code == 503
        assert "以后可以再试" in text_of(page)
        assert "金丝雀" not in page.text

        register.mood, asked = "well", len(register.asked)
        await change_status(hub, PERSON, PASS_CODE, Operation.REVOKE)
        ended = await look(client, identifier, token)
        assert ended.status_code == 422
        await hub.halts.halt(COMMAND, "pass", reason="模板有误", legal_basis="test")
        watch.ahead += timedelta(minutes=2)
        assert (await client.get(api)).status_code == 503
        assert len(register.asked) == asked, "of what has ended, and of a stopped kind, the source hears nothing"


@pytest.mark.embedded
async def test_what_was_ended_while_the_source_was_asked_is_not_shown(
    place: Place, hub: Hub, register: Register
) -> None:
    import asyncio

    await signed_in(hub)
    async with place.client(hub) as client:
        token = await arrive(client, hub)
        identifier = await of_kind(hub, "pass")
        register.mood = "gated"
        register.arrived.clear()
        waiting = asyncio.create_task(look(client, identifier, token))
        await asyncio.wait_for(register.arrived.wait(), 20)
        await issue(hub, SAID, slug="pass")  # the register was read again meanwhile, and says the same
        register.gate.set()
        assert (await waiting).status_code == 200

        register.arrived.clear()
        register.gate.clear()
        before = await ledger(hub)
        waiting = asyncio.create_task(look(client, identifier, token))
        await asyncio.wait_for(register.arrived.wait(), 20)
        await change_status(hub, PERSON, PASS_CODE, Operation.REVOKE)
        register.gate.set()
        answer = await waiting
        assert answer.status_code == 422
        assert "金丝雀" not in answer.text
        entry = (await ledger(hub, since=before))[-1]
        assert (entry.kind, entry.detail["why"]) == ("certificate.not_opened", "changed")


@pytest.mark.embedded
async def test_an_index_that_sql_gave_to_another_asks_nobody(place: Place, hub: Hub, register: Register) -> None:
    async with place.client(hub) as client:
        token = await arrive(client, hub)
        identifier = await of_kind(hub, "pass")
        rows = table(CertificateVersionRow)
        await hub.database.write(
            lambda tx: tx.execute(update(rows).where(rows.c.identifier == identifier).values(valid_until="2039-01-01"))
        )
        assert (await look(client, identifier, token)).status_code == 502
        assert register.asked == []
