"""What is remembered for a time only: kept as long as it is needed, then gone, in steps, through an index."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Table, func, insert, select, text, update

from catalog.store import find_system_id
from catalog.tables import table
from certificates.lifecycle.states import Operation
from hub.clock import new_id
from hub.exchange.retention import STEP, STEPS
from hub.exchange.tables import PushedBatchRow, SubscriptionRow, UseRow, WebhookRow
from hub.storage.tables import IdempotencyRow
from tests.exchange.pushing import CODE, body, register
from tests.exchange.subscriber import Subscriber
from tests.support import INTAKE, NARROW

USES, MESSAGES, SUBSCRIPTIONS = table(UseRow), table(WebhookRow), table(SubscriptionRow)
BATCHES, KEYS = table(PushedBatchRow), table(IdempotencyRow)


def ago(days: float) -> datetime:
    return datetime.now(UTC) - timedelta(days=days)


async def count(subscriber: Subscriber, rows: Table) -> int:
    query = select(func.count()).select_from(rows)
    return await subscriber.hub.database.read(lambda tx: int(tx.execute(query).scalar_one()))


async def age(subscriber: Subscriber, rows: Table, **values: Any) -> None:
    await subscriber.hub.database.write(lambda tx: tx.execute(update(rows).values(**values)))


async def add_uses(subscriber: Subscriber, client_id: str, *, days: float, number: int = 1) -> None:
    """Uses of nothing in particular by a system, so long ago."""

    def unit(tx: Any) -> None:
        system = find_system_id(tx, client_id)
        row = {"mark": "certificate:x", "system_id": system, "case_no": "c", "used_at": ago(days)}
        tx.execute(insert(USES), [row | {"id": new_id(), "ledger_entry_id": new_id()} for _ in range(number)])

    await subscriber.hub.database.write(unit)


async def test_a_use_is_kept_while_its_system_subscribes_and_a_change_is_still_heard_of(subscriber: Subscriber) -> None:
    subscription = await subscriber.subscribed()
    case_no, _ = await subscriber.use()
    await age(subscriber, USES, used_at=ago(200))
    await add_uses(subscriber, NARROW, days=200)  # nobody would be told of it
    await add_uses(subscriber, NARROW, days=80)  # whoever subscribes tomorrow would
    assert await subscriber.hub.retention.sweep() == 1
    await subscriber.change(Operation.REVOKE)
    assert [message["case_no"] for message in subscriber.receiver.messages] == [case_no]
    await subscriber.client.delete(f"/api/v1/subscriptions/{subscription}", headers=subscriber.headers)
    await subscriber.hub.retention.sweep()
    assert await count(subscriber, USES) == 1


@pytest.mark.parametrize("template", ["sqlite"], indirect=True)
async def test_even_a_subscribers_uses_end_with_the_operators_period(subscriber: Subscriber) -> None:
    await subscriber.subscribed()
    await add_uses(subscriber, INTAKE, days=1094)
    await add_uses(subscriber, INTAKE, days=1096)
    assert await subscriber.hub.retention.sweep() == 1
    assert await count(subscriber, USES) == 1


async def test_messages_go_when_they_are_settled_and_old_then_their_ended_subscription(subscriber: Subscriber) -> None:
    subscription = await subscriber.subscribed()
    await subscriber.use()
    await subscriber.change(Operation.SUSPEND)
    subscriber.receiver.mood = "fail"
    await subscriber.change(Operation.RESUME)  # waits for its second attempt
    await age(subscriber, MESSAGES, changed_at=ago(29))
    assert await subscriber.hub.retention.sweep() == 0
    await age(subscriber, MESSAGES, changed_at=ago(31))
    assert await subscriber.hub.retention.sweep() == 1
    [left] = await subscriber.messages(subscription)
    assert left["state"] == "waiting"
    await subscriber.client.delete(f"/api/v1/subscriptions/{subscription}", headers=subscriber.headers)
    assert await subscriber.hub.retention.sweep() == 1
    assert (await count(subscriber, MESSAGES), await count(subscriber, SUBSCRIPTIONS)) == (0, 1)
    await age(subscriber, SUBSCRIPTIONS, changed_at=ago(31))
    assert await subscriber.hub.retention.sweep() == 1
    assert await count(subscriber, SUBSCRIPTIONS) == 0


async def test_receipts_of_batches_and_used_keys_go_and_an_old_key_acts_anew(subscriber: Subscriber) -> None:
    hub, client = subscriber.hub, subscriber.client
    await register(hub)
    row = {"uscc": "91990100MA00000019", "name": "示例", "status": "存续"}

    async def push() -> dict[str, Any]:
        keyed = subscriber.headers | {"Idempotency-Key": "batch-1"}
        answer = await client.post(f"/api/v1/sources/{CODE}/rows", json=sent, headers=keyed)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    sent = body(row, as_of=ago(3))
    first = await push()
    assert (await push())["batch"] == first["batch"]
    await age(subscriber, KEYS, created_at=ago(1.1))
    later = await push()  # the key's day is over, whether or not it was swept yet
    assert (later["batch"] != first["batch"], later["unchanged"]) == (True, 1)
    await age(subscriber, BATCHES, received_at=ago(91))
    await age(subscriber, KEYS, created_at=ago(0.9))
    assert await hub.retention.sweep() == 2
    assert (await count(subscriber, BATCHES), await count(subscriber, KEYS)) == (0, 1)
    await age(subscriber, KEYS, created_at=ago(1.1))
    assert await hub.retention.sweep() == 1


@pytest.mark.parametrize("template", ["sqlite"], indirect=True)
async def test_a_turn_is_bounded_and_the_next_goes_on(subscriber: Subscriber) -> None:
    everything = STEP * STEPS + 3
    await add_uses(subscriber, NARROW, days=200, number=everything)
    assert await subscriber.hub.retention.sweep() == STEP * STEPS
    assert await subscriber.hub.retention.sweep() == 3
    assert await subscriber.hub.retention.sweep() == 0


@pytest.mark.parametrize("template", ["sqlite"], indirect=True)
async def test_no_step_reads_a_table_from_end_to_end(subscriber: Subscriber) -> None:
    """Of the database's own plans: every table that grows is searched by an index."""
    seen: list[str] = []

    def plans(tx: Any) -> None:
        driver = tx.connection.driver_connection
        driver.set_trace_callback(seen.append)

    await subscriber.hub.database.read(plans)
    await subscriber.hub.retention.sweep()
    questions = [statement for statement in seen if statement.startswith("SELECT")]
    assert len(questions) == 5
    found = await subscriber.hub.database.read(
        lambda tx: [row.detail for each in questions for row in tx.execute(text(f"EXPLAIN QUERY PLAN {each}"))]
    )
    scanned = [plan for plan in found if plan.startswith("SCAN") and not plan.startswith(("SCAN systems", "SCAN subs"))]
    assert scanned == []
