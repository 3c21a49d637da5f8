"""What each page of publishing makes of its form: the definition with that page's members, and what is wrong. Pure.

A definition may be half done at any time: pages keep what was typed and name what is missing.
"""

from collections.abc import Mapping
from typing import Any, Final

import yaml

from hub.web.console.forms import FieldError, Form
from hub.web.console.owner.shape import NAME, FieldRow, kind_of, proposed_echoes, with_fields

Taken = tuple[dict[str, Any], list[FieldError]]
_CODE: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_-")
_PLAIN: Final = ("from", "as", "codes", "optional")
"""Members of a rule that have an input of their own."""
MOST_ROWS: Final = 60
BLANK_PREDICATES: Final = 2
_NUMBERS: Final = ("at_least", "at_most")


def title(definition: dict[str, Any], given: Form) -> Taken:
    """Titles and code."""
    code = given.text("code") or definition.get("code", "")
    errors = [
        FieldError(name, *told)
        for name, told in (
            ("zh", ("请填写中文名称", "Enter the Chinese title")),
            ("en", ("请填写英文名称", "Enter the English title")),
        )
        if not given.text(name)
    ]
    if not 3 <= len(code) <= 64 or not _CODE.issuperset(code):
        errors.append(
            FieldError("code", "编码为 3 至 64 位小写字母、数字、_ 和 -", "A code takes 3 to 64 of a-z 0-9 _ -")
        )
    summary = {"zh": given.text("summary_zh") or given.text("zh"), "en": given.text("summary_en") or given.text("en")}
    return definition | {
        "code": code,
        "title": {"zh": given.text("zh"), "en": given.text("en")},
        "summary": summary,
    }, errors


def params(definition: dict[str, Any], given: Form) -> Taken:
    """Where the value of each parameter comes from."""
    errors, made = [], {}
    for name, before in definition.get("params", {}).items():
        zh, en, origin = (given.text(f"{name}.{part}") for part in ("zh", "en", "from"))
        item = {**before, "title": {"zh": zh, "en": en or zh}, "from": origin}
        item.pop("id_type", None)
        if origin == "party.id_number" and given.text(f"{name}.id_type"):
            item["id_type"] = given.text(f"{name}.id_type")
        if not zh:
            errors.append(FieldError(f"{name}.zh", f"请写明参数 {name} 是什么", f"Say what the parameter {name} is"))
        if not origin:
            errors.append(FieldError(f"{name}.from", f"请选择参数 {name} 从哪里来", f"Choose where {name} comes from"))
        made[name] = item
    return definition | {"params": made}, errors


def fields(content: Mapping[str, Any], given: Form) -> Taken:
    """Which columns become fields, by which names."""
    rows, errors = [], []
    seen: set[str] = set()
    for number in range(MOST_ROWS):
        place = f"f{number}"
        if f"{place}.column" not in given.fields:
            continue
        row = FieldRow(
            given.text(f"{place}.column"), given.checked(f"{place}.use"), given.text(f"{place}.name"),
            given.text(f"{place}.zh"), given.text(f"{place}.en") or given.text(f"{place}.name"),
            given.text(f"{place}.kind") or "text", given.checked(f"{place}.required"),
        )  # fmt: skip
        rows.append(row)
        if not row.use:
            continue
        if not NAME.fullmatch(row.name) or row.name in seen:
            errors.append(
                FieldError(
                    f"{place}.name",
                    f"{row.column}：字段名为小写字母、数字和 _，不得重复",
                    f"{row.column}: a name takes a-z 0-9 _ and stands once",
                )
            )
        if not row.zh:
            errors.append(
                FieldError(f"{place}.zh", f"{row.column}：请填写中文名称", f"{row.column}: enter the Chinese title")
            )
        seen.add(row.name)
    if not seen:
        errors.append(FieldError("", "请至少选择一个字段", "Choose at least one field"))
    return with_fields(content, rows), errors


def predicates(definition: dict[str, Any], given: Form) -> Taken:
    """Yes/no questions over fields."""
    stored = {name: item for name, item in definition.get("fields", {}).items() if "derived" not in item}
    errors, made = [], {}
    for number in range(MOST_ROWS):
        place = f"p{number}"
        name = given.text(f"{place}.name")
        if not name:
            continue
        test, text = given.text(f"{place}.test"), given.text(f"{place}.against")
        against: Any = [part.strip() for part in text.split(",")] if test == "in" else text
        if test in _NUMBERS and text.lstrip("-").isdigit():
            against = int(text)
        if not NAME.fullmatch(name) or name in stored or name in made:
            errors.append(
                FieldError(
                    f"{place}.name",
                    f"{name}：名称为小写字母、数字和 _，不得重复",
                    f"{name}: a name takes a-z 0-9 _ and stands once",
                )
            )
        if given.text(f"{place}.field") not in stored:
            errors.append(FieldError(f"{place}.field", f"{name}：请选择字段", f"{name}: choose a field"))
        titles = {"zh": given.text(f"{place}.zh") or name, "en": given.text(f"{place}.en") or name}
        derived = {"field": given.text(f"{place}.field"), "test": test}
        before = definition.get("fields", {}).get(name, {})
        kept = {"terms": before["terms"]} if "terms" in before else {}
        made[name] = {
            "title": titles,
            "derived": derived if test == "present" else derived | {"against": against},
            **kept,
        }
    return definition | {"fields": stored | made}, errors


def sharing(definition: dict[str, Any], given: Form) -> Taken:
    """Sharing terms of the interface, and of fields that differ."""
    errors: list[FieldError] = []
    terms = _terms(given, "terms", errors, required=True)
    made = {}
    for name, before in definition.get("fields", {}).items():
        field = {key: value for key, value in before.items() if key != "terms"}
        if given.text(f"{name}.sharing"):
            field["terms"] = _terms(given, name, errors, required=False)
        made[name] = field
    return definition | {"terms": terms, "fields": made}, errors


def _terms(given: Form, place: str, errors: list[FieldError], *, required: bool) -> dict[str, str]:
    found = {part: given.text(f"{place}.{part}") for part in ("sharing", "reason", "legal_basis", "conditions")}
    name = "" if required else f"{place}："
    en = "" if required else f"{place}: "
    if not found["sharing"]:
        errors.append(FieldError(f"{place}.sharing", "请选择共享属性", "Choose the sharing terms"))
    if found["sharing"] == "conditional" and not (found["reason"] or found["conditions"]):
        errors.append(
            FieldError(
                f"{place}.reason",
                f"{name}有条件共享须写明理由或条件",
                f"{en}conditional sharing needs a reason or conditions",
            )
        )
    if found["sharing"] == "not_shared":
        if not found["reason"]:
            errors.append(FieldError(f"{place}.reason", f"{name}不予共享须写明理由", f"{en}not sharing needs a reason"))
        if not found["legal_basis"]:
            errors.append(
                FieldError(
                    f"{place}.legal_basis", f"{name}不予共享须写明法律依据", f"{en}not sharing needs a legal basis"
                )
            )
    return {key: value for key, value in found.items() if value or key in {"sharing", "reason", "legal_basis"}}


def mapping(definition: dict[str, Any], given: Form) -> Taken:
    """How each field is made of the source's columns."""
    before = dict(definition.get("mapping", {}))
    errors, rules = [], {}
    for name, field in definition.get("fields", {}).items():
        if "derived" in field:
            continue
        rule: dict[str, Any] = {}
        more, error = _yaml(given, f"{name}.more")
        if error or not isinstance(more, Mapping):
            errors.append(
                FieldError(f"{name}.more", f"{name}：其他规则不是有效的 YAML", f"{name}: other rules are no valid YAML")
            )
        else:
            rule |= more
        if given.text(f"{name}.from"):
            rule["from"] = given.text(f"{name}.from")
        if "constant" not in rule:
            rule["as"] = given.text(f"{name}.as") or kind_of(field, {})
        if codes := _codes(given.raw(f"{name}.codes")):
            rule["codes"] = codes
        if given.checked(f"{name}.optional"):
            rule["optional"] = True
        if not {"from", "constant"} & rule.keys():
            errors.append(FieldError(f"{name}.from", f"{name}：请填写来源列", f"{name}: enter the source's column"))
        rules[name] = rule
    made: dict[str, Any] = before | {"version": before.get("version", 1), "fields": rules}
    made["absent"] = ["", *[part.strip() for part in given.text("absent").split(",") if part.strip()]]
    return definition | {"mapping": made}, errors


def rule_shown(rule: Any) -> dict[str, str]:
    """A rule as the inputs of its page."""
    members = rule if isinstance(rule, Mapping) else {"from": rule}
    column = members.get("from", "")
    more = {
        key: value
        for key, value in members.items()
        if key not in _PLAIN or (key == "from" and not isinstance(value, str))
    }
    return {
        "from": column if isinstance(column, str) else "",
        "as": members.get("as", ""),
        "codes": "\n".join(f"{code}={value}" for code, value in members.get("codes", {}).items()),
        "optional": "1" if members.get("optional") else "",
        "more": yaml.safe_dump(more, allow_unicode=True, sort_keys=False).strip() if more else "",
    }


def rules(definition: dict[str, Any], given: Form) -> Taken:
    """How the hub knows that an answer is the right one."""
    stored = {name for name, field in definition.get("fields", {}).items() if "derived" not in field}
    echoes = {
        given.text(f"echo.{param}"): param
        for param in definition.get("params", {})
        if given.text(f"echo.{param}") in stored
    }
    made = definition | {"echoes": echoes, "many": given.checked("many"), "complete": given.checked("complete")}
    labels = [name for name in given.all("labels") if name in definition.get("fields", {})]
    made = {**made, "labels": labels} if labels else {key: value for key, value in made.items() if key != "labels"}
    made.pop("identity_name", None)
    if given.text("identity_name") in stored:
        made["identity_name"] = given.text("identity_name")
    return made, []


def rules_proposed(definition: Mapping[str, Any]) -> dict[str, str]:
    """Parameter → field that should equal it: as declared, else as proposed."""
    echoes = definition["echoes"] if definition.get("echoes") or "many" in definition else proposed_echoes(definition)
    return {param: field for field, param in echoes.items()}


def catalogue(definition: dict[str, Any], given: Form) -> Taken:
    """Core metadata."""
    errors = []
    before = {
        key: value
        for key, value in definition.get("catalogue", {}).items()
        if key in {"corroboration", "related", "resource_code", "format", "method", "openness", "openness_conditions"}
    }
    told: dict[str, Any] = {name: given.text(name) for name in ("category", "contact", "sla") if given.text(name)}
    told["keywords"] = [
        part.strip() for part in given.text("keywords").replace("，", ",").replace("、", ",").split(",") if part.strip()
    ]
    made = definition | {"catalogue": before | told, "update_cycle": given.text("update_cycle") or "realtime"}
    for name in ("cache_seconds", "stale_seconds"):
        text = given.text(name) or "0"
        if text.isdigit():
            made[name] = int(text)
        else:
            errors.append(FieldError(name, "请填写整秒数", "Enter whole seconds"))
    if not given.text("contact"):
        errors.append(FieldError("contact", "请填写联系处室和电话", "Enter the office and telephone to ask"))
    return made, errors


def _codes(text: str) -> dict[str, str]:
    pairs = (line.replace("＝", "=").partition("=") for line in text.splitlines() if line.strip())
    return {code.strip(): value.strip() for code, _, value in pairs}


def _yaml(given: Form, name: str) -> tuple[Any, bool]:
    try:
        return yaml.safe_load(given.raw(name)) or {}, False
    except yaml.YAMLError:
        return {}, True
