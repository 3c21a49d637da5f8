"""Writing the catalogue. Every change is a ledger entry in the transaction of the change."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from catalog import store
from catalog.errors import DefinitionError
from catalog.grants import CaseKind, Grant, GrantState, read_terms
from catalog.identifiers import USCC, check
from certificates import store as library
from certificates.trust import KeyCustody
from certificates.types import load_type
from hub.clock import Clock, new_id
from hub.issuing.desk import SigningDesk
from hub.issuing.types import TypeRegistry
from hub.ledger.entries import Draft, append, seal
from hub.ledger.guards import check_guards, grant_mac
from hub.storage.database import Database
from hub.storage.vault import DataKey, Vault
from signing.keys import VerifyingKey


class RegistryService:
    """Departments, systems, certificate types, matters, grants. Written by the command line only."""

    def __init__(
        self,
        database: Database,
        *,
        vault: Vault,
        desk: SigningDesk,
        types: TypeRegistry,
        log_key: DataKey,
        clock: Clock,
    ) -> None:
        self._database = database
        self._vault = vault
        self._desk = desk
        self._types = types
        self._log_key = log_key
        self._clock = clock

    async def add_department(self, definition: dict[str, Any]) -> str:
        """Register a department; with `issues: [type]` also make and certify its issuing key. Answers its id.

        Raises: DefinitionError, IdentifierError (the code), ConflictError (it exists).
        """
        return await self._database.write(lambda tx: self._add_department(tx, definition, self._clock()))

    async def add_system(self, definition: dict[str, Any]) -> str:
        """Register a system with its public keys. Raises: DefinitionError, KeyPolicyError, ConflictError."""
        return await self._database.write(lambda tx: self._add_system(tx, definition, self._clock()))

    async def add_type(self, text: str) -> str:
        """Register a certificate type, or its next version; answers its code. Raises: TypeDefinitionError."""
        parsed = load_type(text)
        now = self._clock()

        def unit(tx: Connection) -> None:
            library.add_type(tx, id=new_id(), code=parsed.code, slug=parsed.slug, definition=text, created_at=now)
            self._record(tx, "catalog.type", {"code": parsed.code, "slug": parsed.slug}, now)
            self._types.load(tx)

        await self._database.write(unit)
        return parsed.code

    async def add_matter(self, definition: dict[str, Any]) -> str:
        """Register a matter, or its next version; answers its code. Raises: DefinitionError."""
        now = self._clock()

        def unit(tx: Connection) -> str:
            department = _department(tx, str(definition.get("department", "")))
            matter = store.add_matter(
                tx, matter_id=new_id(), definition=definition, owner_department_id=department.id, now=now
            )
            self._record(tx, "catalog.matter", {"code": matter.code}, now)
            return matter.code

        return await self._database.write(unit)

    async def add_grant(self, definition: dict[str, Any]) -> str:
        """Grant a system fields of a type; answers the grant's id. Raises: DefinitionError, ConflictError."""
        return await self._database.write(lambda tx: self._add_grant(tx, definition, self._clock()))

    async def change_grant(self, grant_id: str, state: GrantState) -> None:
        """Suspend, restore or withdraw a grant; acts on every pull that has not committed its disclosure yet.

        Raises: DefinitionError for an unknown grant; IntegrityBrokenError.
        """
        await self._database.write(lambda tx: self._change_grant(tx, grant_id, state, self._clock()))

    def _add_department(self, tx: Connection, definition: dict[str, Any], now: datetime) -> str:
        code = _text(definition, "code")
        check(USCC, code)
        department_id = new_id()
        names = definition.get("name", {})
        issues = [self._type_code(str(item)) for item in definition.get("issues", [])]
        store.add_department(
            tx,
            id=department_id,
            code=code,
            name_zh=_text(names, "zh"),
            name_en=_text(names, "en"),
            level=str(definition.get("level", "city")),
            region=str(definition.get("region", "")),
            issues=issues,
            key_custody=KeyCustody.HUB.value,
            created_at=now,
        )
        if issues:
            self._desk.certify_issuer(tx, organization=_text(names, "zh")[:64], organization_id=code, now=now)
        self._record(tx, "catalog.department", {"code": code}, now)
        return department_id

    def _type_code(self, code_or_slug: str) -> str:
        known = self._types.find(code_or_slug)
        if known is None:
            raise DefinitionError(
                f"unknown certificate type {code_or_slug}: register types before the departments that issue them"
            )
        return known.type.code

    def _add_system(self, tx: Connection, definition: dict[str, Any], now: datetime) -> str:
        department = _department(tx, _text(definition, "department"))
        keys = [VerifyingKey.from_jwk(jwk) for jwk in definition.get("keys", [])]
        if not keys:
            raise DefinitionError("system: it needs a public key")
        system_id = new_id()
        names = definition.get("name", {})
        store.add_system(
            tx,
            id=system_id,
            client_id=_text(definition, "client_id"),
            owner_department_id=department.id,
            name_zh=_text(names, "zh"),
            name_en=_text(names, "en"),
            active=True,
            created_at=now,
        )
        for key in keys:
            store.add_system_key(
                tx, id=new_id(), system_id=system_id, kid=key.kid, jwk=key.jwk, active=True, created_at=now
            )
        self._record(
            tx, "catalog.system", {"client_id": definition["client_id"], "kids": [key.kid for key in keys]}, now
        )
        return system_id

    def _add_grant(self, tx: Connection, definition: dict[str, Any], now: datetime) -> str:
        system_id = store.find_system_id(tx, _text(definition, "system"))
        issued = self._types.find(_text(definition, "type"))
        if system_id is None or issued is None:
            raise DefinitionError("grant: unknown system or certificate type")
        terms = read_terms(definition)
        unknown = terms.fields - issued.type.claims.keys()
        if unknown:
            raise DefinitionError(f"grant: the type has no fields {sorted(unknown)}")
        owner = _department(tx, _text(definition, "owner"))
        grant_id = new_id()
        entry = self._grant_entry(
            "grant.add", grant_id, 1, {"system": definition["system"], "type": issued.type.code, **terms.as_json()}
        )
        grant = Grant(
            id=grant_id,
            owner_department_id=owner.id,
            system_id=system_id,
            resource=issued.type.code,
            kind=CaseKind(definition.get("kind", "application")),
            terms=terms,
            purpose=_text(definition, "purpose"),
            state=GrantState.LIVE,
            valid_from=_instant(definition, "valid_from", now),
            valid_until=_instant(definition, "valid_until", None),
            row_version=1,
            ledger_entry_id=entry.id,
            mac=b"",
        )
        append(tx, [seal(entry, now=now)])
        store.add_grant(tx, replace(grant, mac=grant_mac(grant, self._vault)))
        return grant_id

    def _change_grant(self, tx: Connection, grant_id: str, state: GrantState, now: datetime) -> None:
        grant = store.find_grant(tx, grant_id)
        if grant is None:
            raise DefinitionError("grant: unknown")
        if grant.state is GrantState.WITHDRAWN:
            raise DefinitionError("grant: withdrawn for good; add a new one")
        check_guards(tx, self._vault, grants=[grant])
        entry = self._grant_entry(f"grant.{state.value}", grant_id, grant.row_version + 1, {"from": grant.state.value})
        changed = replace(grant, state=state, row_version=grant.row_version + 1, ledger_entry_id=entry.id)
        append(tx, [seal(entry, now=now)])
        store.replace_grant(tx, replace(changed, mac=grant_mac(changed, self._vault)))

    def _grant_entry(self, kind: str, grant_id: str, version: int, detail: dict[str, Any]) -> Draft:
        return Draft(kind=kind, detail=detail, key=self._log_key, object_id=grant_id, object_version=version)

    def _record(self, tx: Connection, kind: str, detail: dict[str, Any], now: datetime) -> None:
        append(tx, [seal(Draft(kind=kind, detail=detail, key=self._log_key), now=now)])


def _department(tx: Connection, code: str) -> store.Department:
    found = store.find_department(tx, code)
    if found is None:
        raise DefinitionError(f"unknown department {code}")
    return found


def _text(definition: dict[str, Any], name: str) -> str:
    value = definition.get(name)
    if not isinstance(value, str) or not value.strip():
        raise DefinitionError(f"{name} is missing")
    return value


def _instant(definition: dict[str, Any], name: str, default: datetime | None) -> datetime:
    value = definition.get(name)
    if value is None and default is not None:
        return default
    try:
        parsed = datetime.fromisoformat(str(value))
    except ValueError as error:
        raise DefinitionError(f"{name}: an RFC 3339 instant is needed") from error
    if parsed.tzinfo is None:
        raise DefinitionError(f"{name}: the instant needs a time zone")
    return parsed
