"""An objection that came to the wrong office is handed to the right one; the clock goes on as it runs.

Once from one to the other, and once back. Who still disagrees hands it to the operator, and where the operator puts it,
it stays. A review stays with who reviews, and what a superior ordered with whom he ordered it from. Each step is an
entry under the person's key, which he reads, and the path is read from these entries alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, select

from catalog.tables import table
from hub.access.actors import Actor
from hub.citizens.objections import store
from hub.citizens.objections.errors import ObjectionError, ObjectionOverError
from hub.citizens.objections.filing import tell_staff
from hub.citizens.objections.sealing import opened
from hub.citizens.objections.values import ORDERED, REVIEW, Kind, Objection, State
from hub.citizens.objections.whose import owned
from hub.clock import Clock
from hub.ledger.entries import Draft, append, open_detail, seal
from hub.ledger.tables import LedgerEntryRow
from hub.registry.departments.store import Departments, read_departments
from hub.registry.meanings import Words
from hub.storage.database import Database
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import Vault

HANDED: Final = "objection.handed"
_REASON: Final = 500
OPERATOR: Final[Words] = ("平台运行单位", "the operator of the hub")
_ENTRIES: Final = table(LedgerEntryRow)


@dataclass(frozen=True, slots=True)
class Handed:
    """One step. `giver`, `taker`: ids of departments, None: the operator."""

    giver: str | None
    taker: str | None
    names: tuple[Words, Words]
    reason: str
    at: datetime


class Handing:
    """Use cases of those who answer."""

    def __init__(self, database: Database, *, vault: Vault, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._clock = clock

    async def hand(self, actor: Actor, objection_id: str, *, department: str, reason: str) -> None:
        """To a department by its code; empty: to the operator, who decides whose it is.

        Raises: MissingError, ForbiddenError, ObjectionOverError; ObjectionError: no reason, no such department, it went
            this way before, or the operator has decided.
        """
        reason = reason.strip()
        if not 0 < len(reason) <= _REASON:
            raise ObjectionError("too_long" if reason else "missing", "/reason")
        await self._database.write(lambda tx: self._hand(tx, actor, objection_id, department.strip(), reason))

    async def path(self, objection_id: str) -> Sequence[Handed]:
        """Where it went, the first step first. For callers who have looked whose it is."""

        def unit(tx: Connection) -> Sequence[Handed]:
            found = store.find(tx, objection_id)
            return () if found is None else path_of(tx, self._vault, found)

        return await self._database.read(unit)

    def _hand(self, tx: Connection, actor: Actor, objection_id: str, code: str, reason: str) -> None:
        found = owned(actor, store.find(tx, objection_id, lock=True))
        if found.state is not State.RUNNING:
            raise ObjectionOverError
        if not store.is_whole(self._vault, found):
            raise IntegrityBrokenError("objections")
        key = self._vault.data_key(found.data_key, found.kek_kid)
        kept = str(opened(key, found.id, "content", found.content)["key"]).startswith((REVIEW, ORDERED))
        if kept or found.kind is Kind.RATING:  # a second look, or what came of it; about what this department did
            raise ObjectionError("not_handed", "/department")
        taker, path = _taker(read_departments(tx), code), path_of(tx, self._vault, found)
        if taker == found.department_id:
            raise ObjectionError("same_department", "/department")
        decided = any(step.giver is None for step in path)
        before = [(step.giver, step.taker) for step in path]
        if found.department_id is not None and (decided or (found.department_id, taker) in before):
            raise ObjectionError("decided" if decided else "handed_before", "/department")
        now = self._clock()
        draft = Draft(
            kind=HANDED,
            detail={
                "objection": found.id,
                "kind": found.kind.value,
                "department_id": found.department_id,
                "to": taker,
                "reason": reason,
                "by": actor.as_json(),
            },
            key=key,
            subject_id=found.subject_id,
            object_id=found.id,
            object_version=len(path) + 1,
        )
        append(tx, [seal(draft, now=now)])
        if not store.hand(tx, self._vault, found, taker):
            raise ObjectionOverError
        tell_staff(tx, found.id, found.kind, taker, "raised", now)


def path_of(tx: Connection, vault: Vault, found: Objection) -> list[Handed]:
    """The steps so far; of a person who was erased, none."""
    query = select(_ENTRIES).where(_ENTRIES.c.object_id == found.id).order_by(_ENTRIES.c.object_version)
    rows = tx.execute(query).all()
    if not rows or found.state is State.ERASED:
        return []
    key, departments = vault.data_key(found.data_key, found.kek_kid), read_departments(tx)
    steps = []
    for row in rows:
        try:
            said = open_detail(row.id, row.detail, row.commitment, key=key)["detail"]
        except ValueError:
            raise IntegrityBrokenError("ledger_entries") from None
        ends = said["department_id"], said["to"]
        names = _name(departments, ends[0]), _name(departments, ends[1])
        steps.append(Handed(ends[0], ends[1], names, said["reason"], row.recorded_at))
    return steps


def _taker(departments: Departments, code: str) -> str | None:
    if not code:
        return None
    named = departments.by_code(code)
    if named is None:
        raise ObjectionError("unknown_department", "/department")
    return departments.current(named.id).id


def _name(departments: Departments, department_id: str | None) -> Words:
    found = departments.by_id.get(department_id) if department_id else None
    return (found.name_zh, found.name_en) if found else OPERATOR
