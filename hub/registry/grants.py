"""Grants 共享授权: written, changed and listed. A grant is read from the database at every use; nothing keeps one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from catalog import store
from catalog.declared import texts
from catalog.errors import DefinitionError
from catalog.grants import CaseKind, Grant, GrantState, ResourceKind, Terms, check_officers, read_terms
from catalog.interface_store import answering_interface
from catalog.interfaces import Sharing
from catalog.interfaces import Terms as SharingTerms
from hub.access.actors import Actor, Role
from hub.access.service import SANDBOX_PREFIX
from hub.clock import Clock, new_id
from hub.issuing.types.registry import TypeRegistry
from hub.ledger.entries import Draft, append, seal
from hub.ledger.guards import check_guards, grant_mac
from hub.registry.grants_views import GrantView, holding_department, shown
from hub.registry.notices import notify
from hub.registry.reading import department, instant, text
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.vault import DataKey, Vault

_OF_TYPES: Final = SharingTerms(Sharing.CONDITIONAL, "", "")
_USCC_LENGTH: Final = 18
NOBODY: Final = "00000000-0000-0000-0000-000000000000"
"""Nothing has this id: a list for somebody without department or system is empty."""


@dataclass(frozen=True, slots=True)
class Resource:
    """What can be granted: a certificate type, or an interface that answers."""

    kind: ResourceKind
    code: str
    terms: Mapping[str, SharingTerms]
    """Sharing terms by field. The fields of a certificate type are conditional, all of them."""
    owner_department_id: str | None
    """Of an interface its department, of a type the one that defined it; None when the hub does not know that one."""
    corroboration: frozenset[str] = frozenset()
    """What the owner wants a case to show when nobody decides about it, for unconditional terms."""

    @property
    def word(self) -> str:
        """What definitions and entries call it: `type` or `interface`."""
        return "type" if self.kind is ResourceKind.CERTIFICATE_TYPE else "interface"


@dataclass(frozen=True, slots=True)
class NewGrant:
    """A grant about to be written."""

    system_id: str
    client_id: str
    resource: Resource
    owner_department_id: str
    kind: CaseKind
    terms: Terms
    purpose: str
    valid_from: datetime
    valid_until: datetime


class GrantService:
    """Writes grants under their guard, and changes their state."""

    def __init__(
        self, database: Database, *, vault: Vault, types: TypeRegistry, log_key: DataKey, clock: Clock
    ) -> None:
        self._database = database
        self._vault = vault
        self._types = types
        self._log_key = log_key
        self._clock = clock

    async def add(self, definition: dict[str, Any]) -> str:
        """Grant a system fields of a type or interface, as whoever holds the hub's keys; answers the grant's id.

        Raises: DefinitionError, ConflictError.
        """
        now = self._clock()
        return await self._database.write(lambda tx: self.grant(tx, self._read(tx, definition, now), now))

    async def change(self, grant_id: str, state: GrantState) -> None:
        """Suspend, restore or withdraw a grant; acts on every pull that has not committed its disclosure yet.

        Raises: DefinitionError for an unknown grant; IntegrityBrokenError.
        """
        now = self._clock()
        await self._database.write(lambda tx: self.put_into(tx, grant_id, state, {}, now))

    async def list(self, actor: Actor) -> Sequence[GrantView]:
        """The newest 500 that his department gave or holds; a system's own; the whole city's for operator and auditor.

        Raises: ForbiddenError, IntegrityBrokenError.
        """
        actor.require(*Role)
        return await self._database.read(lambda tx: self._list(tx, actor))

    async def get(self, actor: Actor, grant_id: str) -> GrantView:
        """One grant that he sees. Raises: MissingError, IntegrityBrokenError."""
        actor.require(*Role)
        found = await self._database.read(lambda tx: self._list(tx, actor, grant_id))
        if not found:
            raise MissingError("grant")
        return found[0]

    async def change_by(self, actor: Actor, grant_id: str, state: GrantState, reason: str) -> None:
        """Suspend, restore or withdraw a grant of one's own department, with a reason that the other side is told.

        Raises: MissingError, ForbiddenError, DefinitionError, IntegrityBrokenError.
        """
        if not 0 < len(reason.strip()) <= 500:
            raise DefinitionError("grant: a reason of at most 500 characters")
        now = self._clock()

        def unit(tx: Connection) -> None:
            grant = store.find_grant(tx, grant_id)
            if grant is None:
                raise MissingError("grant")
            actor.require(Role.OWNER_APPROVER, owner=grant.owner_department_id)
            self.put_into(tx, grant_id, state, {"actor": actor.as_json(), "reason": reason.strip()}, now)

        await self._database.write(unit)

    def _list(self, tx: Connection, actor: Actor, grant_id: str | None = None) -> Sequence[GrantView]:
        if actor.kind == "system":
            system_id = store.find_system_id(tx, actor.id) or NOBODY
            found = store.list_grants(tx, system_id=system_id, grant_id=grant_id)
        elif actor.roles & {Role.OPERATOR, Role.AUDITOR}:
            found = store.list_grants(tx, grant_id=grant_id)
        else:
            found = store.list_grants(tx, department_id=actor.department_id or NOBODY, grant_id=grant_id)
        check_guards(tx, self._vault, grants=found)
        return shown(tx, found, self._clock())

    def resource(self, tx: Connection, kind: ResourceKind, code: str, now: datetime) -> Resource | None:
        """The type, or the interface's version that answers; None when there is none that could be used."""
        if kind is ResourceKind.CERTIFICATE_TYPE:
            known = self._types.find(code)
            if known is None:
                return None
            terms = dict.fromkeys(known.type.claims, _OF_TYPES)
            return Resource(kind, known.type.code, terms, _definer(tx, known.type.code))
        stored = answering_interface(tx, code, now=now)
        if stored is None:
            return None
        interface = stored.interface
        terms = {name: field.terms for name, field in interface.fields.items()}
        wanted = frozenset(texts(interface.catalogue.get("corroboration", ()), "interface: catalogue/corroboration"))
        return Resource(kind, interface.code, terms, stored.owner_department_id, wanted)

    def grant(self, tx: Connection, new: NewGrant, now: datetime, detail: Mapping[str, Any] | None = None) -> str:
        """Write a live grant with its entry and guard; answers its id. `detail` goes into the entry."""
        if new.client_id.startswith(SANDBOX_PREFIX):
            raise DefinitionError("grant: a sandbox credential has no grants; it never reaches real data")
        check_officers(new.kind, new.terms)
        _check_fields(new.resource, new.terms.fields)
        grant_id = new_id()
        entry = self._entry(
            "grant.add",
            grant_id,
            1,
            {
                "system": new.client_id,
                new.resource.word: new.resource.code,
                "kind": new.kind.value,
                **new.terms.as_json(),
                **(detail or {}),
            },
        )
        grant = Grant(
            id=grant_id,
            owner_department_id=new.owner_department_id,
            system_id=new.system_id,
            resource=new.resource.code,
            kind=new.kind,
            terms=new.terms,
            purpose=new.purpose,
            state=GrantState.LIVE,
            valid_from=new.valid_from,
            valid_until=new.valid_until,
            row_version=1,
            ledger_entry_id=entry.id,
            mac=b"",
            resource_kind=new.resource.kind,
        )
        append(tx, [seal(entry, now=now)])
        store.add_grant(tx, replace(grant, mac=grant_mac(grant, self._vault)))
        return grant_id

    def put_into(
        self, tx: Connection, grant_id: str, state: GrantState, detail: Mapping[str, Any], now: datetime
    ) -> Grant:
        """Change a grant's state under the lock that every pull's re-check waits for; answers it as it was."""
        grant = store.find_grant(tx, grant_id)
        if grant is None:
            raise DefinitionError("grant: unknown")
        if grant.state is GrantState.WITHDRAWN:
            raise DefinitionError("grant: withdrawn for good; add a new one")
        check_guards(tx, self._vault, grants=[grant])
        version = grant.row_version + 1
        entry = self._entry(f"grant.{state.value}", grant_id, version, {"from": grant.state.value, **detail})
        changed = replace(grant, state=state, row_version=version, ledger_entry_id=entry.id)
        append(tx, [seal(entry, now=now)])
        store.replace_grant(tx, replace(changed, mac=grant_mac(changed, self._vault)))
        holder = holding_department(tx, grant.system_id)
        about = ("grant", grant_id)
        code = f"grant.{state.value}"
        notify(tx, code, department_id=holder, role=Role.CONSUMER_ENGINEER, about=about, now=now)
        return grant

    def _read(self, tx: Connection, definition: dict[str, Any], now: datetime) -> NewGrant:
        kind, code = _resource_named(definition)
        client_id = text(definition, "system")
        system_id = store.find_system_id(tx, client_id)
        resource = self.resource(tx, kind, code, now)
        if system_id is None or resource is None:
            what = "certificate type" if kind is ResourceKind.CERTIFICATE_TYPE else "published interface"
            raise DefinitionError(f"grant: unknown system or {what}")
        return NewGrant(
            system_id=system_id,
            client_id=client_id,
            resource=resource,
            owner_department_id=_owner(tx, definition, resource),
            kind=_case_kind(definition),
            terms=read_terms(definition),
            purpose=text(definition, "purpose"),
            valid_from=instant(definition, "valid_from", now),
            valid_until=instant(definition, "valid_until", None),
        )

    def _entry(self, kind: str, grant_id: str, version: int, detail: dict[str, Any]) -> Draft:
        return Draft(kind=kind, detail=detail, key=self._log_key, object_id=grant_id, object_version=version)


def _resource_named(definition: dict[str, Any]) -> tuple[ResourceKind, str]:
    if ("type" in definition) == ("interface" in definition):
        raise DefinitionError("grant: either type or interface must be named")
    if "type" in definition:
        return ResourceKind.CERTIFICATE_TYPE, text(definition, "type")
    return ResourceKind.INTERFACE, text(definition, "interface")


def _owner(tx: Connection, definition: dict[str, Any], resource: Resource) -> str:
    if "owner" not in definition and resource.owner_department_id is not None:
        return resource.owner_department_id
    named = department(tx, text(definition, "owner")).id
    # Of a type somebody else may hold the records: several departments issue some of them.
    if resource.kind is ResourceKind.INTERFACE and named != resource.owner_department_id:
        raise DefinitionError("grant: the owner of an interface is its own department")
    return named


def _definer(tx: Connection, type_code: str) -> str | None:
    """The department whose code the type's code begins with (GB/T 36904)."""
    found = store.find_department(tx, type_code[:_USCC_LENGTH])
    return found.id if found else None


def _case_kind(definition: dict[str, Any]) -> CaseKind:
    try:
        return CaseKind(definition.get("kind", "application"))
    except ValueError as error:
        raise DefinitionError("grant: kind is application or ex_officio") from error


def _check_fields(resource: Resource, fields: frozenset[str]) -> None:
    unknown = fields - resource.terms.keys()
    if unknown:
        raise DefinitionError(f"grant: the {resource.word} has no fields {sorted(unknown)}")
    closed = {name for name in fields if resource.terms[name].sharing is Sharing.NOT_SHARED}
    if closed:
        raise DefinitionError(f"grant: not shared, by the interface's terms: {sorted(closed)}")
