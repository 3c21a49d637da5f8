"""From columns of a source to fields of an interface and back: what is proposed, and what a form's rows mean. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from hub.exchange.mapping_rules import As

_NAMED: Final[Mapping[str, str]] = {
    "企业名称": "name", "单位名称": "name", "姓名": "name", "统一社会信用代码": "uscc", "注册日期": "established_on",
    "成立日期": "established_on", "企业类型": "enterprise_type", "法人代表": "legal_representative",
    "法定代表人": "legal_representative", "注册资金": "registered_capital", "注册资本": "registered_capital",
    "经营范围": "business_scope", "注册地址": "address", "地址": "address", "住址": "address", "状态": "status",
    "身份证号": "id_number", "公民身份号码": "id_number", "出生日期": "born_on", "有效期至": "valid_until",
}  # fmt: skip
"""Columns whose field everybody names alike."""
NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_DECIMAL: Final = r"^-?[0-9]+(\.[0-9]+)?$"
_SCHEMAS: Final[Mapping[str, Mapping[str, Any]]] = {
    As.CODE: {"type": "string", "maxLength": 64},
    As.USCC: {"type": "string", "format": "uscc"},
    As.CITIZEN_ID: {"type": "string", "format": "citizen_id"},
    As.DATE: {"type": "string", "format": "date"},
    As.DATETIME: {"type": "string", "format": "date-time"},
    As.INTEGER: {"type": "integer"},
    As.DECIMAL: {"type": "string", "pattern": _DECIMAL},
    As.BOOLEAN: {"type": "boolean"},
    As.JSON: {"type": ["object", "array"]},
}
_LONGEST: Final = 4000
"""Characters of a text: one sample row says nothing of the longest, and a row too long is given to nobody."""


@dataclass(frozen=True, slots=True)
class FieldRow:
    """One row of the page of fields."""

    column: str
    use: bool
    name: str
    zh: str
    en: str
    kind: str
    required: bool
    shown: str = ""


def rows_of(content: Mapping[str, Any]) -> list[FieldRow]:
    """Fields that are there, then columns of the sample that none of them takes."""
    definition = content["definition"]
    rules = definition.get("mapping", {}).get("fields", {})
    columns = {item["name"]: item for item in content.get("columns", ())}
    rows = []
    for name, field in definition.get("fields", {}).items():
        if "derived" in field:
            continue
        column = column_of(rules.get(name, ""))
        row = FieldRow(
            column, "schema" in field, name, field["title"]["zh"], field["title"]["en"],
            kind_of(field, rules.get(name, "")), bool(field.get("required")), columns.get(column, {}).get("shown", ""),
        )  # fmt: skip
        rows.append(row)
    taken = {row.column for row in rows}
    fresh = not rows
    names = {row.name for row in rows}
    for column, item in columns.items():
        if column not in taken:
            name = _free(proposed_name(column), names)
            names.add(name)
            en = _english(name)
            zh = column if not column.isascii() else ""
            rows.append(
                FieldRow(column, fresh, name, zh, en, item["kind"], required=False, shown=item.get("shown", ""))
            )
    return rows


def _english(name: str) -> str:
    return "USCC" if name == "uscc" else name.replace("_", " ").capitalize()


def proposed_name(column: str) -> str:
    """A field's name for a column: the usual one, the column itself, or the first letters of its pinyin."""
    if column in _NAMED:
        return _NAMED[column]
    text = column.rpartition("/")[2]
    if not text.isascii():
        from pypinyin import Style, lazy_pinyin

        text = "".join(lazy_pinyin(text, style=Style.FIRST_LETTER))
    name = re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", text).lower()).strip("_")[:60]
    return name if NAME.fullmatch(name) else f"f_{name}"


def _free(name: str, taken: set[str]) -> str:
    number, free = 2, name
    while free in taken:
        free, number = f"{name}_{number}", number + 1
    return free


def column_of(rule: Any) -> str:
    """The one column of a rule; several stand in its own members."""
    found = rule.get("from", "") if isinstance(rule, Mapping) else rule
    return found if isinstance(found, str) else ""


def kind_of(field: Mapping[str, Any], rule: Any) -> str:
    """What the value of a field is, as the forms call it."""
    if isinstance(rule, Mapping) and "as" in rule:
        return str(rule["as"])
    schema = field.get("schema", {})
    for kind, known in _SCHEMAS.items():
        if kind not in {As.CODE, As.DECIMAL} and schema.items() >= known.items():
            return str(As(kind))
    return str(As.TEXT)


def schema_for(kind: str, longest: int = 0) -> dict[str, Any]:
    """The schema of a field of a kind."""
    if kind in _SCHEMAS:
        return dict(_SCHEMAS[kind])
    return {"type": "string", "maxLength": max(_LONGEST, 2 * longest)}


def with_fields(content: Mapping[str, Any], rows: Sequence[FieldRow]) -> dict[str, Any]:
    """The definition with exactly the used rows as fields; what a row does not tell stays as it was."""
    definition = dict(content["definition"])
    fields, mapping = definition.get("fields", {}), dict(definition.get("mapping", {"version": 1}))
    rules = mapping.get("fields", {})
    before = {column_of(rule): name for name, rule in rules.items()}
    longest = {item["name"]: item.get("longest", 0) for item in content.get("columns", ())}
    made, mapped = {}, {}
    for row in rows:
        if not row.use:
            continue
        old = row.name if row.name in fields else before.get(row.column, "")
        field, rule = dict(fields.get(old, {})), rules.get(old, row.column)
        if "schema" not in field or kind_of(field, rule) != row.kind:
            field["schema"] = schema_for(row.kind, longest.get(row.column, 0))
            rule = {**(rule if isinstance(rule, Mapping) else {"from": rule}), "as": row.kind}
        field["title"] = {"zh": row.zh, "en": row.en}
        field["required"] = row.required
        made[row.name] = field
        mapped[row.name] = rule if isinstance(rule, Mapping) else {"from": rule, "as": row.kind}
    derived = {name: item for name, item in fields.items() if "derived" in item and item["derived"]["field"] in made}
    definition["fields"] = made | derived
    definition["mapping"] = mapping | {"fields": mapped}
    definition["echoes"] = {name: param for name, param in definition.get("echoes", {}).items() if name in made}
    if "labels" in definition:
        definition["labels"] = [name for name in definition["labels"] if name in definition["fields"]]
    if definition.get("identity_name") not in made:
        definition.pop("identity_name", None)
    return definition


def with_params(definition: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """The definition with exactly these parameters; new ones as most interfaces have them."""
    before = definition.get("params", {})
    params = {name: before.get(name) or _param(name) for name in names}
    echoes = {field: param for field, param in definition.get("echoes", {}).items() if param in params}
    return {**definition, "params": params, "echoes": echoes}


def _param(name: str) -> dict[str, Any]:
    id_type = {"uscc": "001", "id_number": "111", "citizen_id": "111", "sfzh": "111"}.get(name.lower())
    title = {"zh": next((zh for zh, en in _NAMED.items() if en == name), name), "en": _english(name)}
    if id_type:
        return {"title": title, "from": "party.id_number", "id_type": id_type}
    return {"title": title, "from": "party.name" if name in {"name", "mc", "xm"} else "caller"}


def proposed_echoes(definition: Mapping[str, Any]) -> dict[str, str]:
    """Fields that should equal a parameter: those of its name, or of the kind of number that it is."""
    kinds = {"001": "uscc", "111": "citizen_id"}
    rules = definition.get("mapping", {}).get("fields", {})
    found = {}
    for param, item in definition.get("params", {}).items():
        wanted = kinds.get(item.get("id_type", ""))
        for name, field in definition.get("fields", {}).items():
            if "derived" in field or item.get("from") in {"caller", "party.name"}:
                continue
            if name == param or (wanted and kind_of(field, rules.get(name, "")) == wanted):
                found[name] = param
                break
    return found
