"""What people and systems do to certificates: issue one, change one, look at one as of a day.

Whoever asks is told at once whether it is done, or waits for a second person of the department.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from certificates.errors import ActError
from certificates.lifecycle.rules import By
from certificates.lifecycle.states import MAKING, Operation
from certificates.stores import certificates as store
from certificates.stores.version import VersionRecord
from hub.access.actors import Actor, Role
from hub.intake.errors import IdempotencyError
from hub.issuing.status.service import UnknownCertificateError
from hub.issuing.transitions.acts import Act
from hub.issuing.transitions.arriving import Arrival, check_holder, taken_over
from hub.issuing.transitions.lists import ActLists
from hub.issuing.transitions.performing import (
    Hands,
    Performing,
    capacity,
    department_of,
    found,
    issuer_named,
    may_issue,
)
from hub.issuing.transitions.reading import CertificateHistory, event_json, read_history
from hub.issuing.transitions.waiting import WaitingActs
from hub.storage.database import Database
from hub.storage.idempotency import RequestKey, find_effect, record_effect, write_once
from hub.storage.vault import Vault

_BEGINNING = frozenset({Operation.ISSUE, Operation.TRANSFER_IN})


@dataclass(frozen=True, slots=True)
class Outcome:
    """The identifier of what was changed or made, or the id of an act that waits."""

    identifier: str | None
    waiting: str | None = None


class _RepeatedError(Exception):
    """The Idempotency-Key has been used: what it made."""

    def __init__(self, object_id: str) -> None:
        super().__init__(object_id)
        self.object_id = object_id


class TransitionService:
    """Acts on certificates, and their history."""

    def __init__(
        self, database: Database, *, vault: Vault, performing: Performing, waiting: WaitingActs, lists: ActLists
    ) -> None:
        self._database = database
        self._vault = vault
        self._performing = performing
        self.waiting = waiting
        self.lists = lists

    async def act(self, actor: Actor, identifier: str, act: Act, *, request: RequestKey | None = None) -> Outcome:
        """Do something to a version, or make the next one in its place.

        Raises: UnknownCertificateError, ForbiddenError, ActError, TransitionError, ClaimsError, NotEntitledError,
        IdempotencyError.
        """
        if act.operation in _BEGINNING:
            raise ActError("operation", "begins_a_certificate")

        def unit(tx: Connection) -> Outcome | VersionRecord:
            known = self._effect(tx, request)
            if known is not None:
                return known
            version = found(tx, identifier, lock=True)
            two = self._performing.two_persons(version.type_code)
            by = capacity(actor, act, version.owner_department_id, two_persons=two)
            act.check(by, of_version=True)
            if two and by is By.ISSUER:
                return self._wait(tx, actor, act, version.owner_department_id, version.type_code, identifier, request)
            if act.operation in MAKING:
                return version
            done = self._performing.change(tx, version, act, Hands(actor.as_json()))
            self._note(tx, request, done.id)
            return Outcome(done.identifier)

        result = await write_once(self._database, unit)
        if isinstance(result, Outcome):
            return result
        issuer = await self._database.read(lambda tx: department_of(tx, result.owner_department_id))
        return await self._made(actor, act, result.type_code, issuer, identifier, request)

    async def begin(
        self,
        actor: Actor,
        type_code: str,
        act: Act,
        *,
        issuer: str | None = None,
        request: RequestKey | None = None,
        arrival: Arrival | None = None,
    ) -> Outcome:
        """Issue a first certificate, or take one over from elsewhere. `issuer`: USCC, for the command line.

        Args:
            arrival: the licence that is taken over, verified beforehand; None where nothing was shown.
        Raises: MissingError, NotEntitledError, ForbiddenError, ActError, ClaimsError, IdempotencyError.
        """
        if act.operation not in _BEGINNING:
            raise ActError("operation", "needs_a_certificate")
        issued = self._performing.type_in_force(type_code)
        department = await self._database.read(
            lambda tx: issuer_named(tx, issuer) if issuer else department_of(tx, actor.department_id or "")
        )
        two = self._performing.two_persons(issued.type.code)
        act = taken_over(act, arrival)
        act.check(capacity(actor, act, department.id, two_persons=two), of_version=False)
        may_issue(department, issued)
        issued.type.require_claims(dict(act.claims or {}))
        check_holder(act.claims or {}, arrival, issued.type, self._vault)
        if not two:
            return await self._made(actor, act, issued.type.code, department, act.predecessor, request)

        def unit(tx: Connection) -> Outcome:
            known = self._effect(tx, request)
            return known or self._wait(tx, actor, act, department.id, issued.type.code, "", request)

        return await write_once(self._database, unit)

    async def history(self, actor: Actor, identifier: str) -> CertificateHistory:
        """The guarded history of a certificate of his department. Raises: UnknownCertificateError."""

        def unit(tx: Connection) -> CertificateHistory:
            version = store.find_version(tx, identifier)
            if version is None or not _may_see(actor, version.owner_department_id):
                raise UnknownCertificateError
            return read_history(tx, self._vault, version)

        return await self._database.read(unit)

    def now(self) -> datetime:
        """The hub's clock."""
        return self._performing.now()

    async def _made(
        self, actor: Actor, act: Act, type_code: str, issuer: Any, predecessor: str | None, request: RequestKey | None
    ) -> Outcome:
        def first(tx: Connection) -> None:
            known = self._effect(tx, request)
            if known is not None and known.identifier is not None:
                raise _RepeatedError(known.identifier)

        try:
            made = await self._performing.make(
                act,
                Hands(actor.as_json()),
                issued=self._performing.type_in_force(type_code),
                issuer=issuer,
                predecessor=predecessor,
                first=first,
                after=lambda tx, version: self._note(tx, request, version.id),
            )
        except _RepeatedError as repeated:
            return Outcome(repeated.object_id)
        return Outcome(made.identifier)

    def _wait(
        self,
        tx: Connection,
        actor: Actor,
        act: Act,
        owner: str,
        type_code: str,
        identifier: str,
        request: RequestKey | None,
    ) -> Outcome:
        waiting = self.waiting.put(tx, actor, act, owner=owner, type_code=type_code, identifier=identifier)
        self._note(tx, request, waiting)
        return Outcome(None, waiting)

    def _effect(self, tx: Connection, request: RequestKey | None) -> Outcome | None:
        known = find_effect(tx, request, now=self._performing.now()) if request else None
        if known is None:
            return None
        object_id, same = known
        if not same:
            raise IdempotencyError
        versions = store.read_versions(tx, [object_id])
        return Outcome(versions[0].identifier) if versions else Outcome(None, object_id)

    def _note(self, tx: Connection, request: RequestKey | None, object_id: str) -> None:
        if request is not None:
            record_effect(tx, request, object_id, now=self._performing.now())


def shown(history: CertificateHistory, *, as_of: datetime | None, now: datetime) -> dict[str, Any]:
    """A version as the API and the command line show it: nothing personal."""
    version = history.asked
    value: dict[str, Any] = {
        "identifier": version.identifier,
        "type": version.type_code,
        "type_version": version.type_version,
        "issuer": version.issuer_code,
        "version": version.version,
        "current": version.is_current(),
        "state": version.state,
        "status": version.status,
        "issued_on": version.issued_on,
        "valid_from": version.valid_from,
        "valid_until": version.valid_until,
        "predecessor": history.predecessor(),
        "successor": history.successor(),
        "history": [event_json(event) for event in history.lifetime.events],
    }
    return value if as_of is None else value | {"then": history.as_of(as_of, now=now)}


def _may_see(actor: Actor, owner: str) -> bool:
    if actor.kind == "system":
        return actor.department_id == owner
    staff = {Role.OWNER_ENGINEER, Role.OWNER_APPROVER, Role.OPERATOR, Role.AUDITOR}
    return actor.sees(owner) and bool(actor.roles & staff)
