"""The common changes of a type as inputs beside its YAML: what was changed in an input is written into the text.

Each input travels with what it said when the page was made: only what somebody changed is written, so the text, edited
beside it, is never undone by an input that nobody touched.
"""

from collections.abc import Mapping
from typing import Any, Final

import yaml

from certificates.definitions.schema import parse_definition
from certificates.errors import TypeDefinitionError
from hub.web.console.forms import FieldError, Form

WAS: Final = "was."
PERIODS: Final = ("years", "months", "days")
FACES: Final = ("certificate", "card", "letter")
_PLAIN: Final[Mapping[str, tuple[str, ...]]] = {
    "name_zh": ("name", "zh"),
    "name_en": ("name", "en"),
    "legal_basis": ("legal_basis",),
    "face_template": ("face", "template"),
    "face_orientation": ("face", "orientation"),
    "face_accent": ("face", "accent"),
    "seal_shape": ("seal", "shape"),
    "seal_text": ("seal", "text"),
}
ADDED: Final = ("add_name", "add_zh", "add_en", "add_format", "add_disclosure", "add_required")


def inputs_of(text: str) -> dict[str, str]:
    """What stands in the inputs for a description; empty for one that cannot be read."""
    definition = _read(text)
    if definition is None:
        return {}
    found = {name: _text(definition, path) for name, path in _PLAIN.items()}
    found["two"] = "yes" if definition.get("maker_checker") is True else "no"
    kind, value = _validity(definition.get("validity"))
    found["validity_kind"], found["validity_value"] = kind, value
    for name, claim in _claims(definition).items():
        if isinstance(claim, Mapping):
            found[f"d.{name}"] = str(claim.get("disclosure", ""))
    return found


def written(text: str, given: Form) -> tuple[str, list[FieldError]]:
    """The text with every changed input written into it, and what could not be."""
    names = [name.removeprefix(WAS) for name in given.fields if name.startswith(WAS)]
    # An input that was not on the page says nothing; it must not be read as emptied.
    changed = {
        name: given.text(name)
        for name in names
        if name in given.fields and given.text(name) != given.text(f"{WAS}{name}")
    }
    if not changed and not given.text("add_name"):
        return text, []
    definition = _read(text)
    if definition is None:
        wrong = ("定义不是有效的 YAML，请先改正", "Mend the YAML first: the inputs are written into it")
        return text, [FieldError("definition", *wrong)]
    errors: list[FieldError] = []
    for name, value in changed.items():
        if name in _PLAIN:
            _put(definition, _PLAIN[name], value)
        elif name.startswith("d.") and isinstance(claim := _claims(definition).get(name[2:]), dict):
            claim["disclosure"] = value
    if "two" in changed:
        _put(definition, ("maker_checker",), changed["two"] == "yes" or "")
    if changed.keys() & {"validity_kind", "validity_value"}:
        _put_validity(definition, given, errors)
    if given.text("add_name"):
        _add(definition, given, errors)
    return (text, errors) if errors else (_dump(definition), [])


def _read(text: str) -> dict[str, Any] | None:
    try:
        found = parse_definition(text)
    except TypeDefinitionError:
        return None
    return found if isinstance(found, dict) else None


def _claims(definition: Mapping[str, Any]) -> dict[str, Any]:
    claims = definition.get("claims")
    return claims if isinstance(claims, dict) else {}


def _text(definition: Mapping[str, Any], path: tuple[str, ...]) -> str:
    value: Any = definition
    for step in path:
        value = value.get(step) if isinstance(value, Mapping) else None
    return "" if value is None else str(value)


def _validity(value: Any) -> tuple[str, str]:
    given = value if isinstance(value, Mapping) else {}
    return next(((kind, str(given[kind])) for kind in (*PERIODS, "claim") if kind in given), ("none", ""))


def _put(definition: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    """Set a member; an empty one goes, and the section with it when nothing is left of it."""
    *sections, last = path
    place = definition
    for section in sections:
        if not isinstance(place.get(section), dict):
            place[section] = {}
        place = place[section]
    if value == "":
        place.pop(last, None)
        if sections and not place:
            definition.pop(sections[0], None)
    else:
        place[last] = value


def _put_validity(definition: dict[str, Any], given: Form, errors: list[FieldError]) -> None:
    kind, value = given.text("validity_kind"), given.text("validity_value")
    if kind == "none":
        definition["validity"] = "none"
    elif kind in PERIODS and value.isascii() and value.isdigit():
        was = definition.get("validity")
        counted_from = {"from": was["from"]} if isinstance(was, Mapping) and "from" in was else {}
        definition["validity"] = {kind: int(value), **counted_from}
    elif kind == "claim" and value:
        definition["validity"] = {"claim": value}
    else:
        wrong = ("请填写数字；按字段定有效期时填写字段名", "Write a number; or, by a field, the field's name")
        errors.append(FieldError("validity_value", *wrong))


def _add(definition: dict[str, Any], given: Form, errors: list[FieldError]) -> None:
    name, zh, en = (given.text(item) for item in ("add_name", "add_zh", "add_en"))
    claims = _claims(definition)
    if name in claims:
        errors.append(FieldError("add_name", "已有这个字段", "There is such a field"))
    if not zh or not en:
        errors.append(FieldError("add_zh" if not zh else "add_en", "请填写标题", "Enter the title"))
    if errors:
        return
    claims[name] = {
        "title": {"zh": zh, "en": en},
        "format": given.text("add_format") or "text",
        "required": given.text("add_required") == "yes",
        "disclosure": given.text("add_disclosure") or "selective",
    }
    definition["claims"] = claims
    mapping = definition.get("mapping")
    if isinstance(mapping, dict) and isinstance(mapping.get("columns"), dict):
        # A required claim has exactly one column; its Chinese title is the likeliest name of one.
        mapping["columns"].setdefault(zh, name)


def _dump(definition: Mapping[str, Any]) -> str:
    return yaml.safe_dump(dict(definition), allow_unicode=True, sort_keys=False, default_flow_style=None, width=110)
