"""The switch of a type 停用: thrown by one person at once, lifted by two.

While a type is stopped nothing of it is issued and nothing disclosed, in every process, from the commit on; whoever
verifies one is told that nobody can say. Licences stay as they are: nothing is revoked by it.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from catalog.store import find_department
from certificates.errors import TypeHaltedError
from certificates.stores import halts as halt_store
from certificates.stores.halts import Halt
from hub.access.actors import Actor, Role
from hub.access.errors import ForbiddenError
from hub.clock import Clock, new_id, rfc3339
from hub.issuing.types.registry import TypeRegistry
from hub.ledger.entries import Draft, append, seal
from hub.ledger.guards import latest_changes, settled
from hub.registry.errors import StateError
from hub.registry.reading import text
from hub.storage.database import Database
from hub.storage.errors import IntegrityBrokenError, MissingError
from hub.storage.idempotency import write_once
from hub.storage.vault import DataKey, Vault
from signing.canonical import canonical

HALTS_OBJECT: Final = "00000000-0000-7000-8000-000000000022"
"""Every stop and every lifting is an entry of this one object of the ledger, whose number counts them."""
_WHERE: Final = "certificate_type_halts"


@dataclass(frozen=True, slots=True)
class HaltView:
    """Whether a type is stopped, and each time that it was."""

    type_code: str
    halted: bool
    history: tuple[Halt, ...]

    def as_json(self) -> dict[str, Any]:
        """Additive only."""
        return {
            "type": self.type_code,
            "halted": self.halted,
            "history": [
                {
                    "halted_at": rfc3339(item.halted_at),
                    "halted_by": item.halted_by,
                    "reason": item.reason,
                    "legal_basis": item.legal_basis,
                    "lifted_at": rfc3339(item.lifted_at) if item.lifted_at else None,
                    "lifted_by": item.lifted_by or None,
                }
                for item in self.history
            ],
        }


class HaltService:
    """Stops types; lifting is an action of `hub.registry.two_person`."""

    def __init__(
        self, database: Database, *, vault: Vault, types: TypeRegistry, log_key: DataKey, clock: Clock
    ) -> None:
        self._database = database
        self._vault = vault
        self._types = types
        self._log_key = log_key
        self._clock = clock

    async def halt(self, actor: Actor, code_or_slug: str, *, reason: str, legal_basis: str) -> HaltView:
        """Stop a type, for the operator or an approver of its defining department.

        Raises: MissingError, ForbiddenError; DefinitionError without reason or legal basis; StateError when it is.
        """
        told = {"reason": text({"reason": reason}, "reason"), "legal_basis": text({"l": legal_basis}, "l")}
        code = self.code_of(code_or_slug)

        def unit(tx: Connection) -> HaltView:
            self._require(tx, actor, code)
            return self._halt(tx, actor, code, told)

        return await write_once(self._database, unit)

    async def view(self, actor: Actor, code_or_slug: str) -> HaltView:
        """Whether it is stopped; for anybody of the hub's staff. Raises: MissingError, IntegrityBrokenError."""
        if not actor.roles:
            raise ForbiddenError(sorted(Role))
        code = self.code_of(code_or_slug)
        return await self._database.read(lambda tx: self._view(tx, code))

    def check_lift(self, payload: dict[str, Any]) -> None:
        """Refuse at once what could never be lifted. Raises: DefinitionError, MissingError."""
        text(payload, "reason")
        self.code_of(text(payload, "code"))

    def lift(self, tx: Connection, payload: dict[str, Any], actor: Actor, now: datetime) -> dict[str, Any]:
        """Let the type go on, in the transaction in which a second person confirms it. Raises: StateError."""
        code = self.code_of(text(payload, "code"))
        halt = next((item for item in self._of(tx, code, for_update=True) if item.lifted_at is None), None)
        if halt is None:
            raise StateError("in_force", "lift")
        lifted = replace(halt, lifted_by=actor.as_json(), lifted_at=now, row_version=halt.row_version + 1)
        self._write(tx, lifted, "certificate.type.resumed", {"reason": payload["reason"]}, actor, now)
        return {"type": code}

    def owner_of(self, tx: Connection, payload: dict[str, Any]) -> str | None:
        """The department whose two persons may lift it: the one that defines the type."""
        department = find_department(tx, self.code_of(text(payload, "code"))[:18])
        return None if department is None or department.closed else department.id

    def code_of(self, code_or_slug: str) -> str:
        """The code of a type, though it be retired: licences of it still are. Raises: MissingError."""
        known = self._types.newest(code_or_slug)
        if known is None:
            raise MissingError("certificate type")
        return known.code

    def _require(self, tx: Connection, actor: Actor, code: str) -> None:
        if Role.OPERATOR in actor.roles:
            return
        defining = find_department(tx, code[:18])
        mine = actor.department_id is not None and defining is not None and actor.department_id == defining.id
        if not mine or Role.OWNER_APPROVER not in actor.roles:
            raise ForbiddenError([Role.OWNER_APPROVER, Role.OPERATOR])

    def _halt(self, tx: Connection, actor: Actor, code: str, told: Mapping[str, str]) -> HaltView:
        if any(item.lifted_at is None for item in self._of(tx, code, for_update=True)):
            raise StateError("halted", "halt")
        now = self._clock()
        halt = Halt(
            id=new_id(),
            type_code=code,
            halted_by=actor.as_json(),
            halted_at=now,
            lifted_by={},
            lifted_at=None,
            ledger_entry_id="",
            row_version=1,
            mac=b"",
            **told,
        )
        self._write(tx, halt, "certificate.type.halted", dict(told), actor, now)
        return self._view(tx, code)

    def _write(
        self, tx: Connection, halt: Halt, kind: str, detail: Mapping[str, Any], actor: Actor, now: datetime
    ) -> None:
        entry = Draft(
            kind=kind,
            detail={"actor": actor.as_json(), "type": halt.type_code, **detail},
            key=self._log_key,
            object_id=HALTS_OBJECT,
            object_version=_changes(tx) + 1,
        )
        append(tx, [seal(entry, now=now)])
        written = replace(halt, ledger_entry_id=entry.id)
        halt_store.put_halt(tx, replace(written, mac=self._vault.row_mac(_meaning(written))))

    def _of(self, tx: Connection, code: str, *, for_update: bool = False) -> list[Halt]:
        return [item for item in _believed(tx, self._vault, for_update=for_update) if item.type_code == code]

    def _view(self, tx: Connection, code: str) -> HaltView:
        history = tuple(self._of(tx, code))
        return HaltView(code, any(item.lifted_at is None for item in history), history)


def stopped_types(tx: Connection, vault: Vault) -> set[str]:
    """The types that are stopped at this moment. Raises: IntegrityBrokenError: nobody can say which."""
    return {item.type_code for item in _believed(tx, vault) if item.lifted_at is None}


def stopped_then(tx: Connection, vault: Vault, moment: datetime) -> set[str]:
    """The types that were stopped at a moment. Raises: IntegrityBrokenError."""
    past = [item for item in _believed(tx, vault) if item.halted_at <= moment]
    return {item.type_code for item in past if item.lifted_at is None or item.lifted_at > moment}


def written_halts(tx: Connection, vault: Vault) -> dict[str, tuple[int, str]]:
    """For a caller who asks the ledger anyway: how often a type was stopped or let go, to be `counted` by
    `check_guards`.

    Raises: IntegrityBrokenError: a row was altered. Whether one was removed or put back is not known before the ledger
    has been asked.
    """
    return {HALTS_OBJECT: (_written(halt_store.all_halts(tx), vault), _WHERE)}


def refuse_halted(tx: Connection, vault: Vault, codes: Collection[str]) -> None:
    """Raises: TypeHaltedError naming the first of these types that is stopped at this moment; IntegrityBrokenError."""
    stopped = stopped_types(tx, vault).intersection(codes)
    if stopped:
        raise TypeHaltedError(min(stopped))


def _believed(tx: Connection, vault: Vault, *, for_update: bool = False) -> list[Halt]:
    """Every stop. A row altered has no right MAC; for one removed, or put back as it was, the changes do not add up to
    those that the ledger knows.
    """

    def look() -> list[Halt]:
        found = halt_store.all_halts(tx, for_update=for_update)
        if _written(found, vault) != _changes(tx):
            raise IntegrityBrokenError(_WHERE)
        return found

    return settled(look)


def _written(halts: list[Halt], vault: Vault) -> int:
    for halt in halts:
        vault.check_row_mac(_meaning(halt), halt.mac, where=_WHERE)
    return sum(halt.row_version for halt in halts)


def _changes(tx: Connection) -> int:
    latest = latest_changes(tx, [HALTS_OBJECT]).get(HALTS_OBJECT)
    return 0 if latest is None else latest[1]


def _meaning(halt: Halt) -> bytes:
    return b"halt\x1f" + canonical(halt.meaning())
