"""The steps of a case for its archive, each as the ledger has it: nobody can have the hub sign what he wrote by SQL."""

from typing import Any, Final

from sqlalchemy import Connection, select

from catalog.tables import table
from hub.clock import rfc3339
from hub.intake.answers import case_key
from hub.intake.handling.steps import words_of
from hub.intake.handling.store import Step, steps_of
from hub.intake.store import Case
from hub.ledger.entries import open_detail
from hub.ledger.tables import LedgerEntryRow
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import DataKey, Vault
from signing.canonical import canonical

_ENTRIES: Final = table(LedgerEntryRow)
_WHERE: Final = "case_steps"
_DECIDED: Final = "decide"


def told_steps(tx: Connection, vault: Vault, case: Case) -> list[dict[str, Any]]:
    """What was done, by departments; by which officer, and why, of the decision alone.

    Raises: IntegrityBrokenError: a step that the ledger does not know so.
    """
    key, told = case_key(vault, case), []
    for step in steps_of(tx, case.id):
        words = words_of(vault, case, step)
        _check(tx, key, step, words)
        line = {
            "step": step.step,
            "at": rfc3339(step.at),
            "department": step.department,
            "detail": dict(step.detail),
            "entry": step.ledger_entry_id,
        }
        told.append(line | (words if step.step == _DECIDED else {}))
    return told


def _check(tx: Connection, key: DataKey, step: Step, words: dict[str, Any]) -> None:
    """The row says what its entry was committed to; of its department the entry says nothing."""
    row = tx.execute(select(_ENTRIES).where(_ENTRIES.c.id == step.ledger_entry_id)).one_or_none()
    if row is None:
        raise IntegrityBrokenError(_WHERE)
    try:
        content = open_detail(row.id, row.detail, row.commitment, key=key)
    except ValueError:
        raise IntegrityBrokenError(_WHERE) from None
    said = {"operator": words["operator"], **step.detail} | ({"reason": words["reason"]} if words["reason"] else {})
    known = {name: content["detail"].get(name) for name in said}
    kind = str(content["kind"]).removeprefix("sandbox.")
    if (kind, row.recorded_at, canonical(known)) != (f"case.{step.step}", step.at, canonical(said)):
        raise IntegrityBrokenError(_WHERE)
