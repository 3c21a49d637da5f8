"""At a terminal by one's card alone: a phone that is lost opens nothing any more, and a strange look is asked about."""

import re
from pathlib import Path

import pytest

from hub.citizens.errors import HolderSignInNeededError
from hub.runtime import Hub
from tests.citizens.conftest import session, signed_in
from tests.citizens.test_identities import Service, bind, enter, hub, refused, service
from tests.citizens.test_kiosk import standing
from tests.citizens.test_own_collection import _feed, _register
from tests.hub.city import PERSON, grow, ledger
from tests.hub.desk import text_of
from tests.support import Place

pytestmark = pytest.mark.embedded
__all__ = ["hub", "service"]


async def test_a_lost_phone_is_signed_out_everywhere_and_its_network_id_released(
    place: Place, hub: Hub, service: Service
) -> None:
    async with standing(place, hub) as terminal:
        await bind(hub, service.voucher())
        stolen = [await session(hub), await enter(hub, service.voucher())]
        await terminal.card()
        assert "/kiosk/lost" in (await terminal.get("/mine")).text
        open_now = text_of(await terminal.get("/lost"))
        assert "还在登录的地方 3 绑定的网号 1" in open_now  # binding it was a sign-in of its own
        assert (await terminal.post("/lost", csrf="x")).status_code == 403
        for secret in stolen:
            await hub.citizens.sessions.find(secret)
        assert (await terminal.sent("/lost")).headers["location"] == "/kiosk/lost"
        assert "现在都已停用" in text_of(await terminal.get("/lost"))
        for secret in stolen:
            with pytest.raises(HolderSignInNeededError):
                await hub.citizens.sessions.find(secret)
        await refused(hub, service.voucher())


async def test_a_look_that_he_does_not_know_is_asked_about_once(place: Place, hub: Hub) -> None:
    async with place.client(hub) as client, standing(place, hub) as terminal:
        city = await grow(place, hub, client)
        await city.ask("identity")
        await terminal.card()
        page = await terminal.get("/looks")
        entries = re.findall(r'name="entry" value="([^"]+)"', page.text)
        own = {entry.id for entry in await ledger(hub) if entry.kind == "kiosk.visit"}
        assert entries
        assert not own & set(entries), "his own doing"
        (look,) = [entry.id for entry in await ledger(hub) if entry.kind == "disclosure" and entry.id in entries]
        assert "请他们说明" in text_of(await terminal.sent("/doubt", entry=look))
        assert not (await hub.citizens.objections.listed(await signed_in(hub))).items
        for wrong in ("x", *own):
            assert (await terminal.sent("/doubt", entry=wrong, sure="1")).status_code == 404
        for _ in range(2):  # sent twice: one objection
            done = await terminal.sent("/doubt", entry=look, sure="1")
            assert done.headers["location"] == "/kiosk/objections"
        assert "有一次查询我不认得" in text_of(await terminal.get("/objections"))
        assert len((await hub.citizens.objections.listed(await signed_in(hub))).items) == 1


async def test_notices_are_read_and_one_s_own_licences_collected(place: Place, hub: Hub, tmp_path: Path) -> None:
    async with place.client(hub) as client, standing(place, hub) as terminal:
        await grow(place, hub, client)
        row = (PERSON["id_number"], PERSON["name"], "2035-06-30")
        await _feed(hub, _register(tmp_path / "register", row), "permits")
        await terminal.card()
        assert "您有一份新的证照" in text_of(await terminal.get("/notices"))
        assert "最近一次" not in text_of(await terminal.get("/collect"))
        for _ in range(2):  # within the hour the last answer stands
            assert (await terminal.sent("/collect")).headers["location"] == "/kiosk/collect"
        asked = [entry.detail["by"] for entry in await ledger(hub) if entry.kind == "collection.own"]
        assert asked == [{"kind": "holder", "id": (await signed_in(hub)).id, "kiosk": terminal.id}]
        await hub.jobs.sweep()
        assert "归集到证照" in text_of(await terminal.get("/collect"))
        assert "居住证" in text_of(await terminal.get("/mine"))
