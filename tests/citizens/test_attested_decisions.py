"""Without a phone: a yes for one case, written down at the counter with the card in hand, and what became of it."""

import re

import pytest

from hub.access.actors import COMMAND, Role
from hub.access.errors import ForbiddenError
from hub.citizens.authorising.values import Decision
from hub.citizens.values import Identity
from hub.intake.store import find_case
from hub.runtime import Hub
from hub.storage.errors import MissingError
from tests.citizens.test_authorising import resting
from tests.citizens.test_objections import officer, signed
from tests.citizens.test_slips import answered
from tests.hub.city import HOME, PERSON, STRANGER, grow, ledger
from tests.hub.desk import lines_of, text_of
from tests.hub.test_card_readers import StandIn
from tests.hub.test_counter import clerk_of, number_in, opened
from tests.support import AMR, Place

pytestmark = pytest.mark.embedded
CARD = f"{PERSON['name']}|{PERSON['id_number']}"
WHO = Identity(PERSON["id_type"], PERSON["id_number"], PERSON["name"])


async def test_a_clerk_writes_down_what_the_person_says_for_this_case_and_no_other(place: Place, hub: Hub) -> None:
    async with place.client(hub) as client, clerk_of(place, hub) as desk:
        city = await grow(place, hub, client)
        await resting(city)
        reader = StandIn()
        await hub.counter.readers.register(COMMAND, AMR, reader.signer.public.jwk, "1号窗口")
        page = await answered(desk, await opened(desk, CARD, matter=HOME))
        path = f"/console/counter/{number_in(page)}"
        assert "登记本人决定" in lines_of(page)["title"]
        asked = await desk.get(f"{path}/agree")
        assert "坐落" in text_of(asked)
        (question,) = re.findall(rf"{path}/agree/([0-9a-f-]+)", asked.text)
        here, there = f"{path}/agree/{question}", f"{path}/agree"
        for fields, said in (
            ({"id": CARD, "decision": "give"}, "请当面核对证件"),
            ({"id": CARD, "attested": "1"}, "请按"),
            ({"id": f"{STRANGER['name']}|{STRANGER['id_number']}", "attested": "1", "decision": "give"}, "不是被征询"),
            ({"id": f"陈小示|{PERSON['id_number']}", "attested": "1", "decision": "give"}, "不是被征询"),
        ):
            refused = await desk.post(here, form_on=there, **fields)
            assert (refused.status_code, said in text_of(refused)) == (422, True), text_of(refused)
        token = reader.reads(**PERSON)
        given = await desk.post(here, form_on=there, id=token, attested="1", decision="give")
        assert "您已同意" in text_of(given)
        (entry,) = [one for one in await ledger(hub) if one.kind == "authorisation.given_at_counter"]
        assert (entry.detail["by"]["id"], entry.detail["seen"]) == (desk.staff_id, "card_read")
        again = await answered(desk, await desk.post(f"{path}/ask", form_on=path))
        assert "免交，已证明" in lines_of(again)["title"]

        other = await answered(desk, await opened(desk, CARD, matter=HOME))
        assert "需本人授权" in lines_of(other)["title"], "a yes for the other case"
        back = await desk.post(here, form_on=there, id=CARD, attested="1", decision="refuse")
        assert "您已撤回同意" in text_of(back)
        assert "没有等本人决定" in text_of(await desk.get(there))
        await signed(client, hub)
        seen = text_of(await client.get("/me/accesses"))
        assert "窗口登记了您对一个办件的同意" in seen
        assert "窗口登记了您撤回同意" in seen

        case = await hub.database.read(lambda tx: find_case(tx, number_in(other)))
        assert case is not None
        clerk = await officer(hub, AMR, Role.CLERK, name="clerk")
        decide = hub.citizens.attested_decisions.decide
        with pytest.raises(ForbiddenError):
            await decide(await officer(hub, AMR), case, question, Decision.GIVE, WHO, seen="clerk_attested")
        with pytest.raises(MissingError):  # of another case of the same person
            await decide(clerk, case, question, Decision.GIVE, WHO, seen="clerk_attested")
