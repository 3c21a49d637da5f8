"""Writing the catalogue. Every change is a ledger entry in the transaction of the change."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from catalog import store
from catalog.errors import DefinitionError
from catalog.grants import GrantState
from catalog.identifiers import USCC, check
from certificates.verifying.trust import KeyCustody
from hub.access.actors import COMMAND, Actor
from hub.access.service import SANDBOX_PREFIX
from hub.clock import Clock, new_id
from hub.issuing.keys.desk import SigningDesk
from hub.issuing.types.registry import TypeRegistry
from hub.issuing.types.service import TypeService
from hub.ledger.entries import Draft, append, seal
from hub.registry.desks import read_desk
from hub.registry.grants import GrantService
from hub.registry.matters.drafts import checked
from hub.registry.matters.examining import refuse_faults
from hub.registry.matters.guard import put_version
from hub.registry.matters.service import MatterService
from hub.registry.reading import department, text
from hub.registry.recording import plain_json
from hub.storage.database import Database
from hub.storage.vault import DataKey, Vault
from signing.keys import Es256Key


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
        self.typing = TypeService(database, vault=vault, types=types, log_key=log_key, clock=clock)
        self.matters = MatterService(database, vault=vault, types=types, log_key=log_key, clock=clock)
        self.grants = GrantService(database, vault=vault, types=types, log_key=log_key, clock=clock)

    async def add_department(self, definition: dict[str, Any]) -> str:
        """Register a department; with `issues: [type]` also make and certify its issuing key. Answers its id.

        Raises: DefinitionError, IdentifierError (the code), ConflictError (it exists).
        """
        return await self._database.write(lambda tx: self.put_department(tx, definition, self._clock()))

    async def add_system(self, definition: dict[str, Any]) -> str:
        """Register a system with its public keys. Raises: DefinitionError, KeyPolicyError, ConflictError."""
        return await self._database.write(lambda tx: self.put_system(tx, definition, self._clock()))

    async def add_type(self, declared: str) -> str:
        """As `TypeService.add`, for the command line; answers the code."""
        return (await self.typing.add(COMMAND, declared)).code

    async def add_matter(self, definition: dict[str, Any]) -> str:
        """Register a matter, or its next version; answers its code.

        Raises: DefinitionError; MatterFaultsError, where it asks for what no matter may ask for.
        """
        now = self._clock()
        return await self._database.write(lambda tx: self.put_matter(tx, definition, now))

    async def add_grant(self, definition: dict[str, Any]) -> str:
        """Grant a system fields of a type or interface; answers the id. Raises: DefinitionError, ConflictError."""
        return await self.grants.add(definition)

    async def change_grant(self, grant_id: str, state: GrantState) -> None:
        """Suspend, restore or withdraw a grant; acts on every pull that has not committed its disclosure yet.

        Raises: DefinitionError for an unknown grant; IntegrityBrokenError.
        """
        await self.grants.change(grant_id, state)

    def put_department(self, tx: Connection, definition: dict[str, Any], now: datetime) -> str:
        """The unit of `add_department`, for whoever has a transaction."""
        code = text(definition, "code")
        check(USCC, code)
        department_id = new_id()
        names = definition.get("name", {})
        issues = [self._type_code(str(item)) for item in definition.get("issues", [])]
        store.add_department(
            tx,
            id=department_id,
            code=code,
            name_zh=text(names, "zh"),
            name_en=text(names, "en"),
            level=str(definition.get("level", "city")),
            region=str(definition.get("region", "")),
            issues=issues,
            key_custody=KeyCustody.HUB.value,
            created_at=now,
        )
        if issues:
            self._desk.certify_issuer(tx, organization=text(names, "zh")[:64], organization_id=code, now=now)
        self._record(tx, "catalog.department", {"code": code}, now)
        return department_id

    def put_matter(self, tx: Connection, definition: dict[str, Any], now: datetime, by: Actor = COMMAND) -> str:
        """The unit of `add_matter`, for whoever has a transaction."""
        plain = plain_json(definition)
        checked(plain)
        owner = department(tx, str(plain["department"]))
        made = put_version(tx, self._vault, self._log_key, definition=plain, owner_id=owner.id, by=by, now=now)
        refuse_faults(tx, self._types, made.matter())
        return made.code

    def _type_code(self, code_or_slug: str) -> str:
        known = self._types.find(code_or_slug)
        if known is None:
            raise DefinitionError(
                f"unknown certificate type {code_or_slug}: register types before the departments that issue them"
            )
        return known.type.code

    def put_system(self, tx: Connection, definition: dict[str, Any], now: datetime, *, sandbox: bool = False) -> str:
        """The unit of `add_system`, for whoever has a transaction; the console makes those of the sandbox."""
        if text(definition, "client_id").startswith(SANDBOX_PREFIX) is not sandbox:
            raise DefinitionError(f"system: {SANDBOX_PREFIX} begins the client_id of sandbox credentials, and no other")
        owner = department(tx, text(definition, "department"))
        keys = [Es256Key.from_jwk(jwk) for jwk in definition.get("keys", [])]
        if not keys:
            raise DefinitionError("system: it needs a public key")
        system_id = new_id()
        names = definition.get("name", {})
        store.add_system(
            tx,
            id=system_id,
            client_id=text(definition, "client_id"),
            owner_department_id=owner.id,
            name_zh=text(names, "zh"),
            name_en=text(names, "en"),
            active=True,
            created_at=now,
            desk=read_desk(tx, definition.get("desk"), owner.id),
        )
        for key in keys:
            store.add_system_key(
                tx, id=new_id(), system_id=system_id, kid=key.kid, jwk=key.jwk, active=True, created_at=now
            )
        self._record(
            tx, "catalog.system", {"client_id": definition["client_id"], "kids": [key.kid for key in keys]}, now
        )
        return system_id

    def _record(self, tx: Connection, kind: str, detail: dict[str, Any], now: datetime) -> None:
        append(tx, [seal(Draft(kind=kind, detail=detail, key=self._log_key), now=now)])
