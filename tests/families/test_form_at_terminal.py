"""The one form of a family at a terminal: by the name that the family has for who signs it, once for all its cases."""

import re

import pytest

from hub.access.actors import COMMAND
from tests.citizens.conftest import signed_in
from tests.citizens.test_kiosk import standing
from tests.families.town import AGENT, Town, event, told
from tests.hub.city import identity_claims
from tests.hub.desk import text_of
from tests.support import POLICE, Place, issue

pytestmark = pytest.mark.embedded


async def test_who_signs_for_the_family_signs_once_for_all_its_cases(place: Place, town: Town) -> None:
    await town.hub.life_events.add(COMMAND, event(signatures=["agent"]))
    card_of = identity_claims(name=AGENT["name"], citizen_id=AGENT["id_number"])
    await issue(town.hub, card_of, slug="identity_card", issuer=POLICE)
    number = (await town.family(facts={"signed": True}))["family_no"]
    await town.pulled(number)
    path = f"/families/{number}/form"
    said = {"answers": {"shop.phone": "0570-1"}}
    told(await town.client.put(f"/api/v1{path}", json=said, headers=town.headers))
    async with standing(place, town.hub) as terminal:
        await terminal.card(**AGENT)
        listed = text_of(await terminal.get("/forms"))
        assert listed.count(number) == 1, "of its cases none has a form of its own to sign"
        page = (await terminal.sent("/form", number=number)).text
        assert "0570-1" in page
        (digest,) = re.findall(r'name="digest" value="([0-9a-f]{64})"', page)
        card = terminal.reader.reads(**AGENT)
        done = await terminal.sent("/form/sign", number=number, digest=digest, card=card)
        assert done.headers["location"] == "/kiosk/forms"
        assert "已签署" in text_of(await terminal.get("/forms"))
    signed = told(await town.get(path))["signatures"]
    assert [(one["party"], one["kind"]) for one in signed] == [("agent", "card_read")]
    mine, _ = await town.hub.citizens.accesses.listed(await signed_in(town.hub, person=AGENT))
    assert {"form.read_at_kiosk", "form.signed_at_kiosk"} <= {one.kind for one in mine}
