"""The names behind codes: of an interface or type, its fields, matters and departments, as people call them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from catalog.grants import ResourceKind
from catalog.interface_store import interface_versions
from catalog.store import find_department, find_matter
from hub.issuing.types.registry import TypeRegistry
from hub.registry.meanings import Words


@dataclass(frozen=True, slots=True)
class Names:
    """Titles in Chinese and English; a code without one stands for itself."""

    title: Words
    owner: Words
    fields: Mapping[str, Words]
    matters: Mapping[str, Words]


def owner_words(tx: Connection, provider: Mapping[str, str]) -> Words:
    """The department that provides something in the catalogue, in both languages where it is registered here."""
    found = find_department(tx, provider["code"])
    return (found.name_zh, found.name_en) if found else (provider["name"], provider["name"])


def titles_of(tx: Connection, types: TypeRegistry, resources: Iterable[tuple[ResourceKind, str]]) -> dict[str, Words]:
    """Code → title of everything in a list."""
    return {code: _named(tx, types, kind, code)[0] for kind, code in dict.fromkeys(resources)}


def names_of(
    tx: Connection, types: TypeRegistry, kind: ResourceKind, code: str, *, matters: Iterable[str], owner: str
) -> Names:
    """Names of what a request or grant is about. The newest version names an interface, also one that has ended."""
    title, fields = _named(tx, types, kind, code)
    found = {item: find_matter(tx, item) for item in matters}
    department = find_department(tx, owner)
    return Names(
        title=title,
        owner=(department.name_zh, department.name_en) if department else (owner, owner),
        fields=fields,
        matters={item: (row[1].name_zh, row[1].name_en) for item, row in found.items() if row},
    )


def _named(tx: Connection, types: TypeRegistry, kind: ResourceKind, code: str) -> tuple[Words, dict[str, Words]]:
    title: Words = (code, code)
    fields: dict[str, Words] = {}
    known = types.find(code) if kind is ResourceKind.CERTIFICATE_TYPE else None
    versions = interface_versions(tx, code) if kind is ResourceKind.INTERFACE else []
    if known is not None:
        title = (known.type.name.zh, known.type.name.en)
        fields = {name: (claim.title.zh, claim.title.en) for name, claim in known.type.claims.items()}
    elif versions:
        interface = versions[0].interface
        title = (interface.title["zh"], interface.title["en"])
        fields = {name: (field.title["zh"], field.title["en"]) for name, field in interface.fields.items()}
    return title, fields
