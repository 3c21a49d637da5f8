"""Reading the description of a certificate type: strict YAML, held to `types/definition.schema.json`."""

import json
from collections.abc import Hashable, Iterator
from functools import cache
from importlib import resources
from typing import Any, Final

import jsonschema_rs
import yaml

from catalog.yaml_loading import DataLoader, load_data
from certificates.claims import compile_schema
from certificates.errors import TypeDefinitionError

MAX_DEFINITION_CHARACTERS: Final = 64 * 1024


class _StrictLoader(DataLoader):
    """YAML without the two features that hide things: aliases (bombs) and repeated keys (the last would win)."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise TypeDefinitionError("", "alias")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if not all(isinstance(key, str) for key in keys):
            raise TypeDefinitionError("", "key_not_text")
        if len(set(keys)) != len(keys):
            raise TypeDefinitionError("", "repeated_key")
        return super().construct_mapping(node, deep=deep)


@cache
def _validator() -> jsonschema_rs.Draft202012Validator:
    text = resources.files("certificates").joinpath("types", "definition.schema.json").read_text(encoding="utf-8")
    return compile_schema(json.loads(text))


def read_definition(text: str) -> dict[str, Any]:
    """Give a description's content, of the right shape; whether it makes sense is for `loading.load_type`.

    Args:
        text: YAML, at most `MAX_DEFINITION_CHARACTERS`.

    Raises: TypeDefinitionError: not YAML, an alias, a repeated key, or not the shape of the schema.
    """
    definition = parse_definition(text)
    for where, reason in faults_of_shape(definition):
        raise TypeDefinitionError(where, reason)
    return dict(definition)


def parse_definition(text: str) -> Any:
    """Give what the YAML says, of any shape. Raises: TypeDefinitionError: not YAML, an alias, a repeated key."""
    if len(text) > MAX_DEFINITION_CHARACTERS:
        raise TypeDefinitionError("", "too_long")
    try:
        return load_data(text, _StrictLoader)
    except (yaml.YAMLError, ValueError, LookupError, AttributeError, RecursionError) as failure:
        # `!!bool x` is a KeyError of the parser, `!!timestamp x` an AttributeError.
        raise TypeDefinitionError("", "unreadable") from failure


def faults_of_shape(definition: Any) -> Iterator[tuple[str, str]]:
    """Each place at which the shape is another than the schema's, with the rule that is broken.

    Raises: TypeDefinitionError: the YAML holds what JSON does not have, such as a day.
    """
    try:
        for error in _validator().iter_errors(definition):
            yield "/".join(str(step) for step in error.instance_path), error.kind.name
    except (ValueError, RecursionError) as failure:
        raise TypeDefinitionError("", "unreadable") from failure
