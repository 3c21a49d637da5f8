"""Claims of a certificate: their formats, their schemas, and how a broken rule is reported without its value."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final, NoReturn

import jsonschema_rs

from catalog import identifiers
from catalog.errors import IdentifierError

RESERVED_CLAIMS: Final = frozenset(
    {"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "vct", "cnf", "status", "certificate", "purpose"}
)
"""Names the signed forms use themselves."""


class Disclosure(StrEnum):
    """How a claim travels: in clear, as a selective disclosure, or not at all (it stays in the hub)."""

    ALWAYS = "always"
    SELECTIVE = "selective"
    NEVER = "never"


class Format(StrEnum):
    """What a claim's text means; fixes its JSON type and how sources' spellings are repaired."""

    TEXT = "text"
    DATE = "date"
    USCC = "uscc"
    CITIZEN_ID = "citizen_id"
    INTEGER = "integer"
    DECIMAL = "decimal"
    CODE = "code"


@dataclass(frozen=True, slots=True)
class Bilingual:
    """A title in Chinese and English."""

    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Claim:
    """One field of a certificate. `schema` is its complete JSON Schema: a string, or an integer within ±(2**53-1)."""

    name: str
    title: Bilingual
    format: Format
    schema: Mapping[str, Any]
    required: bool
    disclosure: Disclosure


@dataclass(frozen=True, slots=True)
class ClaimProblem:
    """A claim that breaks a rule: a JSON Schema keyword, or the reason of an identifier. Never the value."""

    claim: str
    rule: str


UNNAMED_CLAIM: Final = "?"
"""Stands for a claim the type does not know: its name came with the data and may itself be data."""

_LARGEST_INTEGER = 2**53 - 1
# Control characters would make a payload that no strict reader takes back.
_NO_CONTROLS = r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]*$"

_BASE: Final[Mapping[Format, Mapping[str, Any]]] = MappingProxyType(
    {
        Format.TEXT: {"type": "string", "minLength": 1, "maxLength": 4000, "allOf": [{"pattern": _NO_CONTROLS}]},
        Format.DATE: {"type": "string", "format": "date"},
        Format.USCC: {"type": "string", "format": "uscc"},
        Format.CITIZEN_ID: {"type": "string", "format": "citizen_id"},
        Format.INTEGER: {"type": "integer", "minimum": -_LARGEST_INTEGER, "maximum": _LARGEST_INTEGER},
        Format.DECIMAL: {"type": "string", "pattern": r"^-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,6})?$"},
        Format.CODE: {"type": "string", "pattern": r"^[0-9A-Za-z][0-9A-Za-z._/-]{0,63}$"},
    }
)


_STRICTER: Final[Mapping[str, Callable[[int, int], int]]] = MappingProxyType(
    {"minLength": max, "maxLength": min, "minimum": max, "maximum": min}
)


def claim_schema(claim_format: Format, fragment: Mapping[str, Any]) -> Mapping[str, Any]:
    """Complete a type's own restrictions with what the format demands anyway; a type narrows it and never widens it."""
    base = _BASE[claim_format]
    schema = {**base, **fragment}
    for keyword, stricter in _STRICTER.items():
        if keyword in base and keyword in fragment:
            schema[keyword] = stricter(base[keyword], fragment[keyword])
    if "pattern" in base and "pattern" in fragment:
        schema["allOf"] = [{"pattern": base["pattern"]}]
    return MappingProxyType(schema)


_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _is_date(text: str) -> bool:
    # JSON Schema's own "date" takes the year 0000, which no calendar here has.
    try:
        return _ISO_DATE.fullmatch(text) is not None and bool(date.fromisoformat(text))
    except ValueError:
        return False


def _identifier_reason(id_type: str, text: str) -> str | None:
    try:
        identifiers.check(id_type, text)
    except IdentifierError as error:
        return error.reason
    return None


def _refuse_reference(uri: str) -> NoReturn:
    raise ValueError(f"schemas are complete in themselves; not fetching {uri}")


def compile_schema(schema: dict[str, Any]) -> jsonschema_rs.Draft202012Validator:
    """Compile a JSON Schema the way the hub needs it: formats checked, values masked, nothing fetched.

    Adds the formats `uscc` and `citizen_id`, check character included.
    """
    return jsonschema_rs.Draft202012Validator(
        schema,
        validate_formats=True,
        formats={
            "date": _is_date,
            "uscc": lambda text: _identifier_reason(identifiers.USCC, text) is None,
            "citizen_id": lambda text: _identifier_reason(identifiers.CITIZEN_ID, text) is None,
        },
        mask="***",
        retriever=_refuse_reference,
    )


_IDENTIFIER_TYPES: Final = MappingProxyType({"uscc": identifiers.USCC, "citizen_id": identifiers.CITIZEN_ID})


def describe(error: jsonschema_rs.ValidationError, record: Mapping[str, Any]) -> list[ClaimProblem]:
    """Turn one schema error on a flat record into problems; identifiers and dates give their own reason."""
    rule = error.kind.name
    details = error.kind.as_dict()
    if not error.instance_path:
        if rule == "required":
            return [ClaimProblem(str(details["property"]), rule)]
        return [ClaimProblem(UNNAMED_CLAIM, rule) for _ in details.get("unexpected", [None])]
    name = str(error.instance_path[0])
    if rule == "format":
        rule = str(details["format"])
        if (id_type := _IDENTIFIER_TYPES.get(rule)) is not None:
            rule = _identifier_reason(id_type, record[name]) or rule
    return [ClaimProblem(name, rule)]


def distinct(problems: Iterable[ClaimProblem]) -> list[ClaimProblem]:
    """Each problem once, in order: two patterns may object to one value. Unnamed claims stay as many as they are."""
    seen: set[ClaimProblem] = set()
    kept = []
    for problem in problems:
        if problem.claim == UNNAMED_CLAIM or problem not in seen:
            kept.append(problem)
        seen.add(problem)
    return kept


def satisfiable(schema: Mapping[str, Any]) -> bool:
    """Whether the bounds leave room, and every listed value is itself allowed. Patterns are taken at their word."""
    for low, high in (("minLength", "maxLength"), ("minimum", "maximum")):
        if low in schema and high in schema and schema[low] > schema[high]:
            return False
    if "enum" not in schema:
        return True
    validator = compile_schema(dict(schema))
    return all(validator.is_valid(value) for value in schema["enum"])
