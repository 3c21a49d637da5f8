"""Working the desk for dead ends 办不成事: taking one in hand, handing it on to a department, answering it.

The desk is the operator's. A department to which he hands one on works it with the same clock, and answers it or gives
it back. Whoever sent one sees how it goes.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, and_, or_, update

from catalog.errors import DefinitionError
from catalog.store import find_department
from hub.access.actors import Actor, Role
from hub.access.errors import ForbiddenError
from hub.clock import Clock, rfc3339
from hub.intake import store
from hub.intake.handling.dead_end_rows import (
    ANSWERED,
    ENDS,
    OPEN,
    OUTCOMES,
    counted,
    course_of,
    place,
    rows,
    sealed_course,
    shown,
)
from hub.intake.handling.steps import case_data_key
from hub.intake.store import Case
from hub.intake.told.telling import CaseEvent, tell
from hub.ledger.entries import Draft, append, seal
from hub.registry.notices import notify
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.vault import Vault
from signing.canonical import canonical

WORKERS: Final = (Role.OWNER_APPROVER, Role.DECIDER)
"""Who of a department works what was handed on to it."""
READERS: Final = (Role.OPERATOR, Role.AUDITOR, Role.CLERK, *WORKERS)
_LONGEST: Final = 2000
_MOST_STEPS: Final = 100
_Unit = Callable[[Connection, Row[Any], Case], dict[str, Any]]


class Desk:
    """Shows dead ends to those whom they concern, and takes what is done with them."""

    def __init__(self, database: Database, *, vault: Vault, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._clock = clock

    async def queue(self, actor: Actor, *, everything: bool = False) -> list[dict[str, Any]]:
        """What waits, the most urgent first; `everything`: what was answered too, the newest thousand. Operators see
        all, auditors without words, people of a department what it sent, its workers what was handed on to it.
        """
        actor.require(*READERS)
        mine = None if _whole(actor) else _concerning(actor)
        waiting = None if everything else ENDS.c.state == OPEN
        wanted = [item for item in (mine, waiting) if item is not None]

        def unit(tx: Connection) -> list[dict[str, Any]]:
            where = None if not wanted else wanted[0] if len(wanted) == 1 else wanted[0] & wanted[1]
            return [self._shown(actor, case, row) for row in rows(tx, where) if (case := _case(tx, row)) is not None]

        return sorted(await self._database.read(unit), key=lambda item: (item["state"] != OPEN, str(item["due_at"])))

    async def one(self, actor: Actor, dead_end: str) -> dict[str, Any]:
        """One of them, with its words as in `queue`; `may_work`: whether the actor may take and answer it now.

        Raises: MissingError, ForbiddenError.
        """
        actor.require(*READERS)

        def unit(tx: Connection) -> dict[str, Any]:
            row = next(iter(rows(tx, ENDS.c.id == dead_end)), None)
            case = _case(tx, row) if row is not None and _sees(actor, row) else None
            if row is None or case is None:
                raise MissingError("dead_end")
            return self._shown(actor, case, row) | {"may_work": row.state == OPEN and _works(actor, row)}

        return await self._database.read(unit)

    async def take(self, actor: Actor, dead_end: str, *, instead_of: str | None) -> bool:
        """Have it in hand, `instead_of` whoever had it when the actor looked; False: somebody else took it since.

        Raises: ForbiddenError, MissingError: none that waits.
        """

        def unit(tx: Connection, row: Row[Any], case: Case) -> dict[str, Any]:
            if row.taken_by != instead_of:
                return {}
            return self._moved(tx, actor, row, case, "taken", None, {"taken_by": actor.id})

        return bool(await self._work(actor, dead_end, unit))

    async def hand_on(self, actor: Actor, dead_end: str, department: str, text: str) -> dict[str, Any]:
        """Have a department work it, which is told; the clock goes on. The operator's alone.

        Raises: ForbiddenError, MissingError, DefinitionError: no such department at work, or nothing said.
        """
        actor.require(Role.OPERATOR)
        said = _said(text)

        def unit(tx: Connection, row: Row[Any], case: Case) -> dict[str, Any]:
            found = find_department(tx, department)
            if found is None or found.closed:
                raise DefinitionError("dead end: no such department")
            values = {"with_department_id": found.id, "taken_by": None}
            told = self._moved(tx, actor, row, case, "handed_on", said, values, department=found.code)
            for role in WORKERS:
                about = ("dead_end", row.id)
                notify(tx, "dead_end.handed_on", department_id=found.id, role=role, about=about, now=self._clock())
            return told

        return await self._work(actor, dead_end, unit)

    async def give_back(self, actor: Actor, dead_end: str, text: str) -> dict[str, Any]:
        """The department says why it is not its to solve; the operator has it again, and hears of it.

        Raises: ForbiddenError, MissingError: none that lies with the actor's department; DefinitionError.
        """
        actor.require(*WORKERS)
        said = _said(text)

        def unit(tx: Connection, row: Row[Any], case: Case) -> dict[str, Any]:
            if row.with_department_id is None:
                raise MissingError("dead_end")
            about = ("dead_end", row.id)
            notify(tx, "dead_end.given_back", department_id=None, role=Role.OPERATOR, about=about, now=self._clock())
            values = {"with_department_id": None, "taken_by": None}
            return self._moved(tx, actor, row, case, "given_back", said, values, department=row.with_department)

        return await self._work(actor, dead_end, unit)

    async def answer(self, actor: Actor, dead_end: str, outcome: str, text: str) -> dict[str, Any]:
        """Say what becomes of it; its system and its department are told. By the operator, or by whom he handed it to.

        Raises: ForbiddenError, MissingError: none that waits; DefinitionError.
        """
        if outcome not in OUTCOMES or not 0 < len(text.strip()) <= _LONGEST:
            raise DefinitionError(f"dead end: an outcome of {', '.join(OUTCOMES)}, and an answer in words")
        now, said = self._clock(), text.strip()

        def unit(tx: Connection, row: Row[Any], case: Case) -> dict[str, Any]:
            key = case_data_key(self._vault, case)
            sealed = key.encrypt(place(row.id, "answer"), canonical({"by": actor.as_json(), "text": said}))
            ended = {"state": ANSWERED, "standing": None, "outcome": outcome, "answer": sealed, "answered_at": now}
            tx.execute(update(ENDS).where(ENDS.c.id == row.id).values(**ended))
            entry_id = self._record(tx, actor, row, case, "answered", now, outcome=outcome, text=said)
            event, about = CaseEvent.DEAD_END_ANSWERED, ("dead_end", row.id)
            tell(tx, case.id, event, entry_id=entry_id, now=now, code=row.code, party=row.party, about=row.id)
            notify(tx, "dead_end.answered", department_id=row.department_id, role=Role.CLERK, about=about, now=now)
            return self._shown(actor, case, _again(tx, row))

        return await self._work(actor, dead_end, unit)

    async def statistics(self, actor: Actor) -> dict[str, Any]:
        """How many came for which reason, from which department, how they ended, and how many too late."""
        actor.require(Role.OPERATOR, Role.AUDITOR)
        return await self._database.read(lambda tx: counted(tx, self._clock()))

    async def _work(self, actor: Actor, dead_end: str, unit: _Unit) -> dict[str, Any]:
        """Do something with one that waits, alone: the case is locked, and the row is read anew under its lock."""
        actor.require(Role.OPERATOR, *WORKERS)

        def locked(tx: Connection) -> dict[str, Any]:
            found = next(iter(rows(tx, ENDS.c.id == dead_end)), None)
            if found is None or not _sees(actor, found):
                raise MissingError("dead_end")
            case = store.lock_for_change(tx, found.case_id)
            row = _again(tx, found)
            if case is None or row.state != OPEN:
                raise MissingError("dead_end")
            if not _works(actor, row):
                raise ForbiddenError((Role.OPERATOR,))
            return unit(tx, row, case)

        return await self._database.write(locked)

    def _moved(
        self,
        tx: Connection,
        actor: Actor,
        row: Row[Any],
        case: Case,
        what: str,
        text: str | None,
        values: dict[str, Any],
        *,
        department: str | None = None,
    ) -> dict[str, Any]:
        now, key = self._clock(), case_data_key(self._vault, case)
        steps = course_of(key, row)
        if len(steps) >= _MOST_STEPS:
            raise DefinitionError("dead end: it was moved a hundred times: answer it")
        step = {"what": what, "at": rfc3339(now), "by": actor.id, "department": department, "text": text}
        course = sealed_course(key, row.id, [*steps, step])
        tx.execute(update(ENDS).where(ENDS.c.id == row.id).values(course=course, **values))
        self._record(tx, actor, row, case, what, now, department=department, text=text)
        return self._shown(actor, case, _again(tx, row))

    def _record(
        self, tx: Connection, actor: Actor, row: Row[Any], case: Case, what: str, now: datetime, **said: Any
    ) -> str:
        told = {"case_no": case.case_no, "dead_end": row.id, "actor": actor.as_json()}
        told |= {name: value for name, value in said.items() if value is not None}
        key = case_data_key(self._vault, case)
        entry = seal(Draft(kind=f"dead_end.{what}", detail=told, key=key, case_id=case.id), now=now)
        append(tx, [entry])
        return entry.id

    def _shown(self, actor: Actor, case: Case, row: Row[Any]) -> dict[str, Any]:
        theirs = {row.department_id, row.with_department_id} - {None}
        words = Role.OPERATOR in actor.roles or actor.department_id in theirs
        return shown(case, row, case_data_key(self._vault, case), self._clock(), words=words)


def waiting_at_desk(tx: Connection, actor: Actor) -> int:
    """How many the actor should work: for the home page."""
    lies_with = ENDS.c.with_department_id
    mine = lies_with.is_(None) if Role.OPERATOR in actor.roles else lies_with == (actor.department_id or "")
    return len(rows(tx, and_(mine, ENDS.c.state == OPEN)))


def _whole(actor: Actor) -> bool:
    return bool(actor.roles & {Role.OPERATOR, Role.AUDITOR})


def _concerning(actor: Actor) -> Any:
    mine = actor.department_id or ""
    sent = ENDS.c.department_id == mine
    return or_(sent, ENDS.c.with_department_id == mine) if actor.roles & set(WORKERS) else sent


def _sees(actor: Actor, row: Row[Any]) -> bool:
    handed = row.with_department_id == actor.department_id and bool(actor.roles & set(WORKERS))
    return _whole(actor) or (actor.department_id is not None and (row.department_id == actor.department_id or handed))


def _works(actor: Actor, row: Row[Any]) -> bool:
    if Role.OPERATOR in actor.roles:
        return True
    handed = actor.department_id is not None and row.with_department_id == actor.department_id
    return handed and bool(actor.roles & set(WORKERS))


def _said(text: str) -> str:
    if not 0 < len(text.strip()) <= _LONGEST:
        raise DefinitionError("dead end: say why, in at most 2000 characters")
    return text.strip()


def _case(tx: Connection, row: Row[Any]) -> Case | None:
    return store.case_by_id(tx, row.case_id)


def _again(tx: Connection, row: Row[Any]) -> Row[Any]:
    return rows(tx, ENDS.c.id == row.id)[0]
