"""What a successor takes over of the handling of cases: matters with the cases under way, mandates, questions to
officers, objections of holders, and dead ends that were handed on to the department. Whatever is guarded is believed
before it is moved.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, and_, select, update

from catalog.tables import table
from hub.access.actors import Actor, Role
from hub.citizens.objections.succeeding import hand_on
from hub.intake import store as cases
from hub.intake.handling import store as rows
from hub.intake.handling.guard import believe_stage, staged
from hub.intake.handling.mandate_rows import hand_on_mandates
from hub.intake.handling.tables import DeadEndRow
from hub.intake.lower.tables import VerificationTaskRow
from hub.ledger.entries import Draft, append, seal
from hub.registry.departments import succession_store
from hub.registry.departments.store import DepartmentView
from hub.registry.departments.succession_store import Part
from hub.registry.matters.guard import believed_versions
from hub.registry.matters.owning import hand_over
from hub.registry.notices import notify
from hub.storage.vault import DataKey, Vault

_TASKS: Final = table(VerificationTaskRow)
_DEAD_ENDS: Final = table(DeadEndRow)
_MOST_TOLD: Final = 1


@dataclass(frozen=True, slots=True)
class HandlingMoves:
    """Moves it from one department to another, in the transaction of the succession."""

    vault: Vault
    key: DataKey
    actor: Actor
    giver: DepartmentView
    taker: DepartmentView
    now: datetime

    def move(self, tx: Connection, part: Part) -> dict[str, Any]:
        """What moved, by kind. Raises: IntegrityBrokenError for a row that somebody wrote past the hub."""
        matters = succession_store.matters_owned(tx, self.giver.id, part)
        for code in matters:
            for stored in believed_versions(tx, self.vault, code):
                if stored.current and stored.owner_department_id == self.giver.id:
                    hand_over(tx, self.vault, self.key, stored, self.taker.id, self.now)
        moved: dict[str, Any] = {"matters": matters, "cases": self._cases(tx, matters)}
        both = (self.giver.id, self.taker.id)
        moved["mandates"] = hand_on_mandates(
            tx, self.vault, self.key, self.actor, both, None if part.everything else matters, self.now
        )
        if part.everything:
            moved["tasks"] = self._tasks(tx)
            moved["dead_ends"] = self._dead_ends(tx)
            moved["objections"] = hand_on(tx, self.vault, self.giver.id, self.taker.id, self.now)
        return moved

    def _cases(self, tx: Connection, matters: Collection[str]) -> int:
        """Who decides a matter decides the cases of it that are under way; who accepted one, accepted it."""
        found = succession_store.cases_decided_by(tx, self.giver.id, matters)
        for case_id in found:
            case = cases.lock_for_change(tx, case_id)
            if case is None:
                continue
            believe_stage(tx, self.vault, case)
            values = staged(self.vault, case, {"approving_department_id": self.taker.id})
            detail = {"case_no": case.case_no, "from": self.giver.code, "into": self.taker.code}
            draft = Draft(
                kind="case.succession",
                detail=detail,
                key=self.vault.data_key(case.data_key, case.kek_kid),
                case_id=case.id,
                object_id=case.id,
                object_version=values["stage_version"],
            )
            append(tx, [seal(draft, now=self.now)])
            rows.change_case(tx, case.id, **values)
        return len(found)

    def _tasks(self, tx: Connection) -> int:
        """Questions that nobody has answered, with their clocks as they run; what was answered, that office said."""
        mine = and_(_TASKS.c.owner_department_id == self.giver.id, _TASKS.c.state == "open")
        found = list(tx.execute(select(_TASKS.c.id).where(mine)).scalars())
        tx.execute(update(_TASKS).where(mine).values(owner_department_id=self.taker.id))
        tx.execute(
            update(_TASKS)
            .where(_TASKS.c.asker_department_id == self.giver.id)
            .values(asker_department_id=self.taker.id)
        )
        self._tell(tx, "task.asked", [("verification_task", task_id) for task_id in found[:_MOST_TOLD]])
        return len(found)

    def _dead_ends(self, tx: Connection) -> int:
        """Those that the desk handed on to the department."""
        mine = and_(_DEAD_ENDS.c.with_department_id == self.giver.id, _DEAD_ENDS.c.state == "open")
        return tx.execute(update(_DEAD_ENDS).where(mine).values(with_department_id=self.taker.id)).rowcount

    def _tell(self, tx: Connection, code: str, about: Collection[tuple[str, str]]) -> None:
        for each in about:
            for role in (Role.OWNER_ENGINEER, Role.OWNER_APPROVER):
                notify(tx, code, department_id=self.taker.id, role=role, about=each, now=self.now)
