"""From the database to the index: what changed since last time, read in small pieces so that nobody waits for it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, case, func, select

from catalog.errors import CatalogError
from catalog.interfaces import Interface, InterfaceState, read_interface
from catalog.metadata import interface_metadata
from catalog.store import list_matters
from catalog.tables import DepartmentRow, InterfaceRow, MatterRow, table
from catalog.vocabulary import Vocabulary
from hub.issuing.types.registry import TypeInForce
from hub.ledger.tables import LedgerEntryRow
from hub.registry.departments.store import Departments, DepartmentView, read_departments
from hub.registry.search.documents import Document, EntryKind
from hub.registry.tables import DepartmentProfileRow

_INTERFACES: Final = table(InterfaceRow)
_DEPARTMENTS: Final = table(DepartmentRow)
_PROFILES: Final = table(DepartmentProfileRow)
_MATTERS: Final = table(MatterRow)
_ENTRIES: Final = table(LedgerEntryRow)
BATCH: Final = 100
"""Interfaces whose definitions are read in one unit of work: a few milliseconds."""
_SHOWN: Final = (InterfaceState.LIVE.value, InterfaceState.DEPRECATED.value)
_OWN: Final = (InterfaceState.DRAFT.value, InterfaceState.TEST.value)
CERTIFICATE_THEME: Final = "基础信息资源/电子证照"


@dataclass(frozen=True, slots=True)
class Version:
    """A version of an interface without its definition. Equal ones need not be read again."""

    id: str
    code: str
    version: int
    state: str
    row_version: int
    owner: DepartmentView
    published_at: datetime | None
    ends_at: datetime | None

    @property
    def public(self) -> bool:
        """Whether others than its department see it."""
        return self.state in _SHOWN


def head(tx: Connection) -> str | None:
    """The newest entry of the ledger: every change of the catalogue writes one, so does every disclosure."""
    return tx.execute(select(_ENTRIES.c.id).order_by(_ENTRIES.c.id.desc()).limit(1)).scalar()


def counter(tx: Connection) -> tuple[Any, ...]:
    """Numbers of which at least one is another after any change of the catalogue."""
    interfaces = select(func.count(), func.sum(_INTERFACES.c.row_version), func.max(_INTERFACES.c.changed_at))
    departments = select(func.count(), func.count(_DEPARTMENTS.c.successor_id))
    profiles = select(func.count(), func.max(_PROFILES.c.changed_at))
    matters = select(func.count(), func.sum(case((_MATTERS.c.current, _MATTERS.c.version)))).select_from(_MATTERS)
    rows = (tx.execute(query).one() for query in (interfaces, departments, profiles, matters))
    return tuple(tuple(row) for row in rows)


@dataclass(frozen=True, slots=True)
class Standing:
    """The catalogue without the definitions of interfaces."""

    departments: Departments
    matters: tuple[Document, ...]
    versions: Mapping[str, Version]
    """By key of document."""


def standing(tx: Connection) -> Standing:
    """Read what there is; of each interface the version that answers, and the newest that is being written."""
    departments = read_departments(tx)
    columns = [_INTERFACES.c[name] for name in ("id", "code", "version", "state", "row_version", "published_at")]
    rows = tx.execute(
        select(*columns, _INTERFACES.c.owner_department_id, _INTERFACES.c.ends_at)
        .where(_INTERFACES.c.state.in_((*_SHOWN, *_OWN)))
        .order_by(_INTERFACES.c.code, _INTERFACES.c.version)
    )
    versions: dict[str, Version] = {}
    for row in rows:
        found = Version(
            row.id, row.code, row.version, row.state, row.row_version,
            departments.current(row.owner_department_id), row.published_at, row.ends_at,
        )  # fmt: skip
        key = f"interface:{row.code}" if found.public else f"interface:{row.code}@next"
        before = versions.get(key)
        if before is None or _rank(found) >= _rank(before):
            versions[key] = found
    return Standing(departments, tuple(_matters(tx, departments)), versions)


def _rank(version: Version) -> tuple[bool, int]:
    return (version.state == InterfaceState.LIVE.value, version.version)


def definitions(tx: Connection, ids: list[str]) -> dict[str, dict[str, Any]]:
    """Declared interfaces by row."""
    rows = tx.execute(select(_INTERFACES.c.id, _INTERFACES.c.definition).where(_INTERFACES.c.id.in_(ids)))
    return {row.id: row.definition for row in rows}


def interface_document(key: str, version: Version, definition: Mapping[str, Any]) -> Document | None:
    """What is searched of an interface; None for one that cannot be read, which must not hide all the others."""
    try:
        interface = read_interface(definition)
    except CatalogError:
        return None
    theme, keywords = _described(interface)
    titles = (title for field in interface.fields.values() for title in field.title.values())
    return Document(
        key=key,
        kind=EntryKind.INTERFACE,
        code=interface.code,
        title=interface.title,
        owner_department_id=version.owner.id,
        public=version.public,
        facets={
            "kind": EntryKind.INTERFACE.value,
            "department": version.owner.code,
            "theme": theme,
            "sharing": interface.terms.sharing.value,
            "update_cycle": interface.update_cycle,
            "state": version.state,
        },
        summary=interface.summary,
        department=_names(version.owner),
        keywords=keywords,
        fields=(*titles, *interface.fields),
        version=version.version,
        ends_at=version.ends_at,
        published_at=version.published_at,
    )


def _described(interface: Interface) -> tuple[str, tuple[str, ...]]:
    try:
        metadata = interface_metadata(interface)
    except CatalogError:
        return "", ()
    return metadata.theme, metadata.keywords


def type_documents(types: Mapping[str, TypeInForce], departments: Departments) -> Iterator[Document]:
    """Certificate types in force, under the department that issues them, or else the one that defined them."""
    for code, item in types.items():
        found = item.type
        issuers = [view for view in departments.by_id.values() if code in view.issues]
        issuer = departments.current(issuers[0].id) if issuers else departments.by_code(found.defining_authority.uscc)
        claims = [title for claim in found.claims.values() for title in (claim.title.zh, claim.title.en)]
        authority = {"zh": found.defining_authority.name, "en": ""}
        yield Document(
            key=f"certificate_type:{code}",
            kind=EntryKind.CERTIFICATE_TYPE,
            code=code,
            title={"zh": found.name.zh, "en": found.name.en},
            owner_department_id=issuer.id if issuer else "",
            public=True,
            facets={
                "kind": EntryKind.CERTIFICATE_TYPE.value,
                "department": issuer.code if issuer else found.defining_authority.uscc,
                "theme": CERTIFICATE_THEME,
                "sharing": "conditional",
                "state": "live",
            },
            department=_names(issuer) if issuer else authority,
            fields=(*claims, *found.claims),
            version=item.version,
            codes=(found.slug,),
        )


def department_documents(departments: Departments, vocabulary: Vocabulary) -> Iterator[Document]:
    """Open departments; the names and codes of those they succeeded lead to them."""
    for view in departments.by_id.values():
        if view.closed:
            continue
        former = departments.former(view.id)
        names = [name for item in former for name in (item.name_zh, item.name_en)]
        duties = (*view.duties, *(duty for item in (view, *former) for duty in vocabulary.duties_of(item.name_zh)))
        yield Document(
            key=f"department:{view.code}",
            kind=EntryKind.DEPARTMENT,
            code=view.code,
            title=_names(view),
            owner_department_id=view.id,
            public=True,
            facets={"kind": EntryKind.DEPARTMENT.value, "department": view.code, "state": "live"},
            names=tuple(names),
            fields=tuple(dict.fromkeys(duties)),
            codes=tuple(item.code for item in former),
        )


def _matters(tx: Connection, departments: Departments) -> Iterator[Document]:
    columns = (_MATTERS.c.code, _MATTERS.c.owner_department_id)
    owners = {
        row.code: row.owner_department_id for row in tx.execute(select(*columns).where(_MATTERS.c.current.is_(True)))
    }
    for matter in list_matters(tx):
        owner = departments.current(owners[matter.code])
        yield Document(
            key=f"matter:{matter.code}",
            kind=EntryKind.MATTER,
            code=matter.code,
            title={"zh": matter.name_zh, "en": matter.name_en},
            owner_department_id=owner.id,
            public=True,
            facets={"kind": EntryKind.MATTER.value, "department": owner.code, "state": "live"},
            department=_names(owner),
            fields=tuple(title for item in matter.requirements for title in (item.title_zh, item.title_en)),
        )


def _names(view: DepartmentView) -> dict[str, str]:
    return {"zh": view.name_zh, "en": view.name_en}
