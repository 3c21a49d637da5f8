"""A form made of a kind's JSON Schema, and the declaration made of the form. Secrets are typed apart and never shown.

An input is named by its place: `connection.ssl.ca`. What the schema says with text, number or choice gets its own
input; tables and lists are written as YAML. A secret becomes the reference `secret:<place>` and a value kept apart.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from hub.web.console.forms import FieldError, Form

SECRET: Final = "secret:"  # noqa: S105  # the scheme of a reference
_LONG: Final = 1001
_ORDINARY: Final = frozenset(
    {"dialect", "host", "port", "database", "user", "password", "url", "auth", "folder", "sftp", "glob", "format"}
    | {"datasets", "wsdl_url", "address", "bucket", "prefix", "endpoint", "statement", "path", "method", "query"}
    | {"rows", "none_when", "key", "dataset", "operation", "body", "username", "token", "app_key", "app_secret"}
    | {"access_key", "secret_key", "key_id", "type", "name", "api"}
)
"""Members that most sources of some kind need; the others stand under "more"."""


@dataclass(frozen=True, slots=True)
class Input:
    """One input. `kind`: text, long, number, choice, flag, secret or yaml."""

    name: str
    path: tuple[str, ...]
    kind: str
    zh: str
    en: str
    required: bool
    ordinary: bool
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Given:
    """What a form says: the declaration, the secrets typed, and what could not be read."""

    declared: dict[str, Any]
    secrets: dict[str, str] = field(repr=False)
    errors: tuple[FieldError, ...] = ()


def inputs_of(schema: Mapping[str, Any], prefix: str) -> list[Input]:
    """The inputs of a schema: what most need first, then the others."""
    found = list(_inputs(schema, (), prefix, ordinary=True))
    return [item for item in found if item.ordinary] + [item for item in found if not item.ordinary]


def _inputs(
    schema: Mapping[str, Any],
    path: tuple[str, ...],
    prefix: str,
    *,
    ordinary: bool,
    group: tuple[str, str] = ("", ""),
    needed: bool = True,
) -> Iterator[Input]:
    required = set(schema.get("required", ()))
    for name, member in schema.get("properties", {}).items():
        if "const" in member or (not path and name == "source"):
            continue
        place = (*path, name)
        zh, en = member.get("title", name), member.get("title_en", member.get("title", name))
        usual = ordinary and (name in required or name in _ORDINARY)
        if member.get("type") == "object" and "properties" in member:
            asked = needed and name in required  # what a group needs is needed only where the group is
            yield from _inputs(member, place, prefix, ordinary=usual, group=(f"{zh}：", f"{en}: "), needed=asked)
            continue
        options = tuple(str(item) for item in member.get("enum", ()))
        yield Input(
            name=".".join((prefix, *place)),
            path=place,
            kind=_kind(member),
            zh=f"{group[0]}{zh}",
            en=f"{group[1]}{en}",
            required=name in required and needed,
            ordinary=usual,
            options=options,
        )


def _kind(member: Mapping[str, Any]) -> str:
    if str(member.get("pattern", "")).startswith("^secret:"):
        return "secret"
    if "enum" in member:
        return "choice"
    kinds = {"boolean": "flag", "integer": "number", "number": "number"}
    declared = member.get("type")
    if isinstance(declared, str) and declared in kinds:
        return kinds[declared]
    if declared == "string":
        is_long = member.get("maxLength", 0) >= _LONG or "PEM" in str(member.get("title", ""))
        return "long" if is_long else "text"
    return "yaml"


def shown(inputs: Sequence[Input], declared: Mapping[str, Any]) -> dict[str, str]:
    """What stands in the inputs for a declaration. A secret is told only as set or not."""
    found = {}
    for item in inputs:
        value: Any = declared
        for step in item.path:
            value = value.get(step) if isinstance(value, Mapping) else None
        found[item.name] = _text(item, value)
    return found


def _text(item: Input, value: Any) -> str:
    if value is None:
        return ""
    if item.kind == "flag":
        return "true" if value else "false"
    if item.kind == "yaml":
        return yaml.safe_dump(value, allow_unicode=True, sort_keys=False).removesuffix("...\n").rstrip()
    return str(value)


def read_form(inputs: Sequence[Input], given: Form, before: Mapping[str, Any]) -> Given:
    """The declaration that a form makes. A secret left empty stays as it was in `before`."""
    declared: dict[str, Any] = {}
    secrets: dict[str, str] = {}
    errors = []
    kept = shown([item for item in inputs if item.kind == "secret"], before)
    for item in inputs:
        if item.kind == "secret":
            value: Any = kept[item.name] or None
            if given.raw(item.name):
                name = "_".join(item.path)
                value, secrets[name] = f"{SECRET}{name}", given.raw(item.name)
        else:
            text = given.raw(item.name) if item.kind in {"long", "yaml"} else given.text(item.name)
            value, error = _value(item, text)
            errors += [error] if error else []
        if value is None and item.required:
            errors.append(FieldError(item.name, f"请填写{item.zh}", f"Enter: {item.en}"))
        if value is not None:
            _put(declared, item.path, value)
    return Given(declared, secrets, tuple({error.field: error for error in errors}.values()))


def _value(item: Input, text: str) -> tuple[Any, FieldError | None]:
    if not text.strip():
        return None, None
    if item.kind == "number":
        try:
            number = float(text)
        except ValueError:
            return None, FieldError(item.name, f"{item.zh}须为数字", f"{item.en} must be a number")
        return (int(number) if number.is_integer() else number), None
    if item.kind == "flag":
        return text == "true", None
    if item.kind == "yaml":
        try:
            return yaml.safe_load(text), None
        except yaml.YAMLError:
            return None, FieldError(item.name, f"{item.zh}不是有效的 YAML", f"{item.en} is not valid YAML")
    return text, None


def _put(declared: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for step in path[:-1]:
        declared = declared.setdefault(step, {})
    declared[path[-1]] = value
