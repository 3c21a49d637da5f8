"""A subscription with a message of each state, and batches of each kind, written as the hub would write them."""

from datetime import timedelta
from typing import Any

from catalog.store import find_department
from hub.clock import new_id, utc_now
from hub.collection.batches import store as batch_store
from hub.exchange.subscriptions import store
from hub.exchange.subscriptions.store import MessageState, active_system
from hub.exchange.subscriptions.webhooks import Receiver
from hub.exchange.uses import Event
from hub.runtime import Hub
from signing.keys import SoftwareSigner
from tests.support import AMR, INTAKE, POLICE

HEARS = "police-hears"


async def subscribed(hub: Hub) -> str:
    """Answers the subscription of a police system; made once."""
    if (known := await hub.database.read(lambda tx: active_system(tx, HEARS))) is None:
        key = SoftwareSigner.generate().public.jwk
        system = {"department": POLICE, "client_id": HEARS, "name": {"zh": "窗口受理", "en": "Counter"}, "keys": [key]}
        await hub.registry.add_system(system)
        known = await hub.database.read(lambda tx: active_system(tx, HEARS))
    assert known is not None
    system_id, department_id = known
    subscription_id, now = new_id(), utc_now()

    def unit(tx: Any) -> str:
        if found := store.subscriptions_of(tx, hub.vault, system_id):
            return found[0].id
        store.add_subscription(
            tx,
            hub.vault,
            subscription_id=subscription_id,
            receiver=Receiver("https://hooks.example/hub?token=canary-token", "canary-secret-0123456789-0123456789"),
            system_id=system_id,
            owner_department_id=department_id,
            events=[event.value for event in Event],
            host="hooks.example",
            created_at=now,
            changed_at=now,
        )
        ends = ((MessageState.DELIVERED, ""), (MessageState.WAITING, "status_500"), (MessageState.DEAD, "tls_expired"))
        for event, (state, error) in zip(Event, ends, strict=False):
            ids = {name: new_id() for name in ("id", "change_id", "ledger_entry_id")}
            said = {"event": event.value, "case_no": "20261122000001", "subscription_id": subscription_id}
            store.add_message(tx, ids | said, now=now)
            store.change_message(tx, ids["id"], now=now, state=state, attempts=1, last_error=error)
        return subscription_id

    return await hub.database.write(unit)


async def batches(hub: Hub) -> dict[str, str]:
    """Batches of the market regulation's system by state: one under way, one ended with rejects, one unreadable."""
    department = await hub.database.read(lambda tx: find_department(tx, AMR))
    system = await hub.database.read(lambda tx: active_system(tx, INTAKE))
    assert department is not None
    assert system is not None
    now = utc_now()
    totals = {"issued": 40, "updated": 3, "unchanged": 2, "rejected": 5, "normalised": 1}
    ends: dict[str, dict[str, Any]] = {
        "running": {"done_bytes": 450, "totals": totals},
        "finished": {"reasons": {"check_digit": 4, "missing": 2}, "totals": totals, "report_pieces": 0},
        "failed": {"problem": {"code": "unknown_columns", "columns": ["统一社会信用代码", "企业名称"]}},
    }

    def unit(tx: Any) -> dict[str, str]:
        made = {}
        for state, values in ends.items():
            key = hub.vault.new_data_key()
            made[state] = new_id()
            ordered = {
                "type": "11990000MB0000002Q001",
                "issuer": AMR,
                "as_of": "2026-11-20T00:00:00Z",
                "format": "csv",
                "sheet": None,
                "mapping": None,
                "total_bytes": None,
                "sha256": None,
            }
            batch_store.add_batch(
                tx,
                id=made[state],
                owner_department_id=department.id,
                system_id=system[0],
                ordered=ordered,
                data_key=key.wrapped,
                kek_kid=key.kek_kid,
                created_at=now,
                changed_at=now,
                expires_at=now + timedelta(days=30),
            )
            batch_store.change_batch(tx, made[state], now=now, state=state, size_bytes=1000, **values)
        return made

    return await hub.database.write(unit)
