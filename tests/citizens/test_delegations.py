"""Letting somebody act: for a scope and a time, ended at once, seen by both; and nobody lets himself."""

from datetime import timedelta
from typing import Any

import pytest

from certificates.stores import certificates as library
from hub.citizens.acting.delegations import Terms
from hub.citizens.acting.errors import DelegationError, NoLongerActsError, ScopeError
from hub.citizens.acting.values import Scope
from hub.citizens.once import Once
from hub.citizens.presentations import Shown
from hub.citizens.values import Identity
from hub.intake.errors import IdempotencyError
from hub.runtime import Hub
from hub.storage.errors import MissingError
from tests.citizens.conftest import Watch, erased, session, signed_in
from tests.citizens.others import (
    CHILD,
    DEATH,
    NEIGHBOUR,
    REGISTRATION,
    asked,
    begun,
    death_claims,
    furnish,
    grounds,
    in_office,
    registration_claims,
    resident,
    tie,
    today,
    told,
)
from tests.hub.city import PERSON, STRANGER, ledger
from tests.support import ENTERPRISE, MATTER, PUBLIC_URL, Place


def test_what_a_later_release_let_somebody_do_lets_nothing_here() -> None:
    who = Identity("111", PERSON["id_number"], PERSON["name"])
    terms = Terms(who, who, who, frozenset({Scope.FILE}), None, "x")
    read = Terms.of_json({**terms.as_json(), "scope": ["file", "fly"]})
    assert read == terms
    assert {type(each) for each in read.scope} == {Scope}


@pytest.mark.embedded
async def test_what_is_written_wrong_is_told_by_its_place_and_a_stranger_learns_no_name(hub: Hub) -> None:
    holder = await signed_in(hub)
    await resident(hub, NEIGHBOUR)
    give = hub.citizens.others.delegating.give
    day = today(hub)
    wrong: list[tuple[dict[str, Any], str, str]] = [
        ({"name": "吴别人"}, "/to", "unconfirmed"),
        ({"id_number": CHILD["id_number"], "name": CHILD["name"]}, "/to", "unconfirmed"),
        ({"id_number": PERSON["id_number"], "name": PERSON["name"]}, "/to", "self"),
        ({"id_number": NEIGHBOUR["id_number"][:-1]}, "/to/id_number", "length"),
        ({"name": " "}, "/to/name", "missing"),
        ({"scope": frozenset()}, "/scope", "missing"),
        ({"scope": frozenset({Scope.OPEN})}, "/scope", "without_list"),
        ({"scope": frozenset({Scope.LICENCES, Scope.FILES})}, "/scope", "not_delegable"),
        ({"scope": frozenset({Scope.COLLECT})}, "/scope", "not_delegable"),
        ({"matters": frozenset()}, "/matters", "missing"),
        ({"matters": frozenset({"NOWHERE"})}, "/matters", "unknown_matter"),
        # Whoever is unknown sounds like whoever is not, as long as no delegation comes of it: nobody is tried unheard.
        ({"id_number": CHILD["id_number"], "matters": frozenset({"NOWHERE"})}, "/matters", "unknown_matter"),
        ({"until": day - timedelta(days=1)}, "/until", "out_of_range"),
        ({"until": day + timedelta(days=367)}, "/until", "out_of_range"),
        ({"reason": " "}, "/reason", "missing"),
        ({"reason": "长" * 201}, "/reason", "too_long"),
    ]
    for changes, pointer, rule in wrong:
        with pytest.raises(DelegationError) as caught:
            await give(holder, asked(hub, **changes))
        assert (caught.value.pointer, caught.value.rule) == (pointer, rule), changes
    reasons = [entry.detail["reason"] for entry in await ledger(hub) if entry.kind == "refusal"]
    assert reasons == ["delegate_not_own"] * 2
    first, again = Once("k", "h"), Once("k", "other")
    made = await give(holder, asked(hub), once=first)
    assert await give(holder, asked(hub), once=first) == made
    with pytest.raises(IdempotencyError):
        await give(holder, asked(hub), once=again)


@pytest.mark.embedded
async def test_a_delegate_does_what_he_was_let_until_it_is_withdrawn_and_both_see_it(place: Place, hub: Hub) -> None:
    holder, neighbour = await signed_in(hub), await resident(hub, NEIGHBOUR)
    acting, delegating = hub.citizens.others.acting, hub.citizens.others.delegating
    made = await delegating.give(holder, asked(hub, matters=frozenset({MATTER})))
    found = await begun(hub, neighbour, "delegate")
    whose = await acting.act(neighbour, found.key, Scope.LICENCES, "licences")
    with pytest.raises(ScopeError):
        await acting.act(neighbour, found.key, Scope.ACCESSES, "accesses")
    for wider in (  # what was delegated is not delegated on, and to whom else is not his to see
        delegating.give(neighbour, asked(hub, CHILD), acting=whose),
        delegating.listed(neighbour, acting=whose),
        acting.in_office(neighbour, found.key, looks=True),
    ):
        with pytest.raises(ScopeError):
            await wider
    shown = await hub.citizens.presentations.look(neighbour, await acting.present(neighbour, found.key, None))
    assert isinstance(shown, Shown)
    body = {
        "matter": MATTER,
        "operator": {"id": "e-1", "name": "示例受理员"},
        "channel": "window",
        "external_no": "W-1",
        "presented": [{"role": "applicant", "code": shown.code}],
    }
    async with place.client(hub) as client:
        headers = await place.headers(client)
        opened = await client.post("/api/v1/cases", headers=headers, json=body)
        assert opened.status_code == 201, opened.text
        case_no = opened.json()["case_no"]
        change = {"change_no": 1, "operator": body["operator"]}
        for parties in ({"remove": ["acting_agent"]}, {"add": [{"role": "acting_agent", **NEIGHBOUR}]}):
            path = f"/api/v1/cases/{case_no}/amend"
            refused = await client.post(path, headers=headers, json=change | {"parties": parties})
            assert refused.status_code == 422, refused.text
        kept = await client.post(
            path, headers=headers, json=change | {"parties": {"add": [{"role": "agent", **ENTERPRISE}]}}
        )
        assert kept.status_code == 200, kept.text
        shown = await hub.citizens.presentations.look(neighbour, await acting.present(neighbour, found.key, None))
        assert isinstance(shown, Shown)
        await delegating.withdraw(holder, made)
        late = body | {"external_no": "W-2", "presented": [{"role": "applicant", "code": shown.code}]}
        assert (await client.post("/api/v1/cases", headers=headers, json=late)).status_code == 422
    with pytest.raises(NoLongerActsError):
        await acting.act(neighbour, found.key, Scope.LICENCES, "licences")
    await delegating.withdraw(holder, made)  # once more is nothing
    for side in (holder, neighbour):
        seen = await told(hub, side, made)
        assert (seen.stands, seen.given, seen.delegation.state) == (False, side is holder, "withdrawn")
        assert [use.kind for use in seen.uses] == [
            "acting.presented",
            "acting.filed",
            "acting.presented",
            "acting.saw_licences",
            "acting.begun",
        ]
        assert seen.uses[1].case_no == case_no
    mine = {entry.kind for entry in await ledger(hub) if entry.subject_id == holder.id}
    assert {"delegation.given", "delegation.withdrawn", "acting.saw_licences", "acting.filed", "acting.refused"} <= mine
    theirs = {entry.kind for entry in await ledger(hub) if entry.subject_id == neighbour.id}
    assert {"delegation.received", "delegation.ended"} <= theirs


@pytest.mark.embedded
async def test_who_acts_for_many_waits_no_longer_for_his_list(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    neighbour, delegating, acting = await resident(hub, NEIGHBOUR), hub.citizens.others.delegating, hub.citizens.others
    reads = []
    held_by = library.held_by

    def counted(*of: Any) -> Any:
        reads.append(of)
        return held_by(*of)

    monkeypatch.setattr(library, "held_by", counted)
    found = []
    for giver in (await signed_in(hub), await resident(hub, CHILD), await resident(hub, STRANGER)):
        await delegating.give(giver, asked(hub))
        reads.clear()
        for_whom = await acting.acting.listed(neighbour)
        assert [item.stands for item in await delegating.listed(neighbour)] == [True] * len(for_whom)
        found.append((len(for_whom), len(reads)))
    assert [names for names, _ in found] == [1, 2, 3]
    assert len({count for _, count in found}) == 1, found


@pytest.mark.embedded
async def test_it_ends_with_its_day_with_its_giver_and_with_his_office(hub: Hub, watch: Watch) -> None:
    await furnish(hub, REGISTRATION, DEATH)
    holder, neighbour = await signed_in(hub), await resident(hub, NEIGHBOUR)
    acting, delegating = hub.citizens.others.acting, hub.citizens.others.delegating
    await in_office(hub)
    company = await begun(hub, holder, "legal_representative")
    office = await acting.look(holder, company.key)
    made = await delegating.give(holder, asked(hub), acting=office)
    assert [item.principal.identity.name for item in await acting.listed(neighbour)] == [ENTERPRISE["name"]]
    assert await delegating.listed(holder) == [], "it is the company's, not his"
    assert [item.delegation.id for item in await delegating.listed(holder, acting=office)] == [made]
    with pytest.raises(MissingError):
        await told(hub, holder, made)
    await tie(hub, REGISTRATION, registration_claims(NEIGHBOUR, registered_on="2026-11-01"))
    assert await acting.listed(neighbour) == [], "his mandate ended with the other's office"
    for late in (  # judged in the act, and on the ledger, whatever held when his page was made
        delegating.withdraw(holder, made, acting=office),
        delegating.give(holder, asked(hub, CHILD), acting=office),
    ):
        with pytest.raises(NoLongerActsError):
            await late
        assert [(one.kind, one.subject_id) for one in await ledger(hub)][-1] == ("acting.refused", company.id)
    await tie(hub, REGISTRATION, registration_claims(registered_on="2026-11-02"))
    assert await grounds(hub, neighbour) == ["delegate"]
    watch.ahead = timedelta(days=30)
    neighbour = await signed_in(hub, person=NEIGHBOUR)
    assert await grounds(hub, neighbour) == ["delegate"], "the last day is within it"
    watch.ahead = timedelta(days=31)
    assert await grounds(hub, neighbour) == []
    watch.ahead = timedelta(0)
    await tie(hub, REGISTRATION, registration_claims(NEIGHBOUR, registered_on="2026-11-03"))
    own = await delegating.give(holder, asked(hub))
    assert await grounds(hub, neighbour) == ["delegate"]
    await tie(hub, DEATH, death_claims(PERSON))
    assert await grounds(hub, neighbour) == [], "who gave it has died"
    await erased(hub)
    with pytest.raises(MissingError):
        await told(hub, neighbour, own)


@pytest.mark.embedded
async def test_by_the_api_others_are_not_there_and_what_is_over_is_said(place: Place, hub: Hub) -> None:
    await resident(hub, NEIGHBOUR)
    await resident(hub, CHILD)
    base = "/api/v1/me"
    async with place.client(hub) as client:

        async def become(person: dict[str, str]) -> dict[str, str]:
            client.cookies.set("yz_holder", await session(hub, person=person))
            who = (await client.get(base)).json()
            return {"Origin": PUBLIC_URL, "X-CSRF-Token": who["csrf_token"]}

        assert (await client.get(f"{base}/acting")).status_code == 401
        mine = await become(PERSON)
        body = {
            "to": {"id_number": NEIGHBOUR["id_number"], "name": NEIGHBOUR["name"]},
            "scope": ["see_licences"],
            "until": (today(hub) + timedelta(days=9)).isoformat(),
            "reason": "出差",
        }
        assert (await client.post(f"{base}/delegations", json=body)).status_code == 403
        made = await client.post(f"{base}/delegations", json=body, headers=mine)
        assert made.status_code == 201, made.text
        wrong = await client.post(f"{base}/delegations", json=body | {"reason": "  "}, headers=mine)
        assert wrong.json()["errors"] == [{"pointer": "/reason", "rule": "missing"}]
        delegation = made.json()["id"]
        theirs = await become(NEIGHBOUR)
        (listed,) = (await client.get(f"{base}/acting")).json()["acting"]
        assert (listed["ground"], listed["principal"]["name"], listed["begun"]) == ("delegate", "陈**", False)
        key = listed["key"]
        path = f"{base}/acting/{key}"
        assert (await client.get(f"{path}/certificates")).status_code == 404, "not begun"
        assert (await client.post(path, headers=theirs)).status_code == 201
        found = (await client.get(f"{path}/certificates")).json()["certificates"]
        assert [item["type_name"] for item in found] == ["居民身份证"]
        for what in ("accesses", "objections"):
            refused = await client.get(f"{path}/{what}")
            assert (refused.status_code, refused.json()["type"].rpartition("/")[2]) == (403, "outside-scope")
        answer = await client.post(f"{path}/presentations", json={}, headers=theirs)
        assert answer.status_code == 403
        stranger = await become(CHILD)
        hidden = [
            await client.post(path, headers=stranger),
            await client.get(f"{path}/certificates"),
            await client.get(f"{base}/delegations/{delegation}"),
            await client.post(f"{base}/delegations/{delegation}/withdraw", headers=stranger),
            await client.get(f"{base}/delegations", params={"acting": key}),
        ]
        assert [each.status_code for each in hidden] == [404] * 5
        reasons = [entry.detail["reason"] for entry in await ledger(hub) if entry.kind == "refusal"]
        assert reasons[-5:] == ["acting_not_own"] * 2 + ["delegation_not_own"] * 2 + ["acting_not_own"]
        theirs = await become(NEIGHBOUR)
        assert (await client.get(f"{path}/certificates")).status_code == 404, "another session has not begun"
        assert (await client.post(path, headers=theirs)).status_code == 201
        ended = await client.post(f"{base}/delegations/{delegation}/withdraw", headers=theirs)
        assert (ended.json()["state"], ended.json()["side"]) == ("withdrawn", "received")
        over = await client.get(f"{path}/certificates")
        assert (over.status_code, over.json()["type"].rpartition("/")[2]) == (403, "no-longer-acts")
        assert (await client.delete(path, headers=theirs)).status_code == 204
        await become(PERSON)
        told_ = (await client.get(f"{base}/accesses")).json()["accesses"]
        assert {item["person"] for item in told_ if item["kind"].startswith("acting")} == {NEIGHBOUR["name"]}
        assert [item["kind"] for item in told_ if item["kind"].startswith(("acting", "delegation"))] == [
            "acting.ended",
            "acting.refused",
            "delegation.withdrawn",
            "acting.begun",
            *["acting.refused"] * 3,
            "acting.saw_licences",
            "acting.begun",
            "delegation.given",
        ]
