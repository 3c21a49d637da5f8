"""Notices to staff: a code and what it is about, shown on the console; never data, never a person.

To whoever fills a role in a department, and read for all of them when one has read it: the work is the post's.
Notices about an account go to its person: `hub.access.staff_notices`, which says why they are not these.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, and_, insert, or_, select, update

from catalog.tables import table
from hub.access.actors import Actor, Role
from hub.clock import Clock, new_id, rfc3339
from hub.registry.notice_words import WORDS
from hub.registry.tables import NoticeRow
from hub.storage.database import Database
from hub.storage.errors import MissingError

_NOTICES: Final = table(NoticeRow)
MAX_LISTED: Final = 200
_NAME: Final = 120


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice as shown."""

    id: str
    department_id: str | None
    role: str
    code: str
    object_kind: str
    object_id: str
    at: datetime
    seen_at: datetime | None

    def as_json(self) -> dict[str, Any]:
        """With its words in both languages."""
        zh, en = WORDS[self.code]
        return {
            "id": self.id,
            "code": self.code,
            "zh": zh,
            "en": en,
            "object": {"kind": self.object_kind, "id": self.object_id},
            "at": rfc3339(self.at),
            "seen_at": rfc3339(self.seen_at) if self.seen_at else None,
        }


class NoticeService:
    """Shows notices to those whom they are for."""

    def __init__(self, database: Database, *, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def list(self, actor: Actor, *, unseen: bool = False) -> list[Notice]:
        """The newest 200 for his department and roles."""
        query = select(_NOTICES).where(concerns(actor)).order_by(_NOTICES.c.id.desc()).limit(MAX_LISTED)
        if unseen:
            query = query.where(_NOTICES.c.seen_at.is_(None))
        rows = await self._database.read(lambda tx: tx.execute(query).all())
        return [
            Notice(row.id, row.department_id, row.role, row.code, row.object_kind, row.object_id, row.at, row.seen_at)
            for row in rows
        ]

    async def see(self, actor: Actor, notice_id: str) -> None:
        """Mark one as seen, for everybody it is for. Raises: MissingError."""
        now = self._clock()
        where = and_(_NOTICES.c.id == notice_id, concerns(actor))
        values = {"seen_at": now, "seen_by": actor.id}

        def unit(tx: Connection) -> bool:
            return tx.execute(update(_NOTICES).where(where).values(**values)).rowcount == 1

        if not await self._database.write(unit):
            raise MissingError("notice")


def notify(
    tx: Connection,
    code: str,
    *,
    department_id: str | None,
    role: Role,
    about: tuple[str, str],
    now: datetime,
    once: str = "",
) -> None:
    """Write a notice in the transaction of its cause. `about`: kind and id of an object.

    With `once` there is one of that name only, however often the cause is told.
    """
    if code not in WORDS:
        raise ValueError("a notice without words")
    notice_id = new_id()
    # The role too: a department that asks itself is told on both sides.
    name = _name(f"{code}:{about[1]}:{department_id}:{role}:{once}") if once else notice_id
    if once and tx.execute(select(_NOTICES.c.id).where(_NOTICES.c.once == name)).first() is not None:
        return
    tx.execute(
        insert(_NOTICES).values(
            id=notice_id,
            department_id=department_id,
            role=role.value,
            code=code,
            object_kind=about[0],
            object_id=about[1],
            once=name,
            at=now,
        )
    )


def _name(text: str) -> str:
    """Cut off alone, two that differ at their end would be one."""
    return text if len(text) <= _NAME else f"{text[: _NAME - 65]}:{hashlib.sha256(text.encode()).hexdigest()}"


def concerns(actor: Actor) -> Any:
    """The condition that a notice is for this actor: his department and one of his roles."""
    if actor.kind == "command":
        return _NOTICES.c.id.is_not(None)
    roles = [role.value for role in actor.roles]
    place = _NOTICES.c.department_id == actor.department_id
    if Role.OPERATOR in actor.roles:
        place = or_(place, _NOTICES.c.department_id.is_(None))
    return and_(place, _NOTICES.c.role.in_(roles))
