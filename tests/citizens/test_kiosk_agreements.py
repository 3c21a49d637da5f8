"""At a terminal: one's own list by one's own card, yes until when, no, no more; and nothing once the visit is over."""

import re

import pytest

from hub.citizens.kiosk.errors import KioskOverError
from hub.citizens.notices.kinds import NoticeKind
from hub.runtime import Hub
from hub.web.kiosk import agreements
from tests.citizens.conftest import signed_in
from tests.citizens.test_asked_for_a_case import asked_in_a_case
from tests.citizens.test_authorising import resting, said
from tests.citizens.test_kiosk import standing
from tests.citizens.test_objections import signed
from tests.hub.city import PERSON, grow, ledger
from tests.hub.desk import text_of
from tests.support import Place

pytestmark = pytest.mark.embedded


async def test_by_his_card_he_agrees_refuses_and_withdraws_while_he_stands_there(
    place: Place, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with place.client(hub) as client, standing(place, hub) as terminal:
        city = await grow(place, hub, client)
        grant = await resting(city)
        await asked_in_a_case(city)
        await terminal.card()
        assert "/kiosk/agreements" in (await terminal.get("/mine")).text
        page = await terminal.get("/agreements")
        for words in ("由您决定的", "等您决定", "只为一个办件征询您的", "购房", "政务数据共享条例"):
            assert words in text_of(page), words
        assert PERSON["id_number"] not in page.text
        (question,) = re.findall(r'name="question" value="([^"]+)"', page.text)
        assert f'name="grant" value="{grant}"' in page.text
        one = text_of(await terminal.sent("/agreement", grant=grant))
        for words in ("看什么 不动产权证号、坐落", "同意到什么时候", "30 天", "不同意"):
            assert words in one, words
        wrong = await terminal.post("/agreement", grant=grant, decision="give")
        assert wrong.status_code == 403
        for fields in ({"grant": "x"}, {"grant": grant, "decision": "give", "lasts": "for ever"}, {"question": grant}):
            assert (await terminal.sent("/agreement", **fields)).status_code == 404

        done = await terminal.sent("/agreement", grant=grant, decision="give", lasts="year")
        assert (done.status_code, done.headers["location"]) == (303, "/kiosk/agreements")
        assert "自动到期" in text_of(await terminal.get("/agreements"))
        assert said(await city.ask("title")) == ("satisfied", "satisfied")
        await terminal.sent("/agreement", question=question, decision="refuse")
        await terminal.sent("/agreement", grant=grant, decision="refuse")
        assert "已撤回" in text_of(await terminal.get("/agreements"))
        assert said(await city.ask("title")) == ("refused", "holder_refused")
        (entry,) = [one for one in await ledger(hub) if one.kind == "authorisation.given_at_kiosk"]
        assert entry.detail["by"]["id"] == terminal.id
        notices, _ = await hub.citizens.notices.listed(await signed_in(hub), None)
        assert [one.kind for one in notices].count(NoticeKind.DECIDED_AT_COUNTER) == 3

        # Taken out of use between the page and the word: nothing is written.
        kiosk = await hub.kiosk.devices.find(terminal.cookie("yz_kiosk"))
        visit = await hub.kiosk.visits.find(kiosk, terminal.cookie("yz_kiosk_visit"))
        await hub.kiosk.visits.end(kiosk)
        form = agreements.Form({"grant": [grant], "decision": ["give"]})
        with pytest.raises(KioskOverError):
            await agreements._decide(hub, visit, form)
        assert (await terminal.post("/agreement", grant=grant, decision="give")).headers["location"] == "/kiosk"
        assert (await terminal.get("/agreements")).headers["location"] == "/kiosk"
        await signed(client, hub)
        assert "在自助终端同意了一项授权" in text_of(await client.get("/me/accesses"))
