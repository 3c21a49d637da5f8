"""A department's superior 上级部门 is named, changed and taken away: a change by two operators, or the command line's.

One step up and no further: who reviews for it. Nobody is over himself, nor over somebody who is over him, by however
many steps, as things stand when he is named; after a succession a step that leads back to the department itself is
none (`superior_rows`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from catalog.declared import text
from catalog.errors import DefinitionError
from hub.access.actors import Actor, Role
from hub.clock import Clock
from hub.ledger.entries import Draft, append, seal
from hub.ledger.guards import latest_changes
from hub.registry.departments import superior_rows as rows
from hub.registry.departments.store import DepartmentView, lock_departments, open_department, read_departments
from hub.registry.requests.errors import SamePersonError
from hub.storage.database import Database
from hub.storage.vault import DataKey, Vault

SUPERIOR: Final = "department.superior"
_MEMBERS: Final = frozenset({"department", "superior", "legal_basis"})
_MOST: Final = 200


@dataclass(frozen=True, slots=True)
class Naming:
    """Departments by USCC; `superior` empty: it has none any more."""

    department: str
    superior: str
    legal_basis: str

    @classmethod
    def read(cls, payload: Mapping[str, Any]) -> "Naming":
        """`department`, `superior` (may be missing), `legal_basis`. Raises: DefinitionError."""
        if unknown := payload.keys() - _MEMBERS:
            raise DefinitionError(f"superior: {min(unknown)} is unknown; it takes {', '.join(sorted(_MEMBERS))}")
        superior = payload.get("superior") or ""
        named = {name: text(payload.get(name), f"superior: {name}") for name in ("department", "legal_basis")}
        if not isinstance(superior, str) or len(named["legal_basis"]) > _MOST:
            raise DefinitionError(f"superior: a code, and a legal basis of at most {_MOST} characters")
        return cls(named["department"], superior.strip(), named["legal_basis"])


class Superiors:
    """Use cases over who is over whom."""

    def __init__(self, database: Database, *, vault: Vault, log_key: DataKey, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._log_key = log_key
        self._clock = clock

    async def name(self, actor: Actor, naming: Naming) -> None:
        """Name it at once; an operator proposes it (`SUPERIOR`).

        Raises: MissingError, ForbiddenError, SamePersonError; DefinitionError: closed, itself, or a ring.
        """
        actor.require(Role.OPERATOR)
        if actor.kind != "command":  # whoever runs commands holds the hub's keys anyway
            raise SamePersonError
        now = self._clock()
        await self._database.write(lambda tx: self.put(tx, naming, actor, now))

    def by_two(self, tx: Connection, payload: Mapping[str, Any], confirmer: Actor, now: datetime) -> dict[str, Any]:
        """What two operators agreed on; a unit of `two_person`. Raises: as `name`."""
        naming = Naming.read(payload)
        self.put(tx, naming, confirmer, now)
        return {"department": naming.department, "superior": naming.superior or None}

    def put(self, tx: Connection, naming: Naming, actor: Actor, now: datetime) -> None:
        """In the caller's transaction. Raises: as `name`."""
        # Every department, so that of two namings that make a ring together one waits, and sees the other.
        lock_departments(tx, list(read_departments(tx).by_id))
        departments = read_departments(tx)
        department = open_department(departments, naming.department)
        superior = open_department(departments, naming.superior) if naming.superior else None
        if superior is not None:
            over = rows.superiors(tx, self._vault, departments)
            _refuse_ring(department, superior, over)
        # By the ledger, and not by a row that somebody may have put back.
        version = latest_changes(tx, [department.id]).get(department.id, ("", 0))[1] + 1
        detail = {
            "department": department.code,
            "superior": superior.code if superior else None,
            "legal_basis": naming.legal_basis,
            "actor": actor.as_json(),
        }
        draft = Draft(kind=SUPERIOR, detail=detail, key=self._log_key, object_id=department.id, object_version=version)
        entry = seal(draft, now=now)
        append(tx, [entry])
        rows.put(
            tx, self._vault, department_id=department.id, superior_id=superior.id if superior else None,
            legal_basis=naming.legal_basis, row_version=version, ledger_entry_id=entry.id, changed_at=now,
        )  # fmt: skip


def _refuse_ring(department: DepartmentView, superior: DepartmentView, over: Mapping[str, DepartmentView]) -> None:
    step: DepartmentView | None = superior
    for _ in range(len(over) + 1):
        if step is None:
            return
        if step.id == department.id:
            raise DefinitionError(f"superior: {superior.code} is {department.code}, or stands under it")
        step = over.get(step.id)
