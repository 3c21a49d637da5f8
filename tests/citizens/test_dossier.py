"""A dossier: licences by stage of life at a constant price, one laid open, missing ones collected, reminders."""

import re
import sqlite3
from contextlib import closing
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import update

from catalog.tables import table
from certificates.definitions.loading import catalogue_text, load_type
from certificates.definitions.parts import Stage
from certificates.lifecycle.states import Operation
from certificates.profile import CIVIL_ZONE
from certificates.tables import CertificateHolderRow
from hub.access.actors import COMMAND
from hub.citizens.dossier.cards import PAGE
from hub.citizens.dossier.stages import STAGES, age_of, usual
from hub.citizens.errors import HolderSignInNeededError
from hub.citizens.notices.tables import NoticeRow
from hub.collection.by_holder import Outcome
from hub.issuing.files import identifiers_of
from hub.runtime import Hub
from tests.citizens.conftest import Watch, erased, session, signed_in
from tests.hub.city import (
    CANARIES,
    CIVIL,
    ESTATE,
    PERMITS,
    PERSON,
    STRANGER,
    City,
    change_status,
    grow,
    identity_claims,
    ledger,
    marriage_claims,
    permit_claims,
    statements,
    title_claims,
)
from tests.hub.desk import text_of
from tests.registry.department import source
from tests.support import POLICE, PUBLIC_URL, Place, issue

HERE = {"Origin": PUBLIC_URL}
PERMIT_CODE = f"{PERMITS}001"


async def arrive(client: httpx2.AsyncClient, hub: Hub, person: dict[str, str] = PERSON) -> dict[str, str]:
    """Sign the browser in; answers what changing something wants."""
    client.cookies.set("yz_holder", await session(hub, person=person))
    who = (await client.get("/api/v1/me")).json()
    return HERE | {"X-CSRF-Token": who["csrf_token"]}


async def furnished(place: Place, hub: Hub, client: httpx2.AsyncClient) -> City:
    """Somebody with four kinds of licence, and one of two homes."""
    city = await grow(place, hub, client)
    await issue(hub, marriage_claims(), slug="marriage_certificate", issuer=CIVIL)
    await issue(hub, title_claims("T-1"), title_claims("T-2"), slug="real_estate_title", issuer=ESTATE)
    await issue(hub, permit_claims(), slug="residence_permit", issuer=PERMITS)
    return city


async def of_kind(hub: Hub, slug: str, person: dict[str, str] = PERSON) -> str:
    """The identifier of the first licence of a kind."""
    code, after = hub.types.find(slug), None
    assert code is not None
    subject = (await signed_in(hub, person=person)).id
    while True:
        shelf = await hub.dossier.cards.page(subject, after=after)
        for card in shelf.cards:
            if card.type_code == code.type.code:
                return card.identifier
        assert shelf.behind is not None
        after = shelf.behind


@pytest.mark.embedded
def test_a_stage_of_life_is_data_of_the_type_and_has_a_sane_default() -> None:
    assert list(STAGES) == [stage for stage in STAGES if stage in Stage]
    assert set(STAGES) == set(Stage)
    assert load_type(catalogue_text("marriage_certificate")).stage is Stage.FAMILY
    unsaid = catalogue_text("business_licence").replace("stage: founding\n", "")
    assert load_type(unsaid).stage is Stage.PERMITS
    assert load_type(unsaid.replace("kind: certificate", "kind: appraisal")).stage is Stage.QUALIFICATION
    assert load_type(catalogue_text("identity_card").replace("stage: identity\n", "")).stage is Stage.OTHER


@pytest.mark.embedded
@pytest.mark.parametrize(
    ("stage", "age", "likely"),
    [
        (Stage.SCHOOL, 8, True),
        (Stage.WORK, 8, False),
        (Stage.RETIREMENT, 49, False),
        (Stage.RETIREMENT, 50, True),
        (Stage.IDENTITY, 8, True),
        (Stage.AFTER, 90, False),
        (Stage.WORK, None, True),
    ],
)
def test_nobody_is_told_that_he_lacks_what_people_of_his_age_do_not_have(
    stage: Stage, age: int | None, *, likely: bool
) -> None:
    assert usual(stage, age) is likely


@pytest.mark.embedded
def test_years_of_age_turn_on_the_birthday() -> None:
    number = PERSON["id_number"]  # 1988-03-05
    assert [age_of("111", number, date(2026, 3, day)) for day in (4, 5)] == [37, 38]
    assert age_of("414", "E12345678", date(2026, 3, 4)) is None


async def test_cards_stand_by_stage_of_life_and_a_page_costs_the_same_whatever_there_is(place: Place, hub: Hub) -> None:
    async with place.client(hub) as client:
        await furnished(place, hub, client)
        subject = (await signed_in(hub)).id
        async with statements(hub) as few:
            small = await hub.dossier.cards.page(subject)
        assert [(stage, len(cards)) for stage, cards in small.sections] == [
            (Stage.IDENTITY, 1),
            (Stage.FAMILY, 1),
            (Stage.HOUSING, 2),
            (Stage.OTHER, 1),
        ]
        assert small.behind is None
        newest, other = small.sections[2][1]
        await hub.status.change(newest.identifier, Operation.REVOKE, reason="test", legal_basis="test")
        homes = await hub.dossier.cards.page(subject, stage=Stage.HOUSING)
        assert [card.identifier for card in homes.cards] == [other.identifier, newest.identifier]
        many = [title_claims(f"M-{number:03}") for number in range(3 * PAGE)]
        await issue(hub, *many, slug="real_estate_title", issuer=ESTATE)
        seen: list[str] = []
        after = None
        while True:
            async with statements(hub) as each:
                shelf = await hub.dossier.cards.page(subject, after=after)
            assert len(each) == len(few)
            assert len(shelf.cards) <= PAGE
            seen += [card.identifier for card in shelf.cards]
            after = shelf.behind
            if after is None:
                break
        assert len(seen) == len(set(seen)) == shelf.total == 5 + 3 * PAGE
        homes = await hub.dossier.cards.page(subject, stage=Stage.HOUSING)
        assert {card.stage for card in homes.cards} == {Stage.HOUSING}
        assert homes.counts == shelf.counts

        await arrive(client, hub)
        first = await client.get("/me/licences")
        headings = re.findall(r'<h2 class="stage"[^>]*>([^<]+)<', first.text)
        assert headings == [STAGES[stage][0] for stage in (Stage.IDENTITY, Stage.FAMILY, Stage.HOUSING)]
        onward = re.findall(r'href="(/me/licences\?cursor=[^"]+)"', first.text)
        assert (await client.get(onward[0])).status_code == 200
        assert (await client.get(onward[0].replace("?", "?stage=housing&"))).status_code == 422
        assert (await client.get("/me/licences?stage=nonsense")).status_code == 422
        assert PERSON["id_number"] not in first.text


@pytest.mark.embedded
async def test_opening_a_licence_is_on_the_ledger_before_it_leaves_and_nobody_elses_is_there(
    place: Place, hub: Hub
) -> None:
    async with place.client(hub) as client:
        await furnished(place, hub, client)
        await issue(hub, identity_claims(citizen_id=STRANGER["id_number"]), slug="identity_card", issuer=POLICE)
        token = await arrive(client, hub)
        identifier = await of_kind(hub, "identity_card")
        path = f"/me/licences/{identifier}"
        page = await client.get(path)
        assert page.status_code == 200
        assert PERSON["id_number"] not in page.text
        assert CANARIES[0] not in page.text
        assert "依登记库颁发" in page.text

        csrf = token["X-CSRF-Token"]
        assert (await client.post(path, data={"csrf": "x", "wanted": "contents"}, headers=HERE)).status_code == 403
        before = await ledger(hub)
        opened = await client.post(path, data={"csrf": csrf, "wanted": "contents"}, headers=HERE)
        assert CANARIES[0] in opened.text
        assert PERSON["id_number"] in opened.text
        picture = await client.post(path, data={"csrf": csrf, "wanted": "picture"}, headers=HERE)
        assert "data:image/png;base64,iVBOR" in picture.text
        assert "img-src 'self' data:" in picture.headers["content-security-policy"]
        assert "data:" not in opened.headers["content-security-policy"]
        file = await client.post(path, data={"csrf": csrf, "wanted": "pdf"}, headers=HERE)
        assert (file.content[:5], file.headers["content-type"]) == (b"%PDF-", "application/pdf")
        api = f"/api/v1/me/certificates/{identifier}"
        said = {item["name"]: item["value"] for item in (await client.get(f"{api}/claims")).json()["claims"]}
        assert said["citizen_id"] == PERSON["id_number"]
        token_file = await client.get(f"{api}/file?format=sd-jwt")
        assert token_file.content.count(b"~") > 1
        written = [item for item in await ledger(hub, since=before) if item.kind == "certificate.opened"]
        assert [item.detail["format"] for item in written] == ["sd-jwt", "picture", "pdf", "sd-jwt", "sd-jwt"]
        assert {item.detail["by"]["kind"] for item in written} == {"holder"}
        looks = (await client.get("/api/v1/me/accesses")).json()["accesses"]
        assert {item["class"] for item in looks if item["kind"] == "certificate.opened"} == {"own"}

        await arrive(client, hub, STRANGER)
        before = await ledger(hub)
        for hidden in (path, f"{api}/claims", f"{api}/file", f"{api}/history"):
            assert (await client.get(hidden)).status_code == 404
        posted = await client.post(path, data={"csrf": csrf, "wanted": "contents"}, headers=HERE)
        assert posted.status_code == 403, "his own token is another"
        written = await ledger(hub, since=before)
        assert [item.detail["reason"] for item in written] == ["certificate_not_own"] * 4


@pytest.mark.embedded
async def test_what_is_not_in_force_says_why_and_is_given_out_without_a_page(place: Place, hub: Hub) -> None:
    async with place.client(hub) as client:
        await furnished(place, hub, client)
        token = await arrive(client, hub)
        await change_status(hub, PERSON, PERMIT_CODE, Operation.SUSPEND)
        path = f"/me/licences/{await of_kind(hub, 'residence_permit')}"
        page = text_of(await client.get(path))
        for words in ("暂扣", "经过", "test", "第 1 版"):
            assert words in page
        for wanted, status in (("picture", 422), ("pdf", 422), ("contents", 200)):
            form = {"csrf": token["X-CSRF-Token"], "wanted": wanted}
            assert (await client.post(path, data=form, headers=HERE)).status_code == status, wanted
        history = (await client.get(f"/api/v1{path.replace('licences', 'certificates')}/history")).json()
        (version,) = history["versions"]
        assert [(act["operation"], act["to"]) for act in version["acts"]] == [("suspend", "suspended")]
        assert "by" not in version["acts"][0]
        assert set(history["formats"]) == {"sd-jwt", "json"}


@pytest.mark.embedded
async def test_a_further_holder_opens_it_too_and_the_principal_is_told_but_a_forged_one_is_not_believed(
    place: Place, hub: Hub
) -> None:
    async with place.client(hub) as client:
        await grow(place, hub, client)
        await hub.registry.add_type(SHARED_TYPE)
        spouse = {**STRANGER, "name": "金配偶"}
        card = identity_claims(citizen_id=spouse["id_number"], name=spouse["name"])
        await issue(hub, card, slug="identity_card", issuer=POLICE)
        shared = {
            "name": PERSON["name"],
            "citizen_id": PERSON["id_number"],
            "spouse": spouse["name"],
            "spouse_id": spouse["id_number"],
            "hidden": "看不到的备注",
        }
        await issue(hub, shared, slug="shared_home", issuer=PERMITS)
        await arrive(client, hub, spouse)
        identifier = await of_kind(hub, "shared_home", spouse)
        api = f"/api/v1/me/certificates/{identifier}/claims"
        said = {item["name"] for item in (await client.get(api)).json()["claims"]}
        assert said == {"name", "citizen_id", "spouse", "spouse_id"}, "what stays in the hub is in no licence"
        await arrive(client, hub)
        assert "hidden" not in {item["name"] for item in (await client.get(api)).json()["claims"]}
        looks = (await client.get("/api/v1/me/accesses")).json()["accesses"]
        told = [item["class"] for item in looks if item["kind"].startswith("certificate.opened")]
        assert told == ["own", "look"]

        rows = table(CertificateHolderRow)
        await hub.database.write(lambda tx: tx.execute(update(rows).values(role="owner")))
        await arrive(client, hub, spouse)
        assert (await client.get(api)).status_code == 502


SHARED_TYPE = f"""
slug: shared_home
code: {PERMITS}002
name: {{zh: 共有住房证, en: Shared home}}
kind: certificate
stage: housing
defining_authority: {{name: 居住证办公室（示例）, uscc: {PERMITS}}}
holder_kinds: ["111"]
holders:
  - {{role: owner, id_type: "111", id: citizen_id, name: name}}
  - {{role: spouse, id_type: "111", id: spouse_id, name: spouse}}
record_key: citizen_id
validity: none
confirms_identity: false
complete: true
single_instance: true
custody: library
claims:
  name: {{title: {{zh: 姓名, en: Name}}, format: text, required: true, disclosure: selective}}
  citizen_id: {{title: {{zh: 公民身份号码, en: Citizen ID}}, format: citizen_id, required: true, disclosure: selective}}
  spouse: {{title: {{zh: 配偶, en: Spouse}}, format: text, required: true, disclosure: selective}}
  spouse_id: {{title: {{zh: 配偶号码, en: Spouse ID}}, format: citizen_id, required: true, disclosure: selective}}
  hidden: {{title: {{zh: 内部备注, en: Note}}, format: text, required: true, disclosure: never}}
mapping:
  version: 1
  absent: [""]
  columns: {{姓名: name, 公民身份号码: citizen_id, 配偶: spouse, 配偶号码: spouse_id, 备注: hidden}}
"""


def _register(folder: Path, *rows: tuple[str, str, str]) -> Path:
    folder.mkdir()
    path = folder / "permits.sqlite3"
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE permits (number TEXT, name TEXT, until TEXT)")
        database.executemany("INSERT INTO permits VALUES (?, ?, ?)", rows)
        database.commit()
    return path


async def _feed(hub: Hub, path: Path, code: str, **changes: Any) -> None:
    registered = source(path) | {"code": f"{code}-db", "department": PERMITS}
    await hub.sources.add(COMMAND, registered)
    statement = "SELECT number, name, until, 'x' AS remark FROM permits"
    columns = {"number": "citizen_id", "name": "name", "until": "valid_until", "remark": "remark"}
    await hub.collection.feeds.declare(
        COMMAND,
        {
            "code": code,
            "source": f"{code}-db",
            "issuer": PERMITS,
            "type": "residence_permit",
            "operation": {"statement": f"{statement} WHERE number > :after ORDER BY number LIMIT :size"},
            "by_holder": {"statement": f"{statement} WHERE number = :id_number"},
            "mapping": {"version": 1, "columns": {name: {"claim": claim} for name, claim in columns.items()}},
            "size": 10,
        }
        | changes,
    )


async def test_a_holder_has_his_own_collected_once_an_hour_and_hears_what_came_of_each_department(
    place: Place, hub: Hub, watch: Watch, tmp_path: Path
) -> None:
    async with place.client(hub) as client:
        await grow(place, hub, client)
        token = await arrive(client, hub)
        mine = (PERSON["id_number"], PERSON["name"], "2035-06-30")
        path = _register(tmp_path / "register", mine, (STRANGER["id_number"], "别人", "2035-06-30"))
        await _feed(hub, path, "permits")
        gone = _register(tmp_path / "gone", mine)
        await _feed(hub, gone, "permits-away", full=None)
        gone.unlink()
        await _feed(hub, path, "permits-closed", by_holder=None)

        found = (await client.get("/api/v1/me/collection")).json()
        assert [item["type"] for item in found["missing"]] == [PERMIT_CODE]
        assert found["last"] is None
        assert (await client.post("/api/v1/me/collection", headers=HERE)).status_code == 403
        before = await ledger(hub)
        asked = await client.post("/api/v1/me/collection", headers=token)
        assert asked.status_code == 202
        (entry,) = [item for item in await ledger(hub, since=before) if item.kind == "collection.own"]
        assert entry.detail["feeds"] == ["permits", "permits-away"], "what may not be asked about one person is not"
        again = await client.post("/api/v1/me/collection", headers=token)
        assert again.status_code == 429
        assert 0 < int(again.headers["retry-after"]) <= 3600

        await hub.jobs.sweep()
        last = (await client.get("/api/v1/me/collection")).json()["last"]
        assert sorted(item["outcome"] for item in last["sources"]) == [Outcome.ISSUED, Outcome.SOURCE_UNAVAILABLE]
        assert last["again_at"] is not None
        assert (await client.get("/api/v1/me/collection")).json()["missing"] == []
        await of_kind(hub, "residence_permit")
        page = text_of(await client.get("/me/licences/collect"))
        for words in ("归集到证照", "部门系统暂时不通", "自动再试", "一小时内只能归集一次"):
            assert words in page

        for _ in range(2):
            watch.ahead += timedelta(minutes=11)
            await hub.jobs.sweep()
        await arrive(client, hub)
        last = (await client.get("/api/v1/me/collection")).json()["last"]
        assert (last["again_at"], last["ended_at"] is None) == (None, False)
        shown = await client.get("/me/licences/collect")
        assert "起可以再试" in text_of(shown)
        watch.ahead += timedelta(hours=1)
        await change_status(hub, PERSON, PERMIT_CODE, Operation.REVOKE)
        token = await arrive(client, hub)
        missing = (await client.get("/api/v1/me/collection")).json()["missing"]
        assert [item["type"] for item in missing] == [PERMIT_CODE], "one that was revoked is none"
        form = {"csrf": token["X-CSRF-Token"]}
        assert (await client.post("/me/licences/collect", data=form, headers=HERE)).status_code == 303
        await hub.jobs.sweep()
        assert "没有变化" in text_of(await client.get("/me/licences/collect"))


async def test_of_somebody_who_was_erased_meanwhile_no_source_hears(place: Place, hub: Hub, tmp_path: Path) -> None:
    async with place.client(hub) as client:
        await grow(place, hub, client)
        holder = await signed_in(hub)
        path = _register(tmp_path / "register", (PERSON["id_number"], PERSON["name"], "2035-06-30"))
        await _feed(hub, path, "permits")
        await hub.dossier.fetching.ask(holder.id, holder.identity, by={"kind": "holder", "id": holder.id})
        await erased(hub)
        before = await identifiers_of(hub, PERSON["id_type"], PERSON["id_number"])
        await hub.jobs.sweep()
        assert await identifiers_of(hub, PERSON["id_type"], PERSON["id_number"]) == before
        asked = await hub.dossier.fetching.last(holder.id)
        assert asked is not None
        assert [feed.outcome for feed in asked.feeds] == [""]
        with pytest.raises(HolderSignInNeededError):
            await hub.dossier.fetching.ask(holder.id, holder.identity, by={"kind": "holder", "id": holder.id})


async def test_reminders_are_told_once_each_and_what_was_left_out_is_made_up_for(
    place: Place, hub: Hub, watch: Watch
) -> None:
    async with place.client(hub) as client:
        await grow(place, hub, client)
        today = hub.clock().astimezone(CIVIL_ZONE).date()
        until = (today + timedelta(days=60)).isoformat()
        await issue(hub, permit_claims(valid_until=until), slug="residence_permit", issuer=PERMITS)

        async def told() -> list[str]:
            notices = table(NoticeRow)
            rows = await hub.database.read(lambda tx: tx.execute(notices.select()).all())
            return sorted(row.about.partition(":")[2] for row in rows if row.kind == "licence_expiring")

        assert await hub.dossier.reminding.sweep() == 1
        assert await hub.dossier.reminding.sweep() == 0
        assert await told() == ["90"]
        watch.ahead += timedelta(days=31)
        assert await hub.dossier.reminding.sweep() == 1
        watch.ahead += timedelta(days=40)  # out of order for more than a month: it has ended meanwhile
        assert await hub.dossier.reminding.sweep() == 0
        assert await told() == ["30", "90"]

        soon = (hub.clock().astimezone(CIVIL_ZONE).date() + timedelta(days=23)).isoformat()
        other = identity_claims(citizen_id=STRANGER["id_number"], valid_until=soon)
        await issue(hub, other, slug="identity_card", issuer=POLICE, as_of=datetime.now(CIVIL_ZONE))
        await arrive(client, hub, STRANGER)
        assert "还有 23 天到期" in text_of(await client.get("/me/licences"))


@pytest.mark.embedded
async def test_what_took_its_place_is_led_to_and_an_index_record_says_where_its_contents_are(
    place: Place, hub: Hub
) -> None:
    async with place.client(hub) as client:
        await grow(place, hub, client)
        await hub.registry.add_type(BADGE_TYPE)
        said = {"name": PERSON["name"], "citizen_id": PERSON["id_number"], "grade": "一级"}
        await issue(hub, said, slug="badge", issuer=PERMITS)
        old = await of_kind(hub, "badge")
        await issue(hub, said | {"grade": "二级"}, slug="badge", issuer=PERMITS)
        token = await arrive(client, hub)
        shelf = await hub.dossier.cards.page((await signed_in(hub)).id, stage=Stage.WORK)
        assert [card.status for card in shelf.cards] == ["valid", "superseded"]
        page = await client.get(f"/me/licences/{old}")
        assert "已更新" in text_of(page)
        (onward,) = re.findall(r'取代它：<a href="(/me/licences/[^"]+)"', page.text)
        assert onward != f"/me/licences/{old}"
        assert "有效" in text_of(await client.get(onward))

        source_of = "source: {interface: badges, claims: {name: name, citizen_id: citizen_id, grade: grade}}"
        indexed = BADGE_TYPE.replace("slug: badge", "slug: pass").replace(f"{PERMITS}003", f"{PERMITS}004")
        await hub.registry.add_type(indexed.replace("custody: library", f"custody: index\n{source_of}"))
        await issue(hub, said, slug="pass", issuer=PERMITS)
        path = f"/me/licences/{await of_kind(hub, 'pass')}"
        shown = await client.get(path)
        assert "平台只存索引" in text_of(shown)
        assert 'name="wanted"' not in shown.text
        form = {"csrf": token["X-CSRF-Token"], "wanted": "contents"}
        assert (await client.post(path, data=form, headers=HERE)).status_code == 404


BADGE_TYPE = f"""
slug: badge
code: {PERMITS}003
name: {{zh: 技能等级证, en: Badge}}
kind: certificate
stage: work
defining_authority: {{name: 居住证办公室（示例）, uscc: {PERMITS}}}
holder_kinds: ["111"]
holder: {{id_type: "111", id: citizen_id, name: name}}
record_key: citizen_id
validity: none
confirms_identity: false
complete: true
single_instance: false
custody: library
register_driven: {{reissue: serial}}
claims:
  name: {{title: {{zh: 姓名, en: Name}}, format: text, required: true, disclosure: selective}}
  citizen_id: {{title: {{zh: 公民身份号码, en: Citizen ID}}, format: citizen_id, required: true, disclosure: selective}}
  grade: {{title: {{zh: 等级, en: Grade}}, format: text, required: true, disclosure: selective}}
mapping:
  version: 1
  absent: [""]
  columns: {{姓名: name, 公民身份号码: citizen_id, 等级: grade}}
"""
