"""Without a phone: the one list by the person's own card at a counter, his yes until when, his no, and a slip."""

import re

import httpx2
import pytest

from hub.access.actors import COMMAND, Role
from hub.access.errors import ForbiddenError, LockedOutError
from hub.citizens.authorising.at_counter import Word
from hub.citizens.authorising.values import Decision
from hub.citizens.by_card import Shown
from hub.citizens.notices.kinds import NoticeKind
from hub.citizens.values import Identity
from hub.intake.errors import PartyError
from hub.runtime import Hub
from tests.citizens.conftest import signed_in
from tests.citizens.test_asked_for_a_case import asked_in_a_case
from tests.citizens.test_authorising import resting, said
from tests.citizens.test_objections import officer, signed
from tests.hub.city import CANARIES, PERSON, STRANGER, grow, ledger
from tests.hub.desk import text_of
from tests.hub.test_card_readers import StandIn
from tests.hub.test_counter import clerk_of
from tests.support import AMR, ENTERPRISE, Place

pytestmark = pytest.mark.embedded
LIST = "/console/counter/agreements"
TYPED = f"{PERSON['name']}|{PERSON['id_number']}"


async def test_by_his_card_he_sees_the_list_and_agrees_until_when_and_withdraws_at_once(place: Place, hub: Hub) -> None:
    reader = StandIn()
    await hub.counter.readers.register(COMMAND, AMR, reader.signer.public.jwk, "1号窗口")
    async with place.client(hub) as client, clerk_of(place, hub) as desk:
        city = await grow(place, hub, client)
        grant = await resting(city)
        await asked_in_a_case(city)

        async def sent(status: int = 200, **fields: str) -> httpx2.Response:
            page = await desk.post(LIST, form_on=LIST, **fields)
            assert page.status_code == status, text_of(page)
            return page

        assert "谁可以用本人的信息" in text_of(await desk.get("/console/counter"))
        for fields, why in (
            ({"id": reader.reads(**PERSON)}, "请当面核对证件"),
            ({"id": TYPED, "attested": "1"}, "须用会签名的读卡器"),
            ({"id": reader.reads(**PERSON | {"name": "陈小示"}), "attested": "1"}, "没有认出此人"),
            ({"id": reader.reads(**STRANGER), "attested": "1"}, "没有认出此人"),
            ({"id": reader.reads(**ENTERPRISE), "attested": "1"}, "没有认出此人"),
            ({"id": StandIn().reads(**PERSON), "attested": "1"}, "读卡结果未通过核验"),
        ):
            refused = await sent(422, **fields)
            assert why in text_of(refused)
            assert "坐落" not in refused.text
        refusals = [entry.detail.get("reason") for entry in await ledger(hub) if entry.kind == "refusal"]
        assert refusals.count("agreements_unconfirmed") == 3

        token = reader.reads(**PERSON)
        page = await sent(id=token, attested="1")
        for words in ("由您决定的", "坐落", "等您决定", "只为一个办件征询您的", "购房", "政务数据共享条例"):
            assert words in text_of(page), words
        assert not [value for value in (*CANARIES, PERSON["id_number"], PERSON["name"]) if value in page.text]
        looked = [entry for entry in await ledger(hub) if entry.kind == "authorisation.read_at_counter"]
        assert [(one.detail["by"]["id"], one.detail["seen"]) for one in looked] == [(desk.staff_id, "card_read")]
        assert looked[0].detail["reference"].startswith("reader:")
        assert "未通过核验" in text_of(await sent(422, id=token, attested="1"))  # one read opens it once

        nothing = await sent(422, id=reader.reads(**PERSON), attested="1", decides="1")
        assert "请先选本人怎样决定" in text_of(nothing)
        assert "坐落" in text_of(nothing)
        (question,) = re.findall(r'name="asked\.([0-9a-f-]+)"', page.text)
        slip = await sent(
            id=reader.reads(**PERSON), attested="1", decides="1",
            **{f"grant.{grant}": "give:30_days", f"asked.{question}": "refuse", "grant.x": "give:day"},
        )  # fmt: skip
        for words in ("已登记 2 项决定", "自动到期", "请自己提交：title", "要撤回或更改"):
            assert words in text_of(slip), words
        (entry,) = [one for one in await ledger(hub) if one.kind == "authorisation.given_standing_at_counter"]
        assert (entry.detail["by"]["id"], entry.detail["seen"]) == (desk.staff_id, "card_read")
        assert entry.detail["reference"].startswith("reader:")
        assert said(await city.ask("title")) == ("satisfied", "satisfied")

        holder = await signed_in(hub)
        notices, _ = await hub.citizens.notices.listed(holder, None)
        assert [one.kind for one in notices].count(NoticeKind.DECIDED_AT_COUNTER) == 2
        back = await sent(id=reader.reads(**PERSON), attested="1", decides="1", **{f"grant.{grant}": "refuse"})
        assert "已撤回" in text_of(back)
        assert said(await city.ask("title")) == ("refused", "holder_refused")
        await signed(client, hub)
        seen = text_of(await client.get("/me/accesses"))
        for words in ("窗口凭您的证件打开了您的授权清单", "窗口登记了您同意一项授权", "窗口登记了您撤回一项授权"):
            assert words in seen


async def test_a_clerk_s_word_is_enough_only_where_the_operator_says_so_and_is_counted(place: Place, hub: Hub) -> None:
    who, typed = Identity(PERSON["id_type"], PERSON["id_number"], PERSON["name"]), Shown("clerk_attested")
    clerk = await officer(hub, AMR, Role.CLERK, name="clerk")
    with pytest.raises(PartyError):
        await hub.citizens.counter_agreements.open(clerk, who, typed)
    service = hub.citizens.counter_agreements
    service._attested = True
    with pytest.raises(ForbiddenError):
        await service.open(await officer(hub, AMR), who, typed)
    stranger = "01a20000-0000-7000-8000-000000000000"
    words = [Word(stranger, Decision.GIVE, asked=asked) for asked in (True, False)]
    opened = await service.open(clerk, who, typed, words)
    assert opened.said == frozenset()
    for _ in range(4):
        await service.open(clerk, who, typed)
    with pytest.raises(LockedOutError):
        await service.open(clerk, who, typed)
