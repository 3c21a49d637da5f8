"""The kinds of sources. A kind is a module with `open_source(connection, environment)` and its two JSON Schemas.

Modules are imported when a source of their kind is opened: a hub without SOAP never pays for its client.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final

from adapters.errors import DefinitionFaultError
from adapters.port import Environment, Source

KINDS: Final[Mapping[str, str]] = {
    "rest": "adapters.rest",
    "sql": "adapters.sql",
    "files": "adapters.files",
    "objects": "adapters.objects",
    "soap": "adapters.soap",
    "push": "adapters.push",
    "agent": "adapters.agent",
    "zhejiang": "adapters.zhejiang",
}

_TELL: Final = frozenset({"files", "objects", "push"})


def open_source(kind: str, connection: Mapping[str, Any], environment: Environment) -> Source:
    """Open a source of this kind. Nothing is reached yet. Raises: DefinitionFaultError."""
    source: Source = _module(kind).open_source(connection, environment)
    return source


def connection_schema(kind: str) -> dict[str, Any]:
    """JSON Schema (2020-12) of a connection, with `title` and `title_en` for forms. Raises: DefinitionFaultError."""
    schema: dict[str, Any] = _module(kind).CONNECTION_SCHEMA
    return schema


def operation_schema(kind: str) -> dict[str, Any]:
    """JSON Schema of an operation. Raises: DefinitionFaultError."""
    schema: dict[str, Any] = _module(kind).OPERATION_SCHEMA
    return schema


def finds_by_key(kind: str, operation: Mapping[str, Any]) -> bool:
    """Whether a checked operation finds the rows of one key and lists nothing; known of kinds that tell the two apart.

    Of the others it is told by the parameters alone.
    """
    return kind in _TELL and "key" in operation


def _module(kind: str) -> Any:
    if kind not in KINDS:
        raise DefinitionFaultError("/kind", "unknown_kind")
    return import_module(KINDS[kind])
