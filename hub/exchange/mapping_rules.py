"""Reading a declared mapping: which column becomes which field, by which conversion. What is odd is refused here.

version: 2
absent: ["", "N/A"]
fields:
  name: 企业名称
  established_on: {from: /base/regDate, as: date, dates: [iso, chinese]}
  status: {from: ZT, codes: {"1": 存续, "2": 注销}}
  capital: {from: 注册资金, as: decimal, units: {"(万元人民币)": "10000"}}
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any, Final

import jsonschema_rs

from catalog.errors import DefinitionError
from catalog.interfaces import Interface
from certificates.claims import compile_schema
from hub.collection.reading.conversions import DateSpelling

ALL_SPELLINGS: Final = frozenset(DateSpelling)
_ABSENT: Final = ("",)


class As(StrEnum):
    """What a field's value is; fixes how spellings are repaired."""

    TEXT = "text"
    CODE = "code"
    DATE = "date"
    DATETIME = "datetime"
    INTEGER = "integer"
    DECIMAL = "decimal"
    BOOLEAN = "boolean"
    USCC = "uscc"
    CITIZEN_ID = "citizen_id"
    JSON = "json"
    """Lists and objects as the source wrote them; the field's schema alone checks them."""


@dataclass(frozen=True, slots=True)
class FieldRule:
    """How one field is made. `columns` are names, or JSON Pointers where they begin with a slash.

    `absent` values are compared after trimming. Without `optional` a row that lacks the column is faulty: the source
    has changed. `factor` and `units` multiply exactly. `constant` needs no column.
    """

    field: str
    columns: tuple[str, ...]
    kind: As
    trim: bool
    absent: frozenset[str]
    optional: bool
    dates: frozenset[DateSpelling]
    epoch: str | None
    zone: str | None
    codes: Mapping[str, str | int | bool] | None
    factor: Decimal | None
    units: Mapping[str, Decimal]
    join: str | None
    split: tuple[str, int] | None
    constant: str | int | bool | None

    @property
    def repairs(self) -> bool:
        """Whether a value that comes out otherwise than it went in was misspelt, rather than declared to change."""
        changes = self.codes or self.factor or self.units or self.split or self.epoch or self.constant is not None
        return not changes and self.kind not in {As.DATETIME, As.BOOLEAN, As.JSON}

    @property
    def value_kind(self) -> As:
        """What stands in the field in the end: a table of codes and a constant speak for themselves."""
        if self.codes is None and self.constant is None:
            return self.kind
        results = [self.constant] if self.codes is None else list(self.codes.values())
        if all(isinstance(item, bool) for item in results):
            return As.BOOLEAN
        return As.INTEGER if all(type(item) is int for item in results) else As.TEXT


def read_rules(interface: Interface) -> tuple[FieldRule, ...]:
    """The rules of an interface's mapping, in the order of its fields.

    Raises: DefinitionError naming the place: `mapping/fields/<field>/<part>`.
    """
    declared = _checked(interface.mapping)
    stored = {name: field for name, field in interface.fields.items() if field.derived is None}
    for name in declared["fields"]:
        if name not in stored:
            raise DefinitionError(f"interface: mapping/fields/{name} is no field that has a value")
    for name, field in stored.items():
        if field.required and name not in declared["fields"]:
            raise DefinitionError(f"interface: mapping/fields/{name} is missing, and the field is required")
    absent = declared.get("absent", _ABSENT)
    return tuple(
        _rule(name, declared["fields"][name], absent, field.schema)
        for name, field in stored.items()
        if name in declared["fields"]
    )


def _checked(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """The mapping as plain JSON, held against its schema. Numbers that YAML read as keys of a table become text."""
    try:
        declared: dict[str, Any] = _plain(mapping)
        error = next(_validator().iter_errors(declared), None)
    except (TypeError, ValueError, RecursionError):
        raise DefinitionError("interface: mapping is not plain JSON") from None
    if error is not None:
        place = "/".join(["mapping", *(str(step) for step in error.instance_path)])
        raise DefinitionError(f"interface: {place}: {_fault(error, declared)}")
    return declared


def _fault(error: jsonschema_rs.ValidationError, declared: dict[str, Any]) -> str:
    """Which rule is broken. A field is a column or a rule, so the reason lies in the rule it tried to be."""
    path = list(error.instance_path)
    if error.kind.name == "anyOf" and len(path) == 2 and isinstance(declared["fields"][path[1]], dict):
        inner = next(_rule_validator().iter_errors(declared["fields"][path[1]]), None)
        if inner is not None:
            steps = "/".join(str(step) for step in inner.instance_path)
            unknown = inner.kind.as_dict().get("unexpected", ())
            return " ".join(filter(None, [steps, inner.kind.name, *map(str, unknown)]))
    return error.kind.name


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        if any(isinstance(key, bool) or not isinstance(key, str | int) for key in value):
            raise DefinitionError("interface: mapping: write the keys of tables in quotes (YAML reads no as false)")
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _rule(name: str, declared: str | dict[str, Any], absent: Any, schema: Mapping[str, Any]) -> FieldRule:
    rule: dict[str, Any] = {"from": declared} if isinstance(declared, str) else declared
    where = f"interface: mapping/fields/{name}"
    columns = rule.get("from", ())
    units = rule.get("units", {})
    split = rule.get("split")
    read = FieldRule(
        field=name,
        columns=(columns,) if isinstance(columns, str) else tuple(columns),
        kind=As(rule["as"]) if "as" in rule else _kind_of(schema, rule, where),
        trim=rule.get("trim", True),
        absent=frozenset(rule.get("absent", absent)),
        optional=rule.get("optional", False),
        dates=frozenset(DateSpelling(item) for item in rule["dates"]) if "dates" in rule else ALL_SPELLINGS,
        epoch=rule.get("epoch"),
        zone=rule.get("zone"),
        codes=MappingProxyType(rule["codes"]) if "codes" in rule else None,
        factor=Decimal(rule["factor"]) if "factor" in rule else None,
        units=MappingProxyType({unit: Decimal(factor) for unit, factor in units.items()}),
        join=rule.get("join"),
        split=(split["by"], split["take"]) if split else None,
        constant=rule.get("constant"),
    )
    _check(read, rule, where)
    return read


_BELONGS: Final[Mapping[str, frozenset[As]]] = MappingProxyType(
    {
        "dates": frozenset({As.DATE}),
        "epoch": frozenset({As.DATE, As.DATETIME}),
        "zone": frozenset({As.DATETIME}),
        "factor": frozenset({As.INTEGER, As.DECIMAL}),
        "units": frozenset({As.INTEGER, As.DECIMAL}),
        "codes": frozenset({As.TEXT, As.CODE, As.INTEGER, As.BOOLEAN}),
        "join": frozenset({As.TEXT, As.CODE}),
    }
)


def _check(rule: FieldRule, declared: Mapping[str, Any], where: str) -> None:
    if rule.constant is not None:
        if set(declared) != {"constant"}:
            raise DefinitionError(f"{where}: a constant takes nothing else")
        return
    if not rule.columns:
        raise DefinitionError(f"{where}/from is missing")
    for column in rule.columns:
        if column != column.strip() or column == "/":
            raise DefinitionError(f"{where}/from: a column name has no spaces around it")
        if column.startswith("/") and "~" in column.replace("~0", "").replace("~1", ""):
            raise DefinitionError(f"{where}/from: not a JSON Pointer (RFC 6901)")
    if (len(rule.columns) > 1) != (rule.join is not None):
        raise DefinitionError(f"{where}/join belongs to a list of columns")
    for part, kinds in _BELONGS.items():
        if part in declared and rule.kind not in kinds:
            raise DefinitionError(f"{where}/{part} does not go with as: {rule.kind.value}")
    if rule.kind is As.JSON and (rule.split or "trim" in declared):
        raise DefinitionError(f"{where}: as: json takes a value as it is")
    if rule.epoch and ("dates" in declared or "zone" in declared):
        raise DefinitionError(f"{where}/epoch leaves no room for dates or zone")


_FORMATS: Final[Mapping[str, As]] = MappingProxyType(
    {"date": As.DATE, "date-time": As.DATETIME, "uscc": As.USCC, "citizen_id": As.CITIZEN_ID}
)
_TYPES: Final[Mapping[str, As]] = MappingProxyType(
    {"string": As.TEXT, "integer": As.INTEGER, "boolean": As.BOOLEAN, "array": As.JSON, "object": As.JSON}
)


def _kind_of(schema: Mapping[str, Any], rule: Mapping[str, Any], where: str) -> As:
    """What a field is when its mapping does not say: what its schema says."""
    if "codes" in rule or "join" in rule or "constant" in rule:
        return As.TEXT
    declared = schema.get("type", "string")
    if declared == "string":
        return _FORMATS.get(str(schema.get("format", "")), As.TEXT)
    if not isinstance(declared, str) or declared not in _TYPES:
        raise DefinitionError(f"{where}: say what it is with as; decimals are texts (a JSON number loses digits)")
    return _TYPES[declared]


@cache
def mapping_schema() -> Mapping[str, Any]:
    """The JSON Schema of a mapping."""
    text = resources.files("hub.exchange").joinpath("mapping.schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return MappingProxyType(schema)


@cache
def _validator() -> jsonschema_rs.Draft202012Validator:
    return compile_schema(dict(mapping_schema()))


@cache
def _rule_validator() -> jsonschema_rs.Draft202012Validator:
    schema = mapping_schema()
    return compile_schema({"$ref": "#/$defs/rule", "$defs": schema["$defs"]})
