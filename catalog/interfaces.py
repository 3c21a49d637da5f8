"""Interfaces 数据接口: one published question a source answers, with its parameters, fields and sharing terms.

An interface is data, written and exported as one YAML document, versioned, and never changed once it is live: a change
is the next version. Whom it may be asked about is part of it: parameters are filled from the parties of a case by the
hub, so that a caller cannot ask about somebody who has no case.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from catalog.declared import text, texts
from catalog.errors import DefinitionError


class InterfaceState(StrEnum):
    """A version's life. Only `live` and `deprecated` answer under grants; `test` answers its own department."""

    DRAFT = "draft"
    TEST = "test"
    LIVE = "live"
    DEPRECATED = "deprecated"
    WITHDRAWN = "withdrawn"


NEXT_STATES: Final[Mapping[InterfaceState, frozenset[InterfaceState]]] = MappingProxyType(
    {
        InterfaceState.DRAFT: frozenset({InterfaceState.TEST, InterfaceState.WITHDRAWN}),
        InterfaceState.TEST: frozenset({InterfaceState.DRAFT, InterfaceState.LIVE, InterfaceState.WITHDRAWN}),
        InterfaceState.LIVE: frozenset({InterfaceState.DEPRECATED, InterfaceState.WITHDRAWN}),
        InterfaceState.DEPRECATED: frozenset({InterfaceState.LIVE, InterfaceState.WITHDRAWN}),
        InterfaceState.WITHDRAWN: frozenset(),
    }
)
"""The one transition table."""


class Sharing(StrEnum):
    """共享属性, in the order of openness."""

    UNCONDITIONAL = "unconditional"
    CONDITIONAL = "conditional"
    NOT_SHARED = "not_shared"


class Origin(StrEnum):
    """Where a parameter's value comes from."""

    PARTY_ID = "party.id_number"
    PARTY_NAME = "party.name"
    SUBJECT = "subject.code"
    CALLER = "caller"


class Test(StrEnum):
    """Yes/no questions about a field, answered without its value."""

    EQUALS = "equals"
    IN = "in"
    AT_LEAST = "at_least"
    AT_MOST = "at_most"
    PRESENT = "present"


@dataclass(frozen=True, slots=True)
class Terms:
    """Sharing terms 共享属性 with their reason; `conditions` say what a conditional one asks for."""

    sharing: Sharing
    reason: str
    legal_basis: str
    conditions: str = ""


@dataclass(frozen=True, slots=True)
class Param:
    """A parameter. `id_type` (GB/T 36903) limits a `party.id_number`; `schema` checks what a caller gives."""

    name: str
    title: Mapping[str, str]
    origin: Origin
    id_type: str | None
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of an answer. `schema` is its JSON Schema; `derived` makes a predicate out of another field."""

    name: str
    title: Mapping[str, str]
    schema: Mapping[str, Any]
    required: bool
    terms: Terms
    derived: "Derived | None" = None


@dataclass(frozen=True, slots=True)
class Derived:
    """A predicate: `test` of `field` against `against`; the value itself never leaves."""

    field: str
    test: Test
    against: Any


@dataclass(frozen=True, slots=True)
class Interface:
    """A version of an interface as declared.

    `operation` is the adapter's, `mapping` turns the source's row into fields (`hub.exchange.mapping` reads it).
    `echoes` names fields that must equal parameters: an answer about somebody else is a fault of the source.
    `identity_name` names the field that must equal the party's name before anything is disclosed, and makes the
    interface one that confirms identities; a field that echoes the party's number must stand beside it.
    `complete`: an empty answer means that there is no record.
    `labels` names the fields that whoever has to say which of several records is meant may see of each of them.
    """

    code: str
    title: Mapping[str, str]
    summary: Mapping[str, str]
    department: str
    source: str
    params: Mapping[str, Param]
    fields: Mapping[str, Field]
    terms: Terms
    many: bool
    complete: bool
    echoes: Mapping[str, str]
    identity_name: str | None
    operation: Mapping[str, Any]
    mapping: Mapping[str, Any]
    update_cycle: str
    cache_seconds: int
    stale_seconds: int
    catalogue: Mapping[str, Any]
    samples: tuple[Mapping[str, Any], ...]
    labels: tuple[str, ...] = ()

    def answer_schema(self) -> dict[str, Any]:
        """JSON Schema of one mapped record, before fields are filtered. Derived fields are not in it."""
        stored = {name: field for name, field in self.fields.items() if field.derived is None}
        return {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "additionalProperties": False,
            "properties": {name: dict(field.schema) for name, field in stored.items()},
            "required": sorted(name for name, field in stored.items() if field.required),
        }

    def shareable(self) -> frozenset[str]:
        """Fields that a grant may name: those not `not_shared`."""
        return frozenset(name for name, field in self.fields.items() if field.terms.sharing is not Sharing.NOT_SHARED)


_CODE: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_-")


def read_interface(definition: Mapping[str, Any]) -> Interface:
    """Read a declared interface; operation and mapping are not looked into. Raises: DefinitionError."""
    try:
        return _read(definition)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise DefinitionError(f"interface: {type(error).__name__} {error}") from error


def _read(definition: Mapping[str, Any]) -> Interface:
    code = text(definition["code"], "interface: code")
    if not 3 <= len(code) <= 64 or not _CODE.issuperset(code):
        raise DefinitionError("interface: code takes 3 to 64 of a-z 0-9 _ -")
    terms = _terms(definition["terms"], "interface: terms")
    fields = {str(name): _field(str(name), item, terms) for name, item in definition["fields"].items()}
    params = {str(name): _param(str(name), item) for name, item in definition["params"].items()}
    found = Interface(
        code=code,
        title=_titles(definition["title"], "interface: title"),
        summary=_titles(definition.get("summary", definition["title"]), "interface: summary"),
        department=text(definition["department"], "interface: department"),
        source=text(definition["source"], "interface: source"),
        params=MappingProxyType(params),
        fields=MappingProxyType(fields),
        terms=terms,
        many=bool(definition.get("many", False)),
        complete=bool(definition.get("complete", False)),
        echoes=MappingProxyType(dict(definition.get("echoes", {}))),
        identity_name=definition.get("identity_name"),
        operation=MappingProxyType(dict(definition["operation"])),
        mapping=MappingProxyType(dict(definition["mapping"])),
        update_cycle=str(definition.get("update_cycle", "realtime")),
        cache_seconds=_seconds(definition, "cache_seconds"),
        stale_seconds=_seconds(definition, "stale_seconds"),
        catalogue=MappingProxyType(dict(definition.get("catalogue", {}))),
        samples=tuple(definition.get("samples", ())),
        labels=texts(definition.get("labels", ()), "interface: labels"),
    )
    _check_names(found)
    return found


def _check_names(interface: Interface) -> None:
    stored = {name for name, field in interface.fields.items() if field.derived is None}
    if not stored:
        raise DefinitionError("interface: it has no fields")
    for field_name, param in interface.echoes.items():
        if field_name not in stored or param not in interface.params:
            raise DefinitionError(f"interface: echoes/{field_name} names a field and a parameter")
    if interface.identity_name is not None and interface.identity_name not in stored:
        raise DefinitionError("interface: identity_name must be a field")
    if interface.identity_name is not None and not _echoes_a_number(interface):
        raise DefinitionError(
            "interface: identity_name needs an echo of the party's number: a name alone is no identity"
        )
    for name, field in interface.fields.items():
        if field.derived is not None and field.derived.field not in stored:
            raise DefinitionError(f"interface: fields/{name}/derived/field must be a field with a value")
    if not set(interface.labels) <= interface.shareable():
        raise DefinitionError("interface: labels names fields that are shared")
    if interface.stale_seconds and not interface.cache_seconds:
        raise DefinitionError("interface: stale_seconds needs cache_seconds")


def _echoes_a_number(interface: Interface) -> bool:
    """Otherwise whoever types a company's name beside any number would be given its record."""
    return any(interface.params[param].origin is Origin.PARTY_ID for param in interface.echoes.values())


def _param(name: str, item: Mapping[str, Any]) -> Param:
    return Param(
        name=name,
        title=_titles(item["title"], f"interface: params/{name}/title"),
        origin=Origin(item["from"]),
        id_type=item.get("id_type"),
        schema=MappingProxyType(dict(item.get("schema", {"type": "string", "maxLength": 200}))),
    )


def _field(name: str, item: Mapping[str, Any], default: Terms) -> Field:
    derived = item.get("derived")
    return Field(
        name=name,
        title=_titles(item["title"], f"interface: fields/{name}/title"),
        schema=MappingProxyType({"type": "boolean"} if derived else dict(item["schema"])),
        required=bool(item.get("required", False)),
        terms=_terms(item["terms"], f"interface: fields/{name}/terms") if "terms" in item else default,
        derived=Derived(derived["field"], Test(derived["test"]), derived.get("against")) if derived else None,
    )


def _terms(item: Mapping[str, Any], where: str) -> Terms:
    terms = Terms(
        sharing=Sharing(item["sharing"]),
        reason=str(item.get("reason", "")),
        legal_basis=str(item.get("legal_basis", "")),
        conditions=str(item.get("conditions", "")),
    )
    if terms.sharing is Sharing.NOT_SHARED and not (terms.reason and terms.legal_basis):
        raise DefinitionError(f"{where}: not_shared needs a reason and a legal basis (政务数据共享条例)")
    if terms.sharing is Sharing.CONDITIONAL and not (terms.reason or terms.conditions):
        raise DefinitionError(f"{where}: conditional needs its conditions or a reason")
    return terms


def _titles(item: Mapping[str, Any], where: str) -> Mapping[str, str]:
    return MappingProxyType({"zh": text(item["zh"], f"{where}/zh"), "en": text(item["en"], f"{where}/en")})


def _seconds(definition: Mapping[str, Any], name: str) -> int:
    value = definition.get(name, 0)
    if type(value) is not int or not 0 <= value <= 86_400 * 31:
        raise DefinitionError(f"interface: {name} must be whole seconds, at most 31 days")
    return value


def keywords(interface: Interface) -> tuple[str, ...]:
    """Search words its owner gave."""
    return texts(interface.catalogue.get("keywords", ()), "interface: catalogue/keywords")
