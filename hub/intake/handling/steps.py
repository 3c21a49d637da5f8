"""Recording what is done with a case: on the ledger, among its steps, and by whom."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from hub.access.actors import Actor
from hub.access.service import Caller
from hub.clock import new_id
from hub.intake.handling.errors import CaseChangedError
from hub.intake.handling.store import Step, add_step, kept_place, kept_with, step_place, steps_of
from hub.intake.store import Case, operator_place
from hub.ledger.entries import Draft, append, seal
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import DataKey, Vault
from signing.canonical import canonical, strict_loads


@dataclass(frozen=True, slots=True)
class Hand:
    """Who takes a step: a system for the officer whom it names, or a member of staff."""

    kind: str
    id: str
    department_id: str
    operator: Mapping[str, str] = field(repr=False)
    caller: Caller | None = None
    actor: Actor | None = None

    def as_json(self) -> dict[str, str]:
        """How a ledger entry names him."""
        return {"kind": self.kind, "id": self.id}

    def marked(self, kind: str) -> str:
        """The kind of an entry, which says whether it is a sandbox's."""
        return self.caller.marked(kind) if self.caller else kind


def by_system(caller: Caller, operator: Mapping[str, str]) -> Hand:
    """A system for one of its officers, `{"id", "name"}`."""
    return Hand("system", caller.client_id, caller.department_id, dict(operator), caller=caller)


def by_staff(actor: Actor) -> Hand:
    """A member of staff of a department for himself."""
    operator = {"id": actor.id, "name": actor.name}
    return Hand("staff", actor.id, actor.department_id or "", operator, actor=actor)


def case_data_key(vault: Vault, case: Case) -> DataKey:
    """The key of what is stored about a case."""
    return vault.data_key(case.data_key, case.kek_kid)


def record_step(
    tx: Connection,
    vault: Vault,
    case: Case,
    hand: Hand,
    step: str,
    detail: Mapping[str, Any],
    now: datetime,
    *,
    change_no: int,
    reason: str | None = None,
    stage_version: int | None = None,
    kept: Mapping[str, Any] | None = None,
) -> str:
    """Append the entry `case.STEP` and write the step; answers the entry's id. `detail`: codes alone; `stage_version`:
    of the case after a step that changes its stage; `kept`: what a repeat of it is answered with.
    """
    key, step_id = case_data_key(vault, case), new_id()
    told = {"case_no": case.case_no, "by": hand.as_json(), "operator": dict(hand.operator), **detail}
    words = {"operator": dict(hand.operator), "reason": reason}
    entry = seal(
        Draft(
            kind=hand.marked(f"case.{step}"),
            detail=told | ({"reason": reason} if reason else {}),
            key=key,
            case_id=case.id,
            object_id=case.id if stage_version is not None else None,
            object_version=stage_version,
        ),
        now=now,
    )
    append(tx, [entry])
    add_step(
        tx,
        {
            "id": step_id,
            "case_id": case.id,
            "step": step,
            "change_no": change_no,
            "department_id": hand.department_id or None,
            "sealed": key.encrypt(step_place(step_id), canonical(words)),
            "detail": dict(detail),
            "at": now,
            "ledger_entry_id": entry.id,
            "kept": key.encrypt(kept_place(step_id), canonical(dict(kept))) if kept is not None else None,
        },
    )
    return entry.id


def kept_of(tx: Connection, vault: Vault, case: Case, entry_id: str) -> dict[str, Any]:
    """What the step of this entry keeps for its repeat. Raises: IntegrityBrokenError."""
    step_id, sealed = kept_with(tx, case.id, entry_id)
    if sealed is None:
        raise IntegrityBrokenError("case_steps")
    plain = case_data_key(vault, case).decrypt(kept_place(step_id), sealed)
    found: dict[str, Any] = strict_loads(plain, max_bytes=len(plain))
    return found


def words_of(vault: Vault, case: Case, step: Step) -> dict[str, Any]:
    """Who took a step, and his reason. Raises: IntegrityBrokenError."""
    plain = case_data_key(vault, case).decrypt(step_place(step.id), step.sealed)
    found: dict[str, Any] = strict_loads(plain, max_bytes=len(plain))
    return found


def operator_of(vault: Vault, case: Case) -> dict[str, str]:
    """The officer who opened the case. Raises: IntegrityBrokenError."""
    plain = case_data_key(vault, case).decrypt(operator_place(case.id), case.operator)
    found: dict[str, str] = strict_loads(plain, max_bytes=len(plain))
    return found


def changed(tx: Connection, vault: Vault, case: Case) -> CaseChangedError:
    """Who changed the case last, and when: for whoever knew it as it was before."""
    changes = [step for step in steps_of(tx, case.id) if step.change_no == case.change_no]
    if not changes:
        return CaseChangedError(case.change_no, case.opened_at, operator_of(vault, case)["id"])
    by = words_of(vault, case, changes[0])["operator"]
    return CaseChangedError(case.change_no, changes[0].at, by.get("id"))
