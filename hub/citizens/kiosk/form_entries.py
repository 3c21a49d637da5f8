"""What the ledger says of the one form 一表 at a terminal: of the person, and of the company that he stands for."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from certificates.stores.holders import Subject
from hub.citizens.acting.recording import record
from hub.citizens.kiosk.own_cases import OwnForm
from hub.citizens.kiosk.standing import Visit
from hub.ledger.entries import Draft
from hub.storage.vault import Vault


def entry(
    vault: Vault,
    kind: str,
    visit: Visit,
    form: OwnForm,
    whose: Subject,
    detail: Mapping[str, Any],
    *,
    ends: Mapping[str, Any] | None = None,
) -> Draft:
    """About `whose`, under his key. `ends`: what else ends with it."""
    where = {"by": visit.kiosk.as_json(), "department_id": form.department_id, "session": visit.id}
    said = {**where, "matter": form.matter, "number": form.number, **detail}
    key = vault.data_key(whose.data_key, whose.kek_kid)
    return Draft(kind=kind, detail=said, key=key, subject_id=whose.id, **(ends or {}))


def for_office(
    tx: Connection, vault: Vault, visit: Visit, form: OwnForm, kind: str, detail: Mapping[str, Any], now: datetime
) -> None:
    """The entry about the company, with who did it, if the form is one's. Commits nothing."""
    if form.office is not None:
        said = {"kiosk": visit.kiosk.id, "matter": form.matter, "number": form.number, **detail}
        said["department_id"] = form.department_id
        record(tx, vault, kind, visit.holder, form.office, said, now)
