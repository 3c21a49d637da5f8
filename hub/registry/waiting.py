"""How much waits for a department: requests, disputes, demands, versions to approve, quarantines. Counts only."""

from typing import Any, Final

from sqlalchemy import Connection, Table, and_, func, select

from catalog.tables import InterfaceRow, table
from certificates.tables import CertificateActRow
from hub.access.actors import Actor, Role
from hub.access.staff_notices import count_new
from hub.clock import utc_now
from hub.collection.tables import CollectionBatchRow
from hub.exchange.drift import DRIFT
from hub.exchange.tables import BulkRunRow
from hub.registry.demands.states import State as DemandState
from hub.registry.notices import concerns
from hub.registry.requests.dispute_store import OPEN_STAGES
from hub.registry.requests.values import State
from hub.registry.tables import AlarmRow, DemandRow, GrantDisputeRow, GrantRequestRow, NoticeRow

_REQUESTS: Final = table(GrantRequestRow)
_DISPUTES: Final = table(GrantDisputeRow)
_DEMANDS: Final = table(DemandRow)
_INTERFACES: Final = table(InterfaceRow)
_BULK: Final = table(BulkRunRow)
_ALARMS: Final = table(AlarmRow)
_ACTS: Final = table(CertificateActRow)
_BATCHES: Final = table(CollectionBatchRow)
_SHARED: Final = table(NoticeRow)


def requests_to_answer(tx: Connection, actor: Actor) -> int:
    """Requests for access that wait for the owner."""
    return _count(tx, actor, _REQUESTS, _REQUESTS.c.state == State.SUBMITTED.value)


def open_disputes(tx: Connection, actor: Actor) -> int:
    """Disputes with the department as owner."""
    return _count(tx, actor, _DISPUTES, _DISPUTES.c.stage.in_([stage.value for stage in OPEN_STAGES]))


def demands_to_answer(tx: Connection, actor: Actor) -> int:
    """Demands in the department's queue."""
    return _count(tx, actor, _DEMANDS, _DEMANDS.c.state == DemandState.ASSIGNED.value)


def bulk_to_release(tx: Connection, actor: Actor) -> int:
    """Results of bulk runs that wait for somebody of the owner."""
    return _count(tx, actor, _BULK, _BULK.c.state == "finished")


def versions_to_approve(tx: Connection, actor: Actor) -> int:
    """Interface versions that were offered."""
    return _count(tx, actor, _INTERFACES, _INTERFACES.c.state == "test")


def acts_to_confirm(tx: Connection, actor: Actor) -> int:
    """Acts on licences that wait for a second person and have not lapsed."""
    return _count(tx, actor, _ACTS, and_(_ACTS.c.state == "waiting", _ACTS.c.expires_at > utc_now()))


def uploads_to_confirm(tx: Connection, actor: Actor) -> int:
    """Uploaded registers that wait for a second person."""
    return _count(tx, actor, _BATCHES, _BATCHES.c.state == "unconfirmed")


def quarantines(tx: Connection, actor: Actor) -> int:
    """Interface versions that drifted and are closed."""
    return _count(tx, actor, _ALARMS, and_(_ALARMS.c.kind == DRIFT, _ALARMS.c.lifted_at.is_(None)))


def unread_notices(tx: Connection, actor: Actor) -> int:
    """Notices that nobody they are for has read: about his account, and about what his department shares."""
    query = select(func.count()).select_from(_SHARED).where(concerns(actor), _SHARED.c.seen_at.is_(None))
    return count_new(tx, actor) + int(tx.execute(query).scalar_one())


def _count(tx: Connection, actor: Actor, rows: Table, where: Any) -> int:
    query = select(func.count()).select_from(rows).where(where)
    if not actor.roles & {Role.OPERATOR, Role.AUDITOR}:
        query = query.where(rows.c.owner_department_id == actor.department_id)
    return int(tx.execute(query).scalar_one())
