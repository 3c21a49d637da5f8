"""Queries over the steps of cases. They take the caller's connection and never commit."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, select, update

from catalog.tables import DepartmentRow, table
from hub.clock import new_id
from hub.intake import store as cases
from hub.intake.families.store import awaited
from hub.intake.handling.tables import CaseStepRow
from hub.intake.lower.tables import CommitmentRow, SealedCopyRow, VerificationTaskRow
from hub.intake.tables import CasePartyRow, CaseRow, EvidenceRequestRow

_STEPS: Final = table(CaseStepRow)
_CASES: Final = table(CaseRow)
_PARTIES: Final = table(CasePartyRow)
_REQUESTS: Final = table(EvidenceRequestRow)
_DEPARTMENTS: Final = table(DepartmentRow)
_HANDED_IN: Final = (table(CommitmentRow), table(SealedCopyRow), table(VerificationTaskRow))
_NOTHING: Final = ("offered", "withdrawn", "erased")


@dataclass(frozen=True, slots=True)
class Step:
    """A step as stored. `sealed` is ciphertext under the case's key: see `step_place`."""

    id: str
    step: str
    change_no: int
    department: str | None
    sealed: bytes
    detail: dict[str, Any]
    at: datetime
    ledger_entry_id: str


def step_place(step_id: str) -> str:
    """Where the words of a step are stored, for their encryption."""
    return f"case_steps:{step_id}:sealed"


def kept_place(step_id: str) -> str:
    """Where what a step keeps for its repeat is stored, for its encryption."""
    return f"case_steps:{step_id}:kept"


def kept_with(tx: Connection, case_id: str, entry_id: str) -> tuple[str, bytes | None]:
    """The step of an entry, and what it keeps."""
    where = and_(_STEPS.c.case_id == case_id, _STEPS.c.ledger_entry_id == entry_id)
    row = tx.execute(select(_STEPS.c.id, _STEPS.c.kept).where(where)).one()
    return row.id, row.kept


def add_step(tx: Connection, row: Mapping[str, Any]) -> None:
    """Write a step."""
    tx.execute(insert(_STEPS).values(**row))


def steps_of(tx: Connection, case_id: str) -> list[Step]:
    """What was done with a case, oldest first."""
    columns = (_DEPARTMENTS.c.code.label("department") if name == "department" else _STEPS.c[name] for name in _NAMES)
    query = select(*columns).outerjoin(_DEPARTMENTS, _DEPARTMENTS.c.id == _STEPS.c.department_id)
    return [Step(*row) for row in tx.execute(query.where(_STEPS.c.case_id == case_id).order_by(_STEPS.c.id))]


_NAMES: Final = tuple(Step.__dataclass_fields__)


def passed_over(tx: Connection, case_id: str) -> frozenset[str]:
    """Requirements that no notice has named, since another case of the family was to meet them when one was given, and
    does not any more.
    """
    asked = [step.detail for step in steps_of(tx, case_id) if step.step == "ask_more"]
    then = {code for detail in asked for code in detail.get("awaited", ())}
    return frozenset(then - {item["code"] for detail in asked for item in detail["missing"]} - awaited(tx, case_id))


def change_case(tx: Connection, case_id: str, **values: Any) -> None:
    """Write members of a case that the caller has locked alone."""
    tx.execute(update(_CASES).where(_CASES.c.id == case_id).values(**values))


def add_party(tx: Connection, row: Mapping[str, Any]) -> None:
    """Write one more party."""
    tx.execute(insert(_PARTIES).values(**row))


def change_party(tx: Connection, party_id: str, **values: Any) -> None:
    """Write who a party is anew."""
    tx.execute(update(_PARTIES).where(_PARTIES.c.id == party_id).values(**values))


def remove_party(tx: Connection, party_id: str) -> None:
    """Take a party out of its case."""
    tx.execute(delete(_PARTIES).where(_PARTIES.c.id == party_id))


def handed_in(tx: Connection, case_id: str) -> frozenset[str]:
    """Parties of whom something stands in for evidence, or is being asked of an officer: it is theirs, and nobody's who
    would take their place in the case.
    """
    found = set[str]()
    for rows in _HANDED_IN:
        mine = and_(rows.c.case_id == case_id, rows.c.state.not_in(_NOTHING))
        found |= set(tx.execute(select(rows.c.party).where(mine)).scalars())
    return frozenset(found)


def void_claims(tx: Connection, case_id: str, now: datetime) -> None:
    """Requests that were judged by what the case said before, and are not decided yet, lose their lease: whoever holds
    them decides nothing. The caller holds the case alone, so none is decided meanwhile.
    """
    claimed = and_(_REQUESTS.c.case_id == case_id, _REQUESTS.c.state == "claimed")
    tx.execute(update(_REQUESTS).where(claimed).values(lease=new_id(), lease_until=now))


def answers_of(tx: Connection, case_id: str) -> list[tuple[str, str, bytes, datetime]]:
    """Id, kind and sealed answer of what was decided for a case, oldest first, and when; of a stream that is on its way
    what has left.
    """
    decided = and_(_REQUESTS.c.case_id == case_id, _REQUESTS.c.answer.is_not(None))
    columns = (_REQUESTS.c.id, _REQUESTS.c.kind, _REQUESTS.c.answer, _REQUESTS.c.decided_at)
    rows = tx.execute(select(*columns).where(decided).order_by(_REQUESTS.c.decided_at, _REQUESTS.c.id))
    return [(row.id, row.kind, row.answer, row.decided_at) for row in rows]


def count_waiting(tx: Connection, department_id: str | None) -> int:
    """How many accepted cases wait for this department's decision."""
    query = select(func.count()).select_from(_CASES).where(_waits(department_id))
    return int(tx.execute(query).scalar_one())


def waiting_for(tx: Connection, department_id: str, limit: int, *, delegated: bool) -> list[cases.Case]:
    """Accepted cases whose decision is this department's, oldest first; `delegated`: those another one took in."""
    mine = and_(_waits(department_id), _CASES.c.mandate_id.is_not(None)) if delegated else _waits(department_id)
    numbers = select(_CASES.c.case_no).where(mine).order_by(_CASES.c.accepted_at, _CASES.c.id).limit(limit)
    found = [cases.find_case(tx, case_no) for case_no in tx.execute(numbers).scalars().all()]
    return [case for case in found if case is not None]


def _waits(department_id: str | None) -> ColumnElement[bool]:
    return and_(
        _CASES.c.approving_department_id == department_id, _CASES.c.stage == "accepted", _CASES.c.state != cases.CLOSED
    )
