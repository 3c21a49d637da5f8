"""One licence laid open: on the ledger before it leaves, for its holders alone."""

import re
from typing import Any

import pytest
from sqlalchemy import select, update

from catalog.tables import table
from certificates.definitions.parts import Stage
from certificates.lifecycle.states import Operation
from certificates.tables import CertificateHolderRow
from hub.citizens.dossier.cards import Wanted
from hub.citizens.errors import HolderSignInNeededError
from hub.citizens.values import Level
from hub.issuing.renditions.press import Job, Press
from hub.ledger.tables import LedgerEntryRow
from hub.runtime import Hub
from tests.citizens.conftest import erased, session, signed_in
from tests.citizens.dossiers import HERE, PERMIT_CODE, arrive, furnished, of_kind
from tests.hub.city import (
    CANARIES,
    PERMITS,
    PERSON,
    STRANGER,
    change_status,
    grow,
    identity_claims,
    ledger,
)
from tests.hub.desk import text_of
from tests.support import POLICE, Place, issue


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
        for sent in (f"{api}/claims", f"{api}/file", f"{api}/versions/1/claims"):  # by a link on somebody's page
            assert (await client.get(sent, headers={"Sec-Fetch-Site": "cross-site"})).status_code == 403, sent
        written = [item for item in await ledger(hub, since=before) if item.kind == "certificate.opened"]
        assert [item.detail["format"] for item in written] == ["sd-jwt", "picture", "pdf", "sd-jwt", "sd-jwt"]
        assert {item.detail["by"]["kind"] for item in written} == {"holder"}
        looks = (await client.get("/api/v1/me/accesses")).json()["accesses"]
        assert {item["class"] for item in looks if item["kind"] == "certificate.opened"} == {"own"}

        token = await arrive(client, hub, STRANGER)
        before = await ledger(hub)
        for hidden in (path, f"{api}/claims", f"{api}/file", f"{api}/history"):
            assert (await client.get(hidden)).status_code == 404
        posted = await client.post(path, data={"csrf": csrf, "wanted": "contents"}, headers=HERE)
        assert posted.status_code == 403, "his own token is another"
        for wanted in ("contents", "picture", "pdf"):
            form = {"csrf": token["X-CSRF-Token"], "wanted": wanted}
            assert (await client.post(path, data=form, headers=HERE)).status_code == 404
        written = await ledger(hub, since=before)
        assert [item.detail["reason"] for item in written] == ["certificate_not_own"] * 7

        client.cookies.set("yz_holder", await session(hub, Level.BASIC))
        csrf = (await client.get("/api/v1/me")).json()["csrf_token"]
        before = await ledger(hub)
        for hidden in (path, f"{api}/claims", f"{api}/file", f"{api}/history", "/api/v1/me/collection"):
            assert (await client.get(hidden)).status_code == 403, hidden
        for page_path, wanted in ((path, "contents"), (path, "pdf"), ("/me/licences/collect", "")):
            posted = await client.post(page_path, data={"csrf": csrf, "wanted": wanted}, headers=HERE)
            assert posted.status_code == 403, page_path
        assert await ledger(hub, since=before) == []


@pytest.mark.embedded
async def test_of_somebody_who_is_erased_while_it_is_opened_nothing_leaves(
    place: Place, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the opening of the licence and the entry of the look, its holder's key is destroyed."""
    async with place.client(hub) as client:
        await furnished(place, hub, client)
        holder = await signed_in(hub)
        identifier, real = await of_kind(hub, "identity_card"), Press.set

        async def erasing(press: Press, job: Job) -> Any:
            await erased(hub)
            return await real(press, job)

        monkeypatch.setattr(Press, "set", erasing)
        with pytest.raises(HolderSignInNeededError):
            await hub.dossier.folder.contents(holder.id, identifier, by=holder.as_json(), language="en", picture=True)
        kinds = select(table(LedgerEntryRow).c.kind)
        written = await hub.database.read(lambda tx: set(tx.execute(kinds).scalars()))
        assert "subject.erased" in written
        assert "certificate.opened" not in written


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
        other = f"{PERSON['id_number'][:3]}***********{PERSON['id_number'][-4:]}"
        for page in ("/me", "/me/licences", f"/me/licences/{identifier}"):
            assert f"主持有人 {other}" in text_of(await client.get(page)), page
        shared = [
            item for item in (await client.get("/api/v1/me/certificates")).json()["certificates"] if item["held_with"]
        ]
        assert [(item["identifier"], item["held_with"]) for item in shared] == [(identifier, other)]
        api = f"/api/v1/me/certificates/{identifier}/claims"
        said = {item["name"] for item in (await client.get(api)).json()["claims"]}
        assert said == {"name", "citizen_id", "spouse", "spouse_id"}, "what stays in the hub is in no licence"
        await arrive(client, hub)
        assert "hidden" not in {item["name"] for item in (await client.get(api)).json()["claims"]}
        looks = (await client.get("/api/v1/me/accesses")).json()["accesses"]
        told = [item["class"] for item in looks if item["kind"].startswith("certificate.opened")]
        assert told == ["own", "look"]

        await erased(hub)
        token = await arrive(client, hub, spouse)
        page = await client.get(f"/me/licences/{identifier}")
        assert "主持有人的信息已依法抹除" in text_of(page), "with his key what it says is gone, which is no fault"
        assert 'name="wanted"' not in page.text
        assert (await client.get(api)).status_code == 404
        form = {"csrf": token["X-CSRF-Token"], "wanted": "contents"}
        assert (await client.post(f"/me/licences/{identifier}", data=form, headers=HERE)).status_code == 404

        rows = table(CertificateHolderRow)
        await hub.database.write(lambda tx: tx.execute(update(rows).values(role="owner")))
        await arrive(client, hub, spouse)
        for hidden in (api, api.replace("claims", "history"), f"/me/licences/{identifier}"):
            assert (await client.get(hidden)).status_code == 502, hidden


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
        shelf = await hub.dossier.cards.page((await signed_in(hub)).id, wanted=Wanted(Stage.WORK))
        assert [card.status for card in shelf.cards] == ["valid", "superseded"]
        page = await client.get(f"/me/licences/{old}")
        assert "已更新" in text_of(page)
        (onward,) = re.findall(r'取代它：<a href="(/me/licences/[^"]+)"', page.text)
        assert onward != f"/me/licences/{old}"
        assert "有效" in text_of(await client.get(onward))
        history = (await client.get(f"/api/v1/me/certificates/{old}/history")).json()
        assert onward.endswith(history["successor"])
        newer = (await client.get(f"/api/v1/me/certificates/{history['successor']}/history")).json()
        assert newer["formats"] == ["pdf", "sd-jwt", "json"], "an OFD is signed with SM2"
        (act,) = [act for version in history["versions"] for act in version["acts"]]
        assert {"operation", "reason", "legal_basis"} < set(act)
        assert not {"by", "second", "successor", "brought_by"} & set(act), "it may be somebody else's, and staff's"

        source_of = "source: {interface: badges, claims: {name: name, citizen_id: citizen_id, grade: grade}}"
        indexed = BADGE_TYPE.replace("slug: badge", "slug: pass").replace(f"{PERMITS}003", f"{PERMITS}004")
        await hub.registry.add_type(indexed.replace("custody: library", f"custody: index\n{source_of}"))
        await issue(hub, said, slug="pass", issuer=PERMITS)
        index = await of_kind(hub, "pass")
        wallets = (await client.get("/me/wallets")).text
        assert onward.rpartition("/")[2] in wallets
        assert index not in wallets, "nor is it put into a wallet"
        path = f"/me/licences/{index}"
        shown = await client.get(path)
        assert "平台只存索引" in text_of(shown)
        assert shown.text.count('name="wanted"') == 1, "no picture and no file"
        for wanted, status in (("pdf", 404), ("sd-jwt", 404), ("contents", 503)):  # of a source that there is not
            form = {"csrf": token["X-CSRF-Token"], "wanted": wanted}
            assert (await client.post(path, data=form, headers=HERE)).status_code == status, wanted


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
supports: {{suites: [es256]}}
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
