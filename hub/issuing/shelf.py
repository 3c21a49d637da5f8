"""Looking along the shelf: the licences of a department by type, status and day, or of one holder by his number.

A list says what a licence is and whose, with his number masked; what it says of him is another look, on the ledger.
Rows are not held against their guards here: the page of one licence is (`transitions_reading`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, and_, exists, false, or_, select

from catalog.tables import table
from certificates.lifecycle.states import Status
from certificates.profile import CIVIL_ZONE
from certificates.stores.holders import Subject, find_subjects
from certificates.stores.version import WHOLE
from certificates.tables import CertificateHolderRow, CertificateRow, CertificateVersionRow, SubjectRow
from hub.access.actors import Actor, Role
from hub.clock import rfc3339
from hub.issuing.held_then import held_then, standing
from hub.ledger.entries import Draft, append, seal
from hub.storage.vault import Vault

PAGE: Final = 25
SOON: Final = timedelta(days=60)
EXPIRING: Final = "expiring"
STAFF: Final = (Role.OWNER_ENGINEER, Role.OWNER_APPROVER)
CITY: Final = (Role.OPERATOR, Role.AUDITOR)
_CERTIFICATES: Final = table(CertificateRow)
_VERSIONS: Final = table(CertificateVersionRow)
_SUBJECTS: Final = table(SubjectRow)
_FURTHER: Final = table(CertificateHolderRow)
_COLUMNS: Final = (
    _VERSIONS.c.identifier,
    _VERSIONS.c.version,
    _VERSIONS.c.state,
    _VERSIONS.c.status,
    _VERSIONS.c.issued_on,
    _VERSIONS.c.valid_until,
    _CERTIFICATES.c.type_code,
    _CERTIFICATES.c.issuer_code,
    _CERTIFICATES.c.owner_department_id,
    _CERTIFICATES.c.id.label("certificate_id"),
    _SUBJECTS.c.id.label("subject_id"),
    _SUBJECTS.c.id_type,
    _SUBJECTS.c.id_number,
    _SUBJECTS.c.data_key,
    _SUBJECTS.c.kek_kid,
)


@dataclass(frozen=True, slots=True)
class Shelf:
    """What is looked for. `status`: a state, or `EXPIRING`; days of issue are inclusive; `after`: behind a page."""

    identifier: str = ""
    type_code: str = ""
    status: str = ""
    first: date | None = None
    last: date | None = None
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Spine:
    """One licence as a list shows it. `number` is masked, and empty for those who see no holders."""

    identifier: str
    version: int
    type_code: str
    issuer_code: str
    status: str
    issued_on: str
    valid_until: str | None
    id_type: str
    number: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Found:
    """A page of them, and from where the next one goes on."""

    items: Sequence[Spine]
    after: str | None


def masked_number(id_type: str, number: str) -> str:
    """A number as a page shows it: that of a body is public, of any other the ends alone."""
    if id_type in {"001", "099"}:
        return number
    shown = 3 if len(number) > 10 else 1
    tail = 4 if len(number) > 10 else 1
    return number[:shown] + "*" * (len(number) - shown - tail) + number[len(number) - tail :]


def look_along(tx: Connection, vault: Vault, actor: Actor, shelf: Shelf, *, now: datetime) -> Found:
    """The newest certificates first, each by its current version; by an identifier, that very version.

    For staff of the issuing department; operators and auditors see all departments and no holder. Raises:
    ForbiddenError.
    """
    actor.require(*STAFF, *CITY)
    today = now.astimezone(CIVIL_ZONE).date()
    query = _visible(actor).where(*_asked(shelf, today)).order_by(_CERTIFICATES.c.id.desc()).limit(PAGE + 1)
    rows = tx.execute(query).all()
    after = rows[PAGE - 1].certificate_id if len(rows) > PAGE else None
    return Found([spine_of(vault, actor, row, today) for row in rows[:PAGE]], after)


def held_by(
    tx: Connection,
    vault: Vault,
    actor: Actor,
    hashes: Sequence[bytes],
    reason: str,
    *,
    now: datetime,
    as_of: datetime | None = None,
) -> Found:
    """What a holder has from the actor's department, as principal or further holder; the look is on the ledger.

    Args:
        hashes: of his number as each kind of document it can be (`plan.lookup_hash`).
        as_of: what he had at this moment instead, with its state then (`held_then`).
    Raises: ForbiddenError for all but staff of a department. IntegrityBrokenError, of another moment only.
    """
    actor.require(*STAFF)
    subjects = list(find_subjects(tx, hashes).values())
    if as_of is None:
        items = _have(tx, vault, actor, subjects, now)
    else:
        items = _had(tx, vault, actor, subjects, as_of, now=now)
    by = {"by": actor.as_json(), "department_id": actor.department_id}
    detail = by | {"reason": reason, "found": len(items)}
    detail |= {} if as_of is None else {"as_of": rfc3339(as_of)}
    for subject in subjects:
        key = vault.data_key(subject.data_key, subject.kek_kid)
        append(tx, [seal(Draft(kind="certificate.search", detail=detail, key=key, subject_id=subject.id), now=now)])
    return Found(sorted(items, key=lambda item: item.identifier), None)


def _have(tx: Connection, vault: Vault, actor: Actor, subjects: Sequence[Subject], now: datetime) -> list[Spine]:
    ids = [subject.id for subject in subjects]
    further = exists().where(_FURTHER.c.version_id == _VERSIONS.c.id, _FURTHER.c.subject_id.in_(ids))
    mine = _CERTIFICATES.c.owner_department_id == actor.department_id
    # Two statements, each led by an index; one with OR would read the whole table.
    of_principal = spines().where(mine, CURRENT, _CERTIFICATES.c.subject_id.in_(ids))
    rows = list(tx.execute(of_principal.limit(PAGE * 4)).all())
    if ids:
        rows += tx.execute(spines().where(mine, CURRENT, further).limit(PAGE * 4)).all()
    once = {row.identifier: row for row in rows}
    return [spine_of(vault, actor, row, now.astimezone(CIVIL_ZONE).date()) for row in once.values()]


def _had(
    tx: Connection, vault: Vault, actor: Actor, subjects: Sequence[Subject], moment: datetime, *, now: datetime
) -> list[Spine]:
    then = {
        item.record.id: item.status
        for item in held_then(tx, vault, subjects, moment, now=now, owner=actor.department_id)
    }
    rows = tx.execute(spines().add_columns(_VERSIONS.c.id).where(_VERSIONS.c.id.in_(then))).all()
    today = now.astimezone(CIVIL_ZONE).date()
    return [replace(spine_of(vault, actor, row, today), status=then[row.id]) for row in rows]


def holder_of(tx: Connection, vault: Vault, subject_id: str) -> tuple[str, str]:
    """The kind of document and the masked number of a subject."""
    row = tx.execute(select(_SUBJECTS).where(_SUBJECTS.c.id == subject_id)).one()
    key = vault.data_key(row.data_key, row.kek_kid)
    number = key.decrypt(f"subjects:{row.id}:id_number", row.id_number).decode()
    return row.id_type, masked_number(row.id_type, number)


CURRENT: Final = _VERSIONS.c.version == _CERTIFICATES.c.current_version
"""Of a certificate's versions the one that stands."""


def spines() -> Select[Any]:
    """All that there is, as `spine_of` reads it; whoever asks says which."""
    joined = select(*_COLUMNS).join(_CERTIFICATES, _CERTIFICATES.c.id == _VERSIONS.c.certificate_id)
    return joined.join(_SUBJECTS, _SUBJECTS.c.id == _CERTIFICATES.c.subject_id).where(_VERSIONS.c.state.in_(WHOLE))


def _visible(actor: Actor) -> Select[Any]:
    if actor.roles.intersection(CITY):
        return spines()
    return spines().where(_CERTIFICATES.c.owner_department_id == actor.department_id)


def _asked(shelf: Shelf, today: date) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = [_VERSIONS.c.identifier == shelf.identifier if shelf.identifier else CURRENT]
    if shelf.type_code:
        where.append(_CERTIFICATES.c.type_code == shelf.type_code)
    if shelf.status:
        where.append(in_state(shelf.status, today))
    if shelf.first is not None:
        where.append(_VERSIONS.c.issued_on >= shelf.first.isoformat())
    if shelf.last is not None:
        where.append(_VERSIONS.c.issued_on <= shelf.last.isoformat())
    if shelf.after is not None:
        # Said of both: PostgreSQL would read the versions from the newest one on, down to the page.
        where += [_CERTIFICATES.c.id < shelf.after, _VERSIONS.c.certificate_id < shelf.after]
    return where


def in_state(status: str, today: date) -> ColumnElement[bool]:
    """Whether a version is in a state, or `EXPIRING`; none is in one that there is not."""
    day, until = today.isoformat(), _VERSIONS.c.valid_until
    past = and_(until.is_not(None), until < day)
    if status == EXPIRING:
        return and_(_VERSIONS.c.status == Status.VALID.value, until >= day, until <= (today + SOON).isoformat())
    if status == Status.EXPIRED:
        written = _VERSIONS.c.status == Status.EXPIRED.value
        return or_(written, and_(_VERSIONS.c.status.in_([Status.VALID.value, Status.SUSPENDED.value]), past))
    if status in {Status.VALID, Status.SUSPENDED}:
        return and_(_VERSIONS.c.status == status, or_(until.is_(None), until >= day))
    return _VERSIONS.c.status == status if status in set(Status) else false()


def spine_of(vault: Vault, actor: Actor, row: Any, today: date) -> Spine:
    """A row of `spines`; with its holder, masked, for the department's own staff and systems."""
    number = ""
    own = actor.kind == "system" or bool(actor.roles.intersection(STAFF))
    if own and actor.department_id == row.owner_department_id:
        key = vault.data_key(row.data_key, row.kek_kid)
        number = masked_number(row.id_type, key.decrypt(f"subjects:{row.subject_id}:id_number", row.id_number).decode())
    return Spine(
        identifier=row.identifier,
        version=row.version,
        type_code=row.type_code,
        issuer_code=row.issuer_code,
        status=standing(row.status, row.valid_until, today),
        issued_on=row.issued_on,
        valid_until=row.valid_until,
        id_type=row.id_type if number else "",
        number=number,
    )
