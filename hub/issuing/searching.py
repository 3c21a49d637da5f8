"""Searching the own shelf by what a system of a department knows: a holder, a number, an identifier, a type, a state.

It tells what the shelf's list tells, of the own department alone: another's is as if it were not there. Every look is
on the ledger first, under the persons whom it names.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, exists, select

from catalog.tables import table
from certificates.lifecycle.states import Status
from certificates.profile import CIVIL_ZONE
from certificates.stores.holders import Subject, find_subjects, subject_by_id
from certificates.tables import CertificateHolderRow, CertificateRow, CertificateVersionRow
from hub.access.actors import Actor
from hub.access.errors import ForbiddenError
from hub.clock import rfc3339
from hub.issuing.held_then import HeldThen, held_then, stood_then
from hub.issuing.shelf import CURRENT, EXPIRING, SOON, STAFF, Found, in_state, spine_of, spines
from hub.ledger.entries import Draft, append, seal
from hub.storage.vault import Vault

SEARCHED: Final = "certificate.search"
_CERTIFICATES: Final = table(CertificateRow)
_VERSIONS: Final = table(CertificateVersionRow)
_FURTHER: Final = table(CertificateHolderRow)
Record = Callable[[Connection, Mapping[str, Any]], None]
"""Writes the ledger entry of a look that names nobody."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is searched for: whatever is given must fit.

    Attributes:
        holders: hashes of his number (`plan.lookup_hash`); None: whoever holds it.
        numbers: hashes of the licence's number, by type (`plan.number_hash`); None: whichever.
        status: a state, or `EXPIRING`.
        as_of: by what stood at this moment, with its state then. Only with a holder, a number or an identifier.
        after: the certificate behind which a page begins.
    """

    identifier: str = ""
    type_code: str = ""
    status: str = ""
    holders: tuple[bytes, ...] | None = field(default=None, repr=False)
    numbers: Mapping[str, bytes] | None = field(default=None, repr=False)
    as_of: datetime | None = None
    after: str | None = None
    limit: int = 25

    def told(self) -> dict[str, Any]:
        """For the ledger: what was asked, without a person's number."""
        given = {"identifier": self.identifier, "type": self.type_code, "status": self.status}
        given |= {"as_of": "" if self.as_of is None else rfc3339(self.as_of)}
        by = [name for name, value in (("holder", self.holders), ("number", self.numbers)) if value is not None]
        return {name: value for name, value in given.items() if value} | ({"by": by} if by else {})


def search(
    tx: Connection, vault: Vault, actor: Actor, wanted: Wanted, reason: str, *, now: datetime, record: Record
) -> Found:
    """A page of what fits, the newest certificates first, each by its current version; by an identifier, that version.

    Rows are not held against their guards, except as of a moment.

    Raises: ForbiddenError: for systems and staff of a department only. IntegrityBrokenError, of another moment only.
        ValueError: `as_of` of nothing in particular.
    """
    if actor.kind != "system":
        actor.require(*STAFF)
    if actor.department_id is None:
        raise ForbiddenError(STAFF)
    subjects = [] if wanted.holders is None else list(find_subjects(tx, wanted.holders).values())
    day = (wanted.as_of or now).astimezone(CIVIL_ZONE).date()
    states: Mapping[str, str] = {}
    if wanted.as_of is None:
        rows = _now(tx, actor, wanted, subjects, in_state(wanted.status, day) if wanted.status else None)
    else:
        states = {item.record.id: item.status for item in _then(tx, vault, actor, wanted, subjects, now)}
        rows = _of_then(tx, wanted, states, day.isoformat(), (day + SOON).isoformat())
    page, today = rows[: wanted.limit], now.astimezone(CIVIL_ZONE).date()
    items = [spine_of(vault, actor, row, today) for row in page]
    items = [replace(item, status=states.get(row.id, item.status)) for item, row in zip(items, page, strict=True)]
    named = subjects or ([] if wanted.numbers is None and not wanted.identifier else _subjects(tx, page))
    by = {"by": actor.as_json(), "department_id": actor.department_id}
    detail = by | {"reason": reason, "found": len(items), "asked": wanted.told()}
    for subject in named:
        key = vault.data_key(subject.data_key, subject.kek_kid)
        append(tx, [seal(Draft(kind=SEARCHED, detail=detail, key=key, subject_id=subject.id), now=now)])
    if not named:
        record(tx, detail)
    return Found(items, page[-1].certificate_id if len(rows) > wanted.limit else None)


def _now(
    tx: Connection, actor: Actor, wanted: Wanted, subjects: Sequence[Subject], state: ColumnElement[bool] | None
) -> list[Row[Any]]:
    where = [_CERTIFICATES.c.owner_department_id == actor.department_id, *_which(wanted)]
    where.append(_VERSIONS.c.identifier == wanted.identifier if wanted.identifier else CURRENT)
    where += [] if state is None else [state]
    if wanted.after is not None:  # said of both, as for the shelf's list
        where += [_CERTIFICATES.c.id < wanted.after, _VERSIONS.c.certificate_id < wanted.after]
    query = spines().add_columns(_VERSIONS.c.id).where(*where)
    query = query.order_by(_CERTIFICATES.c.id.desc()).limit(wanted.limit + 1)
    if wanted.holders is None:
        return list(tx.execute(query).all())
    ids = [subject.id for subject in subjects]
    if not ids:
        return []
    further = exists().where(_FURTHER.c.version_id == _VERSIONS.c.id, _FURTHER.c.subject_id.in_(ids))
    # Two statements, each led by an index; one with OR would read the whole table.
    rows = [*tx.execute(query.where(_CERTIFICATES.c.subject_id.in_(ids))), *tx.execute(query.where(further))]
    once = {row.certificate_id: row for row in rows}
    return [once[certificate] for certificate in sorted(once, reverse=True)]


def _which(wanted: Wanted) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = []
    if wanted.type_code:
        where.append(_CERTIFICATES.c.type_code == wanted.type_code)
    if wanted.numbers is not None:
        where.append(_CERTIFICATES.c.type_code.in_(wanted.numbers))
        where.append(_CERTIFICATES.c.record_hash.in_(wanted.numbers.values()))
    return where


def _then(
    tx: Connection, vault: Vault, actor: Actor, wanted: Wanted, subjects: Sequence[Subject], now: datetime
) -> list[HeldThen]:
    """What stood, of a holder or of one certificate; the rest of what is wanted is asked of the rows."""
    moment, owner = wanted.as_of, actor.department_id
    assert moment is not None  # noqa: S101  # the caller's case
    if wanted.holders is not None:
        return held_then(tx, vault, subjects, moment, now=now, owner=owner)
    if wanted.numbers is None and not wanted.identifier:
        raise ValueError("as of a moment: of whom, or which")
    query = select(_CERTIFICATES.c.id).where(_CERTIFICATES.c.owner_department_id == owner, *_which(wanted))
    if wanted.identifier:
        query = query.join(_VERSIONS, _VERSIONS.c.certificate_id == _CERTIFICATES.c.id)
        query = query.where(_VERSIONS.c.identifier == wanted.identifier)
    stood = [stood_then(tx, vault, each, moment, now=now) for each in tx.execute(query).scalars()]
    return [item for item in stood if item is not None]


def _of_then(tx: Connection, wanted: Wanted, states: Mapping[str, str], day: str, soon: str) -> list[Row[Any]]:
    """Rows of these versions that are wanted, a page and one."""
    where = [_VERSIONS.c.id.in_(states), *_which(wanted)]
    if wanted.identifier:
        where.append(_VERSIONS.c.identifier == wanted.identifier)
    if wanted.after is not None:
        where.append(_CERTIFICATES.c.id < wanted.after)
    rows = tx.execute(spines().add_columns(_VERSIONS.c.id).where(*where).order_by(_CERTIFICATES.c.id.desc()))

    def fits(row: Row[Any]) -> bool:
        if wanted.status == EXPIRING:
            return states[row.id] == Status.VALID and day <= (row.valid_until or "") <= soon
        return wanted.status in {"", states[row.id]}

    return [row for row in rows if fits(row)][: wanted.limit + 1]


def _subjects(tx: Connection, rows: Sequence[Row[Any]]) -> list[Subject]:
    return [subject_by_id(tx, each) for each in sorted({row.subject_id for row in rows})]
