"""Departments: what they do, and succession when they merge or split.

A successor takes over sources with their interfaces, systems, matters, certificate types, grants, and everything that
waits with a clock running. What was is not rewritten: definitions, licences, ledger entries and closed requests keep
the department of their day. Staff accounts stay behind: who joins the successor, in which role, people decide.
A succession takes two operators (`two_person`, by `succeed`); `merge` and `hand_over` are the command line's.
"""

from dataclasses import replace
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Connection

from catalog import store
from catalog.declared import text, texts
from catalog.errors import DefinitionError
from hub.access.actors import Actor, Role
from hub.clock import BEIJING, Clock, new_id
from hub.issuing.keys.desk import SigningDesk
from hub.ledger.entries import Draft, append, seal
from hub.ledger.guards import check_guards, grant_mac
from hub.registry.departments import store as department_store
from hub.registry.departments import succession_store
from hub.registry.departments.handling_moves import HandlingMoves
from hub.registry.departments.store import DepartmentView, open_department, read_departments
from hub.registry.departments.succession import Succession
from hub.registry.departments.succession_store import Part
from hub.registry.recording import record
from hub.registry.requests.errors import SamePersonError
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.vault import DataKey, Vault

MAX_DUTIES: Final = 200
MAX_DUTY_CHARACTERS: Final = 60


class DepartmentService:
    """Use cases over departments. Every one takes the actor first."""

    def __init__(self, database: Database, *, vault: Vault, desk: SigningDesk, log_key: DataKey, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._desk = desk
        self._log_key = log_key
        self._clock = clock

    async def describe(self, actor: Actor, code: str, definition: dict[str, Any]) -> None:
        """Say what a department does: `duties` (words), `contact` (an office, never a person).

        Raises: DefinitionError, MissingError, ForbiddenError.
        """
        duties = texts(definition.get("duties", ()), "department: duties")
        if len(duties) > MAX_DUTIES or any(len(duty) > MAX_DUTY_CHARACTERS for duty in duties):
            raise DefinitionError(f"department: at most {MAX_DUTIES} duties of {MAX_DUTY_CHARACTERS} characters")
        contact = str(definition.get("contact", ""))[:200]
        now = self._clock()

        def unit(tx: Connection) -> None:
            view = open_department(read_departments(tx), code)
            actor.require(Role.OWNER_ENGINEER, Role.OWNER_APPROVER, Role.OPERATOR, owner=view.id)
            department_store.put_profile(tx, view.id, duties=list(duties), contact=contact, now=now)
            record(
                tx, self._log_key, actor, "catalog.department_duties", {"code": code, "duties": len(duties)}, now=now
            )

        await self._database.write(unit)

    async def merge(self, actor: Actor, giver: str, taker: str, *, as_of: date, legal_basis: str) -> dict[str, Any]:
        """Close a department; another takes over everything. Codes are USCCs. Answers what moved, by kind.

        Raises: DefinitionError (the same, one is closed or issues under a key of its own, a date to come),
        MissingError, ForbiddenError, IntegrityBrokenError (a grant that the hub did not write is not handed over);
        SamePersonError for an operator, who proposes it.
        """
        return await self._alone(actor, Succession(giver, taker, as_of, legal_basis, Part()))

    async def hand_over(
        self, actor: Actor, giver: str, taker: str, part: Part, *, as_of: date, legal_basis: str
    ) -> dict[str, Any]:
        """Hand over a part, as in a split; the giver stays open. A split is some of these, and a merger of the rest.

        A type that was handed over may be issued by both: what the giver issued must go on verifying.
        Raises: as `merge`.
        """
        if part.everything:
            raise DefinitionError("succession: a part names what changes hands; to hand over everything, merge")
        return await self._alone(actor, Succession(giver, taker, as_of, legal_basis, part))

    def succeed(self, tx: Connection, succession: Succession, confirmer: Actor, now: datetime) -> dict[str, Any]:
        """A merger or the hand-over of a part that two operators agreed on; a unit of `two_person`.

        Answers how much moved, by kind. Raises: as `merge`.
        """
        return {"moved": _counts(self._succeed(tx, confirmer, succession, now))}

    async def history(self, actor: Actor, code: str) -> list[dict[str, Any]]:
        """What a department handed over and took over, oldest first. Raises: MissingError."""
        actor.require(*Role)

        def unit(tx: Connection) -> list[dict[str, Any]]:
            departments = read_departments(tx)
            view = departments.by_code(code)
            if view is None:
                raise MissingError("department")
            rows = department_store.successions_of(tx, view.id)
            codes = {item.id: item.code for item in departments.by_id.values()}
            return [
                {
                    "from": codes[row["from_department_id"]],
                    "into": codes[row["into_department_id"]],
                    **{name: row[name] for name in ("kind", "as_of", "legal_basis", "moved")},
                }
                for row in rows
            ]

        return await self._database.read(unit)

    async def _alone(self, actor: Actor, succession: Succession) -> dict[str, Any]:
        actor.require(Role.OPERATOR)
        if actor.kind != "command":  # whoever runs commands holds the hub's keys anyway
            raise SamePersonError
        now = self._clock()
        return await self._database.write(lambda tx: self._succeed(tx, actor, succession, now))

    def _succeed(self, tx: Connection, actor: Actor, succession: Succession, now: datetime) -> dict[str, Any]:
        if succession.as_of > now.astimezone(BEIJING).date():
            raise DefinitionError("succession: as_of lies ahead; hand over on the day")
        legal_basis = text(succession.legal_basis, "succession: legal_basis")
        departments = read_departments(tx)
        giver, taker = open_department(departments, succession.giver), open_department(departments, succession.taker)
        if giver.id == taker.id:
            raise DefinitionError("succession: a department does not succeed itself")
        department_store.lock_departments(tx, sorted((giver.id, taker.id)))
        part, as_of = succession.part, succession.as_of.isoformat()
        moved = self._move(tx, actor, giver, taker, part, now)
        kind = "merge" if part.everything else "part"
        if part.everything:
            department_store.change_department(tx, giver.id, successor_id=taker.id)
        department_store.add_succession(
            tx, id=new_id(), from_department_id=giver.id, into_department_id=taker.id, kind=kind, as_of=as_of,
            legal_basis=legal_basis, moved=moved, actor=actor.as_json(), at=now,
        )  # fmt: skip
        detail = {"from": giver.code, "into": taker.code, "kind": kind, "as_of": as_of, "moved": _counts(moved)}
        record(tx, self._log_key, actor, "catalog.succession", detail | {"legal_basis": legal_basis}, now=now)
        return moved

    def _move(
        self, tx: Connection, actor: Actor, giver: DepartmentView, taker: DepartmentView, part: Part, now: datetime
    ) -> dict[str, Any]:
        moved: dict[str, Any] = dict(succession_store.move_owned(tx, self._vault, giver.id, taker.id, part, now))
        moved |= HandlingMoves(self._vault, self._log_key, actor, giver, taker, now).move(tx, part)
        _check_found(part, moved, giver)
        types = [code for code in giver.issues if part.types is None or code in part.types]
        moved["types"] = types
        self._take_types(tx, taker, types, now)
        resources = None if part.everything else [*moved["interfaces"], *types]
        grants = succession_store.grants_owned(tx, giver.id, resources)
        for grant_id in grants:
            self._take_grant(tx, grant_id, giver, taker, now)
        moved["grants"] = grants
        moved["waiting"] = succession_store.move_clocks(tx, giver.id, taker.id, resources, now)
        return moved

    def _take_types(self, tx: Connection, taker: DepartmentView, types: list[str], now: datetime) -> None:
        if not types:
            return
        if not taker.issues:
            # The successor signs with its own key from now on; the giver's entitlement stays, for what it signed.
            self._desk.certify_issuer(tx, organization=taker.name_zh[:64], organization_id=taker.code, now=now)
        issues = list(dict.fromkeys((*taker.issues, *types)))
        department_store.change_department(tx, taker.id, issues=issues)

    def _take_grant(
        self, tx: Connection, grant_id: str, giver: DepartmentView, taker: DepartmentView, now: datetime
    ) -> None:
        grant = store.find_grant(tx, grant_id)
        if grant is None or grant.owner_department_id != giver.id:
            raise MissingError("grant")
        check_guards(tx, self._vault, grants=[grant])
        version = grant.row_version + 1
        detail = {"from": giver.code, "into": taker.code}
        entry = Draft(
            kind="grant.succession", detail=detail, key=self._log_key, object_id=grant_id, object_version=version
        )
        changed = replace(grant, owner_department_id=taker.id, row_version=version, ledger_entry_id=entry.id)
        append(tx, [seal(entry, now=now)])
        store.replace_grant(tx, replace(changed, mac=grant_mac(changed, self._vault)))


def _counts(moved: dict[str, Any]) -> dict[str, int]:
    return {name: value if isinstance(value, int) else len(value) for name, value in moved.items()}


def _check_found(part: Part, moved: dict[str, Any], giver: DepartmentView) -> None:
    """A misspelt code must not silently stay behind."""
    for name in ("sources", "systems", "matters"):
        wanted = getattr(part, name)
        missing = set(wanted or ()) - set(moved[name])
        if missing:
            raise DefinitionError(f"succession: {giver.code} has no {name} {sorted(missing)}")
    if missing_types := set(part.types or ()) - set(giver.issues):
        raise DefinitionError(f"succession: {giver.code} does not issue {sorted(missing_types)}")
