"""Queries over pulls 取证请求: claimed under a lease, decided, done. Whoever lost the lease writes nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, and_, bindparam, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from catalog.tables import table
from hub.intake.tables import EvidenceRequestRow
from hub.storage.errors import RepeatedKeyError

_REQUESTS: Final = table(EvidenceRequestRow)
_REQUEST_BY_KEY: Final = select(_REQUESTS).where(
    and_(_REQUESTS.c.system_id == bindparam("system_id"), _REQUESTS.c.idempotency_key == bindparam("key"))
)
_INSERT_REQUEST: Final = insert(_REQUESTS)
_INSERT_ONCE: Final = {
    name: dialect.insert(_REQUESTS)
    .on_conflict_do_nothing(index_elements=["system_id", "idempotency_key"])
    .returning(_REQUESTS.c.id)
    for name, dialect in (("postgresql", postgresql), ("sqlite", sqlite))
}
_DECIDE: Final = (
    update(_REQUESTS)
    .where(
        and_(
            _REQUESTS.c.id == bindparam("request"),
            _REQUESTS.c.lease == bindparam("held"),
            _REQUESTS.c.state == "claimed",
        )
    )
    .values(state="decided", answer=bindparam("payload"), decided_at=bindparam("at"), grants=bindparam("used"))
)
_KEEP: Final = (
    update(_REQUESTS)
    .where(
        and_(
            _REQUESTS.c.id == bindparam("request"),
            _REQUESTS.c.lease == bindparam("held"),
            _REQUESTS.c.state == "claimed",
        )
    )
    .values(answer=bindparam("payload"), decided_at=bindparam("at"), grants=bindparam("used"))
)
_DONE: Final = (
    update(_REQUESTS)
    .where(
        and_(
            _REQUESTS.c.id == bindparam("request"),
            _REQUESTS.c.lease == bindparam("held"),
            _REQUESTS.c.state == "decided",
        )
    )
    .values(state="done", answer=bindparam("payload"))
)


@dataclass(frozen=True, slots=True)
class EvidenceRequest:
    """A pull as stored."""

    id: str
    case_id: str
    system_id: str
    request_hash: str
    state: str
    lease: str
    lease_until: datetime
    grants: list[str]
    answer: bytes | None
    """Of a claimed one, what was decided of it so far; of a decided one all, unsigned; then the signed bytes."""
    created_at: datetime
    kind: str = "evidence"

    @property
    def begun(self) -> bool:
        """Whether some of it was decided, and the rest was not."""
        return self.state == "claimed" and self.answer is not None


def claim_request(tx: Connection, row: Mapping[str, Any]) -> None:
    """Write a claimed request. Raises: RepeatedKeyError when its Idempotency-Key is taken."""
    if row["idempotency_key"] is None:
        # Nothing to repeat. The other statement is compiled at every call: SQLAlchemy caches no "on conflict".
        tx.execute(_INSERT_REQUEST, dict(row))
    elif tx.execute(_INSERT_ONCE[tx.dialect.name], dict(row)).first() is None:
        raise RepeatedKeyError("evidence_requests")


def decide_request(
    tx: Connection, request_id: str, lease: str, *, payload: bytes, grants: list[str], now: datetime
) -> bool:
    """Claimed → decided, for whoever holds the lease; False for a loser, who must write nothing."""
    values = {"request": request_id, "held": lease, "payload": payload, "used": grants, "at": now}
    return tx.execute(_DECIDE, values).rowcount == 1


def keep_part(tx: Connection, request_id: str, lease: str, *, payload: bytes, grants: list[str], now: datetime) -> bool:
    """What was decided so far of a request that is still on its way; False for a loser, who must write nothing."""
    values = {"request": request_id, "held": lease, "payload": payload, "used": grants, "at": now}
    return tx.execute(_KEEP, values).rowcount == 1


def finish_request(tx: Connection, request_id: str, lease: str, *, payload: bytes) -> bool:
    """Decided → done, with the answer's bytes."""
    return tx.execute(_DONE, {"request": request_id, "held": lease, "payload": payload}).rowcount == 1


def forget_request(tx: Connection, request_id: str, lease: str) -> None:
    """Take back a claim under which nothing was decided."""
    mine = and_(_REQUESTS.c.id == request_id, _REQUESTS.c.lease == lease, _REQUESTS.c.state == "claimed")
    tx.execute(delete(_REQUESTS).where(mine))


def take_over(tx: Connection, request_id: str, *, old_lease: str, lease: str, until: datetime) -> bool:
    """Take a request whose holder died."""
    where = and_(_REQUESTS.c.id == request_id, _REQUESTS.c.lease == old_lease)
    return tx.execute(update(_REQUESTS).where(where).values(lease=lease, lease_until=until)).rowcount == 1


def renew(tx: Connection, request_id: str, lease: str, *, until: datetime) -> bool:
    """Keep an unfinished request in hand; False for who has lost it."""
    mine = and_(_REQUESTS.c.id == request_id, _REQUESTS.c.lease == lease, _REQUESTS.c.state != "done")
    return tx.execute(update(_REQUESTS).where(mine).values(lease_until=until)).rowcount == 1


def let_go(tx: Connection, request_id: str, lease: str, *, until: datetime) -> None:
    """Who holds an unfinished request gives it up, so that nobody waits for him."""
    mine = and_(_REQUESTS.c.id == request_id, _REQUESTS.c.lease == lease, _REQUESTS.c.state == "claimed")
    tx.execute(update(_REQUESTS).where(mine).values(lease_until=until))


def drop_key(tx: Connection, request: EvidenceRequest, *, lease: str) -> bool:
    """Free the Idempotency-Key of a request and take its lease away; False when it went on since it was read."""
    unchanged = and_(
        _REQUESTS.c.id == request.id, _REQUESTS.c.lease == request.lease, _REQUESTS.c.state == request.state
    )
    return tx.execute(update(_REQUESTS).where(unchanged).values(idempotency_key=None, lease=lease)).rowcount == 1


def find_request(tx: Connection, request_id: str, system_id: str) -> EvidenceRequest | None:
    """A request of this system."""
    where = and_(_REQUESTS.c.id == request_id, _REQUESTS.c.system_id == system_id)
    row = tx.execute(select(_REQUESTS).where(where)).one_or_none()
    return None if row is None else _request(row)


def find_request_by_key(tx: Connection, system_id: str, key: str) -> EvidenceRequest | None:
    """The request that this Idempotency-Key made."""
    row = tx.execute(_REQUEST_BY_KEY, {"system_id": system_id, "key": key}).one_or_none()
    return None if row is None else _request(row)


def requests_in(tx: Connection, state: str, limit: int, *, after: str | None = None) -> list[EvidenceRequest]:
    """Requests in this state, oldest first; the page behind the row `after`."""
    where = _REQUESTS.c.state == state
    if after is not None:
        where = and_(where, _REQUESTS.c.id > after)
    return [_request(row) for row in tx.execute(select(_REQUESTS).where(where).order_by(_REQUESTS.c.id).limit(limit))]


def cut_off(tx: Connection, limit: int, *, now: datetime, after: str | None = None) -> list[EvidenceRequest]:
    """Requests of which something was decided and whose holder died, oldest first; the page behind the row `after`."""
    where = and_(_REQUESTS.c.state == "claimed", _REQUESTS.c.answer.is_not(None), _REQUESTS.c.lease_until < now)
    if after is not None:
        where = and_(where, _REQUESTS.c.id > after)
    return [_request(row) for row in tx.execute(select(_REQUESTS).where(where).order_by(_REQUESTS.c.id).limit(limit))]


def _request(row: Row[Any]) -> EvidenceRequest:
    return EvidenceRequest(
        id=row.id,
        case_id=row.case_id,
        system_id=row.system_id,
        request_hash=row.request_hash,
        state=row.state,
        lease=row.lease,
        lease_until=row.lease_until,
        grants=row.grants,
        answer=row.answer,
        created_at=row.created_at,
        kind=row.kind,
    )
