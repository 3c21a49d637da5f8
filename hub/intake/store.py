"""Queries over cases and their parties, always filtered by the system that owns them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, and_, bindparam, exists, insert, select, update

from catalog.tables import DepartmentRow, SystemKeyRow, SystemRow, table
from hub.intake.materials.tables import SystemMaterialsRow
from hub.intake.owed.tables import DebtRow
from hub.intake.tables import CasePartyRow, CaseRow

_CASES: Final = table(CaseRow)
_PARTIES: Final = table(CasePartyRow)
_SYSTEMS: Final = table(SystemRow)
_KEYS: Final = table(SystemKeyRow)
_DEPARTMENTS: Final = table(DepartmentRow)
_DEBTS: Final = table(DebtRow)
_MATERIALS: Final = table(SystemMaterialsRow)
OPEN: Final = "open"
CLOSING: Final = "closing"
"""It closes itself when nothing is owed to it any more; until then it gets what is owed, and nothing else."""
CLOSED: Final = "closed"

_CASE: Final = (
    select(
        _CASES,
        _SYSTEMS.c.client_id,
        _SYSTEMS.c.active.label("system_active"),
        _KEYS.c.active.label("key_active"),
        _DEPARTMENTS.c.code.label("department_code"),
        _MATERIALS.c.codes.label("materials"),
        exists().where(and_(_DEBTS.c.case_id == _CASES.c.id, _DEBTS.c.standing.is_not(None))).label("owing"),
    )
    .join(_SYSTEMS, _SYSTEMS.c.id == _CASES.c.system_id)
    .join(_DEPARTMENTS, _DEPARTMENTS.c.id == _CASES.c.owner_department_id)
    .outerjoin(_KEYS, and_(_KEYS.c.system_id == _SYSTEMS.c.id, _KEYS.c.kid == bindparam("kid")))
    .outerjoin(
        _MATERIALS, and_(_MATERIALS.c.system_id == _CASES.c.system_id, _MATERIALS.c.matter_code == _CASES.c.matter_code)
    )
    .where(_CASES.c.case_no == bindparam("case_no"))
)
_PARTIES_OF: Final = select(_PARTIES).where(_PARTIES.c.case_id == bindparam("case_id")).order_by(_PARTIES.c.role)


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
    facts: bytes | None = None
    """Encrypted under the case's key: see `hub.intake.facts`."""
    choices: bytes | None = None
    """Encrypted under the case's key: see `hub.intake.resolving.remembered`."""
    filed_on: str | None = None
    closing_asked_at: datetime | None = None
    change_no: int = 1
    """How often it was amended, and one."""
    stage: str = "filed"
    accepting_department_id: str | None = None
    approving_department_id: str | None = None
    mandate_id: str | None = None
    accepted_at: datetime | None = None
    asked_at: datetime | None = None
    supplied_at: datetime | None = None
    decided_at: datetime | None = None
    decision: str | None = None
    stage_version: int = 0
    stage_mac: bytes | None = field(default=None, repr=False)
    """Over stage and departments: see `hub.intake.handling.guard`."""
    owing: bool = False
    """Whether a department or the hub owes it something."""
    materials: Mapping[str, str] | None = None
    """Its system's own material codes, by requirement."""
    client_id: str = ""
    """Of its system."""


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
    acts_for: str | None = None
    """The key of the party whose agent this one is."""
    mandate: str | None = None
    """The kind of corroboration that shows so."""
    origin: str | None = None
    """The requirement whose answer named it; None: the system that opened the case."""


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


def lock_for_change(tx: Connection, case_id: str) -> Case | None:
    """The case, which nobody else changes or closes until this transaction ends."""
    lock_alone(tx, case_id)
    return case_by_id(tx, case_id)


def lock_alone(tx: Connection, case_id: str) -> None:
    """Lock the row of a case against everybody. Before any shared lock of it: two that shared it would wait for each
    other.
    """
    tx.execute(select(_CASES.c.id).where(_CASES.c.id == case_id).with_for_update())


def change_choices(tx: Connection, case_id: str, choices: bytes) -> None:
    """Replace the sealed choices."""
    tx.execute(update(_CASES).where(_CASES.c.id == case_id).values(choices=choices))


def change_facts(tx: Connection, case_id: str, facts: bytes) -> None:
    """Replace the sealed facts; whoever amends the case by what it was before is told."""
    values = {"facts": facts, "change_no": _CASES.c.change_no + 1}
    tx.execute(update(_CASES).where(_CASES.c.id == case_id).values(**values))


def find_case_no(tx: Connection, system_id: str, external_no: str) -> str | None:
    """The case that a system knows under its own number."""
    where = and_(_CASES.c.system_id == system_id, _CASES.c.external_no == external_no)
    return tx.execute(select(_CASES.c.case_no).where(where)).scalar()


def parties_of(tx: Connection, case_id: str) -> dict[str, Party]:
    """The parties of a case by key: `catalog.matters.roles`."""
    rows = tx.execute(_PARTIES_OF, {"case_id": case_id})
    return {
        row.role: Party(
            row.role,
            row.id_type,
            row.lookup_hash,
            row.name_hash,
            SealedIdentity(row.id, row.identity),
            acts_for=row.acts_for,
            mandate=row.mandate,
            origin=row.origin,
        )
        for row in rows
    }


def identity_place(party_id: str) -> str:
    """Where a party's identity is stored, for its encryption."""
    return f"case_parties:{party_id}:identity"


def operator_place(case_id: str) -> str:
    """Where a case's operator is stored, for its encryption."""
    return f"cases:{case_id}:operator"


def close_case(tx: Connection, case_id: str, *, now: datetime) -> bool:
    """Close a case; False when it was closed already."""
    where = and_(_CASES.c.id == case_id, _CASES.c.state != CLOSED)
    return tx.execute(update(_CASES).where(where).values(state=CLOSED, closed_at=now)).rowcount == 1


def ask_closing(tx: Connection, case_id: str, *, now: datetime) -> bool:
    """Have an open case close itself; False when that was asked already."""
    where = and_(_CASES.c.id == case_id, _CASES.c.state == OPEN)
    return tx.execute(update(_CASES).where(where).values(state=CLOSING, closing_asked_at=now)).rowcount == 1


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
        facts=row.facts,
        choices=row.choices,
        filed_on=row.filed_on,
        closing_asked_at=row.closing_asked_at,
        change_no=row.change_no,
        stage=row.stage,
        accepting_department_id=row.accepting_department_id,
        approving_department_id=row.approving_department_id,
        mandate_id=row.mandate_id,
        accepted_at=row.accepted_at,
        asked_at=row.asked_at,
        supplied_at=row.supplied_at,
        decided_at=row.decided_at,
        decision=row.decision,
        stage_version=row.stage_version,
        stage_mac=row.stage_mac,
        owing=bool(row.owing),
        materials=row.materials,
        client_id=row.client_id,
    )
