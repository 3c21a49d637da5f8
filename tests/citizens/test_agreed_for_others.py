"""Agreeing for somebody else: a company by its legal representative, a child by a parent, and nobody besides."""

import re
from typing import Any

import pytest
from sqlalchemy import text

from catalog.grants import GrantState
from catalog.store import list_grants
from hub.citizens.acting.errors import NoLongerActsError
from hub.citizens.acting.values import Principal, Scope
from hub.citizens.authorising.values import Decision, Lasts
from hub.citizens.notices.kinds import NoticeKind
from hub.runtime import Hub
from hub.storage.errors import MissingError
from tests.citizens.conftest import session, signed_in
from tests.citizens.others import (
    BIRTH,
    CHILD,
    KINSHIP,
    NEIGHBOUR,
    REGISTRATION,
    begun,
    birth_claims,
    furnish,
    in_office,
    registration_claims,
    resident,
    tie,
)
from tests.citizens.test_stewards import heard
from tests.exchange.subscriber import work
from tests.hub.city import IDENTITY, PERSON, ledger
from tests.hub.desk import text_of
from tests.support import (
    ENTERPRISE,
    POLICE,
    PUBLIC_URL,
    Place,
    enterprise_claims,
    grant_definition,
    issue,
    open_case,
    pull,
)

pytestmark = pytest.mark.embedded
HERE = {"Origin": PUBLIC_URL}
QUESTIONS = "SELECT id FROM holder_case_questions ORDER BY id"


async def resting(hub: Hub) -> str:
    """The use of business licences rests on agreement from now on; answers the grant."""
    for grant in await hub.database.read(list_grants):
        await hub.registry.change_grant(grant.id, GrantState.WITHDRAWN)
    return str(await hub.registry.add_grant(grant_definition(hub, consent=True)))


async def test_its_legal_representative_answers_for_a_company_and_a_former_one_does_not(
    place: Place, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    await furnish(hub, REGISTRATION)
    holder = await signed_in(hub)
    await in_office(hub)
    grant, agreeing = await resting(hub), hub.citizens.others.agreeing
    company = await begun(hub, holder, "legal_representative")
    async with place.client(hub) as client:
        headers = await place.headers(client)

        async def outcome(case_no: str) -> tuple[str, str]:
            item = (await pull(client, headers, case_no)).json()["requirements"][0]
            return item["outcome"], item["why"]["code"]

        first, second = [await open_case(client, headers, external_no=f"c-{place}") for place in range(2)]
        assert await outcome(first) == ("holder_decision_needed", "holder_decision_needed")
        assert await heard(hub, holder) == [NoticeKind.DECISION_NEEDED_FOR]
        whose, standing, [question] = await agreeing.listed(holder, company.key)
        assert (whose.principal.identity.id_number, question.case_no) == (ENTERPRISE["id_number"], first)
        assert [item.state for item in standing if item.agreement] == ["undecided"]
        await agreeing.answer(holder, company.key, question.id, Decision.GIVE)
        await work(hub)
        assert await outcome(first) == ("satisfied", "satisfied")
        assert await outcome(second) == ("holder_decision_needed", "holder_decision_needed")
        with pytest.raises(MissingError):
            await agreeing.answer(holder, company.key, grant, Decision.GIVE)
        tried = (await ledger(hub))[-1].detail
        assert (tried["reason"], tried["subject"], tried["principal"]) == ("question_not_own", holder.id, company.id)

        said = [one for one in await ledger(hub) if one.kind == "authorisation.given_by_agent"]
        assert {one.detail["agent"]["name"] for one in said} == {PERSON["name"]}
        assert {one.detail["ground"] for one in said} == {"legal_representative"}

        # Out of office between the page and the word: judged again in the transaction that would write it.
        await resident(hub, NEIGHBOUR)
        judge, seen = agreeing._principal, []

        async def judged_before(*of: Any) -> Principal:
            seen.append(of)
            return company if len(seen) == 1 else await judge(*of)

        monkeypatch.setattr(agreeing, "_principal", judged_before)
        await tie(hub, REGISTRATION, registration_claims(NEIGHBOUR))
        with pytest.raises(NoLongerActsError):
            await agreeing.decide(holder, company.key, grant, Decision.GIVE)
        assert len(seen) == 2, "and put on the ledger"
        assert (await ledger(hub))[-1].kind == "acting.refused"
        with pytest.raises(NoLongerActsError):
            await agreeing.listed(holder, company.key)
        assert (await ledger(hub))[-1].kind == "acting.refused"
        assert await outcome(second) == ("holder_decision_needed", "holder_decision_needed")
        assert len(await heard(hub, holder)) == 2, "while he was in office"

        # Nobody answers: whoever is in office by then hears that it is over.
        await issue(hub, enterprise_claims(legal_representative=NEIGHBOUR["name"]))
        rows = await hub.database.read(lambda tx: tx.execute(text(QUESTIONS)).all())
        await hub.citizens.asked_of.end({"question": rows[1].id})
        assert await heard(hub, await signed_in(hub, person=NEIGHBOUR)) == [NoticeKind.DECISION_OVER_FOR]
        assert len(await heard(hub, holder)) == 2


async def test_by_the_page_and_the_api(place: Place, hub: Hub) -> None:
    await furnish(hub, REGISTRATION)
    await in_office(hub)
    grant = await resting(hub)
    company = await begun(hub, await signed_in(hub), "legal_representative")
    async with place.client(hub) as client:
        client.cookies.set("yz_holder", await session(hub))
        await client.post(f"/me/acting/{company.key}", data={"csrf": "x"}, headers=HERE)
        token = re.findall(r'name="csrf" value="([^"]+)"', (await client.get("/me/acting")).text)[0]
        assert (await client.post(f"/me/acting/{company.key}", data={"csrf": token}, headers=HERE)).status_code == 303
        at = f"/me/acting/{company.key}/authorisations"
        page = await client.get(at)
        for words in ("谁可以用对方的信息", ENTERPRISE["name"], "等您决定", f'action="{at}/{grant}"'):
            assert words in page.text, words
        done = await client.post(
            f"{at}/{grant}", data={"csrf": token, "decision": "give", "lasts": "year"}, headers=HERE
        )
        assert (done.status_code, done.headers["location"]) == (303, at)
        api = f"/api/v1/me/acting/{company.key}/authorisations"
        assert (await client.get(api)).json()["authorisations"][0]["state"] == "given"
        body, allowed = {"decision": "refuse"}, HERE | {"X-CSRF-Token": token}
        assert (await client.post(f"{api}/{grant}/decision", json=body, headers=HERE)).status_code == 403
        refused = await client.post(f"{api}/{grant}/decision", json=body, headers=allowed)
        assert refused.json()["authorisations"][0]["state"] == "withdrawn"
        seen = text_of(await client.get(f"/me/acting/{company.key}/accesses"))
        assert "代办人代您（单位）撤回了一项授权" in seen


async def test_a_parent_answers_for_a_child_and_a_delegate_for_nobody(place: Place, hub: Hub) -> None:
    await furnish(hub, BIRTH, KINSHIP)
    holder = await signed_in(hub)
    await resident(hub, CHILD)
    await tie(hub, BIRTH, birth_claims())
    agreed = {"type": IDENTITY, "owner": POLICE, "fields": ["name"], "consent": True}
    grant = str(await hub.registry.add_grant(grant_definition(hub, **agreed)))
    child, agreeing = await begun(hub, holder, "parent"), hub.citizens.others.agreeing
    await agreeing.decide(holder, child.key, grant, Decision.GIVE, lasts=Lasts.DAY)
    (_, [standing], _) = await agreeing.listed(holder, child.key)
    assert (standing.state, standing.given_until is not None) == ("given", True)
    own = await signed_in(hub, person=CHILD)
    assert [item.state for item in await hub.citizens.authorisations.listed(own) if item.agreement] == ["given"]
    notices, _ = await hub.citizens.notices.listed(own, None)
    assert [one.kind for one in notices].count(NoticeKind.DECIDED_FOR_HIM) == 1
    mine = [item for item in await hub.citizens.authorisations.listed(holder) if item.agreement]
    assert [item.state for item in mine] == ["undecided"], "a yes of the child's is none of his"

    other = await resident(hub, NEIGHBOUR)
    with pytest.raises(MissingError):
        await agreeing.decide(other, child.key, grant, Decision.REFUSE)
    assert Scope.AGREE not in {Scope(name) for name in ("see_licences", "see_accesses", "file", "show")}
