"""Drafts of interfaces: the next version is written, or the newest one anew while nobody answers by it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from catalog import interface_store as store
from catalog import source_store
from catalog.errors import DefinitionError
from catalog.interface_store import StoredInterface
from catalog.interfaces import Interface, InterfaceState
from hub.access.actors import Actor, Role
from hub.clock import new_id
from hub.registry.guarding import check_interface, guard_interface
from hub.registry.interface_history import add_event
from hub.registry.reading import department
from hub.registry.recording import digest_of, record
from hub.storage.errors import ConflictError, MissingError
from hub.storage.vault import DataKey, Vault


@dataclass(frozen=True, slots=True)
class Version:
    """Which version of which interface."""

    code: str
    version: int

    def as_json(self) -> dict[str, Any]:
        """For answers and entries."""
        return {"code": self.code, "version": self.version}


def write_draft(
    tx: Connection,
    vault: Vault,
    log_key: DataKey,
    actor: Actor,
    parsed: Interface,
    declared: dict[str, Any],
    now: datetime,
) -> Version:
    """The next version, or the newest one anew while that is a draft or in test.

    Raises: DefinitionError, ForbiddenError, MissingError, ConflictError: the code is another department's.
    """
    owner = department(tx, parsed.department)
    actor.require(Role.OWNER_ENGINEER, owner=owner.id)
    source = source_store.find_source(tx, parsed.source)
    if source is None or source.owner_department_id != owner.id:
        raise DefinitionError("interface: source is none of this department's")
    versions = store.interface_versions(tx, parsed.code)
    if versions and versions[0].owner_department_id != owner.id:
        raise ConflictError("interfaces.code")
    if versions and versions[0].state in {InterfaceState.DRAFT, InterfaceState.TEST}:
        check_interface(vault, versions[0])
        number, interface_id = versions[0].version, versions[0].id
        values = {"definition": declared, "source_id": source.id, "state": InterfaceState.DRAFT.value}
        if not store.change_interface(tx, interface_id, row_version=versions[0].row_version, changed_at=now, **values):
            raise ConflictError("row_version")
    else:
        number, interface_id = store.next_version(tx, parsed.code), new_id()
        store.add_interface(
            tx,
            id=interface_id,
            code=parsed.code,
            version=number,
            owner_department_id=owner.id,
            source_id=source.id,
            state=InterfaceState.DRAFT.value,
            definition=declared,
            row_version=1,
            published_at=None,
            ends_at=None,
            created_at=now,
            changed_at=now,
        )
    guard_interface(tx, vault, interface_id)
    add_event(tx, interface_id, "draft", actor, now=now)
    detail = {"code": parsed.code, "version": number, "digest": digest_of(declared)}
    record(tx, log_key, actor, "interface.draft", detail, now=now)
    return Version(parsed.code, number)


def newest_of(tx: Connection, actor: Actor, code: str) -> StoredInterface:
    """The newest version, for an engineer of its owner. Raises: MissingError, ForbiddenError."""
    versions = store.interface_versions(tx, code)
    if not versions:
        raise MissingError("interface")
    actor.require(Role.OWNER_ENGINEER, owner=versions[0].owner_department_id)
    return versions[0]
