"""One entry of the catalogue in full: core metadata, terms of every field with reasons, versions and notices."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from catalog import store
from catalog.errors import CatalogError, DefinitionError
from catalog.grants import CaseKind, Grant, GrantState, ResourceKind
from catalog.interface_store import StoredInterface, interface_versions
from catalog.interfaces import InterfaceState
from catalog.matters.describing import described
from catalog.metadata import CoreMetadata, interface_metadata
from hub.clock import BEIJING, Clock, rfc3339
from hub.issuing.types.registry import TypeRegistry
from hub.ledger.guards import check_guards
from hub.registry.catalogue.shown import brief, shown_department, shown_metadata, type_metadata
from hub.registry.departments.store import DepartmentView, read_departments
from hub.registry.departments.superior_rows import superiors
from hub.registry.interface_history import why_it_ends
from hub.registry.viewers import Viewer
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.vault import Vault

_ANSWERS: Final = frozenset({InterfaceState.LIVE, InterfaceState.DEPRECATED})


@dataclass(frozen=True, slots=True)
class Held:
    """What a system has already been granted of a resource."""

    grant_id: str
    fields: tuple[str, ...]
    kind: str
    valid_until: datetime

    def as_json(self) -> dict[str, Any]:
        """As the catalogue marks it."""
        return {
            "grant": self.grant_id,
            "fields": list(self.fields),
            "kind": self.kind,
            "valid_until": rfc3339(self.valid_until),
        }


class CatalogueReader:
    """Shows entries. What a viewer may not see raises MissingError, as what does not exist."""

    def __init__(self, database: Database, *, vault: Vault, types: TypeRegistry, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._types = types
        self._clock = clock

    async def interface(self, viewer: Viewer, code: str, *, version: int | None = None) -> dict[str, Any]:
        """An interface: the version that answers, else the newest that the viewer may see, or the one named.

        Raises: MissingError.
        """
        now = self._clock()

        def unit(tx: Connection) -> dict[str, Any]:
            departments = read_departments(tx)
            seen = [
                item
                for item in interface_versions(tx, code)
                if item.published_at is not None or viewer.sees(departments.current(item.owner_department_id).id)
            ]
            chosen = _chosen(seen, version, now)
            owner = departments.current(chosen.owner_department_id)
            metadata = _metadata(chosen, owner)
            held = self._held(tx, viewer, ResourceKind.INTERFACE, now).get(code, [])
            return shown_metadata(metadata) | {
                "version": chosen.version,
                "state": chosen.state.value,
                "notice": _notice(chosen),
                "params": [
                    {
                        "name": param.name,
                        "title": dict(param.title),
                        "from": param.origin.value,
                        "id_type": param.id_type,
                        "schema": dict(param.schema),
                    }
                    for param in chosen.interface.params.values()
                ],
                "schemas": {name: dict(field.schema) for name, field in chosen.interface.fields.items()},
                "many": chosen.interface.many,
                "labels": list(chosen.interface.labels),
                "complete": chosen.interface.complete,
                "confirms_identity": chosen.interface.identity_name is not None,
                "cache_seconds": chosen.interface.cache_seconds,
                "stale_seconds": chosen.interface.stale_seconds,
                "versions": [
                    {
                        "version": item.version,
                        "state": item.state.value,
                        "published_at": rfc3339(item.published_at) if item.published_at else None,
                        "ends_at": rfc3339(item.ends_at) if item.ends_at else None,
                        "ends_because": why_it_ends(tx, item.id),
                    }
                    for item in seen
                ],
                "granted": [item.as_json() for item in held],
            }

        return await self._database.read(unit)

    async def certificate_type(self, viewer: Viewer, code_or_slug: str) -> dict[str, Any]:
        """A certificate type in force. Raises: MissingError."""
        found = self._types.find(code_or_slug)
        if found is None:
            raise MissingError("certificate type")
        now = self._clock()

        def unit(tx: Connection) -> dict[str, Any]:
            departments = read_departments(tx)
            held = self._held(tx, viewer, ResourceKind.CERTIFICATE_TYPE, now).get(found.type.code, [])
            return shown_metadata(type_metadata(found, departments)) | {
                "version": found.version,
                "state": "live",
                "slug": found.type.slug,
                "kind_of_document": found.type.kind.value,
                "legal_basis": found.type.legal_basis or None,
                "issuers": [brief(item) for item in departments.by_id.values() if found.type.code in item.issues],
                "confirms_identity": found.type.confirms_identity,
                "complete": found.type.complete,
                "granted": [item.as_json() for item in held],
            }

        return await self._database.read(unit)

    async def department(self, viewer: Viewer, code: str) -> dict[str, Any]:
        """A department; a closed one names its successor. Raises: MissingError."""
        del viewer

        def unit(tx: Connection) -> dict[str, Any]:
            departments = read_departments(tx)
            view = departments.by_code(code)
            if view is None:
                raise MissingError("department")
            return shown_department(view, departments, superiors(tx, self._vault, departments))

        return await self._database.read(unit)

    async def departments(self, viewer: Viewer) -> list[dict[str, Any]]:
        """Every department, closed ones too, by code."""
        del viewer

        def unit(tx: Connection) -> list[dict[str, Any]]:
            departments = read_departments(tx)
            over = superiors(tx, self._vault, departments)
            return [shown_department(view, departments, over) for view in departments.by_id.values()]

        return await self._database.read(unit)

    async def matter(self, viewer: Viewer, code: str) -> dict[str, Any]:
        """A matter with its requirements. Raises: MissingError."""
        del viewer

        def unit(tx: Connection) -> dict[str, Any]:
            found = store.find_matter(tx, code)
            if found is None:
                raise MissingError("matter")
            _, matter, owner = found
            return {
                "kind": "matter",
                "code_system": matter.code_system,
                "department": brief(read_departments(tx).current(owner)),
                **described(matter),
            }

        return await self._database.read(unit)

    async def metadata(self, viewer: Viewer, keys: list[tuple[str, str]]) -> list[CoreMetadata]:
        """Core metadata of published interfaces and certificate types, by kind and code, as they stand; others and
        what is not published are left out.
        """
        del viewer
        now = self._clock()

        def unit(tx: Connection) -> list[CoreMetadata]:
            departments = read_departments(tx)
            found: list[CoreMetadata] = []
            for kind, code in keys:
                issued = self._types.find(code) if kind == ResourceKind.CERTIFICATE_TYPE.value else None
                if issued is not None:
                    found.append(type_metadata(issued, departments))
                elif kind == ResourceKind.INTERFACE.value:
                    answering = [item for item in interface_versions(tx, code) if _answers(item, now)]
                    if answering:
                        chosen = _chosen(answering, None, now)
                        found.append(_metadata(chosen, departments.current(chosen.owner_department_id)))
            return found

        return await self._database.read(unit)

    async def granted(self, viewer: Viewer) -> Mapping[tuple[str, str], list[Held]]:
        """What the viewing system has been granted and may use now, by kind and code; empty for staff."""
        now = self._clock()

        def unit(tx: Connection) -> Mapping[tuple[str, str], list[Held]]:
            return {
                (kind.value, code): held
                for kind in ResourceKind
                for code, held in self._held(tx, viewer, kind, now).items()
            }

        return {} if viewer.system_id is None else await self._database.read(unit)

    def _held(self, tx: Connection, viewer: Viewer, resource: ResourceKind, now: datetime) -> dict[str, list[Held]]:
        if viewer.system_id is None:
            return {}
        grants = [
            grant for kind in CaseKind for grant in store.grants_of(tx, viewer.system_id, kind, resource)
            if _in_force(grant, now)
        ]  # fmt: skip
        check_guards(tx, self._vault, grants=grants)
        held: dict[str, list[Held]] = {}
        for grant in grants:
            mine = Held(grant.id, tuple(sorted(grant.terms.fields)), grant.kind.value, grant.valid_until)
            held.setdefault(grant.resource, []).append(mine)
        return held


def _metadata(stored: StoredInterface, owner: DepartmentView) -> CoreMetadata:
    published = stored.published_at.astimezone(BEIJING).date() if stored.published_at else None
    try:
        return interface_metadata(
            stored.interface, provider=owner.name_zh, provider_code=owner.code, published_on=published
        )
    except CatalogError as error:
        raise DefinitionError(f"interface {stored.interface.code}: its metadata cannot be read") from error


def _chosen(seen: list[StoredInterface], version: int | None, now: datetime) -> StoredInterface:
    if version is not None:
        seen = [item for item in seen if item.version == version]
    if not seen:
        raise MissingError("interface")
    rank = {InterfaceState.LIVE: 2, InterfaceState.DEPRECATED: 1}
    return max(seen, key=lambda item: (rank.get(item.state, 0) if _answers(item, now) else 0, item.version))


def _answers(item: StoredInterface, now: datetime) -> bool:
    return item.state in _ANSWERS and (item.ends_at is None or item.ends_at > now)


def _notice(stored: StoredInterface) -> dict[str, Any] | None:
    """What consumers must know: that it ends, and when."""
    if stored.ends_at is None:
        return None
    return {"code": stored.state.value, "ends_at": rfc3339(stored.ends_at)}


def _in_force(grant: Grant, now: datetime) -> bool:
    return grant.state is GrantState.LIVE and grant.valid_from <= now < grant.valid_until
