"""An objection that came to the wrong office goes to the right one; and what was refused is looked at once more."""

import asyncio
import re
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from hub.access.actors import Actor, Role
from hub.citizens.objections.errors import ObjectionError, ObjectionOverError
from hub.citizens.objections.values import Answer, Kind, Said
from hub.runtime import Hub
from hub.storage.errors import MissingError
from tests.citizens.conftest import Watch, erased, signed_in
from tests.citizens.test_objections import PATH, TEXT, officer, signed
from tests.hub.city import STRANGER, identity_claims, ledger
from tests.hub.desk import at_desk, text_of
from tests.support import AMR, POLICE, Place, issue

pytestmark = pytest.mark.embedded
OPERATOR = Actor("staff", "operator", "", None, frozenset({Role.OPERATOR}))


async def missing(hub: Hub) -> str:
    """One that came to the police."""
    kind = hub.types.find("identity_card")
    assert kind is not None
    said = Said(kind=Kind.MISSING, text=TEXT, type_code=kind.type.code, department=POLICE)
    return await hub.citizens.objections.raise_(await signed_in(hub), said)


async def refused(hub: Hub, actor: Actor, objection_id: str, department: str, reason: str = "不归我们") -> str:
    with pytest.raises(ObjectionError) as error:
        await hub.citizens.handing.hand(actor, objection_id, department=department, reason=reason)
    return error.value.rule


async def test_it_goes_once_each_way_then_to_the_operator_and_its_clock_goes_on(place: Place, hub: Hub) -> None:
    police, amr, handing = await officer(hub, POLICE), await officer(hub, AMR, name="other"), hub.citizens.handing
    made = await missing(hub)
    due = (await hub.citizens.objections.one(await signed_in(hub), made)).due_at
    for department, reason, rule in (
        (POLICE, "x", "same_department"),
        ("1" * 18, "x", "unknown_department"),
        (AMR, " ", "missing"),
        (AMR, "x" * 501, "too_long"),
    ):
        assert await refused(hub, police, made, department, reason) == rule
    with pytest.raises(MissingError):  # another department's does not exist for it
        await handing.hand(amr, made, department=AMR, reason="x")
    await handing.hand(police, made, department=AMR, reason="登记机关是市场监管局")
    with pytest.raises(MissingError):
        await hub.citizens.desk.show(police, made)
    assert (await hub.citizens.desk.show(amr, made)).text == TEXT
    await handing.hand(amr, made, department=POLICE, reason="身份证由公安制发")
    assert await refused(hub, police, made, AMR) == "handed_before"
    await handing.hand(police, made, department="", reason="请决定")
    await handing.hand(OPERATOR, made, department=AMR, reason="由市场监管局答复")
    assert await refused(hub, amr, made, POLICE) == await refused(hub, amr, made, "") == "decided"
    async with place.client(hub) as client:
        await signed(client, hub)
        told = (await client.get(f"{PATH}/{made}")).json()
        assert [(step["from"]["zh"], step["to"]["zh"]) for step in told["handed"]] == [
            ("公安局", "市场监督管理局"), ("市场监督管理局", "公安局"), ("公安局", "平台运行单位"),
            ("平台运行单位", "市场监督管理局"),
        ]  # fmt: skip
        assert told["department"]["code"] == AMR
        page = (await client.get(f"/me/objections/{made}")).text
        assert "登记机关是市场监管局" in page
        seen = (await client.get("/api/v1/me/accesses")).json()["accesses"]
        assert [item["kind"] for item in seen].count("objection.handed") == 4
    assert (await hub.citizens.objections.one(await signed_in(hub), made)).due_at == due
    await hub.citizens.desk.answer(amr, made, Answer("refused", "没有", "行政复议"))
    with pytest.raises(ObjectionOverError):
        await handing.hand(amr, made, department=POLICE, reason="x")


async def test_a_refusal_is_reviewed_once_by_the_operator_with_all_that_was_said(
    place: Place, hub: Hub, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    await issue(hub, identity_claims(citizen_id=STRANGER["id_number"]), slug="identity_card", issuer=POLICE)
    police = await officer(hub, POLICE)
    made = await missing(hub)
    async with place.client(hub) as client:
        token = await signed(client, hub)

        async def asked(text: str = "你们没有看附件", one: str = made, headers: Any = None) -> httpx2.Response:
            return await client.post(f"{PATH}/{one}/review", json={"text": text}, headers=headers or token)

        assert (await asked()).status_code == 409  # it runs still
        with monkeypatch.context() as away:  # the signing key; the reviewer reads the reason all the same
            away.setattr(hub.citizens.desk, "sign", lambda _: asyncio.sleep(0))
            await hub.citizens.desk.answer(police, made, Answer("refused", "库中没有", "行政复议"))
        stranger = await signed(client, hub, STRANGER)
        assert (await asked(headers=stranger)).status_code == 404
        token = await signed(client, hub)
        assert (await asked(" ")).status_code == 422
        assert "复核" in (await client.get(f"/me/objections/{made}")).text
        keyed = token | {"Idempotency-Key": "review-1"}
        answers = [await asked(headers=keyed) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [201, 201], answers[0].text
        review, twin = [answer.json() for answer in answers]
        assert review == twin  # sent twice, it acted once
        other = await asked("别的", headers=keyed)
        assert other.json()["type"].endswith("/idempotency-key-reused")
        assert (await asked(headers=token | {"Idempotency-Key": "review-2"})).status_code == 409
        assert (review["state"], review["department"]) == ("running", None)
        assert (await asked()).status_code == 409
        with pytest.raises(MissingError):
            await hub.citizens.desk.show(police, review["id"])
        # Not even to who refused it, by the operator's own hand.
        assert await refused(hub, OPERATOR, review["id"], POLICE) == "not_handed"
        shown = await hub.citizens.desk.show(OPERATOR, review["id"])
        assert [text in shown.text for text in ("你们没有看附件", TEXT, "库中没有")] == [True] * 3
        await hub.citizens.desk.answer(OPERATOR, review["id"], Answer("refused", "维持", "行政诉讼"))
        assert (await asked()).status_code == 409  # once
        assert (await asked(one=review["id"])).status_code == 409  # and no review of the review
        raised = [entry.detail.get("reviews") for entry in await ledger(hub) if entry.kind == "objection.raised"]
        assert raised == [None, made]

        second = await missing(hub)
        await hub.citizens.desk.answer(police, second, Answer("refused", "库中没有", "行政复议"))
        watch.ahead += timedelta(days=61)
        token = await signed(client, hub)
        assert (await asked(one=second)).status_code == 409  # too late
    await erased(hub)
    assert await hub.citizens.handing.path(review["id"]) == []


async def test_the_pages_hand_it_on_and_ask_for_the_review(place: Place, hub: Hub) -> None:
    made = await missing(hub)
    path = f"/console/owner/objections/{made}"
    async with place.client(hub) as client, at_desk(place, hub, POLICE, Role.OWNER_APPROVER, name="pol") as police:
        assert "不归本部门" in text_of(await police.get(path))
        wrong = await police.post(f"{path}/hand", department=AMR, why=" ")
        assert (wrong.status_code, "请写明理由" in text_of(wrong)) == (422, True)
        assert "已转交" in text_of(await police.post(f"{path}/hand", department=AMR, why="登记机关是市场监管局"))
        assert (await police.get(path)).status_code == 404
        async with at_desk(place, hub, AMR, Role.OWNER_APPROVER, name="mar") as market:
            assert "登记机关是市场监管局" in text_of(await market.get(path))
            await market.post(f"{path}/answer", result="refused", reason="没有", next="行政复议")
        token = await signed(client, hub)
        page = await client.get(f"/me/objections/{made}")
        assert "转交" in text_of(page)
        csrf = re.findall(r'name="csrf" value="([^"]+)"', page.text)[0]
        sent = {"Origin": token["Origin"]}
        again = await client.post(f"/me/objections/{made}/review", data={"csrf": csrf, "text": " "}, headers=sent)
        assert again.status_code == 422
        asked = await client.post(f"/me/objections/{made}/review", data={"csrf": csrf, "text": "再看"}, headers=sent)
        assert asked.status_code == 303
        assert "平台运行单位" in text_of(await client.get(asked.headers["location"]))
