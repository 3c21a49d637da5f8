"""Officers answer 协查. The answer is on the ledger before it is signed; unsigned it counts for nothing.

An officer sees the question and no more: not the case, not who asks, not what else is known. Another department's
question does not exist for him, and one whose case has closed is shown no more.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from catalog.expressions.reading import read_value
from catalog.expressions.values import Kind
from hub.access.actors import Actor, Role
from hub.access.staff_reading import HUB_WIDE
from hub.clock import BEIJING, Clock, rfc3339
from hub.intake import store as cases
from hub.intake.about import about_party
from hub.intake.holding import lock_case
from hub.intake.lower import task_store as store
from hub.intake.lower.asking import opened, task_place
from hub.intake.lower.errors import AnswerError, TaskOverError
from hub.intake.lower.finding import seal_key
from hub.intake.lower.task_store import ANSWERED, CONFIRMED, OPEN, Task
from hub.intake.told.telling import CaseEvent, tell
from hub.issuing.keys.desk import Certified, SigningDesk
from hub.ledger.entries import Draft, append, seal
from hub.registry.notices import notify
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.jobs import enqueue
from hub.storage.vault import Vault
from signing.canonical import canonical, sha256
from signing.jose import sign_jws

SIGN: Final = "task.sign"
"""The kind of job that signs an answer whose officer's process died."""
ANSWER_TYPE: Final = "verification-answer+jwt"
RESULTS: Final = (CONFIRMED, "not_found", "cannot_tell")
_OFFICERS: Final = (Role.OWNER_ENGINEER, Role.OWNER_APPROVER)
_REASON: Final = 500


class Answering:
    """Shows questions to the department they are for, and takes answers."""

    def __init__(self, database: Database, *, vault: Vault, desk: SigningDesk, public_url: str, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._desk = desk
        self._public_url = public_url
        self._clock = clock

    async def list(self, actor: Actor, *, everything: bool = False, limit: int = 200) -> list[dict[str, Any]]:
        """The department's questions by when they are due, without a word about a person; operator and auditor: all."""
        whole = actor.kind == "command" or bool(actor.roles & HUB_WIDE)
        if not whole:
            actor.require(*_OFFICERS)
        mine = None if whole else actor.department_id or ""
        found = await self._database.read(
            lambda tx: store.list_tasks(tx, department_id=mine, only_open=not everything, limit=limit)
        )
        now = self._clock()
        return [self._told(task, now) for task in found]

    async def show(self, actor: Actor, task_id: str) -> dict[str, Any]:
        """One question, with whom it is about while it is open: then each look is on the ledger before it is given.

        Raises: MissingError, ForbiddenError.
        """
        task = _own(actor, await self._database.read(lambda tx: store.find_task(tx, task_id)))
        now = self._clock()
        if task.state == OPEN:
            task = await self._database.write(lambda tx: self._looked(tx, actor, task_id, now))
        return self._told(task, now) | self._asked(task)

    async def answer(
        self, actor: Actor, task_id: str, *, result: str, values: Mapping[str, Any], reason: str = ""
    ) -> dict[str, Any]:
        """Answer a question, once: `confirmed` with the whole form, `not_found` or `cannot_tell` with a reason.

        Raises: MissingError, ForbiddenError, AnswerError; TaskOverError: answered, or its case has closed.
        """
        now = self._clock()
        await self._database.write(
            lambda tx: self._answer(tx, actor, task_id, (result, dict(values), reason.strip()), now)
        )
        await self.sign({"task": task_id})
        task = await self._database.read(lambda tx: store.find_task(tx, task_id))
        return self._told(_own(actor, task), now)

    async def sign(self, payload: Mapping[str, Any]) -> None:
        """The handler of `SIGN`: sign what was answered, with the department's key where the hub holds one, else with
        the hub's own. Running it twice is harmless.
        """
        found = await self._database.read(lambda tx: self._signer(tx, payload["task"]))
        if found is None:
            return
        task, certified, signed_by = found
        assert task.answer is not None  # noqa: S101  # answered tasks have it
        key = self._vault.data_key(task.data_key, task.kek_kid)
        said = opened(key, task.id, "answer", task.answer)
        token = sign_jws(
            self._signed_payload(task, said, signed_by),
            signer=certified.about(kind="verification-answer"),
            typ=ANSWER_TYPE,
            header=certified.header,
        )
        sealed = key.encrypt(task_place(task.id, "token"), token.encode())

        def unit(tx: Connection) -> None:
            cases.lock_alone(tx, task.case_id)
            self._desk.check_usable(tx, [certified.signer.public.kid])
            if store.sign_task(tx, task.id, sealed, signed_by):
                about, department = ("verification_task", task.id), task.asker_department_id
                tell(
                    tx, task.case_id, CaseEvent.TASK_ANSWERED, entry_id=task.ledger_entry_id, now=self._clock(),
                    code=task.code, party=task.party, about=task.id,
                )  # fmt: skip
                notify(
                    tx, "task.answered", department_id=department, role=Role.CONSUMER_ENGINEER, about=about,
                    now=self._clock(),
                )  # fmt: skip

        await self._database.write(unit)

    async def remind(self, payload: Mapping[str, Any]) -> None:
        """The handler of `REMIND`: who is to answer is told, and from the end on the operator too."""
        now = self._clock()

        def unit(tx: Connection) -> None:
            task = store.find_task(tx, payload["task"])
            if task is None or task.state != OPEN:
                return
            told: list[tuple[str | None, Role]] = [(task.owner_department_id, role) for role in _OFFICERS]
            if payload["stage"] == "over":
                told.append((None, Role.OPERATOR))
            about = ("verification_task", task.id)
            for department_id, role in told:
                code, once = f"task.{payload['stage']}", str(payload["stage"])
                notify(tx, code, department_id=department_id, role=role, about=about, now=now, once=once)

        await self._database.write(unit)

    def _looked(self, tx: Connection, actor: Actor, task_id: str, now: datetime) -> Task:
        task = _own(actor, store.find_task(tx, task_id))
        case = cases.case_by_id(tx, task.case_id)
        assert case is not None  # noqa: S101  # a task refers to its case
        detail = {"case_no": case.case_no, "task": task.id, "department": task.department, "by": actor.as_json()}
        key, subject_id = about_party(tx, self._vault, case, task.subject_lookup)
        draft = Draft(kind="task.read", detail=detail, key=key, subject_id=subject_id, case_id=case.id)
        append(tx, [seal(draft, now=now)])
        return task

    def _answer(
        self, tx: Connection, actor: Actor, task_id: str, given: tuple[str, dict[str, Any], str], now: datetime
    ) -> None:
        task = _own(actor, store.find_task(tx, task_id))
        # Case before task, as in a pull. Of a case that closes at this moment nothing more is learnt.
        state, _ = lock_case(tx, task.case_id, kid=None)
        task = _own(actor, store.find_task(tx, task_id, lock=True))
        if task.state != OPEN or state != cases.OPEN:
            raise TaskOverError("answered" if task.state == ANSWERED else "case_closed")
        key = self._vault.data_key(task.data_key, task.kek_kid)
        question = opened(key, task.id, "question", task.question)
        result, values, reason = given
        _check(question, result, values, reason)
        said = {
            "question": sha256(canonical(question)).hex(),
            "result": result,
            "values": values,
            "reason": reason,
            "department": task.department,
            "answered_by": actor.id,
            "answered_at": rfc3339(now),
        }
        digest, until = sha256(canonical(said)).hex(), _reusable_until(question, result, now)
        bound = {"bound": question["bound"], "key": question["key"], "reusable_until": until, "digest": digest}
        row = {
            "answer": key.encrypt(task_place(task.id, "answer"), canonical(said | bound)),
            "result": result,
            "answered_by": actor.id,
            "answered_at": now,
            "reusable_until": until,
        }
        case = cases.case_by_id(tx, task.case_id)
        assert case is not None  # noqa: S101  # locked above
        detail = {
            "case_no": case.case_no,
            "task": task.id,
            "code": task.code,
            "party": task.party,
            "department": task.department,
            "answered_by": actor.as_json(),
            "result": result,
            "answer_hash": digest,
        }
        sealing, subject_id = about_party(tx, self._vault, case, task.subject_lookup)
        draft = Draft(kind="task.answered", detail=detail, key=sealing, subject_id=subject_id, case_id=case.id)
        entry = seal(draft, now=now)
        append(tx, [entry])
        if not store.answer_task(tx, task.id, row | {"ledger_entry_id": entry.id}):
            raise TaskOverError("answered")
        enqueue(tx, SIGN, {"task": task.id}, now=now, due=now + timedelta(seconds=30))

    def _signer(self, tx: Connection, task_id: str) -> tuple[Task, Certified, str] | None:
        task = store.find_task(tx, task_id)
        if task is None or task.state != ANSWERED or task.token is not None:
            return None
        return task, *seal_key(tx, self._desk, task.department)

    def _signed_payload(self, task: Task, said: Mapping[str, Any], signed_by: str) -> dict[str, Any]:
        by_department = signed_by == "department"
        content = {
            name: said[name]
            for name in ("question", "result", "values", "reason", "department", "answered_by", "answered_at")
        }
        return {
            "iss": self._desk.issuer_uri(task.department) if by_department else self._public_url,
            "iat": int(datetime.fromisoformat(said["answered_at"]).timestamp()),
            "jti": task.id,
            "signed_by": signed_by,
            "answer_sha256": said["digest"],
            **content,
        }

    def _asked(self, task: Task) -> dict[str, Any]:
        if task.state != OPEN:
            return {}
        key = self._vault.data_key(task.data_key, task.kek_kid)
        question = opened(key, task.id, "question", task.question)
        return {name: question[name] for name in ("person", "title", "matter", "legal_basis", "form")}

    def _told(self, task: Task, now: datetime) -> dict[str, Any]:
        return {
            "id": task.id,
            "department": task.department,
            "state": task.state,
            "opened_at": rfc3339(task.opened_at),
            "due_at": rfc3339(task.due_at),
            "overdue": task.state == OPEN and now > task.due_at,
            "result": task.result,
            "answered_at": rfc3339(task.answered_at) if task.answered_at else None,
            "signed_by": task.signed_by,
            "reusable_until": task.reusable_until,
        }


def end_tasks(tx: Connection, case: cases.Case) -> None:
    """In the transaction that closes a case: nobody wants an answer any more."""
    store.lapse_tasks(tx, case.id)


def _own(actor: Actor, task: Task | None) -> Task:
    if task is None:
        raise MissingError("verification_task")
    actor.require(*_OFFICERS, owner=task.owner_department_id)
    return task


def _check(question: Mapping[str, Any], result: str, values: Mapping[str, Any], reason: str) -> None:
    if result not in RESULTS:
        raise AnswerError("one_of:" + ",".join(RESULTS), "/result")
    if len(reason) > _REASON:
        raise AnswerError("too_long", "/reason")
    if result != CONFIRMED:
        if not reason:
            raise AnswerError("missing", "/reason")
        if values:
            raise AnswerError("only_when_confirmed", "/values")
        return
    form = {item["field"]: Kind(item["kind"]) for item in question["form"]}
    if set(values) - set(form):
        raise AnswerError("unknown_field", "/values")
    for code, kind in form.items():
        if code not in values:
            raise AnswerError("missing", f"/values/{code}")
        if read_value(kind, values[code]) is None:
            raise AnswerError(f"kind:{kind.value}", f"/values/{code}")


def _reusable_until(question: Mapping[str, Any], result: str, now: datetime) -> str | None:
    days = int(question["reusable_days"])
    today: date = now.astimezone(BEIJING).date()
    return (today + timedelta(days=days)).isoformat() if days and result == CONFIRMED else None
