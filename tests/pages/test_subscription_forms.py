"""Subscriptions in the console, without a browser: made, refused with a reason, sent again, ended; whose they are."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from certificates.lifecycle.states import Operation
from hub.access.actors import Role
from hub.exchange.subscriptions.delivery import PAUSES
from tests.access.people import Visitor, add, errors_of, visitor
from tests.exchange.receiver import listening
from tests.exchange.subscriber import EVENTS, SECRET, Subscriber, subscribing
from tests.support import INTAKE, POLICE, Place

pytestmark = pytest.mark.parametrize("template", ["sqlite"], indirect=True)
BASE = "/console/consumer/subscriptions"


@dataclass
class Desk:
    """An engineer of the department whose system subscribes, in a browser."""

    subscriber: Subscriber
    visitor: Visitor

    async def subscribe(self, **changes: Any) -> Any:
        wish = {"system": INTAKE, "events": EVENTS, "url": self.subscriber.receiver.url, "secret": SECRET, "ca": ""}
        return await self.visitor.post(f"{BASE}/new", wish | {"once": "form-1"} | changes)

    async def page(self, path: str = BASE) -> str:
        answer = await self.visitor.get(path)
        assert answer.status_code == 200
        return answer.text


@pytest.fixture
async def desk(place: Place) -> AsyncIterator[Desk]:
    async with listening() as receiver, subscribing(place, receiver) as subscriber:
        await add(subscriber.hub, "consumer", Role.CONSUMER_ENGINEER)
        await add(subscriber.hub, "stranger", Role.CONSUMER_ENGINEER, department=POLICE)
        await add(subscriber.hub, "auditor", Role.AUDITOR, department=None)
        async with visitor(place, subscriber.hub) as opened:
            await opened.sign_in("consumer")
            yield Desk(subscriber, opened)


async def test_a_subscription_is_made_once_and_its_secret_shown_no_more(desk: Desk) -> None:
    form = await desk.page(f"{BASE}/new")
    assert re.search(r'name="secret"[^>]* value="[\w-]{43}"', form)
    made = await desk.subscribe()
    assert made.status_code == 303, errors_of(made)
    assert (await desk.subscribe()).headers["location"] == made.headers["location"]  # a second click
    assert len(desk.subscriber.receiver.got) == 1
    for path in (BASE, made.headers["location"]):
        page = await desk.page(path)
        assert f"127.0.0.1:{desk.subscriber.receiver.port}" in page
        assert "canary" not in page
    listed = await desk.subscriber.client.get("/api/v1/subscriptions", headers=desk.subscriber.headers)
    assert len(listed.json()["subscriptions"]) == 1  # the system sees what its people made for it


async def test_what_is_wrong_is_named_at_once_and_what_was_typed_is_kept(desk: Desk) -> None:
    wrong = await desk.subscribe(system="", events=[], url="x", secret="short")
    assert (wrong.status_code, len(errors_of(wrong))) == (422, 4)
    desk.subscriber.receiver.mood = "deaf"
    answer = await desk.subscribe()
    assert (answer.status_code, [item[:5] for item in errors_of(answer)]) == (422, ["验证未成功"])
    assert SECRET in answer.text
    assert answer.text.count(" checked") == len(EVENTS)
    answer = await desk.subscribe(url="https://169.254.169.254/", ca="nonsense")
    assert errors_of(answer) == ["这不是 PEM 格式的证书"]
    assert 'href="#ca"' in answer.text
    assert "还没有订阅" in await desk.page()


async def test_dead_letters_say_why_and_are_sent_again(desk: Desk) -> None:
    subscriber, path = desk.subscriber, (await desk.subscribe()).headers["location"]
    case_no, _ = await subscriber.use()
    subscriber.receiver.mood = "fail"
    await subscriber.change(Operation.SUSPEND)
    for _ in PAUSES:
        await subscriber.sweep_now()
    page = await desk.page(path)
    assert case_no in page
    assert "对方答复了状态码 500" in page
    tried = await desk.visitor.post(f"{path}/verify")
    assert "验证未通过" in await desk.page(tried.headers["location"])
    subscriber.receiver.mood = "ok"
    again = re.search(r'action="([^"]+/replay)"', page)
    assert again is not None
    before = len(subscriber.receiver.messages)
    assert (await desk.visitor.post(again.group(1))).status_code == 303
    await subscriber.sweep_now()
    assert len(subscriber.receiver.messages) == before + 1
    page = await desk.page(path)
    assert "没有死信" in page
    assert "已送达" in page
    assert (await desk.visitor.post(f"{path}/end")).headers["location"] == BASE
    assert (await desk.visitor.get(path)).status_code == 404


async def test_another_departments_subscriptions_do_not_exist_and_an_auditor_only_looks(desk: Desk) -> None:
    path = (await desk.subscribe()).headers["location"]
    async with visitor(desk.subscriber.place, desk.subscriber.hub) as stranger:
        await stranger.sign_in("stranger")
        assert path not in (await stranger.get(BASE)).text
        assert (await stranger.get(path)).status_code == 404
        for step in ("verify", "end"):
            assert (await stranger.post(f"{path}/{step}")).status_code == 404
        stolen = Desk(desk.subscriber, stranger)
        assert errors_of(await stolen.subscribe(once="form-2")) == ["请选择使用中的应用系统"]
    async with visitor(desk.subscriber.place, desk.subscriber.hub) as auditor:
        await auditor.sign_in("auditor")
        page = await auditor.get(path)
        assert page.status_code == 200
        assert "/end" not in page.text
        assert (await auditor.post(f"{path}/end")).status_code == 403
        assert (await auditor.get(f"{BASE}/new")).status_code == 403
