"""Reading an OpenAPI document that somebody else wrote: bounded, and nothing it names is ever fetched.

Refused as a whole: too large, too deep, aliases (YAML bombs), not OpenAPI 3.0 or 3.1, references that expand beyond
bound. A single reference that leads outside the document or in a ring is the caller's to report.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

import yaml

from catalog.errors import DefinitionError

MAX_BYTES: Final = 2 * 1024 * 1024
MAX_DEPTH: Final = 64
MAX_NODES: Final = 200_000
MAX_RESOLVED: Final = 100_000
"""Nodes looked at while references are followed: a document of nested references grows as a power."""
_MAX_CHAIN: Final = 16


class BadReferenceError(Exception):
    """A reference that is not followed; `rule` says why."""

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule


def read_document(text: str) -> dict[str, Any]:
    """The document as plain JSON values. Raises: DefinitionError."""
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise DefinitionError(f"openapi: larger than {MAX_BYTES} bytes")
    document = _parsed(text)
    if not isinstance(document, dict) or not str(document.get("openapi", "")).startswith(("3.0.", "3.1.")):
        raise DefinitionError("openapi: not an OpenAPI 3.0 or 3.1 document")
    _measure(document)
    return document


def _parsed(text: str) -> Any:
    if text.lstrip().startswith("{"):
        try:
            # Not as strictly as our own wire: documents in the field have 64-bit bounds and control characters.
            return json.loads(text)
        except (ValueError, RecursionError) as error:
            raise DefinitionError("openapi: not JSON, or too deep") from error
    try:
        depth = 0
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if isinstance(event, yaml.AliasEvent) or depth > MAX_DEPTH:
                raise DefinitionError("openapi: aliases are not read, nor more than 64 levels")
        # Texts only, but for what decides shape: a date in an example must not become a date.
        return yaml.load(text, Loader=_Loader)  # noqa: S506  # a SafeLoader without dates
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise DefinitionError("openapi: neither JSON nor YAML") from error


class _Loader(yaml.SafeLoader):
    """YAML as JSON has it: no dates."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, expression) for tag, expression in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _measure(document: Any) -> None:
    pending, nodes = [(document, 0)], 0
    while pending:
        value, depth = pending.pop()
        nodes += 1
        if nodes > MAX_NODES or depth > MAX_DEPTH:
            raise DefinitionError("openapi: too many parts, or too deep")
        children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        pending += [(child, depth + 1) for child in children]


class Resolver:
    """Follows references inside one document, within one budget."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._left = MAX_RESOLVED

    def resolve(self, node: Any) -> Mapping[str, Any]:
        """The object that a node is or refers to; an empty one for anything else.

        Raises: BadReferenceError: outside the document, in a ring, or to nothing. DefinitionError: beyond the budget.
        """
        for _ in range(_MAX_CHAIN):
            self._left -= 1
            if self._left < 0:
                raise DefinitionError("openapi: its references expand to too much")
            if not isinstance(node, Mapping):
                return {}
            reference = node.get("$ref")
            if reference is None:
                return node
            node = self._at(str(reference))
        raise BadReferenceError("reference_in_a_ring")

    def _at(self, reference: str) -> Any:
        if not reference.startswith("#/"):
            raise BadReferenceError("reference_outside_the_document")
        here: Any = self._document
        for step in reference[2:].split("/"):
            name = step.replace("~1", "/").replace("~0", "~")
            if not isinstance(here, Mapping) or name not in here:
                raise BadReferenceError("reference_to_nothing")
            here = here[name]
        return here
