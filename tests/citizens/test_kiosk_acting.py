"""At a terminal for somebody else: a company is answered for by who stands for it, while he does and stands there; and
what one let others do is seen and ended.
"""

import re

import pytest

from hub.citizens.kiosk.errors import KioskOverError
from hub.citizens.notices.kinds import NoticeKind
from hub.runtime import Hub
from hub.web.console.forms import Form
from hub.web.kiosk import acting
from hub.web.kiosk.licence import _way
from tests.citizens.conftest import signed_in
from tests.citizens.others import NEIGHBOUR, REGISTRATION, asked, furnish, in_office, registration_claims, resident, tie
from tests.citizens.test_agreed_for_others import resting
from tests.citizens.test_kiosk import Terminal, standing
from tests.hub.city import PERSON, ledger
from tests.hub.desk import text_of
from tests.support import ENTERPRISE, MATTER, Place, matter_definition, open_case, pull

pytestmark = pytest.mark.embedded


async def test_who_stands_for_a_company_decides_for_it_by_his_card(place: Place, hub: Hub) -> None:
    await furnish(hub, REGISTRATION)
    await signed_in(hub)
    await in_office(hub)
    grant = await resting(hub)
    async with place.client(hub) as client, standing(place, hub) as terminal:
        headers = await place.headers(client)
        case_no = await open_case(client, headers)

        async def outcome() -> str:
            return str((await pull(client, headers, case_no)).json()["requirements"][0]["outcome"])

        assert await outcome() == "holder_decision_needed"
        await terminal.card()
        assert "您代表的单位或者孩子有一件事等您" in text_of(await terminal.get("/notices"))
        page = await terminal.get("/acting")
        assert ENTERPRISE["name"] in page.text
        (key,) = set(re.findall(r'name="key" value="([^"]+)"', page.text))
        assert "食品" in text_of(await terminal.sent("/acting", key=key, what="agreements"))
        assert "营业执照" in text_of(await terminal.sent("/acting", key=key, what="licences"))
        assert "代办" in text_of(await terminal.sent("/acting", key=key, what="looks"))
        licence = await opened(hub, terminal, key)
        assert (await terminal.sent("/acting", key=key, what="x")).status_code == 404
        assert (await terminal.sent("/acting", key="0" * 32, what="licences")).status_code == 404
        assert (await ledger(hub))[-1].detail["reason"] == "acting_not_own"
        one = text_of(await terminal.sent("/acting/agreement", key=key, grant=grant))
        assert ("同意到什么时候" in one, ENTERPRISE["name"] in one) == (True, True)
        assert (await terminal.sent("/acting/agreement", key=key, grant="x")).status_code == 422
        assert (await terminal.post("/acting/agreement", key=key, grant=grant, decision="give")).status_code == 403
        done = await terminal.sent("/acting/agreement", key=key, grant=grant, decision="give", lasts="year")
        assert "自动到期" in text_of(done)
        assert await outcome() == "satisfied"
        (said,) = [one for one in await ledger(hub) if one.kind == "authorisation.given_by_agent"]
        assert (said.detail["kiosk"], said.detail["agent"]["name"]) == (terminal.id, PERSON["name"])
        notices, _ = await hub.citizens.notices.listed(await signed_in(hub), None)
        assert [one.kind for one in notices].count(NoticeKind.DECIDED_AT_COUNTER) == 1, "by his card, maybe a lost one"

        # Over between the page and the word, by the visit or by the office: nothing is written.
        kiosk = await hub.kiosk.devices.find(terminal.cookie("yz_kiosk"))
        visit = await hub.kiosk.visits.find(kiosk, terminal.cookie("yz_kiosk_visit"))
        await hub.kiosk.visits.end(kiosk)
        with pytest.raises(KioskOverError):
            await acting._decide(hub, visit, key, Form({"grant": [grant], "decision": ["refuse"]}))
        with pytest.raises(KioskOverError):
            await (await _way(hub, visit, key)).contents(licence, language="zh-CN")
        assert [one.kind for one in await ledger(hub)].count("certificate.opened_by_agent") == 1
        await terminal.card()
        await resident(hub, NEIGHBOUR)
        await terminal.sent("/acting", key=key, what="agreements")
        await tie(hub, REGISTRATION, registration_claims(NEIGHBOUR))
        late = await terminal.sent("/acting/agreement", key=key, grant=grant, decision="refuse")
        assert (late.status_code, "依据已经变了" in text_of(late)) == (422, True)
        late = await terminal.sent("/licence", key=key, identifier=licence, wanted="contents")
        assert late.headers["location"] == "/kiosk/acting"
        assert (await ledger(hub))[-1].kind == "acting.refused"
        assert await outcome() == "satisfied"


async def opened(hub: Hub, terminal: Terminal, key: str) -> str:
    """The company's business licence, read by who stands for it; answers its identifier."""
    listed = (await terminal.sent("/acting", key=key, what="licences")).text
    (licence,) = re.findall(
        r'name="identifier" value="([^"]+)"><button[^>]*>打开<span class="hidden"> 营业执照', listed
    )
    assert (await terminal.sent("/licence", identifier=licence)).status_code == 404, "not his own"
    said = text_of(await terminal.sent("/licence", key=key, identifier=licence, wanted="contents"))
    assert ("示例市中心路1号" in said, "用途、给谁" in said) == (True, False)
    (entry,) = [one for one in await ledger(hub) if one.kind == "certificate.opened_by_agent"]
    assert entry.detail["agent"]["name"] == PERSON["name"]
    return str(licence)


async def test_a_delegation_is_seen_and_ended_by_either_side(place: Place, hub: Hub) -> None:
    holder, neighbour = await signed_in(hub), await resident(hub, NEIGHBOUR)
    limits = [{"matters": frozenset({MATTER})}, {}]
    made = [await hub.citizens.others.delegating.give(holder, asked(hub, **limit)) for limit in limits]
    async with standing(place, hub) as terminal:
        await terminal.card()
        assert text_of(await terminal.get("/delegations")).count("授权给 吴") == 2
        seen = text_of(await terminal.sent("/delegations", delegation=made[0]))
        assert ("还没有用过" in seen, matter_definition()["name"]["zh"] in seen, MATTER in seen) == (True, True, False)
        done = await terminal.sent("/delegations", delegation=made[0], sure="1")
        assert (done.status_code, done.headers["location"]) == (303, "/kiosk/delegations")
        assert (await terminal.sent("/delegations", delegation="x", sure="1")).status_code == 404
        (entry,) = [one for one in await ledger(hub) if one.kind == "delegation.withdrawn_at_kiosk"]
        assert (entry.subject_id, entry.detail["by"]["id"]) == (holder.id, terminal.id)
        for side in (holder, neighbour):
            told, _ = await hub.citizens.notices.listed(side, None)
            assert [one.kind for one in told].count(NoticeKind.DELEGATION_WITHDRAWN) == 1

        await terminal.card(id_number=NEIGHBOUR["id_number"], name=NEIGHBOUR["name"])
        assert "为其代办 陈" in text_of(await terminal.get("/delegations"))
        assert "看证照清单" in text_of(await terminal.sent("/delegations", delegation=made[1]))
        await terminal.sent("/delegations", delegation=made[1], sure="1")
        assert not [one for one in await hub.citizens.others.delegating.listed(holder) if one.stands]
