"""Sources as their department sees them, and who may deal with one."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from catalog import source_store
from catalog.source_store import StoredSource
from hub.access.actors import Actor, Role
from hub.clock import rfc3339
from hub.registry.connections import secret_names
from hub.registry.source_store import ProbeView, SecretDate, department_code, interfaces_of, last_probe, secret_dates
from hub.storage.errors import MissingError


@dataclass(frozen=True, slots=True)
class SourceView:
    """A source as its department sees it: everything but the secrets, of which only names and dates are told."""

    code: str
    department: str
    state: str
    row_version: int
    declared: dict[str, Any]
    secrets: tuple[SecretDate, ...]
    health: ProbeView | None
    interfaces: tuple[tuple[str, int, str], ...]
    changed_at: datetime

    def as_json(self) -> dict[str, Any]:
        """For the API, the command line and the console."""
        return {
            "code": self.code,
            "department": self.department,
            "state": self.state,
            "row_version": self.row_version,
            "definition": self.declared,
            "secrets": [item.as_json() for item in self.secrets],
            "health": self.health.as_json() if self.health else None,
            "interfaces": [dict(zip(("code", "version", "state"), item, strict=True)) for item in self.interfaces],
            "changed_at": rfc3339(self.changed_at),
        }


def owned(tx: Connection, actor: Actor, code: str, *roles: Role) -> StoredSource:
    """A source that the actor may deal with in one of these roles. Raises: MissingError, ForbiddenError."""
    stored = source_store.find_source(tx, code)
    if stored is None:
        raise MissingError("source")
    actor.require(*roles, owner=stored.owner_department_id)
    return stored


def owner_code(tx: Connection, stored: StoredSource) -> str:
    """Whose it is today: after a succession the definition still names the department that wrote it."""
    return department_code(tx, stored.owner_department_id)


def view_of(tx: Connection, stored: StoredSource) -> SourceView:
    """A source with its secrets' dates, its last probe and its interfaces."""
    owner = owner_code(tx, stored)
    return SourceView(
        code=stored.definition.code,
        department=owner,
        state=stored.state,
        row_version=stored.row_version,
        declared=stored.declared | {"department": owner},
        secrets=secret_dates(tx, stored.id, secret_names(stored.definition.connection)),
        health=last_probe(tx, stored.id),
        interfaces=interfaces_of(tx, stored.id),
        changed_at=stored.changed_at,
    )
