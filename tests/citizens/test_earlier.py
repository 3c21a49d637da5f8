"""Earlier versions of a licence: read by who held them, marked as replaced, and good for nothing else."""

import pytest
from sqlalchemy import insert, select

from catalog.tables import table
from certificates.tables import CertificateHolderRow
from hub.access.actors import COMMAND
from hub.runtime import Hub
from tests.citizens.conftest import signed_in
from tests.citizens.dossiers import HERE, arrive, furnished, of_kind
from tests.citizens.test_licence_opened import SHARED_TYPE
from tests.hub.city import CANARIES, PERMITS, PERSON, STRANGER, grow, identity_claims, ledger, permit_claims
from tests.hub.desk import text_of
from tests.support import POLICE, Place, issue


async def test_a_holder_reads_what_it_said_before_and_gets_no_file_of_it(place: Place, hub: Hub) -> None:
    async with place.client(hub) as client:
        await furnished(place, hub, client)
        await issue(hub, permit_claims() | {"remark": "第二版备注"}, slug="residence_permit", issuer=PERMITS)
        await issue(hub, permit_claims() | {"remark": "第三版备注"}, slug="residence_permit", issuer=PERMITS)
        token = await arrive(client, hub)
        path = f"/me/licences/{await of_kind(hub, 'residence_permit')}"
        page = await client.get(path)
        assert page.text.count('value="earlier"') == 2
        assert CANARIES[4] not in page.text
        before = await ledger(hub)
        form = {"csrf": token["X-CSRF-Token"], "wanted": "earlier", "version": "1"}
        then = await client.post(path, data=form, headers=HERE)
        assert CANARIES[4] in then.text
        assert "备注" in then.text
        for words in ("第 1 版当时的内容", "已被取代，不作凭证", "由第 2 版取代"):
            assert words in text_of(then)
        assert "第三版备注" not in then.text
        assert "data:image" not in then.text
        api = path.replace("/me/licences", "/api/v1/me/certificates")
        said = (await client.get(f"{api}/versions/2/claims")).json()
        assert {item["name"]: item["value"] for item in said["claims"]}["remark"] == "第二版备注"
        assert (said["version"], said["replaced_by"]) == (2, 3)
        assert said["made_at"] <= said["replaced_at"]
        written = await ledger(hub, since=before)
        assert [(item.kind, item.detail["format"]) for item in written] == [("certificate.opened", "earlier")] * 2
        assert written[1].detail["identifier"] == said["identifier"]
        old = said["identifier"]
        for gone in (f"{api}/versions/3/claims", f"{api}/versions/4/claims", path.rpartition("/")[0] + f"/{old}"):
            assert (await client.get(gone)).status_code == 404, gone
        for fields in ({"version": "3"}, {"version": ""}, {"version": "²"}, {"wanted": "pdf", "version": "1"}):
            answer = await client.post(path, data=form | fields, headers=HERE)
            assert CANARIES[4] not in answer.text, fields
            assert answer.status_code == (200 if fields.get("wanted") else 404), fields
        for form_of in ("pdf", "sd-jwt"):
            old_file = f"/api/v1/me/certificates/{old}/file?format={form_of}"
            assert (await client.get(old_file)).status_code == 404

        await issue(hub, identity_claims(citizen_id=STRANGER["id_number"]), slug="identity_card", issuer=POLICE)
        token = await arrive(client, hub, STRANGER)
        before = await ledger(hub)
        assert (await client.get(f"{api}/versions/1/claims")).status_code == 404
        posted = await client.post(path, data=form | {"csrf": token["X-CSRF-Token"]}, headers=HERE)
        assert posted.status_code == 404
        assert [item.detail["reason"] for item in await ledger(hub, since=before)] == ["certificate_not_own"] * 2

        await arrive(client, hub)
        await hub.halts.halt(COMMAND, "residence_permit", reason="模板有误", legal_basis="test")
        assert (await client.get(f"{api}/versions/1/claims")).status_code == 503, "of a stopped kind nothing is given"


@pytest.mark.embedded
async def test_a_further_holder_reads_the_versions_that_he_held_and_no_forged_row_helps_him(
    place: Place, hub: Hub
) -> None:
    async with place.client(hub) as client:
        await grow(place, hub, client)
        await hub.registry.add_type(SHARED_TYPE)
        spouse = {**STRANGER, "name": "金配偶"}
        await issue(
            hub,
            identity_claims(citizen_id=spouse["id_number"], name=spouse["name"]),
            slug="identity_card",
            issuer=POLICE,
        )
        alone = {
            "name": PERSON["name"],
            "citizen_id": PERSON["id_number"],
            "spouse": PERSON["name"],
            "spouse_id": PERSON["id_number"],
            "hidden": "金丝雀早先",
        }
        shared = alone | {"spouse": spouse["name"], "spouse_id": spouse["id_number"]}
        await issue(hub, alone, slug="shared_home", issuer=PERMITS)
        await issue(hub, shared, slug="shared_home", issuer=PERMITS)
        await issue(hub, shared | {"hidden": "另一条"}, slug="shared_home", issuer=PERMITS)
        await arrive(client, hub, spouse)
        identifier = await of_kind(hub, "shared_home", spouse)
        page = await client.get(f"/me/licences/{identifier}")
        assert page.text.count('value="earlier"') == 1, "the one before which he held it is not offered"
        assert (page.text.count("第 1 版"), "以前各版里没有您" in page.text) == (0, True), "nor is what was done to it"
        told = (await client.get(f"/api/v1/me/certificates/{identifier}/history")).json()
        assert [item["version"] for item in told["versions"]] == [2, 3]
        api = f"/api/v1/me/certificates/{identifier}/versions"
        assert (await client.get(f"{api}/1/claims")).status_code == 404
        then = (await client.get(f"{api}/2/claims")).json()
        assert "hidden" not in {item["name"] for item in then["claims"]}
        await arrive(client, hub)
        whole = (await client.get(f"/me/licences/{identifier}")).text
        assert ("第 1 版" in whole, "以前各版里没有您" in whole) == (True, False)
        looks = (await client.get("/api/v1/me/accesses")).json()["accesses"]
        assert {item["class"] for item in looks if item["kind"] == "certificate.opened_together"} == {"look"}

        held, subject = table(CertificateHolderRow), (await signed_in(hub, person=spouse)).id
        first = (await hub.dossier.folder.leaf((await signed_in(hub)).id, identifier)).history.versions[0].id
        mine = select(held).where(held.c.subject_id == subject)
        row = dict((await hub.database.read(lambda tx: tx.execute(mine).first()))._mapping) | {"version_id": first}
        await hub.database.write(lambda tx: tx.execute(insert(held).values(**row)))
        await arrive(client, hub, spouse)
        forged = await client.get(f"{api}/1/claims")
        assert forged.status_code == 502
        told = await client.get(f"/api/v1/me/certificates/{identifier}/history")
        assert (told.status_code, "versions" in told.json()) == (502, False)
        assert "金丝雀" not in forged.text
