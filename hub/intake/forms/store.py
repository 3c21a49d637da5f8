"""Queries over forms; each takes the caller's connection and never commits."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, and_, insert, select, update

from catalog.tables import table
from hub.clock import new_id
from hub.intake.forms.tables import CaseFormRow, FormSignatureRow
from hub.intake.requests import EvidenceRequest
from hub.intake.tables import EvidenceRequestRow

_FORMS: Final = table(CaseFormRow)
_SIGNATURES: Final = table(FormSignatureRow)
_REQUESTS: Final = table(EvidenceRequestRow)
_COLUMNS: Final = tuple(_REQUESTS.c[item.name] for item in fields(EvidenceRequest))


@dataclass(frozen=True, slots=True)
class StoredForm:
    """A form as stored; answers and content are ciphertext."""

    id: str
    about: str
    change_no: int
    answers: bytes
    content: bytes | None
    digest: str | None


@dataclass(frozen=True, slots=True)
class StoredSignature:
    """A signature as stored; how it was given is ciphertext."""

    id: str
    party: str
    kind: str
    detail: bytes
    signed_at: datetime
    ledger_entry_id: str


def find_form(tx: Connection, about: str, *, change: bool = False) -> StoredForm | None:
    """The form of a case or family; with `change` nobody else changes it until this transaction ends."""
    query = select(_FORMS).where(_FORMS.c.about == about)
    row = tx.execute(query.with_for_update() if change else query).one_or_none()
    if row is None:
        return None
    return StoredForm(row.id, row.about, row.change_no, row.answers, row.content, row.digest)


def add_form(tx: Connection, about: str, *, form_id: str, answers: bytes, now: datetime) -> None:
    """Write the first answers. Raises: ConflictError when somebody did at the same moment."""
    tx.execute(insert(_FORMS).values(id=form_id, about=about, change_no=1, answers=answers, changed_at=now))


def change_answers(tx: Connection, form: StoredForm, answers: bytes, *, now: datetime) -> bool:
    """Replace the answers; False when somebody changed or signed the form since it was read."""
    same = and_(_FORMS.c.id == form.id, _FORMS.c.change_no == form.change_no, _FORMS.c.digest.is_(None))
    values = {"answers": answers, "change_no": form.change_no + 1, "changed_at": now}
    return tx.execute(update(_FORMS).where(same).values(**values)).rowcount == 1


def freeze(tx: Connection, form: StoredForm, *, content: bytes, digest: str, now: datetime) -> bool:
    """Keep the form as it is signed; False when somebody changed or signed it since it was read."""
    same = and_(_FORMS.c.id == form.id, _FORMS.c.change_no == form.change_no, _FORMS.c.digest.is_(None))
    return tx.execute(update(_FORMS).where(same).values(content=content, digest=digest, changed_at=now)).rowcount == 1


def add_signature(tx: Connection, **values: Any) -> None:
    """Write a signature."""
    tx.execute(insert(_SIGNATURES).values(id=new_id(), **values))


def signatures_of(tx: Connection, form_id: str) -> list[StoredSignature]:
    """Signatures of a form, in the order in which they were given."""
    query = select(_SIGNATURES).where(_SIGNATURES.c.form_id == form_id).order_by(_SIGNATURES.c.signed_at)
    return [
        StoredSignature(row.id, row.party, row.kind, row.detail, row.signed_at, row.ledger_entry_id)
        for row in tx.execute(query)
    ]


def answered_requests(tx: Connection, case_ids: Sequence[str], system_id: str) -> dict[str, list[EvidenceRequest]]:
    """What these cases of a system were answered with evidence, by case, in the order in which it was decided."""
    mine = and_(
        _REQUESTS.c.case_id.in_(list(case_ids)),
        _REQUESTS.c.system_id == system_id,
        _REQUESTS.c.kind == "evidence",
        _REQUESTS.c.state != "claimed",
    )
    found: dict[str, list[EvidenceRequest]] = {}
    for row in tx.execute(select(*_COLUMNS).where(mine).order_by(_REQUESTS.c.decided_at, _REQUESTS.c.id)):
        found.setdefault(row.case_id, []).append(EvidenceRequest(*row))
    return found
