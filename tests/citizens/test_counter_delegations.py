"""Without a phone: a delegation by the person's own card at a counter, a slip with all of it, and its end."""

import re
from datetime import timedelta

import httpx2
import pytest

from hub.access.actors import COMMAND, Role
from hub.access.errors import ForbiddenError, LockedOutError
from hub.citizens.acting.errors import DelegationError
from hub.citizens.acting.values import Scope
from hub.citizens.by_card import Shown
from hub.citizens.notices.kinds import NoticeKind
from hub.citizens.values import Identity
from hub.intake.errors import PartyError
from hub.runtime import Hub
from hub.storage.errors import MissingError
from tests.citizens.conftest import signed_in
from tests.citizens.others import NEIGHBOUR, asked, begun, grounds, resident, today
from tests.citizens.test_objections import officer
from tests.hub.city import PERSON, STRANGER, ledger
from tests.hub.desk import text_of
from tests.hub.test_card_readers import StandIn
from tests.hub.test_counter import clerk_of
from tests.support import AMR, ENTERPRISE, MATTER, POLICE, Place, matter_definition

pytestmark = pytest.mark.embedded
PAGE = "/console/counter/delegations"
CARD = Identity(PERSON["id_type"], PERSON["id_number"], PERSON["name"])


async def test_by_his_card_he_lets_somebody_act_takes_the_slip_home_and_ends_it(place: Place, hub: Hub) -> None:
    reader, neighbour = StandIn(), await resident(hub, NEIGHBOUR)
    await hub.counter.readers.register(COMMAND, AMR, reader.signer.public.jwk, "1号窗口")
    until = (today(hub) + timedelta(days=30)).isoformat()
    new = {
        "do": "give",
        "attested": "1",
        "to": NEIGHBOUR["id_number"],
        "to_name": NEIGHBOUR["name"],
        "scope": "see_licences",
        "matters": MATTER,
        "until": until,
        "reason": "腿脚不便",
    }
    unseen = {name: value for name, value in new.items() if name != "attested"}
    async with clerk_of(place, hub) as desk:

        async def sent(status: int = 200, **fields: str) -> httpx2.Response:
            page = await desk.post(PAGE, form_on=PAGE, **fields)
            assert page.status_code == status, text_of(page)
            return page

        assert "代办授权" in text_of(await desk.get("/console/counter"))
        typed = f"{PERSON['name']}|{PERSON['id_number']}"
        for fields, why in (
            (unseen | {"id": reader.reads(**PERSON)}, "请当面核对证件"),
            (new | {"id": typed}, "须用会签名的读卡器"),
            (new | {"id": reader.reads(**PERSON | {"name": "陈小示"})}, "没有认出此人"),
            (new | {"id": reader.reads(**STRANGER)}, "没有认出此人"),
            (new | {"id": reader.reads(**ENTERPRISE)}, "没有认出此人"),
            (new | {"id": StandIn().reads(**PERSON)}, "读卡结果未通过核验"),
            (new | {"id": reader.reads(**PERSON), "to_name": "吴邻里"}, "号码和姓名没有通过核对"),
            (new | {"id": reader.reads(**PERSON), "to": STRANGER["id_number"]}, "号码和姓名没有通过核对"),
            (new | {"id": reader.reads(**PERSON), "scope": "open"}, "请至少选一项"),
            (new | {"id": reader.reads(**PERSON), "until": "2099-01-01"}, "最长一年"),
        ):
            assert why in text_of(await sent(422, **fields)), why
        assert await grounds(hub, neighbour) == []

        token = reader.reads(**PERSON)
        slip = await sent(**new | {"id": token})
        for words in (
            "您授权他人代办",
            "看证照清单",
            *matter_definition()["name"].values(),
            until,
            "腿脚不便",
            "怎样撤回",
            "You let somebody act",
        ):
            assert words in text_of(slip), words
        assert not [value for value in (PERSON["id_number"], NEIGHBOUR["id_number"]) if value in slip.text]
        assert "未通过核验" in text_of(await sent(422, **new | {"id": token})), "one read writes one down"
        (entry,) = [one for one in await ledger(hub) if one.kind == "delegation.given_at_counter"]
        assert (entry.detail["by"]["id"], entry.detail["seen"]) == (desk.staff_id, "card_read")
        assert entry.detail["reference"].startswith("reader:")
        assert await grounds(hub, neighbour) == ["delegate"]
        await hub.citizens.others.acting.act(
            neighbour, (await begun(hub, neighbour, "delegate")).key, Scope.LICENCES, "licences"
        )

        listed = await sent(do="list", attested="1", id=reader.reads(**PERSON))
        assert "吴**" in text_of(listed)
        (delegation,) = re.findall(r'name="delegation"[^>]* value="([0-9a-f-]+)"', listed.text)
        end = {"do": "withdraw", "attested": "1", "delegation": delegation}
        strange = await sent(422, **end | {"id": reader.reads(**PERSON), "delegation": "0" * 36})
        assert "没有这项授权" in text_of(strange)
        token, before = reader.reads(**PERSON), len(await ledger(hub))
        assert "没有这项授权" in text_of(await sent(422, **end | {"id": token, "delegation": "which"}))
        assert len(await ledger(hub)) == before, "no id of ours: nothing is looked up, and the card can be sent again"
        ended = await sent(**end | {"id": token})
        assert "代办授权已撤回" in text_of(ended)
    assert await grounds(hub, neighbour) == []
    holder = await signed_in(hub)
    notices = [one.kind for one in (await hub.citizens.notices.listed(holder, None))[0]]
    assert {NoticeKind.DELEGATION_GIVEN, NoticeKind.DELEGATION_WITHDRAWN} <= set(notices)
    looked = [one.kind for one in (await hub.citizens.accesses.listed(holder))[0] if "at_counter" in one.kind]
    assert looked[0] == "delegation.withdrawn_at_counter"
    assert {"delegation.given_at_counter", "delegation.read_at_counter"} <= set(looked)


async def test_no_other_word_than_his_card_does_and_guessing_delegates_is_slowed(hub: Hub) -> None:
    neighbour, desk = await resident(hub, NEIGHBOUR), hub.citizens.others.at_counter
    clerk = await officer(hub, POLICE, Role.CLERK)
    read = Shown("card_read", "reader:x")
    with pytest.raises(PartyError, match="reader_needed"):
        await desk.give(clerk, CARD, Shown("clerk_attested"), asked(hub))
    with pytest.raises(ForbiddenError):
        await desk.listed(await officer(hub, POLICE), CARD, read)
    for wrong in (STRANGER["name"], "吴一", "吴二", "吴三", "吴四"):
        with pytest.raises(DelegationError, match="unconfirmed"):
            await desk.give(clerk, CARD, read, asked(hub, NEIGHBOUR | {"name": wrong}))
    with pytest.raises(LockedOutError):
        await desk.give(clerk, CARD, read, asked(hub))
    made = await hub.citizens.others.delegating.give(await signed_in(hub), asked(hub))
    other = Identity(NEIGHBOUR["id_type"], NEIGHBOUR["id_number"], NEIGHBOUR["name"])
    laid_down = await desk.withdraw(clerk, other, read, made)  # from his side, too
    assert (laid_down.delegation.state, laid_down.given) == ("withdrawn", False)
    assert await grounds(hub, neighbour) == []
    theirs = await hub.citizens.others.delegating.give(await signed_in(hub), asked(hub))
    third = await resident(hub, STRANGER)
    with pytest.raises(MissingError, match="delegation"):
        await desk.withdraw(clerk, third.identity, read, theirs)
