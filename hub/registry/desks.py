"""The counter 受理台 of a department: the one system under which its clerks take cases.

What clerks may have is what owners granted this system. A new one has nothing, so a department makes its own; one that
has grants becomes a counter by two persons, for more people than before then act under them.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, and_, select, update

from catalog.errors import DefinitionError
from catalog.tables import DepartmentRow, SystemRow, table
from hub.access.actors import COMMAND, Actor, Role
from hub.access.service import SANDBOX_PREFIX
from hub.registry.proposal import Action
from hub.registry.reading import text
from hub.registry.recording import record
from hub.storage.errors import MissingError
from hub.storage.vault import DataKey

COUNTER: Final = "counter"
SYSTEM_DESK: Final = "system.desk"
_SYSTEMS: Final = table(SystemRow)
_DEPARTMENTS: Final = table(DepartmentRow)


@dataclass(frozen=True, slots=True)
class Desk:
    """A counter as its department sees it."""

    system_id: str
    client_id: str
    name_zh: str
    name_en: str
    active: bool


def read_desk(tx: Connection, value: Any, department_id: str) -> str | None:
    """`counter` or nothing; a department has one. Raises: DefinitionError."""
    if value is None:
        return None
    if value != COUNTER:
        raise DefinitionError("system: desk is `counter` or left out")
    if desk_of(tx, department_id) is not None:
        raise DefinitionError("system: the department has a counter already; end that one first")
    return COUNTER


def desk_of(tx: Connection, department_id: str) -> Desk | None:
    """The counter of a department, in use or not."""
    where = and_(_SYSTEMS.c.owner_department_id == department_id, _SYSTEMS.c.desk == COUNTER)
    row = tx.execute(select(_SYSTEMS).where(where)).first()
    return None if row is None else Desk(row.id, row.client_id, row.name_zh, row.name_en, row.active)


def check_desk(payload: dict[str, Any]) -> None:
    """Whether `client_id` and `counter` (true: it becomes one; false: it ends) are there. Raises: DefinitionError."""
    text(payload, "client_id")
    if not isinstance(payload.get("counter"), bool):
        raise DefinitionError("system: counter is true or false")


def owner_of_system(tx: Connection, payload: dict[str, Any]) -> str | None:
    """The id of the department that the system belongs to."""
    found: str | None = tx.execute(
        select(_SYSTEMS.c.owner_department_id).where(_SYSTEMS.c.client_id == payload.get("client_id"))
    ).scalar()
    return found


def set_desk(tx: Connection, key: DataKey, payload: dict[str, Any], by: Actor, now: datetime) -> None:
    """Make a system its department's counter, or end that; its clerks are let in, or out, from this commit on.

    Raises: DefinitionError, MissingError.
    """
    client_id, counter = text(payload, "client_id"), bool(payload.get("counter"))
    department_id = owner_of_system(tx, payload)
    if department_id is None:
        raise MissingError("system")
    if client_id.startswith(SANDBOX_PREFIX):
        raise DefinitionError("system: a sandbox credential is nobody's counter")
    desk = read_desk(tx, COUNTER if counter else None, department_id)
    tx.execute(update(_SYSTEMS).where(_SYSTEMS.c.client_id == client_id).values(desk=desk))
    kind = "system.counter" if counter else "system.counter_ended"
    record(tx, key, by, kind, {"client_id": client_id}, now=now)


def desk_action(key: DataKey) -> Action:
    """By two persons: a consumer's engineer proposes, an approver of the department or an operator confirms."""

    def make(tx: Connection, payload: dict[str, Any], by: Actor, now: datetime) -> dict[str, Any]:
        set_desk(tx, key, payload, by, now)
        return {"system": payload["client_id"]}

    proposers = (Role.CONSUMER_ENGINEER, Role.OWNER_APPROVER)
    return Action(check_desk, make, owner=owner_of_system, proposers=proposers)


def department_of(tx: Connection, actor: Actor, code: str | None) -> str:
    """The code of the department for which somebody makes a counter: his own, or for the command line any.

    Raises: DefinitionError.
    """
    where = _DEPARTMENTS.c.code == code if actor is COMMAND else _DEPARTMENTS.c.id == actor.department_id
    found: str | None = tx.execute(select(_DEPARTMENTS.c.code).where(where)).scalar()
    if found is None:
        raise DefinitionError("system: only a department has a counter")
    return found
