"""Mandates between departments 委托受理: whoever decides lets another accept for it, both by their own people.

A row is believed by its MAC and by its latest ledger entry, so that none is written, changed or brought back past them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Connection, and_, or_, select

from catalog.errors import DefinitionError
from catalog.store import find_department
from catalog.tables import DepartmentRow, table
from hub.access.actors import Actor, Role
from hub.access.errors import ForbiddenError
from hub.clock import BEIJING, Clock, new_id, rfc3339
from hub.intake.handling.mandate_rows import (
    ENDED,
    LIVE,
    Mandate,
    believe,
    change_mandate,
    insert_mandate,
    mandate_of,
    record_mandate,
)
from hub.intake.handling.tables import MandateRow
from hub.ledger.guards import settled
from hub.registry.notices import notify
from hub.registry.proposal import Action
from hub.registry.reading import text
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.vault import DataKey, Vault

MANDATE: Final = "mandate.make"
_MANDATES: Final = table(MandateRow)
_DEPARTMENTS: Final = table(DepartmentRow)
_MOST_MATTERS: Final = 200
_LONGEST_TEXT: Final = 500
_LONGEST_CODE: Final = 64


@dataclass(frozen=True, slots=True)
class Asked:
    """A mandate as it is proposed."""

    giver: str
    taker: str
    matters: tuple[str, ...]
    legal_basis: str
    valid_from: date
    valid_until: date


def read_mandate(payload: dict[str, Any]) -> Asked:
    """Read a proposed mandate. Raises: DefinitionError."""
    matters = payload.get("matters")
    if not isinstance(matters, list) or not 0 < len(matters) <= _MOST_MATTERS:
        raise DefinitionError("mandate: matters is a list of 1 to 200 codes")
    if not all(isinstance(item, str) and 0 < len(item) <= _LONGEST_CODE for item in matters):
        raise DefinitionError("mandate: matters is a list of codes")
    if len(set(matters)) != len(matters):
        raise DefinitionError("mandate: matters are codes, each once")
    try:
        begin, end = (date.fromisoformat(text(payload, name)) for name in ("valid_from", "valid_until"))
    except ValueError:
        raise DefinitionError("mandate: valid_from and valid_until are days, as 2026-01-31") from None
    if end < begin:
        raise DefinitionError("mandate: valid_until is before valid_from")
    basis = text(payload, "legal_basis")
    if len(basis) > _LONGEST_TEXT:
        raise DefinitionError("mandate: legal_basis has at most 500 characters")
    asked = Asked(text(payload, "from"), text(payload, "to"), tuple(matters), basis, begin, end)
    if asked.giver == asked.taker:
        raise DefinitionError("mandate: a department needs none for itself")
    return asked


class Mandates:
    """Makes, shows and ends mandates, and says which one covers a case."""

    def __init__(self, database: Database, *, vault: Vault, log_key: DataKey, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._log_key = log_key
        self._clock = clock

    def action(self) -> Action:
        """The deciding department proposes it, an approver of the accepting one confirms it, and nobody else."""

        def tell(tx: Connection, payload: dict[str, Any], now: datetime) -> None:
            taker = self._department(tx, payload, "to")
            if taker is None:
                raise DefinitionError("mandate: to is a department at work")
            about = ("mandate", taker)
            notify(tx, "mandate.waiting", department_id=taker, role=Role.OWNER_APPROVER, about=about, now=now)

        return Action(
            read_mandate,
            self._make,
            tell=tell,
            owner=lambda tx, payload: self._department(tx, payload, "from"),
            seconder=lambda tx, payload: self._department(tx, payload, "to"),
        )

    async def make(self, actor: Actor, payload: dict[str, Any]) -> str:
        """Make one at once, for both departments, and answer its id: by the command line alone, which acts for every
        department. Raises: ForbiddenError, DefinitionError.
        """
        if actor.kind != "command":
            raise ForbiddenError((Role.OWNER_APPROVER,))
        now = self._clock()
        made = await self._database.write(lambda tx: self._make(tx, payload, actor, now))
        return str(made["mandate"])

    async def list(self, actor: Actor) -> list[dict[str, Any]]:
        """Mandates that the actor's department gave or was given; operator and auditor: all."""
        whole = actor.kind == "command" or bool(actor.roles & {Role.OPERATOR, Role.AUDITOR})
        mine = actor.department_id or ""
        where = or_(_MANDATES.c.from_department_id == mine, _MANDATES.c.to_department_id == mine)

        def unit(tx: Connection) -> list[dict[str, Any]]:
            query = select(_MANDATES) if whole else select(_MANDATES).where(where)
            codes = {row.id: row.code for row in tx.execute(select(_DEPARTMENTS.c.id, _DEPARTMENTS.c.code))}
            found = [mandate_of(row) for row in tx.execute(query.order_by(_MANDATES.c.id.desc()).limit(500))]
            return [shown(item, codes) for item in found]

        return await self._database.read(unit)

    async def end(self, actor: Actor, mandate_id: str, reason: str) -> None:
        """Either department's approver ends it alone; cases that were accepted under it stay accepted.

        Raises: MissingError, ForbiddenError, DefinitionError.
        """
        actor.require(Role.OWNER_APPROVER)
        if not 0 < len(reason.strip()) <= _LONGEST_TEXT:
            raise DefinitionError("mandate: a reason of at most 500 characters")
        now = self._clock()
        await self._database.write(lambda tx: self._end(tx, actor, mandate_id, reason.strip(), now))

    def covering(self, tx: Connection, giver: str, taker: str, matter: str, now: datetime) -> Mandate | None:
        """The mandate by which `taker` accepts for `giver` today, both by id; nobody ends it meanwhile.

        Raises: IntegrityBrokenError.
        """
        today = now.astimezone(BEIJING).date()
        where = and_(_MANDATES.c.from_department_id == giver, _MANDATES.c.to_department_id == taker)

        def look() -> list[Mandate]:
            query = select(_MANDATES).where(where).order_by(_MANDATES.c.id).with_for_update(read=True)
            found = [mandate_of(row) for row in tx.execute(query)]
            believe(tx, self._vault, found)
            return found

        return next((item for item in settled(look) if item.covers(matter, today)), None)

    def _make(self, tx: Connection, payload: dict[str, Any], by: Actor, now: datetime) -> dict[str, Any]:
        asked = read_mandate(payload)
        giver, taker = (find_department(tx, code) for code in (asked.giver, asked.taker))
        if giver is None or taker is None or giver.closed or taker.closed:
            raise DefinitionError("mandate: from and to are departments, both at work")
        mandate_id = new_id()
        made = Mandate(
            id=mandate_id,
            from_department_id=giver.id,
            to_department_id=taker.id,
            matters=asked.matters,
            legal_basis=asked.legal_basis,
            valid_from=asked.valid_from.isoformat(),
            valid_until=asked.valid_until.isoformat(),
            state=LIVE,
            confirmed_by=by.as_json(),
            row_version=1,
            mac=b"",
            created_at=now,
            ended_at=None,
        )
        insert_mandate(tx, self._vault, made)
        said = {"from": giver.code, "to": taker.code}
        record_mandate(tx, self._log_key, "mandate.made", made, by, said, now)
        return {"mandate": mandate_id}

    def _end(self, tx: Connection, actor: Actor, mandate_id: str, reason: str, now: datetime) -> None:
        row = tx.execute(select(_MANDATES).where(_MANDATES.c.id == mandate_id).with_for_update()).one_or_none()
        found = mandate_of(row) if row is not None else None
        theirs = {found.from_department_id, found.to_department_id} if found else set()
        if found is None or (actor.kind != "command" and actor.department_id not in theirs) or found.state != LIVE:
            raise MissingError("mandate")
        believe(tx, self._vault, [found])
        said = {"reason": reason}
        change_mandate(
            tx, self._vault, self._log_key, found, actor, now, ("mandate.ended", said), state=ENDED, ended_at=now
        )
        for department_id in sorted(theirs):
            about = ("mandate", mandate_id)
            notify(tx, "mandate.ended", department_id=department_id, role=Role.OWNER_APPROVER, about=about, now=now)

    def _department(self, tx: Connection, payload: Mapping[str, Any], name: str) -> str | None:
        found = find_department(tx, str(payload.get(name, "")))
        return found.id if found and not found.closed else None


def shown(mandate: Mandate, codes: Mapping[str, str]) -> dict[str, Any]:
    """A mandate as JSON."""
    return {
        "id": mandate.id,
        "from": codes.get(mandate.from_department_id),
        "to": codes.get(mandate.to_department_id),
        "matters": list(mandate.matters),
        "legal_basis": mandate.legal_basis,
        "valid_from": mandate.valid_from,
        "valid_until": mandate.valid_until,
        "state": mandate.state,
        "confirmed_by": mandate.confirmed_by,
        "created_at": rfc3339(mandate.created_at),
        "ended_at": rfc3339(mandate.ended_at) if mandate.ended_at else None,
    }
