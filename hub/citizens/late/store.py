"""Orders in the database. What is read is believed with its MAC and the ledger's latest entry alone."""

from dataclasses import replace
from datetime import datetime
from typing import Any, Final

import structlog
from sqlalchemy import Connection, Row, Select, insert, select, update

from catalog.tables import table
from hub.citizens.late.tables import LateOrderRow
from hub.citizens.late.values import Order, Reason, State
from hub.ledger.entries import Sealed, append
from hub.ledger.guards import latest_changes
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import Vault

WHERE: Final = "late_orders"
_ROWS: Final = table(LateOrderRow)
_LISTED: Final = 200
_log = structlog.get_logger(__name__)


def of_person(tx: Connection, vault: Vault, lookup_hash: bytes) -> list[Order]:
    """Orders about this number that are, or were, in force. One whose row somebody else wrote is none."""
    return _sound(tx, vault, select(_ROWS).where(_ROWS.c.lookup_hash == lookup_hash, _ROWS.c.since.is_not(None)))


def due(tx: Connection, vault: Vault, now: datetime) -> list[Order]:
    """All orders in force whose end has come. One whose row somebody else wrote is none, and keeps no other waiting."""
    return _sound(tx, vault, select(_ROWS).where(_ROWS.c.state == State.LIVE.value, _ROWS.c.until <= now))


def listed(tx: Connection, vault: Vault, department_id: str | None) -> list[Order]:
    """The newest 200 of this department, or of all."""
    query = select(_ROWS).order_by(_ROWS.c.id.desc()).limit(_LISTED)
    return _sound(
        tx, vault, query if department_id is None else query.where(_ROWS.c.owner_department_id == department_id)
    )


def since(tx: Connection, vault: Vault, moment: datetime) -> list[Order]:
    """All that were signed since this moment, or are in force."""
    signed = (_ROWS.c.since >= moment) | (_ROWS.c.ended_at >= moment) | (_ROWS.c.state == State.LIVE.value)
    return _sound(tx, vault, select(_ROWS).where(signed, _ROWS.c.since.is_not(None)))


def one(tx: Connection, vault: Vault, order_id: str) -> Order | None:
    """One, not locked. One whose row somebody else wrote is none."""
    return next(iter(_sound(tx, vault, select(_ROWS).where(_ROWS.c.id == order_id))), None)


def held(tx: Connection, vault: Vault, order_id: str) -> Order | None:
    """One, locked. Raises: IntegrityBrokenError: somebody else wrote its row."""
    row = tx.execute(select(_ROWS).where(_ROWS.c.id == order_id).with_for_update()).one_or_none()
    if row is None:
        return None
    order = _order(row)
    _check(vault, order, latest_changes(tx, [order.id]))
    return order


def write(tx: Connection, vault: Vault, order: Order, entry: Sealed, *, new: bool) -> Order:
    """Write it with the entry that says so."""
    order = replace(order, ledger_entry_id=entry.id)
    order = replace(order, mac=vault.row_mac(order.meaning()))
    append(tx, [entry])
    values = {name: getattr(order, name) for name in LateOrderRow.model_fields if name != "owner_department_id"}
    values |= {"owner_department_id": order.department_id, "reason": order.reason.value, "state": order.state.value}
    tx.execute(insert(_ROWS).values(**values) if new else update(_ROWS).where(_ROWS.c.id == order.id).values(**values))
    return order


def _sound(tx: Connection, vault: Vault, query: Select[Any]) -> list[Order]:
    found = [_order(row) for row in tx.execute(query)]
    latest = latest_changes(tx, [order.id for order in found]) if found else {}
    sound = []
    for order in found:
        try:
            _check(vault, order, latest)
        except IntegrityBrokenError:  # rather shown early than hidden by who must not
            _log.error("guarded_row_broken", alarm=True, where=WHERE)
        else:
            sound.append(order)
    return sound


def _check(vault: Vault, order: Order, latest: dict[str, tuple[str, int]]) -> None:
    vault.check_row_mac(order.meaning(), order.mac, where=WHERE)
    if latest.get(order.id) != (order.ledger_entry_id, order.row_version):
        raise IntegrityBrokenError(WHERE)


def _order(row: Row[Any]) -> Order:
    values: dict[str, Any] = dict(zip(row._fields, row, strict=True))
    department_id = values.pop("owner_department_id")
    try:
        reason, state = Reason(values.pop("reason")), State(values.pop("state"))
    except ValueError:  # of no release: its MAC cannot be right
        reason, state, values["mac"] = Reason.CRIME, State.REFUSED, b""
    return Order(department_id=department_id, reason=reason, state=state, **values)
