"""What every step of a bulk run has in common: whose it is, what was ordered, what it leaves on the ledger."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from hub.access.service import Caller
from hub.exchange.bulk import store
from hub.exchange.bulk.files import order_place
from hub.exchange.bulk.order import BulkOrder
from hub.exchange.bulk.store import Run, RunState
from hub.ledger.entries import Draft, Sealed, append, seal
from hub.storage.errors import MissingError
from hub.storage.vault import DataKey, Vault
from signing.canonical import strict_loads


def own_run(tx: Connection, vault: Vault, caller: Caller, run_id: str, *, lock: bool = False) -> Run:
    """A run of this system, its guard checked. Raises: MissingError for anybody else's; IntegrityBrokenError."""
    run = store.find_run(tx, run_id, lock=lock)
    if run is None or run.system_id != caller.system_id or run.state is RunState.RECEIVING:
        raise MissingError("bulk run")
    store.check_run(tx, vault, run)
    return run


def write_entry(tx: Connection, run: Run, kind: str, detail: dict[str, Any], key: DataKey, now: datetime) -> Sealed:
    """Put a change of a run on the ledger, in the transaction that makes it; the run's row names this entry then."""
    draft = Draft(
        kind=kind,
        detail=detail | {"client_id": run.client_id},
        key=key,
        case_id=run.case_id,
        object_id=run.id,
        object_version=run.row_version + 1,
    )
    entry = seal(draft, now=now)
    append(tx, [entry])
    return entry


def order_of(run: Run, key: DataKey) -> BulkOrder:
    """The order of a stored run. Its fields are those the grant gave when it began. Raises: IntegrityBrokenError."""
    sealed = strict_loads(key.decrypt(order_place(run.id), run.sealed), max_bytes=1_048_576)
    return BulkOrder(
        interface="" if "matter" in run.ordered else run.interface,
        matter=run.ordered.get("matter"),
        requirements=tuple(run.ordered["requirements"]) if "matter" in run.ordered else None,
        case_no=run.case_no,
        purpose=run.ordered["purpose"],
        officer=sealed["officer"],
        fields=tuple(run.ordered["fields"]),
        params=sealed["params"],
        language=run.ordered["language"],
    )
