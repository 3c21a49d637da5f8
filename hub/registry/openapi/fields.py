"""The answer that an OpenAPI operation describes, as fields: where the records stand, and what each member is."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from hub.registry.openapi.reading import BadReferenceError, Resolver

MAX_FIELDS: Final = 200
MAX_LEVELS: Final = 4
MAX_NESTED: Final = 12
"""`allOf` inside `allOf`."""
_NAME: Final = re.compile(r"[^A-Za-z0-9_]+")
_HAN: Final = re.compile(r"[\u3400-\u9fff]")
_SCALARS: Final = ("string", "integer", "number", "boolean")
_KEPT: Final = ("maxLength", "minLength", "pattern", "enum", "minimum", "maximum", "format")
_FORMATS: Final = frozenset({"date", "date-time"})
_AS: Final[Mapping[str, str]] = {"integer": "integer", "number": "decimal", "boolean": "boolean"}
_ENVELOPE: Final = ("data", "datas", "result", "results", "rows", "records", "items", "list", "content", "value")


@dataclass(frozen=True, slots=True)
class Member:
    """A field: its name in the interface, where it stands in a record, and its schema."""

    name: str
    path: str
    title: Mapping[str, str]
    schema: Mapping[str, Any]
    required: bool

    def declared(self) -> dict[str, Any]:
        """As an interface declares it."""
        return {"title": dict(self.title), "schema": dict(self.schema), "required": self.required}

    def mapping(self) -> dict[str, Any]:
        """As a mapping makes it. What the document does not require may be missing."""
        kind = {"date": "date", "date-time": "datetime"}.get(str(self.schema.get("format", "")))
        told: dict[str, Any] = {"from": self.path, "as": kind or _AS.get(str(self.schema["type"]), "text")}
        return told if self.required else told | {"optional": True}


@dataclass(frozen=True, slots=True)
class Shape:
    """Records at `rows` (a JSON Pointer), one or many, with what could not be carried over."""

    rows: str
    many: bool
    fields: tuple[Member, ...]
    notes: tuple[tuple[str, str], ...]


def fields_of(schema: Any, resolver: Resolver) -> Shape:
    """Find the records in the schema of an answer. Raises: BadReferenceError, DefinitionError."""
    rows, record, many = _records(schema, resolver)
    notes: list[tuple[str, str]] = []
    members: dict[str, Member] = {}
    for member in _members(record, "", resolver, notes, 0):
        name, number = member.name, 2
        while name in members:
            name, number = f"{member.name}_{number}", number + 1
        if len(members) == MAX_FIELDS:
            notes.append((rows, "too_many_fields"))
            break
        members[name] = Member(name, member.path, member.title, member.schema, member.required)
    return Shape(rows, many, tuple(members.values()), tuple(notes))


def param_schema(schema: Any, resolver: Resolver) -> dict[str, Any] | None:
    """The schema of a parameter as far as it is kept; None for what is no plain value. Raises: BadReferenceError."""
    told = resolver.resolve(schema)
    kind = _kind(told) or "string"
    return _plain(told, kind) if kind in _SCALARS else None


def titles(text: str, fallback: str) -> dict[str, str]:
    """A title in both languages, as far as one text can say it: Chinese is Chinese, all else stands in both places."""
    line = " ".join(text.split())[:100] or fallback
    return {"zh": line, "en": fallback if _HAN.search(line) else line}


def _records(schema: Any, resolver: Resolver) -> tuple[str, Mapping[str, Any], bool]:
    """Through envelopes to where the records stand: lists are many, an object is one."""
    rows = ""
    told = _whole(schema, resolver)
    for _ in range(MAX_LEVELS):
        if _kind(told) == "array":
            return rows, _whole(told.get("items", {}), resolver), True
        properties = _properties(told)
        inner = next((name for name in _ENVELOPE if name in properties), None)
        if inner is None:
            return rows, told, False
        child = _whole(properties[inner], resolver)
        if _kind(child) not in {"array", "object"}:
            return rows, told, False
        rows, told = f"{rows}/{inner}", child
    return rows, told, False


def _members(
    record: Mapping[str, Any], path: str, resolver: Resolver, notes: list[tuple[str, str]], level: int
) -> Iterator[Member]:
    required = record.get("required")
    needed = set(map(str, required)) if isinstance(required, list) else set()
    for name, item in _properties(record).items():
        step = str(name).replace("~", "~0").replace("/", "~1")
        pointer = f"{path}/{step}"
        try:
            told = _whole(item, resolver)
        except BadReferenceError as error:
            notes.append((pointer, error.rule))
            continue
        kind = _kind(told) or "string"
        if kind == "object" and _properties(told) and level < MAX_LEVELS:
            yield from _members(told, pointer, resolver, notes, level + 1)
        elif kind in _SCALARS:
            plain = _NAME.sub("_", str(name)).strip("_") or f"field_{len(notes)}"
            described = str(told.get("title") or told.get("description") or "")
            column = pointer if path or "/" in str(name) else str(name)
            is_needed = str(name) in needed and not path
            yield Member(plain, column, titles(described, str(name)), _plain(told, kind), is_needed)
        else:
            notes.append((pointer, "list_or_free_object"))


def _whole(schema: Any, resolver: Resolver, level: int = 0) -> Mapping[str, Any]:
    """A schema with what `allOf` adds; of alternatives the first, which the owner will see in the draft."""
    if level > MAX_NESTED:
        raise BadReferenceError("reference_in_a_ring")
    told = resolver.resolve(schema)
    parts = told.get("allOf")
    if isinstance(parts, list):
        merged: dict[str, Any] = {name: value for name, value in told.items() if name != "allOf"}
        for part in parts:
            found = _whole(part, resolver, level + 1)
            properties = {**_properties(found), **_properties(merged)}
            required = [*_texts(found.get("required")), *_texts(merged.get("required"))]
            merged = {**found, **merged, "properties": properties, "required": required}
        return merged
    for name in ("oneOf", "anyOf"):
        choices = told.get(name)
        if isinstance(choices, list) and choices:
            return _whole(choices[0], resolver, level + 1)
    return told


def _kind(told: Mapping[str, Any]) -> str | None:
    """The type; of several the first that is not null, as OpenAPI 3.1 writes what may be empty."""
    kinds = told.get("type")
    if isinstance(kinds, list):
        return next((str(kind) for kind in kinds if kind != "null"), None)
    if kinds is None:
        return "object" if "properties" in told else "array" if "items" in told else None
    return str(kinds)


def _plain(told: Mapping[str, Any], kind: str) -> dict[str, Any]:
    kept = {name: told[name] for name in _KEPT if name in told and _exact(told[name])}
    if kept.get("format") not in _FORMATS:
        kept.pop("format", None)
    if kind == "string" and not {"maxLength", "enum", "format"} & kept.keys():
        kept["maxLength"] = 1000
    return {"type": kind, **kept}


def _exact(value: Any) -> bool:
    """Whether every reader of JSON reads the value alike: 64-bit bounds are left out, they bound nothing."""
    if isinstance(value, list):
        return all(_exact(item) for item in value)
    return isinstance(value, str | bool) or (isinstance(value, int | float) and abs(value) < 2**53)


def _properties(told: Mapping[str, Any]) -> Mapping[str, Any]:
    found = told.get("properties")
    return found if isinstance(found, Mapping) else {}


def _texts(value: Any) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []
