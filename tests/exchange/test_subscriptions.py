"""Subscriptions: whoever used something hears that it changed, signed, at a checked address, and nothing more."""

import base64
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from catalog.tables import table
from certificates.lifecycle.states import Operation
from hub.exchange.errors import WebhookError
from hub.exchange.subscriptions.delivery import PAUSES
from hub.exchange.subscriptions.webhooks import Receiver as Address
from hub.exchange.subscriptions.webhooks import Webhooks
from hub.exchange.tables import SubscriptionRow, UseRow
from hub.exchange.uses import Event, announce
from tests.exchange.conftest import INTERFACE, add_source, definition, grant, publish
from tests.exchange.pushing import CODE, body, register
from tests.exchange.receiver import listening
from tests.exchange.subscriber import EVENTS, OUTBOX, SECRET, Subscriber, work
from tests.support import ENTERPRISE, NARROW, PURPOSE, Place, enterprise_claims, free_port, issue, open_case, valid_uscc


async def test_the_address_is_asked_before_anything_is_written(subscriber: Subscriber) -> None:
    subscription = await subscriber.subscribed()
    [(headers, raw)] = subscriber.receiver.got
    assert json.loads(raw) == {"event": "subscription.verify", "challenge": subscription}
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + raw
    expected = base64.b64encode(hmac.digest(SECRET.encode(), signed, "sha256")).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    listed = (await subscriber.client.get("/api/v1/subscriptions", headers=subscriber.headers)).text
    assert subscription in listed
    assert "canary" not in listed
    row = await subscriber.hub.database.read(lambda tx: tx.execute(select(table(SubscriptionRow))).one())
    assert "canary" not in repr(tuple(row))


@pytest.mark.parametrize("mood", ["deaf", "fail", "redirect", "hang", "closed"])
@pytest.mark.sampled
async def test_an_address_that_does_not_answer_as_it_must_is_refused_whatever_is_there(
    subscriber: Subscriber, mood: str
) -> None:
    subscriber.receiver.mood = mood
    answer = await subscriber.subscribe(**({"url": f"http://127.0.0.1:{free_port()}/"} if mood == "closed" else {}))
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"pointer": "/url", "rule": "handshake"}]
    assert (await subscriber.client.get("/api/v1/subscriptions", headers=subscriber.headers)).json() == {
        "subscriptions": []
    }


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://169.254.169.254/latest/meta-data/", "egress"),
        ("https://169.254.169.254/", "egress"),
        ("https://[fd00:ec2::254]/", "egress"),
        ("http://1.1.1.1/", "egress"),
        ("https://2130706433/", "handshake"),
        ("https://user:pass@example.com/", "user_info"),
        ("ftp://example.com/", "url"),
    ],
)
@pytest.mark.sampled
async def test_addresses_that_nobody_may_name(subscriber: Subscriber, url: str, why: str) -> None:
    answer = await subscriber.subscribe(url=url)
    assert (answer.status_code, answer.json()["errors"][0]["rule"]) == (422, why)


async def test_the_networks_of_sources_are_none_of_subscribers(place: Place) -> None:
    async with (
        listening() as receiver,
        place.open(egress_networks=("127.0.0.0/8",)) as hub,
        place.client(hub) as client,
    ):
        someone = Subscriber(place, hub, client, await place.headers(client), receiver)
        for url in (receiver.url, f"https://localhost:{receiver.port}/", f"http://127.0.0.1:{free_port()}/"):
            rule = "egress" if "127" in url else "handshake"  # what a name leads to is not told
            assert (await someone.subscribe(url=url)).json()["errors"] == [{"pointer": "/url", "rule": rule}]
        with pytest.raises(WebhookError) as caught:
            await Webhooks(private_networks=()).send(
                Address(receiver.url, SECRET), {"event": "x"}, message_id="m", now=datetime.now(UTC)
            )
        assert caught.value.reason == "egress"
        assert receiver.got == []


async def test_a_host_of_a_source_is_not_asked(subscriber: Subscriber) -> None:
    await add_source(subscriber.hub, 1)
    assert (await subscriber.subscribe()).json()["errors"] == [{"pointer": "/url", "rule": "handshake"}]
    assert subscriber.receiver.got == []


@pytest.mark.parametrize("changes", [{"events": []}, {"events": ["other"]}, {"secret": "short"}, {"more": 1}])
@pytest.mark.sampled
async def test_a_wish_that_makes_no_sense_is_refused(subscriber: Subscriber, changes: dict[str, Any]) -> None:
    assert (await subscriber.subscribe(**changes)).status_code == 422
    assert subscriber.receiver.got == []


async def test_whoever_was_shown_a_licence_hears_what_becomes_of_it(subscriber: Subscriber) -> None:
    subscription = await subscriber.subscribed()
    case_no, item = await subscriber.use()
    for operation in (Operation.SUSPEND, Operation.RESUME, Operation.REVOKE):
        await subscriber.change(operation)
    told = subscriber.receiver.messages
    assert [message["event"] for message in told] == EVENTS[2:4] + EVENTS[1:2]
    assert {message["case_no"] for message in told} == {case_no}
    assert all(set(message) == {"id", "time", "event", "case_no", "receipt_entry"} for message in told)
    receipt = item["receipt"].split(".")[1]
    assert told[0]["receipt_entry"] in base64.urlsafe_b64decode(receipt + "==").decode()
    assert [message["state"] for message in await subscriber.messages(subscription)] == ["delivered"] * 3


async def test_a_newer_version_is_heard_of(subscriber: Subscriber) -> None:
    await subscriber.subscribed()
    await subscriber.use()
    await issue(subscriber.hub, enterprise_claims(address="示例市新区路2号"))
    await work(subscriber.hub)
    assert [message["event"] for message in subscriber.receiver.messages] == ["certificate.superseded"]


async def test_nobody_hears_of_what_was_not_his_or_not_wished(subscriber: Subscriber) -> None:
    await subscriber.subscribed(events=["certificate.superseded"])
    other = await subscriber.place.headers(subscriber.client, NARROW)
    wish = {"events": EVENTS, "url": subscriber.receiver.url, "secret": SECRET}
    assert (await subscriber.client.post("/api/v1/subscriptions", json=wish, headers=other)).status_code == 201
    await subscriber.use()
    await subscriber.change(Operation.SUSPEND)
    assert subscriber.receiver.messages == []


async def test_a_pushed_row_that_changes_is_heard_of_by_whoever_was_given_it(subscriber: Subscriber) -> None:
    hub, client, headers = subscriber.hub, subscriber.client, subscriber.headers
    await subscriber.subscribed()
    await register(hub)
    mapped = {"version": 1, "fields": {"uscc": {"from": "uscc", "as": "uscc"}, "name": "name", "status": "status"}}
    operation = {"dataset": "enterprises", "key": {"uscc": "uscc"}}
    fields = {name: each for name, each in definition()["fields"].items() if name in {"uscc", "name", "status"}}
    await publish(hub, definition(source=CODE, operation=operation, mapping=mapped, fields=fields))
    await hub.registry.add_grant(grant(fields=["uscc", "name"]))
    row = {"uscc": ENTERPRISE["id_number"], "name": ENTERPRISE["name"], "status": "存续"}

    async def push(days: int, **changes: Any) -> None:
        sent = body(row | changes, as_of=datetime.now(UTC) - timedelta(days=days))
        answer = await client.post(f"/api/v1/sources/{CODE}/rows", json=sent, headers=headers)
        assert answer.json()["rejected"] == [], answer.text
        await work(hub)

    await push(3)
    case_no = await open_case(client, headers)
    asked = {"case_no": case_no, "purpose": PURPOSE, "party": "applicant"}
    answer = await client.post(f"/api/v1/interfaces/{INTERFACE}/query", json=asked, headers=headers)
    assert answer.json()["outcome"] == "satisfied", answer.text
    await push(2)
    assert subscriber.receiver.messages == []
    await push(1, status="注销")
    [message] = subscriber.receiver.messages
    assert (message["event"], message["case_no"]) == ("record.changed", case_no)
    await push(0, uscc=valid_uscc("91990100MA7654321"))
    assert len(subscriber.receiver.messages) == 1


@pytest.mark.parametrize("mood", ["fail", "redirect"])
async def test_a_receiver_that_fails_is_tried_with_growing_pauses_then_listed_and_sent_again(
    subscriber: Subscriber, mood: str
) -> None:
    subscription = await subscriber.subscribed()
    await subscriber.use()
    subscriber.receiver.mood = mood
    await subscriber.change(Operation.SUSPEND)
    [waiting] = await subscriber.messages(subscription)
    assert (waiting["state"], waiting["attempts"]) == ("waiting", 1)
    assert waiting["last_error"] == {"fail": "status_500", "redirect": "faulty_redirect"}[mood]
    due = await subscriber.hub.database.read(lambda tx: tx.execute(select(OUTBOX.c.due_at)).scalars().all())
    assert max(due) > datetime.now(UTC) + PAUSES[0] / 2
    assert list(PAUSES) == sorted(PAUSES)
    for _ in PAUSES:
        await subscriber.sweep_now()
    [dead] = await subscriber.messages(subscription, "?state=dead")
    assert dead["attempts"] == len(PAUSES) + 1 == len(subscriber.receiver.messages)
    assert len({message["id"] for message in subscriber.receiver.messages}) == 1
    subscriber.receiver.mood = "ok"
    await subscriber.sweep_now()
    assert len(subscriber.receiver.messages) == len(PAUSES) + 1
    path = f"/api/v1/subscriptions/{subscription}/messages/{dead['message']}/replay"
    assert (await subscriber.client.post(path, headers=subscriber.headers)).status_code == 202
    await work(subscriber.hub)
    assert [item["state"] for item in await subscriber.messages(subscription)] == ["delivered"]
    assert subscriber.receiver.messages[-1]["id"] == dead["message"]


async def test_a_change_said_twice_is_one_message(subscriber: Subscriber) -> None:
    subscription = await subscriber.subscribed()
    await subscriber.use()
    mark = await subscriber.hub.database.read(lambda tx: tx.execute(select(table(UseRow).c.mark)).scalar_one())

    def twice(tx: Any) -> None:
        announce(tx, Event.REVOKED, [mark], now=datetime.now(UTC))
        job = tx.execute(select(OUTBOX)).one()
        tx.execute(OUTBOX.insert().values(**dict(job._mapping) | {"id": "0198a1b2-0000-7000-8000-000000000002"}))

    await work(subscriber.hub)
    await subscriber.hub.database.write(twice)
    await work(subscriber.hub)
    assert len(await subscriber.messages(subscription)) == 1


async def test_an_ended_subscription_hears_nothing_and_is_forgotten(subscriber: Subscriber) -> None:
    subscription = await subscriber.subscribed()
    await subscriber.use()
    other = await subscriber.place.headers(subscriber.client, NARROW)
    path = f"/api/v1/subscriptions/{subscription}"
    assert (await subscriber.client.delete(path, headers=other)).status_code == 404
    assert (await subscriber.client.get(f"{path}/messages", headers=other)).status_code == 404
    assert (await subscriber.client.get(f"{path}/messages")).status_code == 401
    assert (await subscriber.client.delete(path, headers=subscriber.headers)).status_code == 204
    await subscriber.change(Operation.REVOKE)
    assert subscriber.receiver.messages == []
    row = await subscriber.hub.database.read(lambda tx: tx.execute(select(table(SubscriptionRow))).one())
    assert (row.sealed, row.data_key) == (b"", b"")
    assert (await subscriber.client.delete(path, headers=subscriber.headers)).status_code == 404
