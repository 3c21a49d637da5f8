"""What rests on the holder's agreement is given with it, and never without; what rests on the law says which."""

import re
from typing import Any

import pytest
from sqlalchemy import Connection, text

from catalog.errors import DefinitionError
from catalog.grants import CaseKind, GrantState, check_officers, read_terms
from catalog.store import list_grants
from hub.access.actors import COMMAND
from hub.citizens.authorising.values import Decision
from hub.citizens.errors import LevelError
from hub.citizens.values import Level
from hub.runtime import Hub
from hub.storage.errors import MissingError
from tests.citizens.conftest import session, signed_in
from tests.hub.city import ESTATE, HOME, PERSON, STRANGER, City, grow, ledger, title_claims
from tests.support import PUBLIC_URL, Place, grant_definition, issue, open_case, pull

HERE = {"Origin": PUBLIC_URL}
AGREED = ["title_no", "location"]


async def resting(city: City) -> str:
    """The grant of titles rests on agreement from now on; answers its id."""
    hub = city.hub

    def of_titles(tx: Connection) -> Any:
        return next(grant for grant in list_grants(tx) if grant.terms.fields == frozenset(AGREED))

    old = await hub.database.read(of_titles)
    await hub.registry.change_grant(old.id, GrantState.WITHDRAWN)
    definition = grant_definition(
        hub, type=old.resource, owner=ESTATE, fields=AGREED, matters=[HOME], purpose=old.purpose, consent=True
    )
    await hub.registry.add_grant(definition)
    await issue(hub, title_claims("T-1"), slug="real_estate_title", issuer=ESTATE)
    return str((await hub.database.read(of_titles)).id)


def said(item: dict[str, Any]) -> tuple[str, str]:
    return item["outcome"], item["why"]["code"]


async def test_without_his_word_nothing_with_it_what_was_granted_and_after_it_nothing_again(
    place: Place, hub: Hub
) -> None:
    async with place.client(hub) as client:
        city = await grow(place, hub, client)
        grant = await resting(city)
        holder, mine = await signed_in(hub), hub.citizens.authorisations
        assert said(await city.ask("title")) == ("holder_decision_needed", "holder_decision_needed")
        nobody = await city.ask("title", holder=STRANGER)
        assert said(nobody) == ("identity_unconfirmed", "identity_unconfirmed")  # whoever knows nobody learns nothing

        listed = await mine.listed(holder)
        assert [(item.state, item.agreement) for item in listed] == [("undecided", True), ("law", False)]
        assert (listed[0].fields, listed[0].matters) == (
            [("不动产权证号", "Title number"), ("坐落", "Location")],
            [("购房", "Buying a home")],
        )
        assert listed[1].legal_basis == "政务数据共享条例"

        await mine.decide(holder, grant, Decision.GIVE)
        parties = [{"role": "applicant", **PERSON}]
        case_no = await open_case(client, city.headers, matter=HOME, parties=parties, external_no="kept")
        keyed = city.headers | {"Idempotency-Key": "again"}
        first = await pull(client, keyed, case_no, requirements=["title"])
        assert said(first.json()["requirements"][0]) == ("satisfied", "satisfied")
        assert (await pull(client, keyed, case_no, requirements=["title"])).content == first.content

        await mine.decide(holder, grant, Decision.REFUSE)
        assert [item.state for item in await mine.listed(holder)] == ["withdrawn", "law"]
        assert said(await city.ask("title")) == ("refused", "holder_refused")
        repeated = await pull(client, keyed, case_no, requirements=["title"])
        assert (repeated.status_code, repeated.json()["type"].rpartition("/")[2]) == (403, "grant-ended")
        backdated = text("UPDATE holder_authorisations SET decided_at = 0")
        await hub.database.write(lambda tx: tx.execute(backdated))  # when he said no, the ledger knows
        assert (await pull(client, keyed, case_no, requirements=["title"])).status_code == 403
        replayed = await hub.replaying.replay(COMMAND, case_no, "en")
        assert [item["judged"] for item in replayed["decisions"]] == ["same"]
        await mine.decide(holder, grant, Decision.REFUSE)  # the same word again is nothing
        kinds = [entry.kind for entry in await ledger(hub) if entry.kind.startswith("authorisation")]
        assert [kind for kind in kinds if kind != "authorisation.asked"] == [
            "authorisation.given",
            "authorisation.withdrawn",
        ]

        forged = text("UPDATE holder_authorisations SET state = 'given'")
        await hub.database.write(lambda tx: tx.execute(forged))
        assert (await city.pull("title")).status_code >= 500  # nobody agrees for him by SQL


@pytest.mark.embedded
async def test_his_word_is_on_what_rests_on_it_and_also_between_check_and_disclosure(
    place: Place, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with place.client(hub) as client:
        city = await grow(place, hub, client)
        grant = await resting(city)
        holder, mine = await signed_in(hub), hub.citizens.authorisations
        (law,) = [item.grant_id for item in await mine.listed(holder) if not item.agreement]
        for nothing in (law, "01a20000-0000-7000-8000-000000000000"):
            with pytest.raises(MissingError):
                await mine.decide(holder, nothing, Decision.REFUSE)
        with pytest.raises(LevelError):
            await mine.decide(await signed_in(hub, Level.BASIC), grant, Decision.GIVE)
        await mine.decide(holder, grant, Decision.REFUSE)
        assert said(await city.ask("title")) == ("refused", "holder_refused")
        assert (await mine.one(holder, grant)).state == "refused"
        await mine.decide(holder, grant, Decision.GIVE)
        course, claim = hub.evidence._course, hub.evidence._course.claim

        async def claim_then_withdraw(*arguments: Any, **named: Any) -> Any:
            claimed = await claim(*arguments, **named)
            assert claimed.resolutions[0].sources  # it would have been disclosed
            await mine.decide(holder, grant, Decision.REFUSE)
            return claimed

        with monkeypatch.context() as between:
            between.setattr(course, "claim", claim_then_withdraw)
            late = await city.ask("title")
        assert (said(late), late.get("evidence")) == (("refused", "holder_refused"), None)
        assert (await mine.one(holder, grant)).state == "withdrawn"
        await hub.registry.change_grant(grant, GrantState.SUSPENDED)
        with pytest.raises(MissingError):
            await mine.decide(holder, grant, Decision.GIVE)


@pytest.mark.embedded
async def test_by_the_page_and_the_api_he_says_yes_and_no(place: Place, hub: Hub) -> None:
    async with place.client(hub) as client:
        grant = await resting(await grow(place, hub, client))
        client.cookies.set("yz_holder", await session(hub))
        page = await client.get("/me/authorisations")
        for words in ("等您决定", "不动产权证号", "政务数据共享条例", "不需要您同意，也不能拒绝"):
            assert words in page.text
        csrf = re.findall(r'name="csrf" value="([^"]+)"', page.text)[0]
        path, api = f"/me/authorisations/{grant}", "/api/v1/me/authorisations"
        for wrong, status in (({"csrf": "x", "decision": "give"}, 403), ({"csrf": csrf, "decision": "perhaps"}, 404)):
            assert (await client.post(path, data=wrong, headers=HERE)).status_code == status
        done = await client.post(path, data={"csrf": csrf, "decision": "give"}, headers=HERE)
        assert "撤回同意" in (await client.get(done.headers["location"])).text

        listed = (await client.get(api, headers={"Accept-Language": "en"})).json()
        first, second = listed["authorisations"]
        assert (first["state"], first["rests_on"]) == ("given", "agreement")
        assert first["fields"] == ["Title number", "Location"]
        assert (second["state"], second["rests_on"], second["legal_basis"]) == ("law", "law", "政务数据共享条例")
        token, no = HERE | {"X-CSRF-Token": csrf}, {"decision": "refuse"}
        assert (await client.post(f"{api}/{grant}/decision", json=no, headers=HERE)).status_code == 403
        assert (await client.post(f"{api}/{grant}/decision", json=no, headers=token)).json()["state"] == "withdrawn"
        assert (await client.post(f"{api}/{second['id']}/decision", json=no, headers=token)).status_code == 404
        assert (await client.get(f"{api}/{grant}")).json()["state"] == "withdrawn"


def test_a_grant_says_plainly_whether_it_rests_on_agreement() -> None:
    definition: dict[str, Any] = {"fields": ["name"], "matters": ["M"], "legal_basis": "条例"}
    assert "consent" not in read_terms(definition).as_json()  # the MAC of an older grant still fits
    assert read_terms(read_terms(definition | {"consent": True}).as_json()).consent
    with pytest.raises(DefinitionError):
        read_terms(definition | {"consent": "yes"})
    with pytest.raises(DefinitionError, match="application"):
        check_officers(CaseKind.EX_OFFICIO, read_terms(definition | {"consent": True, "officers": ["o"]}))
