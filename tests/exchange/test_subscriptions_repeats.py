"""The two POSTs of subscriptions under an Idempotency-Key: the same key never acts twice, twins included."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, update

from catalog.tables import table
from certificates.lifecycle.states import Operation
from hub.exchange.subscriptions.delivery import PAUSES
from hub.exchange.tables import SubscriptionRow
from hub.storage.idempotency import KEPT
from hub.storage.tables import IdempotencyRow
from tests.exchange.subscriber import EVENTS, OUTBOX, SECRET, Subscriber, work

KEYS = table(IdempotencyRow)
SUBSCRIPTIONS = table(SubscriptionRow)


async def count(subscriber: Subscriber) -> int:
    query = select(func.count()).select_from(SUBSCRIPTIONS)
    return await subscriber.hub.database.read(lambda tx: int(tx.execute(query).scalar_one()))


async def age_keys(subscriber: Subscriber) -> None:
    """A day and a minute pass."""
    then = datetime.now(UTC) - KEPT - timedelta(minutes=1)
    await subscriber.hub.database.write(lambda tx: tx.execute(update(KEYS).values(created_at=then)))


async def test_a_repeat_of_subscribing_gives_the_first_subscription_and_asks_nobody(subscriber: Subscriber) -> None:
    keyed = subscriber.headers | {"Idempotency-Key": "k1"}
    wish = {"events": EVENTS, "url": subscriber.receiver.url, "secret": SECRET}

    async def post(**changes: object) -> tuple[int, str]:
        answer = await subscriber.client.post("/api/v1/subscriptions", json=wish | changes, headers=keyed)
        return answer.status_code, str(answer.json().get("subscription") or answer.json()["type"].rpartition("/")[2])

    status, first = await post()
    subscriber.receiver.mood = "fail"  # a repeat does not depend on the receiver being there
    assert (status, await post()) == (201, (201, first))
    assert await post(events=EVENTS[:1]) == (409, "idempotency-key-reused")
    assert (await count(subscriber), len(subscriber.receiver.got)) == (1, 1)
    ended = await subscriber.client.delete(f"/api/v1/subscriptions/{first}", headers=keyed)
    assert ended.status_code == 204
    assert (await post())[0] == 404  # what it made is gone; it makes no other
    assert await count(subscriber) == 1
    subscriber.receiver.mood = "ok"
    await age_keys(subscriber)
    status, second = await post()
    assert (status, second == first) == (201, False)


@pytest.mark.both
async def test_twins_of_subscribing_make_one_subscription(subscriber: Subscriber) -> None:
    keyed = subscriber.headers | {"Idempotency-Key": "twins"}
    wish = {"events": EVENTS, "url": subscriber.receiver.url, "secret": SECRET}
    posts = [subscriber.client.post("/api/v1/subscriptions", json=wish, headers=keyed) for _ in range(5)]
    answers = await asyncio.gather(*posts)
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["subscription"] for answer in answers}) == 1
    assert await count(subscriber) == 1


async def test_a_repeat_of_a_replay_sends_nothing_more(subscriber: Subscriber) -> None:
    subscription = await subscriber.subscribed()
    await subscriber.use()
    subscriber.receiver.mood = "fail"
    await subscriber.change(Operation.SUSPEND)
    for _ in PAUSES:
        await subscriber.sweep_now()
    [dead] = await subscriber.messages(subscription, "?state=dead")
    subscriber.receiver.mood = "ok"
    before = len(subscriber.receiver.messages)
    keyed = subscriber.headers | {"Idempotency-Key": "again"}
    path = f"/api/v1/subscriptions/{subscription}/messages/{dead['message']}/replay"
    posts = [subscriber.client.post(path, headers=keyed) for _ in range(4)]
    assert {answer.status_code for answer in await asyncio.gather(*posts)} == {202}
    await work(subscriber.hub)
    assert (await subscriber.client.post(path, headers=keyed)).status_code == 202
    assert await subscriber.hub.database.read(lambda tx: tx.execute(select(OUTBOX.c.id)).first()) is None
    assert len(subscriber.receiver.messages) == before + 1
    await age_keys(subscriber)
    assert (await subscriber.client.post(path, headers=keyed)).status_code == 202
    await work(subscriber.hub)
    assert len(subscriber.receiver.messages) == before + 2


async def test_each_step_from_a_change_to_its_message_nudges_the_next(subscriber: Subscriber) -> None:
    """The worker looks by itself once an hour: whatever is told was told of when it was committed."""
    await subscriber.subscribed()
    await subscriber.use()
    await work(subscriber.hub)
    serving = asyncio.create_task(subscriber.hub.jobs.serve(every_seconds=3600))
    try:
        await asyncio.sleep(0)
        identifier = await subscriber.identifier()
        await subscriber.hub.status.change(identifier, Operation.SUSPEND, reason="r", legal_basis="l")
        async with asyncio.timeout(10):
            await subscriber.receiver.told.wait()
    finally:
        subscriber.hub.jobs.stop()
        await serving
    assert [message["event"] for message in subscriber.receiver.messages] == ["certificate.suspended"]
