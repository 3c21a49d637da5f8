"""Reading connections, operations and parameters: what every kind refuses alike, always with the place of the fault."""

import re
from collections.abc import Mapping
from typing import Any, Final

import jsonschema_rs

from adapters.errors import DefinitionFaultError
from adapters.port import SECRET_PREFIX, Secrets, Value

_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_KIND: Final = jsonschema_rs.ValidationErrorKind


def check_definition(schema: Mapping[str, Any], definition: Mapping[str, Any]) -> None:
    """Refuse what a kind's schema does not allow, unknown members first of all.

    `schema` refers to no other document. A validator is built each time: definitions are read when a source opens.

    Raises: DefinitionFaultError: `rule` is `unknown`, `missing` or the keyword that failed; no value is told.
    """
    for error in jsonschema_rs.validator_for(dict(schema)).iter_errors(dict(definition)):
        path = [str(step) for step in error.instance_path]
        kind: Any = error.kind
        if isinstance(kind, _KIND.AdditionalProperties):
            raise DefinitionFaultError(_pointer(*path, min(kind.unexpected)), "unknown")
        if isinstance(kind, _KIND.Required):
            raise DefinitionFaultError(_pointer(*path, str(kind.property)), "missing")
        raise DefinitionFaultError(_pointer(*path), str(error.schema_path[-1]))


def check_params(declared: frozenset[str], given: Mapping[str, Value]) -> None:
    """Exactly the declared parameters, of text that can be sent.

    Raises: DefinitionFaultError(`/params/<name>`, `missing`, `unknown` or `characters`: a lone surrogate).
    """
    for name in sorted(declared.difference(given)):
        raise DefinitionFaultError(_pointer("params", name), "missing")
    for name in sorted(set(given).difference(declared)):
        raise DefinitionFaultError(_pointer("params", name), "unknown")
    for name, value in given.items():
        if isinstance(value, str) and _SURROGATE.search(value):
            raise DefinitionFaultError(_pointer("params", name), "characters")


def whole_number(params: Mapping[str, Value], name: str, *, least: int) -> int:
    """A parameter that counts. Raises: DefinitionFaultError(`/params/<name>`, `number`)."""
    value = params[name]
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise DefinitionFaultError(_pointer("params", name), "number")
    return value


def secret_name(reference: str, pointer: str) -> str:
    """NAME of `secret:NAME`. Raises: DefinitionFaultError(`pointer`, "secret_reference"): a secret in plain text."""
    name = reference.removeprefix(SECRET_PREFIX)
    if not name or name == reference:
        raise DefinitionFaultError(pointer, "secret_reference")
    return name


def resolved(secrets: Secrets, value: str) -> str:
    """A member that may be a reference or plain: the secret's value, or the text itself."""
    return secrets.secret(value.removeprefix(SECRET_PREFIX)) if value.startswith(SECRET_PREFIX) else value


def _pointer(*steps: str) -> str:
    return "".join(f"/{step.replace('~', '~0').replace('/', '~1')}" for step in steps)
