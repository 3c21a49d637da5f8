"""Questions to officers 协查, in the transaction of the answer that needs one: what is known, what is asked anew."""

from typing import Any, Final

import structlog
from sqlalchemy import Connection

from catalog.clocks import Limit
from hub.access.actors import Role
from hub.clock import BEIJING, new_id, rfc3339
from hub.intake.ladder import Rung
from hub.intake.lower import task_store as store
from hub.intake.lower.task_store import ANSWERED, CONFIRMED, OPEN, Task
from hub.intake.lower.values import StandIn, bound_to, question_key, standing_of
from hub.intake.lower.wanting import Wanted
from hub.intake.resolver import Why
from hub.intake.store import identity_place
from hub.ledger.entries import Draft, append, seal
from hub.registry.clocks import ClockService, started
from hub.registry.departments.store import DepartmentView, read_departments
from hub.registry.notices import notify
from hub.storage.errors import IntegrityBrokenError
from hub.storage.jobs import enqueue
from hub.storage.vault import DataKey, Vault
from signing.canonical import canonical, sha256, strict_loads

REMIND: Final = "task.remind"
"""The kind of job that tells of a question that is nearly, or quite, overdue."""
_NEAR: Final = 1
_SAID: Final = ("result", "department", "reusable_until")
"""What the row repeats of the sealed answer."""
_log = structlog.get_logger(__name__)


def task_place(task_id: str, column: str) -> str:
    """Where something of a task is stored, for its encryption."""
    return f"verification_tasks:{task_id}:{column}"


def opened(key: DataKey, task_id: str, column: str, sealed: bytes) -> dict[str, Any]:
    """A sealed member of a task. Raises: IntegrityBrokenError."""
    plain = key.decrypt(task_place(task_id, column), sealed)
    found: dict[str, Any] = strict_loads(plain, max_bytes=len(plain))
    return found


def whose_officer(tx: Connection, code: str) -> DepartmentView | None:
    """The department whose officer answers today: a successor's, where the one that a matter names has one."""
    departments = read_departments(tx)
    named = departments.by_code(code)
    return None if named is None else departments.current(named.id)


class Asking:
    """Looks for answers of officers, and asks."""

    def __init__(self, *, vault: Vault) -> None:
        self._vault = vault
        self._clocks = ClockService(vault)

    def held(self, tx: Connection, wanted: Wanted) -> StandIn | Why | None:
        """An officer's word that satisfies; why his word does not; None where nobody has answered."""
        rule = wanted.requirement.stand_ins.verification
        if rule is None:
            return None
        mine = [task for task in store.tasks_of(tx, wanted.case.id) if _about(task, wanted) and task.state == ANSWERED]
        found = [(task, True) for task in reversed(mine)]
        if not found and wanted.reuses and wanted.identified:
            asker = None if wanted.grants else wanted.case.department_id
            lookup, name = wanted.party.lookup_hash, wanted.party.name_hash
            assert lookup is not None and name is not None  # noqa: S101, PT018  # it is identified
            today = wanted.now.astimezone(BEIJING).date().isoformat()
            asked = question_key(wanted.matter.code, wanted.requirement)
            found = [(task, False) for task in store.answered_about(tx, lookup, name, asked, asker=asker, today=today)]
            found = [(task, own) for task, own in found if task.result == CONFIRMED]
        for task, own in found:
            if task.token is None or task.answer is None:
                continue  # answered and not signed yet: it counts for nothing
            said = self._said(task, wanted)
            if said is None:
                continue
            if task.result != CONFIRMED:
                return Why(f"verification_{task.result}", {"department": task.department})
            return self._stand_in(task, said, here=own)
        return None

    def ask(self, tx: Connection, wanted: Wanted) -> Why | None:
        """Ask, once; the reason to tell, with the promised time. None where the department does not exist."""
        rule = wanted.requirement.stand_ins.verification
        assert rule is not None  # noqa: S101  # the caller looked
        task = _waiting(tx, wanted)
        if task is None:
            self._open(tx, wanted)
            task = _waiting(tx, wanted)
        if task is None:
            return None
        return Why("verification_pending", {"department": task.department, "promised_at": rfc3339(task.due_at)})

    def can_ask(self, tx: Connection, wanted: Wanted) -> bool:
        """Whether there is somebody to answer, or one has been asked."""
        rule = wanted.requirement.stand_ins.verification
        known = rule is not None and whose_officer(tx, rule.department) is not None
        return known or _waiting(tx, wanted) is not None

    def _open(self, tx: Connection, wanted: Wanted) -> None:
        requirement, case, now = wanted.requirement, wanted.case, wanted.now
        rule = requirement.stand_ins.verification
        assert rule is not None  # noqa: S101  # the caller looked
        department = whose_officer(tx, rule.department)
        if department is None:
            _log.warning("no_department_to_ask", matter=wanted.matter.code, requirement=requirement.code)
            return
        clocks = self._clocks.in_force(tx)
        running = started(clocks, Limit.VERIFICATION, filed_at=now, now=now, days=rule.days)
        task_id, entry_id, key = new_id(), new_id(), self._vault.new_data_key()
        asked = question_key(wanted.matter.code, requirement)
        question = self._question(wanted) | {"bound": bound_to(wanted.party), "key": asked}
        row = {
            "id": task_id,
            "case_id": case.id,
            "code": requirement.code,
            "party": requirement.party,
            "owner_department_id": department.id,
            "asker_department_id": case.department_id,
            "question_key": asked,
            "subject_lookup": wanted.party.lookup_hash,
            "name_hash": wanted.party.name_hash,
            "state": OPEN,
            "standing": standing_of(case.id, requirement.code, requirement.party),
            "question": key.encrypt(task_place(task_id, "question"), canonical(question)),
            "clock": running.clock.as_json(),
            "opened_at": now,
            "due_at": running.due_at,
            "data_key": key.wrapped,
            "kek_kid": key.kek_kid,
            "ledger_entry_id": entry_id,
        }
        if not store.add_task(tx, row):
            return
        detail = {
            "case_no": case.case_no,
            "task": task_id,
            "code": requirement.code,
            "party": requirement.party,
            "department": department.code,
            "question_hash": sha256(canonical(question)).hex(),
            "due_at": rfc3339(running.due_at),
        }
        sealing, subject_id = wanted.key(self._vault)
        draft = Draft(
            kind="task.asked", detail=detail, key=sealing, subject_id=subject_id, case_id=case.id, id=entry_id
        )
        append(tx, [seal(draft, now=now)])
        about = ("verification_task", task_id)
        for role in (Role.OWNER_ENGINEER, Role.OWNER_APPROVER):
            notify(tx, "task.asked", department_id=department.id, role=role, about=about, now=now)
        near = clocks.calendar.before(running.due_at, _NEAR)
        for stage, at in (("near", near), ("over", running.due_at)):
            enqueue(tx, REMIND, {"task": task_id, "stage": stage}, now=now, due=max(at, now))

    def _question(self, wanted: Wanted) -> dict[str, Any]:
        """All that the officer sees: who, what, by which law. Not the case, not who else is in it."""
        requirement, sealed = wanted.requirement, wanted.party.sealed
        rule = requirement.stand_ins.verification
        assert rule is not None  # noqa: S101  # the caller looked
        identity: dict[str, Any] = {}
        if sealed is not None:
            key = self._vault.data_key(wanted.case.data_key, wanted.case.kek_kid)
            plain = key.decrypt(identity_place(sealed.id), sealed.identity)
            identity = strict_loads(plain, max_bytes=len(plain))
        return {
            "person": {"name": identity.get("name"), "id_type": wanted.party.id_type}
            | {"id_number": identity.get("id_number")},
            "title": {"zh": requirement.title_zh, "en": requirement.title_en},
            "matter": {"zh": wanted.matter.name_zh, "en": wanted.matter.name_en},
            "legal_basis": requirement.legal_basis,
            "reusable_days": rule.reusable_days,
            "form": [
                {"field": item.code, "kind": item.kind.value, "title": {"zh": item.title_zh, "en": item.title_en}}
                for item in rule.form
            ],
        }

    def _said(self, task: Task, wanted: Wanted) -> dict[str, Any] | None:
        """What was answered, where it is about this party and this question; else an alarm, and nothing."""
        assert task.answer is not None  # noqa: S101  # the caller looked
        try:
            key = self._vault.data_key(task.data_key, task.kek_kid)
            said = opened(key, task.id, "answer", task.answer)
        except IntegrityBrokenError:
            said = {}
        same = said.get("bound") == bound_to(wanted.party) and said.get("key") == task.question_key
        if not same or any(said.get(name) != getattr(task, name) for name in _SAID):
            _log.error("guarded_row_broken", alarm=True, where="verification_tasks")
            return None
        return said

    def _stand_in(self, task: Task, said: dict[str, Any], *, here: bool) -> StandIn:
        assert task.answered_at is not None  # noqa: S101  # answered tasks have it
        shown = dict(said["values"]) | {"answered_on": task.answered_at.astimezone(BEIJING).date().isoformat()}
        why = "verified_by_officer" if here else "verified_before"
        shown |= {"answer_signed_by": task.signed_by or "hub"}
        digest = str(said["digest"])
        return StandIn(Rung.VERIFICATION, task.id, digest, task.department, why, shown, task.answered_at)


def _waiting(tx: Connection, wanted: Wanted) -> Task | None:
    """The question whose signed answer is still to come; one that was erased is answered by nobody."""
    mine = [task for task in store.tasks_of(tx, wanted.case.id) if _about(task, wanted)]
    return next((task for task in mine if task.state in {OPEN, ANSWERED} and task.token is None), None)


def _about(task: Task, wanted: Wanted) -> bool:
    return (task.code, task.party) == (wanted.requirement.code, wanted.requirement.party)
