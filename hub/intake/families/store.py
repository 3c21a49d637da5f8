"""Queries over families; each takes the caller's connection and never commits."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, and_, delete, exists, insert, select, update

from catalog.tables import table
from certificates.tables import CertificateRow, SubjectRow
from hub.clock import new_id
from hub.intake.families.tables import CaseFamilyRow, FamilyCaseRow, FamilyWaitRow
from hub.intake.store import Case, find_case
from hub.intake.tables import CaseRow
from hub.storage.jobs import enqueue
from hub.storage.vault import Vault
from signing.canonical import canonical, strict_loads

_FAMILIES: Final = table(CaseFamilyRow)
_MEMBERS: Final = table(FamilyCaseRow)
_WAITS: Final = table(FamilyWaitRow)
_CASES: Final = table(CaseRow)
_CERTIFICATES: Final = table(CertificateRow)
_SUBJECTS: Final = table(SubjectRow)
DECIDED: Final = "family.decided"
"""The kind of job that follows the decision of a case of a family."""
OPEN: Final = "open"
CLOSED: Final = "closed"
_CHUNK: Final = 500


@dataclass(frozen=True, slots=True)
class Family:
    """A family as stored. `opening` is encrypted under its own key."""

    id: str
    family_no: str
    department_id: str
    system_id: str
    external_no: str
    event_id: str
    event_code: str
    state: str
    opening: bytes
    asked: Mapping[str, Any]
    withdrawn: list[str]
    data_key: bytes
    kek_kid: str
    opened_at: datetime
    closed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Wait:
    """A requirement of a case that waits for a result of another case of the family."""

    case_id: str
    requirement: str
    giver: str
    type_code: str
    lookup_hash: bytes | None


def opening_place(family_id: str) -> str:
    """Where the opening of a family is stored, for its encryption."""
    return f"case_families:{family_id}:opening"


def add_family(tx: Connection, row: Mapping[str, Any]) -> None:
    """Write a family. Raises: ConflictError: its system has one of this number."""
    tx.execute(insert(_FAMILIES).values(**row))


def add_member(tx: Connection, family_id: str, case_id: str, *, matter: str, place: int) -> None:
    """Write that a case is of a family."""
    values = {"id": new_id(), "family_id": family_id, "case_id": case_id, "matter_code": matter, "place": place}
    tx.execute(insert(_MEMBERS).values(**values))


def find_family(tx: Connection, family_no: str) -> Family | None:
    """Whoever's it is: the caller must compare `system_id`."""
    row = tx.execute(select(_FAMILIES).where(_FAMILIES.c.family_no == family_no)).one_or_none()
    return None if row is None else _family(row)


def family_by_id(tx: Connection, family_id: str, *, change: bool = False) -> Family | None:
    """With `change` nobody else changes it until this transaction ends."""
    query = select(_FAMILIES).where(_FAMILIES.c.id == family_id)
    row = tx.execute(query.with_for_update() if change else query).one_or_none()
    return None if row is None else _family(row)


def family_no_of(tx: Connection, system_id: str, external_no: str) -> str | None:
    """The family that a system knows under its own number."""
    mine = and_(_FAMILIES.c.system_id == system_id, _FAMILIES.c.external_no == external_no)
    return tx.execute(select(_FAMILIES.c.family_no).where(mine)).scalar()


def family_id_of(tx: Connection, case_id: str) -> str | None:
    """The family of a case, if it has one."""
    return tx.execute(select(_MEMBERS.c.family_id).where(_MEMBERS.c.case_id == case_id)).scalar()


def family_no_of_case(tx: Connection, case_id: str) -> str | None:
    """The number of the family of a case, if it has one."""
    query = select(_FAMILIES.c.family_no).join(_MEMBERS, _MEMBERS.c.family_id == _FAMILIES.c.id)
    return tx.execute(query.where(_MEMBERS.c.case_id == case_id)).scalar()


def case_decided(
    tx: Connection, vault: Vault, case: Case, results: Sequence[str], names: Mapping[str, str], now: datetime
) -> None:
    """What the transaction that decides a case has done: its family goes on with the licences that came of it. `names`,
    by licence, travel under the key of the case.
    """
    if family_id_of(tx, case.id) is not None:
        sealed = vault.data_key(case.data_key, case.kek_kid).encrypt(_names_place(case.id), canonical(dict(names)))
        payload = {"case": case.id, "results": list(results), "names": base64.b64encode(sealed).decode("ascii")}
        enqueue(tx, DECIDED, payload, now=now)


def names_in(vault: Vault, case: Case, payload: Mapping[str, Any]) -> dict[str, str]:
    """By licence, to whom it was made out, as `case_decided` wrote it. Raises: IntegrityBrokenError."""
    if "names" not in payload:
        return {}
    key = vault.data_key(case.data_key, case.kek_kid)
    plain = key.decrypt(_names_place(case.id), base64.b64decode(payload["names"]))
    found: dict[str, str] = strict_loads(plain, max_bytes=len(plain))
    return found


def _names_place(case_id: str) -> str:
    return f"cases:{case_id}:names_of_results"


def holder_of(tx: Connection, certificate_id: str) -> tuple[str, str, bytes, bytes, str] | None:
    """Id, type of the number, the number encrypted under the subject's own key, that key, and under which it is."""
    row = tx.execute(
        select(_SUBJECTS.c.id, _SUBJECTS.c.id_type, _SUBJECTS.c.id_number, _SUBJECTS.c.data_key, _SUBJECTS.c.kek_kid)
        .join(_CERTIFICATES, _CERTIFICATES.c.subject_id == _SUBJECTS.c.id)
        .where(_CERTIFICATES.c.id == certificate_id)
    ).one_or_none()
    return None if row is None else (row.id, row.id_type, row.id_number, row.data_key, row.kek_kid)


def members_of(tx: Connection, family_id: str) -> list[Case]:
    """The cases of a family, in the order of its event."""
    query = select(_CASES.c.case_no).join(_MEMBERS, _MEMBERS.c.case_id == _CASES.c.id)
    numbers = tx.execute(query.where(_MEMBERS.c.family_id == family_id).order_by(_MEMBERS.c.place)).scalars().all()
    found = (find_case(tx, case_no) for case_no in numbers)
    return [case for case in found if case is not None]


def change_family(tx: Connection, family_id: str, **values: Any) -> None:
    """Change what may change: opening, asked, state."""
    tx.execute(update(_FAMILIES).where(_FAMILIES.c.id == family_id).values(**values))


def waits_of(tx: Connection, family_id: str) -> list[Wait]:
    """What waits in a family."""
    rows = tx.execute(select(_WAITS).where(_WAITS.c.family_id == family_id).order_by(_WAITS.c.id))
    return [Wait(row.case_id, row.requirement, row.giver, row.type_code, row.lookup_hash) for row in rows]


def awaited(tx: Connection, case_id: str) -> frozenset[str]:
    """Requirements of a case that another case of its family will meet."""
    return frozenset(tx.execute(select(_WAITS.c.requirement).where(_WAITS.c.case_id == case_id)).scalars())


def set_waits(tx: Connection, family_id: str, waits: Sequence[Wait]) -> bool:
    """Replace what waits in a family; answers whether something that is new among it has been issued already."""
    known = set(waits_of(tx, family_id))
    if known == set(waits):
        return False
    tx.execute(delete(_WAITS).where(_WAITS.c.family_id == family_id))
    rows = [
        {
            "id": new_id(),
            "family_id": family_id,
            "case_id": item.case_id,
            "requirement": item.requirement,
            "giver": item.giver,
            "type_code": item.type_code,
            "lookup_hash": item.lookup_hash,
        }
        for item in waits
    ]
    if rows:
        tx.execute(insert(_WAITS), rows)
    return any(_is_there(tx, item) for item in set(waits) - known)


def _is_there(tx: Connection, wait: Wait) -> bool:
    if wait.lookup_hash is None:
        return False
    held = select(_CERTIFICATES.c.id).join(_SUBJECTS, _SUBJECTS.c.id == _CERTIFICATES.c.subject_id)
    mine = and_(_SUBJECTS.c.lookup_hash == wait.lookup_hash, _CERTIFICATES.c.type_code == wait.type_code)
    return tx.execute(held.where(mine).limit(1)).first() is not None


def anybody_awaits(tx: Connection, types: Sequence[str]) -> bool:
    """Whether a family waits for a certificate of these types. All that mass collection pays for families."""
    return bool(tx.execute(select(exists().where(_WAITS.c.type_code.in_(list(types))))).scalar())


def families_awaiting(tx: Connection, types: Sequence[str], certificate_ids: Sequence[str]) -> list[str]:
    """The families of which a requirement waits for a certificate that is one of these."""
    query = (
        select(_WAITS.c.family_id)
        .join(_SUBJECTS, _SUBJECTS.c.lookup_hash == _WAITS.c.lookup_hash)
        .join(
            _CERTIFICATES,
            and_(_CERTIFICATES.c.subject_id == _SUBJECTS.c.id, _CERTIFICATES.c.type_code == _WAITS.c.type_code),
        )
        .where(_WAITS.c.type_code.in_(list(types)))
        .distinct()
    )
    found: dict[str, None] = {}
    for first in range(0, len(certificate_ids), _CHUNK):
        these = _CERTIFICATES.c.id.in_(list(certificate_ids[first : first + _CHUNK]))
        found |= dict.fromkeys(tx.execute(query.where(these)).scalars())
    return list(found)


def _family(row: Row[Any]) -> Family:
    return Family(
        id=row.id,
        family_no=row.family_no,
        department_id=row.owner_department_id,
        system_id=row.system_id,
        external_no=row.external_no,
        event_id=row.event_id,
        event_code=row.event_code,
        state=row.state,
        opening=row.opening,
        asked=row.asked,
        withdrawn=row.withdrawn,
        data_key=row.data_key,
        kek_kid=row.kek_kid,
        opened_at=row.opened_at,
        closed_at=row.closed_at,
    )
