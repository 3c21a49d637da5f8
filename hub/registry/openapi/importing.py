"""An OpenAPI document becomes drafts: each GET and POST an interface, its servers a source of the kind `rest`.

Drafts say only what the document says. Sharing terms, legal basis and the origin of parameters are for people: terms
are drafted as conditional, parameters as given by the caller, and the report lists every such place with whatever could
not be carried over. Nothing is fetched and nothing is stored here.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from catalog.errors import DefinitionError
from hub.registry.openapi.fields import Shape, fields_of, param_schema, titles
from hub.registry.openapi.reading import BadReferenceError, Resolver, read_document

MAX_OPERATIONS: Final = 500
_METHODS: Final = ("get", "post")
_OTHER: Final = ("put", "delete", "patch", "head", "options", "trace")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TERMS: Final[Mapping[str, str]] = {"sharing": "conditional", "reason": "待补充", "conditions": "待补充"}


@dataclass(frozen=True, slots=True)
class Note:
    """Something that was not carried over, or that people must decide. `pointer` leads into the document."""

    pointer: str
    rule: str

    def as_json(self) -> dict[str, str]:
        """As reports show it."""
        return {"pointer": self.pointer, "rule": self.rule}


@dataclass(frozen=True, slots=True)
class Drafts:
    """Definitions for `yizheng source add` and `yizheng interface add`, and the report."""

    source: dict[str, Any]
    interfaces: tuple[dict[str, Any], ...]
    notes: tuple[Note, ...]


@dataclass(slots=True)
class _Work:
    """One import under way."""

    resolver: Resolver
    department: str
    source: str
    prefix: str
    codes: set[str] = field(default_factory=set)
    notes: list[Note] = field(default_factory=list)

    def note(self, pointer: str, rule: str) -> None:
        self.notes.append(Note(pointer, rule))


def import_openapi(text: str, *, department: str, source: str, prefix: str = "") -> Drafts:
    """Draft a source and interfaces from an OpenAPI 3.0 or 3.1 document, JSON or YAML.

    Args:
        department: USCC of the owner. source: code for the drafted source. prefix: begins every code.

    Raises: DefinitionError: not such a document, beyond bound, or without one operation that could be drafted.
    """
    document = read_document(text)
    work = _Work(Resolver(document), department, source, prefix)
    drafted = _source(document, work)
    interfaces = [found for place in _operations(document, work) if (found := _draft(*place, work)) is not None]
    for scheme in _mapping(_mapping(document.get("components")).get("securitySchemes")):
        work.note(f"/components/securitySchemes/{_step(str(scheme))}", "credentials_to_be_set")
    if not interfaces:
        raise DefinitionError("openapi: no operation could be drafted")
    return Drafts(drafted, tuple(interfaces), tuple(work.notes))


def _source(document: Mapping[str, Any], work: _Work) -> dict[str, Any]:
    info = _mapping(document.get("info"))
    servers = document.get("servers")
    urls = [str(_mapping(item).get("url", "")) for item in servers] if isinstance(servers, list) else []
    usable = [url for url in urls if _target(url)]
    for place, url in enumerate(urls):
        if url not in usable[:1]:
            work.note(f"/servers/{place}", "server_not_used")
    if not usable:
        work.note("/servers", "address_to_be_set")
    url = usable[0] if usable else "https://address.invalid"
    title = titles(str(info.get("title", "")), work.source)
    if title["zh"] == title["en"]:
        work.note("/info/title", "one_language")
    return {
        "code": work.source,
        "department": work.department,
        "name": title,
        "kind": "rest",
        "connection": {"url": url.rstrip("/")},
        "targets": [_target(url)],
    }


def _target(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return None
    plain = parts.scheme in {"http", "https"} and parts.hostname and not parts.query and not parts.username
    return f"{parts.hostname}:{port}" if plain and "{" not in url else None


def _operations(document: Mapping[str, Any], work: _Work) -> Iterator[tuple[str, str, Mapping[str, Any], list[Any]]]:
    count = 0
    for path, item in _mapping(document.get("paths")).items():
        where = f"/paths/{_step(str(path))}"
        try:
            operations = work.resolver.resolve(item)
        except BadReferenceError as error:
            work.note(where, error.rule)
            continue
        shared = operations.get("parameters")
        for method in _METHODS:
            if isinstance(operations.get(method), Mapping):
                count += 1
                if count > MAX_OPERATIONS:
                    raise DefinitionError(f"openapi: more than {MAX_OPERATIONS} operations; cut the document up")
                yield str(path), method, operations[method], shared if isinstance(shared, list) else []
        for method in _OTHER:
            if method in operations:
                work.note(f"{where}/{method}", "method_changes_data")


def _draft(
    path: str, method: str, operation: Mapping[str, Any], shared: list[Any], work: _Work
) -> dict[str, Any] | None:
    where = f"/paths/{_step(path)}/{method}"
    shape = _answer(operation, where, work)
    if shape is None:
        return None
    params: dict[str, dict[str, Any]] = {}
    asked = _request(path, method, operation, [*shared, *_list(operation.get("parameters"))], where, params, work)
    if asked is None:
        return None
    code = _code(path, method, operation, work)
    title = titles(str(operation.get("summary") or operation.get("operationId") or ""), code)
    if title["zh"] == title["en"]:
        work.note(f"{where}/summary", "one_language")
    for name in params:
        work.note(f"{where}/parameters/{_step(name)}", "origin_to_be_decided")
    work.note(where, "terms_to_be_decided")
    for pointer, rule in shape.notes:
        work.note(f"{where}/responses{pointer}", rule)
    return {
        "code": code,
        "title": title,
        "summary": titles(str(operation.get("description") or operation.get("summary") or ""), code),
        "department": work.department,
        "source": work.source,
        "params": params,
        "terms": dict(_TERMS),
        "fields": {item.name: item.declared() for item in shape.fields},
        "many": shape.many,
        "operation": asked | ({"rows": shape.rows} if shape.rows else {}),
        "mapping": {"version": 1, "fields": {item.name: item.mapping() for item in shape.fields}},
        "catalogue": {"keywords": [str(tag) for tag in _list(operation.get("tags")) if str(tag).strip()][:10]},
    }


def _answer(operation: Mapping[str, Any], where: str, work: _Work) -> Shape | None:
    responses = _mapping(operation.get("responses"))
    status = next((code for code in ("200", "201", "2XX", "default") if code in responses), None)
    if status is None:
        work.note(f"{where}/responses", "no_answer_described")
        return None
    try:
        content = _mapping(work.resolver.resolve(responses[status]).get("content"))
        media = next((kind for kind in content if "json" in str(kind)), None)
        if media is None:
            work.note(f"{where}/responses/{status}", "answer_is_not_json")
            return None
        schema = work.resolver.resolve(content[media]).get("schema", {})
        shape = fields_of(schema, work.resolver)
    except BadReferenceError as error:
        work.note(f"{where}/responses/{status}", error.rule)
        return None
    if not shape.fields:
        work.note(f"{where}/responses/{status}", "no_fields_described")
        return None
    return shape


def _request(
    path: str,
    method: str,
    operation: Mapping[str, Any],
    parameters: list[Any],
    where: str,
    params: dict[str, dict[str, Any]],
    work: _Work,
) -> dict[str, Any] | None:
    """The adapter's operation, its parameters added to `params`; None when a needed one cannot be given."""
    asked: dict[str, Any] = {"method": method.upper(), "path": path}
    query: dict[str, str] = {}
    for place, item in enumerate(parameters):
        pointer = f"{where}/parameters/{place}"
        try:
            told = work.resolver.resolve(item)
            name, stands = str(told.get("name", "")), told.get("in")
            schema = param_schema(told.get("schema", {}), work.resolver)
        except BadReferenceError as error:
            work.note(pointer, error.rule)
            return None
        if stands not in {"path", "query"} or not _NAME.fullmatch(name) or schema is None:
            work.note(pointer, "parameter_not_carried_over")
            if told.get("required") is True or stands == "path":
                return None
            continue
        if stands == "query":
            query[name] = "{" + name + "}"
        if told.get("required") is not True and stands == "query":
            work.note(pointer, "optional_parameter_made_required")
        params[name] = _param(name, str(told.get("description") or ""), schema)
    if set(re.findall(r"\{([^{}]*)\}", path)) - params.keys():
        work.note(where, "path_parameter_undeclared")
        return None
    body = _body(operation, where, params, work)
    if body is None:
        return None
    return asked | ({"query": query} if query else {}) | body


def _body(
    operation: Mapping[str, Any], where: str, params: dict[str, dict[str, Any]], work: _Work
) -> dict[str, Any] | None:
    if "requestBody" not in operation:
        return {}
    pointer = f"{where}/requestBody"
    try:
        content = _mapping(work.resolver.resolve(operation["requestBody"]).get("content"))
        media = next((kind for kind in content if "json" in kind or "urlencoded" in kind), "")
        member = "json" if "json" in media else "form" if media else ""
        schema = work.resolver.resolve(_mapping(content.get(media)).get("schema", {}))
        template: dict[str, str] = {}
        for name, item in _mapping(schema.get("properties")).items():
            found = param_schema(item, work.resolver)
            if found is None or not _NAME.fullmatch(str(name)) or name in params:
                work.note(f"{pointer}/{_step(str(name))}", "parameter_not_carried_over")
                if name in _list(schema.get("required")):
                    return None
                continue
            description = str(work.resolver.resolve(item).get("description") or "")
            params[str(name)] = _param(str(name), description, found)
            template[str(name)] = "{" + str(name) + "}"
    except BadReferenceError as error:
        work.note(pointer, error.rule)
        return None
    if not member or not template:
        work.note(pointer, "body_not_carried_over")
        return None
    return {member: template}


def _param(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"title": titles(description, name), "from": "caller", "schema": schema}


def _code(path: str, method: str, operation: Mapping[str, Any], work: _Work) -> str:
    told = str(operation.get("operationId") or f"{method}_{path}")
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", told)
    plain = re.sub(r"[^a-z0-9]+", "_", f"{work.prefix}{spaced}".lower()).strip("_")[:56]
    plain = plain if len(plain) >= 3 else f"{plain}_{method}"
    code, number = plain, 2
    while code in work.codes:
        code, number = f"{plain}_{number}", number + 1
    work.codes.add(code)
    return code


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _step(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
