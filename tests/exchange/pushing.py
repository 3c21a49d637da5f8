"""A pushing source in the small hub of the tests, and batches for it."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from catalog.source_store import add_source, find_source
from catalog.store import find_department
from hub.access.actors import COMMAND
from hub.clock import new_id
from hub.exchange.pushed.receiving import Batch, BatchResult
from hub.registry.guarding import guard_source
from hub.runtime import Hub
from tests.support import AMR

CODE = "amr-push"
DATASETS: dict[str, Any] = {
    "enterprises": {"key": ["uscc"], "lookups": [["name"], ["region"]]},
    "short": {"key": ["uscc"], "keep_days": 30},
    "fresh": {"key": ["uscc"], "fresh_days": 3},
    "pairs": {"key": ["person", "year"]},
}
NOON = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)


async def register(hub: Hub, code: str = CODE, department: str = AMR, **changes: Any) -> str:
    """Add a source to the catalogue; answers its id."""
    source_id = new_id()
    definition = {
        "code": code,
        "department": department,
        "name": {"zh": "前置库", "en": "Pushed"},
        "kind": "push",
        "connection": {"datasets": DATASETS},
    } | changes

    def unit(tx: Any) -> None:
        owner = find_department(tx, department)
        assert owner is not None
        add_source(
            tx,
            id=source_id,
            code=code,
            owner_department_id=owner.id,
            kind=definition["kind"],
            definition=definition,
            state="active",
            row_version=1,
            created_at=hub.clock(),
            changed_at=hub.clock(),
        )
        guard_source(tx, hub.vault, source_id)

    await hub.database.write(unit)
    return source_id


async def redeclare(hub: Hub, datasets: dict[str, Any]) -> None:
    """Change the datasets of the source, as its department may at any time."""
    from catalog.source_store import change_source

    def unit(tx: Any) -> None:
        stored = find_source(tx, CODE)
        assert stored is not None
        declared = {**stored.declared, "connection": {"datasets": datasets}}
        assert change_source(tx, stored.id, row_version=stored.row_version, definition=declared)
        guard_source(tx, hub.vault, stored.id)

    await hub.database.write(unit)


def body(*rows: Any, dataset: str = "enterprises", as_of: datetime = NOON, **changes: Any) -> dict[str, Any]:
    return {"dataset": dataset, "key": ["uscc"], "as_of": as_of.isoformat(), "rows": list(rows)} | changes


async def push(
    hub: Hub, *rows: Any, dataset: str = "enterprises", as_of: datetime = NOON, **changes: Any
) -> BatchResult:
    """Push as the command line does."""
    digest = hashlib.sha256(json.dumps(rows, default=str).encode()).hexdigest()
    given: dict[str, Any] = {"dataset": dataset, "key": ("uscc",), "as_of": as_of, "rows": list(rows), "digest": digest}
    return await hub.pushed.receive(COMMAND, CODE, Batch(**(given | changes)))


async def found(hub: Hub, dataset: str = "enterprises", **keys: Any) -> list[dict[str, Any]]:
    return [dict(row) for row in (await hub.pushed.lookup(f"{CODE}/{dataset}", keys, 100)).rows]
