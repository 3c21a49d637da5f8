"""Whom an order is about, for those who sign it: the number with its middle struck out, sealed under the log's key.

By its hash alone they would sign what they cannot read. It is there whether or not the hub knows the person, is bound
to its order, and is never told to the operator, who may lift an order and signs none.
"""

from typing import Final

from sqlalchemy import Connection, update

from catalog.tables import table
from hub.access.actors import Actor, Role
from hub.citizens.late.tables import LateOrderRow
from hub.citizens.late.values import LEADERS, Order
from hub.issuing.shelf import masked_number
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import DataKey

_ROWS: Final = table(LateOrderRow)
_WHERE: Final = "late_orders:{}:whom"


def seal_whom(key: DataKey, order_id: str, id_type: str, number: str) -> bytes:
    """The struck-out number, for the row of this order and no other."""
    return _seal(key, order_id, masked_number(id_type, number))


def carry_whom(key: DataKey, before: Order, order_id: str) -> bytes | None:
    """The same person, for the row of the order that extends this one."""
    opened = _open(key, before)
    return _seal(key, order_id, opened) if opened else None


def whom(key: DataKey, order: Order, actor: Actor) -> str:
    """The struck-out number, for the auditor and those of the department who sign; empty for everybody else, and for an
    order of an earlier release, or about somebody who was erased, which has none.
    """
    leads = actor.department_id == order.department_id and bool(actor.roles & LEADERS)
    return _open(key, order) if leads or Role.AUDITOR in actor.roles else ""


def forget_whom(tx: Connection, lookup_hash: bytes) -> None:
    """With the person, who is erased: his orders stay, by a keyed hash; nobody is shown his number any more."""
    tx.execute(update(_ROWS).where(_ROWS.c.lookup_hash == lookup_hash).values(whom=None))


def _seal(key: DataKey, order_id: str, text: str) -> bytes:
    return key.encrypt(_WHERE.format(order_id), text.encode())


def _open(key: DataKey, order: Order) -> str:
    if order.whom is None:
        return ""
    try:
        return key.decrypt(_WHERE.format(order.id), order.whom).decode()
    except IntegrityBrokenError:  # nothing rests on it: whom it is about, the hash under the MAC says
        return ""
