"""Showing somebody else's licences: whoever takes it is told by whom; judged when it is made and when it is taken."""

import re
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from certificates.offline_code import read_offline_code
from hub.access.actors import COMMAND
from hub.citizens.acting.errors import DelegationError, NoLongerActsError, ScopeError
from hub.citizens.acting.values import Principal, Scope
from hub.citizens.asked.values import Item, Wanted
from hub.citizens.errors import PresentationRefusedError
from hub.citizens.once import Once
from hub.citizens.showing.values import Choice, ChoiceError, Live, OfflineLive, Pick, Showing
from hub.citizens.values import Holder, Level
from hub.clock import BEIJING, utc_now
from hub.issuing.transitions.acts import Act
from hub.runtime import Hub
from hub.storage.errors import MissingError
from hub.verification.asking import Question
from tests.citizens.conftest import Watch, session, signed_in
from tests.citizens.others import (
    BIRTH,
    CHILD,
    DEATH,
    KINSHIP,
    NEIGHBOUR,
    REGISTRATION,
    asked,
    begun,
    birth_claims,
    death_claims,
    furnish,
    in_office,
    kinship_claims,
    registration_claims,
    resident,
    tie,
    told,
    written,
)
from tests.citizens.test_acting_pages import Browser
from tests.citizens.test_asked import PEER, clerk
from tests.citizens.test_asked import asked as requested
from tests.citizens.test_showing import ANYBODY, HERE
from tests.hub.acting import WHY
from tests.hub.city import PERSON, ledger
from tests.hub.desk import text_of
from tests.support import ENTERPRISE, MATTER, Place

SHOW = frozenset({Scope.SHOW})
LAST_MINUTE = datetime(2028, 5, 31, 23, 59, 30, tzinfo=BEIJING)
"""Before the child is eighteen."""
LICENCE_WANTED = Wanted([Item("business_licence", ("name",), ("name",))], MATTER, "办理食品经营许可")


def set_to(watch: Watch, moment: datetime) -> None:
    """The hub's clock says this, now."""
    watch.ahead = moment - utc_now()


class Of:
    """Whoever is this subject."""

    session_id = ""

    def __init__(self, subject_id: str) -> None:
        self.id = self.asker_id = subject_id

    def require(self, level: Level) -> None:
        """He may."""


async def licence_of(hub: Hub, subject_id: str, name: str) -> str:
    """The identifier of a subject's licence of a kind, by its Chinese name."""
    found, _ = await hub.citizens.licences.listed(Of(subject_id))
    return next(item.identifier for item in found if item.type_zh == name)


async def shown(hub: Hub, holder: Holder, principal: Principal, name: str, *claims: str) -> Live:
    pick = Pick(await licence_of(hub, principal.id, name), claims)
    made = await hub.showing.for_others.make(holder, principal.key, Choice([pick], None, "租房"))
    found = await hub.showing.showings.look(holder, made)
    assert isinstance(found, Live)
    return found


async def opens(hub: Hub, code: str) -> bool:
    try:
        await hub.showing.receiving.take(ANYBODY, code)
    except PresentationRefusedError:
        return False
    return True


async def kinds(hub: Hub, subject_id: str) -> list[tuple[str, Any]]:
    entries = [entry for entry in await ledger(hub) if entry.subject_id == subject_id and "show" in entry.kind]
    named = [entry.detail.get("agent") or entry.detail.get("principal") or {} for entry in entries]
    return [(entry.kind, who.get("name")) for entry, who in zip(entries, named, strict=True)]


async def test_a_legal_representative_shows_his_company_and_whoever_looks_is_told_who(hub: Hub) -> None:
    await furnish(hub, REGISTRATION)
    await in_office(hub)
    holder = await signed_in(hub)
    company = await begun(hub, holder, "legal_representative")
    own = await hub.showing.showings.make(holder, Choice([Pick(await licence_of(hub, holder.id, "居民身份证"), ())]))
    live = await shown(hub, holder, company, "营业执照", "name", "business_scope")
    assert (await hub.showing.showings.look(holder, own)).state == "replaced", "one at a time"  # type: ignore[union-attr]
    taken = await hub.showing.receiving.take(ANYBODY, live.code)
    assert taken.behalf is not None
    assert taken.behalf.shown() == {
        "ground": "legal_representative",
        "principal": {name: ENTERPRISE[name] for name in ("id_type", "id_number", "name")},
        "agent": {"id_type": "111", "id_number": "990***********" + PERSON["id_number"][-4:], "name": "陈**"},
    }
    (item,) = taken.items
    assert (item.verdict["result"], item.claims["name"]) == ("passed", ENTERPRISE["name"])
    assert not await opens(hub, live.code), "once"
    over = await hub.showing.showings.look(holder, live.showing.id)
    assert isinstance(over, Showing)
    assert (over.state, over.mine, over.behalf and over.behalf.agent.id_number[3:7]) == ("taken", True, "****")
    assert await kinds(hub, company.id) == [
        ("acting.showing_made", PERSON["name"]),
        ("acting.showing_taken", PERSON["name"]),
        ("acting.showing_refused", PERSON["name"]),
    ]
    mine = [kind for kind, who in await kinds(hub, holder.id) if who == ENTERPRISE["name"]]
    assert mine == ["acting.showed", "acting.showed_taken"]
    looked, _ = await hub.citizens.accesses.listed(await hub.citizens.others.acting.look(holder, company.key))
    [seen] = [each for each in looked if each.kind == "acting.showing_taken"]
    assert (seen.look, seen.person, [zh for zh, _ in seen.fields]) == ("look", PERSON["name"], ["经营范围", "企业名称"])
    assert "showing_taken" in {item.kind.value for item in (await hub.citizens.notices.listed(holder, None))[0]}
    pick = Pick(await licence_of(hub, holder.id, "居民身份证"), ("name",))
    with pytest.raises(MissingError):  # what is not the company's
        await hub.showing.for_others.make(holder, company.key, Choice([pick]))
    with pytest.raises(MissingError):  # what he has not begun
        await hub.showing.for_others.make(holder, "0" * 32, Choice([pick]))


@pytest.mark.embedded
@pytest.mark.parametrize("gone", ["registration", "suspended", "withdrawn", "eighteen", "agent"])
async def test_where_the_ground_goes_between_nobody_opens_it(hub: Hub, watch: Watch, gone: str) -> None:
    await furnish(hub, REGISTRATION, BIRTH)
    holder, name = await signed_in(hub), "营业执照"
    if gone == "eighteen":
        await resident(hub, CHILD)
        await tie(hub, BIRTH, birth_claims(NEIGHBOUR))
        await resident(hub, NEIGHBOUR)
        set_to(watch, LAST_MINUTE)
        neighbour = await signed_in(hub, person=NEIGHBOUR)
        principal, name = await begun(hub, neighbour, "parent"), "居民身份证"
        set_to(watch, LAST_MINUTE)
    elif gone == "withdrawn":
        neighbour = await resident(hub, NEIGHBOUR)
        delegation = await hub.citizens.others.delegating.give(holder, asked(hub, scope=SHOW))
        principal, name = await begun(hub, neighbour, "delegate"), "居民身份证"
    else:
        neighbour = await resident(hub, NEIGHBOUR)
        await in_office(hub, NEIGHBOUR)
        principal = await begun(hub, neighbour, "legal_representative")
    live = await shown(hub, neighbour, principal, name)
    if gone == "eighteen":
        set_to(watch, LAST_MINUTE + timedelta(seconds=35))
    elif gone == "withdrawn":
        await hub.citizens.others.delegating.withdraw(holder, delegation)
    elif gone == "registration":
        await tie(hub, REGISTRATION, registration_claims(PERSON, registered_on="2026-11-01"))
    else:
        whose, kind = (principal.id, "法定代表人登记信息") if gone == "suspended" else (neighbour.id, "居民身份证")
        stop = Act.read({"operation": "suspend", "reason_code": "investigation", **WHY})
        await hub.transitions.act(COMMAND, await licence_of(hub, whose, kind), stop)
    assert not await opens(hub, live.code)
    reasons = [entry.detail["reason"] for entry in await ledger(hub) if entry.kind == "acting.showing_refused"]
    assert reasons == ["acting"]
    if gone != "agent":  # whose session ends with his card
        with pytest.raises(NoLongerActsError):
            await shown(hub, neighbour, principal, name)


@pytest.mark.embedded
async def test_heirs_never_show_and_a_delegate_within_what_he_was_let(hub: Hub) -> None:
    await furnish(hub, DEATH, KINSHIP)
    holder, neighbour, child = await signed_in(hub), await resident(hub, NEIGHBOUR), await resident(hub, CHILD)
    card = Pick(await licence_of(hub, holder.id, "居民身份证"), ("name",))
    others, give = hub.showing.for_others, hub.citizens.others.delegating.give
    with pytest.raises(DelegationError, match="not_delegable"):
        await give(holder, asked(hub, scope=frozenset({Scope.AGREE})))
    plain = await give(holder, asked(hub))
    found = await begun(hub, neighbour, "delegate")
    asker = await clerk(hub)
    for wider in (
        others.make(neighbour, found.key, Choice([card])),
        others.make_offline(neighbour, found.key, card, life="screen"),
        others.look(neighbour, found.key, (await requested(hub, asker)).code, peer=PEER),
    ):
        with pytest.raises(ScopeError):
            await wider
    await hub.citizens.others.delegating.withdraw(holder, plain)
    made = await give(holder, asked(hub, scope=SHOW, matters=frozenset({MATTER})))
    found = await begun(hub, neighbour, "delegate")
    for wider in (
        others.make(neighbour, found.key, Choice([card])),
        others.make_offline(neighbour, found.key, card, life="screen"),
    ):
        with pytest.raises(ScopeError):
            await wider
    question = await requested(hub, asker)
    _, what = await others.look(neighbour, found.key, question.code, peer=PEER)
    assert [each.identifier for each in what.items[0].licences] == [card.identifier]
    with pytest.raises(ChoiceError, match="needed"):
        await others.give(neighbour, found.key, question.code, [replace(card, claims=())], peer=PEER)
    own = Pick(await licence_of(hub, neighbour.id, "居民身份证"), ("sex",))
    with pytest.raises(MissingError):
        await others.give(neighbour, found.key, question.code, [own], peer=PEER)
    given = await others.give(neighbour, found.key, question.code, [replace(card, claims=("sex",))], peer=PEER)
    waiting = await hub.showing.showings.look(holder, given)  # the principal sees it, and may stop it
    assert isinstance(waiting, Showing)
    assert (waiting.state, waiting.mine, waiting.behalf and waiting.behalf.agent.name) == ("live", False, "吴邻居")
    taken = await hub.showing.asking.collect(asker, question.id)
    assert taken.behalf is not None
    assert (taken.items[0].claims, taken.behalf.shown()["principal"]["name"]) == ({"sex": "男"}, "陈**")
    uses = [use.kind for use in (await told(hub, holder, made)).uses if "showing" in use.kind]
    assert uses == ["acting.showing_taken", "acting.showing_given"]
    declined, other = await requested(hub, asker), await requested(hub, asker)
    await others.decline(neighbour, found.key, declined.code, peer=PEER)
    late = await others.give(neighbour, found.key, other.code, [replace(card, claims=("sex",))], peer=PEER)
    await hub.showing.showings.withdraw(holder, late)
    with pytest.raises(PresentationRefusedError):
        await hub.showing.asking.collect(asker, other.id)
    with pytest.raises(MissingError):
        await hub.showing.showings.look(child, late)

    await tie(hub, KINSHIP, kinship_claims(CHILD, PERSON, "父子"))
    await tie(hub, DEATH, death_claims(PERSON))
    heir = await begun(hub, child, "heir")
    for wider in (others.make(child, heir.key, Choice([card])), others.licences(child, heir.key)):
        with pytest.raises(ScopeError):
            await wider


@pytest.mark.embedded
async def test_an_offline_code_says_by_whom_and_is_signed_while_he_may(hub: Hub) -> None:
    await furnish(hub, REGISTRATION)
    await in_office(hub)
    holder = await signed_in(hub)
    company = await begun(hub, holder, "legal_representative")
    pick, key = Pick(await licence_of(hub, company.id, "营业执照"), ("name",)), Once("k", "h")
    made = await hub.showing.for_others.make_offline(holder, company.key, pick, life="screen", once=key)
    assert await hub.showing.for_others.make_offline(holder, company.key, pick, life="screen", once=key) == made
    found = await hub.showing.offline.look(holder, made)
    assert isinstance(found, OfflineLive)
    ground, principal, agent = read_offline_code(found.code.encode()).content["g"]
    assert (ground, principal) == ("legal_representative", f"{ENTERPRISE['name']} {ENTERPRISE['id_number']}")
    assert PERSON["name"] not in agent
    verdict = await hub.presentation.judge_text(found.code, Question())
    told_ = verdict.to_json()
    assert (told_["result"], told_["purpose"]) == (
        "passed",
        {"behalf": {"ground": ground, "principal": principal, "agent": agent}},
    )
    await tie(hub, REGISTRATION, registration_claims(NEIGHBOUR, registered_on="2026-11-01"))
    assert isinstance(await hub.showing.offline.look(holder, made), Showing), "not signed anew"


@pytest.mark.embedded
async def test_by_sql_nobody_finds_it_among_his_own_and_nobody_shows_in_anothers_name(hub: Hub) -> None:
    await furnish(hub, REGISTRATION)
    await in_office(hub)
    holder, neighbour = await signed_in(hub), await resident(hub, NEIGHBOUR)
    company = await begun(hub, holder, "legal_representative")
    live = await shown(hub, holder, company, "营业执照", "name")
    showing = live.showing.id
    for change in (f"shown_by = '{neighbour.id}'", "shown_by = NULL", f"subject_id = '{neighbour.id}'"):
        back = f"shown_by = '{holder.id}', subject_id = '{company.id}'"
        await written(hub, f"UPDATE showings SET {change} WHERE id = '{showing}'")
        assert not await opens(hub, live.code), change
        if "NULL" not in change:
            found = await hub.showing.showings.look(neighbour, showing)
            assert isinstance(found, Showing)
            assert found.picks == ()
        await written(hub, f"UPDATE showings SET {back} WHERE id = '{showing}'")
    assert await opens(hub, live.code)


@pytest.mark.embedded
async def test_by_pages_and_api_it_is_shown_and_read(place: Place, hub: Hub) -> None:
    await furnish(hub, REGISTRATION)
    await in_office(hub)
    async with place.client(hub) as client:
        browser = Browser(client)
        await browser.become(hub, PERSON)
        page = await browser.get("/me/acting")
        (key,) = set(re.findall(r'action="/me/acting/([0-9a-f]{32})"', page))
        base = f"/me/acting/{key}"
        await browser.get(f"{base}/showings", 404)
        await browser.post(base, page)
        form = await browser.get(f"{base}/showings")
        identifier = re.findall(r'name="licence" value="([^"]+)"', form)
        licence = next(each for each in identifier if f"{each}/business_scope" in form)
        await browser.post(f"{base}/showings", form, 422)
        sent = await browser.post(f"{base}/showings", form, claim=f"{licence}/name", purpose="投标")
        code_page = await browser.get(sent.headers["location"])
        assert f"<b>{ENTERPRISE['name']} {ENTERPRISE['id_number']}</b>" in code_page
        digits = "".join(re.findall(r'class="long">([0-9 ]+)<', code_page)[0].split())
        seen = text_of(await client.post("/receive", data={"code": digits}, headers=HERE))
        assert "由他人代为出示" in seen
        assert "法定代表人（平台刚才核对）" in seen
        assert PERSON["name"] not in seen
        offline = await browser.post(f"{base}/showings", form, licence=licence, way="screen")
        long = re.findall(r'class="long">([^<]+)<', await browser.get(offline.headers["location"]))[0]
        seen = text_of(await client.post("/receive", data={"code": long}, headers=HERE))
        assert "法定代表人（生成时核对）" in seen

        asker = await clerk(hub)
        question = await requested(hub, asker, LICENCE_WANTED)
        asked_ = await browser.get("/me/asked")
        mine = (await browser.post("/me/asked", asked_, 200, code=question.code)).text
        assert "没有这种有效证照" in mine
        assert f'action="{base}/asked"' in mine, "he may answer for the company"
        typed = await browser.get(f"{base}/asked")
        assert 'data-scan="code"' in typed
        for path, may in ((f"{base}/asked", True), (f"{base}/asked/x", False), (base, False), ("/me/asked", True)):
            sent_with = (await client.get(path)).headers["permissions-policy"]
            assert ("camera=(self)" in sent_with) is may, path
        wrong = await browser.post(f"{base}/asked", typed, 422, code="12345678")
        assert 'data-scan="code"' in wrong.text
        what = (await browser.post(f"{base}/asked", typed, 200, code=question.code)).text
        await browser.post(f"{base}/asked/answer", what, 422, code=question.code, decision="give")
        fields = {f"licence-{code}": licence for code in re.findall(r'name="licence-([^"]+)"', what)}
        (kind,) = [name.removeprefix("licence-") for name in fields]
        answer = {"code": question.code, "decision": "give", "claim": f"{kind}/name", **fields}
        await browser.get((await browser.post(f"{base}/asked/answer", what, **answer)).headers["location"])
        assert (await hub.showing.asking.collect(asker, question.id)).behalf is not None
        assert not [text for text in browser.seen if PERSON["name"] in text]


@pytest.mark.embedded
async def test_by_the_api_it_is_made_once_taken_and_asked(place: Place, hub: Hub) -> None:
    await furnish(hub, REGISTRATION)
    await in_office(hub)
    company = await begun(hub, await signed_in(hub), "legal_representative")
    licence = await licence_of(hub, company.id, "营业执照")
    async with place.client(hub) as client:
        client.cookies.set("yz_holder", await session(hub))
        csrf = (await client.get("/api/v1/me")).json()["csrf_token"]
        token, path = HERE | {"X-CSRF-Token": csrf}, f"/api/v1/me/acting/{company.key}"
        assert (await client.post(path, headers=token)).status_code == 201
        items = [{"identifier": licence, "claims": ["name"]}]
        made = await client.post(f"{path}/showings", json={"items": items}, headers=token | {"Idempotency-Key": "k"})
        assert made.status_code == 201, made.text
        twice = await client.post(f"{path}/showings", json={"items": items}, headers=token | {"Idempotency-Key": "k"})
        assert twice.json()["id"] == made.json()["id"]
        assert made.json()["behalf"]["agent"]["name"] == "陈**"
        system = await place.headers(client)
        got = (await client.post("/api/v1/showings/take", json={"code": made.json()["code"]}, headers=system)).json()
        assert (got["behalf"]["ground"], got["items"][0]["claims"]["name"]) == (
            "legal_representative",
            ENTERPRISE["name"],
        )
        question = await requested(hub, await clerk(hub), LICENCE_WANTED)
        read = (await client.get(f"{path}/asked/{question.code}")).json()
        assert [each["identifier"] for each in read["items"][0]["certificates"]] == [licence]
        said = await client.post(f"{path}/asked/{question.code}", json={"decision": "decline"}, headers=token)
        assert said.json() == {"state": "declined", "showing": None}
