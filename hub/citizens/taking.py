"""A counter takes a code: who stands there goes into the case, inside the hub; the clerk's machine gets nothing.

First the code is looked up (`read`), which changes nothing; it is used up in the transaction that opens the case
(`take`), so that of two who scan it at once one has a case, and a case that could not be opened costs no code. Unknown,
used, over, another counter's: all look alike to whoever tries.

A code of somebody who acts for another stands for the other, and names who acts; whether he still may is judged when it
is looked up, and again in the transaction that opens the case.

Guessing: a long code has 86 random bits and lives a minute. A short one opens at one department's counters; wrong ones
are counted per clerk and per department in the database, and slowed from 30 seconds to 15 minutes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row

from hub.access.actors import Actor
from hub.access.staff_throttle import Throttle
from hub.citizens import presentation_store as store
from hub.citizens.acting.recording import write
from hub.citizens.acting.standing import Standing
from hub.citizens.acting.values import Principal
from hub.citizens.code_rows import LIVE, TAKEN
from hub.citizens.codes import Code
from hub.citizens.errors import HolderSignInNeededError, PresentationRefusedError
from hub.citizens.notices.kinds import NoticeKind
from hub.citizens.notices.notify import notify
from hub.citizens.present import lock_holder
from hub.citizens.presentations import code_hash, opened
from hub.citizens.values import Identity
from hub.clock import Clock
from hub.ledger.entries import Draft, append, seal
from hub.ledger.spent import END
from hub.storage.database import Database
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import DataKey, Vault

KIND: Final = "presentation_code"
"""Of the corroboration that it is; its reference is the presentation's id."""


@dataclass(frozen=True, slots=True)
class Agent:
    """Who shows a code of somebody else's, and by which acting of his."""

    identity: Identity = field(repr=False)
    key: str
    principal_id: str


@dataclass(frozen=True, slots=True)
class Here:
    """Somebody who stands at this counter, by a code that was not taken yet; or for whom `agent` does."""

    presentation_id: str
    subject_id: str
    identity: Identity = field(repr=False)
    agent: Agent | None = None


class Taking:
    """Takes codes for the counters of a department."""

    def __init__(self, database: Database, *, vault: Vault, standing: Standing, log_key: DataKey, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._standing = standing
        self._log_key = log_key
        self._clock = clock
        self._throttle = Throttle(vault)

    async def read(self, actor: Actor, department_id: str, code: Code, *, matter: str) -> Here:
        """Whose code it is, shown for this matter or life event. A refusal goes on the ledger first, and where there is
        a holder he is told.

        Raises: PresentationRefusedError; LockedOutError: too many short codes that were wrong.
        """
        now = self._clock()
        # Two transactions for a short one: a wrong guess stays counted though the second one should fail.
        if code.typed:
            await self._database.write(lambda tx: self._count(tx, actor, department_id, now))
        found = await self._database.write(lambda tx: self._read(tx, actor, department_id, code, matter, now))
        if found is None:
            raise PresentationRefusedError
        return found

    def take(
        self, actor: Actor, department_id: str, here: Here, *, matter: str
    ) -> Callable[[Connection, str | None, str], None]:
        """What is done in the transaction that opens the case, with its id and number; or with a life event's number.

        Raises, when it is done: PresentationRefusedError when somebody was first, it is over by now, or he was erased
            since it was looked up.
        """

        def use_up(tx: Connection, case_id: str | None, case_no: str) -> None:
            try:
                for subject_id in sorted({here.subject_id, here.agent.principal_id if here.agent else here.subject_id}):
                    lock_holder(tx, subject_id)
            except HolderSignInNeededError:  # a case of nobody, and an entry under a destroyed key
                raise PresentationRefusedError from None
            now = self._clock()
            principal = self._principal(tx, here, matter, now)  # behind the lock, which a withdrawal takes too
            row = store.CODES.own(tx, here.presentation_id)
            if row is None or not store.CODES.end(
                tx, here.presentation_id, TAKEN, now, taken_by=department_id, case_no=case_no
            ):
                raise PresentationRefusedError
            detail = {"by": actor.as_json(), "case_no": case_no, "matter": matter, "presentation": row.id}
            detail |= {"department_id": department_id}
            self._record(tx, row, "presentation.taken", detail, now, case_id=case_id, object_version=END)
            notify(tx, row.subject_id, NoticeKind.CODE_TAKEN, about=row.id, now=now)
            if principal is not None and here.agent is not None:
                who = (here.subject_id, here.agent.identity)
                write(tx, self._vault, "acting.filed", who, principal, detail, now, case_id=case_id)

        return use_up

    def _principal(self, tx: Connection, here: Here, matter: str, now: datetime) -> Principal | None:
        """For whom he acts, if he does. Raises: PresentationRefusedError: he may not any more, or not in this."""
        if here.agent is None:
            return None
        found = self._standing.one(tx, here.subject_id, here.agent.identity, here.agent.key, now)
        if found is None or not found.may_file(matter):
            raise PresentationRefusedError
        return found

    def _count(self, tx: Connection, actor: Actor, department_id: str, now: datetime) -> None:
        self._throttle.claim(tx, user_name=_clerk(actor), peer=f"typed:{department_id}", now=now)

    def _read(
        self, tx: Connection, actor: Actor, department_id: str, code: Code, matter: str, now: datetime
    ) -> Here | None:
        place = department_id if code.typed else None
        row = store.by_code(tx, code_hash(self._vault, code.digits, place or ""), department_id=place)
        if row is None:
            detail = {"by": actor.as_json(), "reason": "presentation_unknown"}
            append(tx, [seal(Draft(kind="refusal", detail=detail, key=self._log_key), now=now)])
            return None
        elsewhere = row.department_id is not None and row.department_id != department_id
        if elsewhere or not store.CODES.lives(row, now):
            twice = row.state == TAKEN or (row.state == LIVE and row.spent)
            reason = "elsewhere" if elsewhere else "twice" if twice else "late"
            self._refused(tx, row, actor, department_id, reason, now)
            return None
        if code.typed:
            self._throttle.succeeded(tx, user_name=_clerk(actor), peer=f"typed:{department_id}", now=now)
        try:
            content = opened(self._vault, row)
        except IntegrityBrokenError:  # he was erased within this minute, or somebody changed the row
            content = {}
        # A code opens the row that it was made for, whichever its hash was moved to by SQL.
        if content.get("typed" if code.typed else "code") != code.digits:
            self._refused(tx, row, actor, department_id, "unreadable", now)
            return None
        here = _here(row, content)
        try:
            self._principal(tx, here, matter, now)
        except PresentationRefusedError:
            self._refused(tx, row, actor, department_id, "acting", now)
            return None
        return here

    def _refused(
        self, tx: Connection, row: Row[Any], actor: Actor, department_id: str, reason: str, now: datetime
    ) -> None:
        store.CODES.refused(tx, row.id, department_id, now)
        detail = {"by": actor.as_json(), "department_id": department_id, "presentation": row.id, "reason": reason}
        self._record(tx, row, "presentation.refused", detail, now)

    def _record(
        self,
        tx: Connection,
        row: Row[Any],
        kind: str,
        detail: dict[str, Any],
        now: datetime,
        case_id: str | None = None,
        object_version: int | None = None,
    ) -> None:
        draft = Draft(
            kind=kind,
            detail=detail,
            key=self._vault.data_key(row.data_key, row.kek_kid),
            subject_id=row.subject_id,
            case_id=case_id,
            object_id=row.id if object_version else None,
            object_version=object_version,
        )
        append(tx, [seal(draft, now=now)])


def _here(row: Row[Any], content: Mapping[str, Any]) -> Here:
    agent = content.get("agent")
    who = Agent(_identity(agent), agent["key"], agent["principal"]) if agent else None
    return Here(row.id, row.subject_id, _identity(content), who)


def _identity(said: Mapping[str, Any]) -> Identity:
    return Identity(said["id_type"], said["id_number"], said["name"])


def _clerk(actor: Actor) -> str:
    return f"typed {actor.id}"
