"""The shape of a matter's declaration, as a JSON Schema: for editors that complete as one types, and for whoever got
several things wrong at once.

What is published keeps to it. What is stored is read by `catalog.matters.reading` alone.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache
from importlib import resources
from typing import Any, Final

import jsonschema_rs

from catalog.matters.findings import Finding, Level
from certificates.claims import compile_schema

_MOST: Final = 50
_SAID: Final = {
    "required": ("缺少 {0}", "{0} is missing"),
    "additionalProperties": ("不认识 {0}，请检查拼写", "{0} is no member of this: is it misspelt?"),
    "type": ("应为 {0}", "it is of type {0}"),
    "enum": ("只能是 {0}", "it is one of {0}"),
    "oneOf": ("type 与 interface 必须写且只写一个", "it names a type or an interface, and one alone"),
    "anyOf": ("写法都不符合", "it is in none of the forms that this may have"),
    "pattern": ("写法不符合规定", "it is not spelt as this has to be"),
    "format": ("应为日期，如 2026-01-31", "it is a day, as 2026-01-31"),
    "minItems": ("不能为空", "it may not be empty"),
    "maxItems": ("最多 {0} 项", "it has at most {0}"),
    "maxLength": ("最多 {0} 个字", "it has at most {0} characters"),
    "minimum": ("不能小于 {0}", "it is at least {0}"),
}
_KINDS: Final = {
    "object": "键值", "array": "列表", "string": "文字", "integer": "整数", "boolean": "true 或 false", "null": "空",
}  # fmt: skip
_OTHER: Final = ("不符合 {0} 的规定", "it does not keep to {0}")


@cache
def schema_text() -> str:
    """The JSON Schema (2020-12) of a matter, as it ships."""
    return resources.files("hub.registry.matters").joinpath("matter.schema.json").read_text(encoding="utf-8")


def misshapen(declared: Mapping[str, Any]) -> tuple[Finding, ...]:
    """Everything in which a declaration departs from the schema, each at its place; at most 50. Values are not told."""
    return tuple(finding for _, finding in zip(range(_MOST), _found(_plain(declared)), strict=False))


@cache
def _validator() -> jsonschema_rs.Draft202012Validator:
    return compile_schema(json.loads(schema_text()))


def _found(declared: Any) -> Iterator[Finding]:
    requirements = declared.get("requirements")
    for error in _validator().iter_errors(declared):
        path = list(error.instance_path)
        named = _named(error.kind.as_dict(), error.kind.name)
        zh, en = _SAID.get(error.kind.name, _OTHER)
        whose = _code_of(requirements, path[1]) if path[:1] == ["requirements"] and len(path) > 1 else ""
        pointer = "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)
        yield Finding(
            Level.ERROR,
            "shape",
            pointer,
            zh.format(" 或 ".join(_KINDS.get(each, each) for each in named)),
            en.format(" or ".join(named)),
            whose,
        )


def _named(detail: Mapping[str, Any], rule: str) -> list[str]:
    for member in ("property", "unexpected", "types", "options", "limit"):
        if member in detail:
            return [str(each) for each in detail[member]] if isinstance(detail[member], list) else [str(detail[member])]
    return [rule]


def _code_of(requirements: Any, place: Any) -> str:
    code = requirements[place].get("code") if isinstance(requirements[place], dict) else None
    return code if isinstance(code, str) else ""


def _plain(value: Any) -> Any:
    """As JSON has it: YAML reads days as days, and takes anything for a name."""
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, date) else value
