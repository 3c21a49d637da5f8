"""Queries over cases, parties and evidence requests, always filtered by the system that owns them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, and_, bindparam, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from catalog.tables import DepartmentRow, SystemKeyRow, SystemRow, table
from hub.intake.tables import CasePartyRow, CaseRow, EvidenceRequestRow
from hub.storage.errors import RepeatedKeyError

_CASES: Final = table(CaseRow)
_PARTIES: Final = table(CasePartyRow)
_REQUESTS: Final = table(EvidenceRequestRow)
_SYSTEMS: Final = table(SystemRow)
_KEYS: Final = table(SystemKeyRow)
_DEPARTMENTS: Final = table(DepartmentRow)

_CASE: Final = (
    select(
        _CASES,
        _SYSTEMS.c.active.label("system_active"),
        _KEYS.c.active.label("key_active"),
        _DEPARTMENTS.c.code.label("department_code"),
    )
    .join(_SYSTEMS, _SYSTEMS.c.id == _CASES.c.system_id)
    .join(_DEPARTMENTS, _DEPARTMENTS.c.id == _CASES.c.owner_department_id)
    .outerjoin(_KEYS, and_(_KEYS.c.system_id == _SYSTEMS.c.id, _KEYS.c.kid == bindparam("kid")))
    .where(_CASES.c.case_no == bindparam("case_no"))
)
_PARTIES_OF: Final = select(_PARTIES).where(_PARTIES.c.case_id == bindparam("case_id")).order_by(_PARTIES.c.role)
_OF_SYSTEM: Final = _CASES.join(_SYSTEMS, _SYSTEMS.c.id == _CASES.c.system_id)
_CASE_STANDING: Final = (
    select(_CASES.c.state, _SYSTEMS.c.active.label("system_active"))
    .select_from(_OF_SYSTEM)
    .where(_CASES.c.id == bindparam("case_id"))
    .with_for_update(read=True, of=[_CASES, _SYSTEMS])
)
_CASE_STANDING_BY_KEY: Final = (
    select(_CASES.c.state, _SYSTEMS.c.active.label("system_active"), _KEYS.c.active.label("key_active"))
    .select_from(_OF_SYSTEM.join(_KEYS, _KEYS.c.system_id == _SYSTEMS.c.id))
    .where(and_(_CASES.c.id == bindparam("case_id"), _KEYS.c.kid == bindparam("kid")))
    .with_for_update(read=True, of=[_CASES, _SYSTEMS, _KEYS])
)
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
class Case:
    """A case as stored. The parties' identities are ciphertext."""

    id: str
    case_no: str
    system_id: str
    department_id: str
    department_code: str
    key_active: bool
    """The system may act, by the key that `find_case` was asked with."""
    external_no: str
    matter_id: str
    matter_code: str
    kind: str
    channel: str
    state: str
    subjects: list[dict[str, str]]
    corroboration: list[dict[str, str]]
    operator: bytes
    """Encrypted under the case's key: see `operator_place`."""
    data_key: bytes
    kek_kid: str
    opened_at: datetime
    closed_at: datetime | None


@dataclass(frozen=True, slots=True)
class SealedIdentity:
    """Name and number of a party, encrypted under the case's key: see `identity_place`."""

    id: str
    identity: bytes


@dataclass(frozen=True, slots=True)
class Party:
    """A party of a case, found by keyed hashes; both are None for a person without an ID."""

    role: str
    id_type: str | None
    lookup_hash: bytes | None
    name_hash: bytes | None
    sealed: SealedIdentity | None = None
    """None for a person who is asked about without being a party of a case, as in a bulk run."""


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
    created_at: datetime


def add_case(tx: Connection, case: Mapping[str, Any], parties: Sequence[Mapping[str, Any]]) -> None:
    """Write a case with its parties."""
    tx.execute(insert(_CASES).values(**case))
    tx.execute(insert(_PARTIES), list(parties))


def find_case(tx: Connection, case_no: str, *, kid: str = "") -> Case | None:
    """The case of this number, whoever's it is: the caller of this function must compare `system_id`.

    `kid` names the key whose owner wants to act on it.
    """
    row = tx.execute(_CASE, {"case_no": case_no, "kid": kid}).one_or_none()
    return None if row is None else _case(row)


def case_by_id(tx: Connection, case_id: str) -> Case | None:
    """The case of a stored row."""
    case_no = tx.execute(select(_CASES.c.case_no).where(_CASES.c.id == case_id)).scalar()
    return None if case_no is None else find_case(tx, case_no)


def find_case_no(tx: Connection, system_id: str, external_no: str) -> str | None:
    """The case that a system knows under its own number."""
    where = and_(_CASES.c.system_id == system_id, _CASES.c.external_no == external_no)
    return tx.execute(select(_CASES.c.case_no).where(where)).scalar()


def parties_of(tx: Connection, case_id: str) -> dict[str, Party]:
    """The parties of a case by role."""
    rows = tx.execute(_PARTIES_OF, {"case_id": case_id})
    return {
        row.role: Party(row.role, row.id_type, row.lookup_hash, row.name_hash, SealedIdentity(row.id, row.identity))
        for row in rows
    }


def identity_place(party_id: str) -> str:
    """Where a party's identity is stored, for its encryption."""
    return f"case_parties:{party_id}:identity"


def operator_place(case_id: str) -> str:
    """Where a case's operator is stored, for its encryption."""
    return f"cases:{case_id}:operator"


def lock_case(tx: Connection, case_id: str, *, kid: str | None) -> tuple[str, bool]:
    """The state of a case, and whether its system may act, by its key `kid` if it came with one.

    Case, system and key are share-locked until the transaction ends (seam D6).
    """
    if kid is None:
        row = tx.execute(_CASE_STANDING, {"case_id": case_id}).one()
        return row.state, bool(row.system_active)
    found = tx.execute(_CASE_STANDING_BY_KEY, {"case_id": case_id, "kid": kid}).one_or_none()
    return ("", False) if found is None else (found.state, bool(found.system_active and found.key_active))


def close_case(tx: Connection, case_id: str, *, now: datetime) -> bool:
    """Close an open case; False when it was closed already."""
    where = and_(_CASES.c.id == case_id, _CASES.c.state == "open")
    return tx.execute(update(_CASES).where(where).values(state="closed", closed_at=now)).rowcount == 1


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


def finish_request(tx: Connection, request_id: str, lease: str, *, payload: bytes) -> bool:
    """Decided → done, with the answer's bytes."""
    return tx.execute(_DONE, {"request": request_id, "held": lease, "payload": payload}).rowcount == 1


def take_over(tx: Connection, request_id: str, *, old_lease: str, lease: str, until: datetime) -> bool:
    """Take a request whose holder died."""
    where = and_(_REQUESTS.c.id == request_id, _REQUESTS.c.lease == old_lease)
    return tx.execute(update(_REQUESTS).where(where).values(lease=lease, lease_until=until)).rowcount == 1


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


def _case(row: Row[Any]) -> Case:
    return Case(
        id=row.id,
        case_no=row.case_no,
        system_id=row.system_id,
        department_id=row.owner_department_id,
        department_code=row.department_code,
        key_active=bool(row.system_active and row.key_active),
        external_no=row.external_no,
        matter_id=row.matter_id,
        matter_code=row.matter_code,
        kind=row.kind,
        channel=row.channel,
        state=row.state,
        subjects=row.subjects,
        corroboration=row.corroboration,
        operator=row.operator,
        data_key=row.data_key,
        kek_kid=row.kek_kid,
        opened_at=row.opened_at,
        closed_at=row.closed_at,
    )


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
    )
